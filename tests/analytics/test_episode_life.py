"""What becomes of episodes on a real database: people's marks, groups, notices, late data."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from analytics.fold import advance
from analytics.runner import Analytics
from store.database import connect
from tests.analytics.streets import SETTINGS, START

EMPTY = (
    b"TRUNCATE readings, batches, segment_minutes, episodes, episode_log, flags, checkpoints,"
    b" outbox, notices"
)
INSERT = (
    b"INSERT INTO readings (station, ts, pm10, wind_speed, wind_dir, source, stored_at)"
    b" VALUES (%s, %s, %s, 2, 90, 'json', %s)"
)
BATCH = b"INSERT INTO batches (kind, stored_at, min_ts, rows) VALUES ('readings', %s, %s, %s)"
ROADS = ("R1", "R2", "R3", "R4")
CLEAN, DUSTY, WORSE = 40.0, 180.0, 320.0


def at(minute: int) -> datetime:
    return datetime.fromtimestamp((START + minute) * 60, UTC)


@pytest.fixture
def conn(migrated_embedded_db):
    with connect(migrated_embedded_db, name="test") as conn:
        conn.execute(EMPTY)
        conn.commit()
        yield conn


def tell(conn, first, last, pm10_of, stations=(*ROADS, "B1")):
    """Store readings of the minutes first..last: `pm10_of(station, minute)`, or None for none."""
    rows = [
        (station, at(minute), pm10_of(station, minute) + minute % 5 / 10, at(last))
        for minute in range(first, last + 1)
        for station in stations
        if pm10_of(station, minute) is not None
    ]
    with conn.cursor() as cursor:
        cursor.executemany(INSERT, rows)
    conn.execute(BATCH, (at(last), at(first), len(rows)))
    conn.commit()


def dusty(*spans, stations=("R1",)):
    """PM10 that is `level` at the stations in each span (first, last, level), else clean."""

    def pm10(station, minute):
        found = [level for a, b, level in spans if a <= minute <= b and station in stations]
        return found[0] if found else CLEAN

    return pm10


def one(conn):
    """The first episode of the quick rule on S1."""
    return conn.execute(
        b"SELECT min(id) FROM episodes WHERE segment = 'S1' AND rule = 'inc15'"
    ).fetchone()[0]


def story(conn):
    """Events of its log, in order."""
    rows = conn.execute(
        b"SELECT event FROM episode_log WHERE episode = %s ORDER BY id", (one(conn),)
    )
    return [event for (event,) in rows]


def mark(conn, minute, *, shelve_min=None):
    """Acknowledge, and shelve if asked."""
    until = None if shelve_min is None else at(minute) + timedelta(minutes=shelve_min)
    conn.execute(
        b"UPDATE episodes SET acknowledged_by = 'li', acknowledged_at = %s, shelved_until = %s"
        b" WHERE id = %s",
        (at(minute), until, one(conn)),
    )
    conn.commit()


def standing(conn):
    return conn.execute(
        b"SELECT state, level, acknowledged_by, shelved_until FROM episodes WHERE id = %s",
        (one(conn),),
    ).fetchone()


def test_what_was_acknowledged_waits_anew_once_it_comes_back(conn, street):
    """An acknowledged episode that closes stays seen; reopened within half an hour it has the same
    id and nobody has seen it. Working it out again does not forget who sees it afterwards."""
    analytics = Analytics(street, SETTINGS)
    tell(conn, 1, 120, dusty((31, 50, DUSTY), (85, 120, DUSTY)))
    analytics.step(conn, at(45))
    mark(conn, 45)
    analytics.step(conn, at(80))
    assert standing(conn)[0] == "closed"
    assert standing(conn)[2] == "li"
    analytics.step(conn, at(100))
    assert standing(conn)[0] == "active"
    assert standing(conn)[2] is None
    assert story(conn)[-2:] == ["reopened", "unacknowledged"]
    mark(conn, 100)
    tell(conn, 5, 5, lambda station, minute: CLEAN, stations=("P1",))
    analytics.step(conn, at(101))
    assert standing(conn)[2] == "li"
    ids = conn.execute(b"SELECT count(*) FROM episodes WHERE segment = 'S1' AND rule = 'inc15'")
    assert ids.fetchone() == (1,)


def test_what_gets_worse_than_ever_waits_anew(conn, street):
    """Level 2 acknowledged, level 3 is not."""
    analytics = Analytics(street, SETTINGS)
    tell(conn, 1, 90, dusty((1, 40, 260.0), (41, 90, 500.0)))
    analytics.step(conn, at(35))
    assert standing(conn)[:2] == ("active", 2)
    mark(conn, 35)
    analytics.step(conn, at(90))
    assert standing(conn)[:3] == ("active", 3, None)
    assert "unacknowledged" in story(conn)


def test_a_shelf_has_an_end(conn, street):
    """When its time is over a shelved episode is back and waits for somebody, whether or not
    anything else has happened, and the world is told once."""
    analytics = Analytics(street, SETTINGS)
    tell(conn, 1, 60, dusty((1, 60, DUSTY)))
    analytics.step(conn, at(40))
    mark(conn, 40, shelve_min=15)
    analytics.step(conn, at(54))
    assert standing(conn)[2:] == ("li", at(55))
    conn.execute(b"TRUNCATE outbox")
    conn.commit()
    analytics.step(conn, at(55))
    assert standing(conn)[2:] == (None, None)
    assert story(conn)[-1] == "unshelved"
    told = b"SELECT count(*) FROM outbox WHERE topic = %s"
    assert conn.execute(told, (f"down/episodes/{one(conn)}",)).fetchone() == (1,)
    analytics.step(conn, at(56))
    assert story(conn).count("unshelved") == 1


def test_late_data_can_deny_that_it_came_back(conn, street):
    """An episode that was open again on hearsay is closed again at its old end, and says so."""
    analytics = Analytics(street, SETTINGS)
    tell(conn, 1, 120, dusty((31, 50, DUSTY), (85, 120, DUSTY)))
    analytics.step(conn, at(80))
    of_one = b"SELECT ended_at, level, peak, peak_at, causes, grp FROM episodes WHERE id = %s"
    closed = conn.execute(of_one, (one(conn),)).fetchone()
    analytics.step(conn, at(100))
    assert standing(conn)[0] == "active"
    conn.execute(b"UPDATE readings SET pm10 = 40 WHERE station = 'R1' AND ts > %s", (at(60),))
    conn.execute(BATCH, (at(100), at(82), 1))
    conn.commit()
    conn.execute(b"TRUNCATE outbox")
    analytics.step(conn, at(101))
    assert standing(conn)[0] == "closed"
    assert conn.execute(of_one, (one(conn),)).fetchone() == closed
    assert story(conn)[-2:] == ["reopened", "closed"]
    last = b"SELECT payload FROM outbox WHERE topic = %s ORDER BY id DESC LIMIT 1"
    assert conn.execute(last, (f"down/episodes/{one(conn)}",)).fetchone() == (b"",)


def test_neighbours_with_one_cause_are_one_group(conn, street):
    """Two streets that meet and are dusty together are one group with both their episodes; when all
    is over there is none."""
    analytics = Analytics(street, SETTINGS)
    tell(conn, 1, 150, dusty((1, 40, WORSE), stations=("R3", "R4")))
    analytics.step(conn, at(30))
    (group,) = conn.execute(
        b"SELECT id, level, cause, members, places FROM episode_groups"
    ).fetchall()
    ids = conn.execute(b"SELECT id FROM episodes WHERE state <> 'closed' AND level > 0")
    assert set(group[3]) == {one for (one,) in ids}
    assert group[1:3] == (2, "road")
    assert group[4] == ["S3", "S4"]
    restarted = Analytics(street, SETTINGS)
    restarted.step(conn, at(31))
    assert conn.execute(b"SELECT id FROM episode_groups").fetchall() == [(group[0],)]
    restarted.step(conn, at(150))
    assert conn.execute(b"SELECT id FROM episode_groups").fetchall() == []


def test_haze_is_one_notice_however_often_it_is_worked_out(conn, street):
    """Hours of haze everywhere: one notice, no episode; late readings do not make a second."""
    analytics = Analytics(street, SETTINGS)
    tell(conn, 1, 420, lambda station, minute: 180.0 if minute <= 240 else 60.0)
    analytics.step(conn, at(240))
    notices = b"SELECT kind, started_at, ended_at FROM notices"
    assert conn.execute(notices).fetchall() == [("haze", at(180), None)]
    tell(conn, 100, 100, lambda station, minute: 180.0, stations=("P1",))
    analytics.step(conn, at(241))
    assert conn.execute(notices).fetchall() == [("haze", at(180), None)]
    analytics.step(conn, at(420))
    ((_, _, ended),) = conn.execute(notices).fetchall()
    assert ended is not None
    assert conn.execute(b"SELECT count(*) FROM episodes").fetchone() == (0,)


def test_sand_dust_that_has_eased_comes_back_with_late_readings(conn, street):
    """When a notice eased is kept, and taken back when the hours before are worked out again."""
    analytics = Analytics(street, SETTINGS)
    tell(conn, 1, 660, lambda station, minute: 60.0 if minute <= 360 else 400.0)
    notices = b"SELECT kind, started_at, eased_at, ended_at FROM notices"
    analytics.step(conn, at(480))
    assert conn.execute(notices).fetchall() == [("sand_dust", at(420), None, None)]
    analytics.step(conn, at(660))
    eased = [("sand_dust", at(420), at(600), None)]
    assert conn.execute(notices).fetchall() == eased
    tell(conn, 500, 500, lambda station, minute: 400.0, stations=("P1",))
    analytics.step(conn, at(661))
    assert conn.execute(notices).fetchall() == eased


def test_an_estimated_episode_says_so(conn, street, monkeypatch):
    """Row and log of an episode say whether it is measured or estimated, and how surely."""

    def guessed(*arguments):
        state, minutes = advance(*arguments)
        told = [replace(c, measured=False, confidence=0.423) for c in minutes.episodes]
        return state, replace(minutes, episodes=told)

    analytics = Analytics(street, SETTINGS)
    tell(conn, 1, 60, dusty((1, 60, DUSTY)))
    analytics.step(conn, at(40))
    first = b"SELECT measured FROM episodes WHERE id = %s"
    assert conn.execute(first, (one(conn),)).fetchone() == (True,)
    monkeypatch.setattr("analytics.history.advance", guessed)
    tell(conn, 61, 120, dusty())
    analytics.step(conn, at(120))
    assert conn.execute(first, (one(conn),)).fetchone() == (False,)
    log = b"SELECT event, detail FROM episode_log WHERE episode = %s ORDER BY id"
    lines = dict(conn.execute(log, (one(conn),)).fetchall())
    assert lines["opened"]["measured"]
    assert "confidence" not in lines["opened"]
    assert (lines["closed"]["measured"], lines["closed"]["confidence"]) == (False, 0.42)
