"""Where and when the street truly was over the limit, and through whom."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from evaluation.record import BLOCK_MIN, Record, Rows

__all__ = ["LIMIT", "Spell", "hourly_means", "spells"]

LIMIT = 80.0
"""µg/m³ of PM10 that the street adds, 60-minute mean: level 2 of the contract."""

WINDOW_MIN = 60
# A mean needs 75 % of its minutes.
NEEDS_MIN = 45

# Shorter breaks do not part two exceedances.
JOIN_MIN = 30


@dataclass(frozen=True, slots=True)
class Spell:
    """A segment over the limit, from ``start`` to ``end``.

    peak: highest 60-minute mean, µg/m³. source, share: who gave most of the increment in the
    hour before and during the spell, and how much of it.
    """

    segment: str
    start: datetime
    end: datetime
    peak: float
    source: str
    share: float


def hourly_means(increment: Rows) -> NDArray[np.float64]:
    """(time, segment) means over the 60 minutes up to each, nan where there are under 45."""
    total = np.cumsum(increment, axis=0, dtype=np.float64)
    before = np.zeros_like(total)
    before[WINDOW_MIN:] = total[:-WINDOW_MIN]
    count = np.minimum(np.arange(len(increment)) + 1, WINDOW_MIN)[:, None]
    return np.where(count >= NEEDS_MIN, (total - before) / count, np.nan)


def spells(record: Record, limit: float = LIMIT) -> list[Spell]:
    """Every true exceedance of a trial, by segment and time."""
    means = hourly_means(record.increment)
    found: list[Spell] = []
    for at, segment in enumerate(record.segments):
        for first, last in _runs(means[:, at] > limit):
            source, share = _leading(record, at, first, last)
            found.append(
                Spell(
                    segment=segment,
                    start=record.end_of(first),
                    end=record.end_of(last) + timedelta(minutes=1),
                    peak=float(np.nanmax(means[first : last + 1, at])),
                    source=source,
                    share=share,
                )
            )
    return found


def _runs(over: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last row of each run, over gaps of `JOIN_MIN` at most."""
    rows = np.flatnonzero(over)
    if not len(rows):
        return []
    cuts = np.flatnonzero(np.diff(rows) - 1 > JOIN_MIN)
    firsts = rows[np.concatenate([[0], cuts + 1])]
    lasts = rows[np.concatenate([cuts, [len(rows) - 1]])]
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]


def _leading(record: Record, segment: int, first: int, last: int) -> tuple[str, float]:
    blocks = slice(max(first + 1 - WINDOW_MIN, 0) // BLOCK_MIN, last // BLOCK_MIN + 1)
    given = record.by_source[blocks, segment].sum(axis=0, dtype=np.float64)
    leads = int(np.argmax(given))
    return record.sources[leads], float(given[leads] / given.sum())
