"""The path from broker to table, on real services and through their faults."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from broker.connection import Address, client
from ingest.hj212 import Frame, build
from ingest.runner import Ingest
from roaddust.embedded import EmbeddedBroker, EmbeddedPostgres
from store.migrate import migrate
from tests.ingest.conftest import NOW, NOW_MS, PREFIX, Devices, Store, wait_for
from tests.services import Mosquitto, fresh_database
from tests.services.waiting import wait_until

NewIngest = Callable[..., Ingest]
NewDevices = Callable[[str], Devices]
Broker = EmbeddedBroker | Mosquitto
READINGS = "stations/S1/readings"
FRAME = build(
    Frame(
        st=39,
        cn=2011,
        mn="A1",
        body=((("DataTime", "20260301160000"),), (("a34002-Rtd", "0.05"),)),
    )
)


def reading(second: float, pm10: float) -> dict[str, Any]:
    return {"ts": NOW_MS + round(1000 * second), "pm10": pm10}


@pytest.fixture
def store(migrated_embedded_db: str) -> Store:
    return Store(migrated_embedded_db)


def test_everything_the_contract_takes(
    any_migrated_db: str, any_broker: Broker, new_ingest: NewIngest, new_devices: NewDevices
) -> None:
    """On either broker and either server each message ends in its table, or as a dead letter."""
    store = Store(any_migrated_db)
    ingest = new_ingest(store.dsn, any_broker.url)
    devices = new_devices(any_broker.url)
    sent: list[tuple[str, Any]] = [
        (READINGS, reading(0, 1)),
        (READINGS, [reading(1, 2), {"ts": NOW_MS}, reading(2, 3)]),
        (READINGS, [{"n": "pm10", "v": 4, "t": NOW_MS // 1000 + 3}]),
        ("stations/S2/readings", FRAME),
        ("stations/S2/readings", FRAME.replace(b"0.05", b"0.06")),
        ("cameras/C1/events", {"ts": NOW_MS, "kind": "truck_pass", "count": 2}),
        ("drones/D1/events", [{"ts": NOW_MS, "kind": "dust_plume"}]),
        ("crews/K1/position", {"ts": NOW_MS, "lon": 113.9, "lat": 22.5}),
        ("crews/K1/progress", {"ts": NOW_MS, "order": "O1", "event": "accepted"}),
        ("reports/app", {"ts": NOW_MS, "text": "灰大", "kind": "dust"}),
        ("stations/S9/readings", reading(0, 1)),
        ("nonsense", b"\x00\xff"),
        ("crews/K1/position", b"x" * (256 * 1024 + 1)),
        ("clock", {"now": NOW_MS}),  # means nothing on the wall clock
    ]
    for topic, payload in sent:
        devices.send(topic, payload)
    devices.flush()
    wait_for(ingest, len(sent))
    assert store.readings() == [(0, 1), (1, 2), (2, 3), (3, 4), (0, 50)]
    for table, count in [("events", 2), ("positions", 1), ("progress", 1), ("reports", 1)]:
        assert store.one(f"SELECT count(*) FROM {table}") == count
    assert store.letters() == ["crc", "empty", "size", "topic", "unknown_id"]
    assert store.one("SELECT length(payload) FROM dead_letters WHERE reason = 'size'") == 262_145
    assert ingest.counters.ticks == 1


@pytest.mark.parametrize("qos", [0, 1])
def test_nothing_is_lost_behind_a_small_window(
    store: Store, mosquitto: Mosquitto, new_ingest: NewIngest, new_devices: NewDevices, qos: int
) -> None:
    """Far more messages than the broker's window of 20, and each is stored."""
    ingest = new_ingest(store.dsn, mosquitto.url)
    devices = new_devices(mosquitto.url)
    for n in range(500):
        devices.send(READINGS, reading(n, n), qos=qos)
    wait_for(ingest, 500)
    assert store.one("SELECT count(*) FROM readings") == 500
    assert ingest.in_hand <= 20


