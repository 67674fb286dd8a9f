"""Completeness per station and day: one function of the database, for reports and for people."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from store.database import Connection, connect
from store.statements import statements

SQL = statements("completeness")
BEGIN = datetime(2026, 3, 2, 16, tzinfo=UTC)  # midnight of the 3rd in Shanghai
ZONE = "Asia/Shanghai"
INSERT = (
    b"INSERT INTO readings (station, ts, pm10, source, stored_at, late)"
    b" VALUES (%s, %s, 50, 'json', %s, %s)"
)
DAY = 1440


@pytest.fixture
def conn(any_migrated_db: str) -> Iterator[Connection]:
    with connect(any_migrated_db, name="test") as conn:
        yield conn


def store(conn: Connection, station: str, minutes: Iterable[float], *, late: bool = False) -> None:
    for minute in minutes:
        at = BEGIN + timedelta(minutes=minute)
        conn.execute(INSERT, (station, at, at, late))


def table(
    conn: Connection, first_min: float, last_min: float, stations: list[str] | None = None
) -> dict[tuple[str, int], Any]:
    """By station and day of March: readings, late, minutes between, expected, received, in time."""
    asked = {
        "first": BEGIN + timedelta(minutes=first_min),
        "last": BEGIN + timedelta(minutes=last_min),
        "zone": ZONE,
        "stations": stations,
    }
    found = {}
    for station, day, readings, late, _, every_s, *shares in conn.execute(SQL.completeness, asked):
        assert day.replace(day=1) == date(2026, 3, 1)
        found[station, day.day] = (readings, late, every_s / 60, *(round(v, 3) for v in shares))
    return found


def test_each_by_its_own_interval(conn: Connection) -> None:
    """Half a day of minutes and a whole day of hours: one is half there, the other is whole."""
    store(conn, "MINUTE", range(1, 721))
    store(conn, "HOUR", range(60, DAY + 1, 60))
    found = table(conn, 0, DAY)
    assert found["MINUTE", 3] == (720, 0, 1, 1440, 720, 720)
    assert found["HOUR", 3] == (24, 0, 60, 24, 24, 24)


def test_a_silent_day_has_a_row(conn: Connection) -> None:
    """A day without a word is a day of which everything is missing, by what was usual; also where
    the whole span is silent."""
    store(conn, "S1", [*range(1, DAY + 1, 5), *range(2 * DAY + 1, 3 * DAY + 1, 5)])
    found = table(conn, 0, 3 * DAY, ["S1"])
    assert found["S1", 4] == (0, 0, 5, 288, 0, 0)
    assert found["S1", 3] == found["S1", 5]
    assert table(conn, DAY, 2 * DAY, ["S1"])["S1", 4] == (0, 0, 5, 288, 0, 0)


def test_before_its_first_word_nothing_is_missing(conn: Connection) -> None:
    """A station that was mounted at noon of the second day is expected from then on; one that
    never spoke, as often as the others."""
    store(conn, "OLD", range(1, 2 * DAY + 1))
    store(conn, "NEW", range(DAY + 721, 2 * DAY + 1))
    found = table(conn, 0, 2 * DAY, ["OLD", "NEW", "NEVER"])
    assert ("NEW", 3) not in found
    assert found["NEW", 4] == (720, 0, 1, 720, 720, 720)
    assert found["NEVER", 3][3:] == pytest.approx((1440, 0, 0), abs=1)
    assert found["OLD", 3][3:] == (1440, 1440, 1440)


def test_more_than_expected_is_no_more_than_whole(conn: Connection) -> None:
    """A day with twice as many does not make up for another that has none."""
    store(conn, "S1", [m / 2 for m in range(2, 2 * DAY + 1)])
    store(conn, "S1", range(DAY + 1, 3 * DAY + 1))
    found = table(conn, 0, 3 * DAY)
    assert found["S1", 3][0] > found["S1", 3][3] == found["S1", 3][4]


def test_late_readings_are_told_apart(conn: Connection) -> None:
    """They are received, and not in time."""
    store(conn, "S1", range(1, 721))
    store(conn, "S1", range(721, 1081), late=True)
    assert table(conn, 0, DAY)["S1", 3] == (1080, 360, 1, 1440, 1080, 720)


def test_days_are_local_and_cut_by_the_span(conn: Connection) -> None:
    """An hour on either side of midnight in Shanghai is of two days, each an hour long."""
    store(conn, "S1", range(-59, 61))
    found = table(conn, -60, 60)
    assert found["S1", 2] == (60, 0, 1, 60, 60, 60)
    assert found["S1", 3] == (60, 0, 1, 60, 60, 60)


def test_stations_of_nobody(conn: Connection) -> None:
    """Without a reading anywhere there is nothing to be complete."""
    assert table(conn, 0, DAY) == {}
    assert table(conn, 0, DAY, ["S1"]) == {}
