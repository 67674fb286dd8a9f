"""The crew's page on a phone, and the board at a desk, in a real browser."""

import io
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect
from psycopg.types.json import Jsonb

from console.users import add_user
from dispatch.runner import Dispatcher
from dispatch.settings import DispatchSettings
from geo.district import District
from store.database import connect
from tests.console import plausible
from tests.console.browsing import sign_in
from tests.console.conftest import PASSWORD, Hands, Running
from tests.console.test_board import SITUATION

NOW = plausible.NOW
LOOKED_AT = 15
"""Longer than the page waits before it sends: what may be taken back is not sent yet."""

WHOLE_PAGE_KEPT = """async () => {
  const worker = navigator.serviceWorker;
  if (!worker.controller) {
    await new Promise((come) => worker.addEventListener("controllerchange", come));
  }
  const kept = async () => (await (await caches.open("crew-shell-1")).keys()).length;
  while ((await kept()) < 17) await new Promise((next) => requestAnimationFrame(next));
}"""
"""`wait_for_function` would need what the page forbids: to make a script out of a string."""


@pytest.fixture
def phone(browser: Browser, console: Running) -> Iterator[BrowserContext]:
    """A leader's phone."""
    with connect(console.dsn, name="test") as conn:
        add_user(conn, "li", PASSWORD, "crew", NOW, crew="WATER-A")
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True
    )
    yield context
    context.close()


def signed_in(context: BrowserContext, console: Running, name: str = "li") -> Page:
    """The page that somebody lands on."""
    page = context.new_page()
    sign_in(page, console.address, name)
    return page


def said(console: Running) -> list[tuple[str, str]]:
    """What has arrived, in order."""
    with connect(console.dsn, name="test") as conn:
        return conn.execute("SELECT order_id, event FROM progress ORDER BY id").fetchall()


def step(console: Running, district: District) -> None:
    """The dispatcher takes in what has arrived."""
    with connect(console.dsn, name="dispatch") as conn:
        conn.execute("UPDATE plans SET solver = %s", (Jsonb({"situation": SITUATION}),))
        conn.commit()
        Dispatcher(district, DispatchSettings(iterations=10)).step(conn, NOW)


def test_a_leader_lands_on_their_page_and_everything_is_large(
    phone: BrowserContext, console: Running
) -> None:
    """The next order large; nothing to press is lower than 56 px; nothing comes from elsewhere."""
    page = phone.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.close()
    page = signed_in(phone, console)
    page.wait_for_url("**/crew")
    expect(page.locator(".current h1")).to_have_text("洗扫")
    expect(page.locator(".current .where")).to_contain_text("兴海大道 07 北行")
    expect(page.locator(".go")).to_have_text("完成")
    expect(page.locator(".crewmap path.goal")).to_have_count(1)
    for target in page.locator("main button, main .camera, main .links a").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 56, target.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for link in page.locator(".links a").all():
        assert "noreferrer" in (link.get_attribute("rel") or "")
    assert all(url.startswith((console.address, "data:")) for url in asked)


def test_words_said_without_a_signal_arrive_once_and_in_order(
    phone: BrowserContext, console: Running, district: District
) -> None:
    """Three words and a photo in a tunnel, the page opened anew there, the server restarted
    meanwhile: all arrive, in order, once."""
    page = signed_in(phone, console)
    expect(page.locator(".go")).to_have_text("完成")
    # The worker has the whole page before the signal goes.
    page.evaluate(WHOLE_PAGE_KEPT)
    phone.set_offline(True)
    page.locator(".go").click()
    expect(page.locator(".go")).to_have_text("开始作业")
    expect(page.locator(".current .where")).to_contain_text("09 北行")
    page.locator(".go").click()
    expect(page.locator(".go")).to_have_text("完成")
    file = io.BytesIO()
    Image.effect_noise((2400, 1800), 50).convert("RGB").save(file, "JPEG")
    page.locator(".camera input").set_input_files(
        {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()}
    )
    expect(page.locator(".strip.queue b")).to_contain_text("3")
    page.reload()
    expect(page.locator(".strip.queue b")).to_contain_text("3")
    expect(page.locator(".current .where")).to_contain_text("09 北行")
    page.locator(".go").click()
    expect(page.locator(".current .where")).to_contain_text("妈湾大道 03")
    expect(page.locator(".strip.queue b")).to_contain_text("4")
    assert said(console) == []

    port = int(console.address.rsplit(":", 1)[1])
    console.stop()
    phone.set_offline(False)
    again = Running(district, console.dsn, port=port, now=Hands(NOW))
    try:
        expect(page.locator(".strip.queue")).to_have_count(0, timeout=60_000)
        assert said(console) == [("O-1003", "done"), ("O-1004", "started"), ("O-1004", "done")]
        with connect(console.dsn, name="test") as conn:
            found = conn.execute("SELECT order_id, width_px, height_px FROM photos").fetchall()
        assert found == [("O-1004", 1600, 1200)]
        step(console, district)
        expect(page.locator(".current .where")).not_to_contain_text("09 北行")
        with connect(console.dsn, name="test") as conn:
            states = conn.execute(
                "SELECT id, state FROM orders WHERE id IN ('O-1003', 'O-1004') ORDER BY id"
            ).fetchall()
        assert states == [("O-1003", "done"), ("O-1004", "done")]
    finally:
        again.stop()


