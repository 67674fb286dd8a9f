"""Silt on the carriageway as a mass balance by origin: what comes, what goes, what is held.

Arrays (segment, origin) have what no site brought in column 0 (what fell out of the air, wear
and spill of all traffic, what lay there at the start) and what each site brought in the others.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

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
    spill_g_per_uncovered_m
        What a truck loses on each metre besides, if its load has no cover.
    rain_share_per_mm
        Of the silt, what the first millimetre of rain flushes away.
    """

    settling_g_m2_h: float = 0.01
    shed_g_per_heavy_m: float = 0.030
    shed_g_per_light_m: float = 0.0001
    escape: float = 0.6
    tyre_share: float = 0.0008
    spill_g_per_uncovered_m: float = 0.5
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
    """Where silt came from and went in a step, in g; (segment, origin) each.

    What tyres take away that does not arrive elsewhere has left the district.
    """

    settled: Floats
    shed: Floats
    spilled: Floats
    tracked_in: Floats
    arrived: Floats
    taken_along: Floats
    blown_away: Floats
    treated: Floats
    rained_off: Floats

    @property
    def gain(self) -> Floats:
        return np.asarray(
            self.settled + self.shed + self.spilled + self.tracked_in + self.arrived, np.float64
        )

    @property
    def loss(self) -> Floats:
        return np.asarray(
            self.taken_along + self.blown_away + self.treated + self.rained_off, np.float64
        )

    def totals_g(self) -> dict[str, Floats]:
        """(origin,) each flow summed over the district."""
        return {item.name: getattr(self, item.name).sum(axis=0) for item in fields(self)}


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
    uncovered: NDArray[np.int64],
    removed_share: Floats,
    rain_mm: float,
    onward: csr_array,
    minutes: float,
) -> tuple[Floats, SiltFlows]:
    """Silt in g after a step, and the flows that made it so: after = before + gain - loss.

    silt_g: (segment, origin); tracked_in_g and uncovered (trucks without a cover): (segment,
    site); let_through: (segment,) what wetness leaves of the dust; removed_share: (segment,)
    what treatments take in this step; onward: (segment, segment) where the silt on tyres that
    leave a segment falls off, rows summing to at most 1. Of each origin the same shares go.
    """
    total = silt_g.sum(axis=1)
    raised = per_vehicle_km(total / area_m2, passing.weight_short_tons, K_TSP) * let_through
    blown = physics.escape * raised * passing.vehicles * length_m / 1000.0
    share = np.divide(blown, total, out=np.zeros_like(total), where=total > 0.0)
    share = np.minimum(share, MOST_IN_ONE_STEP)
    left = silt_g.copy()

    def lose(gone: Floats | float) -> Floats:
        """Take these shares off each segment, whatever its origin."""
        lost: Floats = left * np.reshape(gone, (-1, 1))
        np.subtract(left, lost, out=left)
        return lost

    blown_g = lose(share)
    taken = lose(-np.expm1(-physics.tyre_share * passing.heavy))
    treated = lose(removed_share)
    rained = lose(float(-np.expm1(-physics.rain_share_per_mm * rain_mm)))
    settled, shed = np.zeros_like(left), np.zeros_like(left)
    spilled, tracked = np.zeros_like(left), np.zeros_like(left)
    settled[:, 0] = physics.settling_g_m2_h * minutes / 60.0 * area_m2
    shed[:, 0] = (
        physics.shed_g_per_heavy_m * passing.heavy + physics.shed_g_per_light_m * passing.light
    ) * length_m
    spilled[:, 1:] = physics.spill_g_per_uncovered_m * uncovered * length_m[:, None]
    tracked[:, 1:] = tracked_in_g
    flows = SiltFlows(
        settled=settled,
        shed=shed,
        spilled=spilled,
        tracked_in=tracked,
        arrived=onward.T @ taken,
        taken_along=taken,
        blown_away=blown_g,
        treated=treated,
        rained_off=rained,
    )
    return np.asarray(left + flows.gain, np.float64), flows
