"""Did it help? Difference in differences of the log increment, with an interval.

The change on the treated segment from before the work to after it, minus the mean change that
untreated segments saw over the same hours. What those changes scatter by among themselves is what
chance alone does to a segment, and sets the interval (Student's t over the controls).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analytics.settings import VerdictSettings

METHOD = "difference in differences of the log increment"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Percentages of the increment; positive is cleaner. None: cannot be told, `why` says so."""

    effective: bool | None
    reduction_pct: float | None
    low: float | None
    high: float | None
    controls: int
    why: str | None = None


def verdict(
    treated: tuple[NDArray[np.float64], NDArray[np.float64]],
    controls: tuple[NDArray[np.float64], NDArray[np.float64]],
    settings: VerdictSettings,
) -> Verdict:
    """Judge one treatment.

    treated: increments in µg/m³ before (b,) and after (a,), NaN where nothing was measured;
    controls: the same minutes of untreated segments, (b, n) and (a, n).
    """
    change = _change(treated[0][:, None], treated[1][:, None], settings)[0]
    others = _change(controls[0], controls[1], settings)
    others = others[~np.isnan(others)]
    n = len(others)
    if np.isnan(change):
        return Verdict(None, None, None, None, n, "unmeasured")
    if n < settings.min_controls:
        return Verdict(None, None, None, None, n, "controls")
    effect = change - others.mean()
    # The treated segment scatters like a control, and the mean of the controls has its own error.
    error = others.std(ddof=1) * np.sqrt(1 + 1 / n)
    reach = stats.t.ppf(0.5 + settings.level / 2, n - 1) * error
    percent = [
        100 * (1 - float(np.exp(value))) for value in (effect, effect + reach, effect - reach)
    ]
    reduction, low, high = (round(value, 1) for value in percent)
    return Verdict(low > 0, reduction, low, high, n)


def _change(
    before: NDArray[np.float64], after: NDArray[np.float64], settings: VerdictSettings
) -> NDArray[np.float64]:
    """(n,) change of the mean log increment of each column; NaN where too little was measured."""
    means = []
    for part in (before, after):
        logs = np.log(np.maximum(part, settings.floor))
        there = ~np.isnan(part)
        count = there.sum(axis=0)
        total = np.where(there, logs, 0.0).sum(axis=0)
        enough = count >= settings.min_share * max(len(part), 1)
        means.append(np.where(enough & (count > 0), total / np.maximum(count, 1), np.nan))
    return np.asarray(means[1] - means[0])
