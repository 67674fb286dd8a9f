"""Makers' gateways on real sockets and a real broker."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

import httpx
import pytest

from broker.connection import Address
from ingest.gateway.dji import DjiBridge
from ingest.gateway.hikvision import HikvisionListener
from ingest.gateway.outward import Outward
from ingest.gateway.vendorsettings import VendorSettings
from ingest.gateway.web import WebServer
from ingest.vendors.table import HERE, Table, load_table
from tests.ingest.conftest import Devices
from tests.ingest.loggers import PREFIX, Heard
from tests.ingest.test_vendors import JPEG, MULTIPART, PARKING, alert, encoded, multipart, uploaded
from tests.services import Mosquitto
from tests.services.waiting import wait_until

SHANGHAI = ZoneInfo("Asia/Shanghai")
TOKEN = "a-long-enough-token"
NAMES = {"68:6d:bc:00:00:01": "CAM-1", "DOCK01": "DOCK-1"}
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def table(vendor: str) -> Table:
    shipped = load_table(HERE / f"{vendor}.toml")
    return Table(shipped.rules, NAMES, shipped.lon, shipped.lat, shipped.plate, shipped.note)


class Listening:
    """A Hikvision listener in a thread with an event loop of its own."""

    def __init__(self, url: str, **settings: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

        async def start() -> tuple[Outward, HikvisionListener, WebServer]:
            outward = Outward(Address.parse(url), "test-hikvision", 10)
            listener = HikvisionListener(
                outward,
                PREFIX,
                table("hikvision"),
                SHANGHAI,
                VendorSettings(token=TOKEN, **settings),
            )
            web = WebServer(listener.app, 50)
            await outward.start()
            await web.start("127.0.0.1", 0)
            return outward, listener, web

        self._outward, self.listener, self._web = self._run(start())
        self.address = f"http://127.0.0.1:{self._web.port}/hikvision/"

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def post(self, body: Any, content_type: str = "application/xml", token: str = TOKEN) -> int:
        headers = {"content-type": content_type}
        answer = httpx.post(self.address + token, content=body, headers=headers, timeout=30)
        return answer.status_code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._run(self._web.stop())
        self._run(self._outward.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


@pytest.fixture
def heard(mosquitto: Mosquitto) -> Iterator[Heard]:
    with Heard(mosquitto.url) as hearer:
        yield hearer


def test_an_alarm_becomes_an_event(mosquitto: Mosquitto, heard: Heard, tmp_path: Path) -> None:
    """It is answered 200 once the broker has the event; the picture is kept under its digest."""
    with Listening(mosquitto.url, pictures=str(tmp_path)) as camera:
        body = multipart(("text/xml", alert(inner=PARKING)), ("image/jpeg", JPEG))
        assert camera.post(body, MULTIPART) == 200
        ((topic, payload),) = heard.wait(1)
        assert camera.post(body, MULTIPART) == 200  # a camera repeats itself
        assert camera.post(alert("linedetection")) == 200
        assert camera.post(alert("videoloss", "inactive")) == 200
        assert camera.listener.counters.events == {"illegal_parking": 1}
        assert (camera.listener.counters.again, camera.listener.counters.passed_over) == (1, 2)
    assert topic == "up/cameras/CAM-1/events"
    event = json.loads(payload)
    (picture,) = event.pop("media")
    assert event == {
        "ts": "2026-03-01T16:00:00+08:00",
        "kind": "illegal_parking",
        "note": "AID alarm",
    }
    assert (tmp_path / picture["file"]).read_bytes() == JPEG
    assert len(heard.messages) == 1


def test_what_cannot_be_read_becomes_a_dead_letter(mosquitto: Mosquitto, heard: Heard) -> None:
    """It is published as it came, under its camera where that can be told."""
    wrong = alert(dateTime="yesterday")
    with Listening(mosquitto.url) as camera:
        assert camera.post(wrong) == 200
        assert camera.post(b"\0\xff") == 200
        assert camera.listener.counters.unreadable == {"time": 1, "type": 1}
    assert heard.wait(2) == [
        ("up/cameras/CAM-1/events", wrong),
        ("up/cameras/unknown/events", b"\0\xff"),
    ]


def test_who_may_not_send(mosquitto: Mosquitto, heard: Heard) -> None:
    """A wrong token, and too much, with or without a length that says so."""
    with Listening(mosquitto.url, request_kib=1) as camera:
        assert camera.post(alert(inner=PARKING), token="guess") == 403
        assert camera.post(b"x" * 5000) == 413
        assert camera.post(iter([b"x" * 500] * 100)) == 413
        assert camera.post(alert(inner=PARKING)) == 200
        assert camera.listener.counters.refused == {"token": 1, "size": 2}
    assert len(heard.wait(1)) == 1


def test_a_broker_that_is_away(mosquitto: Mosquitto) -> None:
    """No 200 without the broker, and what is sent again then is no repeat."""
    with Listening(mosquitto.url, hold_s=0.3) as camera:
        mosquitto.stop()
        assert camera.post(alert(inner=PARKING)) == 503
        mosquitto.start()
        with Heard(mosquitto.url) as heard:
            wait_until(lambda: camera.post(alert(inner=PARKING)) == 200, lambda: "no 200")
            topics = {topic for topic, _ in heard.wait(1)}
            assert topics == {"up/cameras/CAM-1/events"}


@pytest.fixture
def bridge(mosquitto: Mosquitto) -> Iterator[DjiBridge]:
    made = DjiBridge(
        Address.parse(mosquitto.url), PREFIX, table("dji"), SHANGHAI, VendorSettings(), lambda: NOW
    )
    made.start()
    yield made
    made.stop()


class Dock:
    """A dock's connection: it publishes on the maker's topics, and hears its replies."""

    def __init__(self, url: str) -> None:
        self.devices = Devices(url, "dock")
        self.replies: list[tuple[str, Any]] = []
        subscribed = threading.Event()
        inner = self.devices._client
        inner.on_message = lambda _c, _u, m: self.replies.append((m.topic, json.loads(m.payload)))
        inner.on_subscribe = lambda *_: subscribed.set()
        inner.subscribe([("thing/product/+/events_reply", 1), ("sys/product/+/status_reply", 1)])
        assert subscribed.wait(30)

    def say(self, topic: str, message: Any) -> None:
        payload = message if isinstance(message, bytes) else encoded(message)
        self.devices._client.publish(topic, payload, 1).wait_for_publish(30)


@pytest.fixture
def dock(mosquitto: Mosquitto) -> Iterator[Dock]:
    made = Dock(mosquitto.url)
    yield made
    made.devices.close()


def test_a_photo_becomes_an_event(bridge: DjiBridge, dock: Dock, heard: Heard) -> None:
    """With its place and its file; and the dock has its reply once the broker has it."""
    dock.say("thing/product/DOCK01/events", uploaded())
    ((topic, payload),) = heard.wait(1)
    assert topic == "up/drones/DOCK-1/events"
    event = json.loads(payload)
    assert (event["kind"], event["lon"], event["lat"]) == ("exposed_pile", 113.887, 22.48)
    assert event["ts"] == "2026-03-01T16:00:00+08:00"
    assert event["media"][0]["object_key"] == "media/1.jpeg"
    wait_until(lambda: len(dock.replies) == 1, lambda: str(dock.replies))
    assert dock.replies[0] == (
        "thing/product/DOCK01/events_reply",
        {
            "tid": "t1",
            "bid": "b1",
            "method": "file_upload_callback",
            "timestamp": 1772352000000,
            "data": {"result": 0},
        },
    )


def test_positions_status_and_nonsense(bridge: DjiBridge, dock: Dock, heard: Heard) -> None:
    """A dock that comes online is replied to, a photo without a place has that of the drone, what
    cannot be read becomes a dead letter, and the rest is passed over."""
    online = {
        "tid": "t",
        "bid": "b",
        "method": "update_topo",
        "data": {"sub_devices": [{"sn": "D1"}]},
    }
    dock.say("sys/product/DOCK01/status", online)
    dock.say("thing/product/D1/osd", {"data": {"latitude": 22.5, "longitude": 113.9}})
    dock.say("thing/product/DOCK01/events", {"method": "hms", "timestamp": 1, "data": {}})
    dock.say("thing/product/DOCK01/events", b"\xff")
    dock.say("thing/product/DOCK01/events", uploaded(shoot_position=None))
    letter, photo = heard.wait(2)
    assert letter == ("up/drones/DOCK-1/events", b"\xff")
    event = json.loads(photo[1])
    assert (event["lon"], event["lat"]) == (113.9, 22.5)
    wait_until(lambda: len(dock.replies) == 2, lambda: str(dock.replies))
    assert dock.replies[0][0] == "sys/product/DOCK01/status_reply"
    assert bridge.counters.unreadable == {"json": 1}
    assert bridge.counters.messages == 5


def test_what_comes_while_the_bridge_is_away(mosquitto: Mosquitto, dock: Dock) -> None:
    """The broker keeps it for the bridge's session."""

    def made() -> DjiBridge:
        return DjiBridge(
            Address.parse(mosquitto.url),
            PREFIX,
            table("dji"),
            SHANGHAI,
            VendorSettings(),
            lambda: NOW,
        )

    first = made()
    first.start()
    first.stop()
    dock.say("thing/product/DOCK01/events", uploaded())
    with Heard(mosquitto.url) as heard:
        second = made()
        second.start()
        try:
            assert len(heard.wait(1)) == 1
        finally:
            second.stop()
