"""Put the simulated kerb beside a real one: hours of PM10 at Marylebone Road, London.

    python -m bench.marylebone FILE [--days 365] [--seed 1] [--out docs]

FILE is a CSV of hours in UTC with the columns date, ws, wd, pm10 and pm25 (m/s, degrees and
µg/m³; an empty field is a gap), such as the roadside set of the R package openair. It is put
beside a world in code of that kind: one busy street of six lanes, a station 1 m from its kerb,
London's traffic, wind, rain and regional background. Prints the figures as a table; with
``--out`` it puts them into calibration.md there and draws the pictures that belong to it.
"""

import argparse
import csv
import itertools
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib as mpl
import numpy as np
import shapely
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from geo.district import District, Segment, Station
from geo.graph import RoadGraph
from geo.projection import LocalProjection
from simulators.dust import Dust
from simulators.scenario import RainSpell, Scenario, TrafficSpell
from simulators.silt import SiltPhysics

Floats = NDArray[np.float64]
Hours = NDArray[np.datetime64]

LONDON = ZoneInfo("Europe/London")
MARYLEBONE = (-0.1546, 51.5225)

# The road runs from west-south-west to east-north-east between tall houses. Over such a canyon
# the wind turns round at the ground: a south wind blows the street's air to the south kerb, where
# the real station stands. The simulated street is open, and the same wind blows to the north.
ROAD_FROM_NORTH_DEG = 75.0
ROAD_M, LANES, WIDTH_M = 1000.0, 6, 21.0
STATION_FROM_KERB_M, INLET_M = 1.0, 3.0

# Some 80,000 vehicles a day, of which 7,000 are buses and lorries of 12 t. A heavy truck of the
# simulated world is a laden tipper or container truck of 24 t, so half as many raise the same.
HEAVY_A_DAY = 3500.0
LIGHT_A_DAY = 73_000.0
USUAL_LIGHT_A_LANE = 2200.0

# A swept street of buses and lorries without tippers. Exhaust, which the simulated street does not
# have, is in it too: the figure is chosen so that the street adds what it does in London.
SHED_G_PER_HEAVY_M = 0.016

# Rain by chance: some 600 mm in 170 spells a year.
DRY_H, RAIN_H, RAIN_MM_H = 48.0, 3.0, 1.15

LAGS_H = (1, 6, 24)
LONGEST_LAG_H = 72
QUANTILES = (1, 5, 25, 50, 75, 95, 99)
WIND_EDGES_M_S = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 20.0)
SECTORS = 12
SECTOR_DEG = 360 // SECTORS
# Days for each direction that the wind comes from.
ROSE_DAYS = 6

BEGIN, END = "<!-- figures begin -->", "<!-- figures end -->"


@dataclass(frozen=True, slots=True)
class Kerb:
    """Hours at a kerb, (hour,) each; NaN is a gap. ``ts`` is the hour's start in UTC."""

    ts: Hours
    pm10: Floats
    pm25: Floats
    wind_m_s: Floats
    wind_from_deg: Floats

    def local(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Hour of the day and day of the week (Monday is 0) by London's clocks."""
        times = [
            at.replace(tzinfo=UTC).astimezone(LONDON)
            for at in self.ts.astype("datetime64[s]").tolist()
        ]
        return (
            np.array([at.hour for at in times], np.intp),
            np.array([at.weekday() for at in times], np.intp),
        )


def measured(file: Path) -> Kerb:
    """Read the hours that were measured."""
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))

    def column(name: str) -> Floats:
        return np.array([float(row[name]) if row[name] else np.nan for row in rows])

    ts = np.array([row["date"].removesuffix("Z") for row in rows], "datetime64[h]")
    if (np.diff(ts) != np.timedelta64(1, "h")).any():
        raise SystemExit(f"{file} is not hour after hour: leave gaps as empty fields")
    return Kerb(ts, *(column(name) for name in ("pm10", "pm25", "ws", "wd")))


