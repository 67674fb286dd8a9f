from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.minutes import MILLI
from analytics.rules import (
    BACKGROUND,
    CHANNELS,
    PM10,
    TSP,
    Judge,
    Machine,
    trailing_means,
)
from analytics.settings import AnalyticsSettings, EarlySettings, Rule

SETTINGS = AnalyticsSettings(rules={"inc15": Rule("increment", 1, (80.0, 160.0, 320.0))})
INDEX = list(SETTINGS.rules).index("inc15")


def transitions(values):
    """Those of one place whose mean takes the given values; None is unknown."""
    count = len(SETTINGS.rules)
    means = np.zeros((len(values), 1, count), np.int64)
    there = np.zeros(means.shape, bool)
    for t, value in enumerate(values):
        if value is not None:
            means[t, 0, INDEX], there[t, 0, INDEX] = round(value * MILLI), True
    machine = Machine.rest(1, count)
    return Judge(SETTINGS).run(machine, 1, means, there)[1]


def changes(values):
    """(minute, change, level)."""
    return [(moved.minute, moved.change, moved.level) for moved in transitions(values)]


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


def test_a_hold_does_not_add_up_minutes_on_both_sides_of_a_gap():
    """Three minutes without data leave the hold standing, four start it anew."""
    assert changes([80] * 3 + [None] * 3 + [80] * 2)[-1] == (8, "activated", 1)
    found = changes([80] * 3 + [None] * 4 + [80] * 4)
    assert found == [(1, "opened", 0), (7, "closed", 0), (8, "opened", 0)]
    assert changes([80] * 3 + [None] * 4 + [80] * 5)[-1] == (12, "activated", 1)


def test_a_release_does_not_add_up_either():
    """Ten low minutes on each side of a gap do not close an episode; the gap changes nothing that
    is shown."""
    low = [100] * 5 + [10] * 10 + [None] * 10 + [10] * 10
    assert changes(low)[-1] == (6, "recovering", 1)
    assert changes([*low, *[10] * 5])[-1] == (40, "closed", 0)


def episodes(values):
    """(minute, change, level, started, reopened, risen)."""
    return [
        (t.minute, t.change, t.level, t.started, t.reopened, t.risen) for t in transitions(values)
    ]


def test_what_comes_back_soon_is_the_same_episode():
    """Over the limit again within half an hour of its end: nothing shows until the hold is over,
    then the old episode is open again, with the old beginning and the peak of both."""
    closed = [100] * 5 + [10] * 15  # closed at minute 20
    again = [*closed, *[10] * 29, *[90] * 5]
    assert episodes(again)[-2:] == [
        (20, "closed", 0, 1, False, False), (54, "reopened", 1, 1, True, False),
    ]  # fmt: skip
    assert transitions(again)[-1].peak == 100 * MILLI
    later = [*closed, *[10] * 30, *[90] * 5]
    assert episodes(later)[-2:] == [
        (51, "opened", 0, 51, False, False), (55, "activated", 1, 51, False, False),
    ]  # fmt: skip


def test_what_only_flickers_after_an_end_is_not_shown():
    """A minute over the limit soon after the end neither opens nor reopens anything, and leaves
    the episode what it was."""
    flicker = [100] * 5 + [10] * 20 + [90] * 2 + [10] * 10 + [90] * 5
    assert [change for _, change, *_ in episodes(flicker)] == [
        "opened", "activated", "recovering", "closed", "reopened",
    ]  # fmt: skip


def test_what_lapsed_before_it_held_does_not_come_back():
    """Only what had entered a level is joined."""
    found = episodes([90] * 3 + [10] * 5 + [90] * 5)
    assert [(minute, change, started) for minute, change, _, started, *_ in found] == [
        (1, "opened", 1), (4, "closed", 1), (9, "opened", 9), (13, "activated", 9),
    ]  # fmt: skip


def test_worse_than_ever_is_told_apart():
    """A level above all before says so; the same level again does not."""
    found = episodes([100] * 5 + [200] * 5 + [100] * 15 + [200] * 5 + [400] * 5)
    assert [(level, risen) for _, change, level, _, _, risen in found if change == "level"] == [
        (2, True), (1, False), (2, False), (3, True),
    ]  # fmt: skip


