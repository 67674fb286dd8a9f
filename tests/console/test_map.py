"""The map: what its colours mean, what is kept of it, where it is drawn, and how it was before."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from console.app import create_app
from console.settings import ConsoleSettings
from console.tiles import Tiles
from geo.datum import wgs84_to_gcj02
from geo.district import District
from tests.console import plausible
from tests.console.browsing import sign_in
from tests.console.conftest import SECRET, Running

EPISODE = "E-20260302-0149-XH07N-inc60"
OWN_PICTURES = "img-src 'self' data: blob:"


async def policy_of(app: FastAPI) -> str:
    """What a browser is told to refuse."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        answer = await client.get("/static/icon.svg")
    return answer.headers["content-security-policy"]


# The base map ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tiles", "sources"),
    [
        (Tiles("https://t.example/{z}/{x}/{y}.png"), ("https://t.example",)),
        (
            Tiles("https://{s}.t.example:8443/{z}/{y}/{x}", subdomains="ab"),
            ("https://a.t.example:8443", "https://b.t.example:8443"),
        ),
        (Tiles("/tiles/{z}/{x}/{y}.png"), ()),
    ],
)
def test_policy_names_the_hosts_of_the_tiles_and_no_other(
    district: District, tiles: Tiles, sources: tuple[str, ...]
) -> None:
    """Pictures may come from the base map's hosts beside this one; everything else stays shut."""
    assert tiles.sources() == sources

    def policy(settings: ConsoleSettings) -> str:
        app = create_app(
            district,
            "host=/nowhere",
            now=lambda: plausible.NOW,
            wall_now=lambda: plausible.NOW,
            secret=SECRET,
            settings=settings,
        )
        return asyncio.run(policy_of(app))

    closed, opened = policy(ConsoleSettings()), policy(ConsoleSettings(tiles=tiles))
    assert OWN_PICTURES + ";" in closed
    assert opened == closed.replace(OWN_PICTURES, " ".join([OWN_PICTURES, *sources]))


@pytest.mark.parametrize(
    "values",
    [
        {"url": "https://t.example/{z}/{x}.png"},
        {"url": "https://t.example/{z}/{x}/{y}/{key}"},
        {"url": "javascript:alert({z}{x}{y})"},
        {"url": "//t.example/{z}/{x}/{y}"},
        {"url": "https://t.example; script-src *;/{z}/{x}/{y}"},
        {"url": "https://user@t.example/{z}/{x}/{y}"},
        {"url": "https://{s}.t.example/{z}/{x}/{y}"},
        {"url": "https://t.example/{z}/{x}/{y}", "subdomains": "ab"},
        {"url": "https://{s}.t.example/{z}/{x}/{y}", "subdomains": "a b"},
    ],
)
def test_tiles_that_cannot_be_are_refused_with_words(values: dict[str, Any]) -> None:
    """A template that lacks a blank, names no host or would widen the policy starts no platform."""
    with pytest.raises(ValueError, match=r"console\.tiles"):
        Tiles(**values)


# In a browser ------------------------------------------------------------------------------------


def desk(browser: Browser, running: Running, width: int = 1440, height: int = 900) -> Page:
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    sign_in(page, running.address, "operator")
    expect(page.locator(".map path.street.leaflet-path").first).to_be_attached()
    return page


@pytest.fixture
def page(browser: Browser, still_console: Running) -> Iterator[Page]:
    """An operator at a desk, on a console that nothing changes."""
    page = desk(browser, still_console)
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def still_page(browser: Browser, still_console: Running) -> Iterator[Page]:
    """A page for asking its modules, shared by the tests that press nothing."""
    page = desk(browser, still_console)
    yield page
    page.context.close()


def asked(page: Page, module: str, call: str, *values: Any) -> Any:
    """What a function of one of the page's modules says."""
    script = "([module, call, values]) => import(module).then((m) => m[call](...values))"
    return page.evaluate(script, [f"/static/{module}", call, list(values)])


def test_page_shifts_places_as_geo_does(still_page: Page) -> None:
    """WGS 84 to GCJ-02 in the page is that of `geo`, to a millionth of a degree and far below."""
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(60, 150, 400), rng.uniform(-5, 60, 400)
    expected = np.column_stack(wgs84_to_gcj02(lon, lat))
    places = np.column_stack([lon, lat]).tolist()
    found = still_page.evaluate(
        "(places) => import('/static/datum.js').then((m) => places.map(m.wgs84ToGcj02))", places
    )
    assert np.abs(np.array(found) - expected).max() < 1e-9
    moved = np.abs(expected - np.column_stack([lon, lat])).max(axis=1) > 1e-4
    assert moved.sum() > 100
    assert (~moved).sum() > 100


