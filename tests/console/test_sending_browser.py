"""From an alarm to somebody who is sent, in two clicks."""

from playwright.sync_api import Browser, expect

from store.database import connect
from tests.console.browsing import Visit
from tests.console.conftest import Running

WORST = "[data-episode=E-20260302-0149-XH07N-inc60]"


def test_an_alarm_leads_to_a_decision_half_made(browser: Browser, console: Running) -> None:
    """The board with the place, the work and the reason, then keep; loaded anew nothing is asked
    again."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    visit = Visit(context.new_page(), console)
    visit.watch()
    visit.sign_in(language="en")
    page = visit.page
    page.locator(f"{WORST} .face").click()
    page.get_by_role("link", name="Send a crew").click()
    expect(page.locator(".decision h2")).to_contain_text("Xinghai Avenue 07 northbound")
    page.locator(".decision").get_by_role("button", name="Keep").click()
    expect(page.locator("ul.standing li")).to_contain_text("An alarm stands there")
    with connect(console.dsn, name="test") as conn:
        kept = conn.execute("SELECT kind, place, treatment, given_by FROM overrides").fetchall()
    assert kept == [("add", "XH07N", "wash", "operator")]
    page.reload()
    expect(page.locator("ul.standing li")).to_have_count(1)
    expect(page.locator(".decision")).to_have_count(0)
    assert visit.errors == []
    context.close()
