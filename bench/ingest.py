"""How fast messages become rows, beside what paho and COPY can do at most.

    python -m bench.ingest [--broker mosquitto|nats] [--plain] [--messages 20000] [--rounds 3]

Three figures, each beside its limit, measured in the same run; the best of the rounds:

one      one reading a message, QoS 1: messages/s from the broker's full queue to the last
         acknowledgement, beside a bare paho subscriber that only acknowledges
hundred  a hundred readings a message: rows/s, beside binary COPY of the same rows from memory
tick     lockstep: from publishing a reading and a tick until `on_clock` is called, beside the
         same two messages to a bare paho subscriber
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from broker.connection import Address, client
from ingest.arrivals import Arrival
from ingest.batch import Batch
from ingest.registry import Registry, StationFacts
from ingest.runner import Ingest
from ingest.settings import IngestSettings
from ingest.tables import TABLES
from ingest.topics import Topics
from ingest.writing import write
from roaddust.embedded import EmbeddedBroker, EmbeddedPostgres
from store.database import connect
from store.migrate import migrate
from tests.services import Mosquitto, Timescale, fresh_database

PREFIX = "roaddust/v1/"
STATIONS = [f"S{n:03}" for n in range(100)]
REGISTRY = Registry(dict.fromkeys(STATIONS, StationFacts()))
SETTINGS = IngestSettings()
START_MS = time.time_ns() // 1_000_000 - 24 * 3_600_000
TICKS = 300

Message = tuple[str, bytes]


def now() -> datetime:
    return datetime.now(UTC)


def reading(n: int) -> dict[str, Any]:
    """A station's reading with nine values."""
    return {
        "ts": START_MS + n,
        "pm10": 80 + n % 50 + 0.5,
        "pm25": 40 + n % 20 + 0.25,
        "tsp": 150.5,
        "temp": 21.5,
        "rh": 55.5,
        "wind_speed": 2.5,
        "wind_dir": n % 360,
        "noise": 61.5,
        "rain": 0,
    }


def messages(count: int, per_message: int) -> list[Message]:
    made = []
    for n in range(count):
        first = n * per_message
        items = [reading(first + k) for k in range(per_message)]
        payload = msgspec.json.encode(items if per_message > 1 else items[0])
        made.append((f"up/stations/{STATIONS[n % len(STATIONS)]}/readings", payload))
    return made


def publish(address: Address, sent: list[Message]) -> None:
    """Into the sessions that wait; returns once the broker has all of it."""
    sender = client(address, "bench-sender", persistent=False)
    sender.connect(address.host, address.port)
    sender.loop_start()
    for topic, payload in sent:
        info = sender.publish(PREFIX + topic, payload, 1)
    info.wait_for_publish(300)
    sender.disconnect()
    sender.loop_stop()


def new_session(address: Address, client_id: str) -> None:
    """A session that keeps what is sent from now on; one of that name before it is forgotten."""
    for persistent in (False, True):
        made = client(address, client_id, persistent=persistent)
        subscribed = threading.Event()
        made.on_subscribe = lambda *_, done=subscribed: done.set()
        made.connect(address.host, address.port)
        made.loop_start()
        if persistent:
            made.subscribe(f"{PREFIX}up/#", 1)
            subscribed.wait(10)
        made.disconnect()
        made.loop_stop()


def bare(address: Address, sent: list[Message]) -> float:
    """Messages/s of a paho subscriber that does nothing but acknowledge."""
    new_session(address, "bench-bare")
    publish(address, sent)
    done = threading.Event()
    left = [len(sent)]

    def count(*_: object) -> None:
        left[0] -= 1
        if not left[0]:
            done.set()

    subscriber = client(address, "bench-bare", persistent=True)
    subscriber.on_message = count
    began = time.perf_counter()
    subscriber.connect(address.host, address.port)
    subscriber.loop_start()
    done.wait(300)
    seconds = time.perf_counter() - began
    subscriber.disconnect()
    subscriber.loop_stop()
    return len(sent) / seconds


def through(dsn: str, address: Address, sent: list[Message], rows: int) -> float:
    """Messages/s through ingest into an empty table."""
    new_session(address, SETTINGS.client_id)
    publish(address, sent)
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("TRUNCATE readings, batches")
    ingest = Ingest(dsn, address, PREFIX, REGISTRY, SETTINGS, now)
    began = time.perf_counter()
    ingest.start()
    while ingest.counters.messages < len(sent) or ingest.in_hand:
        if ingest.failure is not None:
            raise ingest.failure
        time.sleep(0.001)
    seconds = time.perf_counter() - began
    ingest.stop()
    if ingest.counters.stored.total() != rows:
        raise RuntimeError(f"{ingest.counters}")
    return len(sent) / seconds


