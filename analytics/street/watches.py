"""Did it help? Every treated segment goes on a second time without that one order, in each member.

The two differ by the silt that the crew took and the water that it left, until both are gone. The
verdict compares the kerb's increment with and without over the hour after the work.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Ints = NDArray[np.int64]

FROM_MIN, UPTO_MIN = 5, 65
"""Minutes after the work that are compared: the first are its own spray."""
FLOOR = np.float32(5.0)
"""µg/m³; increments below this are noise."""
LONGEST_MIN = 300
"""A work that has not ended by then is not watched any longer."""
UNENDED = -1
NINETY = 1.645
"""Standard deviations either way that hold 90 % of a normal number."""
LEAST = 0.03
"""Of a logarithm: what any effect is unsure by."""


@dataclass(frozen=True, slots=True)
class Effect:
    """By how many percent an order lowered its segment's increment; low, high: 90 % of what it may
    be; end: the minute in which it was done."""

    order: str
    segment: int
    treatment: int
    end: int
    reduction_pct: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Watches:
    """Orders (J) and their segments as they would be without each: load (J, N) g/m², film (J, N)
    mm; with_it, without: (J, N) sums of log increments over `minutes` (J,); begun, end: (J,)
    minutes, end UNENDED while the crew works."""

    orders: tuple[str, ...]
    segment: Ints
    treatment: Ints
    begun: Ints
    end: Ints
    minutes: Ints
    load: Rows
    film: Rows
    with_it: Rows
    without: Rows

    @classmethod
    def none(cls, members: int) -> "Watches":
        whole, rows = np.empty(0, np.int64), np.empty((0, members), np.float32)
        return cls((), whole, whole, whole, whole, whole, rows, rows, rows, rows)

    def __len__(self) -> int:
        return len(self.orders)

    def begin(
        self,
        orders: Sequence[str],
        segment: Sequence[int],
        treatment: Sequence[int],
        minute: int,
        load: Rows,
        film: Rows,
    ) -> "Watches":
        """With more orders, whose segments are as they are before the crews begin."""
        if not orders:
            return self
        count = len(orders)
        nothing = np.zeros_like(load)
        return Watches(
            self.orders + tuple(orders),
            np.append(self.segment, np.array(segment, np.int64)),
            np.append(self.treatment, np.array(treatment, np.int64)),
            np.append(self.begun, np.full(count, minute)),
            np.append(self.end, np.full(count, UNENDED)),
            np.append(self.minutes, np.zeros(count, np.int64)),
            np.concatenate((self.load, load)),
            np.concatenate((self.film, film)),
            np.concatenate((self.with_it, nothing)),
            np.concatenate((self.without, nothing)),
        )

    def ended(self, orders: set[str], minute: int) -> "Watches":
        """These orders are done."""
        done = np.array([order in orders for order in self.orders], bool)
        return replace(self, end=np.where(done & (self.end == UNENDED), minute, self.end))

    def felt(self, minute: int, kerb: Rows, own: Rows, ratio: Rows) -> "Watches":
        """Take a minute in; kerb (J, N) µg/m³, own (J, N) what of it comes off the segment itself,
        ratio (J, N) how many times as much that would be without the order."""
        after = minute - self.end
        counts = (self.end != UNENDED) & (after > FROM_MIN) & (after <= UPTO_MIN)
        if not counts.any():
            return self
        weight = counts[:, None].astype(np.float32)
        without = np.log(np.maximum(kerb + own * (ratio - 1), FLOOR))
        return replace(
            self,
            with_it=self.with_it + weight * np.log(np.maximum(kerb, FLOOR)),
            without=self.without + weight * without,
            minutes=self.minutes + counts,
        )

    def settle(self, minute: int, doubt: float) -> tuple["Watches", tuple[Effect, ...]]:
        """Those still to be watched, and what the others came to.

        doubt: relative standard deviation of an effect beyond what the members differ by.
        """
        unended = self.end == UNENDED
        over = np.where(unended, minute - self.begun > LONGEST_MIN, minute >= self.end + UPTO_MIN)
        if not over.any():
            return self, ()
        told = over & ~unended & (2 * self.minutes >= UPTO_MIN - FROM_MIN)
        effects = []
        for j in np.flatnonzero(told):
            change = (self.with_it[j] - self.without[j]) / self.minutes[j]
            mean = float(change.mean(dtype=np.float64))
            spread = np.hypot(float(change.std(dtype=np.float64)), doubt * abs(mean) + LEAST)
            percent = 100 * (1 - np.exp(mean + np.array((0.0, 1.0, -1.0)) * NINETY * spread))
            middle, low, high = (round(float(p), 1) for p in percent)
            effects.append(
                Effect(
                    self.orders[j], int(self.segment[j]), int(self.treatment[j]), int(self.end[j]),
                    middle, low, high,
                )
            )  # fmt: skip
        kept = np.flatnonzero(~over)
        return self.some(kept), tuple(effects)

    def some(self, which: NDArray[np.intp]) -> "Watches":
        """These alone."""
        return Watches(
            tuple(self.orders[j] for j in which),
            *(getattr(self, name)[which] for name in _ARRAYS),
        )

    def arrays(self) -> dict[str, Any]:
        """As kept in a checkpoint."""
        orders = np.frombuffer(msgspec.json.encode(self.orders), np.uint8)
        return {"orders": orders} | {name: getattr(self, name) for name in _ARRAYS}

    @classmethod
    def of(cls, arrays: dict[str, Any]) -> "Watches":
        """Out of a checkpoint."""
        orders = msgspec.json.decode(arrays["orders"].tobytes(), type=tuple[str, ...])
        return cls(orders, *(arrays[name] for name in _ARRAYS))


_ARRAYS = tuple(name for name in Watches.__slots__ if name != "orders")
