"""The three things that people come to the console for: clicks, and seconds of machine and person.

    python -m bench.tasks [--rounds 3] [--language zh-CN|en]

A real page in Chromium over the plausible hours of the tests, with a dispatcher that answers. Each
task begins where it would and ends when the answer is to be seen (or stored); what is seen is
printed, so that nobody has to believe it. Clicks and keys are counted as they are made. The
machine's seconds are measured, the middle one of the rounds. The person's are an estimate by the
keystroke-level model (Card, Moran and Newell, The Psychology of Human-Computer Interaction, 1983,
chapter 8): 1.1 s to point, 0.2 s to press and release, 0.4 s to reach for the keyboard, 0.28 s a
key, 1.35 s to make up one's mind before each choice. Reading what has come up is not in it.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect
from psycopg.types.json import Jsonb
from rich.console import Console
from rich.table import Table

from console.users import add_user
from dispatch.runner import Dispatcher
from dispatch.settings import DispatchSettings
from geo.district import District, load_district
from roaddust import bell
from roaddust.embedded import EmbeddedPostgres
from store.database import connect
from store.migrate import migrate
from tests.console import plausible
from tests.console.browsing import sign_in
from tests.console.conftest import PASSWORD, XINGHAI, Hands, Running
from tests.services import fresh_database
from tests.services.chromium import chromium

POINT_S, PRESS_S, REACH_S, KEY_S, MIND_S = 1.1, 0.2, 0.4, 0.28, 1.35
DAY = timedelta(days=1)
WORDS = {
    "zh-CN": {"send": "派班组去", "keep": "保留", "reports": "报告", "go": "查看", "wash": "洗扫"},
    "en": {
        "send": "Send a crew",
        "keep": "Keep",
        "reports": "Reports",
        "go": "Show",
        "wash": "Wash",
    },
}
SITUATION: dict[str, Any] = {
    "episodes": {}, "crews": {}, "troubles": [], "orders": {}, "weather": None, "overrides": [],
    "complaints": [], "said": {}, "left_out": [],
}  # fmt: skip


@dataclass
class Hand:
    """A hand on a mouse that counts what it does, and a watch beside it."""

    page: Page
    clicks: int = 0
    keys: int = 0
    reached: int = 0
    machine_s: float = 0.0
    seen: list[str] = field(default_factory=list)

    def click(self, what: Locator) -> None:
        expect(what).to_be_visible()
        began = time.perf_counter()
        what.click()
        self.clicks += 1
        self.machine_s += time.perf_counter() - began

    def see(self, what: Locator) -> None:
        """Wait until it is there: that is the machine's time."""
        began = time.perf_counter()
        expect(what).to_be_visible()
        self.machine_s += time.perf_counter() - began
        self.seen.append(" ".join(what.inner_text().split()))

    @property
    def person_s(self) -> float:
        """By the keystroke-level model: each click is a choice, each reach for the keyboard too."""
        pointing = self.clicks * (MIND_S + POINT_S + PRESS_S)
        return pointing + self.reached * (MIND_S + 2 * REACH_S) + self.keys * KEY_S


Task = Callable[[Hand, dict[str, str]], None]


def worst_and_why(hand: Hand, _words: dict[str, str]) -> None:
    """The first alarm of the queue, and what it is put down to."""
    first = hand.page.locator(".cards .card").first
    hand.see(first.locator(".place"))
    hand.click(first.locator(".face"))
    hand.see(first.locator(".causes"))


def send(hand: Hand, words: dict[str, str]) -> None:
    """From the open alarm to a decision that is kept, its effect seen before."""
    page = hand.page
    hand.click(page.locator(".cards .card.open .actions").get_by_role("link", name=words["send"]))
    hand.see(page.locator(".decision .sentence"))
    hand.click(page.locator(".decision").get_by_role("button", name=words["keep"]))
    hand.see(page.locator("ul.standing li").first)


def send_from_the_street(hand: Hand, words: dict[str, str]) -> None:
    """The same from the first view."""
    hand.click(hand.page.locator(".cards .card .face").first)
    send(hand, words)


def yesterdays_washing(hand: Hand, words: dict[str, str]) -> None:
    """The report of yesterday, at the row of washing."""
    page = hand.page
    hand.click(page.locator("nav.rail").get_by_role("link", name=words["reports"]))
    hand.click(page.get_by_role("button", name=words["go"], exact=True))
    washing = page.get_by_role("rowheader", name=words["wash"], exact=True)
    hand.see(page.get_by_role("row").filter(has=washing).first)


