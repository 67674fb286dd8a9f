"""Vehicles over each segment, minute by minute: trucks on their routes, and all else."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from simulators.routes import CONTAINER, MUCK, Routes, spans
from simulators.scenario import TrafficSpell
from simulators.silt import Passing

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# Weights relative to one another, hour of the day from midnight; scaled to a mean of 1.
_CONTAINER = (
    0.50, 0.40, 0.35, 0.35, 0.40, 0.55, 0.80, 1.00, 1.20, 1.45, 1.55, 1.40,
    1.10, 1.20, 1.45, 1.55, 1.50, 1.30, 1.10, 1.05, 1.10, 1.00, 0.80, 0.60,
)  # fmt: skip
_MUCK = (
    0.50, 0.30, 0.20, 0.20, 0.20, 0.30, 0.50, 0.80, 1.30, 1.80, 2.00, 1.70,
    0.90, 1.20, 1.80, 2.00, 1.70, 1.10, 0.60, 0.70, 1.20, 1.50, 1.30, 0.90,
)  # fmt: skip
_LIGHT = (
    0.25, 0.15, 0.10, 0.10, 0.15, 0.40, 0.90, 1.60, 1.90, 1.40, 1.20, 1.20,
    1.20, 1.20, 1.30, 1.40, 1.60, 1.90, 1.80, 1.40, 1.10, 0.90, 0.60, 0.40,
)  # fmt: skip

# US short tons, laden and empty together.
CONTAINER_SHORT_TONS = 28.0
MUCK_SHORT_TONS = 24.0
LIGHT_SHORT_TONS = 1.8

MINUTES_A_DAY = 1440.0

# Of the heavy trucks: 1,000 muck beside 2,300 container trucks a day on Xinghai Avenue.
MUCK_SHARE = 1000.0 / 3300.0
LIGHT_PER_LANE_DAY = 2200.0

# Sunday's heavy trucks against those of the other days.
SUNDAY = 0.7


def by_hour(weights: tuple[float, ...], hour: float) -> float:
    """How busy it is against the day's mean, between the middles of two hours."""
    scale = len(weights) / sum(weights)
    before, share = divmod(hour - 0.5, 1.0)
    first, second = weights[int(before) % 24], weights[(int(before) + 1) % 24]
    return scale * ((1.0 - share) * first + share * second)


def of_weekday(local: datetime) -> float:
    """How busy the day is with trucks against the week's mean."""
    mean = (6.0 + SUNDAY) / 7.0
    return (SUNDAY if local.weekday() == 6 else 1.0) / mean


@dataclass(frozen=True, slots=True)
class Busy:
    """How many vehicles there are at a moment, against the week's mean."""

    container: float
    muck: float
    light: float

    def of_kind(self) -> Floats:
        """(kind,) that of container and of muck trucks."""
        return np.array([self.container, self.muck])


def busy_at(
    local: datetime, since_h: float, factor: float, spells: Iterable[TrafficSpell] = ()
) -> Busy:
    """How busy it is at a local time, so many hours after the start of a scenario.

    factor: on all trucks. In spells that overlap the factors multiply.
    """
    hour = local.hour + local.minute / 60.0
    trucks, light = factor * of_weekday(local), 1.0
    for spell in spells:
        if spell.start_h < since_h <= spell.start_h + spell.hours:
            trucks *= spell.trucks
            light *= spell.light
    return Busy(
        container=trucks * by_hour(_CONTAINER, hour),
        muck=trucks * by_hour(_MUCK, hour),
        light=light * by_hour(_LIGHT, hour),
    )


@dataclass(frozen=True, slots=True)
class Stream:
    """Vehicles in a minute; (segment,) each.

    uncovered is (segment, site): those of the trucks that came from each site without a cover.
    """

    container: Floats
    muck: Floats
    light: Floats
    uncovered: Counts

    def passing(self) -> Passing:
        """The same as weights on the road."""
        heavy = self.container + self.muck
        tons = (
            CONTAINER_SHORT_TONS * self.container
            + MUCK_SHORT_TONS * self.muck
            + LIGHT_SHORT_TONS * self.light
        )
        count = heavy + self.light
        # Where nobody passes, nothing is raised, whatever the weight.
        weight = np.divide(tons, count, out=np.zeros_like(tons), where=count > 0)
        return Passing(heavy=heavy, light=self.light, weight_short_tons=weight)


