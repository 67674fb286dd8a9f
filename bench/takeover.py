"""Two dispatchers, the leader killed again and again: how long nobody plans, and whether two do.

    python -m bench.takeover [--kills 10] [--seed 1]

Two `roaddust run --only dispatch` against an embedded PostgreSQL and broker. Each time the leader
is killed (SIGKILL), an episode begins at that moment; the gap is how long it takes until it has an
order or a reason. Meanwhile it is looked 50 times a second whether more than one has the lead, and
at the end whether the plans are one chain, each made from the one before. Exit status 1 when a gap
is over 10 s, two lead, or the chain has a fork.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psycopg

from geo.district import load_district
from roaddust.embedded import EmbeddedBroker, EmbeddedPostgres
from store.migrate import migrate

ROOT = Path(__file__).resolve().parent.parent
MOST_S = 10.0

LEADERS = """
SELECT usename FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND application_name = 'roaddust-dispatch'
"""

READY = """
SELECT count(DISTINCT usename) FROM pg_stat_activity
WHERE application_name = 'roaddust-dispatch' AND usename IN ('d1', 'd2')
"""

CHAIN = "SELECT id, solver ->> 'after' FROM plans ORDER BY issued_at, id"


@dataclass(frozen=True, slots=True)
class Outcome:
    """gaps: seconds from a kill to the answer to an episode that began with it; leads: to the lead
    of the other. forks: plans not made from the one before."""

    kills: int
    gaps_s: tuple[float, ...]
    leads_s: tuple[float, ...]
    most_leaders: int
    looks: int
    plans: int
    forks: int

    @property
    def good(self) -> bool:
        return max(self.gaps_s) <= MOST_S and self.most_leaders == 1 and self.forks == 0


class Watch(threading.Thread):
    """Looks all the time how many lead."""

    def __init__(self, dsn: str) -> None:
        super().__init__(daemon=True)
        self._conn = psycopg.connect(dsn, autocommit=True)
        self.over = threading.Event()
        self.most = self.looks = 0

    def run(self) -> None:
        while not self.over.wait(0.02):
            self.most = max(self.most, len(self._conn.execute(LEADERS).fetchall()))
            self.looks += 1
        self._conn.close()


def run(kills: int, seed: int, folder: Path, stack: ExitStack) -> Outcome:
    """Kill the leader so often; the one killed is started again and becomes the one that waits."""
    server = stack.enter_context(EmbeddedPostgres(folder / "postgres"))
    broker = stack.enter_context(EmbeddedBroker(folder / "broker"))
    migrate(server.dsn)
    conn = stack.enter_context(psycopg.connect(server.dsn, autocommit=True))
    for name in ("d1", "d2"):
        conn.execute(f"CREATE ROLE {name} LOGIN SUPERUSER")
    chance = random.Random(seed)
    streets = [
        s.id for s in load_district(ROOT / "geo" / "data" / "xinghai").segments.values() if s.treat
    ]
    log = stack.enter_context((folder / "dispatch.log").open("wb"))

    def start(name: str) -> subprocess.Popen[bytes]:
        dsn = psycopg.conninfo.make_conninfo(server.dsn, user=name)
        return subprocess.Popen(
            [sys.executable, "-m", "roaddust.cli", "run", "--only", "dispatch",
             "--mqtt", broker.url, "--db", dsn],
            cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=log, stdout=log,
        )  # fmt: skip

    processes = {name: start(name) for name in ("d1", "d2")}
    watch = Watch(server.dsn)
    watch.start()
    gaps, leads = [], []
    try:
        for kill in range(kills):
            _until(lambda: _one(conn, READY) == 2 and _leader(conn) is not None, "both to be there")
            time.sleep(chance.uniform(0.0, 6.0))  # anywhere between two of its looks
            leader = _leader(conn)
            assert leader is not None
            processes[leader].send_signal(signal.SIGKILL)
            killed = time.monotonic()
            _begin(conn, f"E{kill}", chance.choice(streets))
            _until(lambda gone=leader: _leader(conn) not in (None, gone), "the other to lead")
            leads.append(round(time.monotonic() - killed, 2))
            _until(lambda name=f"E{kill}": _answered(conn, name), "the episode to be answered")
            gaps.append(round(time.monotonic() - killed, 2))
            print(
                f"kill {kill + 1}: lead after {leads[-1]} s, answer after {gaps[-1]} s", flush=True
            )
            processes[leader].wait()
            processes[leader] = start(leader)
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(20)
        watch.over.set()
        watch.join()
    chain = conn.execute(CHAIN).fetchall()
    forks = sum(
        after != before for (_, after), before in
        zip(chain, [None, *(name for name, _ in chain[:-1])], strict=True)
    )  # fmt: skip
    return Outcome(kills, tuple(gaps), tuple(leads), watch.most, watch.looks, len(chain), forks)


def _begin(conn: psycopg.Connection, name: str, street: str) -> None:
    now = datetime.now(UTC)
    conn.execute(
        "INSERT INTO episodes (id, segment, rule, level, state, started_at, causes, updated_at)"
        " VALUES (%s, %s, 'inc15', 3, 'active', %s, %s, %s)",
        (name, street, now, '[{"kind": "road", "site": null, "probability": 0.9}]', now),
    )


def _answered(conn: psycopg.Connection, name: str) -> bool:
    return bool(
        _one(
            conn, "SELECT count(*) FROM episode_log WHERE actor = 'dispatch' AND episode = %s", name
        )
    )


def _leader(conn: psycopg.Connection) -> str | None:
    row = conn.execute(LEADERS).fetchone()
    return None if row is None else str(row[0])


def _one(conn: psycopg.Connection, query: str, *parameters: object) -> int:
    row = conn.execute(query, parameters).fetchone()
    assert row is not None
    return int(row[0])


def _until(condition, what: str) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + 120
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.02)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        outcome = run(given.kills, given.seed, folder, stack)
    print(msgspec.json.format(msgspec.json.encode(outcome), indent=2).decode())
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
