"""Batches into the tables, on plain PostgreSQL and on TimescaleDB."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from ingest.arrivals import Arrival
from ingest.batch import Batch
from ingest.hj212 import Frame, build
from ingest.settings import IngestSettings
from ingest.topics import Topics
from ingest.writing import Written, write
from store.database import Connection, connect
from tests.ingest.conftest import NOW, NOW_MS, REGISTRY, Store

READINGS = "stations/S1/readings"
TOPICS = Topics(REGISTRY, 1000)
Message = tuple[str, Any]


@pytest.fixture
def store(any_migrated_db: str) -> Store:
    return Store(any_migrated_db)


@pytest.fixture
def conn(store: Store) -> Iterator[Connection]:
    with connect(store.dsn, name="test", autocommit=True) as conn:
        yield conn


def batch_of(*messages: Message) -> Batch:
    batch = Batch(TOPICS, IngestSettings(), NOW_MS * 1000, lockstep=False)
    for topic, payload in messages:
        if not isinstance(payload, bytes):
            payload = json.dumps(payload).encode()
        batch.add(Arrival(f"up/{topic}", payload, 1, 1, 1))
    return batch


def put(conn: Connection, *messages: Message) -> Written:
    with conn.transaction():
        return write(conn, batch_of(*messages))


def reading(second: int, pm10: float, **more: Any) -> dict[str, Any]:
    return {"ts": NOW_MS + 1000 * second, "pm10": pm10} | more


EVENT = {"ts": NOW_MS, "kind": "mud_on_road", "id": "E1", "media": {"a": [1]}, "count": 2}
ONE_OF_EACH: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("readings", READINGS, reading(0, 1), {"rh": 5}),
    ("readings", READINGS, reading(0, 1, status="D", no2=4), {"no2": 5}),
    ("events", "cameras/C1/events", EVENT, {"media": {"a": [2]}}),
    ("events", "drones/D1/events", EVENT, {"kind": "dust_plume"}),
    (
        "positions",
        "crews/K1/position",
        {"ts": NOW_MS, "lon": 113.9, "lat": 22.5, "state": "working"},
        {"lat": 22.6},
    ),
    (
        "progress",
        "crews/K1/progress",
        {"ts": NOW_MS, "order": "O1", "event": "done", "photos": ["a"]},
        {"water_l": 5},
    ),
    (
        "reports",
        "reports/app",
        {"ts": NOW_MS, "id": "R1", "text": "灰", "segment": "XH01", "kind": "dust"},
        {"text": "尘"},
    ),
]


@pytest.mark.parametrize(("kind", "topic", "item", "other"), ONE_OF_EACH)
def test_once_and_conflict(
    conn: Connection,
    store: Store,
    kind: str,
    topic: str,
    item: dict[str, Any],
    other: dict[str, Any],
) -> None:
    """The same again is stored once; the same identity with other values is a dead letter."""
    assert put(conn, (topic, item)).stored == {kind: 1}
    again = put(conn, (topic, item))
    assert (again.stored[kind], again.duplicates[kind], again.dead) == (0, 1, {})
    conflict = put(conn, (topic, item | other), (topic, item))
    assert (conflict.stored[kind], conflict.duplicates[kind]) == (0, 1)
    assert conflict.dead == {"conflict": 1}
    assert store.one(f"SELECT count(*) FROM {kind}") == 1
    ((letter, letter_topic),) = store.rows("SELECT payload, topic FROM dead_letters")
    assert json.loads(letter) == item | other
    assert letter_topic == f"up/{topic}"


@pytest.mark.parametrize(("kind", "topic", "item", "other"), ONE_OF_EACH)
def test_conflict_within_a_batch(
    conn: Connection,
    store: Store,
    kind: str,
    topic: str,
    item: dict[str, Any],
    other: dict[str, Any],
) -> None:
    """Within one batch the first stays, its repeat is a duplicate, the other one a dead letter."""
    written = put(conn, (topic, item), (topic, item | other), (topic, item))
    assert (written.stored[kind], written.duplicates[kind]) == (1, 1)
    assert written.dead == {"conflict": 1}
    assert store.letters() == ["conflict"]


def test_every_column(conn: Connection, store: Store) -> None:
    """A whole reading comes back as it went in."""
    values = {
        name: 1.5 + n
        for n, name in enumerate(
            [
                "pm10",
                "pm25",
                "tsp",
                "temp",
                "rh",
                "pressure",
                "wind_speed",
                "wind_dir",
                "rain",
                "noise",
            ]
        )
    }
    put(conn, (READINGS, {"ts": NOW_MS, "status": "M", "no2": 4, "o3": 0.5} | values))
    columns = ", ".join(values)
    ((*stored, station, ts, status, extra, source, stored_at, late),) = store.rows(
        f"SELECT {columns}, station, ts, status::text, extra, source, stored_at, late FROM readings"
    )
    assert stored == list(values.values())
    assert (station, ts, status, source, stored_at, late) == ("S1", NOW, "M", "json", NOW, False)
    assert extra == {"no2": 4, "o3": 0.5}


def frame(command: int, pm10: int) -> bytes:
    """Data of one and the same time."""
    suffix = "Rtd" if command == 2011 else "Avg"
    body = (("DataTime", "20260301160000"),), ((f"a34002-{suffix}", str(pm10)),)
    return build(Frame(st=22, cn=command, mn="A", flag=4, body=body))


def test_means_beside_real_time_values(conn: Connection, store: Store) -> None:
    """Of data of several kinds for one time the first stays and the others are duplicates; only
    other values of the same kind are in conflict."""
    commands = 2011, 2051, 2061, 2031
    written = put(conn, *[(READINGS, frame(command, command)) for command in commands])
    assert (written.stored["readings"], written.duplicates["readings"]) == (1, 3)
    assert not written.dead
    assert store.readings() == [(0, 2011)]
    assert put(conn, (READINGS, frame(2011, 5))).dead == {"conflict": 1}


def test_hours_alone(conn: Connection, store: Store) -> None:
    """A station that sends hours only has them stored, and they say what they are."""
    put(conn, (READINGS, frame(2061, 80)))
    assert store.rows("SELECT pm10, extra FROM readings") == [(80, {"CN": 2061})]
    again = put(conn, (READINGS, frame(2061, 80)), (READINGS, frame(2061, 81)))
    assert again.duplicates["readings"] == 1
    assert again.dead == {"conflict": 1}


def test_a_conflict_in_an_array(conn: Connection, store: Store) -> None:
    """Of an array only the item in conflict is a dead letter, cut out and with its place."""
    put(conn, (READINGS, reading(1, 10)))
    put(conn, (READINGS, [reading(n, n) for n in range(3)]))
    assert store.readings() == [(0, 0), (1, 10), (2, 2)]
    ((part, payload),) = store.rows("SELECT part, payload FROM dead_letters")
    assert (part, json.loads(payload)) == (1, reading(1, 1))


def test_a_redelivered_dead_letter_is_one(conn: Connection, store: Store) -> None:
    """However often it comes, it is kept once, whole."""
    for _ in range(2):
        put(conn, (READINGS, b"\xff\0not json"), (READINGS, b"\xff\0not json"))
    ((payload, reason, detail, at),) = store.rows(
        "SELECT payload, reason, detail, received_at FROM dead_letters"
    )
    assert (payload, reason, at) == (b"\xff\0not json", "json", NOW)
    assert "not JSON" in detail


def test_later_stages_are_told(conn: Connection, store: Store) -> None:
    """A batch is one row per kind with its earliest time, and one notification."""
    with psycopg.connect(store.dsn, autocommit=True) as listener:
        listener.execute("LISTEN roaddust_batches")
        put(conn, (READINGS, [reading(5, 1), reading(3, 1)]), ("cameras/C1/events", EVENT))
        put(conn, (READINGS, reading(3, 1)))  # nothing new
        put(conn, (READINGS, b"x"))
        put(conn, (READINGS, [reading(3, 1), reading(9, 1), reading(8, 1)]))
        assert len(list(listener.notifies(timeout=0.5, stop_after=3))) == 2
    assert store.rows("SELECT kind, min_ts, rows, stored_at FROM batches ORDER BY id") == [
        ("readings", NOW + timedelta(seconds=3), 2, NOW),
        ("events", NOW, 1, NOW),
        ("readings", NOW + timedelta(seconds=8), 2, NOW),
    ]


@pytest.mark.parametrize("repeat", [False, True])
def test_old_readings_change_no_results(conn: Connection, store: Store, *, repeat: bool) -> None:
    """Older than `lateness` is stored and marked; later stages are told of the rest only."""
    old = -49 * 3600
    put(conn, (READINGS, [reading(old, 1), reading(0, 1), *([reading(0, 1)] * repeat)]))
    put(conn, (READINGS, [reading(old - 60, 1), *([reading(0, 1)] * repeat)]))
    assert store.rows("SELECT late FROM readings ORDER BY ts") == [(True,), (True,), (False,)]
    assert store.rows("SELECT min_ts, rows FROM batches") == [(NOW, 1)]


def test_what_the_database_refuses(conn: Connection, store: Store) -> None:
    """A value that no column takes is a dead letter by itself; its neighbours are stored."""
    conn.execute("ALTER TABLE events ADD CHECK (id <> 'bad')")
    messages = [("cameras/C1/events", EVENT | {"id": f"good{n}"}) for n in range(7)]
    messages.insert(4, ("cameras/C1/events", EVENT | {"id": "bad"}))
    written = put(conn, *messages)
    assert written.stored == {"events": 7}
    assert written.dead == {"database": 1}
    assert json.loads(store.one("SELECT payload FROM dead_letters"))["id"] == "bad"
    assert store.one("SELECT rows FROM batches") == 7


def test_deeply_nested_json(conn: Connection, store: Store) -> None:
    """What the decoder takes, the database takes."""
    nested = json.loads("[" * 500 + "]" * 500)
    put(conn, ("cameras/C1/events", EVENT | {"media": nested}))
    assert store.one("SELECT media FROM events") == nested


def test_writing_a_batch_again(conn: Connection, store: Store) -> None:
    """A batch whose commit was lost is written again with the same outcome."""
    batch = batch_of((READINGS, [reading(0, 1), reading(0, 2), {}]))
    with conn.transaction(force_rollback=True):
        first = write(conn, batch)
    assert first.dead == {"missing": 1, "conflict": 1}
    assert store.readings() == []
    with conn.transaction():
        assert write(conn, batch) == first
    assert store.readings() == [(0, 1)]
    assert store.letters() == ["conflict", "missing"]


def test_thousands_of_repeats(conn: Connection, store: Store) -> None:
    """A batch that comes again, with some new ones among it, is stored once."""
    messages = [(READINGS, [reading(-100 * m - n, n) for n in range(100)]) for m in range(30)]
    put(conn, *messages[:20])
    again = put(conn, *messages)
    assert (again.stored["readings"], again.duplicates["readings"]) == (1000, 2000)
    assert store.one("SELECT count(*) FROM readings") == 3000
