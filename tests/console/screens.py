"""Pictures of every page: each language, each theme, screens from a phone to 4K, days of all kinds.

    python -m tests.console.screens --out DIR
    python -m tests.console.screens --out DIR --day bad=DATA --screen phone --page street

A day is `empty` (a district that nobody measures), `plausible` (three hours made up for tests), or
a folder that `roaddust demo --data FOLDER` has filled: a copy of its database is looked at, as it
was at its newest reading. Beside the pictures lie sheets of them, nine on each; what sticks out
sideways and what the browser complained of is said, and makes the exit status 1.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import product
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page
from psycopg.sql import SQL, Identifier

from console.texts import LANGUAGES
from console.users import add_user
from geo.district import load_district
from roaddust.embedded import EmbeddedPostgres
from store.database import connect
from store.migrate import migrate
from tests.console import alarming, plausible
from tests.console.browsing import settle, sign_in
from tests.console.conftest import PASSWORD, XINGHAI, Hands, Running
from tests.services import fresh_database
from tests.services.chromium import chromium

SCREENS = {"desk": (1366, 768), "wall": (2560, 1440), "uhd": (3840, 2160), "phone": (390, 844)}
THEMES = ("light", "dark")
PEOPLE = {"watcher": "viewer", "operator": "operator", "planner": "dispatcher",
          "boss": "administrator"}  # fmt: skip
AFTER = timedelta(seconds=20)
"""How long after its newest reading a day is looked at."""


@dataclass(frozen=True)
class View:
    """A page as somebody sees it: where it is, what is there once it is complete, who looks, what
    they press first, and on which screens."""

    name: str
    path: str
    complete: str
    user: str = "operator"
    press: Sequence[str] = ()
    screens: Sequence[str] = ("desk", "wall", "phone")


def views(day: date) -> list[View]:
    """Every page; `day` is the last that has a report."""
    street = "body:has(.pulse.on):has(path.street)"
    wall = ".wallbody > section"
    return [
        View("login", "/login", "form", user=""),
        View("street", "/", street, screens=tuple(SCREENS)),
        View("alarm", "/", street, press=("nav.views button:first-child", ".cards .face"),
             screens=("desk", "phone")),
        View("plan", "/", street, press=("nav.views button:last-child",), screens=("phone",)),
        View("wall-street", "/wall?view=street", wall, screens=("wall", "uhd")),
        View("wall-worst", "/wall?view=worst", wall, screens=("wall",)),
        View("wall-crews", "/wall?view=crews", wall, screens=("wall",)),
        View("wall-ahead", "/wall?view=ahead", wall, screens=("wall",)),
        View("alarms", "/alarms", ".tile"),
        View("segment", "/segments/XH07N", "[aria-labelledby=h-axis] :is(canvas, .say)"),
        View("board", "/board", "body:has(.pulse.on):has(.gantt)", user="planner",
             screens=("desk", "wall", "uhd", "phone")),
        View("reports", "/reports", "h1"),
        View("report", f"/reports/day/{day:%Y-%m-%d}", "h1"),
        View("dossier", "/sites/SITE-SPOIL-1/dossier", "h1", screens=("desk",)),
        View("people", "/people", ".list tbody tr", user="boss"),
        View("audit", "/people#audit", ".list tbody tr", user="boss", screens=("desk",)),
        View("me", "/me", ".list tbody tr"),
        View("crew", "/crew", ".crewpage main", user="driver", screens=("phone", "desk")),
        View("api", "/api", "h1", screens=("desk",)),
    ]  # fmt: skip


@dataclass
class Gallery:
    """Where the pictures go, and what was seen while they were taken."""

    folder: Path
    wanted: argparse.Namespace
    taken: list[Path] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def complain_of(self, name: str) -> Callable[[Error], None]:
        return lambda error: self.complaints.append(f"{name}: {error}")

    def hear(self, name: str) -> Callable[[ConsoleMessage], None]:
        def heard(message: ConsoleMessage) -> None:
            if message.type == "error":
                self.complaints.append(f"{name}: {message.text}")

        return heard

    def take(self, page: Page, name: str) -> None:
        file = self.folder / f"{name}.png"
        page.screenshot(path=file, full_page=self.wanted.whole)
        self.taken.append(file)
        wide, seen = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        if wide > seen:
            self.complaints.append(f"{name}: {wide - seen} px stick out sideways")


def prepare(dsn: str) -> None:
    """A schema, and people who may do different things; the leader of one crew among them."""
    migrate(dsn)
    with connect(dsn, name="screens") as conn:
        for name, role in PEOPLE.items():
            add_user(conn, name, PASSWORD, role, plausible.NOW)  # type: ignore[arg-type]
        add_user(conn, "driver", PASSWORD, "crew", plausible.NOW, crew="WATER-A")


def prepare_plausible(dsn: str) -> None:
    """Three hours, and alarms of every kind."""
    prepare(dsn)
    with connect(dsn, name="screens") as conn:
        plausible.fill(conn, load_district(XINGHAI))
        alarming.fill(conn, plausible.NOW)


@contextmanager
def day_of(wanted: str) -> Iterator[tuple[str, datetime]]:
    """The database of a day and the time at which it is looked at."""
    with tempfile.TemporaryDirectory() as scratch:
        if wanted in ("empty", "plausible"):
            fill = prepare if wanted == "empty" else prepare_plausible
            server = EmbeddedPostgres(Path(scratch) / "postgres", settings={"fsync": "off"})
            with server, fresh_database(server, fill) as dsn:
                yield dsn, plausible.NOW
            return
        with EmbeddedPostgres(Path(wanted) / "postgres") as server:
            copy = f"screens_{Path(scratch).name}".lower()
            with connect(server.dsn_of("postgres"), name="screens", autocommit=True) as admin:
                admin.execute(
                    SQL("CREATE DATABASE {} TEMPLATE {}").format(
                        Identifier(copy), Identifier(server.database)
                    )
                )
            try:
                dsn = server.dsn_of(copy)
                prepare(dsn)
                with connect(dsn, name="screens") as conn:
                    newest = conn.execute("SELECT max(ts) FROM readings").fetchone()
                if newest is None or newest[0] is None:
                    raise SystemExit(f"{wanted} holds no reading: run `roaddust demo` there first")
                yield dsn, newest[0] + AFTER
            finally:
                with connect(server.dsn_of("postgres"), name="screens", autocommit=True) as admin:
                    admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(copy)))


def entered(browser: Browser, address: str, name: str) -> BrowserContext:
    """A browser in which somebody has signed in."""
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, address, name)
    page.wait_for_url(lambda url: "/login" not in url)
    page.close()
    return context


def look(browser: Browser, gallery: Gallery, day: str, running: Running, last: date) -> None:
    """Take all pictures of a day."""
    wanted = gallery.wanted
    cookies = {}
    for name in (*PEOPLE, "driver"):
        context = entered(browser, running.address, name)
        cookies[name] = context.storage_state()
        context.close()
    seen = [view for view in views(last) if not wanted.page or view.name in wanted.page]
    for screen, language, theme in product(wanted.screen, wanted.language, wanted.theme):
        width, height = SCREENS[screen]
        phone = screen == "phone"
        for view in seen:
            if screen not in view.screens:
                continue
            name = f"{day}-{screen}-{language}-{theme}-{view.name}"
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,
                locale=language,
                reduced_motion="reduce",
                has_touch=phone,
                is_mobile=phone,
                storage_state=cookies.get(view.user),
            )
            page = context.new_page()
            page.on("pageerror", gallery.complain_of(name))
            page.on("console", gallery.hear(name))
            path, _, part = view.path.partition("#")
            query = "&" if "?" in path else "?"
            page.goto(f"{running.address}{path}{query}lang={language}#{part}")
            page.wait_for_selector(view.complete, state="attached")
            settle(page)
            for target in view.press:
                found = page.locator(target)
                if found.count() and found.first.is_visible():
                    found.first.click()
                    settle(page)
            gallery.take(page, name)
            context.close()


def sheets(files: Iterable[Path], folder: Path) -> None:
    """Nine pictures on each sheet, of one day, screen, language and theme."""
    groups: dict[str, list[Path]] = {}
    for file in files:
        group = "-".join(file.stem.replace("zh-CN", "zh").split("-")[:4])
        groups.setdefault(group, []).append(file)
    for name, members in groups.items():
        with Image.open(members[0]) as first:
            tall = first.height > first.width
        across, wide = (5, 330) if tall else (3, 660)
        for start in range(0, len(members), 2 * across if tall else 9):
            shown = members[start : start + (2 * across if tall else 9)]
            high = int(wide * (2.16 if tall else 0.5625)) + 16
            sheet = Image.new("RGB", (across * wide, -(-len(shown) // across) * high), "#808080")
            pen = ImageDraw.Draw(sheet)
            for i, file in enumerate(shown):
                x, y = i % across * wide, i // across * high
                with Image.open(file) as picture:
                    picture.thumbnail((wide - 4, high - 18))
                    sheet.paste(picture, (x + 2, y + 16))
                pen.text((x + 4, y + 2), file.stem, fill="white")
            sheet.save(folder / f"sheet-{name}-{start}.png")


def main() -> int:
    """Take the pictures; 1 when something was wrong with a page."""
    ask = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    ask.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    ask.add_argument("--day", action="append", metavar="NAME[=FOLDER]",
                     help="empty, plausible, or a name and the folder of a demo")  # fmt: skip
    ask.add_argument("--screen", action="append", choices=SCREENS)
    ask.add_argument("--language", action="append", choices=LANGUAGES)
    ask.add_argument("--theme", action="append", choices=THEMES)
    ask.add_argument("--page", action="append", help="name of a view; all when left out")
    ask.add_argument("--whole", action="store_true", help="down to the end of the page")
    wanted = ask.parse_args()
    wanted.screen = wanted.screen or list(SCREENS)
    wanted.language = wanted.language or list(LANGUAGES)
    wanted.theme = wanted.theme or list(THEMES)
    wanted.out.mkdir(parents=True, exist_ok=True)
    gallery = Gallery(wanted.out, wanted)
    for chosen in wanted.day or ["empty", "plausible"]:
        day, _, folder = chosen.partition("=")
        with day_of(folder or day) as (dsn, now):
            district = load_district(XINGHAI)
            last = now.astimezone(district.timezone).date() - timedelta(days=1)
            running = Running(district, dsn, now=Hands(now))
            try:
                with chromium() as browser:
                    look(browser, gallery, day, running, last)
            finally:
                running.stop()
    sheets(gallery.taken, wanted.out)
    print(f"{len(gallery.taken)} pictures in {wanted.out.absolute()}")
    for complaint in gallery.complaints:
        print(complaint)
    return 1 if gallery.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
