"""Did it help? What two sources that know nothing of each other say, and what is told of it.

The model of the street compares its members with and without the order (see
`analytics.street.watches`). The other source is difference in differences of the log increment: how
the treated segment changed from before the work to after it, against each untreated segment over
the same minutes. What those differences scatter by is what chance alone does to a segment, and sets
the interval (Student's t over the controls).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analytics.settings import VerdictSettings

MODEL = "model of the street"
DIFFERENCES = "difference in differences of the log increment"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """Percentages of the increment; positive is cleaner. 90 % between low and high."""

    reduction_pct: float
    low: float
    high: float

    def meets(self, other: "Interval") -> bool:
        """Whether both may be true."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True, slots=True)
class Differences:
    """What difference in differences comes to; an interval of None cannot be told, `why` says so.
    controls: (n,) which of the segments it was compared with are heeded."""

    interval: Interval | None
    controls: NDArray[np.intp]
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The two sources, as far as they could tell; `interval` is the one that is told."""

    model: Interval | None
    differences: Interval | None

    @property
    def interval(self) -> Interval | None:
        """The model's, which knows of every work; without it, that by differences."""
        return self.model or self.differences

    @property
    def method(self) -> str:
        """Whose interval is told."""
        return DIFFERENCES if self.model is None else MODEL

    @property
    def disagree(self) -> bool | None:
        """Whether the two cannot both be true; None where there are not two."""
        if self.model is None or self.differences is None:
            return None
        return not self.model.meets(self.differences)

    def told(self) -> dict[str, Any]:
        """The contract's verdict."""
        if self.interval is None:
            return dict.fromkeys(("effective", "reduction_pct", "low", "high"))
        return {
            "effective": self.interval.low > 0,
            "reduction_pct": self.interval.reduction_pct,
            "low": self.interval.low,
            "high": self.interval.high,
        }

    def sources(self) -> dict[str, Any]:
        """Both beside each other, and whether they disagree."""
        found: dict[str, Any] = {"disagree": self.disagree}
        for name, source in (("model", self.model), ("differences", self.differences)):
            found[f"{name}_pct"] = source and source.reduction_pct
            found[f"{name}_low"] = source and source.low
            found[f"{name}_high"] = source and source.high
        return found


def verdict(model: Interval | None, differences: Interval | None) -> Verdict:
    """Both sources as one verdict: neither is mixed into the other."""
    return Verdict(model, differences)


def differences(
    treated: tuple[Floats, Floats],
    controls: tuple[Floats, Floats],
    settings: VerdictSettings,
) -> Differences:
    """Judge one treatment by what others did meanwhile.

    treated: increments in µg/m³ before (b,) and after (a,), NaN where nothing counts; controls:
    the same minutes of other segments, (b, n) and (a, n). Each control is compared over the minutes
    that both have, so that one whose use ends early is not held against later ones.
    """
    nobody = np.empty(0, np.intp)
    if not all(_enough(~np.isnan(part), settings) for part in treated):
        return Differences(None, nobody, "unmeasured")
    before, after = (
        _logs(own, settings)[:, None] - _logs(others, settings)
        for own, others in zip(treated, controls, strict=True)
    )
    half = len(before) // 2
    change = _mean(after, settings) - _mean(before, settings)
    trend = _mean(before[half:], settings) - _mean(before[:half], settings)
    heeded = np.flatnonzero(~np.isnan(change) & ~(np.abs(trend) > settings.trend_max))
    n = len(heeded)
    if n < settings.min_controls:
        return Differences(None, heeded, "controls")
    change = change[heeded]
    effect = float(change.mean())
    # The treated segment scatters like a control, and the mean of the controls has its own error.
    error = float(change.std(ddof=1)) * np.sqrt(1 + 1 / n)
    reach = float(stats.t.ppf(0.5 + settings.level / 2, n - 1)) * error
    reduction, low, high = (
        round(100 * (1 - float(np.exp(value))), 1)
        for value in (effect, effect + reach, effect - reach)
    )
    return Differences(Interval(reduction, low, high), heeded)


def _logs(increment: Floats, settings: VerdictSettings) -> Floats:
    return np.asarray(np.log(np.maximum(increment, settings.floor)))


def _enough(there: NDArray[np.bool_], settings: VerdictSettings) -> NDArray[np.bool_]:
    count = there.sum(axis=0)
    return np.asarray((count > 0) & (count >= settings.min_share * len(there)))


def _mean(part: Floats, settings: VerdictSettings) -> Floats:
    """(n,) of each column; NaN where too little is there."""
    there = ~np.isnan(part)
    total = np.where(there, part, 0.0).sum(axis=0)
    return np.where(_enough(there, settings), total / np.maximum(there.sum(axis=0), 1), np.nan)
