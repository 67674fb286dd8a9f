"""Figures of how an answer stands to the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench import scores

NAN = np.nan


def minutes(*spans: tuple[int, int], length: int = 300) -> np.ndarray:
    """(length, 1) true in some spans of rows, both ends in."""
    over = np.zeros((length, 1), bool)
    for first, last in spans:
        over[first : last + 1] = True
    return over


def test_silence_counts_as_an_answer_of_nothing() -> None:
    """Who keeps silent where the truth is high has an error there, and is told apart."""
    found = scores.error([[10.0], [NAN]], [[13.0], [4.0]])
    assert found is not None
    assert found.rmse == pytest.approx(np.sqrt((9.0 + 16.0) / 2.0))
    assert found.bias == pytest.approx(-3.5)
    assert found.answered == 0.5
    assert found.spread == pytest.approx(4.5)


def test_where_no_truth_is_there_is_no_error() -> None:
    """What nobody knows cannot be wrong."""
    assert scores.error([1.0, 2.0], [NAN, NAN]) is None
    found = scores.error([1.0, 90.0], [2.0, NAN])
    assert found is not None
    assert found.rmse == 1.0


def test_intervals_cover_what_lies_within_ends_included() -> None:
    """Coverage counts both ends in; values without an interval are left out."""
    found = scores.intervals([0.0, 0.0, 5.0, NAN], [1.0, 1.0, 9.0, 1.0], [1.0, 1.1, 5.0, 0.5])
    assert found is not None
    assert found.coverage == pytest.approx(2.0 / 3.0)
    assert found.width == pytest.approx(2.0)
    assert found.of == 3
    assert scores.intervals([NAN], [1.0], [1.0]) is None


def test_a_mean_needs_three_quarters_of_its_minutes() -> None:
    """With one of four gone there is a mean of the others; with two gone there is none."""
    means = scores.trailing_mean(np.array([4.0, 8.0, NAN, 0.0, NAN, 6.0]), 4)
    np.testing.assert_array_equal(np.isnan(means), [True, True, True, False, True, True])
    assert means[3] == pytest.approx(4.0)


@given(
    arrays(float, st.tuples(st.integers(1, 90), st.just(2)), elements=st.floats(-1e3, 1e3)),
    st.integers(1, 60),
)
def test_trailing_means_are_means_of_the_last_minutes(values: np.ndarray, window: int) -> None:
    """The running sum gives what a mean of each window gives."""
    means = scores.trailing_mean(values, window)
    for row in range(len(values)):
        if row + 1 < 0.75 * window:
            assert np.isnan(means[row]).all()
        else:
            expected = values[max(row + 1 - window, 0) : row + 1].mean(axis=0)
            np.testing.assert_allclose(means[row], expected, atol=1e-6)


def test_an_hour_over_80_or_a_quarter_over_160_is_an_exceedance() -> None:
    """A short peak passes the quick limit before the hour's, and a long low one the hour's only."""
    peak = np.concatenate([np.zeros(100), np.full(15, 200.0), np.zeros(100)])
    assert scores.over_limits(peak).any()
    assert scores.over_limits(np.full(60, 81.0))[-1]
    assert not scores.over_limits(np.full(300, 79.0)).any()


def test_rules_hold_a_level_for_a_while() -> None:
    """Entered with the fifth minute over, kept in between, left with the fifteenth low one."""
    mean = np.concatenate([np.full(4, 90.0), np.full(10, 70.0), np.full(20, 90.0), np.zeros(30)])
    held = scores.held(mean, 80.0)
    assert np.flatnonzero(held).tolist() == list(range(14 + 4, 14 + 20 + 14))
    between = np.concatenate([np.full(10, 90.0), np.full(100, 70.0)])
    assert scores.held(between, 80.0)[4:].all()
    gap = np.concatenate([np.full(10, 90.0), np.full(50, NAN), np.zeros(14)])
    assert scores.held(gap, 80.0)[4:].all()


@given(arrays(float, (200, 2), elements=st.floats(0.0, 400.0)))
def test_what_the_rules_hold_began_over_a_limit(increment: np.ndarray) -> None:
    """A level begins only where a mean is over its limit, and five such minutes always begin it."""
    over, held = scores.over_limits(increment + 1e-6), scores.by_rules(increment)
    begins = held & ~np.vstack([np.zeros((1, 2), bool), held[:-1]])
    assert (over | ~begins).all()
    hour = scores.trailing_mean(increment, 60) >= scores.LIMIT_60
    five = np.logical_and.reduce([hour[lag : 200 - 4 + lag] for lag in range(5)])
    assert held[4:][five].all()


def test_recall_and_precision_count_minutes_of_all_segments_at_once() -> None:
    """Half of the true minutes said, and two thirds of the said ones true."""
    true = np.array([[1, 1], [1, 1]], bool)
    said = np.array([[1, 0], [1, 0]], bool)
    assert scores.hits(said, true) == (0.5, 1.0)
    assert scores.hits(np.ones((3, 1), bool), minutes((0, 1), length=3)) == (1.0, 2.0 / 3.0)
    assert scores.hits(np.zeros((3, 1), bool), np.zeros((3, 1), bool)) == (None, None)


def test_short_breaks_do_not_part_an_exceedance() -> None:
    """Runs are joined over 30 minutes, not over 31."""
    assert scores.runs(minutes((10, 20), (51, 60))[:, 0]) == [(10, 60)]
    assert scores.runs(minutes((10, 20), (52, 60))[:, 0]) == [(10, 20), (52, 60)]
    assert scores.runs(np.zeros(5, bool)) == []


def test_late_counts_from_the_first_true_minute() -> None:
    """Said before: 0; said after: the difference; half an hour after its end: never."""
    true = minutes((100, 150))
    assert scores.delays(minutes((90, 120)), true) == [0.0]
    assert scores.delays(minutes((107, 120)), true) == [7.0]
    assert scores.delays(minutes((180, 190)), true) == [80.0]
    assert scores.delays(minutes((181, 190)), true) == [None]
    assert scores.delays(minutes((90, 99)), true) == [None]


def test_false_is_what_has_nothing_true_near_on_its_own_segment() -> None:
    """An hour after a true one is near, a minute more is not; another segment's does not help."""
    true = minutes((100, 110))
    assert scores.false_runs(minutes((170, 180)), true) == 0
    assert scores.false_runs(minutes((171, 180)), true) == 1
    both_true = np.hstack([true, np.zeros_like(true)])
    both_said = np.hstack([np.zeros_like(true), minutes((100, 110))])
    assert scores.false_runs(both_said, both_true) == 1


