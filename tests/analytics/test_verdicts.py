from dataclasses import replace

import numpy as np
import pytest

from analytics.happenings import Work
from analytics.judging import due, judge
from analytics.layout import Layout
from analytics.moments import time_of
from analytics.settings import VerdictSettings
from analytics.verdicts import DIFFERENCES, MODEL, Interval, differences, verdict
from geo.district import load_district
from tests.analytics.streets import SETTINGS as ANALYTICS
from tests.analytics.streets import START
from tests.street import write_street

SETTINGS = VerdictSettings()


def street(rng, segments, *, effect=1.0, common=1.0):
    """Increments before and after, (60, segments) each: all change by `common`, each by a chance
    of its own, the first by `effect`."""
    base = rng.uniform(40, 200, segments)
    chance = np.exp(rng.normal(0, 0.15, segments))
    noise = lambda: np.exp(rng.normal(0, 0.1, (60, segments)))  # noqa: E731
    after = base * common * chance
    after[0] *= effect
    return base * noise(), after * noise()


def by_differences(before, after):
    return differences((before[:, 0], after[:, 0]), (before[:, 1:], after[:, 1:]), SETTINGS)


def test_what_the_whole_street_does_is_not_an_effect():
    """Rain that halves every segment leaves nothing to credit to the crew, and is no help."""
    found = by_differences(*street(np.random.default_rng(1), 12, common=0.5)).interval
    assert found.low < 0 < found.high


def test_a_strong_effect_is_found():
    """A wash that halves the increment is effective, and the interval holds the truth."""
    found = by_differences(*street(np.random.default_rng(2), 12, effect=0.5, common=1.3)).interval
    assert 0 < found.low <= 50 <= found.high


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """90 % intervals hold the true effect in 90 % of made-up streets (3 standard errors)."""
    rng = np.random.default_rng(3)
    hits = [
        found.low <= 30 <= found.high
        for found in (by_differences(*street(rng, 8, effect=0.7)).interval for _ in range(600))
    ]
    assert abs(np.mean(hits) - 0.90) < 3 * np.sqrt(0.9 * 0.1 / 600)


def test_a_control_whose_use_ends_early_is_compared_over_the_minutes_it_has():
    """All streets get cleaner after the work; those seen for its first half alone are not taken
    for worse ones."""
    rng = np.random.default_rng(5)
    before, after = street(rng, 12)
    after *= np.linspace(1.0, 0.2, 60)[:, None]
    whole = by_differences(before, after).interval
    after[35:, 1:6] = np.nan
    found = by_differences(before, after).interval
    assert abs(found.reduction_pct - whole.reduction_pct) < 5
    assert found.low < 0 < found.high


def test_a_control_on_another_course_is_none():
    """One that was already drifting away from the treated segment before the work is left out."""
    before, after = street(np.random.default_rng(6), 8)
    before[:, 3] *= np.linspace(0.3, 1.0, 60)
    found = by_differences(before, after)
    assert 2 not in found.controls
    assert len(found.controls) == 6


@pytest.mark.parametrize(
    ("segments", "gaps", "why"),
    [
        (3, 0, "controls"),  # two controls give no interval
        (8, 40, "unmeasured"),  # 20 of 60 minutes measured, and 21 needed
    ],
)
def test_too_little_measured_gives_no_verdict(segments, gaps, why):
    """Without enough controls or minutes the answer is that it cannot be told."""
    before, after = street(np.random.default_rng(4), segments)
    after[:gaps, 0] = np.nan
    found = by_differences(before, after)
    assert (found.interval, found.why) == (None, why)


