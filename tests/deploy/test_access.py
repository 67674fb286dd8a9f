"""Who may say and hear what, on real brokers with the files of docs/deploy."""

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from broker.connection import Address
from ingest.registry import Registry, StationFacts
from ingest.runner import Ingest
from ingest.settings import IngestSettings
from tests.deploy.conftest import DISTRICT, PREFIX, SHIPPED, Locked
from tests.services.waiting import wait_until

NOT_AUTHORIZED = 0x87
STATION, CREW = "stations/ST01", "crews/WATER-A"


def _marked(guest_topics: list[str], marker: str) -> list[str]:
    """What was heard before the marker."""
    return guest_topics[: guest_topics.index(marker)]


@pytest.mark.parametrize(
    ("user", "password"),
    [(None, None), ("stations/ST01", "guess"), ("stranger", "guess"), ("platform", "platform")],
)
def test_a_stranger_is_refused(locked: Locked, user: str | None, password: str | None) -> None:
    """Without a known name and its password nobody comes in."""
    assert locked.guest(user, password=password).refused
    assert locked.guest(STATION).refused is None


FORBIDDEN = {
    STATION: (
        "up/stations/ST02/readings",
        "up/stations/ST01/more/readings",
        "up/crews/ST01/position",
        "up/cameras/GATE01/events",
        "up/clock",
        "up/reports/12345",
        "down/crews/WATER-A/orders",
        "down/status",
        "gateway/packets/ST01/x/1",
    ),
    CREW: (
        "up/crews/WATER-B/position",
        "up/crews/WATER-B/progress",
        "up/stations/WATER-A/readings",
        "down/crews/WATER-A/orders",
        "down/episodes/e1",
    ),
    "cameras/GATE01": ("up/cameras/GATE02/events", "up/drones/GATE01/events", "up/clock"),
    "viewer": ("up/stations/ST01/readings", "down/segments/XH01/state"),
    "gateway-hj212": ("up/cameras/GATE01/events", "up/crews/WATER-A/position", "down/status"),
}
ALLOWED = {
    STATION: "up/stations/ST01/readings",
    CREW: "up/crews/WATER-A/progress",
    "cameras/GATE01": "up/cameras/GATE01/events",
    "drones/D1": "up/drones/D1/events",
    "reports/12345": "up/reports/12345",
    "gateway-hj212": "up/stations/ST02/readings",
    "gateway-hikvision": "up/cameras/GATE02/events",
    "gateway-dji": "up/drones/any/events",
}


@pytest.mark.parametrize("user", FORBIDDEN)
def test_a_device_says_nothing_for_another(locked: Locked, user: str) -> None:
    """What is not its own is heard by nobody: not on another's topic, not as another kind, not
    as the platform."""
    platform = locked.guest("platform", client_id="ears")
    platform.hear(f"{PREFIX}up/#")
    crew = locked.guest("crews/WATER-B")
    crew.hear("#")
    for topic in FORBIDDEN[user]:
        # A broker may close the connection for it, so each try has one of its own.
        locked.guest(user).try_to_say(topic)
    if user in ALLOWED:
        locked.guest(user).say(ALLOWED[user])
    else:
        locked.guest(STATION).say(ALLOWED[STATION])
    marker = PREFIX + ALLOWED.get(user, ALLOWED[STATION])
    wait_until(lambda: marker in platform.topics(), lambda: f"{platform.heard}; {locked.log()}")
    assert _marked(platform.topics(), marker) == []
    assert crew.topics() == []


def test_each_says_its_own(locked: Locked) -> None:
    """What the contract lets a device say arrives, each in the order it was said."""
    platform = locked.guest("platform", client_id="ears")
    platform.hear(f"{PREFIX}up/#")
    for user, topic in ALLOWED.items():
        guest = locked.guest(user)
        assert guest.refused is None, user
        guest.say(topic)
    wanted = [PREFIX + topic for topic in ALLOWED.values()]
    wait_until(lambda: len(platform.heard) == len(wanted), lambda: f"{platform.heard}")
    assert platform.topics() == wanted


