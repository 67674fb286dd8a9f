import queue
import threading
from collections.abc import Iterator

import pytest

from broker.connection import Address, client
from roaddust.embedded import EmbeddedBroker
from roaddust.publisher import Publisher
from store.database import connect
from store.outbox import post
from tests.services import Mosquitto

Broker = EmbeddedBroker | Mosquitto
Heard = queue.Queue[tuple[str, bytes]]


@pytest.fixture
def listener(any_broker: Broker) -> Iterator[Heard]:
    """Messages under down/#, as (topic, payload) in the order they come."""
    heard: Heard = queue.Queue()
    subscribed = threading.Event()
    ear = client(Address.parse(any_broker.url), "listener", persistent=False)
    ear.on_message = lambda _c, _u, m: heard.put((m.topic, bytes(m.payload)))
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