def test_a_slip_can_be_taken_back(phone: BrowserContext, console: Running) -> None:
    """For a few seconds nothing has left the phone; trouble says why."""
    page = signed_in(phone, console)
    page.locator(".go").click()
    page.locator(".toast button").click()
    expect(page.locator(".current .where")).to_contain_text("07 北行")
    expect(page.locator(".strip.queue")).to_have_count(0)
    page.locator(".trouble").click()
    page.get_by_role("button", name="车辆故障").click()
    expect(page.locator(".current .where")).to_contain_text("09 北行")
    expect(page.locator(".strip.queue")).to_have_count(0, timeout=LOOKED_AT * 1000)
    with connect(console.dsn, name="test") as conn:
        found = conn.execute("SELECT order_id, event, reason FROM progress").fetchall()
    assert found == [("O-1003", "failed", "车辆故障")]


def test_a_word_that_is_not_taken_says_so_and_holds_nothing_back(
    phone: BrowserContext, console: Running
) -> None:
    """The tie to the crew is gone when it arrives: the page shows the refusal and goes on."""
    page = signed_in(phone, console)
    expect(page.locator(".go")).to_have_text("完成")
    phone.set_offline(True)
    page.locator(".go").click()
    expect(page.locator(".strip.queue")).to_have_count(1)
    with connect(console.dsn, name="test") as conn:
        conn.execute("UPDATE orders SET crew = 'FOG-A' WHERE id = 'O-1003'")
    phone.set_offline(False)
    expect(page.locator(".strip.bad")).to_contain_text("O-1003 is not an order of WATER-A")
    page.locator(".strip.bad button").click()
    expect(page.locator(".strip.bad")).to_have_count(0)
    assert said(console) == []


def arrive(page: Page, console: Running, words: list[tuple[str, str]]) -> None:
    """Wait until these words, and no others, are stored."""
    for _ in range(300):
        if said(console) == words:
            return
        page.wait_for_timeout(100)
    assert said(console) == words


def test_a_phone_that_changes_hands_keeps_what_was_said(
    phone: BrowserContext, console: Running
) -> None:
    """Words of one crew wait while another uses the phone, and arrive when it is back."""
    with connect(console.dsn, name="test") as conn:
        add_user(conn, "zhao", PASSWORD, "crew", NOW, crew="FOG-A")
    page = signed_in(phone, console)
    expect(page.locator(".go")).to_have_text("完成")
    phone.set_offline(True)
    page.locator(".go").click()
    expect(page.locator(".strip.queue")).to_have_count(1)
    page.close()
    phone.clear_cookies()
    phone.set_offline(False)
    page = signed_in(phone, console, "zhao")
    expect(page.locator(".strip.other")).to_contain_text("WATER-A")
    expect(page.locator(".crewpage header b")).to_have_text("雾炮班")
    page.locator(".go").click()
    # It waits to be taken back first.
    expect(page.locator(".strip.queue")).to_have_count(1)
    expect(page.locator(".strip.queue")).to_have_count(0, timeout=LOOKED_AT * 1000)
    arrive(page, console, [("O-1011", "started")])
    page.close()
    phone.clear_cookies()
    page = signed_in(phone, console)
    expect(page.locator(".strip.other")).to_have_count(0)
    expect(page.locator(".strip.queue")).to_have_count(0)
    expect(page.locator(".go")).to_have_text("开始作业")
    arrive(page, console, [("O-1011", "started"), ("O-1003", "done")])


@pytest.fixture
def desk(browser: Browser, console: Running) -> Iterator[Page]:
    """A dispatcher at the board."""
    with connect(console.dsn, name="test") as conn:
        add_user(conn, "planner", PASSWORD, "dispatcher", NOW)
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = signed_in(context, console, "planner")
    page.wait_for_url(f"{console.address}/")
    page.goto(f"{console.address}/board")
    yield page
    context.close()


