"""The one subscription: a persistent session whose messages are acknowledged by hand.

paho's own thread would sleep in a full hand-over, and the broker would take it for dead. This
loop keeps the connection alive while it leaves the socket unread, and makes every call to paho
from one thread.
"""

import contextlib
import logging
import random
import selectors
import socket
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as mqtt

from broker.connection import Address, client
from ingest.arrivals import Arrival, InHand

log = logging.getLogger(__name__)

KEEPALIVE_S = 30
CONNECT_TIMEOUT_S = 2.0
FIRST_RETRY_S, LAST_RETRY_S = 0.2, 10.0
READ_AT_ONCE = 64
"""Packets read before acknowledgements get their turn."""


class Subscription:
    """Puts messages below `prefix` into `in_hand`; acknowledges what it is told to.

    link: number of the present connection. A message of an earlier one is not acknowledged: the
    broker sends it again, and its number may mean another message by then.
    """

    def __init__(
        self,
        address: Address,
        client_id: str,
        prefix: str,
        in_hand: InHand,
        topics: Sequence[str] = ("up/#",),
    ) -> None:
        self._address, self._prefix, self._in_hand = address, prefix, in_hand
        self._topics = [f"{prefix}{topic}" for topic in topics]
        self.link = 0
        self.received = 0
        self.reconnects = -1
        self._client = client(address, client_id, persistent=True, manual_ack=True)
        self._client.connect_timeout = CONNECT_TIMEOUT_S
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._settled: deque[list[Arrival]] = deque()
        self._bell_in, self._bell_out = socket.socketpair()
        self._bell_in.setblocking(False)
        self._bell_out.setblocking(False)
        self._subscribed = threading.Event()
        self._decided = threading.Event()
        self._refused: str | None = None
        self._once = False
        self._reading = True
        self._stop = threading.Event()
        self._random = random.Random()
        self._thread = threading.Thread(target=self._run, name="ingest-network", daemon=True)

    def start(self, timeout_s: float = 30.0) -> None:
        """Connect and subscribe. Raises ConnectionError where the broker is away or refuses."""
        self._thread.start()
        if not self._decided.wait(timeout_s) or not self._subscribed.is_set():
            why = self._refused or "no answer"
            self.end(CONNECT_TIMEOUT_S + 1)
            raise ConnectionError(
                f"cannot subscribe to {', '.join(self._topics)} at {self._address}: {why}. "
                "Is the broker running, and may this user read there?"
            )

    def settle(self, arrivals: list[Arrival]) -> None:
        """Acknowledge these: they are stored. From any thread."""
        self._settled.append(arrivals)
        self._ring()

    def stop_reading(self) -> None:
        """Take nothing more; acknowledgements still go out."""
        self._reading = False
        self._ring()

    def end(self, timeout_s: float = 1.0) -> None:
        """Send the acknowledgements that are due, and disconnect."""
        self._stop.set()
        self._ring()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._bell_in.close()
            self._bell_out.close()

    # In the network thread ----------------------------------------------------------------------

    def _run(self) -> None:
        failures = 0
        self._client.connect_async(self._address.host, self._address.port, KEEPALIVE_S)
        while not self._stop.is_set():
            try:
                self._subscribed.clear()
                self.link += 1
                self._client.reconnect()
                self._serve()
                why = self._refused or "the connection was lost"
            except OSError as error:
                why = str(error)
            self._settle_all(acknowledge=False)
            if self._stop.is_set():
                break
            failures = 0 if self._subscribed.is_set() else failures + 1
            if not self._once:
                self._refused = why
                self._decided.set()
            wait_s = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(failures, 10))
            wait_s *= self._random.uniform(0.5, 1.0)
            log.warning("broker %s: %s; next try in %.1f s", self._address, why, wait_s)
            self._stop.wait(wait_s)

    def _serve(self) -> None:
        """Until the connection ends."""
        sock: Any = self._client.socket()
        with selectors.DefaultSelector() as selector:
            selector.register(self._bell_out, selectors.EVENT_READ)
            watched = 0
            while self._client.socket() is sock and sock is not None:
                self._settle_all(acknowledge=True)
                if self._stop.is_set():
                    self._say_goodbye()
                    return
                wanted = selectors.EVENT_READ if self._reading and self._in_hand.has_room() else 0
                if self._client.want_write():
                    wanted |= selectors.EVENT_WRITE
                if wanted != watched:
                    self._watch(selector, sock, watched, wanted)
                    watched = wanted
                ready = {key.fileobj: events for key, events in selector.select(1.0)}
                if self._bell_out in ready:
                    with contextlib.suppress(BlockingIOError):
                        self._bell_out.recv(4096)
                events = ready.get(sock, 0)
                if events & selectors.EVENT_WRITE and self._client.loop_write() != 0:
                    return
                if events & selectors.EVENT_READ and not self._read(sock):
                    return
                if self._client.loop_misc() != 0:
                    return

    @staticmethod
    def _watch(selector: selectors.BaseSelector, sock: Any, watched: int, wanted: int) -> None:
        if not watched:
            selector.register(sock, wanted)
        elif not wanted:
            selector.unregister(sock)
        else:
            selector.modify(sock, wanted)

    def _read(self, sock: Any) -> bool:
        """Read what is there, within reason; False when the connection has ended."""
        for _ in range(READ_AT_ONCE):
            before = self.received
            if self._client.loop_read() != 0:
                return False
            pending = getattr(sock, "pending", None)
            if self.received == before and not (pending and pending()):
                break
            if not self._in_hand.has_room():
                break
        return True

    def _settle_all(self, *, acknowledge: bool) -> None:
        while self._settled:
            arrivals = self._settled.popleft()
            self._in_hand.settle(arrivals)
            if acknowledge:
                for arrival in arrivals:
                    if arrival.qos and arrival.link == self.link:
                        self._client.ack(arrival.mid, arrival.qos)

    def _say_goodbye(self) -> None:
        self._client.disconnect()
        while self._client.want_write() and self._client.loop_write() == 0:
            pass

    def _ring(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            self._bell_in.send(b"!")

    def _on_connect(
        self, connected: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            self._refused = f"the broker refuses: {reason}"
            return
        self._refused = None
        self.reconnects += 1
        connected.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(
        self, ended: mqtt.Client, _userdata: Any, _mid: int, reasons: Any, _properties: Any
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._refused = f"the broker refuses the subscription: {reasons[0]}"
            ended.disconnect()
            return
        self._once = True
        self._subscribed.set()
        self._decided.set()

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self.received += 1
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = f"{self._prefix}(a topic that is not UTF-8)"
        self._in_hand.put(
            Arrival(
                topic.removeprefix(self._prefix),
                bytes(message.payload),
                message.qos,
                message.mid,
                self.link,
                message.dup,
            )
        )