def street() -> District:
    """One street with a station at its kerb."""
    projection = LocalProjection(*MARYLEBONE)
    turn = np.radians(ROAD_FROM_NORTH_DEG)
    along, north = np.array([np.sin(turn), np.cos(turn)]), np.array([-np.cos(turn), np.sin(turn)])
    ends = projection.to_lonlat(np.array([-along, along]) * ROAD_M / 2.0)
    lon, lat = projection.to_lonlat([north * (WIDTH_M / 2.0 + STATION_FROM_KERB_M)])[0]
    road = Segment(
        id="MR",
        name="Marylebone Road",
        line=shapely.LineString(ends),
        road=None,
        oneway=False,
        treat=True,
        speed_kmh=48.0,
        lanes=LANES,
        width_m=WIDTH_M,
        residents=0,
        heavy_trucks_per_day=HEAVY_A_DAY,
        min_treatments_per_day=0.0,
        length_m=ROAD_M,
    )
    kerbside = Station("KERB", "road", float(lon), float(lat), "MR", None, INLET_M, None, "ug/m3")
    return District(
        id="marylebone",
        name="Marylebone Road",
        timezone=LONDON,
        segments={road.id: road},
        sites={},
        stations={kerbside.id: kerbside},
        cameras={},
        depots={},
        crews={},
        overrides={},
        projection=projection,
        folder=Path(),
    )


def london(days: float, seed: int, wind_from_deg: float = 225.0) -> Scenario:
    """London's weather and traffic in the simulator's words, from a Monday in winter on."""
    return Scenario(
        name="london",
        purpose="A busy street in London",
        start=datetime(2001, 1, 1, tzinfo=UTC),
        days=days,
        temp_c=11.5,
        temp_swing_c=3.5,
        rh_percent=75.0,
        rh_swing_percent=12.0,
        wind_ms=4.6,
        wind_swing_ms=1.0,
        wind_from_deg=wind_from_deg,
        sea_breeze_turn_deg=0.0,
        wind_synoptic=0.43,
        rain=tuple(_rain(days, random.Random(seed))),
        background_pm10=22.0,
        background_swing=0.0,
        background_noise=0.25,
        background_synoptic=0.36,
        background_pm25_share=0.70,
        traffic=(TrafficSpell(0.0, 24.0 * days, 1.0, LIGHT_A_DAY / (USUAL_LIGHT_A_LANE * LANES)),),
        gate_failures_per_day=0.0,
        first_gate_failure_min=None,
    )


def rose_of(district: District, seed: int) -> Kerb:
    """Hours under the same sky with wind from each direction in turn."""
    spans = []
    for sector in track(range(SECTORS), "Winds", console=Console(stderr=True)):
        usual = london(ROSE_DAYS, seed, wind_from_deg=float(sector * SECTOR_DEG))
        spans.append(lived(district, replace(usual, background_synoptic=0.0), seed))
    return Kerb(
        *(np.concatenate([getattr(one, part.name) for one in spans]) for part in fields(Kerb))
    )


def _rain(days: float, chance: random.Random) -> Iterable[RainSpell]:
    at_h = chance.expovariate(1.0 / DRY_H)
    while at_h < 24.0 * days:
        hours = chance.expovariate(1.0 / RAIN_H)
        yield RainSpell(at_h, hours, chance.expovariate(1.0 / RAIN_MM_H))
        at_h += hours + chance.expovariate(1.0 / DRY_H)


