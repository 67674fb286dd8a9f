"""A visit to the pages that remembers what it asked for and what went wrong."""

from dataclasses import dataclass, field

from playwright.sync_api import Page, expect

from tests.console.conftest import PASSWORD, Running

SETTLED = """
() => new Promise((settled) => {
  let timer;
  const quiet = () => { clearTimeout(timer); timer = setTimeout(done, 250); };
  const watching = new MutationObserver(quiet);
  const done = () => { watching.disconnect(); document.fonts.ready.then(settled); };
  watching.observe(document, { subtree: true, childList: true, attributes: true });
  setTimeout(done, 2500);
  quiet();
})
"""


def settle(page: Page) -> None:
    """Wait until the page has been still for a moment, or never is."""
    page.evaluate(SETTLED)


def sign_in(page: Page, address: str, name: str, language: str = "zh-CN") -> None:
    """Fill in the form of the login and send it."""
    page.goto(f"{address}/login?lang={language}")
    page.fill("[name=name]", name)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")


@dataclass
class Visit:
    """A page and everything it did behind the scenes."""

    page: Page
    running: Running
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console",
            lambda message: self.errors.append(message.text) if message.type == "error" else None,
        )

    def sign_in(self, name: str = "operator", language: str = "zh-CN") -> None:
        sign_in(self.page, self.running.address, name, language)
        expect(self.page.locator(".queue .card").first).to_be_attached()