def test_statements_are_held_against_how_often_they_came_true() -> None:
    """Bins know what was said in them, what came, and of how many; a certain one is in the last."""
    bins = scores.calibration([0.81, 0.89, 0.1, 1.0], [True, False, False, True])
    assert [each.of for each in bins] == [1, 2, 1]
    assert bins[1].said == pytest.approx(0.85)
    assert bins[1].came == pytest.approx(0.5)
    assert bins[2].came == 1.0


def test_pinball_loss_is_least_at_the_true_quantiles() -> None:
    """On many draws the distribution's own quantiles lose less than shifted or wider ones."""
    rng = np.random.default_rng(1)
    drawn = rng.exponential(30.0, 4000)
    own = -30.0 * np.log(1.0 - np.array(scores.QUANTILES))
    loss = scores.pinball(np.tile(own, (len(drawn), 1)), drawn)
    assert loss is not None
    for other in (own + 5.0, own - 5.0, own * 1.3, np.full_like(own, own[2])):
        worse = scores.pinball(np.tile(other, (len(drawn), 1)), drawn)
        assert worse is not None
        assert loss < worse


def test_pinball_of_a_point_at_the_median_is_half_its_miss() -> None:
    """For the quantile 0.5 the loss is half of the absolute error; rows with a gap are left out."""
    assert scores.pinball([[10.0], [NAN]], [16.0, 3.0], (0.5,)) == pytest.approx(3.0)
    assert scores.pinball([[10.0]], [NAN], (0.5,)) is None


def test_quantiles_of_a_reliable_forecast_hold_their_share() -> None:
    """Of each quantile its own share of what comes lies at or under it."""
    rng = np.random.default_rng(2)
    drawn = rng.uniform(0.0, 1.0, 5000)
    forecast = np.tile(np.array(scores.QUANTILES), (len(drawn), 1))
    np.testing.assert_allclose(scores.reliability(forecast, drawn), scores.QUANTILES, atol=0.03)


def test_skill_is_against_the_better_of_the_plain_ones() -> None:
    """A fifth less than the better one is a skill of 0.2."""
    assert scores.skill(8.0, 10.0, 14.0) == pytest.approx(0.2)


def test_persistence_wears_the_changes_of_other_days() -> None:
    """What is now is shifted by how much it usually changed until then, and never below 0."""
    past = np.arange(100.0)[:, None]
    forecast = scores.dressed(np.array([[50.0], [-40.0]]), 10, past, past)
    np.testing.assert_allclose(forecast[0, 0], 60.0)
    np.testing.assert_allclose(forecast[1, 0], 0.0)


def test_climatology_knows_the_hours_of_the_week_it_has_seen() -> None:
    """An hour has the quantiles of its own; one of a day not seen has those of the same hour."""
    # The epoch began on a Thursday; two days of minutes, each hour with its own value.
    ends = np.arange(1, 2 * 1440 + 1)
    hours = scores.hour_of_week(ends)
    assert hours[0] == 0
    assert hours[59] == 0
    assert hours[60] == 1
    table = scores.climatology(hours[:, None].astype(float), ends, (0.5,))
    of = table.of(np.array([1, 61, 25 * 60, 24 * 60 * 5 + 30]))[:, 0, 0]
    np.testing.assert_allclose(of[:3], [0.0, 1.0, 24.0])
    # Hour 0 of an unseen day: the median of hours 0 and 24.
    assert of[3] == pytest.approx(12.0)
