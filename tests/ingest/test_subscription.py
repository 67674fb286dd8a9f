"""Which MQTT is spoken, what a broker's reasons become, and what is read off the wire."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from broker.connection import Address, client
from ingest.arrivals import Arrival, InHand
from ingest.subscription import Subscription
from roaddust.embedded import EmbeddedBroker
from tests.ingest.scripted import (
    CONNECT,
    OLD_CONNACK,
    SUBSCRIBE,
    TOO_NEW,
    Script,
    ScriptedBroker,
    connack,
    suback,
)
from tests.services import Mosquitto
from tests.services.waiting import wait_until

PREFIX = "p/"
NewSubscription = Callable[..., tuple[Subscription, InHand]]


@pytest.fixture
def new_subscription() -> Iterator[NewSubscription]:
    """A subscription that is not started yet, and its hand-over; it ends with the test."""
    with ExitStack() as running:

        def make(
            url: str, *, most: int = 1000, client_id: str = "ears", **options: Any
        ) -> tuple[Subscription, InHand]:
            in_hand = InHand(most, 2**26)
            made = Subscription(Address.parse(url), client_id, PREFIX, in_hand, **options)
            running.callback(made.end)
            return made, in_hand

        yield make


def send(url: str, *payloads: bytes, properties: Properties | None = None) -> None:
    """Publish below the prefix, by MQTT 5; returns once the broker has it."""
    address = Address.parse(url)
    sender = client(address, "sender", persistent=False, five=True)
    sender.max_inflight_messages_set(20)
    sender.connect(address.host, address.port)
    sender.loop_start()
    for payload in payloads:
        info = sender.publish(f"{PREFIX}up/x", payload, 1, properties=properties)
    info.wait_for_publish(30)
    assert info.is_published()
    sender.disconnect()
    sender.loop_stop()


def take(in_hand: InHand, count: int) -> list[Arrival]:
    found: list[Arrival] = []
    while len(found) < count:
        one = in_hand.take(30)
        assert one is not None, f"{len(found)} of {count} have come: {found[-1:]}"
        found.append(one)
    return found


def test_the_newest_mqtt_that_the_broker_has(
    mosquitto: Mosquitto, nats: EmbeddedBroker, new_subscription: NewSubscription
) -> None:
    """MQTT 5 with Mosquitto; 3.1.1 with NATS, which refuses 5, and where 5 is not wanted."""
    spoken = {}
    for name, url, five in [
        ("mosquitto", mosquitto.url, True),
        ("nats", nats.url, True),
        ("unwanted", mosquitto.url, False),
    ]:
        made, _ = new_subscription(url, client_id=name, five=five)
        made.start()
        spoken[name] = made.version
    assert spoken == {"mosquitto": "5", "nats": "3.1.1", "unwanted": "3.1.1"}


def test_a_broker_that_hangs_up_on_mqtt_5(new_subscription: NewSubscription) -> None:
    """Where the connection is closed at a CONNECT of MQTT 5, 3.1.1 is tried."""
    old: Script = {CONNECT: lambda _: OLD_CONNACK, SUBSCRIBE: lambda p: suback(p, 1, five=False)}
    with ScriptedBroker({CONNECT: lambda _: None}, old) as broker:
        made, _ = new_subscription(broker.url)
        made.start()
        assert broker.versions == [5, 4]
        assert made.version == "3.1.1"


def test_no_more_under_way_than_there_is_room_for(
    mosquitto: Mosquitto, new_subscription: NewSubscription
) -> None:
    """By MQTT 5 the broker sends what the hand-over takes, and more for each acknowledgement."""
    made, in_hand = new_subscription(mosquitto.url, most=50)
    witness, beside = new_subscription(mosquitto.url, client_id="witness")
    made.start()
    witness.start()
    send(mosquitto.url, *[str(n).encode() for n in range(200)])
    take(beside, 200)
    first = take(in_hand, 50)
    assert made.received == 50
    made.settle(first[:7])
    rest = take(in_hand, 7)
    wait_until(lambda: in_hand.messages == 50, lambda: f"{in_hand.messages}")
    assert made.received == 57
    found = first + rest
    made.settle(found[7:])
    while len(found) < 200:
        found += take(in_hand, 1)
        made.settle(found[-1:])
    assert [one.payload for one in found] == [str(n).encode() for n in range(200)]


def test_what_a_message_may_carry(mosquitto: Mosquitto, new_subscription: NewSubscription) -> None:
    """Properties, empty payloads and those beyond what is read at once come as they were sent."""
    made, in_hand = new_subscription(mosquitto.url)
    made.start()
    carried = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    carried.UserProperty = [("site", "XH01"), ("long", "x" * 200)]
    carried.ContentType = "application/json"
    payloads = [b"", b"{}", b"z" * 70_000, b"##0", b"y" * 300_000]
    send(mosquitto.url, *payloads, properties=carried)
    send(mosquitto.url, *payloads)
    found = take(in_hand, 10)
    assert [one.payload for one in found] == payloads * 2
    assert {(one.topic, one.qos, one.again) for one in found} == {("up/x", 1, False)}


def test_a_message_that_makes_no_sense(new_subscription: NewSubscription) -> None:
    """A PUBLISH shorter than its own parts ends the connection, and another one is made."""
    broken = [
        bytes([0x32, 3, 0, 9, 97]),  # a topic longer than the packet
        bytes([0x32, 5, 0, 1, 97, 0, 1]),  # no length of the properties
        bytes([0x32, 9, 0, 1, 97, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF]),  # one that does not end
        bytes([0x32, 6, 0, 1, 97, 0, 1, 50]),  # properties longer than the packet
    ]

    def serving(after: bytes) -> Script:
        return {CONNECT: lambda _: connack(), SUBSCRIBE: lambda p: suback(p, 1) + after}

    good = bytes([0x32, 8, 0, 3]) + b"p/a" + bytes([0, 7, 0])
    scripts = [serving(packet) for packet in broken]
    with ScriptedBroker(*scripts, serving(good)) as broker:
        made, in_hand = new_subscription(broker.url)
        made.start()
        (one,) = take(in_hand, 1)
        assert (one.topic, one.payload, one.mid, one.link) == ("a", b"", 7, 5)
        assert made.received == 1


@pytest.mark.parametrize("five", [True, False])
def test_a_refused_subscription(new_subscription: NewSubscription, five: bool) -> None:
    """The error names the topic, the broker's reason and its own words, and what to do."""
    script: Script = {
        CONNECT: lambda _: connack(),
        SUBSCRIBE: lambda p: suback(p, 0x87, "no reading here"),
    }
    old: Script = {
        CONNECT: lambda _: OLD_CONNACK,
        SUBSCRIBE: lambda p: suback(p, 0x80, five=False),
    }
    scripts = [script] if five else [{CONNECT: lambda _: TOO_NEW}, old]
    with ScriptedBroker(*scripts) as broker:
        made, _ = new_subscription(broker.url)
        with pytest.raises(ConnectionError) as refused:
            made.start()
    words = str(refused.value)
    assert "refuses the subscription to p/up/#" in words
    assert "the broker's access file" in words
    assert ("Not authorized (no reading here)" in words) == five


