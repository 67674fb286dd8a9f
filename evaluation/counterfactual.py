"""What an order truly changed: the same minutes lived again without it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from evaluation.record import Record
from geo.district import District
from geo.graph import RoadGraph
from simulators.dust import Dust
from simulators.treatment import Work

__all__ = ["Coverage", "TrueEffect", "VerdictSaid", "coverage", "true_effects"]

# Minutes after the work's end that are compared; the first ones are the crew's own stir.
FROM_MIN, TO_MIN = 5, 65

# Below this, relative changes of an increment in µg/m³ say nothing.
FLOOR = 5.0


@dataclass(frozen=True, slots=True)
class VerdictSaid:
    """A verdict of the platform on an order: change of the increment in percent."""

    order: str
    segment: str
    done_at: datetime
    reduction_pct: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TrueEffect:
    """By how many percent an order lowered its segment's increment; negative: raised it."""

    order: str
    segment: str
    reduction_pct: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """How verdicts stand to the truth.

    share of true effects within [low, high]; error: mean of said less true, in percent points;
    width: mean of high less low; count of verdicts that could be checked.
    """

    share: float | None
    error: float | None
    width: float | None
    count: int


def reduction_pct(with_it: NDArray[np.floating], without: NDArray[np.floating]) -> float:
    """Percent by which the increments of some minutes, in µg/m³, are lower with than without.

    Of the geometric means, as a verdict is; increments under 5 count as 5.
    """
    logs = np.log(np.maximum(with_it, FLOOR)).mean() - np.log(np.maximum(without, FLOOR)).mean()
    return float(100.0 * (1.0 - np.exp(logs)))


def true_effects(
    district: District,
    record: Record,
    orders: Collection[str],
    *,
    graph: RoadGraph | None = None,
) -> dict[str, TrueEffect]:
    """What each of some orders changed on the segment that it treated.

    The trial's street is lived again from its start with every work recorded; before an order's
    first work it is forked, and the fork lives on without that order. Compared are minutes 5 to
    65 after the last work. Orders without work on a segment, or too near to the trial's end, are
    left out. With the trial's own graph nothing is worked out twice.
    """
    works: dict[int, list[Work]] = {}
    rows: dict[str, list[int]] = {}
    segments: dict[str, str] = {}
    for done in record.works:
        works.setdefault(done.minute, []).append(done.work)
        if done.work.order in orders and done.work.segment is not None:
            rows.setdefault(done.work.order, []).append(done.minute)
            segments[done.work.order] = done.work.segment
    due: dict[int, list[str]] = {}
    for order, when in rows.items():
        if when[-1] + TO_MIN < record.minutes:
            due.setdefault(when[0], []).append(order)
    effects: dict[str, TrueEffect] = {}
    dust = Dust(district, graph or RoadGraph(district), record.scenario, record.seed)
    for row in range(max(due, default=-1) + 1):
        for order in due.get(row, ()):
            at = dust.streets.index[segments[order]]
            last = rows[order][-1]
            without = _without(dust.fork(), record, works, order, row, last + TO_MIN)
            window = slice(last + FROM_MIN, last + TO_MIN)
            effects[order] = TrueEffect(
                order,
                segments[order],
                reduction_pct(
                    record.increment[window, at].astype(np.float64),
                    without[last + FROM_MIN - row :, at],
                ),
            )
        dust.step(record.end_of(row), works.get(row, ()))
    return effects


def _without(
    dust: Dust, record: Record, works: dict[int, list[Work]], order: str, first: int, end: int
) -> NDArray[np.float64]:
    """(time, segment) increments of the rows from `first` to before `end` without an order."""
    return np.array(
        [
            dust.step(record.end_of(row), _but(works.get(row, ()), order)).truth.increment
            for row in range(first, end)
        ]
    )


def _but(works: Iterable[Work], order: str) -> list[Work]:
    return [work for work in works if work.order != order]


def coverage(
    district: District,
    record: Record,
    verdicts: Sequence[VerdictSaid],
    *,
    at_most: int = 100,
    graph: RoadGraph | None = None,
) -> Coverage:
    """Put verdicts beside the truth; of many, `at_most` spread evenly over the trial."""
    if len(verdicts) > at_most:
        chosen = np.linspace(0, len(verdicts) - 1, at_most).round().astype(int)
        verdicts = [verdicts[at] for at in chosen]
    effects = true_effects(district, record, {said.order for said in verdicts}, graph=graph)
    pairs = [(said, effects[said.order]) for said in verdicts if said.order in effects]
    if not pairs:
        return Coverage(None, None, None, 0)
    return Coverage(
        share=float(np.mean([s.low <= true.reduction_pct <= s.high for s, true in pairs])),
        error=float(np.mean([s.reduction_pct - true.reduction_pct for s, true in pairs])),
        width=float(np.mean([s.high - s.low for s, _ in pairs])),
        count=len(pairs),
    )
