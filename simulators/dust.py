"""The physical world: a minute of weather, traffic, silt, water, emission and dispersion."""

import copy
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from geo.district import District
from geo.graph import RoadGraph
from simulators import silt, wetness
from simulators.dispersion import LineSources, PointSources, Receptors, WindTable
from simulators.emission import K_PM10, K_PM25, K_TSP, line_strength
from simulators.routes import Routes, carried_on, local_per_day, routes_of, routes_of_sites
from simulators.scenario import Scenario
from simulators.silt import SiltFlows, SiltPhysics
from simulators.sites import (
    PLUME_HEIGHT_M,
    PLUME_SIGMA_Y0_M,
    PLUME_SIGMA_Z0_M,
    GateMinute,
    Gates,
    Opened,
    Plumes,
    sites_of,
    soil_shares,
)
from simulators.streams import stream
from simulators.street import Streets
from simulators.traffic import MUCK_SHARE, Busy, Road, Stream, busy_at
from simulators.treatment import MIST_MINUTES, SPRAYING, Touch, Work, touch
from simulators.truth import TruthMinute
from simulators.weather import Air, Sky
from simulators.wetness import WetnessPhysics

Floats = NDArray[np.float64]

MICROGRAMS = 1e6

# What lies on the streets when a run starts: log-normal over the segments.
USUAL_SILT_G_M2 = 0.38
SILT_SPREAD = 0.25

# Of dispersion's tables; holds all of a district of 600 segments and 300 stations.
KEEP_MB = 700.0

# Coarse grains fall out before they get as far as a station.
TSP_ALOFT = 0.45

# Of the PM10 off a site's ground.
SITE_PM25_SHARE = 0.13
SITE_TSP = 2.2
BACKGROUND_TSP = 1.25


