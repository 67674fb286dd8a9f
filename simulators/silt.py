"""Silt on the carriageway as a mass balance: what comes, what goes, what is held."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from simulators.emission import K_TSP, per_vehicle_km

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SiltPhysics:
    """Rates of the balance.

    settling_g_m2_h
        What falls out of the air.
    shed_g_per_heavy_m
        What a heavy truck loses by spill and wear on each metre.
    shed_g_per_light_m
        The same of a light vehicle.
    escape
        Of the dust that is raised (all of it below 75 µm, k = 3.23), the share that leaves the
        street; the rest falls back.
    tyre_share
        Of a segment's silt, what one heavy truck carries on to the next.
    rain_share_per_mm
        Of the silt, what the first millimetre of rain flushes away.
    """

    settling_g_m2_h: float = 0.01
    shed_g_per_heavy_m: float = 0.030
    shed_g_per_light_m: float = 0.0001
    escape: float = 0.6
    tyre_share: float = 0.0008
    rain_share_per_mm: float = 0.25


@dataclass(frozen=True, slots=True)
class Passing:
    """What passes over the streets in a step; (segment,) each."""

    heavy: Floats
    light: Floats
    weight_short_tons: Floats

    @property
    def vehicles(self) -> Floats:
        return np.asarray(self.heavy + self.light, np.float64)


@dataclass(frozen=True, slots=True)
class SiltFlows:
    """Where silt came from and went in a step, in g; (segment,) each.

    What tyres take away that does not arrive elsewhere has left the district.
    """

    settled: Floats
    shed: Floats
    tracked_in: Floats
    arrived: Floats
    taken_along: Floats
    blown_away: Floats
    treated: Floats
    rained_off: Floats

    @property
    def gain(self) -> Floats:
        return np.asarray(self.settled + self.shed + self.tracked_in + self.arrived, np.float64)

    @property
    def loss(self) -> Floats:
        return np.asarray(
            self.taken_along + self.blown_away + self.treated + self.rained_off, np.float64
        )

    def totals_g(self) -> dict[str, float]:
        """Each flow summed over the district."""
        return {item.name: float(getattr(self, item.name).sum()) for item in fields(self)}


# A street never gives all of its silt in one step, however much passes.
MOST_IN_ONE_STEP = 0.5


def step(
    physics: SiltPhysics,
    silt_g: Floats,
    area_m2: Floats,
    length_m: Floats,
    passing: Passing,
    let_through: Floats,
    tracked_in_g: Floats,
    removed_share: Floats,
    rain_mm: float,
    onward: Floats,
    minutes: float,
) -> tuple[Floats, SiltFlows]:
    """Silt in g after a step, and the flows that made it so: after = before + gain - loss.

    let_through: (segment,) what wetness leaves of the dust; removed_share: (segment,) what
    treatments take in this step; onward: (segment, segment) where the silt on tyres that leave
    a segment falls off, rows summing to at most 1.
    """
    load = silt_g / area_m2
    raised = per_vehicle_km(load, passing.weight_short_tons, K_TSP) * let_through
    blown = np.minimum(
        physics.escape * raised * passing.vehicles * length_m / 1000.0, MOST_IN_ONE_STEP * silt_g
    )
    left = silt_g - blown
    taken = left * -np.expm1(-physics.tyre_share * passing.heavy)
    left = left - taken
    treated = left * removed_share
    left = left - treated
    rained = left * -np.expm1(-physics.rain_share_per_mm * rain_mm)
    shed = (
        physics.shed_g_per_heavy_m * passing.heavy + physics.shed_g_per_light_m * passing.light
    ) * length_m
    flows = SiltFlows(
        settled=physics.settling_g_m2_h * minutes / 60.0 * area_m2,
        shed=shed,
        tracked_in=tracked_in_g,
        arrived=taken @ onward,
        taken_along=taken,
        blown_away=blown,
        treated=treated,
        rained_off=rained,
    )
    return np.asarray(left - rained + flows.gain, np.float64), flows
