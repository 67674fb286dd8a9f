"""Sites: trucks out of their gates, wheel washes that fail, dust off the ground."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.special import ndtri

from geo.district import District, Site
from simulators.routes import CONTAINER, MUCK, NO_SITE, Load, Routes
from simulators.scenario import Scenario
from simulators.streams import stream
from simulators.traffic import MINUTES_A_DAY, Busy
from simulators.treatment import SITE_RELIEF, SITE_RELIEF_MINUTES

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Trade:
    """What a kind of site does to the air and to the street.

    soil_g
        Silt that one unwashed truck carries out; a washed one carries ``WASHED_SHARE`` of it.
    handling_g_s
        PM10 while it works; erosion_g_s is what a wind of twice the threshold adds.
    """

    trucks_per_day: float
    truck: str
    soil_g: float
    handling_g_s: float
    erosion_g_s: float


TRADES: Mapping[str, Trade] = {
    "spoil_site": Trade(330.0, "muck", 1600.0, 0.010, 0.10),
    "sand_yard": Trade(280.0, "muck", 1500.0, 0.012, 0.14),
    "mixing_plant": Trade(240.0, "mixer", 1500.0, 0.010, 0.04),
    "construction_site": Trade(240.0, "muck", 1800.0, 0.008, 0.06),
    "port_yard": Trade(600.0, "container", 60.0, 0.006, 0.03),
}

WASHED_SHARE = 0.02
WIND_THRESHOLD_M_S = 3.5
PLUME_HEIGHT_M = 2.0
LOAD_SPREAD = 0.4

# PM10 that goes up when a truck of soil is loaded or tipped.
LOADING_G = 4.0
PLUME_SIGMA_Y0_M = 15.0
PLUME_SIGMA_Z0_M = 4.0

# Trucks that leave with mud on them while the wheel wash runs, and while it does not.
DIRTY_SHARE = 0.02
FAILING_SHARE = 0.95

# The same as bounds of a normal number.
DIRTY_BELOW, FAILING_BELOW = float(ndtri(DIRTY_SHARE)), float(ndtri(FAILING_SHARE))
BLOCK = 1024

# Local hours in which a wheel wash is needed, and may fail.
WORK_FROM_H, WORK_TO_H = 8, 22


# The soil on a truck that leaves a site halves over each such distance.
SOIL_HALVES_M = 300.0


@dataclass(frozen=True, slots=True)
class Opened:
    """A site and when it opens, in minutes after the start; ``known`` to the district or new."""

    site: Site
    trade: Trade
    from_min: float
    known: bool

    @property
    def muddy(self) -> bool:
        """Whether its trucks carry soil and go through a wheel wash."""
        return self.trade.truck != "container"

    @property
    def load(self) -> Load:
        """Its trucks; mixers count as muck trucks."""
        return Load(MUCK if self.muddy else CONTAINER, self.trade.trucks_per_day)


def sites_of(district: District, scenario: Scenario) -> list[Opened]:
    """The district's sites in order, then those that the scenario opens."""
    sites = [
        Opened(site, TRADES[site.kind], -np.inf, known=True) for site in district.sites.values()
    ]
    for new in scenario.new_sites:
        for wrong, there in (
            (new.gate not in district.segments, f"its gate, segment {new.gate!r}, is not there"),
            (new.kind not in TRADES, f"{new.kind!r} is no kind of site"),
            (new.id in [opened.site.id for opened in sites], "there is a site of that id"),
        ):
            if wrong:
                raise ValueError(f"scenario {scenario.name!r} opens site {new.id!r}: {there}")
        point = shapely.Point(new.lon, new.lat)
        site = Site(new.id, new.id, new.kind, None, (new.gate,), point, (new.lon, new.lat))  # type: ignore[arg-type]
        sites.append(Opened(site, TRADES[new.kind], 60.0 * new.from_h, known=False))
    return sites


