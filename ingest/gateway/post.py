"""What a logger has sent, brought to where it is safe: only then may it be answered.

A whole message goes to the station's topic, as the frames came off the wire. A packet of a message
that is not whole yet waits on the broker as a retained message of its own: a logger sends the next
one only once this one is answered, and what is answered must outlast the gateway.
"""

import hashlib
import logging

from ingest import hj212
from ingest.gateway.counters import Counters
from ingest.gateway.devices import Device, Devices
from ingest.gateway.outward import Outward, Unpublished
from ingest.gateway.packets import Message, key_of
from ingest.gateway.settings import GatewaySettings
from ingest.hj212 import Frame

log = logging.getLogger(__name__)

WAITING = "gateway/packets/"
"""Below the prefix, and neither `up/` nor `down/`: no business of others."""


class Post:
    """To the broker and back. prefix: of every topic."""

    def __init__(
        self, outward: Outward, prefix: str, settings: GatewaySettings, counters: Counters
    ) -> None:
        self._outward, self._prefix = outward, prefix
        self._settings, self._counters = settings, counters

    @property
    def waiting_topics(self) -> str:
        return f"{self._prefix}{WAITING}#"

    async def keep(self, device: Device, frame: Frame, raw: bytes, now_s: float) -> None:
        """Return once it is safe. Raises Unpublished."""
        if not frame.is_split:
            await self._send(device.station, raw + b"\r\n")
            return
        if device.packets.is_finished(frame, raw):
            return
        whole, overdue = device.packets.add(frame, raw, now_s)
        for message in overdue:
            await self._finish(device, message)
        if whole is not None:
            try:
                await self._finish(device, whole)
            except BaseException:
                # The logger sends its last packet again, and the others are still known.
                _put_back(device, whole, now_s)
                raise
            device.packets.finished(frame, whole)
        elif frame.wants_answer:
            topic = self._waiting_topic(device.station, frame)
            await self._publish(topic, raw, retain=True)

    async def keep_bad(self, device: Device, raw: bytes) -> None:
        """A frame that cannot be read becomes a dead letter of its station. Raises Unpublished."""
        await self._send(device.station, raw + b"\r\n")

    async def send_overdue(self, devices: Devices, now_s: float) -> None:
        """Messages whose rest has not come go as they are."""
        for device in devices.all():
            for message in device.packets.overdue(now_s - self._settings.packets_s):
                try:
                    await self._finish(device, message)
                except Unpublished as error:
                    log.warning("a message of %s in part: %s", device.station, error)
                    _put_back(device, message, now_s)

    def remember(self, devices: Devices, topic: str, payload: bytes, now_s: float) -> None:
        """A packet that waited on the broker while no gateway ran."""
        station = topic.removeprefix(self._prefix + WAITING).partition("/")[0]
        device = devices.by_station(station)
        if device is None or not payload:
            return
        try:
            frame = hj212.parse(payload)
        except hj212.FrameError:
            log.warning("what waits on %s is no frame", topic)
            return
        # One that is whole was sent, and what waits of it is only not taken away yet. If it was
        # not, the logger has no answer to its last packet, and sends that again.
        device.packets.add(frame, payload, now_s)

    async def _finish(self, device: Device, message: Message) -> None:
        await self._send(device.station, message.payload())
        for packet in message.packets.values():
            frame = hj212.parse(packet)
            if frame.wants_answer and frame.is_split:
                await self._publish(self._waiting_topic(device.station, frame), b"", retain=True)

    async def _send(self, station: str, payload: bytes) -> None:
        await self._publish(f"{self._prefix}up/stations/{station}/readings", payload)

    async def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        try:
            await self._outward.publish(topic, payload, self._settings.hold_s, retain=retain)
        except Unpublished:
            self._counters.unpublished += 1
            raise
        self._counters.published += 1

    def _waiting_topic(self, station: str, frame: Frame) -> str:
        name = hashlib.sha256(repr(key_of(frame)).encode()).hexdigest()[:16]
        return f"{self._prefix}{WAITING}{station}/{name}/{frame.pno}"


def _put_back(device: Device, message: Message, now_s: float) -> None:
    """All but its last packet, which makes it whole again when it comes again."""
    for _, packet in sorted(message.packets.items())[: message.number - 1]:
        device.packets.add(hj212.parse(packet), packet, now_s)