MINUTE = {"standing": "live", "level": 2, "increment": 90, "pm10": 150, "estimate": 100}


def episode(level: int, *, seen: bool = False, state: str = "active", **more: Any) -> Any:
    return {
        "segment": "S",
        "level": level,
        "state": state,
        "acknowledged_by": "ann" if seen else None,
        "shelved_until": None,
    } | more


@pytest.mark.parametrize(
    ("minute", "episodes", "expected"),
    [
        (MINUTE, [], "live l2"),
        (MINUTE, [episode(2, seen=True)], "live l2 calm"),
        (MINUTE, [episode(2, seen=True), episode(1)], "live l2"),
        (MINUTE | {"level": 0}, [episode(3)], "live l3"),  # nobody has seen it: it stays
        (MINUTE | {"level": 3}, [episode(2, seen=True)], "live l3"),  # worse than was seen
        (MINUTE | {"level": 0}, [episode(2, seen=True)], "live l2 calm"),
        (MINUTE, [episode(2, shelved_until="2026-03-02T03:00:00Z")], "live l2 calm"),
        (MINUTE, [episode(2, shelved_until="2026-03-02T01:00:00Z")], "live l2"),
        (MINUTE | {"level": 0}, [episode(3, state="closed")], "live l0"),
        (MINUTE | {"level": 0}, [episode(0, state="pending")], "live l0"),
        (MINUTE | {"standing": "stale", "level": 1}, [], "stale l1"),
        (MINUTE | {"standing": "unmeasured"}, [], "unmeasured"),
        (MINUTE | {"standing": "unmeasured"}, [episode(2, measured=False)], "stale l2"),
    ],
)
def test_street_shows_the_worst_that_nobody_has_acknowledged(
    still_page: Page, minute: Any, episodes: list[Any], expected: str
) -> None:
    """What somebody has in hand is calmer, and never mistaken for what nobody has seen."""
    now = "2026-03-02T02:17:20Z"
    alarms = asked(still_page, "map-colours.js", "alarmsOf", episodes, now)
    given = {"mode": "level", "alarm": alarms.get("S"), "now": now}
    if given["alarm"] is None:
        del given["alarm"]
    assert asked(still_page, "map-colours.js", "look", minute, given) == expected


@pytest.mark.parametrize(
    ("mode", "minute", "expected"),
    [
        ("share", MINUTE, "live s3"),
        ("share", MINUTE | {"standing": "unmeasured"}, "unmeasured"),
        ("share", MINUTE | {"increment": -4}, "live s0"),
        ("estimate", MINUTE | {"standing": "unmeasured"}, "live s3"),
        ("estimate", MINUTE | {"estimate": None}, "unmeasured"),
        ("treated", MINUTE | {"treated_at": "2026-03-02T01:17:20Z"}, "live s0"),
        ("treated", MINUTE | {"treated_at": None}, "live s4"),
        ("ahead", MINUTE, "unmeasured"),
    ],
)
def test_other_colours_have_five_steps_and_a_word_for_not_known(
    still_page: Page, mode: str, minute: Any, expected: str
) -> None:
    """Colouring by share, model, forecast or age never shows what is not known as a value."""
    given = {"mode": mode, "now": "2026-03-02T02:17:20Z"}
    assert asked(still_page, "map-colours.js", "look", minute, given) == expected


@pytest.mark.parametrize(
    ("media", "kind"),
    [
        ("data:image/png;base64,iVBORw0KGgo=", "picture"),
        ("/pictures/1.jpg", "picture"),
        ("https://cams.example/1.jpg", "link"),
        ("//cams.example/1.jpg", "name"),
        ("data:text/html;base64,PHNjcmlwdD4=", "name"),
        ("data:image/svg+xml;base64,PHN2Zz4=", "name"),
        ("javascript:alert(1)", "name"),
        ("cam-1.jpg", "name"),
        ({"url": "http://cams.example/1"}, "link"),
    ],
)
def test_pictures_from_elsewhere_are_links(still_page: Page, media: Any, kind: str) -> None:
    """Only what came along or lies here is loaded; an address from outside waits for a click."""
    assert [one["kind"] for one in asked(still_page, "map-signs.js", "mediaOf", media)] == [kind]