def lived(district: District, scenario: Scenario, seed: int) -> Kerb:
    """Live through a scenario and give its hours at the kerb, as instruments would."""
    shed = SiltPhysics(shed_g_per_heavy_m=SHED_G_PER_HEAVY_M)
    dust = Dust(district, RoadGraph(district), scenario, seed, silt_physics=shed)
    hours = round(24.0 * scenario.days)
    sums = np.zeros((hours, 5))
    now, minute = scenario.start, timedelta(minutes=1)
    shown = Console(stderr=True)
    for hour in track(range(hours), "Living", console=shown, disable=hours < 24 * 30):
        for _ in range(60):
            now += minute
            was = dust.step(now)
            speed, blown = was.air.wind_m_s, np.radians(was.air.wind_from_deg)
            sums[hour] += (
                was.station_pm10[0],
                was.station_pm25[0],
                speed,
                speed * np.sin(blown),
                speed * np.cos(blown),
            )
    pm10, pm25, speed, east, north = sums.T / 60.0
    first = np.datetime64(scenario.start.astimezone(UTC).replace(tzinfo=None), "h")
    from_deg = np.degrees(np.arctan2(east, north)) % 360.0
    return Kerb(first + np.arange(hours), pm10, pm25, speed, from_deg)


def daily_medians(kerb: Kerb) -> tuple[Floats, NDArray[np.intp]]:
    """(day,) medians of PM10, NaN on days with less than 18 hours, and the day of each hour."""
    _, day = np.unique(kerb.ts.astype("datetime64[D]"), return_inverse=True)
    medians = np.full(day.max() + 1, np.nan)
    for index in range(len(medians)):
        hours = kerb.pm10[day == index]
        if np.isfinite(hours).sum() >= 18:
            medians[index] = np.nanmedian(hours)
    return medians, day


def correlation(values: Floats, lag: int) -> float:
    """Correlation of hours with those ``lag`` later, over the pairs without a gap."""
    before, after = values[:-lag], values[lag:]
    both = np.isfinite(before) & np.isfinite(after)
    return float(np.corrcoef(before[both], after[both])[0, 1])


def logarithm(values: Floats) -> Floats:
    """Natural logarithm, a gap where there is none."""
    return np.asarray(np.log(np.where(values > 0.0, values, np.nan)), np.float64)


def relative(values: Floats, classes: NDArray[np.intp], count: int) -> Floats:
    """(class,) mean of each class over the mean of all; NaN for less than 50 hours."""
    given = [values[(classes == index) & np.isfinite(values)] for index in range(count)]
    means = [some.mean() if len(some) >= 50 else np.nan for some in given]
    return np.asarray(np.array(means) / np.nanmean(values), np.float64)


def fine_share(kerb: Kerb) -> Floats:
    """(hour,) PM2.5 over PM10, where both were measured and PM10 is over 10 µg/m³."""
    there = np.isfinite(kerb.pm25) & (kerb.pm10 > 10.0)
    return np.asarray(kerb.pm25[there] / kerb.pm10[there], np.float64)


@dataclass(frozen=True, slots=True)
class Figures:
    """What is compared of a kerb; means by class are over the mean of all hours."""

    mean: float
    quantiles: Floats
    spread_of_days: float
    memory: Floats
    memory_of_logs: Floats
    wind_memory: Floats
    by_hour: Floats
    by_weekday: Floats
    fine: Floats
    by_wind: Floats
    by_direction: Floats
    wind_mean: float

    @classmethod
    def of(cls, kerb: Kerb, rose: Kerb) -> "Figures":
        """Work out the figures of a kerb; ``rose`` has hours with wind from everywhere."""
        hour, weekday = kerb.local()
        medians, day = daily_medians(kerb)
        logs = logarithm(kerb.pm10)
        lags = range(1, LONGEST_LAG_H + 1)
        share = fine_share(kerb)
        known = np.isfinite(kerb.wind_m_s)
        speed = np.where(known, np.digitize(kerb.wind_m_s, WIND_EDGES_M_S[1:]), -1)
        turned = np.isfinite(rose.wind_from_deg)
        sector = np.where(turned, np.round(rose.wind_from_deg / SECTOR_DEG) % SECTORS, -1)
        return cls(
            mean=float(np.nanmean(kerb.pm10)),
            quantiles=np.nanpercentile(kerb.pm10 / medians[day], QUANTILES),
            spread_of_days=float(np.nanstd(logarithm(medians))),
            memory=np.array([correlation(kerb.pm10, lag) for lag in lags]),
            memory_of_logs=np.array([correlation(logs, lag) for lag in lags]),
            wind_memory=np.array([correlation(logarithm(kerb.wind_m_s), lag) for lag in lags]),
            by_hour=relative(kerb.pm10, hour, 24),
            by_weekday=relative(kerb.pm10, weekday, 7),
            fine=np.nanpercentile(share, (5, 50, 95)),
            by_wind=relative(kerb.pm10, speed.astype(np.intp), len(WIND_EDGES_M_S) - 1),
            by_direction=relative(rose.pm10, sector.astype(np.intp), SECTORS),
            wind_mean=float(np.nanmean(kerb.wind_m_s)),
        )


