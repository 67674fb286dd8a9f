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
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.subscribeoptions import SubscribeOptions

from broker.connection import FOREVER_S, Address, client, session
from broker.reasons import UNSPECIFIED, UNSUPPORTED_VERSION, said
from ingest.arrivals import Arrival, InHand
from ingest.hearing import Hearing

log = logging.getLogger(__name__)

KEEPALIVE_S = 30
CONNECT_TIMEOUT_S = 2.0
FIRST_RETRY_S, LAST_RETRY_S = 0.2, 10.0
SHORT_S, SUSPICIOUS = 5.0, 3
"""So many connections in a row that lasted less than that are no accident: two clients of one id
throw each other out, and not every broker says so."""
READ_AT_ONCE = 256
"""Packets read before acknowledgements get their turn."""
_UNANSWERED = "the broker closed the connection without an answer"


class Subscription:
    """Puts messages below `prefix` into `in_hand`; acknowledges what it is told to.

    It speaks MQTT 5, and 3.1.1 to a broker that refuses 5. With 5 the broker has no more messages
    under way than `in_hand` takes; with 3.1.1 it is the unread socket that holds it back.

    group, shared: with `shared` the broker spreads the messages over the sessions of the group
    (MQTT 5 only). The subscription of the other kind is given up: a session that has both from
    before would be sent everything twice. leaves: ask for nothing new, only for what the session
    holds.
    keep_s: how long a broker of MQTT 5 keeps the session while we are away; of 3.1.1, for good.
    five: try MQTT 5 first.

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
        *,
        group: str | None = None,
        shared: bool = False,
        leaves: bool = False,
        keep_s: int = FOREVER_S,
        five: bool = True,
    ) -> None:
        self._address, self._prefix, self._in_hand = address, prefix, in_hand
        self._client_id, self._keep_s, self._try_five = client_id, keep_s, five
        plain = [f"{prefix}{topic}" for topic in topics]
        spread = [f"$share/{group}/{topic}" for topic in plain] if group else []
        self._shared, self._leaves = shared, leaves
        self._topics, self._unwanted = (spread, plain) if shared else (plain, spread)
        self.link = 0
        self.received = 0
        self.reconnects = -1
        self._client = self._new_client(five=five)
        self._settled: deque[list[Arrival]] = deque()
        self._bell_in, self._bell_out = socket.socketpair()
        self._bell_in.setblocking(False)
        self._bell_out.setblocking(False)
        self._subscribed = threading.Event()
        self._decided = threading.Event()
        self._answered = False
        self._refused: str | None = None
        self._ended: str | None = None
        self._too_new = False
        self._shortened = False
        self._once = False
        self._reading = True
        self._stop = threading.Event()
        self._random = random.Random()
        self._thread = threading.Thread(target=self._run, name="ingest-network", daemon=True)

    @property
    def version(self) -> str:
        """Of MQTT, as it is spoken now."""
        return "5" if self._five else "3.1.1"

    def start(self, timeout_s: float = 30.0) -> None:
        """Connect and subscribe. Raises ConnectionError where the broker is away or refuses."""
        self._thread.start()
        if not self._decided.wait(timeout_s) or not self._subscribed.is_set():
            why = self._refused or "no answer. Is the broker running?"
            self.end(CONNECT_TIMEOUT_S + 1)
            raise ConnectionError(
                f"cannot subscribe to {', '.join(self._topics)} at {self._address}: {why}"
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
        while not self._stop.is_set():
            began = time.monotonic()
            why = self._connection()
            lasted_s = time.monotonic() - began
            self._settle_all(acknowledge=False)
            if self._stop.is_set():
                break
            if self._too_new or (self._five and why is _UNANSWERED):
                self._client = self._new_client(five=False)
                continue
            good = self._subscribed.is_set() and lasted_s >= SHORT_S
            failures = 0 if good else failures + 1
            if self._subscribed.is_set() and failures >= SUSPICIOUS:
                why += f", soon again. Is there another client of the id {self._client_id}?"
            if self._try_five and not self._five:
                # Another broker may be there the next time.
                self._client = self._new_client(five=True)
            if not self._once:
                self._refused = why
                self._decided.set()
            wait_s = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(failures, 10))
            wait_s *= self._random.uniform(0.5, 1.0)
            log.warning("broker %s: %s; next try in %.1f s", self._address, why, wait_s)
            self._stop.wait(wait_s)

    def _connection(self) -> str:
        """One connection from its beginning to its end; returns why it has ended."""
        self._begin()
        try:
            self._client.reconnect()
        except OSError as error:
            return f"{error}. Is the broker running?"
        try:
            self._serve()
        except OSError as error:
            return str(error)
        if not self._answered:
            return _UNANSWERED
        return self._refused or self._ended or "the connection was lost"

    def _begin(self) -> None:
        self._subscribed.clear()
        self._answered = self._too_new = False
        self._refused = self._ended = None
        self.link += 1

    def _new_client(self, *, five: bool) -> Hearing:
        self._five = five
        made = client(
            self._address,
            self._client_id,
            persistent=True,
            five=five,
            kind=Hearing,
            manual_ack=True,
        )
        assert isinstance(made, Hearing)
        made.connect_timeout = CONNECT_TIMEOUT_S
        made.on_connect = self._on_connect
        made.on_subscribe = self._on_subscribe
        made.on_unsubscribe = self._on_unsubscribe
        made.on_disconnect = self._on_disconnect
        made.heard = self._on_message
        asked: dict[str, Any] = {}
        if five:
            asked["clean_start"] = False
            asked["properties"] = session(self._keep_s, self._in_hand.most_messages)
        made.connect_async(self._address.host, self._address.port, KEEPALIVE_S, **asked)
        return made

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
                reads = self._reading and self._in_hand.has_room()
                wanted = selectors.EVENT_READ if reads else 0
                if self._client.want_write():
                    wanted |= selectors.EVENT_WRITE
                if wanted != watched:
                    self._watch(selector, sock, watched, wanted)
                    watched = wanted
                ahead = reads and self._client.is_ahead()
                ready = {key.fileobj: got for key, got in selector.select(0 if ahead else 1.0)}
                if self._bell_out in ready:
                    with contextlib.suppress(BlockingIOError):
                        self._bell_out.recv(4096)
                events = ready.get(sock, 0)
                if events & selectors.EVENT_WRITE and self._client.loop_write() != 0:
                    return
                if (ahead or events & selectors.EVENT_READ) and not self._read(sock):
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
            if self.received == before and not (self._client.is_ahead() or _pending(sock)):
                break
            if not self._in_hand.has_room():
                break
        return True

    def _settle_all(self, *, acknowledge: bool) -> None:
        link = self.link
        while self._settled:
            arrivals = self._settled.popleft()
            self._in_hand.settle(arrivals)
            if acknowledge:
                self._client.acknowledge(
                    [arrival.mid for arrival in arrivals if arrival.qos and arrival.link == link]
                )

    def _say_goodbye(self) -> None:
        self._client.disconnect()
        while self._client.want_write() and self._client.loop_write() == 0:
            pass

    def _ring(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            self._bell_in.send(b"!")

    def _on_connect(
        self, connected: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, properties: Any
    ) -> None:
        self._answered = True
        if reason.is_failure:
            self._too_new = self._five and reason.value == UNSUPPORTED_VERSION
            self._refused = f"the broker refuses: {said(reason, properties)}"
            return
        if self._shared and not self._five:
            self._refused = (
                "the broker speaks MQTT 3.1.1 only, which has no shared subscriptions: set "
                "ingest.workers to 1, or use a broker of MQTT 5"
            )
            connected.disconnect()
            return
        self._look_at_session(properties)
        self.reconnects += 1
        if not self._leaves and self._five:
            connected.subscribe([(topic, SubscribeOptions(qos=1)) for topic in self._topics])
        elif not self._leaves:
            connected.subscribe([(topic, 1) for topic in self._topics])
        unwanted = self._unwanted + (self._topics if self._leaves else [])
        if unwanted and (self._five or self._leaves):
            # After the new one: in between a message comes twice, and none not at all.
            connected.unsubscribe(unwanted)

    def _look_at_session(self, properties: Any) -> None:
        kept_s = getattr(properties, "SessionExpiryInterval", self._keep_s)
        if kept_s < self._keep_s and not self._shortened:
            self._shortened = True
            log.warning(
                "broker %s keeps what is sent while ingest is away for %.1f h only, not %.1f h as "
                "asked: raise its limit of sessions",
                self._address,
                kept_s / 3600,
                self._keep_s / 3600,
            )

    def _on_subscribe(
        self, ended: mqtt.Client, _userdata: Any, _mid: int, reasons: Any, properties: Any
    ) -> None:
        for topic, reason in zip(self._topics, reasons, strict=False):
            if reason.is_failure:
                words = said(reason, properties)
                if reason.value == UNSPECIFIED:
                    words += ": allow this user to read there in the broker's access file"
                self._refused = f"the broker refuses the subscription to {topic}: {words}"
                ended.disconnect()
                return
        self._settle_down()

    def _on_unsubscribe(
        self, _client: mqtt.Client, _userdata: Any, _mid: int, reasons: Any, properties: Any
    ) -> None:
        refused = [reason for reason in reasons if reason.is_failure]
        if refused:
            log.error(
                "broker %s does not let go of a subscription: %s",
                self._address,
                said(refused[0], properties),
            )
        if self._leaves:
            self._settle_down()

    def _settle_down(self) -> None:
        if not self._once:
            log.info("broker %s: subscribed by MQTT %s", self._address, self.version)
        self._once = True
        self._subscribed.set()
        self._decided.set()

    def _on_disconnect(
        self, _client: mqtt.Client, _userdata: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._ended = f"the broker ends the connection: {said(reason, properties)}"

    def _on_message(self, topic: bytes, payload: bytes, qos: int, mid: int, again: bool) -> None:
        self.received += 1
        try:
            name = topic.decode()
        except UnicodeDecodeError:
            name = f"{self._prefix}(a topic that is not UTF-8)"
        self._in_hand.put(
            Arrival(
                name.removeprefix(self._prefix),
                payload,
                qos,
                mid,
                self.link,
                again,
                time.monotonic(),
            )
        )


def _pending(sock: Any) -> bool:
    """Whether TLS has read more of the socket than it has given out."""
    pending = getattr(sock, "pending", None)
    return bool(pending and pending())
