"""Did it help? Every treated segment goes on a second time without that one order, in each member.

The two differ by the silt that the crew took and the water that it left, until both are gone. The
verdict compares the kerb's increment with and without over the hour after the work.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

FROM_MIN, UPTO_MIN = 5, 65
"""Minutes after the work that are compared: the first are its own spray."""
NINETY = 1.645
LEAST = 0.02
"""Of a logarithm: what any effect is unsure by."""
FLOOR = np.float32(5.0)
"""µg/m³; increments below this are noise."""
LONGEST_MIN = 300
"""A work that has not ended by then is not watched any longer."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A segment (index) without one order: load (N,) g/m² and film (N,) mm as they would be;
    with_it and without (N,) sums of log increments so far, over `minutes`; end: the minute in
    which the order was done, or -1."""

    order: str
    segment: int
    treatment: int
    begun: int
    end: int
    load: Rows
    film: Rows
    with_it: Rows
    without: Rows
    minutes: int

    @classmethod
    def begin(
        cls, order: str, segment: int, treatment: int, minute: int, load: Rows, film: Rows
    ) -> "Watch":
        """As the segment is before the crew begins."""
        nothing = np.zeros_like(load)
        return cls(
            order, segment, treatment, minute, -1, load.copy(), film.copy(), nothing, nothing, 0
        )

    def over(self, minute: int) -> bool:
        """Whether there is nothing more to see."""
        if self.end < 0:
            return minute - self.begun > LONGEST_MIN
        return minute >= self.end + UPTO_MIN

    def felt(self, minute: int, kerb: Rows, own: Rows, ratio: Rows) -> "Watch":
        """Take a minute in; kerb (N,) µg/m³, own (N,) what of it comes off this segment, ratio (N,)
        how many times as much that would be without the order."""
        if self.end < 0 or not self.end + FROM_MIN < minute <= self.end + UPTO_MIN:
            return self
        without = kerb + own * (ratio - 1)
        return replace(
            self,
            with_it=self.with_it + np.log(np.maximum(kerb, FLOOR)),
            without=self.without + np.log(np.maximum(without, FLOOR)),
            minutes=self.minutes + 1,
        )


@dataclass(frozen=True, slots=True)
class Effect:
    """By how many percent an order lowered its segment's increment; low, high: 90 % of members."""

    order: str
    segment: int
    treatment: int
    end: int
    reduction_pct: float
    low: float
    high: float


def settle(
    watches: tuple[Watch, ...], minute: int, doubt: float
) -> tuple[tuple[Watch, ...], tuple[Effect, ...]]:
    """Those still to be watched, and what the others came to.

    doubt: relative standard deviation of an effect beyond what the members differ by.
    """
    kept, effects = [], []
    for watch in watches:
        if not watch.over(minute):
            kept.append(watch)
        elif watch.end >= 0 and watch.minutes >= (UPTO_MIN - FROM_MIN) // 2:
            change = (watch.with_it - watch.without) / watch.minutes
            mean = float(change.mean(dtype=np.float64))
            spread = np.hypot(float(change.std(dtype=np.float64)), doubt * abs(mean) + LEAST)
            percent = 100 * (1 - np.exp(mean + np.array((0.0, 1.0, -1.0)) * NINETY * spread))
            middle, low, high = (round(float(p), 1) for p in percent)
            effects.append(
                Effect(watch.order, watch.segment, watch.treatment, watch.end, middle, low, high)
            )
    return tuple(kept), tuple(effects)
