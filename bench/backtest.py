"""How fast history is worked out, and whether memory stays flat, beside the limits set for it.

    python -m bench.backtest [arrays] [database] [live] [--days 30] [--profile]

arrays    the fold over days of readings that lie in memory, without a database: station-minutes
          a second, times real time, and resident memory as the days go by
database  the same days out of PostgreSQL, as `roaddust backtest` reads them; the reading alone
          besides
live      the ten-fold district minute by minute: the fold alone, and a whole step of analytics
          with its commit; median and 95 % over --minutes

The first two work on 100 stations and 60 segments: Xinghai Avenue's with made-up stations added.
Readings are made up by `bench.made_up`, no simulated world. One core, numpy's threads held to one;
a year is reckoned from the days worked out. --profile prints where the time of the fold goes.
"""

# ruff: noqa: E402 - numpy reads these names when it is imported.
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import cProfile
import json
import pstats
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console

from analytics.arrivals import Arrivals
from analytics.fold import State, advance
from analytics.history import blocks
from analytics.layout import Layout
from analytics.moments import time_of
from analytics.readings import Readings
from analytics.runner import Analytics
from analytics.settings import AnalyticsSettings
from bench.made_up import DAY_MIN, START, Day, day, happenings
from geo.data.draw_tenfold import draw
from geo.district import District, load_district
from roaddust.embedded import EmbeddedPostgres
from store.database import Connection, connect
from store.migrate import migrate

XINGHAI = Path(__file__).parents[1] / "geo" / "data" / "xinghai"
STATIONS, SEGMENTS = 100, 60
LIVE_LIMIT_MS, TIMES_REAL_TIME = 150.0, 20_000.0
WARM_MIN = 90
SETTINGS = AnalyticsSettings()

screen = Console(highlight=False)


