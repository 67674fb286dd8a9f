"""A made-up district's readings, events and treatments, as fast as arrays can be drawn.

Not a simulated world: no physics, but what costs analytics time is there in plausible numbers.
Haze that rises and falls, streets that are dusty at work hours, plumes of an hour or so, faults,
drop-outs, counted trucks, gate flags and crews at work. The same seed gives the same day, whichever
days are asked for.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from analytics.happenings import Event, Happenings, Work
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
from geo.district import District

START = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) // 60
DAY_MIN = 1440
NOISE = 3.0
PLUMES_A_DAY = 1.0
DROPPED, NO_VALUE, SPIKES = 0.02, 0.002, 0.001
TREATMENTS = ("wash", "sweep", "fog")
WORKS_A_DAY = 30
FLAGS_A_DAY = 40
COUNTED_EVERY_MIN = 5


@dataclass(frozen=True, slots=True)
class Day:
    """Minutes after `after` up to a day later: readings sorted by station, events, treatments."""

    after: int
    readings: Readings
    events: tuple[Event, ...]
    works: tuple[Work, ...]


def day(district: District, number: int, seed: int = 1) -> Day:
    """Day `number` from START on."""
    rng = np.random.default_rng((seed, number))
    after = START + number * DAY_MIN
    stations = list(district.stations.values())
    n = len(stations)
    at = np.arange(1, DAY_MIN + 1)
    hour = (at / 60 + 8) % 24
    level = 40 + 25 * np.sin(number / 3.7) + 8 * np.sin(2 * np.pi * hour / 24)
    busy = np.exp(-(((hour - 14) / 5) ** 2))
    strength = np.array([0.0 if s.kind == "background" else 1.0 for s in stations])
    usual = rng.lognormal(2.8, 0.6, n) * strength
    street = busy[:, None] * usual * np.exp(_slow(rng, (DAY_MIN, n)) * 0.5)
    for _ in range(rng.poisson(PLUMES_A_DAY * n)):
        s, first, lasts = rng.integers(n), rng.integers(DAY_MIN), rng.integers(30, 120)
        rise = rng.uniform(60, 350) * strength[s]
        street[first : first + lasts, s] += rise * np.sin(
            np.pi * np.arange(len(street[first : first + lasts])) / lasts
        )
    pm10 = np.maximum(level[:, None] + street + rng.normal(0, NOISE, (DAY_MIN, n)), 0.5)
    values = np.empty((DAY_MIN, n, len(COLUMNS)))
    values[..., PM10] = pm10
    values[..., PM25] = 0.6 * level[:, None] + 0.2 * street + rng.normal(0, 1, (DAY_MIN, n))
    values[..., TSP] = 1.1 * level[:, None] + 2.2 * street + rng.normal(0, 4, (DAY_MIN, n))
    values[..., TEMP] = (18 + 6 * np.sin(2 * np.pi * (hour - 9) / 24))[:, None]
    values[..., RH] = (70 - 20 * np.sin(2 * np.pi * (hour - 9) / 24))[:, None]
    values[..., WIND_SPEED] = np.maximum(2 + _slow(rng, (DAY_MIN, 1)), 0.1)
    values[..., WIND_DIR] = (120 + 40 * _slow(rng, (DAY_MIN, 1))) % 360
    values[..., RAIN] = 0.2 * ((number % 5 == 2) & (hour > 3) & (hour < 5))[:, None]
    values[..., PM25] = np.maximum(values[..., PM25], 0.3)
    values = np.round(values, 1)
    values[rng.random((DAY_MIN, n)) < NO_VALUE, PM10] = 9999.0
    spikes = rng.random((DAY_MIN, n)) < SPIKES
    values[spikes, PM10] += 900.0
    for s in rng.choice(n, max(n // 50, 1), replace=False):
        first = rng.integers(DAY_MIN - 120)
        values[first : first + 90, s, PM10] = values[first, s, PM10]

    kept = (rng.random((DAY_MIN, n)) >= DROPPED).T
    station, minute = np.nonzero(kept)
    late_ms = rng.integers(0, 50_000, n)
    readings = Readings(
        station=station.astype(np.int64),
        ts_ms=((after + 1 + minute) * 60_000 - late_ms[station]).astype(np.int64),
        values=np.ascontiguousarray(values.transpose(1, 0, 2)[kept]),
        status=np.full(len(station), ord("N"), np.int64),
    )
    return Day(after, readings, _events(district, after, rng), _works(district, after, rng, number))


def happenings(days: list[Day], after: int) -> Happenings:
    """What the fold wants of these days for the minutes after `after`."""
    events = [e for one in days for e in one.events if e.minute > after - 60]
    works = [w for one in days for w in one.works if (w.end or w.start) > after - 300]
    return Happenings(events, works)


def _slow(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Noise of unit size that moves within an hour or so."""
    knots = rng.normal(0, 1, (shape[0] // 30 + 2, shape[1]))
    at = np.arange(shape[0]) / 30
    below = at.astype(int)
    share = (at - below)[:, None]
    return np.asarray(knots[below] * (1 - share) + knots[below + 1] * share)


def _events(district: District, after: int, rng: np.random.Generator) -> tuple[Event, ...]:
    made = [
        Event(after + minute, "truck_pass", camera.segment, camera.site, int(rng.poisson(6)))
        for minute in range(COUNTED_EVERY_MIN, DAY_MIN + 1, COUNTED_EVERY_MIN)
        for camera in district.cameras.values()
    ]
    sites = sorted(district.sites)
    kinds = ("unwashed_truck", "wash_bay_idle", "dust_plume", "mud_on_road")
    for _ in range(FLAGS_A_DAY if sites else 0):
        site = sites[rng.integers(len(sites))]
        gates = district.sites[site].gates
        kind = kinds[rng.integers(len(kinds))]
        segment = gates[0] if kind == "mud_on_road" and gates else None
        made.append(Event(after + int(rng.integers(1, DAY_MIN)), kind, segment, site))
    return tuple(sorted(made, key=lambda event: event.minute))


def _works(
    district: District, after: int, rng: np.random.Generator, number: int
) -> tuple[Work, ...]:
    segments = [s.id for s in district.segments.values() if s.treat]
    crews = sorted(district.crews) or ["W1"]
    made = []
    for n in range(WORKS_A_DAY):
        start = after + int(rng.integers(1, DAY_MIN - 40))
        made.append(
            Work(
                f"O-{number}-{n}",
                crews[n % len(crews)],
                TREATMENTS[n % len(TREATMENTS)],
                segments[rng.integers(len(segments))],
                None,
                start,
                start + int(rng.integers(8, 35)),
                True,
            )
        )
    return tuple(sorted(made, key=lambda work: (work.start, work.order)))
