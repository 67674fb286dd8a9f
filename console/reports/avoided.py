"""What residents did not breathe because a street was treated.

A verdict says by how many percent the street's increment was lowered over the hour after the work.
Of an increment that was E with the work, E / (1 - r) would have been without it: the residents of
the segment were spared E r / (1 - r) µg/m³ for that hour. What lasts longer is not counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import hypot

from console.models import District
from console.reports import estimate
from console.reports.estimate import NINETY, Estimate
from console.reports.rows import Learned, Treatment

HOUR = 1.0
MODEL_ERROR = 0.15
"""Relative standard deviation of what all verdicts of the model may be off by together: held
against the truth of simulated days, the mean of a hundred was off by about a tenth of itself."""
LEAST_MINUTES = 30
"""Of the hour: with fewer the mean of the street is not known."""
MOST = 0.95
"""Of the increment: no verdict is taken to mean more."""


def avoided(work: Treatment, residents: float) -> Estimate | None:
    """Person·h·µg/m³ with 90 %, negative where the work made it worse; None without a verdict.

    Two things are unsure and know nothing of each other: the effect, and how dusty the street was.
    """
    if (
        work.reduction_pct is None
        or work.low_pct is None
        or work.high_pct is None
        or work.increment_after is None
        or work.minutes_after < LEAST_MINUTES
    ):
        return None
    dose = residents * work.increment_after * HOUR
    middle, least, most = (_gain(p) for p in (work.reduction_pct, work.low_pct, work.high_pct))
    below, above = dose * (middle - least), dose * (most - middle)
    if work.low_after is not None and work.high_after is not None:
        reach = residents * HOUR * abs(middle)
        thinner = reach * max(work.increment_after - work.low_after, 0.0)
        thicker = reach * max(work.high_after - work.increment_after, 0.0)
        if middle < 0:
            thinner, thicker = thicker, thinner
        below, above = hypot(below, thinner), hypot(above, thicker)
    return Estimate(dose * middle, dose * middle - below, dose * middle + above)


def shared_errors(learned: Iterable[Learned]) -> dict[str, float]:
    """By kind, the relative half width of what all its verdicts have in common: what the kind is
    learned to remove."""
    return {
        row.treatment: (row.high - row.low) / (2.0 * row.removes)
        for row in learned
        if row.removes > 0
    }


def total(work: Iterable[tuple[str, Estimate]], shared: Mapping[str, float]) -> Estimate:
    """Of many treatments, each with its kind.

    Each verdict errs by itself, those of a kind also together by what is learned of the kind, and
    all of them by the error of the model, which cannot grow less by counting more of them.
    """
    of_kind: dict[str, list[Estimate]] = {}
    for kind, part in work:
        of_kind.setdefault(kind, []).append(part)
    return estimate.total(
        (estimate.total(parts, shared.get(kind, 0.0)) for kind, parts in of_kind.items()),
        NINETY * MODEL_ERROR,
    )


def each(works: Iterable[Treatment], residents: Mapping[str, float]) -> dict[str, Estimate]:
    """By order, of those that a verdict speaks of."""
    found = {}
    for work in works:
        if work.segment is not None and work.segment in residents:
            spared = avoided(work, residents[work.segment])
            if spared is not None:
                found[work.id] = spared
    return found


def of_district(
    works: Sequence[Treatment], learned: Iterable[Learned], district: District
) -> tuple[Estimate, int]:
    """In all, and of how many treatments: those done that a verdict speaks of."""
    residents = {s.id: float(s.residents) for s in district.segments if s.treat}
    done = [work for work in works if work.state == "done"]
    gains = each(done, residents)
    parts = [(work.treatment, gains[work.id]) for work in done if work.id in gains]
    return total(parts, shared_errors(learned)), len(parts)


def _gain(percent: float) -> float:
    share = min(percent / 100.0, MOST)
    return share / (1.0 - share)