def rows(real: Figures, made: Figures) -> list[tuple[str, str, str]]:
    """Give the table: what it is, measured, simulated."""

    def row(
        what: str, of: Callable[[Figures], Iterable[float]], form: str = ".2f"
    ) -> tuple[str, str, str]:
        told = [" / ".join(format(value, form) for value in of(one)) for one in (real, made)]
        return what, told[0], told[1]

    quantiles = " / ".join(f"{quantile} %" for quantile in QUANTILES)
    at_lags = [lag - 1 for lag in LAGS_H]
    return [
        row("PM10, mean, µg/m³", lambda one: [one.mean], ".1f"),
        row(f"PM10 over its daily median, {quantiles}", lambda one: one.quantiles),
        row("daily medians, spread of the logarithm", lambda one: [one.spread_of_days]),
        row("PM10, correlation after 1 / 6 / 24 h", lambda one: one.memory[at_lags]),
        row("its logarithm, after 1 / 6 / 24 h", lambda one: one.memory_of_logs[at_lags]),
        row(
            "logarithm of the wind's speed, after 1 / 6 / 24 h",
            lambda one: one.wind_memory[at_lags],
        ),
        row(
            "hour of the day, lowest / highest, of the mean",
            lambda one: [one.by_hour.min(), one.by_hour.max()],
        ),
        row(
            "Monday to Friday / Saturday / Sunday, of the mean",
            lambda one: [one.by_weekday[:5].mean(), *one.by_weekday[5:]],
        ),
        row("PM2.5 over PM10, 5 / 50 / 95 %", lambda one: one.fine),
        row("wind 1 to 2 / 3 to 4 / 6 to 8 m/s, of the mean", lambda one: one.by_wind[[1, 3, 5]]),
        row("wind from N / E / S / W, of the mean", lambda one: one.by_direction[::3]),
        row("wind, mean, m/s", lambda one: [one.wind_mean], ".1f"),
    ]


