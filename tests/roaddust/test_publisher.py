import logging
import queue
import threading
from collections.abc import Callable, Iterator

import pytest
from paho.mqtt.client import MQTTMessage

from broker.connection import Address, client
from roaddust.embedded import EmbeddedBroker
from roaddust.publisher import BrokerSilent, Publisher
from store.database import Connection, connect
from store.outbox import post
from tests.services import Mosquitto
from tests.services.waiting import wait_until

Broker = EmbeddedBroker | Mosquitto
Heard = queue.Queue[tuple[str, bytes]]


@pytest.fixture
def listener(any_broker: Broker) -> Iterator[Heard]:
    """Messages under down/#, as (topic, payload) in the order they come.

    What a broker hands over again, because a busy machine was slow to acknowledge, is left out.
    """
    heard: Heard = queue.Queue()
    subscribed = threading.Event()
    ear = client(Address.parse(any_broker.url), "listener", persistent=False)

    def hear(_client: object, _data: object, message: MQTTMessage) -> None:
        if not message.dup:
            heard.put((message.topic, bytes(message.payload)))

    ear.on_message = hear
    ear.on_subscribe = lambda *_: subscribed.set()
    ear.connect(any_broker.host, any_broker.port)
    ear.loop_start()
    ear.subscribe("test/down/#", qos=1)
    assert subscribed.wait(20)
    yield heard
    ear.disconnect()
    ear.loop_stop()


def test_the_outbox_leaves_in_order_and_only_once_committed(
    any_broker: Broker, migrated_embedded_db: str, listener: Heard
) -> None:
    """What is committed is published in order and then forgotten; what is rolled back is not."""
    publisher = Publisher(Address.parse(any_broker.url), "test/")
    publisher.start()
    try:
        publisher.online()
        assert listener.get(timeout=20) == ("test/down/status", b'{"status":"online"}')
        with connect(migrated_embedded_db, name="test") as conn:
            post(conn, [("down/never", b"x", False)])
            conn.rollback()
            wanted = [(f"down/n/{n}", str(n).encode(), False) for n in range(1500)]
            post(conn, wanted)
            conn.commit()
            assert publisher.drain(conn) == 1500
            assert publisher.drain(conn) == 0
        heard = [listener.get(timeout=20) for _ in wanted]
        assert heard == [(f"test/{topic}", payload) for topic, payload, _ in wanted]
    finally:
        publisher.stop()
    assert listener.get(timeout=20) == ("test/down/status", b'{"status":"offline"}')


def test_a_broker_that_is_not_there_is_said_plainly() -> None:
    """The error names the address, without its password, and says what to do."""
    publisher = Publisher(Address.parse("mqtt://me:secret@127.0.0.1:9"), "test/")
    with pytest.raises(ConnectionError, match=r"mqtt://me@127\.0\.0\.1:9.*--mqtt"):
        publisher.start()


def test_the_outbox_waits_for_a_broker_that_was_away(
    mosquitto: Mosquitto, migrated_embedded_db: str
) -> None:
    """What is posted while the broker is away is published once it is back: all of it, in order,
    and each once however often it was tried."""
    publisher = Publisher(Address.parse(mosquitto.url), "test/", status=False)
    publisher.start()
    heard: Heard = queue.Queue()
    stop = threading.Event()
    running = threading.Thread(target=publisher.run, args=(migrated_embedded_db, stop))
    try:
        # A session that outlives the broker hears from the first message on.
        ear = client(Address.parse(mosquitto.url), "listener", persistent=True)
        ear.on_message = lambda _c, _u, m: heard.put((m.topic, bytes(m.payload)))
        subscribed = threading.Event()
        ear.on_subscribe = lambda *_: subscribed.set()
        ear.connect(mosquitto.host, mosquitto.port)
        ear.loop_start()
        ear.subscribe("test/down/#", qos=1)
        assert subscribed.wait(20)
        wanted = [(f"down/n/{n}", str(n).encode(), False) for n in range(1500)]
        with connect(migrated_embedded_db, name="test") as conn:
            mosquitto.stop()
            post(conn, wanted)
            conn.commit()
            for _ in range(3):
                with pytest.raises(BrokerSilent):
                    publisher.drain(conn)
                conn.rollback()
            running.start()
            mosquitto.start()
            found = [heard.get(timeout=60) for _ in wanted]
            assert found == [(f"test/{topic}", payload) for topic, payload, _ in wanted]
            wait_until(lambda: left(conn) == 0, lambda: f"{left(conn)} in the outbox")
        publisher.say("down/end", b"").wait_for_publish(20)
        assert heard.get(timeout=20) == ("test/down/end", b"")
    finally:
        stop.set()
        running.join(20)
        publisher.stop()
        ear.disconnect()
        ear.loop_stop()
    assert not running.is_alive()


def test_what_the_broker_will_not_have_is_reported(
    new_mosquitto: Callable[..., Mosquitto],
    migrated_embedded_db: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A message that the access file forbids is told of once, with topic and advice, is counted,
    and holds up no other; it is not tried again."""
    broker = new_mosquitto(acl="topic write test/down/status\ntopic write test/down/crews/#\n")
    publisher = Publisher(Address.parse(broker.url), "test/")
    publisher.start()
    try:
        with connect(migrated_embedded_db, name="test") as conn, caplog.at_level(logging.ERROR):
            post(conn, [(f"down/segments/S{n}/state", b"{}", True) for n in range(3)])
            post(conn, [("down/crews/K1/orders", b"{}", True)])
            conn.commit()

            def drained() -> bool:
                # Some versions of Mosquitto close the connection at each refusal.
                try:
                    publisher.drain(conn)
                except BrokerSilent:
                    conn.rollback()
                return left(conn) == 0

            wait_until(drained, lambda: f"{left(conn)} in the outbox", 60)
    finally:
        publisher.stop()
    assert publisher.refused == {"down/segments": 3}
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "test/down/segments/S0/state: Not authorized: allow it to this user" in told


def left(conn: Connection) -> int:
    """Messages in the outbox."""
    row = conn.execute(b"SELECT count(*) FROM outbox").fetchone()
    conn.rollback()
    assert row is not None
    return int(row[0])
