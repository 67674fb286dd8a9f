"""Sites: trucks out of their gates, wheel washes that fail, dust off the ground."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from geo.district import District, Site
from simulators.dispersion import STILL_M_S, Receptors, Stability, point_source, wind_vector
from simulators.scenario import Scenario
from simulators.streams import stream
from simulators.traffic import MINUTES_A_DAY, gate_rate
from simulators.treatment import SITE_RELIEF, SITE_RELIEF_MINUTES

Floats = NDArray[np.float64]


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

# PM10 that goes up when a truck of soil is loaded or tipped.
LOADING_G = 4.0
PLUME_SIGMA_Y0_M = 15.0
PLUME_SIGMA_Z0_M = 4.0
UNCOVERED_SHARE = 0.02

# Trucks that leave with mud on them while the wheel wash runs, and while it does not.
DIRTY_SHARE = 0.02
FAILING_SHARE = 0.95

# Local hours in which a wheel wash is needed, and may fail.
WORK_FROM_H, WORK_TO_H = 8, 22


@dataclass(frozen=True, slots=True)
class GateMinute:
    """What went on at the gates in a minute; (site,) each."""

    clean: NDArray[np.int64]
    dirty: NDArray[np.int64]
    uncovered: NDArray[np.int64]
    failing: NDArray[np.bool_]
    soil_g: Floats


class Gates:
    """Trucks out of each site; each site has its own stream."""

    def __init__(self, district: District, scenario: Scenario, seed: int) -> None:
        self.sites = list(district.sites.values())
        self._scenario = scenario
        self._trades = [TRADES[site.kind] for site in self.sites]
        self._rngs = [stream(seed, "site", site.id) for site in self.sites]
        self._until_min = np.zeros(len(self.sites))
        self._muddy = [trade.truck != "container" for trade in self._trades]
        self._given = _given_failures(district, scenario, seed)

    def step(self, local: datetime, since_start_min: float) -> GateMinute:
        """Trucks of the minute that ends at a local time, so long after the start."""
        scale = gate_rate(local) * self._scenario.traffic_factor
        count = len(self.sites)
        clean, dirty = np.zeros(count, np.int64), np.zeros(count, np.int64)
        uncovered, failing = np.zeros(count, np.int64), np.zeros(count, bool)
        soil = np.zeros(count)
        for at, (trade, rng) in enumerate(zip(self._trades, self._rngs, strict=True)):
            failing[at] = self._fails(at, local, since_start_min)
            out = int(rng.poisson(trade.trucks_per_day / MINUTES_A_DAY * scale))
            if out:
                dirty[at] = rng.binomial(out, FAILING_SHARE if failing[at] else DIRTY_SHARE)
                uncovered[at] = rng.binomial(out, UNCOVERED_SHARE)
                clean[at] = out - dirty[at]
                # Log-normal with mean 1: a few trucks bring most of it.
                loads = rng.lognormal(-0.08, 0.4, out)
                loads[dirty[at] :] *= WASHED_SHARE
                soil[at] = trade.soil_g * loads.sum()
        return GateMinute(clean, dirty, uncovered, failing, soil)

    def _fails(self, at: int, local: datetime, since_min: float) -> bool:
        # Drawn every minute, so that the stream does not depend on the hour.
        chance, share = self._rngs[at].random(2)
        if self._muddy[at] and WORK_FROM_H <= local.hour < WORK_TO_H:
            minutes = (WORK_TO_H - WORK_FROM_H) * 60.0 * max(sum(self._muddy), 1)
            if chance < self._scenario.gate_failures_per_day / minutes:
                low_h, high_h = self._scenario.gate_failure_hours
                length_min = 60.0 * (low_h + share * (high_h - low_h))
                self._until_min[at] = max(self._until_min[at], since_min + length_min)
        given = self._given.get(self.sites[at].id, ())
        return since_min <= self._until_min[at] or any(
            begin < since_min <= end for begin, end in given
        )


def _given_failures(
    district: District, scenario: Scenario, seed: int
) -> dict[str, list[tuple[float, float]]]:
    """The failures that the scenario names, as minutes after the start, by site."""
    given: dict[str, list[tuple[float, float]]] = {}
    for failure in scenario.gate_failures:
        if failure.site not in district.sites:
            raise ValueError(
                f"scenario {scenario.name!r}: a failure names the site {failure.site!r}, which "
                f"district {district.id!r} has not; name one of {', '.join(district.sites)}"
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
    """Dust off the sites' own ground, to fixed receptors."""

    def __init__(self, district: District, receptors: Receptors) -> None:
        self._ids = list(district.sites)
        sites = list(district.sites.values())
        self._trades = [TRADES[site.kind] for site in sites]
        self._handling = np.array([trade.handling_g_s for trade in self._trades])
        self._erosion = np.array([trade.erosion_g_s for trade in self._trades])
        muddy = [trade.truck != "container" for trade in self._trades]
        self._loading = LOADING_G * np.array(muddy, np.float64)
        self._relieved_min = np.full(len(sites), -np.inf)
        if sites:
            centres = district.projection.to_xy([site.centre for site in sites])
        else:
            centres = np.zeros((0, 2))
        self._away_m = receptors.xy_m[:, None, :] - centres[None, :, :]
        self._z_m = receptors.z_m[:, None]

    def relieve(self, site: str, since_start_min: float) -> None:
        """A crew sprays a site."""
        self._relieved_min[self._ids.index(site)] = since_start_min

    def strengths(
        self,
        hour: float,
        wind_m_s: float,
        wetting: float,
        since_start_min: float,
        trucks: NDArray[np.int64],
    ) -> Floats:
        """(site,) PM10 in g/s, with so many trucks (site,) loaded in the minute.

        `wetting` is what rain leaves of the dust, 0 to 1.
        """
        working = 1.0 if 7.0 <= hour < 19.0 else 0.3 if 19.0 <= hour < 23.0 else 0.1
        over = max(wind_m_s / WIND_THRESHOLD_M_S - 1.0, 0.0)
        since = since_start_min - self._relieved_min
        relief = np.where(since <= SITE_RELIEF_MINUTES, SITE_RELIEF, 1.0)
        dry = self._handling * working + self._erosion * over + self._loading * trucks / 60.0
        return np.asarray(wetting * relief * dry, np.float64)

    def concentrations(
        self, strengths: Floats, wind_from_deg: float, wind_m_s: float, cls: Stability
    ) -> Floats:
        """(receptor, site) PM10 in g/m³ of each site's plume."""
        east, north = wind_vector(wind_from_deg)
        # A site is an area: what stands in it is a little downwind of some of it.
        downwind = self._away_m @ np.array([east, north]) + PLUME_SIGMA_Y0_M
        across = self._away_m @ np.array([-north, east])
        per_strength = point_source(
            downwind,
            across,
            self._z_m,
            cls,
            height_m=PLUME_HEIGHT_M,
            sigma_y0_m=PLUME_SIGMA_Y0_M,
            sigma_z0_m=PLUME_SIGMA_Z0_M,
        )
        return np.asarray(per_strength * strengths / max(wind_m_s, STILL_M_S), np.float64)
