"""Routine jobs: once for each time that has come, by one leader, whatever happens to it."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from apscheduler.triggers.cron import CronTrigger

from dispatch.settings import DispatchSettings
from geo.district import District, load_district
from roaddust.reviews import look_at_rounds, review_day, review_week
from roaddust.routine import Duty, Routine
from store.database import Connection, connect
from tests.services.waiting import wait_until

SETTINGS = DispatchSettings(language="en")
MIDNIGHT = dt.datetime(2026, 3, 2, 16, 0, tzinfo=dt.UTC)
"""The end of Monday in Shenzhen."""


@pytest.fixture
def conn(migrated_embedded_db: str) -> Iterator[Connection]:
    """A fresh database."""
    with connect(migrated_embedded_db, name="test") as connection:
        yield connection


@pytest.fixture(scope="module")
def xinghai() -> District:
    """The district that is shipped."""
    return load_district(Path(__file__).parents[2] / "geo" / "data" / "xinghai")


def nightly(ran: list[dt.datetime]) -> Routine:
    """One duty at three in the night, UTC."""
    trigger = CronTrigger(hour=3, timezone="UTC")
    return Routine([Duty("nightly", trigger, lambda _, now: ran.append(now))])


def test_a_duty_is_run_once_a_day_whatever_the_steps(conn: Connection) -> None:
    """Stepped by the hour it runs once a day, and once for all that was missed in absence."""
    ran: list[dt.datetime] = []
    start = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    routine = nightly(ran)
    for hour in range(49):
        routine.step(conn, start + dt.timedelta(hours=hour))
    assert ran == [start + dt.timedelta(hours=3), start + dt.timedelta(hours=27)]
    routine.step(conn, start + dt.timedelta(days=9))
    assert len(ran) == 3


def test_another_leader_goes_on_where_the_first_was_lost(
    conn: Connection, migrated_embedded_db: str
) -> None:
    """While one leads the other does nothing; then it runs what was not run, and only that."""
    first: list[dt.datetime] = []
    second: list[dt.datetime] = []
    start = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    other = nightly(second)
    with connect(migrated_embedded_db, name="first") as lost:
        routine = nightly(first)
        for hour in range(5):
            routine.step(lost, start + dt.timedelta(hours=hour))
            other.step(conn, start + dt.timedelta(hours=hour))
    assert (len(first), len(second)) == (1, 0)
    wait_until(lambda: not _led(conn), lambda: "the lost session keeps its lead")
    for hour in (5, 26, 28):
        other.step(conn, start + dt.timedelta(hours=hour))
    assert second == [start + dt.timedelta(hours=28)]


def _led(conn: Connection) -> bool:
    held = conn.execute("SELECT FROM pg_locks WHERE locktype = 'advisory'").fetchall()
    conn.rollback()
    return bool(held)


def test_a_duty_that_fails_is_tried_again(conn: Connection) -> None:
    """What was not run to its end counts as not run."""
    tries: list[dt.datetime] = []

    def broken(_conn: Connection, now: dt.datetime) -> None:
        tries.append(now)
        if len(tries) == 1:
            raise LookupError("the first time")

    routine = Routine([Duty("broken", CronTrigger(hour=3, timezone="UTC"), broken)])
    start = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    routine.step(conn, start)
    with pytest.raises(LookupError):
        routine.step(conn, start + dt.timedelta(hours=4))
    conn.rollback()
    assert routine.step(conn, start + dt.timedelta(hours=5)) == ["broken"]


def fill(conn: Connection, district: District) -> None:
    """A Monday with one matter not made, one treated, and one wash on the first street."""
    street = next(s.id for s in district.segments.values() if s.treat)
    noon = MIDNIGHT - dt.timedelta(hours=12)
    conn.execute(
        "INSERT INTO matters (ref, day, kind, place, level, since, opened_at, seen_at, due,"
        " ends_at, answered_at, answer, outcome, ended_at) VALUES"
        " ('E1', '2026-03-02', 'episode', %(s)s, 2, %(at)s, %(at)s, %(at)s, %(at)s, %(end)s,"
        "  %(at)s::timestamptz + interval '2 min', 'refused', 'not_made', %(end)s),"
        " ('E2', '2026-03-02', 'episode', %(s)s, 3, %(at)s, %(at)s, %(at)s, %(at)s, %(end)s,"
        "  %(at)s::timestamptz + interval '6 min', 'O-1', 'treated', %(end)s)",
        {"s": street, "at": noon, "end": MIDNIGHT},
    )
    conn.execute("INSERT INTO plans VALUES ('P-1', %s, 'first', '{}', '{}')", [noon])
    conn.execute(
        "INSERT INTO orders (id, crew, plan, seq, treatment, segment, path, eta, minutes, water_l,"
        " priority, reason, state, issued_at, started_at, ended_at) VALUES"
        " ('O-1', 'WATER-A', 'P-1', 1, 'wash', %(s)s, '[]', %(at)s, 3, 400, 1, '', 'done', %(at)s,"
        "  %(at)s::timestamptz + interval '4 min', %(at)s::timestamptz + interval '7 min')",
        {"s": street, "at": noon},
    )
    conn.execute(
        "INSERT INTO order_log (order_id, at, actor, event, detail)"
        " VALUES ('O-1', %(at)s, 'dispatch', 'sent', jsonb_build_object('eta', %(at)s::text))",
        {"at": noon},
    )
    conn.execute(
        "INSERT INTO services (order_id, judged_at, share, positions, proven)"
        " VALUES ('O-1', %s, 0.9, 5, true)",
        [noon],
    )


def test_the_review_of_a_day(conn: Connection, xinghai: District) -> None:
    """Its figures are those of the day, it is kept once, and what was not made is told of."""
    fill(conn, xinghai)
    now = MIDNIGHT + dt.timedelta(minutes=5)
    review_day(conn, xinghai, SETTINGS, now)
    body = review_day(conn, xinghai, SETTINGS, now)
    assert body["matters"] == {"episode": 2}
    assert body["outcomes"] == {"not_made": 1, "treated": 1}
    assert body["answered_in_time"] == 1
    assert body["answer_min"] == {"p50": 4.0, "p95": pytest.approx(5.8)}
    assert [one["ref"] for one in body["not_made"]] == ["E1"]
    assert body["done"] == {"wash": 1}
    assert body["proof"] == {"proven": 1, "unproven": 0, "not_seen": 0}
    assert body["arrivals"]["first_word_median_abs_min"] == 4.0
    assert body["arrivals"]["quarter_hour_ahead_median_abs_min"] is None
    asked = sum(s.treat and s.min_treatments_per_day > 0 for s in xinghai.segments.values())
    assert body["rounds"]["segments"] == asked
    assert conn.execute("SELECT kind, day FROM reviews").fetchall() == [
        ("day", dt.date(2026, 3, 2))
    ]
    told = conn.execute("SELECT recipient, body FROM calls").fetchall()
    assert told[0][0] == "duty_manager"
    assert "nothing was made of 1" in told[0][1]


def test_the_review_of_a_week_is_that_of_its_monday(conn: Connection, xinghai: District) -> None:
    """Made on the next Monday, over seven days."""
    fill(conn, xinghai)
    body = review_week(conn, xinghai, SETTINGS, MIDNIGHT + dt.timedelta(days=6, minutes=15))
    assert body["matters"] == {"episode": 2}
    assert conn.execute("SELECT kind, day FROM reviews").fetchall() == [
        ("week", dt.date(2026, 3, 2))
    ]


def test_streets_short_of_their_rounds_are_told_of(conn: Connection, xinghai: District) -> None:
    """In the evening the dispatcher hears which streets have not had their treatments."""
    look_at_rounds(conn, xinghai, SETTINGS, MIDNIGHT - dt.timedelta(hours=4))
    told = conn.execute("SELECT recipient, title FROM calls").fetchall()
    assert told == [("dispatcher", "Rounds not made")]
