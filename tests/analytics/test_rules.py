from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.minutes import MILLI
from analytics.rules import Judge, Machine, trailing_means
from analytics.settings import AnalyticsSettings, Rule

SETTINGS = AnalyticsSettings(rules={"inc15": Rule("increment", 1, (80.0, 160.0, 320.0))})
INDEX = list(SETTINGS.rules).index("inc15")


def changes(values):
    """(minute, change, level) of one place whose mean takes the given values; None is unknown."""
    count = len(SETTINGS.rules)
    means = np.zeros((len(values), 1, count), np.int64)
    there = np.zeros(means.shape, bool)
    for t, value in enumerate(values):
        if value is not None:
            means[t, 0, INDEX], there[t, 0, INDEX] = round(value * MILLI), True
    machine = Machine.rest(1, count)
    _, transitions, _ = Judge(SETTINGS).run(machine, 1, means, there)
    return [(moved.minute, moved.change, moved.level) for moved in transitions]


def test_a_level_is_entered_after_the_hold():
    """Five minutes at the limit enter the level; four do not."""
    assert changes([80] * 5) == [(1, "opened", 0), (5, "activated", 1)]
    assert changes([80] * 4 + [79]) == [(1, "opened", 0), (5, "closed", 0)]


def test_a_level_is_left_after_the_release():
    """Fifteen minutes under 80 % of the limit close it; a value between the two keeps it open."""
    assert changes([100] * 5 + [63.9] * 15) == [
        (1, "opened", 0), (5, "activated", 1), (6, "recovering", 1), (20, "closed", 0),
    ]  # fmt: skip
    assert changes([100] * 5 + [64] * 40) == [(1, "opened", 0), (5, "activated", 1)]


def test_a_higher_level_falls_back_to_the_lower():
    """Level 2 is left for level 1 while that one's release has not been reached."""
    found = changes([200] * 5 + [100] * 15)
    assert found == [
        (1, "opened", 0), (5, "activated", 2), (20, "level", 1),
    ]  # fmt: skip


def test_dust_that_comes_back_reopens_the_same_episode():
    """Above the limit again before the release: active once more, not a second episode."""
    found = [change for _, change, _ in changes([100] * 5 + [10] * 10 + [100] * 3)]
    assert found == ["opened", "activated", "recovering", "reopened"]


def test_an_episode_nobody_measures_any_more_is_closed():
    """After an hour without a mean an open episode ends; a short gap does not touch it."""
    assert changes([100] * 5 + [None] * 59)[-1] == (5, "activated", 1)
    assert changes([100] * 5 + [None] * 60)[-1] == (65, "closed", 0)


def test_means_need_three_quarters_of_their_minutes():
    """44 of 60 minutes give no mean, 45 do."""
    rules = [Rule("increment", 60, (50.0, 80.0, 160.0))]
    values = np.full((61, 1, 3), 100 * MILLI, np.int64)
    known = np.zeros((61, 1, 3), bool)
    known[-44:] = True
    assert not trailing_means(values, known, rules, 0.75)[1][0, 0, 0]
    known[-45:] = True
    means, there = trailing_means(values, known, rules, 0.75)
    assert there[0, 0, 0]
    assert means[0, 0, 0] == 100 * MILLI


@pytest.mark.parametrize(
    "limits",
    [
        (80.0, 50.0, 160.0),  # falling
        (0.0, 50.0, 160.0),  # always exceeded
        (None, None, None),  # no level at all
    ],
)
def test_a_rule_without_sense_is_refused(limits):
    """Limits rise with the level and are positive."""
    with pytest.raises(ValueError, match="limits"):
        Rule("increment", 60, limits)


@settings(max_examples=200)
@given(
    st.lists(
        st.one_of(st.none(), st.sampled_from([0, 30, 63, 64, 79, 80, 130, 200, 400])), max_size=120
    )
)
def test_quiet_stretches_taken_in_one_go_change_nothing(values):
    """Minute by minute and with quiet stretches in one go the machine comes to the same."""
    judge, count = Judge(SETTINGS), len(SETTINGS.rules)
    means = np.zeros((len(values), 1, count), np.int64)
    there = np.zeros(means.shape, bool)
    for t, value in enumerate(values):
        if value is not None:
            means[t, 0, INDEX], there[t, 0, INDEX] = value * MILLI, True
    whole, transitions, level = judge.run(Machine.rest(1, count), 1, means, there)
    machine, found, levels = Machine.rest(1, count), [], []
    for t in range(len(values)):
        machine, changed = judge._step(machine, 1 + t, means[t], there[t])
        found += changed
        levels.append(machine.level.max(axis=1))
    assert found == transitions
    assert level.tolist() == [row.tolist() for row in levels]
    for field in fields(Machine):
        assert getattr(whole, field.name).tolist() == getattr(machine, field.name).tolist()
