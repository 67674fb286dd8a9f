"""The world's one connection to the broker, without a thread of its own.

paho's thread and the world's would take the interpreter from each other; the world has nothing
to do while it waits, so it looks after the connection itself.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import msgspec
import paho.mqtt.client as mqtt

from broker.connection import Address, client
from simulators.message import encode, rfc3339

ACCEPTED = mqtt.MQTT_ERR_SUCCESS
BETWEEN_TRIES_S = 0.5
MOST_UNACKNOWLEDGED = 500
# The longest that `stop` goes unnoticed.
LOOK_UP_S = 0.2


class PlatformSilent(TimeoutError):
    """The platform has not answered the clock in time."""


class BrokerLost(ConnectionError):
    """The broker cannot be reached, or has refused."""


class Stopped(Exception):
    """The wait was given up because the caller said so."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message from the platform; `topic` is without the prefix."""

    topic: str
    payload: bytes


class _Clock(msgspec.Struct):
    done: datetime


class Link:
    """A connection at QoS 1 with at most one subscription, used by one thread.

    A context manager; raises BrokerLost, Stopped.
    """

    def __init__(
        self,
        address: Address,
        prefix: str,
        client_id: str,
        subscribe: str | None,
        *,
        stop: threading.Event,
        patience_s: float,
    ) -> None:
        self._address = address
        self._prefix = prefix if prefix.endswith("/") else f"{prefix}/"
        self._topic = None if subscribe is None else f"{self._prefix}{subscribe}"
        self._stop = stop
        self._patience_s = patience_s
        self._arrived: deque[Arrived] = deque()
        self._subscribed = self._topic is None
        self._refused: str | None = None
        self._unacknowledged = 0
        self._sessions = 0
        self._client = client(address, client_id, persistent=False)
        self._client.max_queued_messages_set(0)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish

    def __enter__(self) -> Self:
        try:
            self._client.connect(self._address.host, self._address.port)
        except OSError as error:
            raise BrokerLost(
                f"no broker answers at {self._address} ({error}); start one, or give its "
                "address with --mqtt"
            ) from error
        self._wait(
            lambda: self._client.is_connected() and self._subscribed,
            lambda: BrokerLost(
                f"the broker at {self._address} has not let us in within "
                f"{self._patience_s:.0f} s; look at its log"
            ),
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        # Without a thread nobody else closes the socket.
        self._client.loop(0.0)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send without waiting for the acknowledgement; the order is kept."""
        if self._unacknowledged >= MOST_UNACKNOWLEDGED:
            self.settle()
        self._unacknowledged += 1
        self._client.publish(f"{self._prefix}{topic}", payload, qos=1)

    def settle(self) -> None:
        """Wait until the broker has acknowledged everything."""
        self._wait(
            lambda: self._unacknowledged == 0,
            lambda: BrokerLost(
                f"the broker at {self._address} has not acknowledged "
                f"{self._unacknowledged} messages within {self._patience_s:.0f} s"
            ),
        )

    def take(self) -> list[Arrived]:
        """What has come since this was asked last, in order."""
        arrived = list(self._arrived)
        self._arrived.clear()
        return arrived

    def tick(self, now: datetime) -> list[Arrived]:
        """Say what time it is, and give what came before the platform's answer to that.

        Raises
        ------
        PlatformSilent
            If it does not answer in time.
        Stopped
            If `stop` was set meanwhile.
        """
        said = encode({"now": rfc3339(now)})
        self.publish("up/clock", said)
        came: list[Arrived] = []
        sessions = self._sessions

        def answered() -> bool:
            nonlocal sessions
            if self._sessions != sessions:
                # The answer may have been given while nobody was there to hear it.
                sessions = self._sessions
                self.publish("up/clock", said)
            while self._arrived:
                one = self._arrived.popleft()
                if one.topic != "down/clock":
                    came.append(one)
                elif _done(one.payload) == now:
                    return True
            return False

        self._wait(
            answered,
            lambda: PlatformSilent(
                f"the platform has not answered the clock {rfc3339(now)} on "
                f"{self._prefix}down/clock within {self._patience_s:.0f} s; start it with "
                f"`roaddust run --clock mqtt --mqtt {self._address}`, or leave --lockstep away"
            ),
        )
        return came

    def check(self) -> None:
        """Raises Stopped if `stop` is set."""
        if self._stop.is_set():
            raise Stopped

    def rest(self, until: float) -> None:
        """Look after the connection until this monotonic time; Stopped if `stop` is set."""
        while (left_s := until - time.monotonic()) > 0.0:
            self.check()
            self._turn(min(left_s, LOOK_UP_S))

    def _wait(self, condition: Callable[[], bool], failure: Callable[[], Exception]) -> None:
        deadline = time.monotonic() + self._patience_s
        while not condition():
            self.check()
            if self._refused is not None:
                raise BrokerLost(self._refused)
            if time.monotonic() > deadline:
                raise failure()
            self._turn(LOOK_UP_S)

    def _turn(self, seconds: float) -> None:
        if self._client.loop(seconds) == ACCEPTED or self._refused is not None:
            return
        # Unacknowledged messages are kept and sent again after the reconnect.
        try:
            self._client.reconnect()
        except OSError:
            self._stop.wait(min(BETWEEN_TRIES_S, seconds))

    def _on_connect(
        self, it: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            self._refused = (
                f"the broker at {self._address} refuses the connection: {reason}; check the "
                "user and password in its address"
            )
        elif self._topic is not None:
            it.subscribe(self._topic, 1)

    def _on_subscribe(
        self, _it: mqtt.Client, _data: Any, _mid: int, reasons: Any, _properties: Any
    ) -> None:
        failed = [str(reason) for reason in reasons if reason.is_failure]
        if failed:
            self._refused = (
                f"the broker at {self._address} refuses the subscription to "
                f"{self._topic}: {failed[0]}; check its access rules"
            )
        self._subscribed = True
        self._sessions += 1

    def _on_publish(
        self, _it: mqtt.Client, _data: Any, _mid: int, _reason: Any, _properties: Any
    ) -> None:
        self._unacknowledged -= 1

    def _on_message(self, _it: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._arrived.append(
            Arrived(message.topic.removeprefix(self._prefix), bytes(message.payload))
        )


def _done(payload: bytes) -> datetime | None:
    try:
        return msgspec.json.decode(payload, type=_Clock).done
    except msgspec.DecodeError:
        return None