def soil_shares(routes: Routes, sites: int, length_m: Floats) -> Floats:
    """(site, segment): where soil on the trucks out of each site falls off; rows sum to 1.

    It falls along the ways that they take, by their numbers, all of it before they end.
    """
    shares = np.zeros((sites, len(length_m)))
    for route in np.flatnonzero(routes.from_site != NO_SITE):
        on = routes.segment[routes.first[route] : routes.first[route + 1]]
        along = np.concatenate([[0.0], np.cumsum(length_m[on])])
        fallen = -np.diff(0.5 ** (along / SOIL_HALVES_M))
        fallen /= fallen.sum()
        np.add.at(shares[routes.from_site[route]], on, routes.per_day[route] * fallen)
    total = shares.sum(axis=1, keepdims=True)
    return np.asarray(
        np.divide(shares, total, out=np.zeros_like(shares), where=total > 0.0), np.float64
    )


@dataclass(frozen=True, slots=True)
class GateMinute:
    """What went on at the gates in a minute; (site,) each but for the trucks on their routes.

    trucks and trucks_uncovered are (route,).
    """

    clean: Counts
    dirty: Counts
    uncovered: Counts
    failing: NDArray[np.bool_]
    soil_g: Floats
    trucks: Counts
    trucks_uncovered: Counts


class Gates:
    """Trucks out of each site; each site has its own streams.

    Of the routes those are drawn here that lead out of a gate, and for a new site also those
    back to it.
    """

    def __init__(
        self,
        district: District,
        opened: Sequence[Opened],
        routes: Routes,
        scenario: Scenario,
        seed: int,
    ) -> None:
        self._opened = opened
        sites = [each.site for each in opened]
        self._scenario = scenario
        owner = routes.from_site.copy()
        for at, each in enumerate(opened):
            if not each.known:
                owner[(routes.from_site == NO_SITE) & (routes.to_site == at)] = at
        self.drawn = owner != NO_SITE
        self._routes = len(routes)
        self._own = [np.flatnonzero(owner == at) for at in range(len(opened))]
        self._out = [routes.from_site[own] == at for at, own in enumerate(self._own)]
        self._rates = [routes.per_day[own] / MINUTES_A_DAY for own in self._own]
        self._uncovered_below = float(ndtri(scenario.uncovered_rate))
        self._truck_rngs = [stream(seed, "site", site.id, "trucks") for site in sites]
        self._load_rngs = [stream(seed, "site", site.id, "loads") for site in sites]
        self._failure_rngs = [stream(seed, "site", site.id, "failures") for site in sites]
        # Numbers are drawn for hours ahead, two for each minute.
        self._failure_draws: list[list[float]] = [[] for _ in sites]
        self._until_min = np.zeros(len(opened))
        self._may_fail = max(sum(each.known and each.muddy for each in opened), 1)
        self._given = _given_failures(district, sites, scenario, seed)

    def step(self, local: datetime, since_start_min: float, busy: Busy) -> GateMinute:
        """Trucks of the minute that ends at a local time, so long after the start."""
        count = len(self._opened)
        out, dirty = np.zeros(count, np.int64), np.zeros(count, np.int64)
        uncovered, failing = np.zeros(count, np.int64), np.zeros(count, bool)
        soil = np.zeros(count)
        on_routes = np.zeros(self._routes, np.int64)
        open_loads = np.zeros(self._routes, np.int64)
        for at, (each, own) in enumerate(zip(self._opened, self._own, strict=True)):
            fails = self._fails(at, local, since_start_min)
            scale = busy.muck if each.muddy else busy.container
            trucks = self._truck_rngs[at].poisson(self._rates[at] * scale)
            if since_start_min <= each.from_min:
                continue
            failing[at] = fails
            if not trucks.any():
                continue
            on_routes[own] = trucks
            leaving = np.repeat(own[self._out[at]], trucks[self._out[at]])
            out[at] = len(leaving)
            if not out[at]:
                continue
            # For each truck: is it washed, how much is on it, is it covered?
            washed, size, covered = self._load_rngs[at].standard_normal((out[at], 3)).T
            muddy = washed < (FAILING_BELOW if fails else DIRTY_BELOW)
            dirty[at] = np.count_nonzero(muddy)
            # Log-normal with mean 1: a few trucks bring most of it.
            loads = np.exp(LOAD_SPREAD * size - LOAD_SPREAD**2 / 2.0)
            soil[at] = each.trade.soil_g * (loads * np.where(muddy, 1.0, WASHED_SHARE)).sum()
            if each.muddy:
                bare = covered < self._uncovered_below
                uncovered[at] = np.count_nonzero(bare)
                np.add.at(open_loads, leaving[bare], 1)
        return GateMinute(out - dirty, dirty, uncovered, failing, soil, on_routes, open_loads)

    def _fails(self, at: int, local: datetime, since_min: float) -> bool:
        draws = self._failure_draws[at]
        if not draws:
            draws += self._failure_rngs[at].random(BLOCK).tolist()
        # Taken every minute, so that what comes does not depend on the hour.
        share, chance = draws.pop(), draws.pop()
        if self._opened[at].muddy and WORK_FROM_H <= local.hour < WORK_TO_H:
            minutes = (WORK_TO_H - WORK_FROM_H) * 60.0 * self._may_fail
            if chance < self._scenario.gate_failures_per_day / minutes:
                low_h, high_h = self._scenario.gate_failure_hours
                length_min = 60.0 * (low_h + share * (high_h - low_h))
                self._until_min[at] = max(self._until_min[at], since_min + length_min)
        given = self._given.get(self._opened[at].site.id, ())
        return since_min <= self._until_min[at] or any(
            begin < since_min <= end for begin, end in given
        )