def table(real: Figures, made: Figures) -> str:
    """Give the figures as Markdown."""
    lines = ["| figure | measured | simulated |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows(real, made))])


def pictures(real: Figures, made: Figures, folder: Path) -> None:
    """Draw the figures side by side; the same figures give the same files."""
    with mpl.rc_context(LOOK):
        for name, draw in (
            ("distribution", _draw_distribution),
            ("memory", _draw_memory),
            ("cycles", _draw_cycles),
            ("wind", _draw_wind),
        ):
            figure = Figure(figsize=(8.0, 3.4), layout="constrained")
            draw(figure, real, made)
            figure.axes[0].legend(frameon=False)
            figure.savefig(
                folder / f"calibration-{name}.svg", metadata={"Date": None, "Creator": None}
            )


LOOK: Any = {
    # The same names in each file's inside, and letters as text.
    "svg.hashsalt": "calibration",
    "svg.fonttype": "none",
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
REAL: Mapping[str, Any] = {
    "label": "measured",
    "color": "#222222",
    "marker": "o",
    "markersize": 3.5,
}
MADE: Mapping[str, Any] = {
    "label": "simulated", "color": "#d95f02", "marker": "s", "markersize": 3.5, "linestyle": "--",
}  # fmt: skip


def _draw_distribution(figure: Figure, real: Figures, made: Figures) -> None:
    axes = figure.subplots(1, 2)
    for one, look in ((real, REAL), (made, MADE)):
        axes[0].plot(QUANTILES, one.quantiles, **look)
        axes[1].plot((5, 50, 95), one.fine, **look)
    axes[0].set(yscale="log", xlabel="% of hours below", ylabel="PM10 over its daily median")
    axes[0].set_yticks([0.3, 0.5, 1.0, 2.0, 3.0], ["0.3", "0.5", "1", "2", "3"])
    axes[0].minorticks_off()
    axes[1].set(xlabel="% of hours below", ylabel="PM2.5 over PM10", ylim=(0.0, 1.0))


def _draw_memory(figure: Figure, real: Figures, made: Figures) -> None:
    axes = figure.subplots(1, 2, sharey=True)
    lags = np.arange(1, LONGEST_LAG_H + 1)
    for one, look in ((real, REAL), (made, MADE)):
        axes[0].plot(lags, one.memory_of_logs, **{**look, "markersize": 2})
        axes[1].plot(lags, one.wind_memory, **{**look, "markersize": 2})
    for axis, what in zip(axes, ("PM10", "the wind's speed"), strict=True):
        axis.set(xlabel="hours later", xticks=range(0, 73, 12))
        axis.set_title(f"Logarithm of {what}", fontsize="medium")
    axes[0].set(ylabel="correlation", ylim=(-0.1, 1.0))


def _draw_cycles(figure: Figure, real: Figures, made: Figures) -> None:
    axes = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    for one, look in ((real, REAL), (made, MADE)):
        axes[0].plot(range(24), one.by_hour, **look)
        axes[1].plot(range(7), one.by_weekday, **look)
    axes[0].set(
        xlabel="hour by London's clocks", ylabel="PM10 over its mean", xticks=range(0, 24, 3)
    )
    axes[1].set_xticks(range(7), ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"])


def _draw_wind(figure: Figure, real: Figures, made: Figures) -> None:
    axes = figure.subplots(1, 2, sharey=True)
    classes = range(len(WIND_EDGES_M_S) - 1)
    for one, look in ((real, REAL), (made, MADE)):
        axes[0].plot(classes, one.by_wind, **look)
        axes[1].plot(np.arange(SECTORS) * SECTOR_DEG, one.by_direction, **look)
    names = [f"{low:g}–{high:g}" for low, high in itertools.pairwise(WIND_EDGES_M_S)]
    axes[0].set_xticks(classes, [*names[:-1], f"> {WIND_EDGES_M_S[-2]:g}"])
    axes[0].set(xlabel="wind, m/s", ylabel="PM10 over its mean")
    axes[1].set_xticks(range(0, 360, 90), ["N", "E", "S", "W"])
    axes[1].set(xlabel="wind from", ylim=(0.0, None))


def put_into(page: Path, figures: str) -> None:
    """Put the table between its marks on the page."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{page} has no place for the table: a line {BEGIN} and a line {END}")
    page.write_text(f"{before}{begin}\n{figures}\n{end}{after}", encoding="utf-8")


def main() -> None:
    """Compare from the command line."""
    parser = argparse.ArgumentParser(description="Put the simulated kerb beside a real one.")
    parser.add_argument("file", type=Path, help="CSV of measured hours")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="the folder of calibration.md and of images")
    options = parser.parse_args()
    if options.days < 30:
        parser.error("--days must be at least 30, for a season of weeks and winds")
    kerb = measured(options.file)
    real = Figures.of(kerb, kerb)
    district = street()
    made = Figures.of(
        lived(district, london(options.days, options.seed), options.seed),
        rose_of(district, options.seed),
    )
    figures = table(real, made)
    print(figures)
    if options.out is not None:
        (options.out / "images").mkdir(exist_ok=True)
        pictures(real, made, options.out / "images")
        put_into(options.out / "calibration.md", figures)


if __name__ == "__main__":
    main()
