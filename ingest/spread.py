"""How values are spread: counts between fixed bounds, as a scraper wants them, cheap to add to."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)
LATENCIES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0)


class Spread:
    """counts: values up to each bound and above the one before; the last: above all bounds."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, values: Iterable[float]) -> None:
        for value in values:
            self.counts[bisect_left(self.bounds, value)] += 1
            self.total += value

    def quantile(self, share: float) -> float | None:
        """The bound that so many of the values are not above; None without any, or above all."""
        number, wanted = sum(self.counts), share * sum(self.counts)
        seen = 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            seen += count
            if number and seen >= wanted:
                return bound
        return None

    def as_json(self) -> dict[str, Any]:
        """For the store; `of_json` reads it."""
        return {"bounds": list(self.bounds), "counts": list(self.counts), "total": self.total}

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> "Spread":
        made = cls(tuple(kept["bounds"]))
        made.counts, made.total = list(kept["counts"]), float(kept["total"])
        return made
