"""What the devices see of the physical world, minute by minute."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from geo.district import District
from geo.graph import RoadGraph
from simulators.dust import Dust
from simulators.dust import Minute as Lived
from simulators.scenario import Scenario
from simulators.treatment import EFFECTS, INSPECT, Work

__all__ = ["Minute", "Street"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Dust that a passer-by sees over a site: PM10 off its ground above this, g/s.
VISIBLE_G_S = 0.04

# Shares that are added up miss 1 by this much.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute as it truly was; arrays in the order of the district's files.

    ``pm10``, ``pm25``, ``tsp`` (station,) and ``background_pm10`` are µg/m³ in the air, before
    any sensor. ``temp`` is °C, ``rh`` %, ``pressure`` hPa, ``wind_speed`` m/s, ``wind_dir`` the
    degrees it comes from, ``rain`` mm in this minute. ``trucks``, ``muck`` and ``container``
    (segment,) are heavy trucks that passed, ``light`` all other vehicles, ``uncovered`` those
    of the trucks whose load has no cover. ``gate_failing``, ``unwashed``, ``uncovered_gate``
    and ``plume`` (site,) say whether the wheel wash is off, how many trucks left unwashed and
    how many uncovered, and whether dust is to be seen; a site that the district does not know
    has no place in them. ``silt`` (segment,) is g/m² and ``increment`` (segment,) the µg/m³ of
    PM10 that streets and sites add at its kerbs: the truth, never published.
    """

    pm10: Floats
    pm25: Floats
    tsp: Floats
    background_pm10: float
    temp: float
    rh: float
    pressure: float
    wind_speed: float
    wind_dir: float
    rain: float
    trucks: Ints
    muck: Ints
    container: Ints
    light: Ints
    uncovered: Ints
    gate_failing: NDArray[np.bool_]
    unwashed: Ints
    uncovered_gate: Ints
    plume: NDArray[np.bool_]
    silt: Floats
    increment: Floats


class Street:
    """A district under a scenario: the same seed and the same treatments, the same minutes.

    Attributes
    ----------
    dust
        The physics beneath, with its flows and its truth.

    Worlds that are given the same ``graph`` of the district share what no minute changes, and
    the second begins at once; they must not step at the same time in several threads.
    ``record`` is called with all that went on in each minute and the works that took effect in it.
    """

    def __init__(
        self,
        district: District,
        scenario: Scenario,
        seed: int,
        *,
        graph: RoadGraph | None = None,
        record: Callable[[Lived, Sequence[Work]], None] | None = None,
    ) -> None:
        self.dust = Dust(district, graph or RoadGraph(district), scenario, seed)
        self._sites = len(district.sites)
        self._record = record
        self._works: list[Work] = []

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
        """Treat a ``share`` of a segment's length, with so many litres on each m² of that share.

        It takes effect in the next step. crew and order say who did it and why.

        Raises
        ------
        ValueError
            For a segment or treatment that is not known, a share outside 0 to 1, or an amount
            of water that cannot be.
        """
        at = self.dust.streets.index.get(segment)
        if at is None:
            raise ValueError(f"there is no segment {segment!r} to treat")
        _check_treatment(treatment, segment)
        if not 0.0 <= share <= 1.0 + ROUNDING:
            raise ValueError(f"{share} is no share of {segment!r}; give one from 0 to 1")
        if not 0.0 <= water_l_per_m2 < np.inf:
            raise ValueError(f"{water_l_per_m2} litres cannot be put on a m² of {segment!r}")
        water_l = water_l_per_m2 * share * float(self.dust.streets.area_m2[at])
        share = min(share, 1.0)
        self._works.append(Work(crew, treatment, segment, None, share, water_l, order))

    def treat_site(self, site: str, treatment: str, *, crew: str = "", order: str = "") -> None:
        """Work at a site in the next minute; spraying holds its dust down.

        Raises
        ------
        ValueError
            For a site or treatment that is not known.
        """
        if site not in self.dust.site_ids:
            raise ValueError(f"there is no site {site!r} to treat")
        _check_treatment(treatment, site)
        self._works.append(Work(crew, treatment, None, site, 1.0, 0.0, order))

    def waiting(self) -> list[Work]:
        """Give the treatments that take effect in the next step."""
        return list(self._works)

    def step(self, now: datetime) -> Minute:
        """Advance exactly one minute, the one that ends at ``now`` (aware)."""
        works, self._works = self._works, []
        was = self.dust.step(now, works)
        if self._record is not None:
            self._record(was, works)
        known = slice(self._sites)
        muck = was.traffic.muck.astype(np.int64)
        container = was.traffic.container.astype(np.int64)
        return Minute(
            pm10=was.station_pm10,
            pm25=was.station_pm25,
            tsp=was.station_tsp,
            background_pm10=was.air.background_pm10,
            temp=was.air.temp_c,
            rh=was.air.rh_pct,
            pressure=was.air.pressure_hpa,
            wind_speed=was.air.wind_m_s,
            wind_dir=was.air.wind_from_deg,
            rain=was.air.rain_mm,
            trucks=muck + container,
            muck=muck,
            container=container,
            light=was.traffic.light.astype(np.int64),
            uncovered=was.traffic.uncovered.sum(axis=1),
            gate_failing=was.gates.failing[known],
            unwashed=was.gates.dirty[known],
            uncovered_gate=was.gates.uncovered[known],
            plume=was.plume_g_s[known] > VISIBLE_G_S,
            silt=was.silt_g_m2,
            increment=was.increment,
        )


def _check_treatment(treatment: str, where: str) -> None:
    if treatment not in EFFECTS and treatment != INSPECT:
        raise ValueError(
            f"{treatment!r} at {where!r} is no treatment; known are "
            f"{', '.join(sorted({*EFFECTS, INSPECT}))}"
        )
