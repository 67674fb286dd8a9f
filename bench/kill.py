"""SIGKILL of the platform while readings flow: none may be lost, none stored twice.

    python -m bench.kill [--readings 50000] [--kills 5] [--seed 1] [--plain] [-- COMMAND ...]

Readings flow through Mosquitto into TimescaleDB (into plain PostgreSQL with --plain). COMMAND is
what is killed and started again; `{mqtt}` and `{db}` in it are replaced. Exit status 1 when a
reading is lost, twice there, or changed.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psycopg

from broker.connection import Address, client
from geo.district import load_district
from roaddust.embedded import EmbeddedPostgres
from store.migrate import migrate
from tests.services import Mosquitto, Timescale, fresh_database

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "roaddust/v1/"
COMMAND = (
    str(Path(sys.executable).parent / "roaddust"),
    "run",
    "--only",
    "ingest",
    "--mqtt",
    "{mqtt}",
    "--db",
    "{db}",
)


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
    kills: int
    seconds: float

    @property
    def good(self) -> bool:
        return self.stored == self.sent and not (
            self.lost or self.twice or self.wrong or self.letters
        )


def run(
    dsn: str,
    broker: Mosquitto,
    *,
    readings: int,
    kills: int,
    seed: int,
    station: str,
    command: Sequence[str] = COMMAND,
    rate_per_s: float = 5000,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Send `readings` while the platform is killed `kills` times, and count what is stored.

    The kills are spread over the number of readings stored, at places drawn by `seed`, so each
    of them falls into the flow however fast the machine is.
    """
    places = sorted(random.Random(seed).sample(range(readings // 20, readings * 19 // 20), kills))
    start_ms = time.time_ns() // 1_000_000 - 3_600_000
    address = Address.parse(broker.url)
    sender = client(address, "kill-bench", persistent=False)
    sender.connect(address.host, address.port)
    sender.loop_start()
    platform = _start(command, dsn, broker)
    began = time.monotonic()
    try:
        # Nothing can be stored before the session exists.
        _wait(lambda: _answers(dsn, sender, station, start_ms), platform, "the first reading")
        sent = 1
        with psycopg.connect(dsn, autocommit=True) as conn:
            while True:
                while sent < readings and sent < (time.monotonic() - began) * rate_per_s:
                    _send(sender, station, start_ms, sent)
                    sent += 1
                stored = _count(conn)
                if places and stored >= places[0]:
                    platform.send_signal(signal.SIGKILL)
                    platform.wait()
                    say(f"killed at {_count(conn):,} stored, {sent:,} sent")
                    places.pop(0)
                    platform = _start(command, dsn, broker)
                elif stored >= readings:
                    break
                elif platform.poll() is not None:
                    raise RuntimeError(f"the platform ended by itself: {platform.returncode}")
                time.sleep(0.01)
            seconds = time.monotonic() - began
            return _outcome(conn, readings, start_ms, kills, seconds)
    finally:
        platform.send_signal(signal.SIGTERM)
        platform.wait(10)
        sender.disconnect()
        sender.loop_stop()


def _start(command: Sequence[str], dsn: str, broker: Mosquitto) -> subprocess.Popen[bytes]:
    filled = [part.replace("{mqtt}", broker.url).replace("{db}", dsn) for part in command]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(filled, env=environment, stdout=subprocess.DEVNULL)


def _send(sender: object, station: str, start_ms: int, n: int) -> None:
    payload = msgspec.json.encode({"ts": start_ms + n, "pm10": float(n)})
    sender.publish(f"{PREFIX}up/stations/{station}/readings", payload, 1)  # type: ignore[attr-defined]


def _answers(dsn: str, sender: object, station: str, start_ms: int) -> bool:
    _send(sender, station, start_ms, 0)
    with psycopg.connect(dsn, autocommit=True) as conn:
        return _count(conn) == 1


def _wait(condition: Callable[[], bool], platform: subprocess.Popen[bytes], what: str) -> None:
    until = time.monotonic() + 60
    while not condition():
        if platform.poll() is not None:
            raise RuntimeError(f"the platform ended by itself: {platform.returncode}")
        if time.monotonic() > until:
            raise TimeoutError(f"{what} was not stored")
        time.sleep(0.1)


def _count(conn: psycopg.Connection) -> int:
    row = conn.execute("SELECT count(*) FROM readings").fetchone()
    assert row is not None
    return int(row[0])


def _outcome(
    conn: psycopg.Connection, readings: int, start_ms: int, kills: int, seconds: float
) -> Outcome:
    rows = conn.execute(
        "SELECT (extract(epoch FROM ts) * 1000)::bigint - %s, pm10 FROM readings", [start_ms]
    ).fetchall()
    kept = {n for n, _ in rows}
    letters, batches = conn.execute(
        "SELECT (SELECT count(*) FROM dead_letters), (SELECT count(*) FROM batches)"
    ).fetchone() or (0, 0)
    return Outcome(
        sent=readings,
        stored=len(rows),
        lost=len(set(range(readings)) - kept),
        twice=len(rows) - len(kept),
        wrong=sum(n != value for n, value in rows),
        letters=letters,
        batches=batches,
        kills=kills,
        seconds=round(seconds, 1),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readings", type=int, default=50_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="plain PostgreSQL")
    parser.add_argument("command", nargs="*", default=COMMAND)
    given = parser.parse_args()
    station = next(iter(load_district(ROOT / "geo" / "data" / "xinghai").stations))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server: EmbeddedPostgres | Timescale = (
            stack.enter_context(EmbeddedPostgres(folder))
            if given.plain
            else stack.enter_context(Timescale())
        )
        dsn = stack.enter_context(fresh_database(server, migrate))
        broker = stack.enter_context(Mosquitto(max_inflight_messages=1000))
        outcome = run(
            dsn,
            broker,
            readings=given.readings,
            kills=given.kills,
            seed=given.seed,
            station=station,
            command=given.command,
            say=print,
        )
    print(outcome)
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
