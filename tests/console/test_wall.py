"""A screen on the wall only looks, lasts as long as it is used, and ends when somebody says so."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from console.access import COOKIE
from console.layers import layers
from console.limits import DEFAULTS
from console.reports.making import make
from console.reports.period import period
from geo.district import District
from store.database import connect
from tests.console import plausible
from tests.console.conftest import PASSWORD, Hands, Running

EPISODE = "E-20260302-0149-XH07N-inc60"


@contextmanager
def signed_in(running: Running, name: str) -> Iterator[httpx.Client]:
    """A browser at a desk."""
    with httpx.Client(base_url=running.address, timeout=30) as client:
        answer = client.post("/login", data={"name": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.status_code
        yield client


@pytest.fixture
def screen(console: Running) -> Iterator[httpx.Client]:
    """A browser that an operator has made a screen."""
    with signed_in(console, "operator") as client:
        desk = client.cookies[COOKIE]
        answer = client.post("/wall/keep")
        assert answer.status_code == 303
        assert client.cookies[COOKIE] != desk
        yield client


def test_screen_looks_and_does_nothing_else(screen: httpx.Client) -> None:
    """What an operator made a screen shows everything and may act on nothing, nor make tokens."""
    assert screen.get("/wall").status_code == 200
    assert screen.get("/api/v1/state").status_code == 200
    assert screen.get("/api/v1/me").json()["role"] == "viewer"
    assert screen.get("/api/v1/me").json()["may_act"] is False
    refused = screen.post(f"/api/v1/episodes/{EPISODE}/acknowledge")
    assert refused.status_code == 403
    assert screen.post("/api/v1/token").status_code == 403
    assert screen.post("/wall/keep").status_code == 403


@pytest.mark.parametrize("name", ["watcher", "driver"])
def test_only_who_may_act_makes_a_screen(console: Running, name: str) -> None:
    """A viewer looks at the wall but makes no screen of it; a crew's leader sees none."""
    with signed_in(console, name) as client:
        seen = client.get("/wall", follow_redirects=False).status_code
        assert seen == (200 if name == "watcher" else 303)
        assert client.post("/wall/keep").status_code == 403


def test_no_other_site_makes_a_screen(console: Running) -> None:
    """The form counts from our own page only."""
    with signed_in(console, "operator") as client:
        headers = {"Sec-Fetch-Site": "cross-site"}
        assert client.post("/wall/keep", headers=headers).status_code == 403


def test_screen_outlives_the_desk_and_ends_when_it_is_not_used(
    console: Running, screen: httpx.Client
) -> None:
    """Nobody signs in at night: a screen ends when nobody has used it for its whole time."""
    console.wall.forward(days=89)
    assert screen.get("/api/v1/state").status_code == 200
    console.wall.forward(days=2)
    assert screen.get("/api/v1/state").status_code == 401
    assert screen.get("/wall/pulse").status_code == 401
    assert screen.get("/wall", follow_redirects=False).status_code == 303


def test_screen_in_use_goes_on(console: Running, screen: httpx.Client) -> None:
    """The pulse gives a screen its whole time anew, in the database and in the browser."""
    fresh = screen.get("/wall/pulse")
    assert "set-cookie" not in fresh.headers, "there is long to go"
    for _ in range(6):
        console.wall.forward(days=40)
        answer = screen.get("/wall/pulse")
        assert answer.status_code == 200
        assert "Max-Age=7776000" in answer.headers["set-cookie"]
        assert "HttpOnly" in answer.headers["set-cookie"]
    assert screen.get("/api/v1/state").status_code == 200


def test_screen_ends_with_the_password_it_was_made_under(
    console: Running, screen: httpx.Client
) -> None:
    """Whoever made it can end it from anywhere: a new password, and the screen is signed out."""
    with console.as_("operator") as client:
        body = {"current": PASSWORD, "new": "another horse battery"}
        assert client.post("/api/v1/me/password", json=body).status_code == 204
    assert screen.get("/api/v1/state").status_code == 401


def test_ended_screen_is_not_prolonged(console: Running, screen: httpx.Client) -> None:
    """A session that somebody has ended stays ended, however the screen asks."""
    with connect(console.dsn, name="test", autocommit=True) as conn:
        conn.execute("UPDATE sessions SET ended_at = ends_at WHERE kind = 'wall'")
    console.wall.forward(days=40)
    assert screen.get("/wall/pulse").status_code == 401


