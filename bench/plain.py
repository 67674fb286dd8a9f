"""Plain methods that a model of the street has to beat, as arrays over a whole recording.

They know the stations' readings and where stations stand, and nothing else. On a segment without
a station they say what the nearest road station says.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics import background as blown_in
from analytics.increment import segment_increments
from analytics.layout import Layout
from analytics.minutes import MILLI, minute_means
from analytics.readings import PM10, Readings
from bench.scores import over_limits, trailing_mean

__all__ = ["TODAY", "Said", "fixed", "rolling", "today"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TODAY = "plain background"

FIXED_UG_M3 = 150.0
RANGE_UG_M3 = 5000.0
NORMAL = (ord("N"), ord("S"))

LOW = 0.1
DAY_MIN = 1440
LEAST_MIN = 120
ANEW_MIN = 10


@dataclass(frozen=True, slots=True)
class Said:
    """What a method says of each minute and segment, (T, G): the increment in µg/m³, NaN where it
    says nothing, with an interval where it gives one; and whether it is an exceedance."""

    name: str
    increment: Floats | None
    exceeds: Bools
    low: Floats | None = None
    high: Floats | None = None


def raw_minutes(readings: Readings, layout: Layout, after: int, upto: int) -> Floats:
    """(T, S) PM10 as the stations said it, NaN where they said nothing."""
    pm10 = readings.values[:, [PM10]]
    means, known = minute_means(
        readings, pm10, ~np.isnan(pm10), after=after, upto=upto, n=len(layout.stations)
    )
    return np.where(known[:, :, 0], means[:, :, 0] / MILLI, np.nan)


def fixed(readings: Readings, layout: Layout, after: int, upto: int) -> Said:
    """An exceedance is a 60-minute mean of the raw station over 150 µg/m³."""
    hour = trailing_mean(raw_minutes(readings, layout, after, upto), 60)
    return Said("fixed 150", None, (hour > FIXED_UG_M3)[:, _nearest(layout)])


def rolling(readings: Readings, layout: Layout, after: int, upto: int) -> Said:
    """The increment is what a raw station says over the low tenth of its own last day.

    The tenth is worked out every ten minutes, from two hours on.
    """
    raw = raw_minutes(readings, layout, after, upto)
    low = np.full_like(raw, np.nan)
    for row in range(0, len(raw), ANEW_MIN):
        window = raw[max(row + 1 - DAY_MIN, 0) : row + 1]
        there = (~np.isnan(window)).sum(axis=0) >= LEAST_MIN
        if there.any():
            low[row : row + ANEW_MIN, there] = np.nanquantile(window[:, there], LOW, axis=0)
    increment = (raw - low)[:, _nearest(layout)]
    return Said("rolling quantile", increment, over_limits(increment))


def today(readings: Readings, layout: Layout, after: int, upto: int) -> Said:
    """The background of the background stations, or the low fifth of the others; increments as
    the stations near a segment say, and none where there is none near.

    Readings out of range, and those of which the device says that they are not normal, are left
    out.
    """
    pm10 = readings.values[:, [PM10]]
    normal = np.isin(readings.status[:, None], NORMAL)
    good = (pm10 >= 0) & (pm10 < RANGE_UG_M3) & normal
    means, known = minute_means(
        readings, pm10, good, after=after, upto=upto, n=len(layout.stations)
    )
    milli, there = means[:, :, 0], known[:, :, 0]
    long = np.concatenate([np.zeros((60, milli.shape[1]), np.int64), milli])
    long_there = np.concatenate([np.zeros((60, milli.shape[1]), bool), there])
    of = layout.background
    blown = blown_in.from_background_stations(long[:, of], long_there[:, of])
    street = blown_in.from_street_stations(long[:, ~of], long_there[:, ~of])
    blown = np.where(np.isnan(blown), street, blown)
    blown_known = ~np.isnan(blown)
    increment, confidence = segment_increments(
        milli,
        there,
        np.rint(np.where(blown_known, blown, 0.0)).astype(np.int64),
        blown_known,
        layout.reach,
    )
    said = np.where(confidence > 0, increment / MILLI, np.nan)
    return Said(TODAY, said, over_limits(said))


def _nearest(layout: Layout) -> NDArray[np.intp]:
    """(G,) the road station on a segment, or else the one on the nearest segment that has one."""
    own = layout.reach.own
    # Of a station without a street of its own this is the first segment, and then not used.
    stands_on = own.argmax(axis=0)
    away = layout.apart_m[:, stands_on]
    away[:, ~own.any(axis=0)] = np.inf
    away[own] = -1.0
    return np.asarray(away.argmin(axis=1), np.intp)
