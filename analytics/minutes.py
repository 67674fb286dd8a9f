"""Readings to minutes. Whatever a station's rhythm, later steps see one value a minute.

Minute m ends at m · 60 s of the epoch and takes the readings in (m - 1, m]. A reading holds from
its own minute on for as long as its station usually waits between two readings, 60 minutes at the
most, and never past the next one.

Quantities are whole thousandths of µg/m³ in int64: sums of integers do not depend on the order or
on how time was cut into blocks, so live and backtest agree to the last bit.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analytics.readings import Readings

MILLI = 1000
LONGEST_SPAN_MIN = 60

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


T = TypeVar("T", int, Ints)


def minute_of(ts_ms: T) -> T:
    """The minute that a time in ms falls in: the one that ends at or after it."""
    return -(-ts_ms // 60_000)


def spans(readings: Readings) -> Ints:
    """(n,) minutes for which each of the sorted readings stands.

    The usual wait is the shortest of a station's last three: a drop-out does not stretch it.
    """
    minute = minute_of(readings.ts_ms)
    gaps = np.full((3, len(readings)), LONGEST_SPAN_MIN + 1, np.int64)
    gap = np.diff(minute, prepend=0)
    for back in range(3):
        known = readings.previous(back + 1)
        gaps[back, known] = gap[np.flatnonzero(known) - back]
    usual = gaps.min(axis=0, initial=LONGEST_SPAN_MIN + 1)
    usual[usual > LONGEST_SPAN_MIN] = np.where(
        readings.previous(1)[usual > LONGEST_SPAN_MIN], LONGEST_SPAN_MIN, 1
    )
    until_next = np.full(len(readings), LONGEST_SPAN_MIN, np.int64)
    followed = np.zeros(len(readings), bool)
    followed[:-1] = readings.station[:-1] == readings.station[1:]
    until_next[followed] = gap[1:][followed[:-1]]
    return np.asarray(np.maximum(np.minimum(usual, until_next), 1), np.int64)


def minute_means(
    readings: Readings, values: NDArray[np.float64], good: Bools, *, after: int, upto: int, n: int
) -> tuple[Ints, Bools]:
    """Means (T, n stations, k) in thousandths and whether there is one, for minutes after+1..upto.

    values: (rows, k) of the sorted readings; good: (rows, k) which of them count.
    """
    length = spans(readings)
    row = np.repeat(np.arange(len(readings)), length)
    step = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
    minute = minute_of(readings.ts_ms)[row] + step - after - 1
    inside = (minute >= 0) & (minute < upto - after)
    row, minute = row[inside], minute[inside]

    shape = (upto - after, n, values.shape[1])
    total, count = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    milli = np.rint(np.where(good, values, 0.0) * MILLI).astype(np.int64)
    place = (minute, readings.station[row])
    np.add.at(total, place, milli[row])
    np.add.at(count, place, good[row].astype(np.int64))
    return np.rint(total / np.maximum(count, 1)).astype(np.int64), count > 0
