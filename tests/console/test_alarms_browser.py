"""The work on alarms in a browser: by keyboard alone, several at once, and why in one click."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from store.database import connect
from tests.console import alarming, plausible
from tests.console.browsing import Visit
from tests.console.conftest import Running
from tests.console.test_axe import engine as engine  # noqa: PLC0414  (a fixture)
from tests.console.test_axe import told, violations

WORST = "[data-episode=E-20260302-0149-XH07N-inc60]"
CALM = "[data-episode=E-20260302-0203-XH03S-inc15]"


@pytest.fixture
def desk(browser: Browser, console: Running) -> Iterator[Visit]:
    """An operator at a desk with alarms of every kind."""
    with connect(console.dsn, name="test") as conn:
        alarming.fill(conn, plausible.NOW)
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    visit = Visit(context.new_page(), console)
    visit.watch()
    visit.sign_in()
    yield visit
    context.close()


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement?.dataset?.row ?? ''"))


def to_row(page: Page, wanted: str) -> None:
    """Go down the list by `j` until the row is reached."""
    for _ in range(20):
        page.keyboard.press("j")
        if focused(page) == wanted:
            return
    raise AssertionError(f"no way to {wanted} by keyboard; the last was {focused(page)}")


def test_a_whole_round_by_keyboard_alone(desk: Visit) -> None:
    """Reach a group, open it, read a member, comment, acknowledge, take a concern, shelve, search,
    ask for the keys: without a pointer, and the focus is never lost."""
    page = desk.page
    to_row(page, f"group {alarming.GROUP}")
    page.keyboard.press("Enter")
    to_row(page, "episode:E-20260302-0149-XH07N-inc60")
    page.keyboard.press("Enter")
    expect(page.locator(f"{WORST} .log li").first).to_be_visible()

    page.keyboard.press("c")
    page.keyboard.type("值班员已电话核实")
    page.keyboard.press("Enter")
    expect(page.locator(f"{WORST} .ev-comment p")).to_have_text("值班员已电话核实")
    page.evaluate(f"document.querySelector('{WORST}').focus()")

    page.keyboard.press("a")
    expect(page.locator(f"{WORST} .chip.ok")).to_have_text("✓ operator")
    # An answer moves the focus, which may come after what it changed.
    expect(page.locator(":focus")).to_have_attribute(
        "data-row", "episode:E-20260302-0149-XH07N-inc60"
    )

    page.keyboard.press("s")
    expect(page.locator(f"{WORST} .choices")).to_be_visible()
    page.keyboard.press("2")
    expect(page.get_by_role("button", name="已搁置或停用")).to_contain_text("1")
    expect(page.locator(":focus")).to_have_attribute("data-row", re.compile("."))

    page.keyboard.press("/")
    page.keyboard.type("拒绝")
    page.keyboard.press("Enter")
    expect(page.locator(".cards .card")).to_have_count(1)
    expect(page.locator(":focus")).to_have_attribute("data-row", re.compile("^concern:"))
    page.keyboard.press("t")
    expect(page.locator(".cards .card .chip.ok")).to_have_text("operator 处理中")

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="键盘快捷键")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".keyhelp")).to_have_count(0)
    assert desk.errors == []


def test_a_batch_and_the_way_back_by_keyboard_alone(desk: Visit) -> None:
    """Select a group, acknowledge it with one chord, shelve another, find it among what was put
    aside and bring it back."""
    page = desk.page
    to_row(page, f"group {alarming.GROUP}")
    page.keyboard.press("x")
    expect(page.locator(".batchbar b")).to_have_text("已选 2 条")
    page.keyboard.press("Shift+A")
    expect(page.locator(".answer")).to_contain_text("2 条")
    expect(page.locator(".batchbar")).to_have_count(0)

    to_row(page, "episode:E-20260302-0203-XH03S-inc15")
    page.keyboard.press("s")
    expect(page.locator(f"{CALM} .choices")).to_be_visible()
    page.keyboard.press("1")
    expect(page.locator(f".cards {CALM}")).to_have_count(0)

    fold = page.get_by_role("button", name="已搁置或停用")
    fold.focus()
    page.keyboard.press("Enter")
    expect(page.locator(f".asides {CALM}")).to_be_visible()
    to_row(page, "episode:E-20260302-0203-XH03S-inc15")
    page.keyboard.press("Enter")
    back = page.locator(f".asides {CALM}").get_by_role("button", name="取消搁置")
    for _ in range(20):
        if back.evaluate("button => button === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(back).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(f".cards {CALM}")).to_be_visible()
    assert desk.errors == []


def test_several_at_once_and_which_failed(desk: Visit) -> None:
    """Selected by keyboard and acknowledged together; the one that somebody else had seen
    meanwhile is named."""
    page = desk.page
    to_row(page, f"group {alarming.GROUP}")
    page.keyboard.press("x")
    expect(page.locator(".batchbar b")).to_have_text("已选 2 条")
    page.locator(CALM).locator("input[type=checkbox]").check()
    expect(page.locator(".batchbar b")).to_have_text("已选 3 条")
    page.get_by_role("button", name="全部确认", exact=True).click()
    expect(page.locator(".answer")).to_contain_text("2 条已完成，1 条没有成功")
    expect(page.locator(".answer li")).to_have_text("兴海大道 03 南行：已经有人确认")
    expect(page.locator(".batchbar b")).to_have_text("已选 1 条")


def test_shelved_comes_back_by_itself(desk: Visit) -> None:
    """When its time is over it stands in the list again without a reload."""
    page = desk.page
    page.locator(CALM).click()
    page.get_by_role("button", name="搁置", exact=True).click()
    page.get_by_role("button", name="15 分钟", exact=True).click()
    expect(page.locator(f".cards {CALM}")).to_have_count(0)
    assert desk.running.now is not None
    desk.running.now.forward(minutes=16)
    expect(page.locator(f".cards {CALM}")).to_be_visible()


def test_nothing_moves_under_the_pointer(desk: Visit) -> None:
    """While somebody points at the list, a worse alarm comes in marked and below, and is said;
    asked for, it goes where it belongs."""
    page = desk.page
    first = page.locator(".cards .card").first
    before = page.locator(".cards .card").evaluate_all("rows => rows.map(r => r.dataset.row)")
    first.hover()
    with connect(desk.running.dsn, name="test", autocommit=True) as conn:
        conn.execute(
            "INSERT INTO episodes (id, segment, rule, level, state, started_at, updated_at)"
            " VALUES ('E-NEW', 'MW03', 'inc60', 3, 'active', %s, %s)",
            (plausible.NOW, plausible.NOW),
        )
    row = page.locator("[data-episode=E-NEW]")
    expect(row.locator(".new")).to_be_visible()
    after = page.locator(".cards .card").evaluate_all("rows => rows.map(r => r.dataset.row)")
    assert after == [*before, "episode:E-NEW"]
    expect(page.locator(".queue [role=alert]").last).to_contain_text("妈湾大道 03")
    page.locator(".freshbar").click()
    moved = page.locator(".cards .card").evaluate_all("rows => rows.map(r => r.dataset.row)")
    assert moved.index("episode:E-NEW") < moved.index(before[-1])


def test_sound_by_level_and_off(desk: Visit) -> None:
    """A new alarm sounds once; switched off it is silent, and stays so on this machine."""
    page = desk.page
    rung = "import('/static/sound.js').then(m => m.sound.rung)"
    start = page.evaluate(rung)

    def alarm(id_: str) -> None:
        with connect(desk.running.dsn, name="test", autocommit=True) as conn:
            conn.execute(
                "INSERT INTO episodes (id, segment, rule, level, state, started_at, updated_at)"
                " VALUES (%s, 'MW03', 'inc15', 2, 'active', %s, %s)",
                (id_, plausible.NOW, plausible.NOW),
            )
        expect(page.locator(f"[data-episode={id_}]")).to_be_attached()

    alarm("E-NEW-1")
    page.wait_for_function(
        "n => import('/static/sound.js').then(m => m.sound.rung === n)", arg=start + 1
    )
    page.get_by_role("button", name="报警声音").click()
    alarm("E-NEW-2")
    assert page.evaluate(rung) == start + 1
    page.reload()
    expect(page.get_by_role("button", name="报警声音")).to_have_attribute("aria-pressed", "false")


INSISTENT = """import('/static/sound.js').then(({ Insistent, AGAIN_MS }) => {
  const one = new Insistent();
  return [one.due(['a'], 0), one.due(['a'], AGAIN_MS - 1), one.due(['a'], AGAIN_MS),
    one.due(['a'], AGAIN_MS + 1), one.due([], AGAIN_MS + 2), one.due(['a'], 2 * AGAIN_MS + 3)];
})"""


def test_severe_and_unseen_sounds_again_after_two_minutes(desk: Visit) -> None:
    """Two minutes after it began, then every two; what was seen meanwhile begins anew."""
    assert desk.page.evaluate(INSISTENT) == [False, False, True, False, False, False]


def test_why_an_order_in_one_click_from_the_queue(desk: Visit) -> None:
    """The order's chip in the queue opens the answer beside it, and Escape goes back."""
    page = desk.page
    page.locator(f"{CALM} button.chip.order").click()
    drawer = page.get_by_role("dialog", name="为什么下达这条指令")
    for heading in ("为什么做", "为什么是这个班组", "为什么不是别的班组", "作业证实", "成效"):
        expect(drawer.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    expect(drawer).to_contain_text("下风向有居民 640 人")
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    assert desk.errors == []


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_segment_page_explains_itself(desk: Visit, language: str) -> None:
    """Its own page has the axis, causes, ground, worths and orders, and says why of each order."""
    page = desk.page
    page.goto(f"{desk.running.address}/segments/XH05S?lang={language}")
    expect(page.locator(".axis-chart canvas").first).to_be_visible()
    english = language == "en"
    expect(page.locator("main")).to_contain_text(
        "Everything on one time axis" if english else "同一时间轴上的全部情况"
    )
    expect(page.locator("main")).to_contain_text("0.8 g/m²" if english else "0.8 克/平方米")
    page.get_by_role("button", name="O-1001").click()
    expect(page.locator(".orderwhy")).to_contain_text("Proven: 93%" if english else "已证实 93%")
    assert desk.errors == []


def test_health_page_holds_the_figures_to_the_norm(desk: Visit) -> None:
    """Figures, norms and tables of a day and a week are shown."""
    page = desk.page
    page.goto(f"{desk.running.address}/alarms?lang=en")
    expect(page.locator(".tile").first).to_contain_text("0.4")
    expect(page.locator(".tile").first).to_contain_text("acceptable (≤ 6)")
    page.get_by_role("button", name="Week").click()
    expect(page.locator(".tile").first).to_contain_text("0.1")
    expect(page.locator("main")).to_contain_text("EEMUA 191 and ISA-18.2")
    assert desk.errors == []


def test_a_station_is_put_out_of_service_and_back(desk: Visit) -> None:
    """With a reason and for a time; the list says who and why, and one press ends it."""
    page = desk.page
    page.goto(f"{desk.running.address}/alarms?lang=en")
    form = page.locator(".serviceform")
    form.get_by_label("Place or station").select_option("SS02")
    form.get_by_label("For").select_option("24")
    form.get_by_label("Reason").fill("fan is being changed")
    page.keyboard.press("Enter")
    row = page.locator("section", has=form).locator("tbody tr")
    expect(row).to_contain_text("fan is being changed")
    with connect(desk.running.dsn, name="test") as conn:
        found = conn.execute("SELECT subject, why, given_by FROM out_of_service").fetchall()
    assert found == [("SS02", "fan is being changed", "operator")]
    row.get_by_role("button", name="Put back SS02").click()
    expect(row).to_have_count(0)
    assert desk.errors == []


def test_what_is_suppressed_by_design_can_be_seen(desk: Visit) -> None:
    """A notice of haze hushes the early warning, and the page says so."""
    with connect(desk.running.dsn, name="test") as conn:
        conn.execute(
            "INSERT INTO notices (id, kind, started_at) VALUES ('N-1', 'haze', %s)",
            (plausible.NOW,),
        )
        conn.commit()
    page = desk.page
    page.goto(f"{desk.running.address}/alarms")
    part = page.locator("section", has=page.get_by_role("heading", name="按设计不呼叫"))
    expect(part.locator("tbody tr").first).to_contain_text("霾或沙尘期间不做早期预警")


def test_alarms_at_work_are_open_to_all(desk: Visit, engine: str) -> None:
    """No violation of axe-core's rules with a group and an alarm open, one being shelved, several
    selected, an answer, the keys and the reason of an order shown; light and dark."""
    page = desk.page
    page.locator(f"[data-row='group {alarming.GROUP}'] .face").click()
    page.locator(f"{WORST} .face").first.click()
    page.get_by_role("button", name="搁置", exact=True).click()
    page.locator(CALM).locator("input[type=checkbox]").check()
    page.get_by_role("button", name="全部确认", exact=True).click()
    expect(page.locator(".answer")).to_be_visible()
    assert not (found := violations(page, engine)), told(found)
    page.locator(".controls button", has_text="深色").click()
    page.locator(f"{CALM} button.chip.order").click()
    expect(page.locator(".orderwhy")).to_be_visible()
    assert not (found := violations(page, engine)), told(found)
    page.keyboard.press("Escape")
    page.locator(".queue .qtools button", has_text="?").click()
    assert not (found := violations(page, engine)), told(found)
