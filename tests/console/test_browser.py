"""The page in a real browser: what people do most, and what must never happen."""

import re
import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from psycopg.types.json import Jsonb

from geo.district import District
from store.database import connect
from tests.console import plausible
from tests.console.browsing import Visit
from tests.console.conftest import Hands, Running

EPISODE = "E-20260302-0149-XH07N-inc60"


@pytest.fixture
def visit(browser: Browser, console: Running) -> Iterator[Visit]:
    """An operator at a desk."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    visit = Visit(context.new_page(), console)
    visit.watch()
    yield visit
    context.close()


def test_page_shows_the_street_and_asks_nobody_else(visit: Visit, district: District) -> None:
    """Map, queue and plan are there, every request stays at the origin, and nothing fails."""
    visit.sign_in()
    page = visit.page
    treatable = [segment for segment in district.segments.values() if segment.treat]
    expect(page.locator("path.street.leaflet-path")).to_have_count(len(treatable))
    expect(page.locator(".map path.street.live.l3.leaflet-path")).to_have_count(1)
    expect(page.locator(".map path.street.stale.leaflet-path")).to_have_count(2)
    unmeasured = page.locator(".map path.street.unmeasured.leaflet-path")
    expect(unmeasured).to_have_count(len(plausible.UNMEASURED))
    expect(page.locator(".crew-sign")).to_have_count(len(district.crews))
    expect(page.locator(".crewplan")).to_have_count(len(district.crews))
    expect(page.locator(".time b")).to_have_text("10:17:20")  # Shenzhen's time
    # By level, then what waits for somebody, then age; stations that are silent are one row.
    expect(page.locator(".cards .card .place")).to_have_text(
        [
            "兴海大道 07 北行",
            "兴海大道 03 南行",
            "监测站无新读数",
            "兴海大道 12 南行",
            "兴海大道 09 北行",
        ]
    )
    page.locator(".card .face").first.click()
    expect(page.locator(".detail canvas")).to_be_visible()
    assert visit.requests
    foreign = [u for u in visit.requests if not u.startswith((visit.running.address, "data:"))]
    assert foreign == []
    assert visit.errors == []


def test_both_carriageways_are_seen(visit: Visit) -> None:
    """The two directions of the avenue are drawn apart, though they lie 16 m from each other."""
    visit.sign_in()
    boxes = [
        visit.page.locator(f"path.hit[data-segment={id_}]").bounding_box()
        for id_ in ("XH05N", "XH05S")
    ]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert abs(boxes[0]["x"] - boxes[1]["x"]) > 4


def test_acknowledge_in_two_clicks(visit: Visit) -> None:
    """Open the worst episode, acknowledge it: it is marked and no longer counts as waiting."""
    visit.sign_in()
    page = visit.page
    alert = page.locator(".fact.big b").first
    expect(alert).to_have_text("5")  # three episodes and two stations
    page.locator(f"[data-episode={EPISODE}] .face").click()
    page.get_by_role("button", name="确认").click()
    expect(page.locator(f"[data-episode={EPISODE}] .chip.ok")).to_have_text("✓ operator")
    expect(alert).to_have_text("4")
    expect(page.locator(f"[data-episode={EPISODE}] .log")).to_contain_text("确认")


def test_shelve_and_find_it_again(visit: Visit) -> None:
    """A shelved episode moves to its own fold and can be brought back."""
    visit.sign_in(language="en")
    page = visit.page
    page.locator(f"[data-episode={EPISODE}] .face").click()
    page.get_by_role("button", name="Shelve", exact=True).click()
    page.get_by_role("button", name="1 h", exact=True).click()
    fold = page.get_by_role("button", name="Shelved")
    expect(fold).to_be_visible()
    fold.click()
    card = page.locator(f".fold [data-episode={EPISODE}]")
    expect(card).to_contain_text("until 11:17")
    page.get_by_role("button", name="Unshelve").click()
    expect(page.locator(f".cards [data-episode={EPISODE}]")).to_be_visible()


def test_sand_dust_says_whether_the_street_is_washed(visit: Visit) -> None:
    """While it comes in, by the plan in force, there is no washing; later it is only not ours."""
    with connect(visit.running.dsn, name="test") as conn:
        conn.execute(
            "INSERT INTO notices (id, kind, started_at) VALUES ('N-1', 'sand_dust', %s)",
            (plausible.NOW,),
        )
        conn.execute('UPDATE plans SET solver = \'{"situation": {"weather": "sand_dust"}}\'')
        conn.commit()
    visit.sign_in()
    banner = visit.page.locator(".banner.sand")
    expect(banner).to_contain_text("暂停洒水")
    with connect(visit.running.dsn, name="test") as conn:
        conn.execute('UPDATE plans SET solver = \'{"situation": {"weather": null}}\'')
        conn.commit()
    visit.page.reload()
    expect(banner).to_contain_text("非本路段扬尘")
    expect(banner).not_to_contain_text("暂停")


def test_what_has_one_cause_is_one_row(visit: Visit) -> None:
    """Three episodes of one group are one row that opens; what is estimated says so; haze is one
    line above them all."""
    with connect(visit.running.dsn, name="test") as conn:
        conn.execute(
            "UPDATE episodes SET grp = 'G-1', measured = segment <> 'XH09N' WHERE id <> %s",
            (EPISODE,),
        )
        conn.execute(
            "INSERT INTO notices (id, kind, started_at) VALUES ('N-1', 'haze', %s)",
            (plausible.NOW,),
        )
        conn.commit()
    visit.sign_in()
    page = visit.page
    places = page.locator(".cards .card .place")
    expect(places).to_have_text(["兴海大道 07 北行", "道路积尘", "监测站无新读数"])
    expect(page.locator(".banner.sand")).to_contain_text("霾")
    page.locator(".cards .card.group .face").first.click()
    expect(places).to_have_text(
        [
            "兴海大道 07 北行",
            "道路积尘",
            "兴海大道 03 南行",
            "兴海大道 12 南行",
            "兴海大道 09 北行",
            "监测站无新读数",
        ]
    )
    expect(page.locator("[data-episode='E-20260302-0155-XH09N-inc15']")).to_contain_text("推算")
    assert visit.errors == []


def test_hostile_comment_stays_text(visit: Visit) -> None:
    """A comment and a report of markup and script are shown as letters and run nothing."""
    with connect(visit.running.dsn, name="test", autocommit=True) as conn:
        conn.execute(
            "UPDATE episodes SET causes = jsonb_set(causes, '{0,evidence}', to_jsonb(%s::text))"
            " WHERE id = %s",
            (plausible.HOSTILE, EPISODE),
        )
    visit.sign_in()
    page = visit.page
    page.locator(f"[data-episode={EPISODE}] .face").click()
    page.locator("form.comment input").fill(plausible.HOSTILE)
    page.get_by_role("button", name="提交").click()
    expect(page.locator(".ev-comment p")).to_have_text(plausible.HOSTILE)
    expect(page.locator(".causes p").first).to_have_text(plausible.HOSTILE)
    assert page.locator("img[src=x], .log script, .causes script").count() == 0
    assert page.title() != "1"
    assert visit.errors == []


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_what_the_platform_says_is_in_the_language_of_the_page(visit: Visit, language: str) -> None:
    """Evidence of causes, reasons and outcomes that are kept in both languages are shown in the
    page's; what was stored in Chinese alone, and what a crew said, as it is."""
    with connect(visit.running.dsn, name="test", autocommit=True) as conn:
        conn.execute(
            "INSERT INTO episode_log (episode, at, actor, event, detail)"
            " VALUES (%s, %s, 'dispatch', 'reason', %s)",
            (EPISODE, plausible.NOW, Jsonb({"reason": "继续观察。", "also": "Watching it."})),
        )
        conn.execute(
            "UPDATE orders SET state = 'silent', outcome = '无应答', outcome_also = 'No answer',"
            " ended_at = %s WHERE id = (SELECT min(id) FROM orders WHERE state = 'sent')",
            (plausible.NOW,),
        )
    visit.sign_in(language=language)
    page = visit.page
    page.locator(f"[data-episode={EPISODE}] .face").click()
    english = language == "en"
    evidence = page.locator(".causes p")
    expect(evidence.nth(0)).to_contain_text("Xiaonanshan" if english else "小南山消纳场位于上风向")
    expect(evidence.nth(1)).to_contain_text("Coarse particles" if english else "粗颗粒占比")
    expect(evidence.nth(2)).to_have_text("背景值 71，6 小时内上升 9")
    expect(page.locator(".ev-reason p")).to_have_text("Watching it." if english else "继续观察。")
    page.locator(".crewplan .ended").first.click()
    outcome = page.locator(".crewplan .order.silent .because p").first
    expect(outcome).to_have_text("No answer" if english else "无应答")
    assert visit.errors == []


