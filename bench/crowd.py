"""Browsers without a screen: each asks for what the page asks for, then follows the live state.

They take the bytes off the wire and look for one mark in them, but do not read the rest: fifty real
browsers have processors of their own, and here they would take them from the server. Run as a
process of its own, so that its time is not counted as the server's.
"""

import asyncio
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from multiprocessing.synchronize import Event

from bench.bustle import MARKER

MARK = re.compile(rb'"id":"' + MARKER.encode() + rb'"(?:(?!"id":"E-).)*?"peak":([0-9]+)', re.DOTALL)
PLAN_SETTLES_S = 0.4
"""As the page does: orders that change are asked for anew, once a little while has gone."""
JOIN_WITHIN_S = 5.0


@dataclass
class Seen:
    """What one browser has seen. `at`: by second, when it first knew of it; times by the wall."""

    at: dict[int, float] = field(default_factory=dict)
    bytes: int = 0
    events: int = 0
    asked: int = 0
    first_view_s: float = 0.0
    broken: str = ""


class Browser:
    """One of the crowd. `paths` are what a page asks for, `again` what it asks for anew when orders
    have changed."""

    def __init__(
        self, host: str, port: int, cookie: str, paths: Sequence[str], again: str | None
    ) -> None:
        self._host, self._port, self._cookie = host, port, cookie
        self._paths, self._again = paths, again
        self._asking: asyncio.Task[None] | None = None
        self.seen = Seen()

    async def follow(self) -> None:
        """Load the page and follow the state until cancelled."""
        try:
            await asyncio.sleep(random.random() * JOIN_WITHIN_S)
            began = time.perf_counter()
            await self._ask(self._paths)
            reader, writer = await self._open()
            writer.write(self._request("/api/v1/live"))
            await reader.readuntil(b"\r\n\r\n")
            text = bytearray()
            while True:
                size = int(await reader.readuntil(b"\r\n"), 16)
                if not size:
                    raise ConnectionResetError("the stream has ended")
                text += (await reader.readexactly(size + 2))[:-2]
                self.seen.bytes += size
                while (end := text.find(b"\n\n")) >= 0:
                    self._hear(bytes(text[:end]), began)
                    del text[: end + 2]
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            self.seen.broken = f"{type(error).__name__}: {error}"

    def _hear(self, event: bytes, began: float) -> None:
        now = time.time()
        self.seen.events += 1
        if not self.seen.first_view_s and event.startswith(b"event: snapshot"):
            self.seen.first_view_s = time.perf_counter() - began
        for found in MARK.finditer(event):
            self.seen.at.setdefault(int(found[1]), now)
        idle = self._asking is None or self._asking.done()
        if self._again and idle and b'"orders":{' in event and event.startswith(b"event: change"):
            self._asking = asyncio.create_task(self._ask_again())

    async def _ask_again(self) -> None:
        await asyncio.sleep(PLAN_SETTLES_S)
        assert self._again is not None
        await self._ask([self._again])

    async def _ask(self, paths: Sequence[str]) -> None:
        reader, writer = await self._open()
        for path in paths:
            writer.write(self._request(path))
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise ValueError(f"{path} answered {head.splitlines()[0]!r}")
            self.seen.asked += 1
            lower = head.lower()
            if b"content-length:" in lower:
                size = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
                self.seen.bytes += len(await reader.readexactly(size))
                continue
            while size := int(await reader.readuntil(b"\r\n"), 16):
                self.seen.bytes += len(await reader.readexactly(size + 2)) - 2
            await reader.readexactly(2)
        writer.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._host, self._port, limit=1 << 22)

    def _request(self, path: str) -> bytes:
        return (
            f"GET {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Cookie: roaddust_session={self._cookie}\r\nAccept-Encoding: gzip\r\n\r\n"
        ).encode()


def run(
    host: str,
    port: int,
    cookies: Sequence[str],
    paths: Sequence[str],
    again: str | None,
    stop: Event,
    out: Pipe,
) -> None:
    """One browser for each cookie until `stop`; what each has seen goes to `out`."""

    async def all_of_them() -> list[Seen]:
        crowd = [Browser(host, port, cookie, paths, again) for cookie in cookies]
        following = [asyncio.create_task(one.follow()) for one in crowd]
        while not stop.is_set():
            await asyncio.sleep(0.2)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        return [one.seen for one in crowd]

    out.send(asyncio.run(all_of_them()))
