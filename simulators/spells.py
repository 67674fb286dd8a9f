"""Spells of something being wrong: by chance at a rate, or at a given time."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

MINUTES_A_DAY = 1440.0


class Spell(NamedTuple):
    """Minutes since the start between which something is wrong, and how badly."""

    begin_min: float
    end_min: float
    size: float = 0.0


class Timeline:
    """Spells one after another, each looked at once its time has come."""

    def __init__(self, spells: Iterator[Spell]) -> None:
        self._spells = spells
        self._next = next(spells, None)

    def at(self, minute: float) -> Spell | None:
        """The spell in which the step that ends at this minute lies. Minutes only go forward."""
        spell = self._next
        while spell is not None and minute > spell.end_min:
            spell = self._next = next(self._spells, None)
        return spell if spell is not None and minute > spell.begin_min else None


Draw = Callable[[np.random.Generator], float]


def by_chance(
    rng: np.random.Generator, per_day: float, length_min: Draw, size: Draw | None = None
) -> Iterator[Spell]:
    """Spells that begin at random, so many a day of being well; without end."""
    minute = 0.0
    while per_day > 0.0:
        begin = minute + float(rng.exponential(MINUTES_A_DAY / per_day))
        minute = begin + length_min(rng)
        yield Spell(begin, minute, 0.0 if size is None else size(rng))


def within(spell: Spell, spells: Iterator[Spell]) -> Iterator[Spell]:
    """Spells told from the beginning of another one on, and only until its end."""
    for one in spells:
        begin = spell.begin_min + one.begin_min
        if begin >= spell.end_min:
            return
        yield Spell(begin, min(spell.begin_min + one.end_min, spell.end_min), one.size)


def between(low: float, high: float) -> Draw:
    """Any number of a range, each as likely."""
    return lambda rng: float(rng.uniform(low, high))


def between_by_ratio(low: float, high: float) -> Draw:
    """Any number of a range, each ratio as likely: short ones are many, long ones few."""
    return lambda rng: math.exp(float(rng.uniform(math.log(low), math.log(high))))


def always(number: float) -> Draw:
    """The same number each time."""
    return lambda _rng: number