def test_layers_are_switched_and_remembered(page: Page) -> None:
    """A layer that was put away, and the way of colouring, are as they were after a reload."""
    expect(page.locator(".station-sign").first).to_be_visible()
    page.get_by_role("button", name="图层与着色").click()
    panel = page.locator(".panel.layers")
    expect(panel.get_by_label("底图")).to_have_count(0)  # none is set
    panel.get_by_label("监测站").uncheck()
    panel.get_by_label("距上次作业").check()
    expect(page.locator(".leaflet-stations-pane")).to_be_hidden()
    expect(page.locator(".legend h2")).to_contain_text("距上次作业")
    page.reload()
    expect(page.locator(".legend h2")).to_contain_text("距上次作业")
    expect(page.locator(".leaflet-stations-pane")).to_be_hidden()
    expect(page.locator(".map path.street.s0.leaflet-path")).to_have_count(1)  # XH05S
    page.get_by_role("button", name="图层与着色").click()
    expect(page.locator(".panel.layers").get_by_label("监测站")).not_to_be_checked()
    page.locator(".panel.layers").get_by_label("待确认等级").check()
    expect(page.locator(".map path.street.live.l3.leaflet-path")).to_have_count(1)


def test_health_of_the_stations_lists_the_troubled_first(page: Page) -> None:
    """Silent and late stations stand above the well, with their missing and doubted shares."""
    page.get_by_role("button", name="监测站状况").click()
    rows = page.locator(".panel.health tbody tr")
    expect(rows.first).to_have_class("silent")
    expect(rows.nth(1)).to_have_class("late")
    expect(rows.last).to_have_class("live")
    expect(rows.last).to_contain_text("%")


def test_replay_shows_then_and_comes_back(browser: Browser, console: Running) -> None:
    """At 09:00 the street was clean: queue, header and map say so, nothing can be done, and one
    click brings back the present with what has happened meanwhile."""
    page = desk(browser, console)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    severe = page.locator(".map path.street.live.l3.leaflet-path")
    expect(severe).to_have_count(1)
    page.get_by_role("button", name="回放", exact=True).click()
    expect(page.locator(".strip rect.l3").first).to_be_attached()
    slider = page.get_by_label("回放时间")
    slider.fill(str(9 * 60))
    expect(page.locator(".banner.past")).to_contain_text("09:00")
    expect(page.locator(".time b")).to_have_text("09:00:00")
    expect(severe).to_have_count(0)
    expect(page.locator(f".queue [data-episode={EPISODE}]")).to_have_count(0)
    with console.as_("operator") as other:
        assert other.post(f"/api/v1/episodes/{EPISODE}/acknowledge").status_code == 200
    page.locator(".replay").get_by_role("button", name="前进 5 分钟").click()
    expect(page.locator(".banner.past")).to_contain_text("09:05")
    slider.fill(str(10 * 60 + 16))
    expect(severe).to_have_count(1)
    refused = page.evaluate(
        "import('/static/api.js').then((m) => m.post('token')).catch((error) => error.message)"
    )
    assert "回放" in refused
    page.get_by_role("button", name="返回实时").click()
    expect(page.locator(".banner.past")).to_have_count(0)
    expect(page.locator(".time b")).to_have_text("10:17:20")
    expect(page.locator(".map path.street.live.l3.calm.leaflet-path")).to_have_count(1)
    assert errors == []
    page.context.close()


def test_replay_plays_on_by_itself(page: Page) -> None:
    """Playing goes on minute by minute until it is stopped or there is nothing newer."""
    page.get_by_role("button", name="回放", exact=True).click()
    expect(page.locator(".strip rect.l3").first).to_be_attached()
    page.get_by_label("回放时间").fill(str(8 * 60))
    expect(page.locator(".banner.past")).to_contain_text("08:00")
    page.get_by_role("button", name="每秒 60 分钟").click()
    expect(page.locator(".replay output")).to_have_text("10:15")
    expect(page.get_by_role("button", name="每秒 60 分钟")).to_have_attribute(
        "aria-pressed", "false"
    )
    page.keyboard.press("Escape")
    expect(page.locator(".banner.past")).to_have_count(0)


def test_phone_has_the_rail_below_the_views(browser: Browser, still_console: Running) -> None:
    """The rail of pages at the bottom of a phone covers neither the views nor the replay."""
    page = desk(browser, still_console, 390, 844)
    page.locator("nav.views").get_by_role("button", name="地图").click()
    views, rail = page.locator("nav.views").bounding_box(), page.locator(".rail").bounding_box()
    assert views is not None
    assert rail is not None
    assert views["y"] + views["height"] <= rail["y"] + 1
    assert rail["y"] + rail["height"] <= 844
    page.get_by_role("button", name="回放", exact=True).click()
    opened = page.locator(".replay.open").bounding_box()
    assert opened is not None
    assert opened["y"] + opened["height"] <= views["y"] + 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()
