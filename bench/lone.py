"""Ingest alone in a process, to be measured, multiplied and killed.

    python -m bench.lone mqtt://127.0.0.1:1883 postgresql:///roaddust [setting=value ...]

Settings are those of `ingest`. It takes the stations of `STATIONS`, and ends by SIGTERM.
"""

import signal
import sys
import threading
from datetime import UTC, datetime
from typing import Any

import msgspec

from broker.connection import Address
from ingest.registry import Registry, StationFacts
from ingest.runner import Ingest
from ingest.settings import IngestSettings

PREFIX = "roaddust/v1/"
STATIONS = tuple(f"S{n:03}" for n in range(100))
REGISTRY = Registry(dict.fromkeys(STATIONS, StationFacts()))


def now() -> datetime:
    """The wall clock, which a bench may read."""
    return datetime.now(UTC)


def main() -> int:
    url, dsn, *given = sys.argv[1:]
    named: Any = dict(pair.split("=", 1) for pair in given)
    settings = msgspec.convert(named, IngestSettings, strict=False)
    ingest = Ingest(dsn, Address.parse(url), PREFIX, REGISTRY, settings, now)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ingest.start()
    while not ended.wait(0.2) and ingest.failure is None:
        pass
    ingest.stop()
    return int(ingest.failure is not None)


if __name__ == "__main__":
    sys.exit(main())
