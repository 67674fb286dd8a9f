"""Measure quality control: what it finds, what it flags wrongly, and how fast it is.

    python -m bench.quality faults [--seeds 5] [--days 1] [--keep DIR] [--scenarios A,B]
    python -m bench.quality speed [--stations 100] [--hours 24] [--repeats 3]
    python -m bench.quality kerb FILE [--show 20]

``faults`` lives simulated worlds in which the faulty readings are known, and runs all of analytics
over them; the last columns are without the test that needs the model of the street. ``speed`` puts
the tests that SaQC (https://rdm-software.pages.ufz.de/saqc) knows as well beside SaQC's own on the
same readings in the same run, and times all tests. SaQC is no dependency of the project: install it
with ``pip install saqc`` into an environment of its own, together with the project. ``kerb`` reads
hours of PM10 and PM2.5 with columns date, pm10, pm25 (µg/m³; an empty field is a gap), such as the
roadside set of the R package openair, and shows what is flagged there.
"""

import argparse
import csv
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from analytics import quality
from analytics.fold import State, advance
from analytics.layout import Layout
from analytics.quality import GOOD, PM_NAMES, TESTS, QualityState, Rows, check, reason
from analytics.readings import (
    COLUMNS,
    PM10,
    PM25,
    RAIN,
    RH,
    TEMP,
    TSP,
    WIND_DIR,
    WIND_SPEED,
    Readings,
)
from analytics.settings import AnalyticsSettings, QualitySettings
from bench.faults import WRONG, fault_figures

MINUTE_MS = 60_000
START_MIN = 29_000_000
SCENARIOS = "sensor_trouble,ordinary,dry_wind,gate_failure"
XINGHAI = Path(__file__).parent.parent / "geo" / "data" / "xinghai"
terminal = Console(width=140)

Floats = NDArray[np.float64]


# What it finds ----------------------------------------------------------------------------------


def faults(scenarios: list[str], seeds: int, days: float, keep: Path) -> Table:
    """Shares found and wrongly flagged, a row for each scenario and seed."""
    from bench.recorded import cached
    from geo.district import load_district
    from simulators.scenario import load_scenario

    district, settings = load_district(XINGHAI), AnalyticsSettings()
    layout = Layout.of(district, settings)
    columns = [f"found of {kind}" for kind in WRONG]
    columns += ["found but for drift", "found of all faulty", "good ones flagged"]
    alone = columns[-2:]
    table = Table("scenario", "seed", *columns, *(f"{each}, no model" for each in alone))
    for name in scenarios:
        for seed in range(1, seeds + 1):
            recorded = cached(keep, district, load_scenario(name), seed, days)
            after, upto = recorded.first - 1, recorded.first - 1 + recorded.minutes
            _, found = advance(
                State.start(after, layout, settings),
                upto,
                recorded.readings(layout, after, upto),
                recorded.happenings(after, upto),
                layout,
                settings,
            )
            figures = fault_figures(recorded, layout.stations, found.flagged)
            others = [t for t, test in enumerate(TESTS) if test != "neighbour"]
            bad = np.isin(found.flags[:, :, others], (quality.SUSPECT, quality.FAIL))
            rows = np.flatnonzero(bad.any(axis=(1, 2)))
            without = fault_figures(recorded, layout.stations, found.flagged[rows])
            table.add_row(
                name,
                str(seed),
                *(_percent(figures.get(each)) for each in columns),
                *(_percent(without.get(each)) for each in alone),
            )
    return table


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f} %"


# How fast it is ---------------------------------------------------------------------------------


