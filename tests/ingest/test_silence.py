"""A station that says nothing for three of its usual intervals, by whatever interval it has."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ingest.silence import LEAST_S, LOOK_EVERY, Rhythm, SilenceWatch, changes, usual_s
from roaddust.cli import app
from store.database import Connection, connect
from tests.ingest.conftest import NOW
from tests.street import write_street

BEFORE = NOW - timedelta(days=1)
INSERT = (
    b"INSERT INTO readings (station, ts, pm10, source, stored_at, late)"
    b" VALUES (%s, %s, 50, 'json', %s, false)"
)


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("every_s", "quiet_min", "silent"),
    [(60, 2.9, False), (60, 3, True), (3600, 179, False), (3600, 180, True), (1, 0.9, False),
     (1, LEAST_S / 60, True), (None, 10_000, False)],
)  # fmt: skip
def test_three_of_its_own_intervals(every_s: float | None, quiet_min: float, silent: bool) -> None:
    """A station of every minute is silent after three minutes, one of every hour after three
    hours, and of one that nobody knows yet it cannot be said."""
    rhythm = Rhythm("S1", NOW, NOW, every_s)
    found = changes([rhythm], {}, after(quiet_min), BEFORE)
    assert [one.station for one in found.begun] == (["S1"] if silent else [])


def test_the_time_when_nobody_listened_does_not_count() -> None:
    """After a start of the platform every station has its three intervals to be heard again."""
    rhythm = Rhythm("S1", BEFORE, BEFORE, 60.0)
    assert not changes([rhythm], {}, after(2), NOW).begun
    (told,) = changes([rhythm], {}, after(3), NOW).begun
    assert told.since == BEFORE


def test_a_silence_is_told_once_and_ends_by_a_word() -> None:
    """It is not told again while it lasts; the next word ends it."""
    silent = {"S1": NOW}
    still = changes([Rhythm("S1", NOW, NOW, 60.0)], silent, after(90), BEFORE)
    assert not still.begun
    assert not still.ended
    assert changes([Rhythm("S1", after(90), NOW, 60.0)], silent, after(91), BEFORE).ended == ("S1",)


@given(
    st.none() | st.floats(0.001, 1e5),
    st.none() | st.floats(0.001, 1e5),
)
def test_the_longer_interval_counts(apart_s: float | None, came_s: float | None) -> None:
    """Neither an upload by the hour nor a burst after a failure makes a station silent."""
    usual = usual_s(apart_s, came_s)
    assert usual == max((one for one in (apart_s, came_s) if one), default=None)


@pytest.fixture
def conn(migrated_embedded_db: str) -> Iterator[Connection]:
    with connect(migrated_embedded_db, name="test") as conn:
        yield conn


def store(conn: Connection, station: str, times: Iterable[tuple[float, float]]) -> None:
    """Readings by their minute and that of their arrival."""
    for ts, at in times:
        conn.execute(INSERT, (station, after(ts), after(at)))
    conn.commit()


def silences(conn: Connection) -> list[tuple[Any, ...]]:
    """Station, minute since, usual interval, minute of its end."""
    found = conn.execute(
        b"SELECT station, extract(epoch FROM since - %(now)s)::float / 60, every_s,"
        b" extract(epoch FROM ended_at - %(now)s)::float / 60 FROM silences ORDER BY id",
        {"now": NOW},
    ).fetchall()
    conn.commit()
    return found


def run(watch: SilenceWatch, conn: Connection, first: int, last: int) -> None:
    for minute in range(first, last + 1):
        watch.step(conn, after(minute))


def test_a_silence_from_its_begin_to_its_end(conn: Connection) -> None:
    """Habits are learned, a silence is written down when it is one, told once, and ended at the
    minute of the next word; another station is not touched by it."""
    store(conn, "S1", ((m, m) for m in range(-30, 1)))
    store(conn, "S2", ((m, m) for m in range(-30, 21)))
    watch = SilenceWatch(["S1", "S2"])
    run(watch, conn, -20, 2)
    assert silences(conn) == []
    run(watch, conn, 3, 10)
    assert silences(conn) == [("S1", 0, 60, None)]
    store(conn, "S1", [(11, 11)])
    run(watch, conn, 12, 13)
    assert silences(conn) == [("S1", 0, 60, 11)]
    run(watch, conn, 14, 16)
    assert silences(conn) == [("S1", 0, 60, 11), ("S1", 11, 60, None)]


def test_one_that_brings_an_hour_at_a_time(conn: Connection) -> None:
    """Sixty readings of a minute in one message an hour are no silence between, and three hours
    without one are."""
    store(conn, "S1", ((-60 * h - m, -60 * h) for h in range(6) for m in range(60)))
    watch = SilenceWatch(["S1"])
    run(watch, conn, -300, 179)
    assert silences(conn) == []
    run(watch, conn, 180, 181)
    assert silences(conn) == [("S1", 0, 3600, None)]


def test_a_burst_after_a_failure(conn: Connection) -> None:
    """What is caught up many a second does not shorten the patience to seconds."""
    store(conn, "S1", ((m, m) for m in range(-100, -60)))
    store(conn, "S1", ((m, m / 1000) for m in range(-60, 1)))
    watch = SilenceWatch(["S1"])
    run(watch, conn, 0, 2)
    assert silences(conn) == []
    run(watch, conn, 3, 3)
    assert len(silences(conn)) == 1


def test_old_readings_are_words_too(conn: Connection) -> None:
    """A station that sends what it could not send before is not silent, whatever its readings'
    times."""
    store(conn, "S1", ((m, m) for m in range(-30, 1)))
    watch = SilenceWatch(["S1"])
    run(watch, conn, 0, 2)
    store(conn, "S1", [(0.5, 2.5)])
    run(watch, conn, 3, 5)
    assert silences(conn) == []
    run(watch, conn, 6, 6)
    assert silences(conn) == [("S1", 2.5, 60, None)]


def test_a_station_that_leaves_the_district(conn: Connection) -> None:
    """Nobody waits for it any more."""
    store(conn, "S1", ((m, m) for m in range(-30, 1)))
    run(SilenceWatch(["S1"]), conn, 0, 5)
    SilenceWatch(["S2"]).step(conn, after(6))
    assert silences(conn) == [("S1", 0, 60, 6)]
    assert conn.execute(b"SELECT count(*) FROM rhythms").fetchone() == (0,)


def test_looks_are_not_too_many(conn: Connection) -> None:
    """Stepped each second, it asks the database once in a while."""
    store(conn, "S1", ((m, m) for m in range(-30, 1)))
    watch = SilenceWatch(["S1"])
    watch.step(conn, NOW)
    watch.step(conn, NOW + LOOK_EVERY / 2)
    assert conn.execute(b"SELECT looked_at FROM rhythms").fetchall() == [(NOW,)]


def test_the_command(tmp_path: Path, conn: Connection, migrated_embedded_db: str) -> None:
    """`quality silences` shows those that reach into a span, in the district's time."""
    store(conn, "S1", ((m, m) for m in range(-30, 1)))
    store(conn, "S2", ((m, m) for m in range(-30, 11)))
    watch = SilenceWatch(["S1", "S2"])
    run(watch, conn, 0, 5)
    store(conn, "S1", [(6, 6)])
    run(watch, conn, 7, 20)
    folder = write_street(tmp_path / "street")
    command = ["quality", "silences", "--district", str(folder), "--db", migrated_embedded_db]
    found = CliRunner(env={"COLUMNS": "160"}).invoke(
        app, [*command, "--from", "2026-03-01T16:00", "--to", "2026-03-01T16:08"]
    )
    assert found.exit_code == 0, found.output
    rows = [line.split("│")[1:-1] for line in found.stdout.splitlines() if "│ S" in line]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["S1", "03-01 16:06", "仍静默 still", "", "60 s"],
        ["S1", "03-01 16:00", "03-01 16:06", "6", "60 s"],
    ]