def test_the_session_waits(
    store: Store, any_broker: Broker, new_ingest: NewIngest, new_devices: NewDevices
) -> None:
    """What is sent while ingest is away is stored when it comes back."""
    new_ingest(store.dsn, any_broker.url).stop()
    devices = new_devices(any_broker.url)
    for n in range(100):
        devices.send(READINGS, reading(n, n))
    devices.flush()
    wait_for(new_ingest(store.dsn, any_broker.url), 100)
    assert store.readings() == [(n, n) for n in range(100)]


def test_stop_stores_and_acknowledges(
    store: Store, mosquitto: Mosquitto, new_ingest: NewIngest, new_devices: NewDevices
) -> None:
    """After a clean stop nothing that was stored comes again."""
    first = new_ingest(store.dsn, mosquitto.url)
    devices = new_devices(mosquitto.url)
    for n in range(50):
        devices.send(READINGS, reading(n, n))
    wait_for(first, 50)
    first.stop()
    second = new_ingest(store.dsn, mosquitto.url)
    devices.send(READINGS, reading(50, 50))
    wait_for(second, 1)
    assert second.counters.messages == 1
    assert store.one("SELECT count(*) FROM readings") == 51


def test_the_database_goes_away(
    tmp_path: Path, any_broker: Broker, new_ingest: NewIngest, new_devices: NewDevices
) -> None:
    """While the database is down nothing is acknowledged, and all is stored when it is back."""
    with (
        EmbeddedPostgres(tmp_path / "pg", settings={"fsync": "off"}) as server,
        fresh_database(server, migrate) as dsn,
    ):
        store = Store(dsn)
        ingest = new_ingest(dsn, any_broker.url)
        devices = new_devices(any_broker.url)
        devices.send(READINGS, reading(0, 0))
        wait_for(ingest, 1)
        server.kill()
        for n in range(1, 200):
            devices.send(READINGS, reading(n, n))
        devices.flush()
        wait_until(lambda: ingest.in_hand > 0, lambda: "nothing is in hand")
        server.start()
        wait_for(ingest, 200)
        assert store.readings() == [(n, n) for n in range(200)]
        ingest.stop()


def test_stop_with_the_database_away(
    tmp_path: Path, mosquitto: Mosquitto, new_ingest: NewIngest, new_devices: NewDevices
) -> None:
    """It stops all the same; what was not stored comes again at the next start."""
    with (
        EmbeddedPostgres(tmp_path / "pg", settings={"fsync": "off"}) as server,
        fresh_database(server, migrate) as dsn,
    ):
        ingest = new_ingest(dsn, mosquitto.url)
        devices = new_devices(mosquitto.url)
        server.kill()
        devices.send(READINGS, reading(0, 7))
        wait_until(lambda: ingest.in_hand == 1, lambda: "the message has not come")
        ingest.stop()
        assert ingest.counters.messages == 0
        server.start()
        again = new_ingest(dsn, mosquitto.url)
        wait_for(again, 1)
        assert Store(dsn).readings() == [(0, 7)]
        again.stop()


