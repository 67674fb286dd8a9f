"""One logger's connection: frames in, answers and requests out."""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from ingest import hj212, sm4
from ingest.frames import time_us
from ingest.gateway.counters import Counters
from ingest.gateway.devices import Device, Devices
from ingest.gateway.door import Door
from ingest.gateway.outward import Unpublished
from ingest.gateway.post import Post
from ingest.gateway.settings import GatewaySettings
from ingest.gateway.stream import FrameStream
from ingest.hj212 import Frame
from ingest.instants import aware, microseconds
from ingest.refusals import Refusal

log = logging.getLogger(__name__)

READ_BYTES = 4096
REQUESTS_REMEMBERED = 16
WITH_TIMES = frozenset({hj212.REAL_TIME, hj212.MINUTE})


class Closed(Exception):
    """The connection is to be closed; `why` is a word to count by."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all connections of a gateway share. now: the platform's time; zone: what the loggers'
    clocks show."""

    settings: GatewaySettings
    devices: Devices
    post: Post
    door: Door
    counters: Counters
    zone: tzinfo
    now: Callable[[], datetime]


class Connection:
    """Serves one peer until it ends, `close` is called, or something is too much."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        address: str,
        around: Surroundings,
    ) -> None:
        self._reader, self._writer, self._address = reader, writer, address
        self._around, self._settings = around, around.settings
        self._stream = FrameStream(around.settings.frame_bytes)
        self._devices: dict[str, Device] = {}
        self._bad = 0
        self._asked: OrderedDict[str, tuple[Device, int]] = OrderedDict()
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None
        self._reading: asyncio.Timeout | None = None
        self._finishing = False

    async def serve(self) -> str:
        """Returns why it has ended."""
        self._task = asyncio.current_task()
        began_s = self._loop.time()
        frame_until_s: float | None = None
        try:
            while True:
                until_s = self._loop.time() + self._settings.idle_s
                if not self._devices:
                    until_s = min(until_s, began_s + self._settings.login_s)
                if frame_until_s is not None:
                    until_s = min(until_s, frame_until_s)
                data = await self._read(until_s)
                if data is None:
                    frames = self._timed_out(began_s)
                elif data:
                    frames = self._stream.feed(data)
                else:
                    return "ended"
                for raw in frames:
                    await self._take(raw)
                if self._stream.junk > self._settings.junk_bytes:
                    return "junk"
                # A frame's time runs from its first byte, however its bytes dribble in.
                if not self._stream.pending:
                    frame_until_s = None
                elif frame_until_s is None or frames:
                    frame_until_s = self._loop.time() + self._settings.frame_s
        except Closed as closed:
            return closed.why
        except (ConnectionError, TimeoutError):
            return "lost"
        finally:
            for device in self._devices.values():
                if device.connection is self:
                    device.connection = None
            await self._hang_up()

    def finish(self) -> None:
        """End once what has been read is safe and answered."""
        self._finishing = True
        if self._reading is not None:
            self._reading.reschedule(self._loop.time())

    def close(self) -> None:
        """End it at once: the logger has come back on another one."""
        if self._task is not None:
            self._task.cancel()

    async def _read(self, until_s: float) -> bytes | None:
        """What has come, empty at the end of the stream; None when nothing has in time."""
        if self._finishing:
            raise Closed("stopped")
        try:
            async with asyncio.timeout_at(until_s) as self._reading:
                return await self._reader.read(READ_BYTES)
        except TimeoutError:
            if self._finishing:
                raise Closed("stopped") from None
            return None
        finally:
            self._reading = None

    def _timed_out(self, began_s: float) -> list[bytes]:
        """What nothing more has come to: a frame that says too much, or the end."""
        if not self._devices and self._loop.time() >= began_s + self._settings.login_s:
            raise Closed("login")
        if not self._stream.pending:
            raise Closed("idle")
        ended = self._stream.ended
        left = self._stream.give_up()
        if left is None or not ended:
            raise Closed("slow")
        return [left]

    async def _take(self, raw: bytes) -> None:
        counters = self._around.counters
        counters.frames += 1
        try:
            raw = self._in_clear(raw)
            frame = hj212.parse(raw)
        except hj212.FrameError as error:
            await self._take_bad(raw, error)
            return
        self._bad = 0
        device = await self._identify(frame)
        wait_s = device.pace.wait_s(self._loop.time())
        if wait_s > 0:
            # Not read from meanwhile: TCP holds the rest back.
            await asyncio.sleep(wait_s)
        if frame.cn in (hj212.TAKEN, hj212.RESULT, hj212.NOTED, hj212.KEPT):
            self._note_answer(frame)
        else:
            if frame.cn not in (hj212.HEARTBEAT, hj212.ASKS_FOR_TIME):
                await self._keep(device, frame, raw)
            answer = hj212.answer_to(frame)
            if answer is not None:
                await self._answer(answer)
            elif frame.wants_answer:
                await self._answer(hj212.taken(frame, hj212.UNKNOWN_COMMAND))
        await self._tend(device, frame)

    def _in_clear(self, raw: bytes) -> bytes:
        key = self._around.devices.key(sm4.device_of(raw))
        return raw if key is None else sm4.in_clear(raw, key)

    async def _take_bad(self, raw: bytes, error: hj212.FrameError) -> None:
        """Not answered, so that it comes again; kept where it is known whose it is."""
        self._around.counters.bad[error.reason] += 1
        self._bad += 1
        if len(self._devices) == 1 and raw.startswith(hj212.HEAD):
            (device,) = self._devices.values()
            try:
                await self._around.post.keep_bad(device, raw)
            except Unpublished as away:
                raise Closed("broker") from away
        if self._bad >= self._settings.bad_frames:
            raise Closed("bad")

    async def _identify(self, frame: Frame) -> Device:
        """The device, or the end: a wrong number is told no more than a wrong password."""
        found = self._around.devices.find(frame.mn, frame.pw)
        if isinstance(found, Device):
            if found.connection is not self:
                if found.connection is not None:
                    found.connection.close()
                found.connection = self
            self._devices[frame.mn] = found
            return found
        self._around.counters.refused[found] += 1
        self._around.door.was_refused(self._address, self._loop.time())
        log.info("a logger at %s is refused: its %s is wrong", self._address, found.upper())
        if frame.wants_answer:
            with contextlib.suppress(Closed):
                await self._answer(hj212.taken(frame, hj212.REFUSED))
        raise Closed("refused")

    async def _keep(self, device: Device, frame: Frame, raw: bytes) -> None:
        try:
            await self._around.post.keep(device, frame, raw, self._loop.time())
        except Unpublished as error:
            # No answer: the logger keeps what it has, and comes back.
            raise Closed("broker") from error
        if frame.cn in WITH_TIMES:
            for key, text in (pair for group in frame.body for pair in group):
                if key.lower() == "datatime":
                    with contextlib.suppress(Refusal):
                        device.gaps.came(time_us(text, self._around.zone))

    def _note_answer(self, frame: Frame) -> None:
        """What a device says to a request of ours."""
        asked = self._asked.get(frame.qn or "")
        refused = frame.cn == hj212.TAKEN and frame.value("QnRtn") not in (str(hj212.READY), None)
        nothing = frame.cn == hj212.RESULT and frame.value("ExeRtn") == str(hj212.NO_DATA)
        if refused:
            self._around.counters.refused["request"] += 1
        if asked is not None and nothing:
            device, first_us = asked
            device.gaps.has_none(first_us)

    async def _tend(self, device: Device, frame: Frame) -> None:
        """Set its clock, or ask it for what is missing, where that is due."""
        now = self._around.now()
        now_us, now_s = microseconds(now), self._loop.time()
        if frame.cn == hj212.ASKS_FOR_TIME:
            device.clock.was_set(now_s)
            await self._set_clock(frame, now)
        elif frame.cn == hj212.REAL_TIME and frame.qn and not frame.rf:
            with contextlib.suppress(Refusal):
                if device.clock.is_wrong(time_us(frame.qn, self._around.zone), now_us, now_s):
                    await self._set_clock(frame, now)
        if self._settings.ask_again and frame.cn in WITH_TIMES:
            span = device.gaps.due(now_us, now_s)
            if span is not None:
                await self._ask_again(device, frame, now, span)

    async def _set_clock(self, frame: Frame, now: datetime) -> None:
        local = now.astimezone(self._around.zone)
        await self._request(hj212.set_clock(frame, self._number(now), local))

    async def _ask_again(
        self, device: Device, frame: Frame, now: datetime, span: tuple[int, int]
    ) -> None:
        first, last = (aware(us).astimezone(self._around.zone) for us in span)
        qn = self._number(now)
        self._asked[qn] = device, span[0]
        while len(self._asked) > REQUESTS_REMEMBERED:
            self._asked.popitem(last=False)
        await self._request(hj212.ask_for(frame, hj212.MINUTE, qn, first, last))

    def _number(self, now: datetime) -> str:
        """A QN that no other request on this connection has."""
        while True:
            local = now.astimezone(self._around.zone)
            qn = f"{local:%Y%m%d%H%M%S}{local.microsecond // 1000:03d}"
            if qn not in self._asked:
                return qn
            now += timedelta(milliseconds=1)

    async def _request(self, frame: Frame) -> None:
        self._around.counters.requests[frame.cn] += 1
        await self._say(frame)

    async def _answer(self, frame: Frame) -> None:
        self._around.counters.answers[frame.cn] += 1
        await self._say(frame)

    async def _say(self, frame: Frame) -> None:
        self._writer.write(hj212.build(frame))
        try:
            async with asyncio.timeout(self._settings.answer_s):
                await self._writer.drain()
        except TimeoutError:
            raise Closed("deaf") from None

    async def _hang_up(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()
        self._writer.transport.abort()
