"""What blows in: the regional background, one value a minute for the whole district.

In order of preference:

1. background stations: the median over them of each one's last hour (a median resists plumes);
2. three or more stations: a low quantile over them of each one's low of the last hour, since
   haze lifts all stations and a plume only some (Brantley et al. 2014, AMT 7:2169);
3. one or two: a low quantile of their hourly means of the last day.
"""

import numpy as np
from numpy.typing import NDArray

from analytics.minutes import Bools, Ints

HOUR = 60
LOW = 0.2
DAY_LOW = 0.1
DAY_HOURS = 24


def from_background_stations(pm10: Ints, known: Bools) -> NDArray[np.float64]:
    """(T,) thousandths, NaN where none is known, from (60 + T, s) minutes of those stations."""
    return _quantile(_trailing(pm10, known, 0.5), 0.5)


def from_street_stations(pm10: Ints, known: Bools) -> NDArray[np.float64]:
    """(T,) thousandths, NaN where fewer than three stations speak, from (60 + T, s) minutes."""
    lows = _trailing(pm10, known, LOW)
    background = _quantile(lows, LOW)
    background[(~np.isnan(lows)).sum(axis=1) < 3] = np.nan
    return background


def from_last_day(hours: NDArray[np.float64]) -> float:
    """Thousandths from (24, s) hourly means, NaN where there is none."""
    known = hours[~np.isnan(hours)]
    return float(np.quantile(known, DAY_LOW)) if len(known) else float("nan")


def _trailing(pm10: Ints, known: Bools, quantile: float) -> NDArray[np.float64]:
    """(T, s) each station's quantile over the last hour; NaN under a quarter of its minutes."""
    values = np.where(known, pm10, np.nan).astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(values, HOUR, axis=0)[1:]
    lows = _quantile(windows, quantile)
    enough = np.lib.stride_tricks.sliding_window_view(known, HOUR, axis=0)[1:].sum(axis=-1)
    lows[enough < HOUR // 4] = np.nan
    return lows


def _quantile(values: NDArray[np.float64], quantile: float) -> NDArray[np.float64]:
    """Linear quantile over the last axis without NaN; NaN where all are. numpy's own nanquantile
    walks row by row in Python, 40 times slower on (1440, 25, 60)."""
    if not values.shape[-1]:
        return np.full(values.shape[:-1], np.nan)
    ordered = np.sort(values, axis=-1)
    count = (~np.isnan(ordered)).sum(axis=-1)
    position = quantile * np.maximum(count - 1, 0)
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    low = np.take_along_axis(ordered, below[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(ordered, above[..., None], axis=-1)[..., 0]
    return np.asarray(low + (high - low) * (position - below))