def test_a_refused_connection(new_subscription: NewSubscription) -> None:
    """The error says what the reason code means and what to do."""
    with ScriptedBroker({CONNECT: lambda _: connack(0x86)}) as broker:
        made, _ = new_subscription(broker.url)
        with pytest.raises(ConnectionError, match=r"Bad user name or password: correct user"):
            made.start()


def test_a_session_that_is_kept_for_less(
    new_subscription: NewSubscription, caplog: pytest.LogCaptureFixture
) -> None:
    """A broker that keeps the session for less time than asked is told of."""
    an_hour = b"\x11" + (3600).to_bytes(4, "big")
    script: Script = {
        CONNECT: lambda _: connack(0, an_hour),
        SUBSCRIBE: lambda p: suback(p, 1),
    }
    with ScriptedBroker(script) as broker, caplog.at_level(logging.WARNING):
        made, _ = new_subscription(broker.url, keep_s=48 * 3600)
        made.start()
    assert "1.0 h only, not 48.0 h as asked" in caplog.text


def test_two_of_the_same_name(
    mosquitto: Mosquitto, new_subscription: NewSubscription, caplog: pytest.LogCaptureFixture
) -> None:
    """Two that throw each other out say so, and do it ever more slowly."""
    first, _ = new_subscription(mosquitto.url)
    second, _ = new_subscription(mosquitto.url)
    first.start()
    with caplog.at_level(logging.WARNING):
        second.start()
        wait_until(
            lambda: "another client of the id ears" in caplog.text,
            lambda: caplog.text,
        )


def test_no_shared_subscription_in_the_old_mqtt(
    nats: EmbeddedBroker, new_subscription: NewSubscription
) -> None:
    """Several workers on a broker of 3.1.1 are refused with what to do."""
    made, _ = new_subscription(nats.url, group="g", shared=True)
    with pytest.raises(ConnectionError, match=r"set ingest\.workers to 1"):
        made.start()