def test_a_warning_says_nothing_that_a_limit_has_told():
    """The early warning is silent where a rule of the contract has been entered, and only there."""
    names = list(SETTINGS.rules)
    means = np.zeros((20, 2, len(names)), np.int64)
    there = np.ones(means.shape, bool)
    means[:, 0, INDEX] = 100 * MILLI
    means[10:, :, names.index("cusum")] = 1000 * MILLI
    _, found, _ = Judge(SETTINGS).run(Machine.rest(2, len(names)), 1, means, there)
    assert {(names[t.rule], t.place) for t in found} == {("inc15", 0), ("cusum", 1)}


def test_a_warning_has_one_level():
    """Limits of the early warning above level 1 are refused."""
    with pytest.raises(ValueError, match="level 1 only"):
        Rule("cusum", 1, (5.0, 10.0, None))
    assert "cusum" not in AnalyticsSettings(early=EarlySettings(enabled=False)).rules


def test_measured_minutes_go_before_estimated_ones():
    """Where enough of a mean's minutes are measured, the estimated ones between do not count; where
    they are not, all do."""
    rules = [Rule("increment", 60, (50.0, 80.0, 160.0))]
    values = np.full((61, 1, CHANNELS), 100 * MILLI, np.int64)
    known = np.ones(values.shape, bool)
    measured = np.zeros((61, 1), bool)
    measured[-45:] = True
    values[~measured[:, 0]] = 40 * MILLI
    means, there = trailing_means(values, known, rules, 0.75, measured)
    assert (means[0, 0, 0], there[0, 0, 0]) == (100 * MILLI, True)
    measured[-45] = False
    means, there = trailing_means(values, known, rules, 0.75, measured)
    assert (means[0, 0, 0], there[0, 0, 0]) == (85 * MILLI, True)


def test_tsp_of_a_dust_storm_is_explained_by_it():
    """TSP counts where the background is the smaller part of PM10, or PM10 is not measured."""
    rules = [Rule("tsp", 5, (None, 800.0, 1000.0))]
    values = np.zeros((61, 1, CHANNELS), np.int64)
    values[..., TSP], values[..., PM10], values[..., BACKGROUND] = 900_000, 500_000, 100_000
    known = np.ones(values.shape, bool)
    assert trailing_means(values, known, rules, 0.75)[0][0, 0, 0] == 900_000
    values[..., BACKGROUND] = 300_000
    assert trailing_means(values, known, rules, 0.75)[0][0, 0, 0] == 0
    known[..., PM10] = False
    assert trailing_means(values, known, rules, 0.75)[0][0, 0, 0] == 900_000


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
        st.tuples(
            *[st.one_of(st.none(), st.sampled_from([0, 30, 63, 64, 79, 80, 130, 200, 400]))] * 2
        ),
        max_size=150,
    ),
    st.integers(1, 150),
)
def test_quiet_places_taken_in_one_go_change_nothing(values, cut):
    """Minute by minute, in one go and in two, with what is quiet skipped, two places come to the
    same."""
    judge, count = Judge(SETTINGS), len(SETTINGS.rules)
    means = np.zeros((len(values), 2, count), np.int64)
    there = np.zeros(means.shape, bool)
    for t, pair in enumerate(values):
        for p, value in enumerate(pair):
            if value is not None:
                means[t, p, INDEX], there[t, p, INDEX] = value * MILLI, True
    machine, found, levels = Machine.rest(2, count), [], []
    for t in range(len(values)):
        machine, changed = judge._step(machine, 1 + t, means[t], there[t])
        found += changed
        levels.append(machine.level.max(axis=1))
    start = Machine.rest(2, count)
    whole = judge.run(start, 1, means, there)
    first = judge.run(start, 1, means[:cut], there[:cut])
    second = judge.run(first[0], 1 + len(means[:cut]), means[cut:], there[cut:])
    for end, moved, level in (
        whole,
        (second[0], first[1] + second[1], np.concatenate((first[2], second[2]))),
    ):
        assert moved == found
        assert level.tolist() == [row.tolist() for row in levels]
        for field in fields(Machine):
            assert getattr(end, field.name).tolist() == getattr(machine, field.name).tolist()