@dataclass(slots=True)
class Timing:
    """Seconds of processor and of the wall spent, and resident memory after each day."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    resident_mb: list[float] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.cpu_s += time.process_time() - cpu
        self.wall_s += time.perf_counter() - wall

    def look(self) -> None:
        self.resident_mb.append(psutil.Process().memory_info().rss / 1e6)

    def tell(self, what: str, days: int, stations: int) -> None:
        minutes = days * DAY_MIN
        times = minutes * 60 / self.cpu_s
        screen.print(
            f"{what}: {days} days in {self.cpu_s:.1f} s of one core ({self.wall_s:.1f} s by the "
            f"wall), {1000 * self.cpu_s / minutes:.3f} ms a minute\n"
            f"  {stations * minutes / self.cpu_s:,.0f} station-minutes/s, {times:,.0f} times real "
            f"time (limit {TIMES_REAL_TIME:,.0f}); a year would take "
            f"{365 * self.cpu_s / days / 60:.1f} min"
        )
        if self.resident_mb:
            marks = sorted({0, len(self.resident_mb) // 4, len(self.resident_mb) // 2,
                            len(self.resident_mb) - 1})  # fmt: skip
            told = ", ".join(f"{self.resident_mb[n]:.0f} MB after day {n + 1}" for n in marks)
            screen.print(f"  resident memory: {told}; most {max(self.resident_mb):.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", help="arrays, database, live; all when left out")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--minutes", type=int, default=120, help="of the live measurement")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    given = parser.parse_args()
    wanted = given.what or ["arrays", "database", "live"]
    if unknown := set(wanted) - {"arrays", "database", "live"}:
        parser.error(f"there is no {', '.join(sorted(unknown))}: arrays, database or live")
    with tempfile.TemporaryDirectory() as scratch, _profiled(on=given.profile) as profile:
        folder = Path(scratch)
        if {"arrays", "database"} & set(wanted):
            district = enlarged(folder / "district")
            if "arrays" in wanted:
                from_arrays(district, given.days, given.seed, profile)
            if "database" in wanted:
                from_database(district, given.days, given.seed, folder / "postgres", profile)
        if "live" in wanted:
            live(folder, given.minutes, given.seed, profile)


def enlarged(folder: Path) -> District:
    """Xinghai Avenue with 60 segments to treat, and stations added on them until there are 100."""
    shutil.copytree(XINGHAI, folder)
    segments = json.loads((folder / "segments.geojson").read_text(encoding="utf-8"))
    stations = json.loads((folder / "stations.geojson").read_text(encoding="utf-8"))
    told = {feature["properties"].get("segment") for feature in stations["features"]}
    treated = [f for f in segments["features"] if f["properties"].get("treat", True)]
    treated.sort(key=lambda feature: feature["properties"]["id"] not in told)
    for feature in treated[SEGMENTS:]:
        feature["properties"]["treat"] = False
    for n in range(STATIONS - len(stations["features"])):
        # The last fifteen segments stay without a station of their own.
        on = treated[n % (SEGMENTS - 15)]
        line = on["geometry"]["coordinates"]
        stations["features"].append(
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": line[n % len(line)]},
                "properties": {
                    "id": f"ADD{n:02}",
                    "kind": "road",
                    "segment": on["properties"]["id"],
                },
            }
        )
    for name, layer in (("segments", segments), ("stations", stations)):
        (folder / f"{name}.geojson").write_text(json.dumps(layer), encoding="utf-8")
    return load_district(folder)


def from_arrays(district: District, days: int, seed: int, profile: cProfile.Profile | None) -> None:
    layout = Layout.of(district, SETTINGS)
    state = State.start(START, layout, SETTINGS)
    timing, found, before = Timing(), 0, None
    for number in range(days):
        now = day(district, number, seed)
        went_on = happenings([one for one in (before, now) if one], now.after)
        with timing.running(), _watched(profile):
            state, minutes = advance(
                state, now.after + DAY_MIN, now.readings, went_on, layout, SETTINGS
            )
        found += len({change.id for change in minutes.episodes})
        timing.look()
        before = now
    timing.tell(f"arrays, {len(layout.stations)} stations, {len(layout.segments)} segments", days,
                len(layout.stations))  # fmt: skip
    screen.print(f"  {found} episodes, {len(state.to_bytes()) / 1000:.0f} kB a checkpoint")


def from_database(
    district: District, days: int, seed: int, folder: Path, profile: cProfile.Profile | None
) -> None:
    layout = Layout.of(district, SETTINGS)
    with EmbeddedPostgres(folder, settings={"fsync": "off"}) as server:
        migrate(server.dsn)
        with connect(server.dsn, name="bench") as conn:
            for number in range(days):
                keep(conn, district, day(district, number, seed))
            conn.execute(b"ANALYZE readings")
            conn.commit()
            reading = Timing()
            arrivals = Arrivals(district, layout, with_late=True)
            rows = 0
            for number in range(days):
                after = START + number * DAY_MIN
                with reading.running():
                    rows += len(arrivals.readings(conn, after, after + DAY_MIN))
            timing = Timing()
            state = State.start(START, layout, SETTINGS)
            arrivals = Arrivals(district, layout, with_late=True)
            worked = blocks(conn, arrivals, state, START + days * DAY_MIN, layout, SETTINGS)
            while True:
                with timing.running(), _watched(profile):
                    if next(worked, None) is None:
                        break
                timing.look()
    timing.tell("database, the same", days, len(layout.stations))
    screen.print(
        f"  of which reading {reading.wall_s:.1f} s by the wall: "
        f"{rows / reading.wall_s:,.0f} rows/s"
    )


def live(folder: Path, count: int, seed: int, profile: cProfile.Profile | None) -> None:
    draw(folder / "tenfold")
    district = load_district(folder / "tenfold")
    layout = Layout.of(district, SETTINGS)
    stations, segments = len(layout.stations), len(layout.segments)
    first = START + 8 * 60  # local afternoon, when streets are busy
    made = day(district, 0, seed)
    fold_ms, step_ms = [], []
    state = State.start(first - WARM_MIN, layout, SETTINGS)
    for minute in range(first - WARM_MIN + 1, first + count + 1):
        arrived = within(made.readings, minute - 1, minute)
        went_on = happenings([made], minute - 1)
        began = time.perf_counter()
        with _watched(profile):
            state, _ = advance(state, minute, arrived, went_on, layout, SETTINGS)
        if minute > first:
            fold_ms.append(1000 * (time.perf_counter() - began))
    with EmbeddedPostgres(folder / "live", settings={"fsync": "off"}) as server:
        migrate(server.dsn)
        with connect(server.dsn, name="bench") as conn:
            analytics = Analytics(district, SETTINGS)
            keep(conn, district, slice_of(made, first - WARM_MIN - 1, first))
            analytics.step(conn, time_of(first))
            for minute in range(first + 1, first + count + 1):
                keep(conn, district, slice_of(made, minute - 1, minute))
                began = time.perf_counter()
                analytics.step(conn, time_of(minute))
                step_ms.append(1000 * (time.perf_counter() - began))
    screen.print(f"live, {stations} stations, {segments} segments, {count} minutes:")
    for what, ms in (("the fold", fold_ms), ("a whole step, with its commit", step_ms)):
        middle, high = np.percentile(ms, [50, 95])
        screen.print(
            f"  {what}: median {middle:.1f} ms, 95 % {high:.1f} ms (limit {LIVE_LIMIT_MS:.0f} ms)"
        )


def within(readings: Readings, after: int, upto: int) -> Readings:
    """Readings of the minutes after+1..upto."""
    return readings[(readings.ts_ms > after * 60_000) & (readings.ts_ms <= upto * 60_000)]


def slice_of(made: Day, after: int, upto: int) -> Day:
    """Part of a day; of the treatments none, for they are whole in the store or not there."""
    events = tuple(event for event in made.events if after < event.minute <= upto)
    return Day(after, within(made.readings, after, upto), events, ())


def keep(conn: Connection, district: District, made: Day) -> None:
    """Into the store, with the line that tells analytics of it."""
    names = tuple(district.stations)
    readings, stored = made.readings, time_of(made.after)
    with conn.cursor() as cursor:
        with cursor.copy(
            b"COPY readings (station, ts, pm10, pm25, tsp, temp, rh, wind_speed, wind_dir, rain,"
            b" source, stored_at) FROM STDIN"
        ) as copy:
            for row in zip(
                [names[s] for s in readings.station.tolist()],
                [datetime.fromtimestamp(ms / 1000, UTC) for ms in readings.ts_ms.tolist()],
                *readings.values.T.tolist(),
                strict=True,
            ):
                copy.write_row((*row, "json", stored))
        cursor.executemany(
            b"INSERT INTO events (source, id, source_kind, ts, kind, segment, site, count,"
            b" stored_at) VALUES ('C', %s, 'cameras', %s, %s, %s, %s, %s, %s)",
            [
                (f"{made.after}-{n}", time_of(e.minute), e.kind, e.segment, e.site, e.count, stored)
                for n, e in enumerate(made.events)
            ],
        )
        keep_works(conn, made, stored)
        cursor.execute(
            b"INSERT INTO batches (kind, stored_at, min_ts, rows) VALUES ('readings', %s, %s, %s)",
            (stored, time_of(made.after + 1), len(readings)),
        )
    conn.commit()


def keep_works(conn: Connection, made: Day, stored: datetime) -> None:
    """Treatments as their orders and what the crews said of them."""
    with conn.cursor() as cursor:
        cursor.execute(
            b"INSERT INTO plans (id, issued_at, trigger, solver, body)"
            b" VALUES ('P', %s, 't', '{}', '{}') ON CONFLICT DO NOTHING",
            (stored,),
        )
        cursor.executemany(
            b"INSERT INTO orders (id, crew, plan, seq, treatment, segment, path, eta, minutes,"
            b" water_l, priority, reason, state, issued_at)"
            b" VALUES (%s, %s, 'P', 1, %s, %s, '[]', %s, 5, 0, 3, 'r', 'done', %s)",
            [
                (w.order, w.crew, w.treatment, w.segment, time_of(w.start), stored)
                for w in made.works
            ],
        )
        cursor.executemany(
            b"INSERT INTO progress (crew, order_id, event, ts, stored_at)"
            b" VALUES (%s, %s, %s, %s, %s)",
            [
                (w.crew, w.order, event, time_of(at), stored)
                for w in made.works
                for event, at in (("started", w.start), ("done", w.end or w.start))
            ],
        )


@contextmanager
def _profiled(*, on: bool) -> Iterator[cProfile.Profile | None]:
    profile = cProfile.Profile() if on else None
    yield profile
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


@contextmanager
def _watched(profile: cProfile.Profile | None) -> Iterator[None]:
    if profile is None:
        yield
        return
    profile.enable()
    try:
        yield
    finally:
        profile.disable()


if __name__ == "__main__":
    main()