def test_a_decision_is_made_after_its_effect_was_seen(
    desk: Page, console: Running, district: District
) -> None:
    """By keyboard alone: a bar, its order, forbid, the answer of the dispatcher, why, keep."""
    expect(desk.locator("[data-bar]").first).to_be_attached()
    bar = desk.locator("[data-order='O-1005'].work")
    expect(bar).to_have_attribute("aria-label", "洒水一班: 洗扫 妈湾大道 03, 10:51–10:59, 计划")
    bar.focus()
    desk.keyboard.press("ArrowLeft")
    desk.keyboard.press("ArrowRight")
    expect(bar).to_be_focused()
    desk.keyboard.press("Enter")
    expect(desk.locator(".pane h2")).to_have_text("洗扫 妈湾大道 03")
    forbid = desk.get_by_role("button", name="禁止作业")
    forbid.focus()
    desk.keyboard.press("Enter")
    expect(desk.locator(".asking")).to_be_visible()
    step(console, district)
    expect(desk.locator(".effect .sentence")).not_to_be_empty()
    expect(desk.locator(".ghost").first).to_be_attached()
    keep = desk.get_by_role("button", name="保留")
    expect(keep).to_be_disabled()
    reason = desk.get_by_role("button", name="道路施工")
    reason.focus()
    desk.keyboard.press("Enter")
    keep.focus()
    desk.keyboard.press("Enter")
    expect(desk.locator(".decision")).to_have_count(0)
    with connect(console.dsn, name="test") as conn:
        found = conn.execute("SELECT kind, place, why, given_by FROM overrides").fetchall()
    assert found == [("forbid", "MW03", "道路施工", "planner")]


def test_a_bar_is_dragged_to_another_crew(desk: Page, console: Running) -> None:
    """Only crews that can do the work take it; what is dropped is a question, not a decision."""
    bar = desk.locator("[data-order='O-1005'].work")
    expect(bar).to_be_attached()
    names = desk.locator(".who")
    start = bar.locator("rect").first.bounding_box()
    sweeper = names.filter(has_text="机扫班").bounding_box()
    other = names.filter(has_text="洒水二班").bounding_box()
    assert start is not None
    assert sweeper is not None
    assert other is not None
    x, y = start["x"] + start["width"] / 2, start["y"] + start["height"] / 2
    desk.mouse.move(x, y)
    desk.mouse.down()
    desk.mouse.move(x + 5, sweeper["y"] + 20, steps=4)
    expect(desk.locator(".carried")).to_contain_text("拖到")
    desk.mouse.move(x + 5, other["y"] + 20, steps=4)
    expect(desk.locator(".carried")).to_contain_text("洒水二班")
    desk.mouse.up()
    expect(desk.locator(".decision h2")).to_have_text("改派: 洗扫 妈湾大道 03")
    expect(desk.locator(".decision select")).to_have_value("WATER-B")
    with connect(console.dsn, name="test") as conn:
        assert conn.execute("SELECT count(*) FROM overrides").fetchone() == (0,)


def test_a_bar_is_dragged_by_a_finger(browser: Browser, console: Running) -> None:
    """On a tablet, too: the finger moves the bar and not the page."""
    with connect(console.dsn, name="test") as conn:
        add_user(conn, "planner", PASSWORD, "dispatcher", NOW)
    context = browser.new_context(viewport={"width": 1180, "height": 820}, has_touch=True)
    page = signed_in(context, console, "planner")
    page.wait_for_url(f"{console.address}/")
    page.goto(f"{console.address}/board")
    bar = page.locator("[data-order='O-1005'].work")
    expect(bar).to_be_attached()
    start = bar.locator("rect").first.bounding_box()
    other = page.locator(".who").filter(has_text="洒水二班").bounding_box()
    assert start is not None
    assert other is not None
    x, y = start["x"] + start["width"] / 2, start["y"] + start["height"] / 2
    finger = context.new_cdp_session(page)

    def touch(kind: str, *at: float) -> None:
        points = [{"x": at[0], "y": at[1]}] if at else []
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", x, y)
    for share in (0.2, 0.5, 0.8, 1):
        touch("touchMove", x + 4, y + share * (other["y"] + 20 - y))
    expect(page.locator(".carried")).to_contain_text("洒水二班")
    touch("touchEnd")
    expect(page.locator(".decision h2")).to_have_text("改派: 洗扫 妈湾大道 03")
    context.close()


def test_the_board_can_be_read_as_a_table(desk: Page) -> None:
    """Every bar but those of standing still is a row, for whoever cannot see the drawing."""
    expect(desk.locator("[data-bar]").first).to_be_attached()
    drawn = desk.locator("[data-bar]:not(.standing):not(.off)").count()
    assert drawn > 8
    desk.get_by_role("button", name="表格").click()
    expect(desk.locator(".boardtable tbody tr")).to_have_count(drawn)
