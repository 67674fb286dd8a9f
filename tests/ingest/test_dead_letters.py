"""What was refused, taken in again after a fix."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ingest.arrivals import Arrival
from ingest.batch import Batch
from ingest.instants import microseconds
from ingest.registry import Registry, StationFacts
from ingest.settings import IngestSettings
from ingest.topics import Topics
from ingest.writing import write
from roaddust.cli import app
from roaddust.deadletters import NoSuchLetter, Retried, Retry, letter, numbers
from store.database import Connection, connect
from tests.ingest.conftest import NOW, NOW_MS, REGISTRY
from tests.street import write_street

LATE_MS = NOW_MS - 72 * 3_600_000
FIXED = Registry(stations={**REGISTRY.stations, "NEW": StationFacts()}, crews=REGISTRY.crews)


@pytest.fixture
def conn(migrated_embedded_db: str) -> Iterator[Connection]:
    """A connection as the command has one."""
    with connect(migrated_embedded_db, name="test") as conn:
        yield conn


def take(conn: Connection, topic: str, payload: Any, registry: Registry = REGISTRY) -> None:
    """Let a message in, the usual way."""
    settings = IngestSettings()
    batch = Batch(Topics(registry, settings.items), settings, microseconds(NOW), lockstep=False)
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    batch.add(Arrival(topic, body, 1, 1, 1))
    with conn.transaction():
        write(conn, batch)
    conn.commit()


def retry(conn: Connection, registry: Registry = FIXED, now: datetime = NOW) -> list[Retried]:
    """All letters there are."""
    wanted = numbers(conn, reason=None, topic=None)
    return list(Retry(registry, IngestSettings()).each(conn, wanted, now))


def stored(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute(b"SELECT station, pm10, late FROM readings ORDER BY ts").fetchall()


def test_a_station_that_has_been_added(conn: Connection) -> None:
    """What was refused because nobody knew its station is stored once somebody does; the letter
    is gone, later stages are woken, and another retry finds nothing."""
    for n in range(3):
        take(conn, "up/stations/NEW/readings", {"ts": NOW_MS + n, "pm10": n})
    assert [one.became for one in retry(conn, REGISTRY)] == ["refused"] * 3
    assert [(one.became, one.stored) for one in retry(conn)] == [("stored", 1)] * 3
    assert [pm10 for _, pm10, _ in stored(conn)] == [0, 1, 2]
    assert conn.execute(b"SELECT sum(rows) FROM batches").fetchall() == [(3,)]
    assert retry(conn) == []


def test_what_is_refused_again_is_the_same_letter(conn: Connection) -> None:
    """It stays under its number, with what is wrong with it now and when it was tried."""
    take(conn, "up/stations/NEW/readings", {"ts": NOW_MS, "pm10": "much"})
    (number,) = numbers(conn, reason="unknown_id", topic=None)
    ((id_, became, *_, reason, detail),) = retry(conn)
    assert (id_, became, reason) == (number, "refused", "type")
    kept = letter(conn, number)
    assert (kept.reason, kept.detail, kept.retried_at) == ("type", detail, NOW)
    assert "pm10" in detail
    assert [one.id for one in retry(conn)] == [number]


def test_an_item_of_an_array(conn: Connection) -> None:
    """A letter that is one item of an array stays that item's, however often it is tried."""
    take(conn, "up/stations/S1/readings", [{"ts": NOW_MS, "pm10": 1}, {"ts": "never", "pm10": 2}])
    before = conn.execute(b"SELECT id, part, digest FROM dead_letters").fetchall()
    assert [one.became for one in retry(conn)] == ["refused"]
    assert [one.became for one in retry(conn)] == ["refused"]
    assert conn.execute(b"SELECT id, part, digest FROM dead_letters").fetchall() == before


def test_an_array_of_which_a_part_is_good(conn: Connection) -> None:
    """Of a whole array that was refused the good items are stored, each bad one is a letter."""
    items: list[dict[str, Any]] = [{"ts": NOW_MS + n, "pm10": n} for n in range(5)]
    items[3] = {"pm10": 3}
    take(conn, "up/stations/NEW/readings", items)
    (one,) = retry(conn)
    assert (one.became, one.stored, one.refused) == ("in_part", 4, 1)
    assert conn.execute(b"SELECT part, reason FROM dead_letters").fetchall() == [(3, "missing")]
    assert [pm10 for _, pm10, _ in stored(conn)] == [0, 1, 2, 4]


