"""Loggers over real sockets, and a gateway beside them."""

import asyncio
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as mqtt

from broker.connection import Address, client
from ingest.gateway.counters import Counters
from ingest.gateway.devices import Secret
from ingest.gateway.hj212 import Hj212Gateway
from ingest.gateway.settings import GatewaySettings
from ingest.hj212 import Frame, build, parse
from ingest.registry import Registry, StationFacts
from tests.services.waiting import wait_until

PREFIX = "roaddust/v1/"
PASSWORD = "123456"
REGISTRY = Registry(
    {"S1": StationFacts(mn="A1"), "S2": StationFacts(mn="A2"), "S3": StationFacts(mn="A3")}
)
SECRETS = {"A1": Secret(PASSWORD), "A2": Secret(PASSWORD), "A3": Secret(PASSWORD, b"0" * 16)}
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def data(minute: int, pm10: float = 1, *, mn: str = "A1", **fields: Any) -> Frame:
    """Real-time data of that minute after 16:00 local time, which wants an answer."""
    time = f"20260301{16 + minute // 60:02d}{minute % 60:02d}00"
    given: dict[str, Any] = {
        "st": 39,
        "cn": 2011,
        "mn": mn,
        "pw": PASSWORD,
        "qn": f"{time}000",
        "flag": 5,
        "body": ((("DataTime", time),), (("a34002-Rtd", f"{pm10:g}"),)),
    }
    return Frame(**given | fields)


class Logger:
    """One logger's socket, blocking, with patience."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 30)
        self._left = b""

    def send(self, *frames: Frame | bytes) -> None:
        """All of them in one call."""
        self._socket.sendall(b"".join(f if isinstance(f, bytes) else build(f) for f in frames))

    def hear(self) -> Frame:
        """The next frame that the gateway sends."""
        return parse(self.hear_raw())

    def hear_raw(self) -> bytes:
        """The same, as it came, without CR LF."""
        while b"\r\n" not in self._left:
            came = self._socket.recv(4096)
            assert came, "the gateway has closed the connection"
            self._left += came
        line, _, self._left = self._left.partition(b"\r\n")
        return line

    def ask(self, frame: Frame | bytes) -> Frame:
        self.send(frame)
        return self.hear()

    def hears_end(self) -> list[Frame]:
        """Wait until the gateway closes; what it said before."""
        try:
            while came := self._socket.recv(4096):
                self._left += came
        except ConnectionError:
            pass
        return [parse(line) for line in self._left.split(b"\r\n") if line]

    def hears_nothing(self) -> bool:
        """Whether nothing has come so far."""
        self._socket.setblocking(False)
        try:
            return not self._left and not self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        finally:
            self._socket.settimeout(30)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Running:
    """A gateway in a thread with an event loop of its own."""

    def __init__(
        self,
        url: str,
        now: Callable[[], datetime] = lambda: NOW,
        *,
        registry: Registry = REGISTRY,
        secrets: Mapping[str, Secret] = SECRETS,
        **settings: Any,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._stopped = False

        async def make() -> Hj212Gateway:
            gateway = Hj212Gateway(
                Address.parse(url),
                PREFIX,
                registry,
                secrets,
                GatewaySettings(**settings),
                now,
            )
            await gateway.start("127.0.0.1", 0)
            return gateway

        self.gateway = asyncio.run_coroutine_threadsafe(make(), self._loop).result(30)

    @property
    def counters(self) -> Counters:
        return self.gateway.counters

    def logger(self) -> Logger:
        return Logger(self.gateway.port)

    def stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            asyncio.run_coroutine_threadsafe(self.gateway.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()


class Heard:
    """What reaches the broker below `up/`, as (topic without the prefix, payload)."""

    def __init__(self, url: str, topic: str = "up/#") -> None:
        self.messages: list[tuple[str, bytes]] = []
        address = Address.parse(url)
        self._client = client(address, "hearer", persistent=False)
        subscribed = threading.Event()
        self._client.on_connect = lambda c, *_: c.subscribe(f"{PREFIX}{topic}", 1)
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect(address.host, address.port)
        self._client.loop_start()
        assert subscribed.wait(30)

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.messages.append((message.topic.removeprefix(PREFIX), bytes(message.payload)))

    def wait(self, number: int) -> list[tuple[str, bytes]]:
        wait_until(lambda: len(self.messages) >= number, lambda: f"{self.messages} of {number}")
        return self.messages

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