def test_today_counts_the_local_day(reader: httpx.Client) -> None:
    """Figures of the wall are those of the district's day until now."""
    today = reader.get("/api/v1/today").json()
    assert today["day"] == "2026-03-02"
    assert today["opened"] == 5
    assert today["closed"] == 1
    assert today["treatments"] == {"wash": 1}
    assert today["water_l"] == 340
    assert today["judged"] == today["effective"] == 1


def test_the_wall_and_the_report_agree_on_what_was_avoided(
    still_console: Running, reader: httpx.Client, district: District
) -> None:
    """To the digit, interval and all."""
    found = reader.get("/api/v1/today").json()["avoided"]
    with connect(still_console.dsn, name="test", autocommit=True) as conn:
        day = period("day", date(2026, 3, 2))
        report = make(conn, layers(district, DEFAULTS), day, plausible.NOW)
    assert found.pop("of") == 1
    assert found == {
        "value": report.avoided.value,
        "low": report.avoided.low,
        "high": report.avoided.high,
    }
    assert found["low"] < found["value"] < found["high"]
    assert found["value"] > 0


# In a browser -------------------------------------------------------------------------------------


def wall_screen(browser: Browser, running: Running) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    page = context.new_page()
    page.goto(f"{running.address}/login")
    page.fill("[name=name]", "operator")
    page.fill("[name=password]", PASSWORD)
    page.check("[name=wall]")
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/wall")
    return context


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (3840, 2160)])
def test_wall_shows_every_view_without_a_scroll_bar(
    browser: Browser, still_console: Running, width: int, height: int
) -> None:
    """The four views take turns, fit the screen, and say their main words in readable size."""
    context = wall_screen(browser, still_console)
    page = context.pages[0]
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{still_console.address}/wall?turn=1")
    for words in ("兴海大道 07 北行", "小南山消纳场 64%", "今日作业", "3 小时内"):
        expect(page.locator(".wallbody")).to_contain_text(words)
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # From five metres a letter must be 25 mm high: 40 px of the 1920 of a screen of 55 inches.
    page.goto(f"{still_console.address}/wall?view=worst")
    for words in (".worst h2", ".big b", ".clock"):
        expect(page.locator(words)).to_be_visible()
        size = page.evaluate(
            f"parseFloat(getComputedStyle(document.querySelector('{words}')).fontSize)"
        )
        assert size >= 40 * width / 1920
    assert page.evaluate("getComputedStyle(document.body).cursor") == "none"
    # The longer words fit, too: nothing that has a value to tell lies beyond the edge.
    for view, words in (
        ("street", ".worries b"),
        ("worst", ".big span"),
        ("crews", ".crewlist em"),
    ):
        page.goto(f"{still_console.address}/wall?lang=en&view={view}")
        expect(page.locator(words).first).to_be_visible()
        for found in (*page.locator(words).all(), page.locator(".clock")):
            box = found.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= width
    assert errors == []
    context.close()


def test_wall_survives_a_restart_of_the_server(
    browser: Browser, district: District, console_db: str
) -> None:
    """With the server gone the last picture stays and says large how old it is; with the server
    back it goes on by itself, still signed in."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    running = Running(district, console_db, port=port, now=Hands(plausible.NOW))
    context = wall_screen(browser, running)
    page = context.pages[0]
    page.goto(f"{running.address}/wall?view=street")
    expect(page.locator(".worries li").first).to_contain_text("兴海大道 07 北行")
    running.stop()
    expect(page.locator(".frozen")).to_contain_text("画面停在 10:17:20", timeout=60_000)
    expect(page.locator(".worries li").first).to_contain_text("兴海大道 07 北行")
    again = Running(district, console_db, port=port, now=Hands(plausible.NOW))
    try:
        expect(page.locator(".frozen")).to_have_count(0, timeout=60_000)
        assert page.url.endswith("/wall?view=street")
    finally:
        context.close()
        again.stop()


def test_wall_that_is_signed_out_says_so_and_stays(browser: Browser, console: Running) -> None:
    """No login form over the picture at night: the screen says what has happened."""
    context = wall_screen(browser, console)
    page = context.pages[0]
    # Whichever view has its turn.
    expect(page.locator(".wallhead .clock")).not_to_have_text("–")
    with connect(console.dsn, name="test", autocommit=True) as conn:
        conn.execute("UPDATE sessions SET ended_at = ends_at WHERE kind = 'wall'")
    page.evaluate("fetch('/wall/pulse')")
    # What asks next is told; the views ask at each turn.
    page.keyboard.press("ArrowRight")
    expect(page.locator(".frozen")).to_contain_text("此屏已退出登录")
    assert "/wall" in page.url
    context.close()
