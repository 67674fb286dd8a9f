"""How fast messages become rows, beside what paho and COPY can do at most.

    python -m bench.ingest [one hundred tick latency outage workers] [--messages 20000]
                           [--rounds 3] [--broker nats] [--plain] [--unsafe]

Each figure stands beside its limit, measured in the same run; the best of the rounds. CPU is that
of this process, and where named that of the database's own process.

one      one reading a message, QoS 1: messages/s from the broker's full queue to the last
         acknowledgement, beside a bare paho subscriber that only acknowledges, and beside one
         INSERT a message
hundred  a hundred readings a message: rows/s, beside binary COPY of the same rows from memory
tick     lockstep: from publishing a reading and a tick until `on_clock` is called, beside the
         same two messages to a bare paho subscriber
latency  from publishing to the commit at 1,000 messages/s, and ingest's share of a core
outage   the database away for two minutes at 2,000 messages/s: memory, time to catch up
workers  a hundred readings a message by one process and by two on a shared subscription: rows/s,
         and whether the tables hold the same
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import msgspec
import paho.mqtt.client as mqtt
import psutil
import psycopg

from bench import flow
from bench.flow import reading
from bench.lone import PREFIX, REGISTRY, STATIONS, now
from broker.connection import FOREVER_S, Address, client, session
from ingest.arrivals import Arrival
from ingest.batch import Batch
from ingest.runner import Ingest
from ingest.settings import IngestSettings
from ingest.tables import TABLES
from ingest.topics import Topics
from ingest.writing import write
from roaddust.embedded import EmbeddedBroker, EmbeddedPostgres
from store.database import connect
from store.migrate import migrate
from tests.services import Mosquitto, Timescale, fresh_database

SETTINGS = IngestSettings()
START_MS = time.time_ns() // 1_000_000 - 24 * 3_600_000
TICKS = 300
INSERTS = 2000
LIVE = {"track_commit_timestamp": "on"}
WHAT = ("one", "hundred", "tick", "latency", "outage", "workers")
INSERT = """
INSERT INTO readings (station, ts, pm10, pm25, tsp, temp, rh, wind_speed, wind_dir, rain, noise,
                      status, source, stored_at, late)
VALUES (%s, to_timestamp(%s / 1000.0), %s, %s, %s, %s, %s, %s, %s, %s, %s, 'N', 'json', now(),
        false)
ON CONFLICT DO NOTHING
"""
QUANTITIES = ("pm10", "pm25", "tsp", "temp", "rh", "wind_speed", "wind_dir", "rain", "noise")

Message = tuple[str, bytes]


def messages(count: int, per_message: int) -> list[Message]:
    made = []
    for n in range(count):
        first = n * per_message
        items = [reading(START_MS + first + k) for k in range(per_message)]
        payload = msgspec.json.encode(items if per_message > 1 else items[0])
        made.append((f"up/stations/{STATIONS[n % len(STATIONS)]}/readings", payload))
    return made


def publish(address: Address, sent: Sequence[Message]) -> None:
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


def bare(
    address: Address,
    sent: Sequence[Message],
    *,
    five: bool,
    on_message: Callable[[mqtt.MQTTMessage], None] = lambda _: None,
) -> tuple[float, float]:
    """Messages/s, and CPU in us a message, of a paho subscriber that acknowledges."""
    new_session(address, "bench-bare")
    publish(address, sent)
    done = threading.Event()
    left = [len(sent)]

    def count(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        on_message(message)
        left[0] -= 1
        if not left[0]:
            done.set()

    subscriber = client(address, "bench-bare", persistent=True, five=five)
    subscriber.on_message = count
    asked: dict[str, Any] = {}
    if five:
        in_flight = SETTINGS.in_hand_messages
        asked = {"clean_start": False, "properties": session(FOREVER_S, in_flight)}
    began, cpu = time.perf_counter(), time.process_time()
    subscriber.connect(address.host, address.port, **asked)
    subscriber.loop_start()
    done.wait(300)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    subscriber.disconnect()
    subscriber.loop_stop()
    return len(sent) / seconds, 1e6 * cpu / len(sent)


def inserting(dsn: str, address: Address, sent: Sequence[Message]) -> float:
    """Messages/s of a subscriber that commits an INSERT before it acknowledges each."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("TRUNCATE readings, batches")

        def insert(message: mqtt.MQTTMessage) -> None:
            item = msgspec.json.decode(message.payload)
            values = [item[name] for name in QUANTITIES]
            conn.execute(INSERT, [message.topic.split("/")[-2], item["ts"], *values])

        rate, _ = bare(address, sent, five=False, on_message=insert)
        if (row := conn.execute("SELECT count(*) FROM readings").fetchone()) != (len(sent),):
            raise RuntimeError(f"{row} of {len(sent)} are stored")
    return rate


