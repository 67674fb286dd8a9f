"""How much it rains in a minute, by gauges that tell of minutes, quarters of an hour or hours.

A gauge tells what fell since it spoke last. Each word is spread over as long again as it took to
come, and what falls is the median over the gauges whose word still stands.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LONGEST_MIN = 60
"""What fell over longer than this is of the past."""
MOST_MM_MIN = 5.0
"""More does not fall on Earth but for moments: the gauge is wrong."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """Of each station: mm a minute by its newest word, the minute of it, and for how many minutes
    from then on it stands."""

    rate: Floats
    at: Ints
    lasts: Ints

    @classmethod
    def unheard(cls, stations: int) -> "Gauges":
        return cls(
            np.zeros(stations),
            np.full(stations, -(10**9), np.int64),
            np.zeros(stations, np.int64),
        )

    def arrays(self) -> dict[str, Any]:
        """As kept in a checkpoint."""
        return {f"gauges_{field.name}": getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, arrays: dict[str, Any]) -> "Gauges":
        """Out of a checkpoint."""
        return cls(*(arrays[f"gauges_{field.name}"] for field in fields(cls)))


def fallen(
    gauges: Gauges, minute: Ints, station: Ints, mm: Floats, first: int, count: int
) -> tuple[Gauges, Floats]:
    """(count,) mm in each minute from `first` on, and what the gauges are known to say after them.

    minute, station, mm: (n,) of readings; NaN and negative ones do not count.
    """
    rate, at, lasts = gauges.rate.copy(), gauges.at.copy(), gauges.lasts.copy()
    t = minute - first
    with np.errstate(invalid="ignore"):
        told = (t >= 0) & (t < count) & (mm >= 0)
    total, said = np.zeros((count, len(rate))), np.zeros((count, len(rate)), bool)
    np.add.at(total, (t[told], station[told]), mm[told])
    said[t[told], station[told]] = True
    rain = np.zeros(count)
    for now in range(count):
        who = said[now]
        if who.any():
            span = first + now - at[who]
            # A first word says only that there is a gauge.
            rate[who] = np.where(span <= LONGEST_MIN, total[now, who] / span, 0.0)
            lasts[who] = np.minimum(span, LONGEST_MIN)
            at[who] = first + now
        stands = first + now - at < lasts
        if rate[stands].any():
            rain[now] = min(float(np.median(rate[stands])), MOST_MM_MIN)
    return Gauges(rate, at, lasts), rain
