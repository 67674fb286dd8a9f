"""The console of a district ten times ours, live to fifty browsers: CPU, delay, memory, first view.

    python -m bench.console [--minutes 5] [--browsers 50] [--pages 2] [--plain] [--out FILE]

Each second every segment, every station and every crew has something new (`bench.bustle`), which is
far more than a district says. Of the browsers so many as --pages are Debian's Chromium, a desk and
a wall by turns, whose heap is weighed after a collection of garbage every half minute; the others
ask for the same files and follow the same stream (`bench.crowd`), because fifty real ones would
measure themselves on a machine of two cores. The server is `roaddust run --only console`.

The delay is from the commit of a second until a browser has its bytes (Chromium: until it has been
painted). Where a browser is told of several seconds at once, each counts.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
from playwright.sync_api import BrowserContext, CDPSession, Page, Playwright, sync_playwright
from rich.console import Console
from rich.table import Table

from bench import crowd
from bench.bustle import MARKER, Bustle
from console.access import COOKIE
from console.users import add_user
from geo.data.draw_tenfold import draw
from geo.district import District, load_district
from roaddust.embedded import EmbeddedPostgres
from roaddust.embedded.loopback import free_port
from store.database import connect
from store.migrate import migrate
from tests.services import Timescale, fresh_database
from tests.services.chromium import ARGUMENTS
from tests.services.waiting import wait_until

ROADDUST = (sys.executable, "-m", "roaddust.cli")
HOST = "127.0.0.1"
NAME, PASSWORD = "operator", "correct horse battery"
WARM_UP_S = 20
WEIGHED_EVERY_S = 30.0
DELAY_AIM_S = 1.0
FIRST_VIEW_AIM_S = 1.5
GROWTH_AIM_MB_H = 5.0
"""A page that grows by less would take half a year to fill a browser's gigabyte a working day."""
PATIENCE_MS = 300_000

# When the streets have their colours and the queue its cards, by the page's own clock. A promise:
# to look for a mark from outside costs the page a fifth of a second.
WATCH_FIRST_VIEW = """
window.firstView = new Promise((resolve) => addEventListener("DOMContentLoaded", () => {
  const look = () => {
    const street = document.querySelector("path.street.live.leaflet-path");
    const alarms = document.querySelector(".cards .card") || location.pathname === "/wall";
    if (!street || !alarms) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
  };
  look();
}));
"""
WATCH_DELAY = """
async (marker) => {
  const { onChange, tables } = await import("/static/live.js");
  window.seenAt = {};
  onChange((section, ids) => {
    if (section !== "episodes" || !(ids === null || ids.includes(marker))) return;
    const second = tables.episodes[marker]?.peak;
    requestAnimationFrame(() => setTimeout(() => (window.seenAt[second] ??= Date.now() / 1000)));
  });
}
"""


