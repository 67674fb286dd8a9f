"""Faults while readings flow: none may be lost, none stored twice.

    python -m bench.interrupted [--readings 200000] [--seeds 1 2 3] [--plain] [-- COMMAND ...]

While readings flow through Mosquitto into TimescaleDB (into plain PostgreSQL with --plain), by
default 20 times the process that ingests is killed (SIGKILL) and started again, 5 times the
database is stopped and started, 5 times Mosquitto, and 5 times the network between Mosquitto and
ingest stands still, each for up to three seconds and at places in the flow drawn by the seed.

Mosquitto is stopped by SIGTERM, at which it saves what it holds; with --broker-crash by SIGKILL,
and then it saves at every change: else it forgets itself what it has acknowledged since it last
saved (724 readings in one run that saved every second).

COMMAND is what is killed; `{mqtt}` and `{db}` in it are replaced. It must know the station S001
(bench.lone does), or the one of --station. Exit status 1 when a reading is lost, twice there, or
changed.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import paho.mqtt.client as mqtt
import psycopg

from bench.lone import PREFIX, STATIONS
from bench.proxy import Proxy
from broker.connection import Address, client
from roaddust.embedded import EmbeddedPostgres
from store.migrate import migrate
from tests.services import Mosquitto, Timescale, fresh_database

ROOT = Path(__file__).resolve().parent.parent
LONE = (sys.executable, "-m", "bench.lone", "{mqtt}", "{db}")
Fault = Literal["kill", "database", "broker", "network"]
Server = EmbeddedPostgres | Timescale


@dataclass(frozen=True, slots=True)
class Plan:
    """How many readings flow, so many to a message, and how often each fault comes."""

    readings: int
    per_message: int = 4
    rate_per_s: float = 4000.0
    faults: dict[Fault, int] = field(default_factory=dict)
    longest_s: float = 3.0
    broker_crash: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one run. wrong: stored with another value than was sent."""

    sent: int
    stored: int
    lost: int
    twice: int
    wrong: int
    letters: int
    batches: int
    faults: dict[Fault, int]
    seconds: float

    @property
    def good(self) -> bool:
        return self.stored == self.sent and not (
            self.lost or self.twice or self.wrong or self.letters
        )


