"""The clocks of what must not stay overnight."""

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from dispatch.matters import Evidence, Matter, answers, local_day, moved_on, opened
from tests.dispatch.towns import NOON

SHENZHEN = ZoneInfo("Asia/Shanghai")


def later(minutes: float) -> dt.datetime:
    """So many minutes after noon."""
    return NOON + dt.timedelta(minutes=minutes)


def matter(kind: str = "episode", place: str | None = "B", **changes: object) -> Matter:
    """A clock that began at noon."""
    made = opened("E1", kind, place, 2, NOON, NOON, NOON, SHENZHEN, (45, 30, 15))
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_clock_runs_over_the_local_day() -> None:
    """It is due by its level, and ends when the local day does."""
    made = matter()
    assert made.due == later(30)
    assert made.ends_at == dt.datetime(2026, 3, 2, 16, tzinfo=dt.UTC)
    assert local_day(made.ends_at, SHENZHEN)[0] == dt.date(2026, 3, 3)


def test_what_goes_on_begins_its_new_day_at_midnight() -> None:
    """The second day's clock runs from midnight, and its work is due after that."""
    midnight = dt.datetime(2026, 3, 2, 16, tzinfo=dt.UTC)
    now = midnight + dt.timedelta(minutes=1)
    made = opened("E1", "episode", "B", 2, NOON, NOON, now, SHENZHEN, (45, 30, 15))
    assert (made.opened_at, made.due) == (midnight, midnight + dt.timedelta(minutes=30))


def test_the_first_answer_stops_the_first_clock() -> None:
    """A later answer replaces it, and the time of the first stays."""
    first = moved_on(matter(), Evidence(level=2), "no_crew", later(1))
    second = moved_on(first, Evidence(level=3), "O-20260302-040500-01", later(5))
    assert (first.answered_at, first.judged) == (later(1), False)
    assert (second.answered_at, second.answer, second.level) == (
        later(1), "O-20260302-040500-01", 3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "place", "evidence", "outcome"),
    [
        ("episode", "B", Evidence(over_at=later(9), treated_at=later(5)), "treated"),
        ("episode", "B", Evidence(over_at=later(9)), "subsided"),
        ("episode", "B", Evidence(treated_at=later(5)), None),  # still over the limit
        ("episode", "B", Evidence(withdrawn=True), "withdrawn"),
        ("complaint", "B", Evidence(treated_at=later(5)), "treated"),
        ("complaint", "B", Evidence(), None),
        ("complaint", None, Evidence(), "nowhere"),
    ],
)
def test_outcomes(kind: str, place: str | None, evidence: Evidence, outcome: str | None) -> None:
    """What ends a matter, and what does not."""
    assert moved_on(matter(kind, place), evidence, None, later(10)).outcome == outcome


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (None, "not_made"),
        ("regional", "reason"),
        ("refused", "not_made"),  # nobody would: no judgement
        ("O-20260302-040500-01", "not_made"),
    ],
)
def test_the_day_ends_with_an_outcome(answer: str | None, outcome: str) -> None:
    """At midnight a stated judgement is an outcome, and everything else was not made."""
    made = matter(answer=answer, answered_at=answer and NOON)
    ended = moved_on(made, Evidence(level=2), None, made.ends_at)
    assert (ended.outcome, ended.ended_at) == (outcome, made.ends_at)


def test_work_in_progress_counts_as_begun_from_the_start() -> None:
    """A crew that is there already has begun when the matter opens, not before."""
    moved = moved_on(matter(), Evidence(begun_at=later(-10)), None, later(1))
    assert moved.begun_at == NOON


def test_a_plan_answers_a_complaint_by_its_place() -> None:
    """An order at the place first, else the reason against one; a place nowhere says so."""
    said = answers({"A": "O-1"}, {"A": "rain", "B": "rain"},
                   {"x": "A", "y": "B", "z": "C", "w": None})  # fmt: skip
    assert said == {"x": "O-1", "y": "rain", "w": "nowhere"}