def parts(dsn: str, sent: list[Message]) -> tuple[float, float, float]:
    """Rows/s of COPY alone, of decoding alone, and of writing decoded batches."""
    topics = Topics(REGISTRY, SETTINGS.items)
    arrivals = [Arrival(topic, payload, 1, 1, 1) for topic, payload in sent]
    began = time.perf_counter()
    batches: list[Batch] = []
    for arrival in arrivals:
        if not batches or batches[-1].size >= SETTINGS.batch_rows:
            batches.append(Batch(topics, SETTINGS, time.time_ns() // 1000, lockstep=False))
        batches[-1].add(arrival)
    decoding = time.perf_counter() - began
    rows = sum(batch.size for batch in batches)
    table = TABLES["readings"]
    with connect(dsn, name="bench", autocommit=True) as conn:
        conn.execute("TRUNCATE readings, batches")
        began = time.perf_counter()
        for batch in batches:
            with conn.transaction(), conn.cursor() as cursor, cursor.copy(table.copy) as copy:
                copy.set_types(table.types)
                for row in batch.tables["readings"].rows:
                    copy.write_row(row)
        copying = time.perf_counter() - began
        conn.execute("TRUNCATE readings, batches")
        began = time.perf_counter()
        for batch in batches:
            with conn.transaction():
                write(conn, batch)
        writing = time.perf_counter() - began
    return rows / copying, rows / decoding, rows / writing


def ticks(dsn: str, address: Address, *, ingesting: bool) -> float:
    """Median milliseconds of a tick with one reading before it."""
    ticked = threading.Event()
    client_id = SETTINGS.client_id if ingesting else "bench-ticks"
    new_session(address, client_id)
    stop: Callable[[], object]
    clock = [now()]
    if ingesting:

        def on_clock(time_: datetime) -> None:
            clock[0] = time_
            ticked.set()

        with psycopg.connect(dsn, autocommit=True) as conn:
            conn.execute("TRUNCATE readings, batches")
        ingest = Ingest(dsn, address, PREFIX, REGISTRY, SETTINGS, lambda: clock[0], on_clock)
        ingest.start()
        stop = ingest.stop
    else:
        subscriber = client(address, client_id, persistent=True)
        subscriber.on_message = lambda _c, _u, message: (
            ticked.set() if message.topic.endswith("clock") else None
        )
        subscriber.connect(address.host, address.port)
        subscriber.loop_start()
        stop = subscriber.loop_stop
    sender = client(address, "bench-sender", persistent=False)
    sender.connect(address.host, address.port)
    sender.loop_start()
    took = []
    for n in range(TICKS):
        payload = msgspec.json.encode(reading(n))
        tick = msgspec.json.encode({"now": START_MS + n})
        ticked.clear()
        began = time.perf_counter()
        sender.publish(f"{PREFIX}up/stations/{STATIONS[0]}/readings", payload, 1)
        sender.publish(f"{PREFIX}up/clock", tick, 1)
        if not ticked.wait(10):
            raise TimeoutError("no tick")
        took.append(1000 * (time.perf_counter() - began))
    sender.disconnect()
    sender.loop_stop()
    stop()
    return statistics.median(took)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--broker", choices=("mosquitto", "nats"), default="mosquitto")
    parser.add_argument("--plain", action="store_true", help="plain PostgreSQL")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server: EmbeddedPostgres | Timescale = (
            EmbeddedPostgres(folder / "pg") if given.plain else Timescale()
        )
        stack.enter_context(server)
        dsn = stack.enter_context(fresh_database(server, migrate))
        broker: EmbeddedBroker | Mosquitto = (
            EmbeddedBroker(folder / "broker")
            if given.broker == "nats"
            else Mosquitto(max_inflight_messages=1000)
        )
        stack.enter_context(broker)
        address = Address.parse(broker.url)
        one = messages(given.messages, 1)
        hundred = messages(given.messages // 20, 100)
        rows = 100 * len(hundred)
        rounds = range(given.rounds)
        limit = max(bare(address, one) for _ in rounds)
        ours = max(through(dsn, address, one, len(one)) for _ in rounds)
        print(
            f"one      {ours:9,.0f} messages/s; bare paho {limit:9,.0f}; ratio {ours / limit:.2f}"
        )
        copied, decoded, written = (
            max(figures) for figures in zip(*(parts(dsn, hundred) for _ in rounds), strict=True)
        )
        rate = 100 * max(through(dsn, address, hundred, rows) for _ in rounds)
        print(f"hundred  {rate:9,.0f} rows/s; raw COPY {copied:9,.0f}; ratio {rate / copied:.2f}")
        print(f"         (decoding alone {decoded:,.0f}, writing batches alone {written:,.0f})")
        slow = min(ticks(dsn, address, ingesting=True) for _ in rounds)
        fast = min(ticks(dsn, address, ingesting=False) for _ in rounds)
        print(f"tick     {slow:9.2f} ms; bare paho {fast:9.2f}; overhead {slow - fast:.2f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
