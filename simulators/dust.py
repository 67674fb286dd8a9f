"""The physical world: a minute of weather, traffic, silt, water, emission and dispersion."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from geo.district import District
from geo.graph import RoadGraph
from simulators import silt, wetness
from simulators.dispersion import LineSources, Receptors, WindTable
from simulators.emission import K_PM10, K_PM25, K_TSP, line_strength
from simulators.scenario import Scenario
from simulators.silt import SiltFlows, SiltPhysics
from simulators.sites import GateMinute, Gates, Plumes
from simulators.streams import stream
from simulators.street import Streets
from simulators.traffic import Road, Stream
from simulators.treatment import MIST_MINUTES, Touch, Work, touch
from simulators.truth import TruthMinute
from simulators.weather import Air, Sky
from simulators.wetness import WetnessPhysics

Floats = NDArray[np.float64]

MICROGRAMS = 1e6

# What lies on the streets when a run starts: log-normal over the segments.
USUAL_SILT_G_M2 = 0.38
SILT_SPREAD = 0.25

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
    (station,) µg/m³ in the air, without any sensor's error. increment: (segment,) µg/m³ of
    PM10 that streets and sites add at the kerbs.
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
        return np.asarray(self.truth.road + self.truth.site, np.float64)


class Dust:
    """The state of the streets and the air over them; `step` moves it a minute on."""

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
        self.streets = Streets.of(district, graph)
        self._silt_physics = silt_physics or SiltPhysics()
        self._wetness_physics = wetness_physics or WetnessPhysics()
        self._timezone = district.timezone
        self._start = scenario.start
        self._sky = Sky(
            scenario, district.timezone, stream(seed, "weather"), stream(seed, "background")
        )
        self._road = Road(
            self.streets.heavy_per_day,
            self.streets.lanes,
            scenario.traffic_factor,
            stream(seed, "traffic"),
        )
        self.gates = Gates(district, scenario, seed)
        gate_shares = [
            self.streets.out_of_gate(site, graph.site_access(site).segment)
            for site in self.gates.sites
        ]
        self._gate_shares = np.array(gate_shares).reshape(-1, len(self.streets.ids))
        self._stations = len(district.stations)
        receptors = self._receptors(district)
        self._winds = WindTable(LineSources(self.streets.lines, self.streets.width_m, receptors))
        self._plumes = Plumes(district, receptors)
        spread = stream(seed, "silt").standard_normal(len(self.streets.ids))
        self.silt_g: Floats = USUAL_SILT_G_M2 * np.exp(SILT_SPREAD * spread) * self.streets.area_m2
        self.film_mm: Floats = np.zeros(len(self.streets.ids))
        self._mist: Floats = np.zeros(len(self.streets.ids))

    def _receptors(self, district: District) -> Receptors:
        """The stations, then the kerbs."""
        stations = list(district.stations.values())
        kerbs = self.streets.kerbs()
        if not stations:
            return kerbs
        xy = district.projection.to_xy([(station.lon, station.lat) for station in stations])
        heights = np.array([station.height_m for station in stations])
        return Receptors(np.vstack([xy, kerbs.xy_m]), np.concatenate([heights, kerbs.z_m]))

    def step(self, end: datetime, works: Iterable[Work] = ()) -> Minute:
        """Live through the minute that ends at `end`, in which crews did `works`."""
        works = list(works)
        streets = self.streets
        local = end.astimezone(self._timezone)
        since_min = (end - self._start).total_seconds() / 60.0
        air = self._sky.step(end)
        traffic = self._road.step(local)
        gates = self.gates.step(local, since_min)
        passing = traffic.passing()
        done = touch(works, streets.index, self.silt_g / streets.area_m2, streets.area_m2)
        for work in works:
            if work.site is not None and work.share > 0.0:
                self._plumes.relieve(work.site, since_min)
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
        load = self.silt_g / streets.area_m2
        raised = line_strength(load, passing.vehicles, passing.weight_short_tons, 60.0, 1.0)
        self.silt_g, flows = silt.step(
            self._silt_physics,
            self.silt_g,
            streets.area_m2,
            streets.length_m,
            passing,
            through,
            gates.soil_g @ self._gate_shares,
            done.removed_share,
            air.rain_mm,
            streets.onward,
            1.0,
        )
        raised = raised * through * done.raises * (1.0 - self._mist)
        return self._disperse(end, since_min, air, traffic, gates, flows, done, raised)

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
        blown = (air.wind_from_deg, air.wind_m_s, air.stability)
        road = MICROGRAMS * self._winds.concentrations(raised[:, None], *blown)[:, 0]
        wetting = 0.15 if air.rain_mm > 0.0 else 1.0
        plumes = self._plumes.strengths(
            air.hour, air.wind_m_s, wetting, since_min, gates.clean + gates.dirty
        )
        site = MICROGRAMS * self._plumes.concentrations(plumes, *blown).sum(axis=1)
        n = self._stations
        kerb_road = K_PM10 * road[n:].reshape(2, -1).mean(axis=0)
        kerb_site = site[n:].reshape(2, -1).mean(axis=0)
        silt_g_m2 = self.silt_g / self.streets.area_m2
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
            station_pm10=air.background_pm10 + K_PM10 * road[:n] + site[:n],
            station_pm25=air.background_pm25 + K_PM25 * road[:n] + SITE_PM25_SHARE * site[:n],
            station_tsp=(
                BACKGROUND_TSP * air.background_pm10
                + TSP_ALOFT * K_TSP * road[:n]
                + SITE_TSP * site[:n]
            ),
            truth=TruthMinute(
                ts_ms=round(end.timestamp() * 1000),
                background=air.background_pm10,
                road=kerb_road,
                site=kerb_site,
                silt_g_m2=silt_g_m2,
                film_mm=self.film_mm,
                failing=gates.failing,
            ),
        )
