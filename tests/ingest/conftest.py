"""A small district, the time, and an ingest on real services."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
import pytest

from broker.connection import Address, client
from ingest.registry import Registry, StationFacts
from ingest.runner import Ingest
from ingest.settings import IngestSettings
from tests.services.waiting import wait_until

PREFIX = "roaddust/v1/"
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
NOW_MS = 1_772_352_000_000
REGISTRY = Registry(
    stations={"S1": StationFacts(), "S2": StationFacts(mn="A1", pm_unit="mg/m3")},
    cameras=frozenset({"C1"}),
    crews=frozenset({"K1"}),
    segments=frozenset({"XH01"}),
    sites=frozenset({"SAND"}),
)


class Devices:
    """Everything that sends, on one connection at QoS 1, so that the order holds."""

    def __init__(self, url: str, client_id: str = "devices") -> None:
        self._client = client(Address.parse(url), client_id, persistent=False)
        address = Address.parse(url)
        self._client.connect(address.host, address.port)
        self._client.loop_start()
        self._last: mqtt.MQTTMessageInfo | None = None

    def send(self, topic: str, payload: Any, *, qos: int = 1) -> None:
        """Publish below `up/`: bytes as they are, anything else as JSON."""
        if not isinstance(payload, bytes):
            payload = json.dumps(payload).encode()
        self._last = self._client.publish(f"{PREFIX}up/{topic}", payload, qos)

    def flush(self) -> None:
        """Wait until the broker has all of it."""
        if self._last is not None:
            self._last.wait_for_publish(30)
            assert self._last.is_published()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Store:
    """What a test asks of the database."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            return conn.execute(query.encode(), parameters).fetchall()

    def one(self, query: str, *parameters: Any) -> Any:
        ((value,),) = self.rows(query, *parameters)
        return value

    def readings(self) -> list[tuple[Any, ...]]:
        """Seconds after NOW and PM10 of each reading."""
        return self.rows(
            "SELECT extract(epoch FROM ts - %s)::float, pm10 FROM readings ORDER BY station, ts",
            NOW,
        )

    def letters(self) -> list[str]:
        return [
            reason for (reason,) in self.rows("SELECT reason FROM dead_letters ORDER BY reason, id")
        ]


@pytest.fixture
def new_ingest() -> Iterator[Callable[..., Ingest]]:
    """Start an ingest; it is stopped at the end of the test."""
    with ExitStack() as running:

        def start(
            dsn: str,
            url: str,
            *,
            now: Callable[[], datetime] = lambda: NOW,
            on_clock: Callable[[datetime], None] | None = None,
            **settings: Any,
        ) -> Ingest:
            ingest = Ingest(
                dsn,
                Address.parse(url),
                PREFIX,
                REGISTRY,
                IngestSettings(**settings),
                now,
                on_clock,
            )
            ingest.start()
            running.callback(ingest.stop)
            return ingest

        yield start


@pytest.fixture
def new_devices() -> Iterator[Callable[[str], Devices]]:
    """Connect devices; they disconnect at the end of the test."""
    with ExitStack() as running:

        def connect(url: str) -> Devices:
            devices = Devices(url)
            running.callback(devices.close)
            return devices

        yield connect


def wait_for(ingest: Ingest, messages: int) -> None:
    """Until so many messages are settled with the broker."""
    wait_until(
        lambda: ingest.counters.messages >= messages or ingest.failure is not None,
        lambda: f"{ingest.counters} of {messages} messages, failure {ingest.failure!r}",
        60,
    )
    assert ingest.failure is None
