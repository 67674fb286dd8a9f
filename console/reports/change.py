"""Is a change from one period to another more than chance?

Told at the level of 5 %: of twenty figures that did not change, one will seem to have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from typing import Literal

import numpy as np
from scipy import stats

from console.reports.estimate import NINETY, Estimate

CHANCE = 0.05
LEAST_DAYS = 4
"""Fewer days on a side cannot be told from chance by their ranks."""

Better = Literal["lower", "higher", "neither"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A figure of one period with what its chance is known by: an interval, a share of a count, a
    count of rare things over so many days, or values of single days or cases."""

    value: float | None
    interval: Estimate | None = None
    hits: int | None = None
    of: int | None = None
    days: float | None = None
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A figure now and then. chance: the p-value, None where it cannot be told; `beyond`: less
    likely by chance than 5 %."""

    name: str
    better: Better
    now: float | None
    then: float | None
    chance: float | None

    @property
    def beyond(self) -> bool | None:
        return None if self.chance is None else self.chance < CHANCE

    @property
    def pct(self) -> float | None:
        """By how many percent it rose."""
        if self.now is None or not self.then:
            return None
        return 100.0 * (self.now - self.then) / abs(self.then)

    @property
    def good(self) -> bool | None:
        """Whether it is for the better; None where it may be chance, or neither is better."""
        if not self.beyond or self.now is None or self.then is None or self.better == "neither":
            return None
        return (self.now < self.then) == (self.better == "lower")


def change(name: str, better: Better, now: Sample, then: Sample) -> Change:
    """Compare two periods by the first test that both give enough for."""
    return Change(name, better, now.value, then.value, _chance(now, then))


def _chance(now: Sample, then: Sample) -> float | None:
    if now.value is None or then.value is None:
        return None
    if now.interval and then.interval:
        spread = hypot(_sd(now.interval), _sd(then.interval))
        if spread == 0.0:
            return None
        return float(2 * stats.norm.sf(abs(now.value - then.value) / spread))
    if now.hits is not None and then.hits is not None and now.of and then.of:
        table = np.array([[now.hits, now.of - now.hits], [then.hits, then.of - then.hits]])
        return float(stats.fisher_exact(table)[1])
    if min(len(now.values), len(then.values)) >= LEAST_DAYS:
        return float(stats.mannwhitneyu(now.values, then.values).pvalue)
    if now.days and then.days:
        total = round(now.value) + round(then.value)
        if total == 0:
            return None
        share = now.days / (now.days + then.days)
        return float(stats.binomtest(round(now.value), total, share).pvalue)
    return None


def _sd(interval: Estimate) -> float:
    return (interval.high - interval.low) / (2 * NINETY)


def daily(values: Sequence[float], value: float | None, days: float | None = None) -> Sample:
    """Of a figure that each day has; days: how many, for a count of rare things."""
    return Sample(value, days=days, values=tuple(values))
