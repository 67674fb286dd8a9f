"""Cameras that post their alarms over HTTP: answered 200 once the broker has the events."""

import asyncio
import hmac
import logging
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ingest.gateway.outward import Outward, Unpublished
from ingest.gateway.vendorcounters import VendorCounters
from ingest.gateway.vendorsettings import VendorSettings
from ingest.refusals import Refusal
from ingest.vendors import hikvision
from ingest.vendors.flat import flat_xml
from ingest.vendors.repeats import Repeats
from ingest.vendors.table import Meant, Table

log = logging.getLogger(__name__)

LETTER_BYTES = 250 * 1024
"""Of a request that cannot be read, this much is kept: a payload of the contract is no longer."""
BODY_S = 30.0


class HikvisionListener:
    """An ASGI application, `app`, that publishes through `outward`."""

    def __init__(
        self, outward: Outward, prefix: str, table: Table, zone: tzinfo, settings: VendorSettings
    ) -> None:
        self._outward, self._prefix, self._table = outward, prefix, table
        self._zone, self._settings = zone, settings
        self._repeats = Repeats()
        self._room = asyncio.Semaphore(settings.requests)
        self.counters = VendorCounters()
        self.app = Starlette(
            routes=[Route("/hikvision/{token}", self._take, methods=["POST", "PUT"])]
        )

    async def _take(self, request: Request) -> Response:
        if not self._knows(request.path_params["token"]):
            return self._refuse("token", 403)
        # Taken before the body is: the memory of all requests together is bounded.
        async with self._room:
            try:
                async with asyncio.timeout(BODY_S):
                    body = await self._body(request)
            except TimeoutError:
                return self._refuse("slow", 408)
            except ClientDisconnect:
                return self._refuse("lost", 400)
            if body is None:
                return self._refuse("size", 413)
            self.counters.messages += 1
            try:
                await self._publish(body, request.headers.get("content-type", ""))
            except Unpublished as error:
                # No 200: the camera, or the recorder before it, sends it again.
                log.warning("an alarm of a camera: %s", error)
                return self._refuse("broker", 503)
        return PlainTextResponse("OK")

    def _knows(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._settings.token.encode())

    def _refuse(self, why: str, status: int) -> Response:
        self.counters.refused[why] += 1
        return PlainTextResponse(why, status)

    async def _body(self, request: Request) -> bytes | None:
        """The body; None where it is too long, whatever its header says."""
        most = self._settings.request_kib * 1024
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                return None
        return bytes(body)

    async def _publish(self, body: bytes, content_type: str) -> None:
        try:
            seen = await asyncio.to_thread(
                hikvision.sightings, body, content_type, self._zone, self._save()
            )
            meant = [(one, self._table.meaning(one)) for one in seen]
        except Refusal as refusal:
            self.counters.unreadable[refusal.reason] += 1
            await self._send(self._sender(body), body[:LETTER_BYTES])
            return
        self.counters.passed_over += sum(one is None for _, one in meant) + (not seen)
        for _, one in meant:
            if one is not None:
                await self._send_event(one)

    async def _send_event(self, meant: Meant) -> None:
        now_s = asyncio.get_running_loop().time()
        sender, kind = meant.sender, meant.event.kind
        if self._repeats.is_again(sender, kind, meant.again_s, now_s):
            self.counters.again += 1
        else:
            await self._send(sender, encoded(meant))
            self.counters.events[kind] += 1
        self._repeats.seen(sender, kind, now_s)

    async def _send(self, camera: str, payload: bytes) -> None:
        topic = f"{self._prefix}up/cameras/{camera}/events"
        await self._outward.publish(topic, payload, self._settings.hold_s)

    def _sender(self, body: bytes) -> str:
        """Whose dead letter it is, where that can be told."""
        try:
            _, facts = flat_xml(body)
        except Refusal:
            return "unknown"
        return self._table.name(hikvision.senders(facts))

    def _save(self) -> Callable[[bytes, str], str | None]:
        folder = self._settings.pictures
        if not folder:
            return lambda _picture, _digest: None

        def save(picture: bytes, digest: str) -> str:
            # Named by what is in it: the same picture again is the same file.
            file = Path(folder) / digest[:2] / f"{digest}.jpg"
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                part = file.with_suffix(".part")
                part.write_bytes(picture)
                part.replace(file)
            return str(file.relative_to(folder))

        return save


def encoded(meant: Meant) -> bytes:
    """The event as the contract writes it: without the keys that say nothing."""
    event = {
        name: value
        for name, value in msgspec.structs.asdict(meant.event).items()
        if value is not None
    }
    return msgspec.json.encode(event)