def test_a_crew_hears_its_own_orders_alone(locked: Locked) -> None:
    """Whatever a crew subscribes to, it hears its orders and no other's; nor do a station and a
    viewer, retained ones neither."""
    platform = locked.guest("platform", client_id="mouth")
    platform.say("down/crews/WATER-B/orders", b"kept", retain=True)
    listening = {
        CREW: locked.guest(CREW),
        "crews/WATER-B": locked.guest("crews/WATER-B"),
        STATION: locked.guest(STATION),
        "viewer": locked.guest("viewer"),
    }
    for user, guest in listening.items():
        guest.hear(f"{PREFIX}down/{user}/orders", f"{PREFIX}down/segments/+/state")
        guest.hear(f"{PREFIX}#", f"{PREFIX}down/#", f"{PREFIX}down/crews/WATER-B/orders")
        guest.hear(f"{PREFIX}down/status")
    platform.say("down/crews/WATER-A/orders", b"a")
    platform.say("down/segments/XH01/state", b"s")
    platform.say("down/status", b"end")

    def through() -> bool:
        return all(f"{PREFIX}down/status" in guest.topics() for guest in listening.values())

    wait_until(through, lambda: f"{[(u, g.heard) for u, g in listening.items()]}")
    heard = {user: set(guest.heard) for user, guest in listening.items()}
    end = (f"{PREFIX}down/status", b"end")
    assert heard[CREW] == {(f"{PREFIX}down/crews/WATER-A/orders", b"a"), end}
    assert heard["crews/WATER-B"] == {(f"{PREFIX}down/crews/WATER-B/orders", b"kept"), end}
    assert heard[STATION] == {end}
    assert heard["viewer"] == {(f"{PREFIX}down/segments/XH01/state", b"s"), end}


def test_devices_hear_nothing_of_what_comes_in(locked: Locked) -> None:
    """A station does not hear another's readings, nor a crew where the others are."""
    crew, station = locked.guest(CREW), locked.guest("stations/ST02")
    for guest in (crew, station):
        guest.hear(f"{PREFIX}up/#", f"{PREFIX}up/stations/+/readings", f"{PREFIX}down/status")
    locked.guest(STATION).say("up/stations/ST01/readings")
    locked.guest("crews/WATER-B").say("up/crews/WATER-B/position")
    locked.guest("platform", client_id="mouth").say("down/status")
    for guest in (crew, station):
        hearing = guest.heard
        wait_until(lambda: bool(hearing), lambda: "nothing was heard")  # noqa: B023
        assert guest.topics() == [f"{PREFIX}down/status"]


def test_by_mqtt_5_a_refusal_is_told(locked_mosquitto: Locked) -> None:
    """The answer to a forbidden message says so, and the connection goes on."""
    station = locked_mosquitto.guest(STATION, version=mqtt.MQTTv5)
    assert station.say("up/stations/ST02/readings") == NOT_AUTHORIZED
    assert station.say("down/crews/WATER-A/orders") == NOT_AUTHORIZED
    assert station.say("up/stations/ST01/readings") in (0, 0x10)  # 0x10: nobody listens
    assert not station.lost


def test_by_mqtt_3_a_refusal_does_not_end_the_connection(locked_mosquitto: Locked) -> None:
    """A forbidden message is acknowledged and dropped: a device with one wrong topic goes on with
    its right ones."""
    platform = locked_mosquitto.guest("platform", client_id="ears")
    platform.hear(f"{PREFIX}up/#")
    station = locked_mosquitto.guest(STATION)
    station.say("up/stations/ST02/readings")
    station.say("up/stations/ST01/readings", b"mine")
    wait_until(lambda: bool(platform.heard), lambda: "nothing was heard")
    assert platform.heard == [(f"{PREFIX}up/stations/ST01/readings", b"mine")]
    assert not station.lost


