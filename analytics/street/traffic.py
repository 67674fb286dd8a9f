"""How many vehicles to expect on each segment, and what cameras say of it."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Hour of the day from midnight, relative: freight keeps working hours with a break at noon, light
# traffic has two peaks. Cameras correct both.
_HEAVY = (
    0.45, 0.35, 0.28, 0.28, 0.32, 0.45, 0.70, 0.95, 1.25, 1.60, 1.75, 1.55,
    1.00, 1.20, 1.60, 1.75, 1.60, 1.25, 0.90, 0.90, 1.10, 1.15, 0.95, 0.70,
)  # fmt: skip
_LIGHT = (
    0.25, 0.15, 0.10, 0.10, 0.15, 0.40, 0.90, 1.60, 1.90, 1.45, 1.20, 1.20,
    1.20, 1.20, 1.30, 1.40, 1.60, 1.90, 1.75, 1.40, 1.10, 0.90, 0.60, 0.40,
)  # fmt: skip

HEAVY_TONS, LIGHT_TONS = 26.0, 1.8
"""US short tons, laden and empty together."""
SUNDAY = 0.75

MEMORY_MIN = 40.0
"""Counts of cameras are forgotten over this time."""
DOUBT = 15.0
"""Trucks: so many must be expected before a camera's word outweighs the timetable's."""
ALIVE_MIN = 1440


def heavy_at(hour: Floats, weekday: NDArray[np.int64]) -> Floats:
    """(T,) heavy trucks in a minute for one a day."""
    day = np.where(weekday == 6, SUNDAY, 1.0) * 7 / (6 + SUNDAY)
    return _by_hour(_HEAVY, hour) * day / 1440.0


def light_at(hour: Floats) -> Floats:
    """(T,) light vehicles in a minute for one a day."""
    return _by_hour(_LIGHT, hour) / 1440.0


def _by_hour(weights: tuple[float, ...], hour: Floats) -> Floats:
    scaled = np.array(weights) * (len(weights) / sum(weights))
    before = np.floor(hour - 0.5).astype(np.int64)
    part = hour - 0.5 - before
    return np.asarray((1 - part) * scaled[before % 24] + part * scaled[(before + 1) % 24])


def activity(counted: Floats, expected: Floats, seen_at: NDArray[np.int64], minute: int) -> Floats:
    """(M,) how busy each segment is against the timetable, from cameras' fading sums.

    A segment with a camera goes by its own count, the others by that of all cameras. One that has
    said nothing for a day is out of order, not on an empty road.
    """
    alive = minute - seen_at < ALIVE_MIN
    total, usual = counted[alive].sum() + DOUBT, expected[alive].sum() + DOUBT
    common = total / usual
    own = (counted + DOUBT * common) / (expected + DOUBT)
    return np.asarray(np.clip(np.where(alive, own, common), 0.1, 4.0))
