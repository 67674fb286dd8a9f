"""The way in against everything that is no reading: nothing stops, and everything is accounted for.

    python -m bench.fuzz [--messages 3000] [--seed 1]

Messages by chance (deep nesting, huge numbers, NaN, wrong types, ten megabytes, broken UTF-8, odd
topics, damaged frames and packs, good ones among them) go through a real Mosquitto into an ingest
on a PostgreSQL. Each has a station of its own, so that afterwards the tables alone say what became
of it. Exit status 1 unless every message is stored, a duplicate or a dead letter, none is the
fault of the platform, and received = stored + duplicates + dead, item by item where the number of
items is known.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg

from bench.odd_messages import Message, message
from broker.connection import Address, client
from ingest.registry import Registry, StationFacts
from ingest.runner import Ingest
from ingest.settings import IngestSettings
from roaddust.embedded import EmbeddedPostgres
from store.migrate import migrate
from tests.services import Mosquitto, fresh_database
from tests.services.waiting import wait_until

PREFIX = "roaddust/v1/"
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
PATIENCE_S = 600.0


def publish(broker: Mosquitto, messages: list[Message]) -> None:
    """All of them on one connection at QoS 1; returns when the broker has them."""
    sender = client(Address.parse(broker.url), "fuzz", persistent=False)
    sender.max_queued_messages_set(0)
    sender.connect(broker.host, broker.port)
    sender.loop_start()
    for one in messages:
        sender.publish(f"{PREFIX}{one.topic}", one.payload, 1).wait_for_publish(60)
    sender.disconnect()
    sender.loop_stop()


def found(dsn: str) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Rows by station or other source, letters by topic, letters by reason."""
    with psycopg.connect(dsn) as conn:

        def counted(query: bytes) -> Counter[str]:
            return Counter(dict(conn.execute(query).fetchall()))

        return (
            counted(
                b"SELECT source, sum(n)::int FROM ("
                b" SELECT station AS source, count(*) AS n FROM readings GROUP BY 1 UNION ALL"
                b" SELECT source, count(*) FROM events GROUP BY 1 UNION ALL"
                b" SELECT channel, count(*) FROM reports GROUP BY 1) AS t GROUP BY 1"
            ),
            counted(b"SELECT topic, count(*)::int FROM dead_letters GROUP BY 1"),
            counted(b"SELECT reason, count(*)::int FROM dead_letters GROUP BY 1"),
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    names = [f"Z{n:06d}" for n in range(given.messages)]
    messages = [message(rng, name) for name in names]
    problems: list[str] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(EmbeddedPostgres(folder, settings={"fsync": "off"}))
        dsn = stack.enter_context(fresh_database(server, migrate))
        broker = stack.enter_context(Mosquitto(max_inflight_messages=1000))
        ingest = Ingest(
            dsn,
            Address.parse(broker.url),
            PREFIX,
            Registry(stations={name: StationFacts() for name in names}),
            IngestSettings(),
            lambda: NOW,
        )
        ingest.start()
        stack.callback(ingest.stop)
        began_s = time.monotonic()
        publish(broker, messages)
        wait_until(
            lambda: ingest.counters.messages >= len(messages) or ingest.failure is not None,
            lambda: f"{ingest.counters}",
            PATIENCE_S,
        )
        seconds = time.monotonic() - began_s
        counted = ingest.counters
        memory_mb = psutil.Process().memory_info().rss / 1e6
        if ingest.failure is not None:
            problems.append(f"ingest has stopped: {ingest.failure!r}")
        rows, letters, reasons = found(dsn)
    for name, one in zip(names, messages, strict=True):
        if not rows[name] and not letters[one.topic.replace("\0", "�")]:
            problems.append(f"nothing became of {name}: {one.topic!r} {one.payload[:200]!r}")
    # What can be counted beforehand, as if it were alone; the rest is accounted for above.
    known = sum(one.items for one in messages if one.items is not None)
    outcomes = [
        sum(counts.values()) for counts in (counted.stored, counted.duplicates, counted.dead)
    ]
    unknown = [one for one in messages if one.items is None]
    if counted.messages != len(messages):
        problems.append(f"{len(messages)} were sent and {counted.messages} settled")
    if sum(outcomes) < known + len(unknown):
        problems.append(f"{sum(outcomes)} outcomes of {known} items and {len(unknown)} messages")
    if sum(rows.values()) != outcomes[0]:
        problems.append(f"{outcomes[0]} counted as stored, {sum(rows.values())} rows are there")
    if reasons["error"]:
        problems.append(f"{reasons['error']} letters are the platform's own fault")
    size_mb = sum(len(one.payload) for one in messages) / 1e6
    print(
        f"{len(messages)} messages, {size_mb:.0f} MB, in {seconds:.0f} s, {memory_mb:.0f} MB of "
        f"memory: {outcomes[0]} rows stored, {outcomes[1]} duplicates, {outcomes[2]} dead "
        f"({dict(sorted(reasons.items()))})"
    )
    for problem in problems[:50]:
        print(f"NOT HELD: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
