"""Every page, in both languages, light and dark, without a violation of axe-core's rules.

Pages are found in the menu and in the modules of `console.pages`: a new one is looked at without
a change here, unless it needs an example for its path.
"""

import importlib
import os
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, Page

import console.pages
from console.pages.common import MENU
from console.texts import LANGUAGES
from tests.console.browsing import settle
from tests.console.conftest import PASSWORD, Running
from tests.services import ServiceMissing
from tests.services.axe import axe_script

EXAMPLES = {
    "/segments/{segment}": "/segments/XH07N",
    "/reports/{kind}/{day}": "/reports/day/2026-03-01",
    "/reports/show": "/reports/day/2026-03-01",  # a form's answer: it leads there
    "/sites/{site}/dossier": "/sites/SITE-SPOIL-1/dossier",
}
"""What to look at of a page that is about one thing."""
# The wall's views take turns: each is looked at.
VIEWS_OF_THE_WALL = tuple(f"/wall?view={view}" for view in ("street", "worst", "crews", "ahead"))
NO_PAGES = {"/wall/pulse", "/texts/{language}.json", "/crew-worker.js"}
THEMES = ("light", "dark")

LOOK = """
async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations.map((one) => ({
    rule: one.id, impact: one.impact, help: one.help,
    nodes: one.nodes.map((node) => `${node.target.join(" ")} :: ${node.failureSummary}`),
  }));
}
"""


def routes_of_pages() -> set[str]:
    """Paths of everything that `console.pages` serves by GET."""
    paths = set()
    for module in pkgutil.iter_modules(console.pages.__path__):
        router = getattr(importlib.import_module(f"console.pages.{module.name}"), "router", None)
        if isinstance(router, APIRouter):
            paths |= {
                route.path for route in router.routes
                if isinstance(route, APIRoute) and "GET" in route.methods
            }  # fmt: skip
    return paths


PAGES = sorted(
    {EXAMPLES.get(path, path) for path in routes_of_pages() - NO_PAGES} | {*VIEWS_OF_THE_WALL}
)
CREW_PAGES = {door.path for door in MENU if door.roles == {"crew"}}


def test_every_page_can_be_looked_at() -> None:
    """Each page of the menu is among those that are looked at, and each path that names a thing has
    an example."""
    assert {door.path for door in MENU} <= set(PAGES)
    assert not [path for path in PAGES if "{" in path]


@pytest.fixture(scope="module")
def engine() -> str:
    """axe-core's script."""
    try:
        return axe_script().read_text("utf-8")
    except ServiceMissing as missing:
        if os.environ.get("ROADDUST_TESTS_COMPLETE") == "1":
            raise
        pytest.skip(f"service missing: {missing}")


Visitor = Callable[[str, str, str], Page]


@pytest.fixture(scope="module")
def visitor(browser: Browser, still_console: Running) -> Iterator[Visitor]:
    """A page for somebody, in a language and a theme; each signs in once."""
    with still_console.as_("boss") as boss:
        crew = boss.get("/api/v1/crews").json()[0]["id"]
        boss.patch("/api/v1/users/driver", json={"crew": crew})
        boss.post("/api/v1/tokens", json={"name": "a program", "scopes": ["read", "act"]})
        boss.post("/api/v1/users", json={"name": "li.na", "role": "viewer"})
    kept: dict[tuple[str, str, str], Page] = {}

    def page(name: str, language: str, theme: str) -> Page:
        if (name, language, theme) not in kept:
            context = browser.new_context(
                viewport={"width": 1366, "height": 768},
                color_scheme=theme,  # type: ignore[arg-type]
                reduced_motion="reduce",
            )
            fresh = context.new_page()
            fresh.goto(f"{still_console.address}/login?lang={language}")
            if name:
                fresh.fill("[name=name]", name)
                fresh.fill("[name=password]", PASSWORD)
                fresh.press("[name=password]", "Enter")
                fresh.wait_for_url(lambda url: not url.endswith("/login"))
            kept[name, language, theme] = fresh
        return kept[name, language, theme]

    yield page
    for one in kept.values():
        one.context.close()


def violations(page: Page, engine: str) -> list[Any]:
    settle(page)
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(engine)
    found: list[Any] = page.evaluate(LOOK)
    return found