def through(
    dsn: str,
    address: Address,
    sent: Sequence[Message],
    rows: int,
    settings: IngestSettings = SETTINGS,
) -> tuple[float, float]:
    """Messages/s through ingest into an empty table, and this process's CPU in us a row."""
    new_session(address, settings.client_id)
    publish(address, sent)
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("TRUNCATE readings, batches")
    ingest = Ingest(dsn, address, PREFIX, REGISTRY, settings, now)
    began, cpu = time.perf_counter(), time.process_time()
    ingest.start()
    while ingest.counters.messages < len(sent) or ingest.in_hand:
        if ingest.failure is not None:
            raise ingest.failure
        time.sleep(0.001)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    ingest.stop()
    if ingest.counters.stored.total() != rows:
        raise RuntimeError(f"{ingest.counters}")
    return len(sent) / seconds, 1e6 * cpu / rows


class Timing:
    """What a stretch of work took: rows/s, and CPU in us a row, here and in the database."""

    def __init__(self, rows: int, server: int | None = None) -> None:
        self._rows = rows
        self._server = None if server is None else psutil.Process(server)

    def __enter__(self) -> Self:
        self._before = self._cpu()
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.rate = self._rows / (time.perf_counter() - self._began)
        after = self._cpu()
        self.own_us, self.server_us = (
            1e6 * (late - early) / self._rows
            for late, early in zip(after, self._before, strict=True)
        )

    def _cpu(self) -> tuple[float, float]:
        if self._server is None:
            return time.process_time(), 0.0
        used = self._server.cpu_times()
        return time.process_time(), used.user + used.system


