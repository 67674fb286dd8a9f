"""Which treatments are to be judged now, and on which minutes of which segments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from analytics.happenings import Work
from analytics.layout import Layout
from analytics.settings import VerdictSettings
from analytics.street.watches import UPTO_MIN
from analytics.verdicts import Interval, differences


@dataclass(frozen=True, slots=True)
class Judged:
    """What difference in differences says of a work, with the segments that it was compared
    with."""

    interval: Interval | None
    controls: list[str]
    why: str | None = None


def due(works: Iterable[Work], first: int, count: int) -> list[Work]:
    """Works on segments whose hour of watching ends in the `count` minutes from `first` on, in the
    order in which it does."""
    found = [
        work
        for work in works
        if work.done
        and work.segment is not None
        and work.end is not None
        and 0 <= work.end + UPTO_MIN - first < count
    ]
    return sorted(found, key=lambda work: (work.end, work.order))


def judge(
    work: Work,
    measured: Sequence[tuple[str, datetime, float]],
    works: Sequence[Work],
    layout: Layout,
    settings: VerdictSettings,
) -> Judged:
    """One finished work against segments that nobody treated meanwhile.

    measured: (segment, end of minute, increment µg/m³) of measured segments, from before_min
    before the work to after_min + skip_min after it. A treatment changes its segment and those
    near it from its beginning on: they are no controls in the minutes after that. Another
    treatment of the judged segment leaves the minutes on this side of it.
    """
    own = layout.segments.index(work.segment) if work.segment in layout.segments else None
    if own is None:
        return Judged(None, [], "unmeasured")
    assert work.end is not None
    first = work.start - settings.before_min + 1
    last = work.end + settings.skip_min + settings.after_min
    table = np.full((last - first + 1, len(layout.segments)), np.nan)
    column = {segment: g for g, segment in enumerate(layout.segments)}
    for segment, at, increment in measured:
        row = int(at.timestamp()) // 60 - first
        if segment in column and 0 <= row < len(table):
            table[row, column[segment]] = increment

    mine = table[:, own].copy()
    table[:, layout.apart_m[own] < settings.apart_m] = np.nan
    for other in works:
        end = last if other.end is None else other.end
        g = column.get(other.segment or "")
        if g is None or other.order == work.order or end < first or not other.told_by(last):
            continue
        begins = max(other.start - first, 0)
        table[begins:, layout.apart_m[g] < settings.near_m] = np.nan
        if g == own and end < work.start:
            mine[: end + 1 - first] = np.nan
        elif g == own:
            mine[begins:] = np.nan

    before = slice(0, work.start - first)
    after = slice(work.end + settings.skip_min + 1 - first, None)
    found = differences((mine[before], mine[after]), (table[before], table[after]), settings)
    return Judged(found.interval, [layout.segments[g] for g in found.controls], found.why)
