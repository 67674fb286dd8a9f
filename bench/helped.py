"""Do verdicts on treatments cover what the treatments truly changed?"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from analytics.fold import Minutes
from analytics.judging import due, judge
from analytics.layout import Layout
from analytics.minutes import MILLI
from analytics.moments import time_of
from analytics.settings import VerdictSettings
from bench import scores
from bench.recorded import Recorded
from evaluation.counterfactual import TrueEffect, VerdictSaid

__all__ = ["evenly", "plain_verdicts", "verdict_figures"]


def plain_verdicts(
    recorded: Recorded, layout: Layout, blocks: Sequence[Minutes], settings: VerdictSettings
) -> list[VerdictSaid]:
    """The verdicts by difference in differences over a recording; without those that cannot be
    told."""
    upto = recorded.first - 1 + recorded.minutes
    works = recorded.happenings(recorded.first - 1, upto).works
    increment = np.concatenate([block.increment for block in blocks]) / MILLI
    measured = np.concatenate([block.confidence >= 1.0 for block in blocks])
    said = []
    for work in due(works, recorded.first - 1, upto, settings):
        assert work.end is not None
        first = max(work.start - settings.before_min + 1, recorded.first)
        last = work.end + settings.skip_min + settings.after_min
        rows = slice(first - recorded.first, last + 1 - recorded.first)
        told = [
            (layout.segments[g], time_of(first + int(t)), float(increment[rows][t, g]))
            for t, g in np.argwhere(measured[rows])
        ]
        found, _ = judge(work, told, works, layout, settings)
        if found.reduction_pct is not None:
            assert found.low is not None
            assert found.high is not None
            said.append(
                VerdictSaid(
                    work.order,
                    work.segment or "",
                    datetime.fromtimestamp(work.end * 60, UTC),
                    found.reduction_pct,
                    found.low,
                    found.high,
                )
            )
    return said


def evenly(said: Sequence[VerdictSaid], at_most: int) -> list[VerdictSaid]:
    """So many of them, spread over all."""
    if len(said) <= at_most:
        return list(said)
    chosen = np.linspace(0, len(said) - 1, at_most).round().astype(int)
    return [said[at] for at in chosen]


def verdict_figures(
    said: Sequence[VerdictSaid], true: Mapping[str, TrueEffect]
) -> dict[str, float | None]:
    """Coverage and mean width of the intervals, and errors in percent points, of the verdicts
    whose truth is known."""
    pairs = [(each, true[each.order].reduction_pct) for each in said if each.order in true]
    off = np.array([each.reduction_pct - effect for each, effect in pairs])
    within = scores.intervals(
        [each.low for each, _ in pairs], [each.high for each, _ in pairs], [t for _, t in pairs]
    )
    return {
        "verdicts held against the truth": float(len(pairs)),
        "90 % interval covers": None if within is None else within.coverage,
        "width of the interval, points": None if within is None else within.width,
        "error, root mean square, points": float(np.sqrt(np.mean(off**2))) if pairs else None,
        "error, mean, points": float(off.mean()) if pairs else None,
        "true effect, mean, %": float(np.mean([t for _, t in pairs])) if pairs else None,
    }