@dataclass
class Watched:
    """A page in Chromium. `heap`: (s since the start, MB, DOM nodes, listeners)."""

    page: Page
    cdp: CDPSession
    heap: list[tuple[float, float, int, int]] = field(default_factory=list)
    requests: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def weigh(self, since_s: float) -> None:
        self.cdp.send("HeapProfiler.collectGarbage")
        found = {
            one["name"]: one["value"] for one in self.cdp.send("Performance.getMetrics")["metrics"]
        }
        self.heap.append(
            (
                since_s,
                found["JSHeapUsedSize"] / 2**20,
                int(found["Nodes"]),
                int(found["JSEventListeners"]),
            )
        )

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    def growth_mb_h(self) -> float | None:
        """Slope of the heap, without the first quarter, in which caches fill."""
        kept = self.heap[len(self.heap) // 4 :]
        if len(kept) < 3:
            return None
        slope, _ = statistics.linear_regression([at for at, *_ in kept], [mb for _, mb, *_ in kept])
        return slope * 3600


@dataclass
class Spent:
    """CPU seconds so far: of the server, and of the database for the server and in all."""

    at: float
    server: float
    for_server: float
    database: float
    server_mb: float


def _cpu(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def spent(server: psutil.Process, postgres: psutil.Process, dsn: str) -> Spent:
    with connect(dsn, name="bench", autocommit=True) as conn:
        backends = [
            pid
            for (pid,) in conn.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'roaddust-console'"
            )
        ]
    for_server = sum(_cpu(psutil.Process(pid)) for pid in backends if psutil.pid_exists(pid))
    whole = _cpu(postgres) + sum(_cpu(child) for child in postgres.children(recursive=True))
    memory = server.memory_info().rss / 2**20
    return Spent(time.perf_counter(), _cpu(server), for_server, whole, memory)


@contextlib.contextmanager
def serving(folder: Path, district: Path, dsn: str) -> Iterator[tuple[psutil.Process, int]]:
    """The console as operators run it, in a process of its own."""
    port = free_port()
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *ROADDUST, "run", "--only", "console", "--district", str(district), "--db", dsn,
                "--port", str(port),
            ],
            env=os.environ | {"ROADDUST_DATA": str(folder / "data")},
            stdout=log,
            stderr=log,
        )  # fmt: skip
        try:
            address = f"http://{HOST}:{port}/login"

            def answers() -> bool:
                with contextlib.suppress(httpx.HTTPError):
                    return httpx.get(address).status_code == 200
                return False

            wait_until(answers, (folder / "server.log").read_text, PATIENCE_MS / 1000)
            yield psutil.Process(process.pid), port
        finally:
            process.terminate()
            process.wait(20)


def cookie(port: int) -> str:
    """A session of a desk."""
    answer = httpx.post(
        f"http://{HOST}:{port}/login", data={"name": NAME, "password": PASSWORD}, timeout=60
    )
    return str(answer.cookies[COOKIE])


def visit(context: BrowserContext, port: int, path: str, session: str) -> Watched:
    """A page, once all of it is there."""
    context.add_cookies([{"name": COOKIE, "value": session, "domain": HOST, "path": "/"}])
    page = context.new_page()
    watched = Watched(page, context.new_cdp_session(page))
    watched.cdp.send("Performance.enable")

    def count(request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme.startswith("http"):
            asked = parts.path + (f"?{parts.query}" if parts.query else "")
            watched.requests[asked] = watched.requests.get(asked, 0) + 1

    page.on("request", count)
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.add_init_script(WATCH_FIRST_VIEW)
    page.goto(f"http://{HOST}:{port}{path}")
    first_view_s(page)
    return watched


def first_view_s(page: Page) -> float:
    """Waits for it."""
    return float(page.evaluate("firstView")) / 1000


def first_views(
    playwright: Playwright, port: int, session: str, count: int
) -> tuple[list[float], list[float]]:
    """Seconds to the first view of the desk, with an empty cache and with a full one."""
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
    cold, warm = [], []
    for _ in range(count):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        watched = visit(context, port, "/", session)
        cold.append(first_view_s(watched.page))
        watched.page.reload()
        warm.append(first_view_s(watched.page))
        context.close()
    browser.close()
    return cold, warm


def delays(
    seen: dict[int, float], committed: dict[int, float], first: int, last: int
) -> list[float]:
    """Seconds from each commit until it was known; a later second tells of those before it."""
    told = sorted(seen.items())
    found, next_ = [], first
    for second, at in told:
        while next_ <= min(second, last):
            found.append(at - committed[next_])
            next_ += 1
    return found


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def measure(
    dsn: str, postgres: psutil.Process, district: District, folder: Path, asked: argparse.Namespace
) -> dict[str, Any]:
    """Everything, as figures by name."""
    with connect(dsn, name="bench") as conn:
        add_user(conn, NAME, PASSWORD, "operator", datetime.now(UTC))
        bustle = Bustle(conn, district)
        bustle.fill(datetime.now(UTC))
        bustle.second(0, datetime.now(UTC))
        conn.execute("ANALYZE")
        conn.commit()
        with serving(folder, folder / "district", dsn) as (server, port):
            sessions = [cookie(port) for _ in range(asked.browsers)]
            with sync_playwright() as playwright:
                quiet = first_views(playwright, port, sessions[0], asked.views)
                browser = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=ARGUMENTS
                )
                size = {"width": 1440, "height": 900}
                pages = [
                    visit(
                        browser.new_context(viewport=size),  # type: ignore[arg-type]
                        port,
                        "/wall" if n % 2 else "/",
                        sessions[n],
                    )
                    for n in range(max(1, asked.pages))
                ]
                for one in pages:
                    one.page.evaluate(WATCH_DELAY, MARKER)
                paths = [path for path in pages[0].requests if path != "/api/v1/live"]
                figures = _live(
                    bustle, pages, sessions[len(pages) :], paths, server, postgres, dsn, port, asked
                )
                figures["first_view_quiet_s"] = {"cold": quiet[0], "warm": quiet[1]}
                browser.close()
    return figures


