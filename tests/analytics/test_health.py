from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from analytics.health import StationDay, complaints, station_days
from analytics.layout import Layout
from analytics.readings import COLUMNS, PM10, Readings
from analytics.runner import Analytics
from analytics.settings import STATION_KINDS, QualitySettings
from analytics.thresholds import as_toml, history, propose
from store.database import connect
from tests.analytics.streets import SETTINGS

BEGIN = datetime(2026, 3, 2, 16, tzinfo=UTC)  # midnight of the 3rd in Shanghai
INSERT = (
    b"INSERT INTO readings (station, ts, pm10, pm25, tsp, source, stored_at, late)"
    b" VALUES (%s, %s, %s, %s, %s, 'json', %s, %s)"
)


@pytest.fixture
def conn(migrated_embedded_db):
    with connect(migrated_embedded_db, name="test") as conn:
        yield conn


def store(conn, station, minutes, pm10=lambda m: 50 + m % 7, *, late=False):
    for m in minutes:
        at = BEGIN + timedelta(minutes=m)
        values = (pm10(m), 20 + m % 5, 90 + m % 11)
        conn.execute(INSERT, (station, at, *values, at, late))


def days_of(conn, hours=24):
    last = BEGIN + timedelta(hours=hours)
    return station_days(conn, BEGIN, last, "Asia/Shanghai")


def test_a_day_tells_what_is_missing_and_when_it_ended(conn):
    """Half a day of minutes is half missing, whatever came too late to count."""
    store(conn, "S1", range(1, 721))
    store(conn, "S1", range(900, 910), late=True)
    (day,) = days_of(conn)
    assert (day.station, day.day, day.readings) == ("S1", date(2026, 3, 3), 720)
    assert day.every_min == 1
    assert day.missing == pytest.approx(0.5)
    assert day.last_seen == BEGIN + timedelta(minutes=720)
    assert day.gain is None


def test_a_station_that_speaks_by_the_hour_misses_nothing(conn):
    """24 readings an hour apart are a whole day."""
    store(conn, "S1", range(60, 1441, 60))
    (day,) = days_of(conn)
    assert day.missing == pytest.approx(0.0, abs=0.05)


def test_days_are_the_districts_own(conn):
    """Readings on both sides of midnight in Shanghai are of two days; midnight's ends a day."""
    store(conn, "S1", range(-30, 30))
    found = station_days(
        conn, BEGIN - timedelta(hours=1), BEGIN + timedelta(hours=1), "Asia/Shanghai"
    )
    assert [(day.day.day, day.readings) for day in found] == [(2, 31), (3, 29)]


def test_flags_are_counted_by_reading_and_by_test(conn, street):
    """Two tests on one reading are one doubted reading, and each test has its share."""
    station = next(iter(street.stations))
    # Every tenth is negative, which also puts PM2.5 above PM10.
    store(conn, station, range(1, 201), lambda m: -5.0 if m % 10 == 0 else 50 + m % 7)
    conn.execute(
        b"INSERT INTO batches (kind, stored_at, min_ts, rows) VALUES ('readings', %s, %s, 1)",
        (BEGIN, BEGIN + timedelta(minutes=1)),
    )
    Analytics(street, SETTINGS).step(conn, BEGIN + timedelta(minutes=201))
    (day,) = days_of(conn)
    assert day.by_test["range"] == pytest.approx(0.1)
    assert day.by_test["order"] == pytest.approx(0.1)
    assert day.flagged == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("missing", "flagged", "gain", "wrong"),
    [
        (0.0, 0.0, 1.0, 0),
        (0.5, 0.0, None, 1),
        (0.0, 0.5, None, 1),
        (0.0, 0.0, 1.3, 1),
        (0.0, 0.0, 0.8, 1),
        (0.5, 0.5, 1.3, 3),
    ],
)
def test_what_asks_for_a_visit_is_said_with_numbers(missing, flagged, gain, wrong):
    """A station that is well has no remark; each thing that is wrong has one in both languages."""
    day = StationDay(
        "S1", date(2026, 3, 3), 720, BEGIN, 1.0, missing, flagged, {"flat": flagged}, gain
    )
    for language in ("zh-CN", "en"):
        said = complaints(day, language)
        assert len(said) == wrong
        assert all(any(c.isdigit() for c in words) for words in said)


def believed_days(jump):
    """Two stations, one beside a road and one away, that rise by `jump` once in 200 readings."""
    rng = np.random.default_rng(1)
    n = 30_000
    pm10 = 60 + rng.normal(0, 3, (2, n))
    pm10[0, ::200] += jump
    values = np.full((2 * n, len(COLUMNS)), np.nan)
    values[:, PM10] = pm10.ravel()
    ts_ms = np.tile(np.arange(1, n + 1) * 60_000, 2)
    readings = Readings(np.repeat([0, 1], n), ts_ms, values, np.full(2 * n, ord("N")))
    return [(readings, np.ones(2 * n, bool))]


KINDS = np.array([STATION_KINDS.index("road"), STATION_KINDS.index("background")])


def test_thresholds_lie_over_what_is_believed():
    """What is proposed lets pass what history had, and is lower where the air is calm."""
    road, away = propose(believed_days(200.0), KINDS)
    assert (road.kind, away.kind) == ("road", "background")
    assert 200 < road.values["spike_min"] < 400
    assert 200 < road.values["rate_max"] < 400
    assert away.values["spike_min"] <= 30
    assert away.values["rate_max"] <= 30


def test_short_history_proposes_nothing():
    """Under 20,000 readings of a kind there is no telling what is rare."""
    (readings, believed), *_ = believed_days(200.0)
    few = np.arange(len(readings)) % 30_000 < 1000
    assert propose([(readings[few], believed[few])], KINDS) == []


def test_proposed_lines_are_settings(street):
    """What is printed is TOML that the settings take."""
    import tomllib

    from roaddust.settings import settings

    lines = as_toml(propose(believed_days(200.0), KINDS), QualitySettings())
    taken = settings(given={}, district=tomllib.loads(lines)).analytics.quality
    assert taken.road.spike_min != QualitySettings().road.spike_min
    assert taken.site == QualitySettings().site


def test_history_leaves_out_what_was_doubted(conn, street):
    """Readings with a flag are not believed, others are."""
    station = next(iter(street.stations))
    store(conn, station, range(1, 11))
    conn.execute(
        b"INSERT INTO flags (station, ts, quantity, test, flag, reason)"
        b" VALUES (%s, %s, 'pm10', 'spike', 3, '')",
        (station, BEGIN + timedelta(minutes=4)),
    )
    layout = Layout.of(street, SETTINGS)
    blocks = list(history(conn, street, layout, BEGIN, BEGIN + timedelta(days=2)))
    (_, believed), (_, later) = blocks
    assert believed.tolist() == [True] * 3 + [False] + [True] * 6
    assert len(later) == 0
    assert street.timezone == ZoneInfo("Asia/Shanghai")
