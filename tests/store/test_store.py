from datetime import UTC, datetime, timedelta

import pytest

from store.database import abilities, connect
from store.meta import get_meta, put_meta
from store.migrate import migrate
from store.statements import statements
from store.upkeep import clean

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
READING = (
    b"INSERT INTO readings (station, ts, pm10, source, stored_at) VALUES ('A', %s, 1, 'json', %s)"
)
HYPERTABLES = (
    b"SELECT hypertable_name FROM timescaledb_information.hypertables ORDER BY hypertable_name"
)


def test_the_schema_comes_up_once_and_again(any_db):
    """The first call brings everything, the next finds nothing to do."""
    assert migrate(any_db) == [
        "0001_tables",
        "0002_hypertables",
        "0003_groups",
        "0004_progress_by_time",
        "0005_station_gains",
        "0006_street",
        "0007_life",
        "0008_unproven",
        "0009_alarms",
        "0010_previews",
        "0011_people",
        "0012_reports",
        "0013_completeness",
        "0014_outcome",
        "0015_eased",
        "0016_price",
    ]
    assert migrate(any_db) == []


def test_a_server_is_asked_what_it_has(migrated_embedded_db, migrated_timescale_db):
    """Plain PostgreSQL gets plain tables; TimescaleDB gets hypertables, and with the Apache
    licence of Debian's package no policies."""
    with connect(migrated_embedded_db, name="test") as conn:
        assert abilities(conn).words == "PostgreSQL"
    with connect(migrated_timescale_db, name="test") as conn:
        assert abilities(conn).words == "TimescaleDB (Apache)"
        tables = [row[0] for row in conn.execute(HYPERTABLES).fetchall()]
    assert tables == ["positions", "readings", "segment_forecasts", "segment_minutes"]


FORECAST = (
    b"INSERT INTO segment_forecasts (segment, ts, horizon_min, q10, q25, q50, q75, q90)"
    b" VALUES ('S', %s, 15, 1, 2, 3, 4, 5)"
)

FLAG = (
    b"INSERT INTO flags (station, ts, quantity, test, flag, reason)"
    b" VALUES ('A', %s, 'pm10', 'range', 4, 'negative')"
)
GAIN = b"INSERT INTO station_gains (station, ts, gain) VALUES ('A', %s, 1.1)"


def test_upkeep_forgets_old_measurements_and_nothing_else(any_migrated_db):
    """Readings older than is kept go, on hypertables by whole chunks, and with them their flags,
    gains and forecasts; younger ones stay."""
    with connect(any_migrated_db, name="test") as conn:
        for days in (0, 1, 29, 70, 400):
            conn.execute(READING, (NOW - timedelta(days=days), NOW))
            for statement in (FORECAST, FLAG, GAIN):
                conn.execute(statement, (NOW - timedelta(days=days),))
        conn.commit()
        clean(conn, NOW, keep=timedelta(days=30), lateness=timedelta(hours=48))
        for table in (b"readings", b"segment_forecasts", b"flags", b"station_gains"):
            kept = conn.execute(b"SELECT ts FROM " + table + b" ORDER BY ts DESC").fetchall()
            assert [(NOW - ts).days for (ts,) in kept] == [0, 1, 29]


def test_values_by_key_are_replaced(migrated_embedded_db):
    """One value a key, the newest."""
    with connect(migrated_embedded_db, name="test") as conn:
        assert get_meta(conn, "now") is None
        put_meta(conn, "now", {"now": NOW})
        put_meta(conn, "now", {"now": NOW + timedelta(minutes=1)})
        assert get_meta(conn, "now") == {"now": "2026-03-02T12:01:00Z"}


def test_every_statement_can_be_asked_for_by_name():
    """A name that is not there is an error that says so, not an empty query."""
    assert statements("outbox").listen.endswith(b"LISTEN roaddust_outbox;")
    with pytest.raises(AttributeError, match="no statement named 'lsiten'"):
        _ = statements("outbox").lsiten
