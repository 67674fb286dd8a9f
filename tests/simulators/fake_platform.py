"""A platform that does no more than the protocol of the clock asks for."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as mqtt

from broker.connection import Address, client
from tests.services.waiting import wait_until

PREFIX = "roaddust/v1/"


class FakePlatform:
    """Keeps what comes, in order, and answers each tick; `on_tick(now)` may publish first."""

    def __init__(self, url: str, on_tick: Callable[["FakePlatform", str], None] | None) -> None:
        self.said: list[tuple[str, bytes]] = []
        self.answers = True
        self._on_tick = on_tick
        self._address = Address.parse(url)
        self._subscribed = threading.Event()
        # A session of its own, which survives a restart of the broker.
        self._client = client(self._address, f"platform-{uuid.uuid4()}", persistent=True)
        self._client.on_connect = lambda it, *_: it.subscribe(f"{PREFIX}up/#", 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._hear

    def start(self) -> None:
        self._client.connect(self._address.host, self._address.port)
        self._client.loop_start()
        wait_until(self._subscribed.is_set, lambda: "the fake platform could not subscribe")

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, body: Any, *, retain: bool = False) -> None:
        self._client.publish(f"{PREFIX}{topic}", json.dumps(body).encode(), qos=1, retain=retain)

    def of(self, kind: str) -> list[Any]:
        """Decoded payloads of the topics that end so."""
        return [json.loads(payload) for topic, payload in self.said if topic.endswith(kind)]

    def _hear(self, _it: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        topic = message.topic.removeprefix(PREFIX)
        self.said.append((topic, bytes(message.payload)))
        if topic == "up/clock" and self.answers:
            now = json.loads(message.payload)["now"]
            if self._on_tick is not None:
                self._on_tick(self, now)
            self.publish("down/clock", {"done": now})


@contextmanager
def platform(
    url: str, on_tick: Callable[[FakePlatform, str], None] | None = None
) -> Iterator[FakePlatform]:
    """A fake platform on this broker."""
    made = FakePlatform(url, on_tick)
    made.start()
    try:
        yield made
    finally:
        made.stop()
