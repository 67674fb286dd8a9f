"""Ingest in a process of its own, while messages flow at a steady rate or wait in a queue.

The functions of `bench.ingest` that take their time: latency, an outage of the database, workers.
"""

import os
import signal
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil
import psycopg

from bench.lone import PREFIX, STATIONS
from broker.connection import Address
from ingest.arrivals import InHand
from ingest.settings import IngestSettings
from ingest.subscription import Subscription
from roaddust.embedded import EmbeddedPostgres
from tests.services import Timescale

ROOT = Path(__file__).resolve().parent.parent
LOOK_S = 0.05
CALM_S = 2.0
EVERYTHING = """
SELECT count(*), count(DISTINCT (station, ts)),
       sum(hashtextextended(concat_ws('|', station, ts, pm10, pm25, tsp, temp, rh, wind_speed,
                                      wind_dir, noise, rain, status), 0))
FROM readings
"""


def reading(ts_ms: int) -> dict[str, Any]:
    """A station's reading with nine values."""
    return {
        "ts": ts_ms,
        "pm10": 80 + ts_ms % 50 + 0.5,
        "pm25": 40 + ts_ms % 20 + 0.25,
        "tsp": 150.5,
        "temp": 21.5,
        "rh": 55.5,
        "wind_speed": 2.5,
        "wind_dir": ts_ms % 360,
        "noise": 61.5,
        "rain": 0,
    }


@contextmanager
def lone(url: str, dsn: str, *settings: str) -> Iterator[psutil.Process]:
    """An ingest process with these settings of ingest; ended at the end."""
    command = [sys.executable, "-m", "bench.lone", url, dsn, *settings]
    started = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)})
    try:
        yield psutil.Process(started.pid)
    finally:
        started.send_signal(signal.SIGTERM)
        if started.wait(15) != 0:
            raise RuntimeError(f"ingest ended with {started.returncode}")