@pytest.mark.parametrize(
    ("model", "other", "method", "effective", "disagree"),
    [
        (Interval(30, 10, 50), Interval(20, -5, 40), MODEL, True, False),
        (Interval(30, 10, 50), Interval(-40, -60, -20), MODEL, True, True),
        (Interval(5, -10, 20), Interval(60, 40, 80), MODEL, False, True),
        (Interval(30, 10, 50), None, MODEL, True, None),
        (None, Interval(20, 5, 40), DIFFERENCES, True, None),
        (None, None, DIFFERENCES, None, None),
    ],
)
def test_two_sources_are_told_apart(model, other, method, effective, disagree):
    """The model's interval is told where there is one, unmixed; intervals that do not meet are a
    disagreement, one source is none."""
    found = verdict(model, other)
    assert found.interval == (model or other)
    assert (found.method, found.told()["effective"], found.disagree) == (
        method,
        effective,
        disagree,
    )
    assert found.sources()["differences_pct"] == (other and other.reduction_pct)


@pytest.fixture(scope="module")
def long_street(tmp_path_factory):
    """Ten segments of 220 m one after the other, each with a station."""
    settings = replace(ANALYTICS, street=replace(ANALYTICS.street, members=4))
    folder = write_street(tmp_path_factory.mktemp("long"), segments=10)
    return Layout.of(load_district(folder), settings)


def wash(order, segment, start, end):
    return Work(order, "W1", "wash", segment, None, START + start, START + end, True)


def judged(layout, works):
    """Of the first of these works: every segment at 100 µg/m³ with noise, S1 at half of it after
    minute 80."""
    rng = np.random.default_rng(7)
    rows = []
    for g, segment in enumerate(layout.segments):
        for minute in range(200):
            level = 50.0 if g == 0 and minute > 80 else 100.0
            rows.append((segment, time_of(START + minute), level * np.exp(rng.normal(0, 0.1))))
    return judge(works[0], rows, works, layout, SETTINGS)


def test_a_control_serves_until_it_is_treated_itself(long_street):
    """Work on a control late in the hour after leaves it in use, work early in it or before takes
    it and its neighbours out; those beside the treated segment never serve."""
    own = wash("O1", "S1", 70, 80)
    alone = judged(long_street, [own])
    assert alone.controls == [f"S{n}" for n in range(3, 11)]
    late = judged(long_street, [own, wash("O2", "S6", 130, 140)])
    assert late.controls == alone.controls
    for start in (20, 90):
        early = judged(long_street, [own, wash("O2", "S6", start, start + 5)])
        assert early.controls == ["S3", "S4", "S8", "S9", "S10"]
    assert all(
        found.interval.low < 50 < found.interval.high and found.interval.low > 30
        for found in (alone, late, early)
    )


def test_another_work_on_the_same_segment_leaves_the_minutes_on_this_side_of_it(long_street):
    """Treated again late in the hour after, a segment is judged by the minutes up to then; treated
    again at once, it cannot be."""
    own = wash("O1", "S1", 70, 80)
    again = judged(long_street, [own, wash("O2", "S1", 130, 140)])
    assert again.interval.low < 50 < again.interval.high
    at_once = judged(long_street, [own, wash("O2", "S1", 95, 99)])
    assert (at_once.interval, at_once.why) == (None, "unmeasured")


def test_works_are_due_with_the_model(long_street):
    """65 minutes after their end, in the order of their ends; works under way are not."""
    works = [
        wash("O2", "S2", 10, 20),
        wash("O1", "S1", 5, 20),
        wash("O3", "S3", 30, 31),
        Work("O4", "W1", "wash", "S4", None, START + 5, None, False),
        Work("O5", "W1", "fog", None, "Q1", START + 5, START + 20, True),
    ]
    assert [work.order for work in due(works, START + 85, 1)] == ["O1", "O2"]
    assert due(works, START + 86, 10) == []
    assert [work.order for work in due(works, START, 97)] == ["O1", "O2", "O3"]


def test_differences_take_no_longer_than_the_model():
    """Settings that would judge a work after the model does are refused."""
    with pytest.raises(ValueError, match="judged 65 minutes after its end"):
        VerdictSettings(after_min=90)
