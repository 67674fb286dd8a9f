"""The platform in lockstep, in this process, with a broker and a database that go away."""

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
import pytest

from broker.connection import Address, client
from geo.district import load_district
from roaddust.embedded import EmbeddedPostgres
from roaddust.platform import Platform, WrongUse
from roaddust.settings import Settings, Stage, settings
from store.database import connect
from tests.services import Mosquitto
from tests.street import write_street

START = datetime(2026, 3, 2, tzinfo=UTC)
STAGES: tuple[Stage, ...] = ("ingest", "analytics", "dispatch")


class World:
    """Publishes ticks and hears the answers."""

    def __init__(self, mosquitto: Mosquitto) -> None:
        self.answers: queue.Queue[datetime] = queue.Queue()
        self._client = client(Address.parse(mosquitto.url), "world", persistent=True)
        self._client.on_message = self._hear
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(mosquitto.host, mosquitto.port)
        self._client.loop_start()
        self._client.subscribe("roaddust/v1/down/clock", qos=1)

    def tick(self, minute: int) -> None:
        now = (START + timedelta(minutes=minute)).isoformat()
        self._client.publish("roaddust/v1/up/clock", json.dumps({"now": now}), qos=1)

    def answer(self) -> int:
        """The minute that is answered next."""
        return round((self.answers.get(timeout=60) - START) / timedelta(minutes=1))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.answers.put(datetime.fromisoformat(json.loads(message.payload)["done"]))


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server that only this test stops."""
    with EmbeddedPostgres(tmp_path / "postgres", settings={"fsync": "off"}) as server:
        yield server


@pytest.fixture
def platform(
    tmp_path: Path, mosquitto: Mosquitto, postgres: EmbeddedPostgres
) -> Iterator[Callable[[], Platform]]:
    """Start a platform in lockstep; it stops at the end."""
    district = load_district(write_street(tmp_path / "street"))
    wanted = in_lockstep(mqtt=mosquitto.url, db=postgres.dsn)
    with ExitStack() as open_:

        def start() -> Platform:
            started = open_.enter_context(Platform(district, wanted, STAGES))
            started.start()
            return started

        yield start


def in_lockstep(**given: str) -> Settings:
    return settings(given={"clock": "mqtt", **given})


def reached(dsn: str) -> str:
    """The last tick that the database knows of."""
    with connect(dsn, name="test") as conn:
        row = conn.execute(b"SELECT value ->> 'now' FROM meta WHERE key = 'now'").fetchone()
    assert row is not None
    return str(row[0])


def test_a_tick_is_answered_once_the_database_is_back(
    platform: Callable[[], Platform], mosquitto: Mosquitto, postgres: EmbeddedPostgres
) -> None:
    """A session that is ended and a server that is restarted between two ticks, or that is away
    during one, do not end the platform; every tick is answered, in order."""
    running = platform()
    world = World(mosquitto)
    try:
        world.tick(0)
        assert world.answer() == 0
        with psycopg.connect(postgres.dsn, autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'roaddust-lockstep'"
            )
        world.tick(1)
        assert world.answer() == 1
        postgres.stop()
        world.tick(2)
        postgres.start()
        assert world.answer() == 2
        assert datetime.fromisoformat(reached(postgres.dsn)) == START + timedelta(minutes=2)
        running.check()
    finally:
        world.close()


def test_a_tick_is_answered_once_the_broker_is_back(
    platform: Callable[[], Platform], mosquitto: Mosquitto
) -> None:
    """A broker that restarts while a tick is worked out does not end the platform, and the tick
    is answered when it is back."""
    running = platform()
    world = World(mosquitto)
    away = threading.Event()

    def end_broker(now: datetime) -> None:
        if now.minute == 1:
            mosquitto.stop()
            away.set()

    running.after_tick = end_broker
    try:
        world.tick(0)
        assert world.answer() == 0
        world.tick(1)
        assert away.wait(60)
        mosquitto.start()
        assert world.answer() == 1
        world.tick(2)
        assert world.answer() == 2
        running.check()
    finally:
        world.close()


def test_time_does_not_run_back(
    platform: Callable[[], Platform], mosquitto: Mosquitto, postgres: EmbeddedPostgres
) -> None:
    """A tick of an earlier time is answered, and nothing is worked out for it: neither by the
    platform that had the later one nor by the next."""
    first = platform()
    world = World(mosquitto)
    try:
        for minute in (5, 3):
            world.tick(minute)
            assert world.answer() == minute
            assert datetime.fromisoformat(reached(postgres.dsn)) == START + timedelta(minutes=5)
        first.stop()
        platform()
        for minute, then in ((4, 5), (5, 5), (6, 6)):
            world.tick(minute)
            assert world.answer() == minute
            assert datetime.fromisoformat(reached(postgres.dsn)) == START + timedelta(minutes=then)
    finally:
        world.close()


@pytest.mark.parametrize("stages", [("analytics",), ("dispatch", "console")])
def test_lockstep_needs_ears(tmp_path: Path, stages: tuple[Stage, ...]) -> None:
    """Stages that would never hear a tick are refused, and the words name what is missing."""
    with pytest.raises(WrongUse, match=r"Add ingest to --only"):
        Platform(load_district(write_street(tmp_path / "street")), in_lockstep(), stages)