class Sender:
    """One reading a message at a steady rate, QoS 1, in a thread, until `stop`.

    It writes packets and throws acknowledgements away: a paho client takes more of a busy machine
    than what is to be measured. So it must not lose its connection.
    """

    def __init__(self, url: str, per_s: float, start_ms: int) -> None:
        address = Address.parse(url)
        self._socket = socket.create_connection((address.host, address.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = b"flow-sender"
        self._socket.sendall(
            struct.pack("!BBH4sBBHH", 0x10, 12 + len(name), 4, b"MQTT", 4, 2, 0, len(name)) + name
        )
        if (answer := self._socket.recv(4)) != bytes([0x20, 2, 0, 0]):
            raise ConnectionError(f"the broker does not take the sender: {answer!r}")
        threading.Thread(target=self._hear, daemon=True).start()
        self._per_s, self._start_ms = per_s, start_ms
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent_at: list[float] = []

    def send(self) -> None:
        """Send one message."""
        n = len(self.sent_at)
        topic = f"{PREFIX}up/stations/{STATIONS[n % len(STATIONS)]}/readings".encode()
        payload = msgspec.json.encode(reading(self._start_ms + n))
        body = struct.pack("!H", len(topic)) + topic + struct.pack("!H", n % 65_535 + 1) + payload
        # Two bytes of length hold up to 16,383.
        head = bytes([0x32, len(body) & 127 | 128, len(body) >> 7])
        self.sent_at.append(time.time())
        self._socket.sendall(head + body)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def close(self) -> None:
        self._socket.sendall(bytes([0xE0, 0]))
        self._socket.close()

    def _hear(self) -> None:
        with suppress(OSError):
            while self._socket.recv(65_536):
                pass

    def _run(self) -> None:
        began, first = time.monotonic(), len(self.sent_at)
        while not self._stopping.is_set():
            due = first + (time.monotonic() - began) * self._per_s
            while len(self.sent_at) < due:
                self.send()
            time.sleep(0.001)


def stored(dsn: str) -> int:
    with psycopg.connect(dsn, autocommit=True) as conn:
        row = conn.execute("SELECT count(*) FROM readings").fetchone()
    assert row is not None
    return int(row[0])


def until_stored(dsn: str, count: Callable[[], int], patience_s: float = 300.0) -> None:
    """Return once so many readings are stored. Raises TimeoutError."""
    until = time.monotonic() + patience_s
    while stored(dsn) < count():
        if time.monotonic() > until:
            raise TimeoutError(f"{stored(dsn)} of {count()} readings are stored")
        time.sleep(LOOK_S)


def _subscribed(dsn: str, sender: Sender) -> None:
    """Nothing can be stored before the session exists."""
    while not stored(dsn):
        sender.send()
        time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Latency:
    """From just before the publishing call to the commit, as the server wrote it down."""

    messages: int
    per_s: float
    p50_ms: float
    p99_ms: float
    most_ms: float
    cpu_share: float


def latency(dsn: str, url: str, per_s: float, seconds: float) -> Latency:
    """At a steady rate. The server must keep commit times (`track_commit_timestamp`)."""
    start_ms = time.time_ns() // 1_000_000 - 24 * 3_600_000
    with lone(url, dsn) as process:
        sender = Sender(url, per_s, start_ms)
        _subscribed(dsn, sender)
        first = len(sender.sent_at)
        sender.start()
        time.sleep(CALM_S)
        before, began = process.cpu_times(), time.monotonic()
        time.sleep(seconds)
        after, took = process.cpu_times(), time.monotonic() - began
        sender.stop()
        until_stored(dsn, lambda: len(sender.sent_at) - first)
        sender.close()
    with psycopg.connect(dsn, autocommit=True) as conn:
        rows = conn.execute(
            "SELECT (extract(epoch FROM ts) * 1000)::bigint - %s,"
            " extract(epoch FROM pg_xact_commit_timestamp(xmin))::float FROM readings",
            [start_ms],
        ).fetchall()
    took_ms = sorted(1000 * (at - sender.sent_at[n]) for n, at in rows if n >= first)
    centiles = statistics.quantiles(took_ms, n=100)
    cpu_s = after.user + after.system - before.user - before.system
    return Latency(len(took_ms), per_s, centiles[49], centiles[98], took_ms[-1], cpu_s / took)


@dataclass(frozen=True, slots=True)
class Outage:
    """before_mib, most_mib: resident memory of ingest. caught_up_s: from the start of the database
    until no more than a second of the flow is waiting. lost, twice: at the end."""

    away_s: float
    per_s: float
    before_mib: float
    most_mib: float
    waiting: int
    caught_up_s: float
    lost: int
    twice: int


def outage(
    server: EmbeddedPostgres | Timescale, dsn: str, url: str, per_s: float, away_s: float
) -> Outage:
    """The database away while messages flow on."""
    start_ms = time.time_ns() // 1_000_000 - 24 * 3_600_000
    with lone(url, dsn) as process:
        sender = Sender(url, per_s, start_ms)
        _subscribed(dsn, sender)
        sender.start()
        time.sleep(CALM_S)
        before = most = process.memory_info().rss
        server.stop()
        until = time.monotonic() + away_s
        while time.monotonic() < until:
            most = max(most, process.memory_info().rss)
            time.sleep(LOOK_S)
        began = time.monotonic()
        server.start()
        waiting = len(sender.sent_at) - stored(dsn)
        while len(sender.sent_at) - stored(dsn) > per_s:
            most = max(most, process.memory_info().rss)
            time.sleep(LOOK_S)
            if time.monotonic() - began > 600:
                raise TimeoutError("it does not catch up")
        caught_up_s = time.monotonic() - began
        sender.stop()
        # The first may have been sent before there was a session.
        until_stored(dsn, lambda: len(sender.sent_at) - 100)
        time.sleep(CALM_S)
        sender.close()
    with psycopg.connect(dsn, autocommit=True) as conn:
        rows = conn.execute(
            "SELECT (extract(epoch FROM ts) * 1000)::bigint - %s FROM readings", [start_ms]
        ).fetchall()
    kept = {n for (n,) in rows}
    lost = len(sender.sent_at) - min(kept) - len(kept)
    return Outage(
        away_s,
        per_s,
        before / 2**20,
        most / 2**20,
        waiting,
        caught_up_s,
        lost,
        len(rows) - len(kept),
    )


@dataclass(frozen=True, slots=True)
class Shared:
    """Rows a second from the first row stored to the last; what the table then holds: rows, keys
    and the sum of all rows' hashes."""

    rows_per_s: float
    held: tuple[Any, ...]


def shared(
    dsn: str,
    url: str,
    messages: Sequence[tuple[str, bytes]],
    rows: int,
    workers: int,
    publish: Callable[[Address, Sequence[tuple[str, bytes]]], None],
) -> Shared:
    """From full queues by so many workers."""
    settings = []
    for n in range(1, workers + 1):
        settings.append((f"workers={workers}", f"worker={n}", f"client_id=bench-{workers}"))
        worker = IngestSettings(workers=workers, worker=n, client_id=f"bench-{workers}")
        session = Subscription(
            Address.parse(url),
            worker.session,
            PREFIX,
            InHand(1, 2**20),
            group=worker.group,
            shared=worker.shared,
        )
        session.start()
        session.end()
    publish(Address.parse(url), messages)
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("TRUNCATE readings, batches")
    with contextmanager(_all)(url, dsn, settings):
        while not (first := stored(dsn)):
            time.sleep(LOOK_S)
        began = time.perf_counter()
        until_stored(dsn, lambda: rows)
        seconds = time.perf_counter() - began
    with psycopg.connect(dsn, autocommit=True) as conn:
        held = conn.execute(EVERYTHING).fetchone()
    assert held is not None
    return Shared((rows - first) / seconds, tuple(held))


def _all(url: str, dsn: str, settings: Sequence[tuple[str, ...]]) -> Iterator[None]:
    if not settings:
        yield
        return
    with lone(url, dsn, *settings[0]):
        yield from _all(url, dsn, settings[1:])
