"""An early warning: has the dust of a place begun to rise, before any limit is passed?

A one-sided CUSUM (E. S. Page, Continuous inspection schemes, Biometrika 41, 1954) of the logarithm
of a measured place's increment, in scatters above its own recent level. Level and scatter are
exponential means; a minute counts for no more than a few scatters in either, so that one spike
neither alarms nor becomes what is normal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.minutes import MILLI, Bools, Ints
from analytics.settings import AnalyticsSettings

Floats = NDArray[np.float64]
ABSOLUTE_TO_SIGMA = 1.2533
"""The scatter of a normal variable is so many times its mean absolute deviation."""
MANY = 5
"""What the middle one of so many places rises by is the hour's or the wind's, not its own."""
OVERSHOOT = 1.5
"""The sum stops at so many times its threshold, so that it falls in time once the rise is over."""


@dataclass(frozen=True, slots=True)
class Warnings:
    """(P,) each place's sum, the level and the scatter of its log increment, for how many minutes
    it has been watched, and for how many nothing is known."""

    total: Floats
    level: Floats
    scatter: Floats
    watched: Ints
    blind: Ints

    @classmethod
    def rest(cls, places: int) -> "Warnings":
        total, level, scatter = (np.zeros(places) for _ in range(3))
        watched, blind = (np.zeros(places, np.int64) for _ in range(2))
        return cls(total, level, scatter, watched, blind)


def sums(
    warning: Warnings, increment: Ints, known: Bools, settings: AnalyticsSettings
) -> tuple[Warnings, Ints, Bools]:
    """The warning after minutes of increments (T, P) in thousandths, and per minute each place's
    sum in thousandths and whether it means anything.

    Minute by minute and place by place, so that it does not matter how time is cut.
    """
    early = settings.early
    threshold = min(
        (rule.limits[0] or 0.0 for rule in settings.rules.values() if rule.quantity == "cusum"),
        default=0.0,
    )
    out = np.zeros(increment.shape, np.int64)
    there = np.zeros(increment.shape, bool)
    if not early.enabled or not threshold:
        return warning, out, there
    weight = 1 - 0.5 ** (1 / early.half_life_min)
    total, level, scatter = warning.total, warning.level, warning.scatter
    watched, blind = warning.watched, warning.blind
    for t in range(len(increment)):
        seen = known[t]
        blind = np.where(seen, 0, blind + 1)
        value = increment[t] / MILLI
        log = np.log(np.maximum(value, early.floor))
        first = watched == 0
        level = np.where(seen & first, log, level)
        spread = np.maximum(scatter * ABSOLUTE_TO_SIGMA, early.least_scatter)
        z = np.clip((log - level) / spread, -early.most, early.most)
        alone = z - (max(float(np.median(z[seen])), 0.0) if seen.sum() >= MANY else 0.0)
        risen = total + np.where((alone > 0) & (value < early.least), 0.0, alone) - early.drift
        settled = watched >= early.settle_min
        total = np.where(
            seen & settled,
            np.clip(risen, 0.0, OVERSHOOT * threshold),
            np.where(blind > settings.gap_min, 0.0, total),
        )
        # Young means forget faster, or the first minute would be the level for hours.
        share = np.maximum(weight, 1 / (watched + 1))
        level = np.where(seen, level + share * z * spread, level)
        scatter = np.where(seen & ~first, scatter + share * (np.abs(z) * spread - scatter), scatter)
        watched = np.where(seen, watched + 1, watched)
        out[t] = np.rint(total * MILLI)
        there[t] = seen & settled
    return Warnings(total, level, scatter, watched, blind), out, there
