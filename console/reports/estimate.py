"""A figure with its interval, and how intervals add up."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import hypot

NINETY = 1.645
"""Standard deviations either way that hold 90 % of a normal number."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value between `low` and `high` with 90 %."""

    value: float
    low: float
    high: float


def total(parts: Iterable[Estimate], shared: float = 0.0) -> Estimate:
    """The sum of figures that err by themselves, and by a common part of their size.

    shared: relative half width of 90 % of what they have in common.
    """
    value = below = above = 0.0
    for part in parts:
        value += part.value
        below = hypot(below, part.value - part.low)
        above = hypot(above, part.high - part.value)
    common = shared * abs(value)
    return Estimate(value, value - hypot(below, common), value + hypot(above, common))