def made_up(stations: int, minutes: int, seed: int = 1) -> Readings:
    """Minutes of stations with plumes, shared wind, and a few faults of every kind."""
    rng = np.random.default_rng(seed)
    shape = (stations, minutes)
    plume, wander, gust = np.zeros(shape), np.zeros(minutes), np.zeros(minutes)
    for t in range(1, minutes):
        plume[:, t] = 0.9 * plume[:, t - 1] + 0.3 * rng.standard_normal(stations)
        wander[t] = 0.8 * wander[t - 1] + 9.0 * rng.standard_normal()
        gust[t] = 0.98 * gust[t - 1] + 0.07 * rng.standard_normal()
    street = 30.0 * np.exp(plume)
    values = np.full((*shape, len(COLUMNS)), np.nan)
    noise = 1.0 + 0.03 * rng.standard_normal((3, *shape))
    values[..., PM10] = (40.0 + street) * noise[0]
    values[..., PM25] = (20.0 + 0.2 * street) * noise[1]
    values[..., TSP] = (60.0 + 2.0 * street) * noise[2]
    values[..., WIND_DIR] = np.round(90.0 + wander + 6.0 * rng.standard_normal(shape)) % 360.0
    values[..., WIND_SPEED] = 3.0 * np.exp(gust) * (1.0 + 0.08 * rng.standard_normal(shape))
    values[..., TEMP] = 20.0 + 0.1 * rng.standard_normal(shape)
    values[..., RH], values[..., RAIN] = 70.0, 0.0
    values[rng.random(shape) < 0.002, PM10] += 600.0
    values[rng.random(shape) < 0.001, PM10] = -2.0
    for station in range(0, stations, 10):
        values[station, 300:360, : TSP + 1] = values[station, 300, : TSP + 1]
    minute = START_MIN + np.tile(np.arange(1, minutes + 1), stations)
    return Readings(
        np.repeat(np.arange(stations), minutes),
        minute * MINUTE_MS,
        np.round(values, 1).reshape(-1, len(COLUMNS)),
        np.full(stations * minutes, ord("N")),
    )


def speed(stations: int, minutes: int, times: int) -> Table:
    """Station-minutes a second of one core: the tests that SaQC has too, on both, and all."""
    readings = made_up(stations, minutes)
    count = stations * minutes
    table = Table("what", "flagged", "station-minutes/s/core", "beside SaQC")
    ours, our_s = _timed(times, lambda: shared_tests(readings, stations, minutes))
    every, all_s = _timed(times, lambda: all_tests(readings, stations, minutes))
    # Last, since it puts names of its own, `min` among them, into the module of each rule.
    theirs, their_s = _saqc(readings, stations, minutes)
    rows = [("six tests, ours", ours, our_s)]
    if their_s:
        rows.append(("six tests, SaQC", theirs, their_s))
    rows.append(("all ten tests, ours", every, all_s))
    for what, flagged, seconds in rows:
        beside = f"{their_s / seconds:.1f}" if their_s else ""
        table.add_row(what, str(flagged), f"{count / seconds:,.0f}", beside)
    return table


def _timed(times: int, work: Callable[[], int]) -> tuple[int, float]:
    """What it gives, and the shortest processor time of a few goes."""
    found, best = 0, float("inf")
    for _ in range(times):
        began = time.process_time()
        found = work()
        best = min(best, time.process_time() - began)
    return found, best