class OnTheWay:
    """Trucks that have set out and the minutes in which they will pass each segment."""

    def __init__(self, routes: Routes, segments: int, sites: int) -> None:
        self._routes = routes
        minutes = routes.longest_min + 1
        self._trucks = np.zeros((minutes, 2, segments), np.int64)
        self._uncovered = np.zeros((minutes, segments, sites), np.int64)
        self._now = 0

    def set_out(self, trucks: Counts, uncovered: Counts) -> None:
        """(route,) trucks that set out in the minute, and those of them without a cover."""
        routes = self._routes
        going = np.flatnonzero(trucks)
        begin, end = routes.first[going], routes.first[going + 1]
        passing, times = spans(begin, end), end - begin
        when = (self._now + routes.minute[passing]) % len(self._trucks)
        where = (when, np.repeat(routes.kind[going], times), routes.segment[passing])
        np.add.at(self._trucks, where, np.repeat(trucks[going], times))
        for route in np.flatnonzero(uncovered):
            on = slice(routes.first[route], routes.first[route + 1])
            when = (self._now + routes.minute[on]) % len(self._trucks)
            where = (when, routes.segment[on], np.full(len(when), routes.from_site[route]))
            np.add.at(self._uncovered, where, uncovered[route])

    def pass_by(self) -> tuple[Counts, Counts]:
        """(kind, segment) trucks and (segment, site) uncovered ones of the minute, then go on."""
        trucks, uncovered = self._trucks[self._now].copy(), self._uncovered[self._now].copy()
        self._trucks[self._now] = 0
        self._uncovered[self._now] = 0
        self._now = (self._now + 1) % len(self._trucks)
        return trucks, uncovered


class Road:
    """Draws the vehicles of each minute: Poisson, at the hour's and the day's rate.

    routes: with the trucks out of sites, which others draw, and those of no site's gate; only
    the routes in `own` are drawn here. local_per_day: (kind, segment) trucks on no route;
    lanes: (segment,).
    """

    def __init__(
        self,
        routes: Routes,
        own: NDArray[np.bool_],
        local_per_day: Floats,
        lanes: Floats,
        sites: int,
        truck_rng: np.random.Generator,
        local_rng: np.random.Generator,
        light_rng: np.random.Generator,
    ) -> None:
        self._kind = routes.kind[own]
        self._own = np.flatnonzero(own)
        self._rates = routes.per_day[own] / MINUTES_A_DAY
        self._none = np.zeros(len(routes), np.int64)
        self._local = local_per_day / MINUTES_A_DAY
        self._light = lanes * LIGHT_PER_LANE_DAY / MINUTES_A_DAY
        self._truck_rng, self._local_rng, self._light_rng = truck_rng, local_rng, light_rng
        self._way = OnTheWay(routes, local_per_day.shape[1], sites)
        self._warm_min = routes.some(own).longest_min

    def warm_up(self, busy: Busy) -> None:
        """Fill the streets with the trucks that set out before the start."""
        for _ in range(self._warm_min):
            self._set_out(busy, self._none, self._none)
            self._way.pass_by()

    def step(self, busy: Busy, from_sites: Counts, uncovered: Counts) -> Stream:
        """Vehicles in a minute in which so many trucks (route,) set out from sites."""
        self._set_out(busy, from_sites, uncovered)
        trucks, open_loads = self._way.pass_by()
        kinds = trucks + self._local_rng.poisson(self._local * busy.of_kind()[:, None])
        light = self._light_rng.poisson(self._light * busy.light)
        return Stream(
            container=kinds[CONTAINER].astype(np.float64),
            muck=kinds[MUCK].astype(np.float64),
            light=light.astype(np.float64),
            uncovered=open_loads,
        )

    def _set_out(self, busy: Busy, from_sites: Counts, uncovered: Counts) -> None:
        trucks = from_sites.copy()
        trucks[self._own] += self._truck_rng.poisson(self._rates * busy.of_kind()[self._kind])
        self._way.set_out(trucks, uncovered)