def test_segment_on_the_map_opens_its_chart(visit: Visit) -> None:
    """A click on a street opens its hours, its orders and what they achieved."""
    visit.sign_in()
    page = visit.page
    page.locator("path.hit[data-segment=XH05S]").dispatch_event("click")
    expect(page.locator(".detail h2")).to_contain_text("兴海大道 05 南行")
    expect(page.locator(".detail tbody tr")).to_have_count(1)
    expect(page.locator(".detail tbody")).to_contain_text("降低 41%")
    # Two sources that cannot both be true are shown beside each other, with the word for it.
    expect(page.locator(".detail tbody .chip.warn")).to_have_text("两者不一致")
    expect(page.locator(".detail tbody .source")).to_have_text(
        [re.compile("模型 降低 41% · 22% ～ 58%"), re.compile("对照 升高 12% · -40% ～ 8%")]
    )
    expect(page.locator(".detail .facts")).to_contain_text(
        ["兴海大道", "3 小时内达到“超标”的概率 36%", "现在重污染清洗，可减少未来 3 小时暴露的 45%"]
    )
    page.get_by_role("button", name="24 小时").click()
    expect(page.locator(".spans .on")).to_have_text("24 小时")
    page.keyboard.press("Escape")
    expect(page.locator(".detail")).to_have_count(0)