def test_nobody_takes_anothers_session(locked_mosquitto: Locked) -> None:
    """A device that takes the id of the platform's session neither ends nor inherits it."""
    address = Address.parse(locked_mosquitto.platform)
    ingest = mqtt.Client(CallbackAPIVersion.VERSION2, "roaddust-ingest", clean_session=False)
    ingest.username_pw_set(address.username, address.password)
    events: list[str] = []
    ingest.on_subscribe = lambda *_: events.append("subscribed")
    ingest.on_disconnect = lambda *_: events.append("lost")
    ingest.on_message = lambda _c, _d, m: events.append(m.topic)
    ingest.connect(address.host, address.port)
    ingest.loop_start()
    try:
        ingest.subscribe(f"{PREFIX}up/#", 1)
        wait_until(lambda: "subscribed" in events, lambda: f"{events}")
        thief = locked_mosquitto.guest(STATION, client_id="roaddust-ingest", persistent=True)
        assert thief.refused is None
        thief.say("up/stations/ST01/readings")
        wait_until(lambda: len(events) > 1, lambda: f"{events}")
        assert events == ["subscribed", f"{PREFIX}up/stations/ST01/readings"]
        assert thief.heard == []
    finally:
        ingest.disconnect()
        ingest.loop_stop()


def test_shared_subscriptions_are_the_platforms(locked_mosquitto: Locked) -> None:
    """Several workers of the platform may share the way in; a crew that asks for it hears
    nothing, and takes nothing away."""
    worker = locked_mosquitto.guest("platform", version=mqtt.MQTTv5, client_id="w1")
    worker.hear(f"$share/ingest/{PREFIX}up/#")
    crew = locked_mosquitto.guest(CREW, version=mqtt.MQTTv5)
    crew.hear(f"$share/other/{PREFIX}up/#")
    station = locked_mosquitto.guest(STATION)
    for n in range(10):
        station.say("up/stations/ST01/readings", b"%d" % n)
    wait_until(lambda: len(worker.heard) == 10, lambda: f"{worker.heard}")
    assert crew.heard == []


def test_tls_is_needed_and_checked(locked: Locked) -> None:
    """The devices' port speaks TLS alone, and a client that does not trust its authority does not
    tell its password."""
    assert locked.guest(STATION).refused is None
    assert locked.guest(STATION, tls=False).refused
    with (
        socket.create_connection(("127.0.0.1", locked.tls_port)) as raw,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        ssl.create_default_context().wrap_socket(raw, server_hostname="127.0.0.1").close()


def test_readings_come_in_over_tls(
    locked: Locked, migrated_embedded_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform's own way in works with the shipped files, with a certificate of the
    authority that SSL_CERT_FILE names."""
    monkeypatch.setenv("SSL_CERT_FILE", str(locked.authority.ca))
    ingest = Ingest(
        migrated_embedded_db,
        Address.parse(locked.url("platform")),
        PREFIX,
        Registry(stations={"ST01": StationFacts()}),
        IngestSettings(),
        lambda: datetime(2026, 3, 1, 8, tzinfo=UTC),
    )
    ingest.start()
    try:
        said = b'{"ts": 1772352000000, "pm10": 80}'
        locked.guest(STATION).say("up/stations/ST01/readings", said)
        wait_until(lambda: ingest.counters.messages == 1, lambda: f"{ingest.counters}")
    finally:
        ingest.stop()
    with psycopg.connect(migrated_embedded_db) as conn:
        assert conn.execute("SELECT station, pm10 FROM readings").fetchall() == [("ST01", 80.0)]


def test_the_examples_are_of_the_district(locked: Locked) -> None:
    """Every device of the shipped district has a user, and comes in by it."""
    assert set(locked.passwords) >= {
        *(f"stations/{one}" for one in DISTRICT.stations),
        *(f"cameras/{one}" for one in DISTRICT.cameras),
        *(f"crews/{one}" for one in DISTRICT.crews),
    }
    assert all(locked.guest(user).refused is None for user in list(locked.passwords)[:12])


def test_the_page_names_the_files() -> None:
    """docs/deploy/broker.md speaks of every file that is shipped for the brokers."""
    page = (SHIPPED / "broker.md").read_text()
    files = [*Path(SHIPPED / "mosquitto").iterdir(), *Path(SHIPPED / "nats").iterdir()]
    assert all(f"{file.parent.name}/{file.name}" in page for file in files)
