"""Luck: chances by occasion, and spells that come at a rate or at a given time."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.chance import Chance
from simulators.spells import Spell, Timeline, always, between, between_by_ratio, by_chance, within
from simulators.streams import stream


def test_a_chance_is_the_same_whatever_was_asked_before() -> None:
    """The n-th number does not depend on which others were asked for."""
    forward = [Chance(1, "a").at(n) for n in range(50)]
    chance = Chance(1, "a")
    assert [chance.at(n) for n in reversed(range(50))] == forward[::-1]


def test_chances_are_even_and_independent() -> None:
    """Over many occasions they fill 0 to 1 evenly, and have nothing to do with one another."""
    chance = Chance(7, "crew", "W1")
    one = np.array([chance.at(n) for n in range(20_000)])
    two = np.array([chance.at(n, 1) for n in range(20_000)])
    other = np.array([Chance(7, "crew", "W2").at(n) for n in range(20_000)])
    counts = np.histogram(one, bins=20, range=(0.0, 1.0))[0]
    assert ((counts - 1000.0) ** 2 / 1000.0).sum() < 45.0
    for pair in ((one, two), (one, other), (one[1:], one[:-1])):
        assert abs(np.corrcoef(*pair)[0, 1]) < 0.03


@given(st.integers(0, 2**32), st.integers(0, 2**40), st.integers(1, 9))
def test_a_pick_is_one_of_them(seed: int, nth: int, count: int) -> None:
    """A pick is a number from 0 to one less than how many there are."""
    assert 0 <= Chance(seed, "x").pick(count, nth) < count


def test_spells_come_at_their_rate() -> None:
    """Of a time in which nothing is wrong, so many a day begin."""
    spells = by_chance(stream(1, "x"), 4.0, between(10.0, 50.0), between(2.0, 3.0))
    first = list(itertools.islice(spells, 2000))
    well = sum(b.begin_min - a.end_min for a, b in itertools.pairwise(first))
    assert well / 1999 == pytest.approx(360.0, rel=0.08)
    assert all(10.0 <= one.end_min - one.begin_min <= 50.0 for one in first)
    assert all(2.0 <= one.size <= 3.0 for one in first)


def test_no_spells_at_no_rate() -> None:
    """A rate of nothing has no first spell."""
    assert list(by_chance(stream(1, "x"), 0.0, always(1.0))) == []


def test_lengths_by_ratio_are_mostly_short() -> None:
    """Half of all lengths between 5 and 500 are below 50."""
    rng, draw = stream(1, "x"), between_by_ratio(5.0, 500.0)
    lengths = np.array([draw(rng) for _ in range(2000)])
    assert lengths.min() >= 5.0
    assert lengths.max() <= 500.0
    assert (lengths < 50.0).mean() == pytest.approx(0.5, abs=0.04)


@given(st.lists(st.tuples(st.floats(0.1, 30.0), st.floats(0.1, 30.0)), max_size=8))
def test_a_timeline_says_in_which_spell_a_minute_lies(gaps: list[tuple[float, float]]) -> None:
    """Asked minute by minute, it gives each spell from its beginning to its end, and no other."""
    spells, minute = [], 0.0
    for gap, length in gaps:
        spells.append(Spell(minute + gap, minute + gap + length))
        minute += gap + length
    timeline = Timeline(iter(spells))
    for now in range(300):
        inside = [one for one in spells if one.begin_min < now <= one.end_min]
        assert timeline.at(float(now)) == (inside[0] if inside else None)


def test_a_minute_lies_in_exactly_one_step() -> None:
    """A spell of one minute, wherever it begins, is met by one step of a minute."""
    for begin in (0.0, 3.0, 3.25, 3.999):
        timeline = Timeline(iter([Spell(begin, begin + 1.0)]))
        assert sum(timeline.at(float(now)) is not None for now in range(1, 20)) == 1


def test_spells_within_another_end_with_it() -> None:
    """They are counted from its beginning, and are over when it is."""
    inner = iter([Spell(1.0, 2.0), Spell(5.0, 20.0), Spell(30.0, 31.0)])
    assert list(within(Spell(100.0, 110.0), inner)) == [Spell(101.0, 102.0), Spell(105.0, 110.0)]
