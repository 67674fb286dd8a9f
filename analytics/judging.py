"""Which treatments are to be judged now, and on which minutes."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from analytics.happenings import Work
from analytics.layout import Layout
from analytics.settings import VerdictSettings
from analytics.verdicts import Verdict, verdict


def due(works: Iterable[Work], after: int, upto: int, settings: VerdictSettings) -> list[Work]:
    """Works on segments whose hour of watching ends in the minutes after+1..upto."""
    wait = settings.skip_min + settings.after_min
    return [
        work
        for work in works
        if work.done
        and work.segment is not None
        and work.end is not None
        and after < work.end + wait <= upto
    ]


def judge(
    work: Work,
    measured: Sequence[tuple[str, datetime, float]],
    works: Sequence[Work],
    layout: Layout,
    settings: VerdictSettings,
) -> tuple[Verdict, list[str]]:
    """The verdict on one finished work, and the segments it was compared with.

    measured: (segment, end of minute, increment µg/m³) of measured segments, from before_min
    before the work to after_min + skip_min after it. Minutes in which another crew works on the
    treated segment do not count; a control is a measured segment that nobody treated meanwhile.
    """
    assert work.end is not None
    first = work.start - settings.before_min + 1
    last = work.end + settings.skip_min + settings.after_min
    table = np.full((last - first + 1, len(layout.segments)), np.nan)
    column = {segment: g for g, segment in enumerate(layout.segments)}
    for segment, at, increment in measured:
        row = int(at.timestamp()) // 60 - first
        if segment in column and 0 <= row < len(table):
            table[row, column[segment]] = increment

    own = column.get(work.segment or "")
    if own is None:
        return Verdict(None, None, None, None, 0, "unmeasured"), []
    touched = layout.apart_m[own] < settings.apart_m
    for other in works:
        end = last if other.end is None else other.end
        if other.order == work.order or end < first or not other.told_by(last):
            continue
        if other.segment == work.segment:
            table[max(other.start - first, 0) : end - first + 1, own] = np.nan
        g = column.get(other.segment or "")
        if g is not None:
            touched |= layout.apart_m[g] < settings.apart_m

    before = table[: work.start - first]
    after = table[work.end + settings.skip_min + 1 - first :]
    controls = np.flatnonzero(~touched & ~np.isnan(before).all(axis=0))
    found = verdict(
        (before[:, own], after[:, own]), (before[:, controls], after[:, controls]), settings
    )
    return found, [layout.segments[g] for g in controls]
