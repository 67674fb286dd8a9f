"""Streets and air that stay as they are, and remember how they were treated."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from geo.district import District


@dataclass
class StillMinute:
    """A minute that a test may change before devices look at it."""

    pm10: NDArray[np.float64]
    pm25: NDArray[np.float64]
    tsp: NDArray[np.float64]
    trucks: NDArray[np.int64]
    muck: NDArray[np.int64]
    container: NDArray[np.int64]
    silt: NDArray[np.float64]
    increment: NDArray[np.float64]
    gate_failing: NDArray[np.bool_]
    unwashed: NDArray[np.int64]
    plume: NDArray[np.bool_]
    light: NDArray[np.int64]
    uncovered: NDArray[np.int64]
    uncovered_gate: NDArray[np.int64]
    temp: float = 20.0
    rh: float = 60.0
    pressure: float = 1010.0
    wind_speed: float = 2.0
    wind_dir: float = 90.0
    rain: float = 0.0


def still_minute(district: District) -> StillMinute:
    """An ordinary minute: PM10 100, PM2.5 40, TSP 150 µg/m³, two trucks on every segment."""
    stations, segments = len(district.stations), len(district.segments)
    sites = len(district.sites)
    return StillMinute(
        pm10=np.full(stations, 100.0),
        pm25=np.full(stations, 40.0),
        tsp=np.full(stations, 150.0),
        trucks=np.full(segments, 2),
        muck=np.full(segments, 1),
        container=np.full(segments, 1),
        silt=np.full(segments, 0.5),
        increment=np.full(segments, 20.0),
        gate_failing=np.zeros(sites, bool),
        unwashed=np.zeros(sites, np.int64),
        plume=np.zeros(sites, bool),
        light=np.full(segments, 8),
        uncovered=np.zeros(segments, np.int64),
        uncovered_gate=np.zeros(sites, np.int64),
    )


@dataclass
class StillStreet:
    """A street on which every minute is the same."""

    minute: StillMinute
    treated: list[tuple[str, str, float, float]] = field(default_factory=list)
    sites: list[tuple[str, str]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)

    def step(self, now: datetime) -> StillMinute:
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
        self.treated.append((segment, treatment, share, water_l_per_m2))
        self.told.append((crew, order))

    def treat_site(self, site: str, treatment: str, *, crew: str = "", order: str = "") -> None:
        self.sites.append((site, treatment))
        self.told.append((crew, order))