def _given_failures(
    district: District, sites: Sequence[Site], scenario: Scenario, seed: int
) -> dict[str, list[tuple[float, float]]]:
    """The failures that the scenario names, as minutes after the start, by site."""
    given: dict[str, list[tuple[float, float]]] = {}
    known = [site.id for site in sites]
    for failure in scenario.gate_failures:
        if failure.site not in known:
            raise ValueError(
                f"scenario {scenario.name!r}: a failure names the site {failure.site!r}, which "
                f"district {district.id!r} has not; name one of {', '.join(known)}"
            )
        begin = failure.start_h * 60.0
        given.setdefault(failure.site, []).append((begin, begin + failure.hours * 60.0))
    first = main_site(district)
    if scenario.first_gate_failure_min is not None and first is not None:
        begin_share, length_share = stream(seed, "first gate failure").random(2)
        earliest, latest = scenario.first_gate_failure_min
        shortest_h, longest_h = scenario.gate_failure_hours
        begin = earliest + float(begin_share) * (latest - earliest)
        length_min = 60.0 * (shortest_h + float(length_share) * (longest_h - shortest_h))
        given.setdefault(first.id, []).append((begin, begin + length_min))
    return given


def main_site(district: District) -> Site | None:
    """The site of muck trucks whose gate lies on the busiest street; the first of equals."""
    best: Site | None = None
    most = -1.0
    for site in district.sites.values():
        heavy = max((district.segments[g].heavy_trucks_per_day for g in site.gates), default=0.0)
        if TRADES[site.kind].truck == "muck" and heavy > most:
            best, most = site, heavy
    return best


class Plumes:
    """How much dust goes up off the sites' own ground."""

    def __init__(self, opened: Sequence[Opened]) -> None:
        trades = [each.trade for each in opened]
        self._handling = np.array([trade.handling_g_s for trade in trades])
        self._erosion = np.array([trade.erosion_g_s for trade in trades])
        self._loading = LOADING_G * np.array([each.muddy for each in opened], np.float64)
        self._from_min = np.array([each.from_min for each in opened])
        self._relieved_min = np.full(len(opened), -np.inf)

    def relieve(self, site: int, since_start_min: float) -> None:
        """A crew sprays a site."""
        self._relieved_min[site] = since_start_min

    def strengths(
        self,
        hour: float,
        wind_m_s: float,
        wetting: float,
        since_start_min: float,
        trucks: Counts,
    ) -> Floats:
        """(site,) PM10 in g/s, with so many trucks (site,) loaded in the minute.

        `wetting` is what rain leaves of the dust, 0 to 1.
        """
        working = 1.0 if 7.0 <= hour < 19.0 else 0.3 if 19.0 <= hour < 23.0 else 0.1
        over = max(wind_m_s / WIND_THRESHOLD_M_S - 1.0, 0.0)
        since = since_start_min - self._relieved_min
        relief = np.where(since <= SITE_RELIEF_MINUTES, SITE_RELIEF, 1.0)
        dry = self._handling * working + self._erosion * over + self._loading * trucks / 60.0
        return np.where(since_start_min > self._from_min, wetting * relief * dry, 0.0)
