"""Vehicles over each segment and trucks out of each gate, minute by minute."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from simulators.silt import Passing

Floats = NDArray[np.float64]

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
class Stream:
    """Vehicles in a minute; (segment,) each."""

    container: Floats
    muck: Floats
    light: Floats

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


class Road:
    """Draws the vehicles of each minute: Poisson, at the hour's and the day's rate.

    heavy_per_day: (segment,) mean over the week; lanes: (segment,); factor: on the trucks.
    """

    def __init__(
        self, heavy_per_day: Floats, lanes: Floats, factor: float, rng: np.random.Generator
    ) -> None:
        self._rng = rng
        heavy = heavy_per_day * factor / MINUTES_A_DAY
        self._rates = np.stack(
            [
                heavy * (1.0 - MUCK_SHARE),
                heavy * MUCK_SHARE,
                lanes * LIGHT_PER_LANE_DAY / MINUTES_A_DAY,
            ]
        )

    def step(self, local: datetime, minutes: float = 1.0) -> Stream:
        """Vehicles in the minutes that end at a local time."""
        hour = local.hour + local.minute / 60.0
        day = of_weekday(local)
        busy = np.array(
            [day * by_hour(_CONTAINER, hour), day * by_hour(_MUCK, hour), by_hour(_LIGHT, hour)]
        )
        drawn = self._rng.poisson(self._rates * (busy * minutes)[:, None]).astype(np.float64)
        return Stream(*drawn)


def gate_rate(local: datetime) -> float:
    """Trucks out of gates against the mean of the week."""
    hour = local.hour + local.minute / 60.0
    return of_weekday(local) * by_hour(_MUCK, hour)
