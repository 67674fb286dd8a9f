import queue

import pytest

from broker.connection import Address, client
from roaddust.publisher import Publisher
from store.database import connect
from store.outbox import post


@pytest.fixture
def listener(any_broker):
    """Messages under down/#, as (topic, payload, retained) in the order they come."""
    heard: queue.Queue[tuple[str, bytes, bool]] = queue.Queue()
    subscribed = queue.Queue()
    ear = client(Address.parse(any_broker.url), "listener", persistent=False)
    ear.on_message = lambda _c, _u, m: heard.put((m.topic, m.payload, m.retain))
    ear.on_subscribe = lambda *_: subscribed.put(1)
    ear.connect(any_broker.host, any_broker.port)
    ear.loop_start()
    ear.subscribe("test/down/#", qos=1)
    subscribed.get(timeout=20)
    yield heard
    ear.disconnect()
    ear.loop_stop()


def test_the_outbox_leaves_in_order_and_only_once_committed(
    any_broker, migrated_embedded_db, listener
):
    """What is committed is published in order and then forgotten; what is rolled back is not."""
    publisher = Publisher(Address.parse(any_broker.url), "test/")
    publisher.start()
    try:
        assert listener.get(timeout=20)[:2] == ("test/down/status", b'{"status":"online"}')
        with connect(migrated_embedded_db, name="test") as conn:
            post(conn, [("down/never", b"x", False)])
            conn.rollback()
            wanted = [(f"down/n/{n}", str(n).encode(), False) for n in range(1500)]
            post(conn, wanted)
            conn.commit()
            assert publisher.drain(conn) == 1500
            assert publisher.drain(conn) == 0
        heard = [listener.get(timeout=20)[:2] for _ in wanted]
        assert heard == [(f"test/{topic}", payload) for topic, payload, _ in wanted]
    finally:
        publisher.stop()
    assert listener.get(timeout=20)[:2] == ("test/down/status", b'{"status":"offline"}')


def test_a_broker_that_is_not_there_is_said_plainly():
    """The error names the address, without its password, and says what to do."""
    publisher = Publisher(Address.parse("mqtt://me:secret@127.0.0.1:9"), "test/")
    with pytest.raises(ConnectionError, match=r"mqtt://me@127\.0\.0\.1:9.*--mqtt"):
        publisher.start()