def parts(dsn: str, sent: Sequence[Message], rows: int) -> dict[str, Timing]:
    """Of decoding alone, of COPY of the same rows alone, and of writing decoded batches."""
    topics = Topics(REGISTRY, SETTINGS.items)
    arrivals = [Arrival(topic, payload, 1, 1, 1) for topic, payload in sent]
    batches: list[Batch] = []
    with Timing(rows) as decoding:
        for arrival in arrivals:
            if not batches or batches[-1].size >= SETTINGS.batch_rows:
                batches.append(Batch(topics, SETTINGS, time.time_ns() // 1000, lockstep=False))
            batches[-1].add(arrival)
    table = TABLES["readings"]
    with connect(dsn, name="bench", autocommit=True) as conn:
        conn.execute("TRUNCATE readings, batches")
        with Timing(rows, conn.info.backend_pid) as copying:
            for batch in batches:
                with conn.transaction(), conn.cursor() as cursor, cursor.copy(table.copy) as copy:
                    copy.set_types(table.types)
                    for row in batch.tables["readings"].rows:
                        copy.write_row(row)
        conn.execute("TRUNCATE readings, batches")
        with Timing(rows, conn.info.backend_pid) as writing:
            for batch in batches:
                with conn.transaction():
                    write(conn, batch)
    return {"COPY": copying, "decoding": decoding, "writing": writing}


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
        payload = msgspec.json.encode(reading(START_MS + n))
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


class Bench:
    """The services, and what is asked of them."""

    def __init__(
        self,
        server: EmbeddedPostgres | Timescale,
        dsn: str,
        broker: EmbeddedBroker | Mosquitto,
        count: int,
        rounds: int,
    ) -> None:
        self._server, self._dsn, self._url, self._rounds = server, dsn, broker.url, range(rounds)
        self._address = Address.parse(broker.url)
        self._count = count
        self._old = isinstance(broker, EmbeddedBroker)  # speaks 3.1.1 only
        self._hundred = messages(count // 20, 100)

    def one(self) -> None:
        address, dsn = self._address, self._dsn
        sent = messages(self._count, 1)
        limits = {
            five: max(bare(address, sent, five=five) for _ in self._rounds)
            for five in (False, True)
            if not (five and self._old)
        }
        limit = max(rate for rate, _ in limits.values())
        slow = inserting(dsn, address, sent[:INSERTS])
        for five, (bare_rate, bare_us) in limits.items():
            name = "MQTT 5    " if five else "MQTT 3.1.1"
            settings = replace(SETTINGS, mqtt5=five)
            rate, us = max(through(dsn, address, sent, len(sent), settings) for _ in self._rounds)
            print(
                f"one      {name} {rate:9,.0f} messages/s, CPU {us:.0f} us each; bare paho "
                f"{bare_rate:,.0f}, CPU {bare_us:.0f} us; ratio to the faster bare one "
                f"{rate / limit:.2f}; one INSERT a message {slow:,.0f}, ratio {rate / slow:.1f}"
            )

    def hundred(self) -> None:
        sent, rows = self._hundred, 100 * len(self._hundred)
        rounds = [parts(self._dsn, sent, rows) for _ in self._rounds]
        best = {name: max((r[name] for r in rounds), key=lambda t: t.rate) for name in rounds[0]}
        rate, us = max(through(self._dsn, self._address, sent, rows) for _ in self._rounds)
        copied = best["COPY"].rate
        print(
            f"hundred  {100 * rate:9,.0f} rows/s, CPU {us:.1f} us a row; raw COPY {copied:,.0f}; "
            f"ratio {100 * rate / copied:.2f}"
        )
        for name, timing in best.items():
            print(
                f"         {name} alone {timing.rate:,.0f} rows/s, CPU {timing.own_us:.1f} us, "
                f"database's {timing.server_us:.1f} us a row"
            )

    def tick(self) -> None:
        slow = min(ticks(self._dsn, self._address, ingesting=True) for _ in self._rounds)
        fast = min(ticks(self._dsn, self._address, ingesting=False) for _ in self._rounds)
        print(f"tick     {slow:9.2f} ms; bare paho {fast:9.2f}; overhead {slow - fast:.2f} ms")

    def latency(self) -> None:
        found = flow.latency(self._fresh(), self._url, 1000, 30)
        print(
            f"latency  p50 {found.p50_ms:.1f} ms, p99 {found.p99_ms:.1f} ms, most "
            f"{found.most_ms:.0f} ms of {found.messages:,} at {found.per_s:,.0f} messages/s; "
            f"{100 * found.cpu_share:.0f} % of a core"
        )

    def outage(self) -> None:
        found = flow.outage(self._server, self._fresh(), self._url, 2000, 120)
        print(
            f"outage   {found.away_s:.0f} s at {found.per_s:,.0f} messages/s: "
            f"{found.before_mib:.0f} MiB before, {found.most_mib:.0f} MiB at most; "
            f"{found.waiting:,} waited, caught up after {found.caught_up_s:.0f} s; "
            f"lost {found.lost}, twice {found.twice}"
        )

    def workers(self) -> None:
        rows = 100 * len(self._hundred)
        found = {
            workers: flow.shared(self._fresh(), self._url, self._hundred, rows, workers, publish)
            for workers in (1, 2)
        }
        same = "the same rows" if found[1].held == found[2].held else "OTHER ROWS"
        print(
            f"workers  one {found[1].rows_per_s:,.0f} rows/s, two {found[2].rows_per_s:,.0f}; "
            f"{same}: {found[2].held[0]:,}, keys {found[2].held[1]:,}"
        )

    def _fresh(self) -> str:
        with psycopg.connect(self._dsn, autocommit=True) as conn:
            conn.execute("TRUNCATE readings, batches")
        return self._dsn


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", metavar="WHAT", help=", ".join(WHAT))
    parser.add_argument("--broker", choices=("mosquitto", "nats"), default="mosquitto")
    parser.add_argument("--plain", action="store_true", help="plain PostgreSQL")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--unsafe", action="store_true", help="fsync off: after an outage the server is soon back"
    )
    given = parser.parse_args()
    live = LIVE | ({"fsync": "off"} if given.unsafe else {})
    if unknown := set(given.what) - set(WHAT):
        parser.error(f"{', '.join(sorted(unknown))}: give some of {', '.join(WHAT)}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server: EmbeddedPostgres | Timescale = (
            EmbeddedPostgres(folder / "pg", settings=live)
            if given.plain
            else Timescale(settings=live)
        )
        stack.enter_context(server)
        dsn = stack.enter_context(fresh_database(server, migrate))
        broker: EmbeddedBroker | Mosquitto = (
            EmbeddedBroker(folder / "broker")
            if given.broker == "nats"
            else Mosquitto(max_inflight_messages=1000)
        )
        stack.enter_context(broker)
        bench = Bench(server, dsn, broker, given.messages, given.rounds)
        for name in given.what or WHAT:
            getattr(bench, name)()
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
