"""From asyncio to the broker: a message is said to be there once the broker has said so.

paho keeps its own thread, which reconnects by itself and sends again what was not acknowledged;
this side waits for each acknowledgement in the event loop.
"""

import asyncio
import logging
from collections.abc import Callable
from secrets import token_hex
from typing import Any

import paho.mqtt.client as mqtt

from broker.connection import Address, client

log = logging.getLogger(__name__)

START_S = 15.0


class Unpublished(ConnectionError):
    """The broker has not acknowledged in time; it may have the message all the same."""


class Outward:
    """One publishing connection. Everything but its callbacks is called in the event loop.

    most: messages that the broker has not acknowledged; `publish` waits for room.
    on_message: for what is subscribed to, in the event loop.
    """

    def __init__(
        self,
        address: Address,
        name: str,
        most: int,
        on_message: Callable[[str, bytes], None] | None = None,
    ) -> None:
        self._address, self._on_arrival = address, on_message
        self._loop: asyncio.AbstractEventLoop | None = None
        self._room = asyncio.Semaphore(most)
        self._connected = asyncio.Event()
        self._subscribed = asyncio.Event()
        self._refusal: str | None = None
        self._topics: list[str] = []
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._client = client(address, f"{name}-{token_hex(6)}", persistent=False)
        self._client.max_queued_messages_set(0)
        self._client.max_inflight_messages_set(max(20, most))
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    @property
    def connected(self) -> bool:
        return self._connected.is_set()

    @property
    def in_hand(self) -> int:
        """Messages that the broker has not acknowledged."""
        return len(self._waiting)

    async def start(self, *topics: str) -> None:
        """Connect, and subscribe to the topics. Raises ConnectionError."""
        self._loop = asyncio.get_running_loop()
        self._topics = list(topics)
        address = self._address
        try:
            await self._loop.run_in_executor(
                None, lambda: self._client.connect(address.host, address.port)
            )
        except OSError as error:
            raise ConnectionError(
                f"no broker at {address}: {error}. Start it, or give its address with --mqtt"
            ) from error
        self._client.loop_start()
        ready = self._subscribed if topics else self._connected
        try:
            async with asyncio.timeout(START_S):
                await ready.wait()
        except TimeoutError:
            await self.stop()
            why = self._refusal or "no answer"
            raise ConnectionError(f"the broker at {address} refuses: {why}") from None

    async def stop(self) -> None:
        """Disconnect. What is not acknowledged by now stays unanswered."""
        self._connected.clear()
        for future in self._waiting.values():
            if not future.done():
                future.cancel()
        self._client.disconnect()
        await asyncio.get_running_loop().run_in_executor(None, self._client.loop_stop)

    async def publish(
        self, topic: str, payload: bytes, wait_s: float, *, retain: bool = False
    ) -> None:
        """Return once the broker has it. Raises Unpublished when it has not within `wait_s`."""
        try:
            async with asyncio.timeout(wait_s):
                await self._room.acquire()
                try:
                    await self._connected.wait()
                except BaseException:
                    self._room.release()
                    raise
                future = self._hand_over(topic, payload, retain)
                # The message stays paho's, and counts, whoever stops waiting for it.
                await asyncio.shield(future)
        except TimeoutError:
            raise Unpublished(
                f"the broker at {self._address} has not acknowledged within {wait_s:g} s"
            ) from None

    def _hand_over(self, topic: str, payload: bytes, retain: bool) -> "asyncio.Future[None]":
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[info.mid] = future
        return future

    # In paho's thread -----------------------------------------------------------------------------

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        try:
            assert self._loop is not None
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            log.debug("the event loop has ended before the broker's word came")

    def _on_connect(
        self, connected: mqtt.Client, _data: Any, _flags: Any, code: Any, _more: Any
    ) -> None:
        if code.is_failure:
            self._refusal = str(code)
            log.warning("the broker at %s refuses the connection: %s", self._address, code)
            return
        for topic in self._topics:
            connected.subscribe(topic, qos=1)
        self._call(self._connected.set)

    def _on_disconnect(self, *_: Any) -> None:
        self._call(self._lost)

    def _on_publish(self, _client: Any, _data: Any, mid: int, _code: Any, _more: Any) -> None:
        self._call(self._acknowledged, mid)

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, codes: Any, _more: Any) -> None:
        if any(code.is_failure for code in codes):
            self._refusal = f"it refuses the subscription: {codes[0]}"
            return
        self._call(self._subscribed.set)

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        if self._on_arrival is not None:
            self._call(self._on_arrival, message.topic, bytes(message.payload))

    # In the event loop ----------------------------------------------------------------------------

    def _acknowledged(self, mid: int) -> None:
        future = self._waiting.pop(mid, None)
        if future is not None:
            self._room.release()
            if not future.done():
                future.set_result(None)

    def _lost(self) -> None:
        if self._connected.is_set():
            log.warning("the connection to %s has ended; loggers are not answered", self._address)
        self._connected.clear()