def _live(
    bustle: Bustle,
    pages: list[Watched],
    sessions: Sequence[str],
    paths: Sequence[str],
    server: psutil.Process,
    postgres: psutil.Process,
    dsn: str,
    port: int,
    asked: argparse.Namespace,
) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    stop, (mine, theirs) = context.Event(), context.Pipe(duplex=False)
    again = "/api/v1/plan" if "/api/v1/plan" in paths else None
    following = context.Process(
        target=crowd.run, args=(HOST, port, sessions, paths, again, stop, theirs)
    )
    following.start()
    began = time.perf_counter()
    lasts, measured_from = WARM_UP_S + round(asked.minutes * 60), None
    late, weighed = 0, began - WEIGHED_EVERY_S
    try:
        for second in range(1, lasts + 1):
            wait_s = began + second - time.perf_counter()
            if wait_s > 0:
                pages[0].page.wait_for_timeout(1000 * wait_s)
            else:
                late += 1
            bustle.second(second, datetime.now(UTC))
            if second == WARM_UP_S:
                measured_from = spent(server, postgres, dsn)
                for one in pages:
                    one.requests.clear()
            if second >= WARM_UP_S and time.perf_counter() - weighed >= WEIGHED_EVERY_S:
                weighed = time.perf_counter()
                for one in pages:
                    one.weigh(weighed - began)
        ended = spent(server, postgres, dsn)
        pages[0].page.wait_for_timeout(3000)
    finally:
        stop.set()
    seen = mine.recv() if mine.poll(30) else []
    following.join(30)
    assert measured_from is not None
    wall_s = ended.at - measured_from.at
    of_crowd = [
        delay for one in seen for delay in delays(one.at, bustle.committed, WARM_UP_S, lasts)
    ]
    of_pages = {
        f"{n} {one.path}": delays(
            {int(float(k)): v for k, v in one.page.evaluate("window.seenAt").items()},
            bustle.committed,
            WARM_UP_S,
            lasts,
        )
        for n, one in enumerate(pages)
    }
    return {
        "seconds": wall_s,
        "late_seconds": late,
        "load": os.getloadavg(),
        "browsers": len(seen) + len(pages),
        "broken": [one.broken for one in seen if one.broken],
        "server_cpu": (ended.server - measured_from.server) / wall_s,
        "database_cpu_for_server": (ended.for_server - measured_from.for_server) / wall_s,
        "database_cpu": (ended.database - measured_from.database) / wall_s,
        "server_mb": [measured_from.server_mb, ended.server_mb],
        "delay_s": {f"p{p}": quantile(of_crowd, p / 100) for p in (50, 95, 99)}
        | {"max": max(of_crowd, default=float("nan")), "n": len(of_crowd)},
        "expected_delays": len(seen) * (lasts - WARM_UP_S + 1),
        "painted_s": {
            name: {f"p{p}": quantile(found, p / 100) for p in (50, 95)} | {"n": len(found)}
            for name, found in of_pages.items()
        },
        "mb_per_s": sum(one.bytes for one in seen) / 2**20 / (ended.at - began),
        "crowd_first_view_s": [one.first_view_s for one in seen],
        "asked": sum(one.asked for one in seen),
        "first_view_live_s": [first_view_s(one.page) for one in pages],
        "page_requests": [one.requests for one in pages],
        "page_errors": [one.errors for one in pages],
        "heap": {f"{n} {one.path}": one.heap for n, one in enumerate(pages)},
        "growth_mb_h": {f"{n} {one.path}": one.growth_mb_h() for n, one in enumerate(pages)},
    }


