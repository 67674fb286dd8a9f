"""Means over seeds with their intervals, and differences between policies on the same seeds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from evaluation.result import Result

__all__ = ["Interval", "against", "by_policy", "mean_interval"]

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over ``count`` seeds; low and high are None where one seed cannot tell."""

    mean: float
    low: float | None
    high: float | None
    count: int

    @property
    def half(self) -> float | None:
        """Half the width."""
        return None if self.high is None else self.high - self.mean

    @property
    def parts_from_zero(self) -> bool:
        """Whether zero lies outside."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def mean_interval(values: Sequence[float]) -> Interval | None:
    """The mean with Student's 95 % interval; None without values."""
    count = len(values)
    if not count:
        return None
    mean = float(np.mean(values))
    if count == 1:
        return Interval(mean, None, None, 1)
    half = float(
        stats.t.ppf(0.5 + CONFIDENCE / 2.0, count - 1) * np.std(values, ddof=1) / np.sqrt(count)
    )
    return Interval(mean, mean - half, mean + half, count)


def by_policy(results: Iterable[Result]) -> dict[str, dict[str, Interval | None]]:
    """Each policy's figures over seeds, policies and figures in the order of their coming."""
    values: dict[str, dict[str, list[float]]] = {}
    for result in results:
        of_policy = values.setdefault(result.policy, {})
        for figure, value in result.figures.items():
            known = of_policy.setdefault(figure, [])
            if value is not None:
                known.append(value)
    return {
        policy: {figure: mean_interval(known) for figure, known in figures.items()}
        for policy, figures in values.items()
    }


def against(results: Iterable[Result], baseline: str) -> dict[str, dict[str, Interval | None]]:
    """How each other policy's figures differ from the baseline's on the same seeds.

    The same seed is the same weather, traffic and breakdowns, so the pairs differ by what the
    policies did; seeds that either lacks are left out.
    """
    figures: dict[str, dict[int, Mapping[str, float | None]]] = {}
    for result in results:
        figures.setdefault(result.policy, {})[result.seed] = result.figures
    base = figures.get(baseline, {})
    differences: dict[str, dict[str, Interval | None]] = {}
    for policy, seeds in figures.items():
        if policy == baseline:
            continue
        names = dict.fromkeys(name for found in seeds.values() for name in found)
        differences[policy] = {
            name: mean_interval(
                [
                    value - other
                    for seed, found in sorted(seeds.items())
                    if (value := found.get(name)) is not None
                    and (other := base.get(seed, {}).get(name)) is not None
                ]
            )
            for name in names
        }
    return differences