def test_what_is_stored_already(conn: Connection) -> None:
    """The device has sent it again meanwhile: the letter is over, nothing is stored twice."""
    take(conn, "up/stations/NEW/readings", {"ts": NOW_MS, "pm10": 7})
    take(conn, "up/stations/NEW/readings", {"ts": NOW_MS, "pm10": 7}, FIXED)
    assert [(one.became, one.duplicates) for one in retry(conn)] == [("duplicate", 1)]
    assert len(stored(conn)) == 1
    assert retry(conn) == []


def test_a_conflict_stays(conn: Connection) -> None:
    """Other values for what is stored are refused again, as one letter under its own number."""
    take(conn, "up/stations/S1/readings", {"ts": NOW_MS, "pm10": 7})
    take(conn, "up/stations/S1/readings", {"ts": NOW_MS, "pm10": 8})
    (number,) = numbers(conn, reason="conflict", topic=None)
    (one,) = retry(conn)
    assert (one.id, one.became, one.reason) == (number, "refused", "conflict")
    assert conn.execute(b"SELECT count(*) FROM dead_letters").fetchall() == [(1,)]
    assert [pm10 for _, pm10, _ in stored(conn)] == [7]


def test_what_is_late_by_now(conn: Connection) -> None:
    """A letter older than `lateness` is stored and marked, and that is said."""
    take(conn, "up/stations/NEW/readings", {"ts": LATE_MS, "pm10": 7})
    assert [(one.became, one.late) for one in retry(conn)] == [("stored", 1)]
    assert stored(conn) == [("NEW", 7, True)]


def test_letters_are_chosen(conn: Connection) -> None:
    """By reason and by the beginning of their topic, which is no pattern."""
    take(conn, "up/stations/NEW/readings", {"ts": NOW_MS, "pm10": 1})
    take(conn, "up/stations/NEW2/readings", {"ts": NOW_MS, "pm10": 1})
    take(conn, "up/stations/S1/readings", b"no JSON")
    assert len(numbers(conn, reason="unknown_id", topic=None)) == 2
    assert len(numbers(conn, reason=None, topic="up/stations/NEW/")) == 1
    assert len(numbers(conn, reason="json", topic="up/stations/NEW/")) == 0
    assert len(numbers(conn, reason=None, topic="up/stations/%")) == 0


def test_a_number_that_is_none(conn: Connection) -> None:
    """Who mistypes a number is told, and what came before it is done."""
    take(conn, "up/stations/NEW/readings", {"ts": NOW_MS, "pm10": 1})
    (number,) = numbers(conn, reason=None, topic=None)
    again = Retry(FIXED, IngestSettings()).each(conn, [number, 99], NOW)
    assert next(again).became == "stored"
    with pytest.raises(NoSuchLetter, match="99"):
        next(again)
    assert len(stored(conn)) == 1


def test_the_command(tmp_path: Path, conn: Connection, migrated_embedded_db: str) -> None:
    """`dead-letters retry` says of each what became of it, and fails while any stays."""
    folder = write_street(tmp_path / "street")
    take(conn, "up/stations/R1/readings", {"ts": NOW_MS, "pm10": 7})
    take(conn, "up/stations/R1/readings", b"no JSON", Registry(stations={"R1": StationFacts()}))
    command = ["dead-letters", "retry", "--district", str(folder), "--db", migrated_embedded_db]
    found = CliRunner().invoke(app, [*command, "--topic", "up/"])
    assert found.exit_code == 1
    assert "1  入库 stored 1" in found.stdout
    assert "2  仍被拒 refused again: json" in found.stdout
    assert CliRunner().invoke(app, [*command, "1"]).exit_code == 1
    assert CliRunner().invoke(app, command).exit_code == 2
    assert CliRunner().invoke(app, [*command, "--reason", "unknown_id"]).exit_code == 0