class Flow:
    """Readings on their way, and what stands in it."""

    def __init__(
        self,
        server: Server,
        dsn: str,
        broker: Mosquitto,
        plan: Plan,
        *,
        station: str,
        command: Sequence[str],
        say: Callable[[str], None],
    ) -> None:
        self._server, self._dsn, self._broker, self._plan = server, dsn, broker, plan
        self._station, self._command, self._say = station, command, say
        self._start_ms = time.time_ns() // 1_000_000 - 3_600_000
        self._conn: psycopg.Connection | None = None
        self._stored = 0
        self._sent = 0
        self._waiting: list[tuple[int, Fault]] = []
        self._came: Counter[Fault] = Counter()
        self._proxy = Proxy(broker.port)
        address = Address.parse(broker.url)
        # What was published while the broker was away is paho's to send again.
        self._sender: mqtt.Client = client(address, "interrupted", persistent=True)
        self._sender.max_queued_messages_set(0)
        self._sender.connect(address.host, address.port)
        self._sender.loop_start()
        self._process = self._started()
        self._began = time.monotonic()

    def run(self, seed: int) -> Outcome:
        """Until all is stored. Raises RuntimeError when it does not go on."""
        plan, drawn = self._plan, random.Random(seed)
        faults = [kind for kind, count in plan.faults.items() for _ in range(count)]
        drawn.shuffle(faults)
        most = plan.readings
        places = sorted(drawn.sample(range(most // 50, most * 49 // 50), len(faults)))
        self._waiting = list(zip(places, faults, strict=True))
        until: tuple[float, Callable[[], None]] | None = None
        moved_at, moved_to, struck_at = time.monotonic(), 0, 0
        # Nothing can be stored before the session exists.
        self._until_first()
        while self._stored < plan.readings:
            self._send()
            self._count()
            now = time.monotonic()
            if until is not None and now >= until[0]:
                until[1]()
                until = None
            # The flow must be there again before the next fault.
            flows = self._stored > struck_at
            if until is None and flows and self._waiting and self._stored >= self._waiting[0][0]:
                struck_at = self._stored
                _, fault = self._waiting.pop(0)
                until = self._begin(fault, drawn.uniform(0.2, plan.longest_s))
            if until is None and self._process.poll() is not None:
                raise RuntimeError(f"ingest ended by itself: {self._process.returncode}")
            if self._stored > moved_to:
                moved_at, moved_to = now, self._stored
            elif now - moved_at > 120:
                if self._sent >= plan.readings:
                    break  # what is missing now does not come any more
                raise RuntimeError(f"nothing is stored since {self._stored:,}")
            time.sleep(0.02)
        if until is not None:
            until[1]()
        return self._outcome(time.monotonic() - self._began)

    def close(self) -> None:
        """End everything but the services."""
        self._proxy.resume()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(15)
        self._sender.disconnect()
        self._sender.loop_stop()
        self._proxy.__exit__()
        if self._conn is not None:
            self._conn.close()

    def _begin(self, fault: Fault, lasts_s: float) -> tuple[float, Callable[[], None]] | None:
        self._came[fault] += 1
        self._say(f"{fault} at {self._stored:,} stored, {self._sent:,} sent")
        ends = time.monotonic() + lasts_s
        if fault == "kill":
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = self._started()
            return None
        if fault == "database":
            self._server.stop()
            return ends, self._server.start
        if fault == "broker":
            if self._plan.broker_crash:
                self._broker.kill()
            else:
                self._broker.stop()
            return ends, self._broker.start
        self._proxy.pause()
        return ends, self._proxy.resume

    def _started(self) -> subprocess.Popen[bytes]:
        filled = [
            part.replace("{mqtt}", self._proxy.url).replace("{db}", self._dsn)
            for part in self._command
        ]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            filled, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def _send(self) -> None:
        plan = self._plan
        due = min(plan.readings, int((time.monotonic() - self._began) * plan.rate_per_s))
        if self._waiting:
            # Not far ahead of the next fault, which is to meet the flow.
            due = min(due, self._waiting[0][0] + plan.readings // 50)
        while self._sent < due:
            count = min(plan.per_message, plan.readings - self._sent)
            self._publish(self._sent, count)
            self._sent += count

    def _publish(self, first: int, count: int) -> None:
        items = [{"ts": self._start_ms + n, "pm10": float(n)} for n in range(first, first + count)]
        topic = f"{PREFIX}up/stations/{self._station}/readings"
        self._sender.publish(topic, msgspec.json.encode(items), 1)

    def _until_first(self) -> None:
        until = time.monotonic() + 90
        while not self._stored:
            if self._process.poll() is not None:
                raise RuntimeError(f"ingest ended by itself: {self._process.returncode}")
            if time.monotonic() > until:
                raise RuntimeError("the first reading was not stored")
            self._publish(0, 1)
            time.sleep(0.1)
            self._count()
        self._sent, self._began = 1, time.monotonic()

    def _count(self) -> None:
        """How many are stored, as far as the database can say."""
        try:
            if self._conn is None:
                self._conn = psycopg.connect(self._dsn, autocommit=True)
            row = self._conn.execute("SELECT count(*) FROM readings").fetchone()
        except psycopg.OperationalError:
            if self._conn is not None:
                self._conn.close()
            self._conn = None
            return
        assert row is not None
        self._stored = int(row[0])

    def _outcome(self, seconds: float) -> Outcome:
        assert self._conn is not None
        rows = self._conn.execute(
            "SELECT (extract(epoch FROM ts) * 1000)::bigint - %s, pm10 FROM readings",
            [self._start_ms],
        ).fetchall()
        kept = {n for n, _ in rows}
        counted: Any = self._conn.execute(
            "SELECT (SELECT count(*) FROM dead_letters), (SELECT count(*) FROM batches)"
        ).fetchone()
        return Outcome(
            sent=self._plan.readings,
            stored=len(rows),
            lost=len(set(range(self._plan.readings)) - kept),
            twice=len(rows) - len(kept),
            wrong=sum(n != value for n, value in rows),
            letters=counted[0],
            batches=counted[1],
            faults=dict(self._came),
            seconds=round(seconds, 1),
        )


def run(
    server: Server,
    dsn: str,
    broker: Mosquitto,
    plan: Plan,
    seed: int,
    *,
    station: str = STATIONS[1],
    command: Sequence[str] = LONE,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Send the plan's readings through its faults, and count what is stored.

    The faults are spread over the number of readings stored, at places drawn by `seed`, so each
    of them falls into the flow however fast the machine is.
    """
    flow = Flow(server, dsn, broker, plan, station=station, command=command, say=say)
    try:
        return flow.run(seed)
    finally:
        flow.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readings", type=int, default=200_000)
    parser.add_argument("--per-message", type=int, default=4)
    parser.add_argument("--rate", type=float, default=4000.0, help="readings/s")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--databases", type=int, default=5)
    parser.add_argument("--brokers", type=int, default=5)
    parser.add_argument("--networks", type=int, default=5)
    parser.add_argument("--broker-crash", action="store_true")
    parser.add_argument("--plain", action="store_true", help="plain PostgreSQL")
    parser.add_argument("--station", default=STATIONS[1])
    parser.add_argument("command", nargs="*", default=LONE)
    given = parser.parse_args()
    plan = Plan(
        given.readings,
        given.per_message,
        given.rate,
        {
            "kill": given.kills,
            "database": given.databases,
            "broker": given.brokers,
            "network": given.networks,
        },
        broker_crash=given.broker_crash,
    )
    good = True
    for seed in given.seeds:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            # A process that ends loses nothing that the system has; only a power cut would, and
            # after each crash the server would first make sure of every file.
            unsafe = {"fsync": "off"}
            server: Server = (
                EmbeddedPostgres(folder, settings=unsafe)
                if given.plain
                else Timescale(settings=unsafe)
            )
            stack.enter_context(server)
            dsn = stack.enter_context(fresh_database(server, migrate))
            saving = "autosave_interval 1\n"
            if given.broker_crash:
                saving += "autosave_on_changes true\n"
            broker = stack.enter_context(Mosquitto(extra=saving))
            outcome = run(
                server,
                dsn,
                broker,
                plan,
                seed,
                station=given.station,
                command=given.command,
                say=lambda words: print(f"  {words}", flush=True),
            )
        print(f"seed {seed}: {outcome}", flush=True)
        good &= outcome.good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
