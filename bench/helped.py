"""Do verdicts on treatments cover what the treatments truly changed?"""

from collections.abc import Mapping, Sequence

import numpy as np

from analytics.fold import Minutes
from analytics.judging import due, judge
from analytics.layout import Layout
from analytics.minutes import MILLI
from analytics.moments import time_of
from analytics.settings import VerdictSettings
from bench import scores
from bench.recorded import TREATMENTS, Progress, Recorded
from evaluation.counterfactual import TrueEffect, VerdictSaid

__all__ = ["evenly", "model_verdicts", "plain_verdicts", "sample", "treatments", "verdict_figures"]


def plain_verdicts(
    recorded: Recorded, layout: Layout, blocks: Sequence[Minutes], settings: VerdictSettings
) -> list[VerdictSaid]:
    """The verdicts by difference in differences over a recording; without those that cannot be
    told."""
    upto = recorded.first - 1 + recorded.minutes
    works = recorded.happenings(recorded.first - 1, upto).works
    increment = np.concatenate([block.increment for block in blocks]) / MILLI
    measured = np.concatenate([block.confidence >= 1.0 for block in blocks])
    with_station = {layout.segments[g] for g in np.flatnonzero(layout.reach.own.any(axis=1))}
    said = []
    for work in due(works, recorded.first, recorded.minutes):
        # Where nobody measures, differences cannot tell.
        if work.segment not in with_station:
            continue
        assert work.end is not None
        first = max(work.start - settings.before_min + 1, recorded.first)
        last = work.end + settings.skip_min + settings.after_min
        rows = slice(first - recorded.first, last + 1 - recorded.first)
        told = [
            (layout.segments[g], time_of(first + int(t)), float(increment[rows][t, g]))
            for t, g in np.argwhere(measured[rows])
        ]
        found = judge(work, told, works, layout, settings).interval
        if found is not None:
            said.append(
                VerdictSaid(
                    work.order,
                    work.segment or "",
                    time_of(work.end),
                    found.reduction_pct,
                    found.low,
                    found.high,
                )
            )
    return said


def model_verdicts(recorded: Recorded, blocks: Sequence[Minutes]) -> list[VerdictSaid]:
    """Those of the model, when minutes carry `effects`: the minute at which one was settled, and
    of an order the segment's index in the district, the minute of its end and by how many percent
    the increment is lower, with an interval."""
    return [
        VerdictSaid(
            each.order,
            recorded.segments[each.segment],
            time_of(each.end),
            each.reduction_pct,
            each.low,
            each.high,
        )
        for block in blocks
        for _, each in getattr(block, "effects", ())
    ]


def treatments(recorded: Recorded, layout: Layout) -> list[Progress]:
    """What was done on segments, in the order of time."""
    done = [
        said
        for said in recorded.progress
        if said.event == "done" and said.treatment in TREATMENTS and said.segment in layout.segments
    ]
    return sorted(done, key=lambda said: (said.ts_ms, said.order))


def sample(recorded: Recorded, layout: Layout, at_most: int) -> list[str]:
    """Orders that were done on segments, spread evenly over the time: half of them on segments
    with a station, half on others, as far as there are so many.

    They do not depend on what analytics says, so their true effects are worked out once.
    """
    with_station = {layout.segments[g] for g in np.flatnonzero(layout.reach.own.any(axis=1))}
    done = treatments(recorded, layout)
    chosen: list[str] = []
    for measured in (True, False):
        orders = [said.order for said in done if (said.segment in with_station) is measured]
        chosen += evenly(orders, at_most // 2)
    return chosen


def evenly(orders: Sequence[str], at_most: int) -> list[str]:
    """So many of them, spread over all."""
    if len(orders) <= at_most:
        return list(orders)
    chosen = np.linspace(0, len(orders) - 1, at_most).round().astype(int)
    return [orders[at] for at in chosen]


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
