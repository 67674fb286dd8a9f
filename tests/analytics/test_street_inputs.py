"""What a span of minutes brings the model: crews at work, flags, trucks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.happenings import Event, Happenings, Work
from analytics.street.inputs import USUAL_M_PER_MIN, minutes, quarter_inputs, works_by_minute
from analytics.street.members import TREATMENTS
from tests.analytics.street_minutes import CALM, NOON, model_of

SPAN = 90


@pytest.fixture(scope="module")
def ground(street):
    """Of four segments of some 220 m: two minutes of a crew's usual speed."""
    return model_of(street).ground


def slow(ground, minutes_needed):
    """The same, where a crew needs so many minutes for a segment."""
    speed = float(ground.length_m[0]) / minutes_needed
    return replace(ground, work_m_per_min=dict.fromkeys(ground.work_m_per_min, speed))


def of(start, lasts, *, done=True, crew="W1", treatment="wash", order="O1", segment="S1"):
    end = None if lasts is None else NOON + start + lasts
    return Work(
        order, crew, treatment, segment, None, NOON + start, end, done and lasts is not None
    )


def in_parts(works, ground, cuts, *, first=NOON, known_late=True):
    """By minute, over spans that end at the cuts; an end is known when its minute has come."""
    found = {}
    for begin, end in zip([0, *cuts], [*cuts, SPAN], strict=True):
        known = [
            replace(work, end=None, done=False)
            if known_late and work.end is not None and work.end >= first + end
            else work
            for work in works
            if work.start < first + end
        ]
        part = works_by_minute(known, first + begin, end - begin, ground)
        found |= {begin + t: treating for t, treating in part.items()}
    return found


cuts_of_time = st.sets(st.integers(1, SPAN - 1), max_size=8).map(sorted)


@settings(max_examples=80)
@given(
    start=st.integers(0, 40),
    lasts=st.integers(0, 45),
    needed=st.integers(1, 30),
    cuts=cuts_of_time,
)
def test_a_work_is_done_once_and_whole(ground, start, lasts, needed, cuts):
    """However time is cut, whether the end is known or still to come: shares add up to 1, the end
    is told once, in its minute, and every minute says the same."""
    there = slow(ground, needed)
    work = of(start, lasts)
    found = in_parts([work], there, cuts)
    whole = [treating for part in found.values() for treating in part]
    assert sum(treating.share for treating in whole) == pytest.approx(1.0)
    assert all(treating.share >= 0 for treating in whole)
    assert [t for t, part in found.items() if part[0].ends] == [start + lasts]
    assert all(start <= t <= start + lasts for t in found)
    assert in_parts([work], there, [], known_late=False) == found


@settings(max_examples=60)
@given(
    start=st.integers(0, 40),
    lasts=st.integers(0, 45),
    needed=st.integers(1, 30),
    cuts=cuts_of_time,
)
def test_what_fails_stops_where_it_stops(ground, start, lasts, needed, cuts):
    """A crew that gives up has done what it came to by then at its usual speed, and never ends."""
    found = in_parts([of(start, lasts, done=False)], slow(ground, needed), cuts)
    whole = [treating for part in found.values() for treating in part]
    came_to = max(min(needed, lasts - 1), 0) / needed
    assert sum(treating.share for treating in whole) == pytest.approx(came_to)
    assert not any(treating.ends for treating in whole)
    assert all(start < t < start + lasts for t in found)


@settings(max_examples=30)
@given(start=st.integers(0, 40), needed=st.integers(1, 30), cuts=cuts_of_time)
def test_who_never_says_done_has_worked_all_the_same(ground, start, needed, cuts):
    """Without an end the street is treated over the usual time, once."""
    found = in_parts([of(start, None)], slow(ground, needed), cuts)
    assert sorted(found) == list(range(start + 1, start + needed + 1))
    assert sum(part[0].share for part in found.values()) == pytest.approx(1.0)


def test_water_lies_on_the_whole_width(ground):
    """Litres on each metre over the width are mm; an unknown crew goes at a usual speed."""
    ((treating,), *_) = works_by_minute([of(0, 4)], NOON + 1, 1, ground).values()
    assert treating.water_mm == pytest.approx(ground.water_l_per_m["W1"] / ground.width_m[0])
    assert treating.segment == 0
    assert TREATMENTS[treating.treatment] == "wash"
    unknown = in_parts([of(0, None, crew="nobody")], ground, [])
    assert len(unknown) == max(round(ground.length_m[0] / USUAL_M_PER_MIN), 1)


def test_orders_that_treat_no_street_bring_nothing(ground):
    """Neither what the model does not know nor a segment that is not there."""
    works = [
        of(0, 4, segment=None), of(0, 4, segment="elsewhere"), of(0, 4, treatment="inspect"),
    ]  # fmt: skip
    assert works_by_minute(works, NOON, SPAN, ground) == {}


def test_flags_and_trucks_come_to_their_minute_and_place(ground, street):
    """Counts of one minute add up; what lies outside, or nowhere, is left out."""
    at = NOON + 2
    events = [
        Event(at, "truck_pass", "S2", None, 3),
        Event(at, "truck_pass", "S2", None, 4),
        Event(at, "truck_pass", "elsewhere", None, 9),
        Event(at, "truck_pass", None, None, 9),
        Event(at, "unwashed_truck", None, "Q1", 2),
        Event(at, "wash_bay_idle", "S1", "Q1"),
        Event(at, "unwashed_truck", "S1", "elsewhere"),
        Event(at, "mud_on_road", "S4", None),
        Event(NOON - 1, "truck_pass", "S2", None, 50),
        Event(NOON + 5, "truck_pass", "S2", None, 50),
    ]
    got = list(
        minutes(NOON, [CALM] * 5, Happenings(events), ground, street.timezone, np.ones(1, bool))
    )
    assert [now.minute for now in got] == list(range(NOON, NOON + 5))
    assert [now.counted.tolist() for now in got] == [[0, 7 * (t == 2), 0, 0] for t in range(5)]
    assert [now.dirty.tolist() for now in got] == [[2 * (t == 2)] for t in range(5)]
    assert [now.idle.tolist() for now in got] == [[int(t == 2)] for t in range(5)]
    assert [now.mud for now in got] == [(), (), (3,), (), ()]


def test_a_quarter_ahead_has_the_traffic_of_its_middle(ground, street):
    """No rain, no crews, no flags are foreseen; vehicles and the sun go on with the clock."""
    wet = replace(CALM, rain_mm=1.0)
    ahead = quarter_inputs(NOON + 15, 15, wet, ground, street.timezone)
    (middle,) = minutes(NOON + 8, [CALM], Happenings(), ground, street.timezone, np.ones(1, bool))
    np.testing.assert_array_equal(ahead.heavy, middle.heavy)
    np.testing.assert_array_equal(ahead.light, middle.light)
    assert ahead.busy_hour == middle.busy_hour
    assert ahead.weather.rain_mm == 0
    assert ahead.weather.wind_ms == CALM.wind_ms
    assert not ahead.works
    assert 0.8 < ahead.weather.sun < 0.9