def show(figures: dict[str, Any]) -> None:
    """The figures beside the aims."""
    table = Table(title="The console of the ten-fold district")
    for name in ("what", "aim", "measured"):
        table.add_column(name)

    def line(what: str, aim: str, measured: str) -> None:
        table.add_row(what, aim, measured)

    def views(values: Sequence[float]) -> str:
        if not values:
            return "not asked for"
        return f"median {statistics.median(values):.2f} s, most {max(values):.2f} s"

    delay = figures["delay_s"]
    line("browsers, seconds", "50", f"{figures['browsers']}, {figures['seconds']:.0f}")
    line("server CPU, share of a core", "", f"{figures['server_cpu']:.0%}")
    line("database CPU for the server", "", f"{figures['database_cpu_for_server']:.0%}")
    line(
        "commit to bytes, p50 / p95 / p99",
        f"p95 < {DELAY_AIM_S:.0f} s",
        f"{delay['p50']:.2f} / {delay['p95']:.2f} / {delay['p99']:.2f} s",
    )
    for name, painted in figures["painted_s"].items():
        line(
            f"commit to paint, {name}",
            "",
            f"p50 {painted['p50']:.2f}, p95 {painted['p95']:.2f} s of {painted['n']}",
        )
    line("updates that arrived", "all", f"{delay['n']} of {figures['expected_delays']}")
    line("sent", "", f"{figures['mb_per_s']:.1f} MB/s")
    for name, cache in (("cold", "empty"), ("warm", "full")):
        found = figures["first_view_quiet_s"][name]
        line(f"first view, {cache} cache", f"< {FIRST_VIEW_AIM_S} s", views(found))
    for name, growth in figures["growth_mb_h"].items():
        heap = [mb for _, mb, *_ in figures["heap"][name]]
        nodes = [count for *_, count, _ in figures["heap"][name]]
        line(
            f"heap of page {name}",
            f"< {GROWTH_AIM_MB_H:.0f} MB/h",
            (f"{growth:+.1f} MB/h; " if growth is not None else "")
            + f"{heap[0]:.1f} to {heap[-1]:.1f} MB, nodes {nodes[0]} to {nodes[-1]}",
        )
    before, after = figures["server_mb"]
    line("memory of the server", "flat", f"{before:.0f} to {after:.0f} MB")
    line("broken streams, errors", "0", f"{len(figures['broken'])}, {figures['page_errors']}")
    line("load average; seconds written late", "", f"{figures['load']}; {figures['late_seconds']}")
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--browsers", type=int, default=50)
    parser.add_argument("--pages", type=int, default=2, help="of the browsers, in Chromium")
    parser.add_argument("--views", type=int, default=5, help="first views before the crowd comes")
    parser.add_argument("--plain", action="store_true", help="plain PostgreSQL, not TimescaleDB")
    parser.add_argument("--out", type=Path, default=None, help="every figure, as JSON")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="roaddust-bench-") as name:
        folder = Path(name)
        draw(folder / "district")
        district = load_district(folder / "district")
        with (
            EmbeddedPostgres(folder / "postgres") if asked.plain else Timescale() as database,
            fresh_database(database, migrate) as dsn,
        ):
            figures = measure(dsn, psutil.Process(database.pid), district, folder, asked)
    show(figures)
    if asked.out is not None:
        asked.out.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