def test_language_and_theme_change_in_place_and_are_kept(visit: Visit) -> None:
    """Switching words and colours needs no reload and outlives one."""
    visit.sign_in()
    page = visit.page
    page.get_by_role("link", name="English").click()
    expect(page.locator(".queue h2")).to_contain_text("Alarms")
    expect(page.locator(".card .place").first).to_have_text("Xinghai Avenue 07 northbound")
    before = page.evaluate("document.documentElement.dataset.theme")
    page.get_by_role("button", name="Dark" if before == "light" else "Light").click()
    page.reload()
    expect(page.locator(".queue h2")).to_contain_text("Alarms")
    assert page.evaluate("document.documentElement.dataset.theme") != before


def test_viewer_is_offered_no_acts(visit: Visit) -> None:
    """A viewer reads the story and finds no button to change it."""
    visit.sign_in("watcher")
    visit.page.locator(f"[data-episode={EPISODE}] .face").click()
    expect(visit.page.locator(".story .log li").first).to_be_visible()
    assert visit.page.locator(".story .actions, .story form").count() == 0


def test_page_lives_through_a_restart(
    browser: Browser, district: District, console_db: str
) -> None:
    """When the console goes away the page says so, and it goes on by itself when it is back."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    running = Running(district, console_db, port=port, now=Hands(plausible.NOW))
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    visit = Visit(context.new_page(), running)
    visit.sign_in()
    running.stop()
    expect(visit.page.locator(".banner.lost")).to_be_visible()
    again = Running(district, console_db, port=port, now=Hands(plausible.NOW))
    try:
        expect(visit.page.locator(".banner.lost")).to_have_count(0)
        with again.as_("operator") as operator:
            operator.post(f"/api/v1/episodes/{EPISODE}/acknowledge")
        expect(visit.page.locator(f"[data-episode={EPISODE}] .chip.ok")).to_be_visible()
    finally:
        context.close()
        again.stop()


def test_phone_does_not_break(browser: Browser, still_console: Running) -> None:
    """At 390 pixels nothing sticks out sideways, and the three views are one tap apart."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    visit = Visit(context.new_page(), still_console)
    visit.watch()
    visit.sign_in()
    page = visit.page
    for view, part in (("报警", ".queue"), ("计划", ".plan"), ("地图", ".map")):
        page.locator("nav.views").get_by_role("button", name=view).click()
        expect(page.locator(part)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert visit.errors == []
    context.close()


HOURLY_MEANS: list[tuple[str, int, list[float | None]]] = [
    ("Array(60).fill(30)", 1, [None] * 44 + [30] * 16),  # 45 of 60 minutes are needed
    ("[...Array(44).fill(30), ...Array(76).fill(null)]", 1, [None] * 120),
    ("[10, 20, 30]", 60, [10, 20, 30]),
]


def test_hourly_mean_of_the_chart(visit: Visit) -> None:
    """The line drawn against the hourly limits is the trailing hour's mean, 75 % of it known."""
    visit.sign_in()
    for values, step, expected in HOURLY_MEANS:
        script = f"import('/static/chart.js').then(m => m.hourlyMean({values}, {step}))"
        assert visit.page.evaluate(script) == expected