def test_a_statement_that_is_cut_off(
    store: Store, mosquitto: Mosquitto, new_ingest: NewIngest, new_devices: NewDevices
) -> None:
    """A connection lost in the middle of a batch rolls it back; it is written again, once."""
    ingest = new_ingest(store.dsn, mosquitto.url)
    devices = new_devices(mosquitto.url)
    devices.send(READINGS, reading(0, 0))
    wait_for(ingest, 1)
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"

    with psycopg.connect(store.dsn) as blocker:
        blocker.execute("LOCK TABLE batches")  # readings are copied before batches
        devices.send(READINGS, reading(1, 1))
        wait_until(lambda: store.one(waiting) == 1, lambda: "the batch is not in the middle")
        store.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'roaddust-ingest' AND datname = current_database()"
        )
        wait_until(lambda: store.one(waiting) in (0, 1), lambda: "")
        assert store.one("SELECT count(*) FROM readings") == 1
    wait_for(ingest, 2)
    assert store.readings() == [(0, 0), (1, 1)]
    assert store.one("SELECT count(*) FROM batches") == 2
    assert not store.letters()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_broker_goes_away(
    store: Store, nats: EmbeddedBroker, new_ingest: NewIngest, new_devices: NewDevices, end: str
) -> None:
    """After the broker was down ingest connects again by itself, and its session is still there."""
    ingest = new_ingest(store.dsn, nats.url)
    first = new_devices(nats.url)
    for n in range(20):
        first.send(READINGS, reading(n, n))
    first.flush()
    wait_for(ingest, 20)
    first.close()
    getattr(nats, end)()
    nats.start()
    second = new_devices(nats.url)
    for n in range(20, 40):
        second.send(READINGS, reading(n, n))
    second.flush()
    wait_until(
        lambda: store.one("SELECT count(*) FROM readings") == 40,
        lambda: f"{ingest.counters}",
        60,
    )
    assert store.readings() == [(n, n) for n in range(40)]
    assert not store.letters()


def test_no_broker_at_the_start(store: Store, new_ingest: NewIngest) -> None:
    """Without a broker `start` says where it looked."""
    from roaddust.embedded.loopback import free_port

    port = free_port()
    with pytest.raises(ConnectionError, match=f"127.0.0.1:{port}.*Is the broker running"):
        new_ingest(store.dsn, f"mqtt://127.0.0.1:{port}")


def test_a_broker_that_refuses(
    store: Store, new_mosquitto: Callable[..., Mosquitto], new_ingest: NewIngest
) -> None:
    """A wrong password is told by name, and never shown."""
    broker = new_mosquitto(users={"ingest": "right"})
    url = broker.url.replace("mqtt://", "mqtt://ingest:wrong@")
    with pytest.raises(ConnectionError, match="refuses") as refused:
        new_ingest(store.dsn, url)
    assert "wrong" not in str(refused.value)


# Lockstep -----------------------------------------------------------------------------------------