def told(found: list[Any]) -> str:
    return "\n".join(
        f"{one['impact']} {one['rule']}: {one['help']}\n  " + "\n  ".join(one["nodes"][:6])
        for one in found
    )


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
def test_page(
    visitor: Visitor,
    engine: str,
    still_console: Running,
    path: str,
    language: str,
    theme: str,
) -> None:
    """No violation, by whatever rule."""
    page = visitor("driver" if path in CREW_PAGES else "boss", language, theme)
    answer = page.goto(f"{still_console.address}{path}", wait_until="load")
    assert answer is not None
    assert answer.status == 200, f"{path}: {answer.status}"
    assert page.url == f"{still_console.address}{path}"
    page.wait_for_selector("h1", state="attached")
    assert page.evaluate("() => document.documentElement.lang") in (language, "en")
    found = violations(page, engine)
    assert not found, told(found)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_login(
    visitor: Visitor, engine: str, still_console: Running, language: str, theme: str
) -> None:
    """The login, also when the password was wrong."""
    page = visitor("", language, theme)
    page.goto(f"{still_console.address}/login?lang={language}")
    assert not (found := violations(page, engine)), told(found)
    page.fill("[name=name]", "nobody")
    page.fill("[name=password]", "wrong")
    page.press("[name=password]", "Enter")
    page.wait_for_selector("[role=alert]")
    assert not (found := violations(page, engine)), told(found)


@dataclass(frozen=True)
class Opening:
    """What somebody does on a page, one press after the other, and what each must bring."""

    path: str
    steps: Sequence[tuple[str, str]]
    user: str = "boss"


OPENINGS = {
    "an alarm, its shelving, and the reason of its order": Opening(
        "/",
        [
            ("[data-episode=E-20260302-0149-XH07N-inc60] .face", ".story .log li"),
            (".story .actions [aria-expanded]", ".story .choices"),
            (".queue button.chip.order", ".whydrawer .orderwhy"),
            (".whydrawer .close", "body:not(:has(.whydrawer .orderwhy))"),
            (".queue .qtools button:last-child", ".keyhelp"),
        ],
    ),
    "a segment, the layers, the stations' health and the past": Opening(
        "/",
        [
            (".cards .face", ".detail canvas"),
            (".detail .close", "body:not(:has(.detail))"),
            (".tools .tool:nth-child(4)", ".panel.layers"),
            (".tools .tool:nth-child(5)", ".panel.health tbody tr"),
            (".panel.health .close", "body:not(:has(.panel.health))"),
            (".replay .opener", ".replay.open .track"),
        ],
    ),
    "an order on the board, a decision against it, and the table": Opening(
        "/board",
        [
            ("[data-order=O-1005].work", ".pane .acts"),
            (".pane .acts button:nth-child(3)", ".pane.decision"),
            (".pane.decision .close", "body:not(:has(.decision))"),
            (".boardtools .primary", ".pane form select"),
            (".pane.decision .close", "body:not(:has(.decision))"),
            (".gantt .who", ".pane dl"),
            (".boardtools > button", ".boardtable tbody tr"),
        ],
    ),
    "why an order, beside the segment's page": Opening(
        "/segments/XH05S", [("main table button", ".whydrawer .orderwhy")]
    ),
    "a week of alarms": Opening("/alarms", [(".spans button:nth-child(2)", ".tile")]),
    "a crew's trouble, its other orders and its settings": Opening(
        "/crew",
        [(".trouble", ".sheet"), (".sheet .back", "body:not(:has(.sheet))"), (".fold", "main")],
        user="driver",
    ),
    "a new user": Opening("/people#users", [(".panehead .primary", "dialog[open]")]),
    "a user": Opening("/people#users", [(".list tbody tr button", "dialog[open]")]),
    "a new token": Opening("/people#tokens", [(".panehead .primary", "dialog[open]")]),
    "what cannot be undone": Opening("/people#tokens", [(".list td:last-child button", ".sure")]),
    "the record": Opening("/people#audit", [("#tab-audit", ".list tbody tr")]),
    "a language that is kept": Opening("/me", [("#theme", ".list tbody tr"), ("#theme", "main")]),
}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", OPENINGS)
def test_what_opens(
    visitor: Visitor,
    engine: str,
    still_console: Running,
    name: str,
    language: str,
    theme: str,
) -> None:
    """Each drawer, dialog and form of the pages, when it is open."""
    opening = OPENINGS[name]
    page = visitor(opening.user, language, theme)
    page.goto("about:blank")
    page.goto(f"{still_console.address}{opening.path}")
    for press, brings in opening.steps:
        page.locator(press).first.click()
        page.locator(brings).first.wait_for(state="attached")
        assert not (found := violations(page, engine)), f"{press}: {told(found)}"
