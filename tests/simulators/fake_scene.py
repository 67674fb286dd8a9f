"""A minute that a test changes before devices look at it, and streets on which it stays so."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.district import District, Station
from simulators.scenario import Scenario
from tests.dispatch.towns import LAT, LON

START = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
"""Eight in the morning of a Monday in Shenzhen."""
MINUTE = timedelta(minutes=1)
QUIET = Scenario("quiet", "nothing goes wrong", START, 10.0, drone_rounds_h=())


@dataclass
class FakeScene:
    """PM10 100, PM2.5 40, TSP 150 µg/m³ and two trucks on every segment unless changed."""

    pm10: NDArray[np.float64]
    pm25: NDArray[np.float64]
    tsp: NDArray[np.float64]
    trucks: NDArray[np.int64]
    muck: NDArray[np.int64]
    container: NDArray[np.int64]
    light: NDArray[np.int64]
    uncovered: NDArray[np.int64]
    silt: NDArray[np.float64]
    increment: NDArray[np.float64]
    gate_failing: NDArray[np.bool_]
    unwashed: NDArray[np.int64]
    uncovered_gate: NDArray[np.int64]
    plume: NDArray[np.bool_]
    temp: float = 20.0
    rh: float = 60.0
    pressure: float = 1010.0
    wind_speed: float = 2.0
    wind_dir: float = 90.0
    rain: float = 0.0


def scene(district: District) -> FakeScene:
    """An ordinary minute of a district."""
    stations, segments = len(district.stations), len(district.segments)
    sites = len(district.sites)
    return FakeScene(
        pm10=np.full(stations, 100.0),
        pm25=np.full(stations, 40.0),
        tsp=np.full(stations, 150.0),
        trucks=np.full(segments, 2),
        muck=np.full(segments, 1),
        container=np.full(segments, 1),
        light=np.full(segments, 9),
        uncovered=np.zeros(segments, np.int64),
        silt=np.full(segments, 0.5),
        increment=np.full(segments, 20.0),
        gate_failing=np.zeros(sites, bool),
        unwashed=np.zeros(sites, np.int64),
        uncovered_gate=np.zeros(sites, np.int64),
        plume=np.zeros(sites, bool),
    )


@dataclass
class FakePhysics:
    """Streets and air that stay as they are, and remember what was done to them."""

    minute: FakeScene
    treated: list[tuple[Any, ...]] = field(default_factory=list)

    def step(self, now: datetime) -> FakeScene:
        """The same minute again."""
        return self.minute

    def treat(
        self,
        segment: str,
        treatment: str,
        share: float,
        water_l_per_m2: float,
        *,
        crew: str = "",
        order: str = "",
    ) -> None:
        """Remember."""
        self.treated.append((segment, treatment, share, water_l_per_m2, crew, order))

    def treat_site(self, site: str, treatment: str, *, crew: str = "", order: str = "") -> None:
        """Remember."""
        self.treated.append((site, treatment, crew, order))


def station(name: str, **changes: Any) -> Station:
    """A road station on segment A."""
    facts = {"kind": "road", "segment": "A", "site": None, "height_m": 3.0, "mn": None}
    return Station(id=name, lon=LON, lat=LAT, **({"pm_unit": "ug/m3"} | facts | changes))