class World:
    """A world that sends, ticks, and waits for the answer that `on_clock` gives."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = datetime(1970, 1, 1, tzinfo=UTC)
        self.ticks: list[tuple[datetime, int]] = []
        self.ticked = threading.Condition()

    def on_clock(self, now: datetime) -> None:
        """What is committed when the tick arrives."""
        stored = self.store.one("SELECT count(*) FROM readings")
        with self.ticked:
            self.now = now
            self.ticks.append((now, stored))
            self.ticked.notify_all()

    def wait(self, count: int) -> None:
        with self.ticked:
            assert self.ticked.wait_for(lambda: len(self.ticks) >= count, 30), self.ticks


@pytest.mark.parametrize("step", [timedelta(minutes=1), timedelta(hours=1)])
def test_a_tick_finds_everything_before_it(
    store: Store,
    any_broker: Broker,
    new_ingest: NewIngest,
    new_devices: NewDevices,
    step: timedelta,
) -> None:
    """At each tick all readings before it are committed, however long the step of the clock is."""
    world = World(store)
    ingest = new_ingest(store.dsn, any_broker.url, now=lambda: world.now, on_clock=world.on_clock)
    devices = new_devices(any_broker.url)
    for tick in range(1, 6):
        for n in range(30):
            devices.send(READINGS, reading(tick * step.total_seconds() - n, n))
        devices.send("clock", {"now": (NOW + tick * step).isoformat()})
        world.wait(tick)
    assert world.ticks == [(NOW + tick * step, 30 * tick) for tick in range(1, 6)]
    wait_for(ingest, 5 * 31)
    assert not store.letters()
    assert ingest.counters.dead.total() == 0
    assert ingest.counters.stored == {"readings": 150}


def test_ahead_of_the_tick(
    store: Store, mosquitto: Mosquitto, new_ingest: NewIngest, new_devices: NewDevices
) -> None:
    """In lockstep too a time more than ten minutes ahead of the clock is a dead letter."""
    world = World(store)
    new_ingest(store.dsn, mosquitto.url, now=lambda: world.now, on_clock=world.on_clock)
    devices = new_devices(mosquitto.url)
    for n in (0, 600, 601):
        devices.send(READINGS, reading(n, n))
    devices.send("clock", {"now": NOW_MS})
    world.wait(1)
    assert world.ticks == [(NOW, 2)]
    assert store.letters() == ["ahead"]


def test_a_bad_tick(
    store: Store, mosquitto: Mosquitto, new_ingest: NewIngest, new_devices: NewDevices
) -> None:
    """A tick that cannot be read is a dead letter, and the next one works."""
    world = World(store)
    ingest = new_ingest(store.dsn, mosquitto.url, now=lambda: world.now, on_clock=world.on_clock)
    devices = new_devices(mosquitto.url)
    devices.send("clock", {"now": "noon"})
    devices.send("clock", {"then": NOW_MS})
    devices.send("clock", {"now": NOW_MS})
    world.wait(1)
    wait_for(ingest, 3)
    assert store.letters() == ["missing", "time"]
    assert [now for now, _ in world.ticks] == [NOW]


def test_a_tick_that_fails_is_not_acknowledged(
    store: Store, mosquitto: Mosquitto, new_ingest: NewIngest, new_devices: NewDevices
) -> None:
    """What `on_clock` raises stops ingest and is its failure; the tick comes again."""

    def broken(_: datetime) -> None:
        raise ArithmeticError("a stage failed")

    ingest = new_ingest(store.dsn, mosquitto.url, on_clock=broken)
    devices = new_devices(mosquitto.url)
    devices.send(READINGS, reading(0, 0))
    devices.send("clock", {"now": NOW_MS})
    wait_until(lambda: ingest.failure is not None, lambda: "no failure")
    assert isinstance(ingest.failure, ArithmeticError)
    ingest.stop()
    assert store.readings() == [(0, 0)]
    world = World(store)
    new_ingest(store.dsn, mosquitto.url, now=lambda: world.now, on_clock=world.on_clock)
    world.wait(1)
    assert world.ticks == [(NOW, 1)]


def test_a_tick_that_takes_longer_than_the_broker_waits(
    store: Store, nats: EmbeddedBroker, new_ingest: NewIngest, new_devices: NewDevices
) -> None:
    """A tick sent again while it is being worked on is one tick."""
    world = World(store)
    running: list[Ingest] = []

    def slow(now: datetime) -> None:
        if not world.ticks:
            wait_until(lambda: running[0].in_hand > 1, lambda: "the broker has not sent it again")
        world.on_clock(now)

    devices = new_devices(nats.url)
    running.append(new_ingest(store.dsn, nats.url, now=lambda: world.now, on_clock=slow))
    devices.send("clock", {"now": NOW_MS})
    world.wait(1)
    devices.send("clock", {"now": NOW_MS + 60_000})
    world.wait(2)
    assert [now for now, _ in world.ticks] == [NOW, NOW + timedelta(minutes=1)]


def test_retained_messages_are_stored_once(
    store: Store, mosquitto: Mosquitto, new_ingest: NewIngest
) -> None:
    """A device that retains its reading sends it again at each subscription; it is stored once."""
    address = Address.parse(mosquitto.url)
    device = client(address, "retaining", persistent=False)
    device.connect(address.host, address.port)
    device.loop_start()
    device.publish(
        f"{PREFIX}up/{READINGS}", json.dumps(reading(0, 1)), 1, retain=True
    ).wait_for_publish(30)
    for _ in range(2):
        ingest = new_ingest(store.dsn, mosquitto.url)
        wait_for(ingest, 1)
        ingest.stop()
    device.disconnect()
    device.loop_stop()
    assert store.readings() == [(0, 1)]
    assert not store.letters()