TASKS: dict[str, tuple[Task, bool]] = {
    "what is worst now, and why": (worst_and_why, False),
    "send someone, from the open alarm": (send, True),
    "send someone, from the first view": (send_from_the_street, False),
    "what did yesterday's washing achieve": (yesterdays_washing, False),
}
"""What is done, and whether the first alarm is open already."""


def fill(dsn: str, district: District) -> None:
    """The plausible hours, yesterday and today; and somebody who may act."""
    migrate(dsn)
    with connect(dsn, name="bench") as conn:
        add_user(conn, "operator", PASSWORD, "operator", plausible.NOW)
        plausible.fill(conn, district, plausible.NOW - DAY)
        # Of yesterday the work is asked for: its names are given anew, and it is all done.
        conn.execute("DELETE FROM episode_log")
        for table in ("episodes", "positions", "segment_forecasts", "treatment_worth"):
            conn.execute(f"DELETE FROM {table}".encode())
        conn.execute(
            "INSERT INTO plans (id, issued_at, trigger, solver, body)"
            " SELECT id || '-yesterday', issued_at, trigger, solver, body FROM plans"
        )
        conn.execute("UPDATE orders SET id = id || '-yesterday', plan = plan || '-yesterday'")
        conn.execute("UPDATE verdicts SET order_id = order_id || '-yesterday'")
        conn.execute("DELETE FROM plans WHERE id NOT LIKE '%-yesterday'")
        conn.execute(
            "UPDATE orders SET state = 'done', started_at = coalesce(started_at, eta),"
            " ended_at = coalesce(ended_at, eta + minutes * interval '1 minute')"
        )
        plausible.fill(conn, district, plausible.NOW)
        conn.execute("UPDATE plans SET solver = %s", (Jsonb({"situation": SITUATION}),))
        conn.commit()


@contextmanager
def dispatching(dsn: str, district: District) -> Iterator[None]:
    """A dispatcher that steps when it is asked for a preview, as the platform's does."""
    dispatcher, stop = Dispatcher(district, DispatchSettings()), threading.Event()
    with connect(dsn, name="dispatch") as conn:
        thread = threading.Thread(
            target=bell.answer,
            args=(dsn, lambda: dispatcher.step(conn, plausible.NOW), stop),
        )
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def once(task: Task, opened: bool, language: str, server: EmbeddedPostgres) -> Hand:
    """One task in a browser and a database of its own."""
    district = load_district(XINGHAI)
    with fresh_database(server) as dsn:
        fill(dsn, district)
        running = Running(district, dsn, now=Hands(plausible.NOW))
        try:
            with dispatching(dsn, district), chromium() as browser:
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                sign_in(page, running.address, "operator", language)
                expect(page.locator("path.street.live.leaflet-path").first).to_be_attached()
                expect(page.locator(".cards .card").first).to_be_visible()
                if opened:
                    page.locator(".cards .card .face").first.click()
                hand = Hand(page)
                task(hand, WORDS[language])
                return hand
        finally:
            running.stop()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--language", default="zh-CN", choices=list(WORDS))
    asked = parser.parse_args()
    expect.set_options(timeout=120_000)
    table = Table(title="Tasks")
    for name in ("task", "clicks", "keys", "machine, s", "person (KLM), s", "together, s"):
        table.add_column(name, justify="left" if name == "task" else "right")
    console = Console(width=None if sys.stdout.isatty() else 110)
    with (
        tempfile.TemporaryDirectory(prefix="roaddust-bench-") as folder,
        EmbeddedPostgres(Path(folder) / "postgres", settings={"fsync": "off"}) as server,
    ):
        for name, (task, opened) in TASKS.items():
            hands = [once(task, opened, asked.language, server) for _ in range(asked.rounds)]
            machine_s = statistics.median(hand.machine_s for hand in hands)
            last = hands[-1]
            table.add_row(
                name, str(last.clicks), str(last.keys), f"{machine_s:.1f}",
                f"{last.person_s:.1f}", f"{machine_s + last.person_s:.1f}",
            )  # fmt: skip
            console.print(f"[b]{name}[/b]: {' | '.join(last.seen)}", markup=True)
    console.print(table)


if __name__ == "__main__":
    main()