def shared_tests(readings: Readings, stations: int, minutes: int) -> int:
    """Range, status, order, flat line, spike and rate; gives how many values are flagged."""
    settings, kinds = QualitySettings(), np.zeros(stations, np.int64)
    rows = Rows.of(readings, np.arange(len(readings)), readings.ts_ms // MINUTE_MS, kinds)
    found = [
        quality.gross_range(rows, settings),
        quality.device_status(rows),
        quality.size_order(rows, settings),
        quality.flat_line(
            rows,
            QualityState.start(stations),
            settings,
            after=START_MIN,
            upto=START_MIN + minutes,
        ),
        quality.spike(rows, settings),
        quality.rate(rows, settings),
    ]
    return int(np.logical_or.reduce([one.flags != GOOD for one in found]).sum())


def all_tests(readings: Readings, stations: int, minutes: int) -> int:
    """Every test that needs no model of the street, with state kept and reasons' numbers."""
    _, found = check(
        QualityState.start(stations),
        Readings.none(),
        readings,
        np.zeros(stations, np.int64),
        QualitySettings(),
        after=START_MIN,
        upto=START_MIN + minutes,
    )
    return int((found.flags > GOOD).any(axis=2).sum())


def _saqc(readings: Readings, stations: int, minutes: int) -> tuple[int, float]:
    """The same six tests by SaQC; making the tables is not timed."""
    try:
        import pandas as pd  # type: ignore[import-untyped]
        import saqc  # type: ignore[import-not-found]
    except ImportError:
        terminal.print(
            "SaQC is not installed, so nothing is put beside it: `pip install saqc` into an "
            "environment of its own that has this project too."
        )
        return 0, 0.0
    settings = QualitySettings()
    limits = settings.road
    at = pd.to_datetime((START_MIN + 1 + np.arange(minutes)) * MINUTE_MS, unit="ms")
    values = readings.values.reshape(stations, minutes, -1)
    fast, tolerance, margin = limits.rate_max, settings.order_tolerance, settings.order_margin
    flagged, took = 0, 0.0
    # A station at a time, which is faster than all in one table.
    for s in range(stations):
        columns = {
            name: values[s, :, column] for name, column in zip(PM_NAMES, quality.PM, strict=True)
        }
        table = pd.DataFrame(columns | {"status": np.full(minutes, float(ord("N")))}, index=at)
        began = time.process_time()
        pm = list(PM_NAMES)
        run = saqc.SaQC(table)
        run = run.flagRange(pm, min=0.0, max=limits.pm_max)
        run = run.flagConstants(pm, thresh=0.0, window="4min")
        run = run.flagOffset(
            pm, window="3min", thresh=limits.spike_min, thresh_relative=4.0, tolerance=100.0
        )
        for one in pm:
            run = run.flagGeneric(one, func=lambda x: abs(x.diff()) > fast)
            run = run.flagGeneric([one, "status"], target=[one, "status"], func=_unwell)
        for pair in (["pm25", "pm10"], ["pm10", "tsp"]):
            run = run.flagGeneric(pair, target=pair, func=lambda x, y: x > y * tolerance + margin)
        took += time.process_time() - began
        flagged += int(np.sum([(run._flags[one] > 0).sum() for one in pm]))
    return flagged, took


def _unwell(_value: Any, status: Any) -> Any:
    return (status != ord("N")) & (status != ord("S"))


# At a real kerb ---------------------------------------------------------------------------------


def kerb_readings(file: Path) -> tuple[Readings, int, int]:
    """Hours of one station with what was measured, and the minutes they lie between."""
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    ts = np.array([row["date"].removesuffix("Z") for row in rows], "datetime64[ms]").astype(int)
    values = np.full((len(rows), len(COLUMNS)), np.nan)
    for column, name in ((PM10, "pm10"), (PM25, "pm25"), (WIND_SPEED, "ws"), (WIND_DIR, "wd")):
        values[:, column] = [float(row[name]) if row[name] else np.nan for row in rows]
    there = ~np.isnan(values[:, (PM10, PM25)]).all(axis=1)
    readings = Readings(np.zeros(len(rows), np.int64), ts, values, np.full(len(rows), ord("N")))[
        there
    ]
    return readings, int(ts[0]) // MINUTE_MS - 1, int(ts[-1]) // MINUTE_MS


def kerb(file: Path, show: int) -> Iterator[Table]:
    """What is flagged at a real kerb by test, and some of it one by one."""
    readings, after, upto = kerb_readings(file)
    _, found = check(
        QualityState.start(1),
        Readings.none(),
        readings,
        np.zeros(1, np.int64),
        QualitySettings(),
        after=after,
        upto=upto,
    )
    bad: NDArray[np.bool_] = np.isin(found.flags, (quality.SUSPECT, quality.FAIL))
    measured: NDArray[np.bool_] = np.isfinite(readings.values[:, quality.PM])
    table = Table("test", "PM10", "PM2.5", "readings", "share")
    by_test: dict[str, NDArray[np.bool_]] = {"any": np.logical_or.reduce(bad, axis=2)}
    by_test |= {test: bad[:, :, t] for t, test in enumerate(TESTS)}
    for name, which in by_test.items():
        count = int((which.sum(axis=1) > 0).sum())
        table.add_row(
            name,
            str(int(which[:, 0].sum())),
            str(int(which[:, 1].sum())),
            str(count),
            f"{100 * count / len(readings):.3f} %",
        )
    table.add_row("measured", *(str(int(measured[:, c].sum())) for c in (0, 1)), str(len(readings)))
    yield table

    # Days apart, so that one long spell is one of them; the rarer test goes first.
    rng = np.random.default_rng(1)
    seen: NDArray[np.bool_] = np.logical_or.reduce(bad, axis=1)
    at_ms = found.flagged.ts_ms
    picked = np.empty(0, np.int64)
    tests = sorted(
        (t for t in range(len(TESTS)) if seen[:, t].any()), key=lambda t: seen[:, t].sum()
    )
    for left, t in zip(range(len(tests), 0, -1), tests, strict=True):
        some = -(-(show - len(picked)) // left)
        for row in rng.permutation(np.flatnonzero(seen[:, t])):
            if some and (abs(at_ms[picked] - at_ms[row]) > 48 * 60 * MINUTE_MS).all():
                picked, some = np.append(picked, row), some - 1
    one_by_one = Table("hour", "three before", "PM10", "three after", "PM2.5 before, now, after",
                       "why")  # fmt: skip
    for row in np.sort(picked):
        at = int(np.flatnonzero(readings.ts_ms == found.flagged.ts_ms[row])[0])
        pm10, pm25 = readings.values[:, PM10], readings.values[:, PM25]
        q, t = np.argwhere(bad[row])[0]
        why = reason(
            TESTS[t],
            float(found.flagged.values[row, quality.PM[q]]),
            float(found.numbers[row, q, t]),
            "en",
        )
        one_by_one.add_row(
            f"{datetime.fromtimestamp(readings.ts_ms[at] / 1000, UTC):%Y-%m-%d %H}",
            " ".join(f"{v:g}" for v in pm10[max(at - 3, 0) : at]),
            f"{pm10[at]:g}",
            " ".join(f"{v:g}" for v in pm10[at + 1 : at + 4]),
            " ".join(f"{v:g}" for v in pm25[max(at - 2, 0) : at + 2]),
            f"{TESTS[t]} {PM_NAMES[q]}: {why}",
        )
    yield one_by_one


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    part = parser.add_subparsers(dest="part", required=True)
    to_find = part.add_parser("faults")
    to_find.add_argument("--scenarios", default=SCENARIOS)
    to_find.add_argument("--seeds", type=int, default=5)
    to_find.add_argument("--days", type=float, default=1.0)
    to_find.add_argument("--keep", type=Path, default=Path("roaddust-recorded"))
    to_time = part.add_parser("speed")
    to_time.add_argument("--stations", type=int, default=100)
    to_time.add_argument("--hours", type=int, default=24)
    to_time.add_argument("--repeats", type=int, default=3)
    at_kerb = part.add_parser("kerb")
    at_kerb.add_argument("file", type=Path)
    at_kerb.add_argument("--show", type=int, default=20)
    told = parser.parse_args()
    if told.part == "faults":
        terminal.print(faults(told.scenarios.split(","), told.seeds, told.days, told.keep))
    elif told.part == "speed":
        terminal.print(speed(told.stations, 60 * told.hours, told.repeats))
    else:
        for table in kerb(told.file, told.show):
            terminal.print(table)


if __name__ == "__main__":
    main()
