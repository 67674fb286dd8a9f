"""Nothing is forgotten while crews refuse, fall silent and break down; and what is, is found."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.dispatched import MONDAY, Dispatched, Script
from bench.forgotten import look
from dispatch.settings import DispatchSettings
from geo.district import load_district
from simulators.crews import CrewHabits
from store.database import Connection, connect

SETTINGS = DispatchSettings(iterations=5)
HOURS = 7


@pytest.fixture
def conn(migrated_embedded_db: str) -> Iterator[Connection]:
    """A fresh database."""
    with connect(migrated_embedded_db, name="test") as connection:
        yield connection


def test_nothing_is_forgotten_in_a_bad_morning(conn: Connection) -> None:
    """Of many episodes and complaints, with crews in trouble, each was answered and each must
    was done or told of; and the same logs with one line of them missing would not pass."""
    district = load_district(Path(__file__).parents[2] / "geo" / "data" / "xinghai")
    habits = CrewHabits(refusal=0.3, silence=0.2, breakdowns=2.0)
    script = Script(episodes=60.0, complaints=20.0)
    world = Dispatched(conn, district, SETTINGS, habits, script, MONDAY, seed=3)
    *_, now = world.run(HOURS * 60)
    found = look(conn, SETTINGS, now)
    assert found.forgotten == ()
    assert found.episodes > 10
    assert found.complaints > 2
    assert found.left_musts > 0
    assert found.begun_in_time > 0
    assert found.escalated_in_time > 0
    conn.execute("DELETE FROM matters WHERE ref = (SELECT min(ref) FROM matters)")
    assert any("no clock" in words for words in look(conn, SETTINGS, now).forgotten)
    conn.rollback()
    conn.execute("UPDATE concerns SET ref = NULL, place = NULL")
    assert any("nobody called" in words for words in look(conn, SETTINGS, now).forgotten)
    conn.rollback()
    conn.execute("DELETE FROM episode_log WHERE event IN ('order', 'reason')")
    conn.execute("UPDATE concerns SET ref = NULL")
    assert any("neither" in words for words in look(conn, SETTINGS, now).forgotten)
    conn.rollback()
    assert look(conn, SETTINGS, now + dt.timedelta(days=2)).forgotten  # what stands would hang