@dataclass(frozen=True, slots=True)
class Minute:
    """What went on in a minute.

    plume_g_s: (site,) PM10 off each site's ground. station_pm10, station_pm25, station_tsp:
    (station,) µg/m³ in the air, without any sensor's error. Sites are in the order of
    ``Dust.site_ids``.
    """

    end: datetime
    air: Air
    traffic: Stream
    gates: GateMinute
    flows: SiltFlows
    touch: Touch
    silt_g_m2: Floats
    film_mm: Floats
    plume_g_s: Floats
    station_pm10: Floats
    station_pm25: Floats
    station_tsp: Floats
    truth: TruthMinute

    @property
    def increment(self) -> Floats:
        """(segment,) µg/m³ of PM10 that streets and sites add at the kerbs."""
        return self.truth.increment


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a district's physics stands on and no minute changes, worked out once.

    routes are all trucks' ways, local_per_day (kind, segment) the trucks on none; onward is
    where tyres take silt to, soil_shares (site, segment) where soil from each gate falls off.
    """

    streets: Streets
    routes: Routes
    local_per_day: Floats
    onward: csr_array
    soil_shares: Floats
    winds: WindTable

    @classmethod
    def of(cls, district: District, graph: RoadGraph, opened: Sequence[Opened]) -> "_Ground":
        """That of a district and the sites there; the same is given again for the same graph."""
        known = _GROUNDS.setdefault(graph, {})
        key = (
            *district.segments.values(),
            *district.stations.values(),
            *((each.site, each.trade, each.known) for each in opened),
        )
        if key not in known:
            known[key] = cls._work_out(district, graph, opened)
        return known[key]

    @classmethod
    def _work_out(cls, district: District, graph: RoadGraph, opened: Sequence[Opened]) -> "_Ground":
        streets = Streets.of(district, graph)
        sites, loads = [each.site for each in opened], [each.load for each in opened]
        known, heavy = len(district.sites), streets.heavy_per_day
        routes, ends = routes_of(district, graph, heavy, MUCK_SHARE, sites[:known], loads[:known])
        local = np.array(local_per_day(routes, heavy, MUCK_SHARE))
        onward = carried_on(routes, local.sum(axis=0), streets.onward)
        # What comes new comes on top of what was counted, and changes nothing of it.
        new = range(known, len(sites))
        routes = routes + routes_of_sites(district, graph, sites, loads, ends, new)
        receptors = _receptors(district, streets)
        centres = np.array([site.centre for site in sites]).reshape(-1, 2)
        winds = WindTable(
            LineSources(streets.lines, streets.width_m, receptors),
            PointSources(
                district.projection.to_xy(centres),
                receptors,
                height_m=PLUME_HEIGHT_M,
                sigma_y0_m=PLUME_SIGMA_Y0_M,
                sigma_z0_m=PLUME_SIGMA_Z0_M,
            ),
            pairs=len(streets.ids),
            keep_mb=KEEP_MB,
        )
        shares = soil_shares(routes, len(sites), streets.length_m)
        return cls(streets, routes, local, onward, shares, winds)


# Worlds on one graph share it: seeds and policies side by side find the tables worked out.
_GROUNDS: WeakKeyDictionary[RoadGraph, dict[Hashable, _Ground]] = WeakKeyDictionary()


def _receptors(district: District, streets: Streets) -> Receptors:
    """The stations, then the kerbs."""
    stations = list(district.stations.values())
    kerbs = streets.kerbs()
    if not stations:
        return kerbs
    xy = district.projection.to_xy([(station.lon, station.lat) for station in stations])
    heights = np.array([station.height_m for station in stations])
    return Receptors(np.vstack([xy, kerbs.xy_m]), np.concatenate([heights, kerbs.z_m]))


class Dust:
    """The state of the streets and the air over them; `step` moves it a minute on.

    Attributes
    ----------
    streets
        The segments, in the order of every array over segments.
    site_ids
        The sites, in the order of every array over sites: the district's, then those that the
        scenario opens.
    """

    def __init__(
        self,
        district: District,
        graph: RoadGraph,
        scenario: Scenario,
        seed: int,
        *,
        silt_physics: SiltPhysics | None = None,
        wetness_physics: WetnessPhysics | None = None,
    ) -> None:
        self._silt_physics = silt_physics or SiltPhysics()
        self._wetness_physics = wetness_physics or WetnessPhysics()
        self._timezone = district.timezone
        self._scenario = scenario
        self._sky = Sky(
            scenario,
            district.timezone,
            stream(seed, "weather"),
            stream(seed, "background"),
            stream(seed, "weather", "synoptic"),
            stream(seed, "background", "synoptic"),
        )
        opened = sites_of(district, scenario)
        self.site_ids = tuple(each.site.id for each in opened)
        self._site_index = {site: at for at, site in enumerate(self.site_ids)}
        ground = _Ground.of(district, graph, opened)
        self._ground = ground
        self.streets = ground.streets
        self.routes = ground.routes
        segments = len(self.streets.ids)
        self.gates = Gates(district, opened, ground.routes, scenario, seed)
        self._road = Road(
            ground.routes,
            ~self.gates.drawn,
            ground.local_per_day,
            self.streets.lanes,
            len(opened),
            stream(seed, "traffic", "through"),
            stream(seed, "traffic", "local"),
            stream(seed, "traffic", "light"),
        )
        self._road.warm_up(self._busy(scenario.start))
        self._stations = len(district.stations)
        self._plumes = Plumes(opened)
        spread = stream(seed, "silt").standard_normal(segments)
        # (segment, origin): what no site brought, then what each site brought.
        self.silt_g: Floats = np.zeros((segments, 1 + len(opened)))
        self.silt_g[:, 0] = USUAL_SILT_G_M2 * np.exp(SILT_SPREAD * spread) * self.streets.area_m2
        self.film_mm: Floats = np.zeros(segments)
        self._mist: Floats = np.zeros(segments)
        self._fixed = (self.streets, self.routes, ground, scenario, opened)

    def fork(self) -> "Dust":
        """Give a copy that lives the same minutes, if crews do the same, and leaves this be.

        It has a state and random numbers of its own; what does not change is shared.
        """
        return copy.deepcopy(self, {id(part): part for part in self._fixed})

    def _busy(self, end: datetime) -> Busy:
        usual = self._scenario
        since_h = (end - usual.start).total_seconds() / 3600.0
        local = end.astimezone(self._timezone)
        return busy_at(local, since_h, usual.traffic_factor, usual.traffic)

    def drive(self, end: datetime) -> tuple[GateMinute, Stream]:
        """Let the vehicles alone live through a minute: out of the gates and over the streets."""
        since_min = (end - self._scenario.start).total_seconds() / 60.0
        busy = self._busy(end)
        gates = self.gates.step(end.astimezone(self._timezone), since_min, busy)
        return gates, self._road.step(busy, gates.trucks, gates.trucks_uncovered)

    def step(self, end: datetime, works: Iterable[Work] = ()) -> Minute:
        """Live through the minute that ends at `end`, in which crews did `works`."""
        works = list(works)
        streets = self.streets
        since_min = (end - self._scenario.start).total_seconds() / 60.0
        air = self._sky.step(end)
        gates, traffic = self.drive(end)
        passing = traffic.passing()
        before_g = self.silt_g
        total_g = before_g.sum(axis=1)
        load = total_g / streets.area_m2
        done = touch(works, streets.index, load, streets.area_m2)
        for work in works:
            if work.site is not None and work.share > 0.0 and work.treatment in SPRAYING:
                self._plumes.relieve(self._site_index[work.site], since_min)
        dried_mm = (
            wetness.drying_mm_h(
                self._wetness_physics, air.temp_c, air.rh_pct, air.wind_m_s, air.sun
            )
            / 60.0
        )
        self.film_mm = wetness.after_minutes(
            self._wetness_physics,
            self.film_mm,
            done.water_mm + air.rain_mm,
            dried_mm,
            passing.heavy,
        )
        self._mist = np.minimum(self._mist * np.exp(-1.0 / MIST_MINUTES) + done.mist, 0.6)
        through = wetness.let_through(self._wetness_physics, self.film_mm)
        raised = line_strength(load, passing.vehicles, passing.weight_short_tons, 60.0, 1.0)
        raised = raised * through * done.raises * (1.0 - self._mist)
        # Of the dust that goes up, each origin has the share that it has of the silt.
        per_g = np.divide(raised, total_g, out=np.zeros_like(raised), where=total_g > 0.0)
        self.silt_g, flows = silt.step(
            self._silt_physics,
            before_g,
            streets.area_m2,
            streets.length_m,
            passing,
            through,
            (gates.soil_g[:, None] * self._ground.soil_shares).T,
            traffic.uncovered,
            done.removed_share,
            air.rain_mm,
            self._ground.onward,
            1.0,
        )
        return self._disperse(
            end, since_min, air, traffic, gates, flows, done, before_g * per_g[:, None]
        )

    def _disperse(
        self,
        end: datetime,
        since_min: float,
        air: Air,
        traffic: Stream,
        gates: GateMinute,
        flows: SiltFlows,
        done: Touch,
        raised: Floats,
    ) -> Minute:
        """The air over what is raised, (segment, origin)."""
        wetting = 0.15 if air.rain_mm > 0.0 else 1.0
        plumes = self._plumes.strengths(
            air.hour, air.wind_m_s, wetting, since_min, gates.clean + gates.dirty
        )
        table = self._ground.winds.coefficients(air.wind_from_deg, air.wind_m_s, air.stability)
        n, segments = self._stations, len(raised)
        per_origin = (MICROGRAMS * raised).astype(np.float32)
        per_site = (MICROGRAMS * plumes).astype(np.float32)
        kerb_road = K_PM10 * np.asarray(table[n:, :segments] @ per_origin, np.float64)
        kerb_site = np.asarray(table[n:, segments:] * per_site, np.float64)
        # Row by row, so that a station's last bit does not depend on how many there are.
        by_segment = table[:n, :segments] * per_origin.sum(axis=1)
        road = by_segment.sum(axis=1, dtype=np.float64)
        site = (table[:n, segments:] * per_site).sum(axis=1, dtype=np.float64)
        silt_g_m2 = self.silt_g.sum(axis=1) / self.streets.area_m2
        return Minute(
            end=end,
            air=air,
            traffic=traffic,
            gates=gates,
            flows=flows,
            touch=done,
            silt_g_m2=silt_g_m2,
            film_mm=self.film_mm,
            plume_g_s=plumes,
            station_pm10=air.background_pm10 + K_PM10 * road + site,
            station_pm25=air.background_pm25 + K_PM25 * road + SITE_PM25_SHARE * site,
            station_tsp=(
                BACKGROUND_TSP * air.background_pm10 + TSP_ALOFT * K_TSP * road + SITE_TSP * site
            ),
            truth=TruthMinute(
                ts_ms=round(end.timestamp() * 1000),
                background=air.background_pm10,
                street=kerb_road[:, 0],
                tracked=kerb_road[:, 1:],
                plume=kerb_site,
                silt_g_m2=silt_g_m2,
                film_mm=self.film_mm,
                failing=gates.failing,
            ),
        )
