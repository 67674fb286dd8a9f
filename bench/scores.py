"""Figures of how an answer stands to the truth: arrays in, numbers out.

Axis 0 is time in minutes; what a method does not answer is NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "QUANTILES",
    "Answer",
    "Bin",
    "Hits",
    "Intervals",
    "brier",
    "by_rules",
    "calibration",
    "climatology",
    "delays",
    "dressed",
    "error",
    "false_runs",
    "held",
    "hits",
    "intervals",
    "over_limits",
    "pinball",
    "reliability",
    "runs",
    "skill",
    "trailing_mean",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)

HOUR = 60
WEEK_H = 168

LIMIT_60, LIMIT_15 = 80.0, 160.0
"""µg/m³ that the street adds, as means of 60 and of 15 minutes: level 2 of the contract."""

HOLD_MIN, RELEASE_MIN, RELEASE_SHARE = 5, 15, 0.8

JOIN_MIN = 30
"""Shorter breaks do not part two exceedances."""


# How much ----------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """Errors in µg/m³: root mean square, and mean of said less true; answered is the share of the
    true values for which there was an answer, spread the standard deviation of the truth."""

    rmse: float
    bias: float
    answered: float
    spread: float


def error(said: ArrayLike, true: ArrayLike) -> Answer | None:
    """Of all true values that are not NaN; no answer counts as one of 0. None without truth.

    A method that keeps silent where it does not know is thus held against one that tries.
    """
    said, true = np.broadcast_arrays(np.asarray(said, float), np.asarray(true, float))
    there = ~np.isnan(true)
    if not there.any():
        return None
    answers = ~np.isnan(said[there])
    off = np.where(answers, said[there], 0.0) - true[there]
    return Answer(
        rmse=float(np.sqrt(np.mean(off**2))),
        bias=float(off.mean()),
        answered=float(answers.mean()),
        spread=float(true[there].std()),
    )


class Intervals(NamedTuple):
    """Share of true values within, mean width, and of how many."""

    coverage: float
    width: float
    of: int


def intervals(low: ArrayLike, high: ArrayLike, true: ArrayLike) -> Intervals | None:
    """Of all values where both ends and the truth are there; None without any."""
    low, high, true = (np.asarray(part, float) for part in (low, high, true))
    there = ~(np.isnan(low) | np.isnan(high) | np.isnan(true))
    if not there.any():
        return None
    within = (low[there] <= true[there]) & (true[there] <= high[there])
    width = high[there] - low[there]
    return Intervals(float(within.mean()), float(width.mean()), int(there.sum()))


def trailing_mean(values: ArrayLike, window_min: int, share: float = 0.75) -> Floats:
    """(T, …) means over the minutes up to each; NaN where under `share` of them are there."""
    values = np.asarray(values, np.float64)
    there = ~np.isnan(values)
    total = np.cumsum(np.where(there, values, 0.0), axis=0)
    count = np.cumsum(there, axis=0)
    total[window_min:] -= total[:-window_min].copy()
    count[window_min:] -= count[:-window_min].copy()
    enough = count >= share * window_min
    return np.where(enough, total / np.maximum(count, 1), np.nan)


# When --------------------------------------------------------------------------------------------


def over_limits(increment: ArrayLike) -> Bools:
    """(T, …) minutes whose mean of 60 minutes is over 80 µg/m³ or of 15 minutes over 160."""
    hour, quarter = trailing_mean(increment, 60), trailing_mean(increment, 15)
    return np.asarray((hour > LIMIT_60) | (quarter > LIMIT_15))


def by_rules(increment: ArrayLike) -> Bools:
    """(T, …) minutes at level 2 by the contract's rules for increments: entered when a mean has
    been over its limit for 5 minutes, left when it has been under 80 % of it for 15."""
    hour, quarter = trailing_mean(increment, 60), trailing_mean(increment, 15)
    return np.asarray(held(hour, LIMIT_60) | held(quarter, LIMIT_15))


def held(mean: Floats, limit: float) -> Bools:
    """(T, …) whether a level is held; minutes without a mean change nothing."""
    over = np.zeros(mean.shape[1:], np.int64)
    under, level = np.full(mean.shape[1:], RELEASE_MIN), np.zeros(mean.shape[1:], bool)
    levels = np.zeros(mean.shape, bool)
    for row, value in enumerate(mean):
        there = ~np.isnan(value)
        over = np.where(there, np.where(value >= limit, over + 1, 0), over)
        under = np.where(there, np.where(value < RELEASE_SHARE * limit, under + 1, 0), under)
        level = (over >= HOLD_MIN) | (level & (under < RELEASE_MIN))
        levels[row] = level
    return levels


class Hits(NamedTuple):
    """Shares of true minutes that were said and of said minutes that were true; None of none."""

    recall: float | None
    precision: float | None


def hits(said: Bools, true: Bools) -> Hits:
    """Counted over everything at once."""
    both = float((said & true).sum())
    of_true, of_said = int(true.sum()), int(said.sum())
    return Hits(both / of_true if of_true else None, both / of_said if of_said else None)


def runs(over: Bools, join_min: int = JOIN_MIN) -> list[tuple[int, int]]:
    """First and last row of each run of (T,), over gaps of `join_min` at most."""
    rows = np.flatnonzero(over)
    if not len(rows):
        return []
    cuts = np.flatnonzero(np.diff(rows) - 1 > join_min)
    firsts = rows[np.concatenate([[0], cuts + 1])]
    lasts = rows[np.concatenate([cuts, [len(rows) - 1]])]
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]


def delays(said: Bools, true: Bools, after_min: int = JOIN_MIN) -> list[float | None]:
    """Minutes from the first of each true run until it is said; None: not by its end and
    `after_min` more. What was said before and still is counts as 0. (T, G) both."""
    found: list[float | None] = []
    for column in range(true.shape[1]):
        for first, last in runs(true[:, column]):
            at = np.flatnonzero(said[first : last + after_min + 1, column])
            found.append(float(at[0]) if len(at) else None)
    return found


def false_runs(said: Bools, true: Bools, near_min: int = 60) -> int:
    """Runs of what was said (T, G) with nothing true on their column within `near_min`."""
    count = 0
    for column in range(true.shape[1]):
        for first, last in runs(said[:, column]):
            around = slice(max(first - near_min, 0), last + near_min + 1)
            count += not true[around, column].any()
    return count


# How sure ----------------------------------------------------------------------------------------


class Bin(NamedTuple):
    """Of the statements in a bin: mean probability said, share that came true, of how many."""

    said: float
    came: float
    of: int


def calibration(probability: ArrayLike, came: ArrayLike, bins: int = 10) -> list[Bin]:
    """Statements with a probability by bins of equal width; empty ones are left out."""
    probability, came = np.asarray(probability, float), np.asarray(came, bool)
    which = np.minimum((probability * bins).astype(int), bins - 1)
    return [
        Bin(
            float(probability[which == at].mean()),
            float(came[which == at].mean()),
            int((which == at).sum()),
        )
        for at in np.unique(which)
    ]


def pinball(
    forecast: ArrayLike, true: ArrayLike, quantiles: Sequence[float] = QUANTILES
) -> float | None:
    """Mean pinball loss, µg/m³, of (…, Q) quantiles against (…) what came; NaN rows left out.

    Twice the mean over many quantiles is the continuous ranked probability score (Gneiting and
    Raftery 2007).
    """
    forecast, true = np.asarray(forecast, float), np.asarray(true, float)
    there = ~(np.isnan(forecast).any(axis=-1) | np.isnan(true))
    if not there.any():
        return None
    short = true[there][:, None] - forecast[there]
    tau = np.asarray(quantiles)
    return float(np.mean(np.maximum(tau * short, (tau - 1.0) * short)))


def reliability(
    forecast: ArrayLike, true: ArrayLike, quantiles: Sequence[float] = QUANTILES
) -> list[float]:
    """Of each quantile the share of what came that was not above it; that of a reliable forecast
    is the quantile itself."""
    forecast, true = np.asarray(forecast, float), np.asarray(true, float)
    there = ~(np.isnan(forecast).any(axis=-1) | np.isnan(true))
    if not there.any():
        return [float("nan")] * len(quantiles)
    return [float(share) for share in (true[there][:, None] <= forecast[there]).mean(axis=0)]


def brier(probability: ArrayLike, came: ArrayLike) -> float | None:
    """Mean square of what was said less what came, 0 or 1; NaN in either is left out."""
    off = np.asarray(probability, float) - np.asarray(came, float)
    return None if np.isnan(off).all() else float(np.nanmean(off**2))


def skill(loss: float, *others: float) -> float:
    """By how much a loss is lower than the lowest of others, as a share of that."""
    return 1.0 - loss / min(others)


def dressed(
    now: ArrayLike,
    ahead_min: int,
    past_now: ArrayLike,
    past_true: ArrayLike,
    quantiles: Sequence[float] = QUANTILES,
) -> Floats:
    """(T, G, Q) persistence: what is now, and by how much it usually changes until then.

    past_now, past_true: (P, G) of other days; their changes over `ahead_min` give the quantiles
    of each column. Nothing is below 0.
    """
    now, past = np.asarray(now, float), np.asarray(past_now, float)
    change = np.asarray(past_true, float)[ahead_min:] - past[: len(past) - ahead_min]
    usual = np.full((change.shape[1], len(quantiles)), np.nan)
    there = ~np.isnan(change).all(axis=0)
    if there.any():
        usual[there] = np.nanquantile(change[:, there], quantiles, axis=0).T
    return np.asarray(np.maximum(now[..., None] + usual, 0.0))


@dataclass(frozen=True, slots=True)
class Climatology:
    """(168, G, Q) quantiles of each hour of the week; NaN where nothing was known of one."""

    quantiles: Floats

    def of(self, minutes: NDArray[np.int64]) -> Floats:
        """(T, G, Q) for minutes since 1970."""
        return self.quantiles[hour_of_week(minutes)]


def hour_of_week(minutes: NDArray[np.int64]) -> NDArray[np.int64]:
    """(T,) 0 to 167 of the hour (UTC) in which each minute since 1970 ends."""
    return (np.asarray(minutes, np.int64) - 1) // HOUR % WEEK_H


def climatology(
    values: ArrayLike,
    minutes: NDArray[np.int64],
    quantiles: Sequence[float] | None = QUANTILES,
) -> Climatology:
    """From (P, G) of other days that ended at `minutes` (P,) since 1970.

    An hour of the week that they do not have takes that hour of all their days. Without
    quantiles it is the mean, as if it were one.
    """
    known = np.asarray(values, float)
    there = ~np.isnan(known).all(axis=1)
    known, hours = known[there], hour_of_week(minutes)[there]
    table = np.full((WEEK_H, known.shape[1], len(quantiles or (1,))), np.nan)
    for hour in range(WEEK_H):
        rows = hours == hour
        if not rows.any():
            rows = hours % 24 == hour % 24
        if not rows.any():
            continue
        if quantiles is None:
            table[hour] = np.nanmean(known[rows], axis=0)[:, None]
        else:
            table[hour] = np.nanquantile(known[rows], quantiles, axis=0).T
    return Climatology(table)
