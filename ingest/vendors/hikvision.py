"""Hikvision's EventNotificationAlert, as a camera or recorder posts it: XML, perhaps with pictures.

Field names: Hikvision open platform, "XML_EventNotificationAlert". The place of an event is that
of its camera: the message says none.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from ingest.refusals import Refusal
from ingest.vendors.flat import flat_xml
from ingest.vendors.sighting import Sighting

ROOT = "EventNotificationAlert"
MOST_PARTS = 20
_XML_TYPES = ("application/xml", "text/xml")

Save = Callable[[bytes, str], str | None]
"""Keep a picture under its digest; returns where, or None where none are kept."""


@dataclass(slots=True)
class Part:
    """One part of a multipart body. headers: by lower-case name."""

    headers: dict[str, str]
    body: bytes

    @property
    def type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def sightings(
    payload: bytes,
    content_type: str,
    zone: tzinfo,
    save: Save = lambda _picture, _digest: None,
) -> list[Sighting]:
    """The alerts in a request's body; a state that is not `active` is a heartbeat, and none.

    zone: of cameras that write no offset. Raises Refusal.
    """
    alerts, pictures = _parts(payload, content_type)
    if not alerts:
        raise Refusal("missing", f"there is no {ROOT} in the body")
    media = [_picture(part, save) for part in pictures]
    found = []
    for body in alerts:
        root, facts = flat_xml(body)
        if root != ROOT:
            raise Refusal("type", f"<{root[:40]}> is no <{ROOT}>")
        if facts.get("eventState", "active").lower() != "active":
            continue
        if "eventType" not in facts or "dateTime" not in facts:
            raise Refusal("missing", "the alert has no eventType or no dateTime")
        found.append(Sighting(senders(facts), _time(facts["dateTime"], zone), facts, list(media)))
    return found


def senders(facts: dict[str, str]) -> tuple[str, ...]:
    """`MAC#channel`, then MAC, then the same of the address: a recorder speaks for its cameras."""
    channel = facts.get("channelID") or facts.get("dynChannelID")
    names = []
    for name in (facts.get("macAddress", "").lower(), facts.get("ipAddress", "")):
        if name:
            names += [f"{name}#{channel}", name] if channel else [name]
    return tuple(names)


def _time(text: str, zone: tzinfo) -> str:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal("time", f"dateTime {text[:40]!r} is no time") from None
    return (time if time.tzinfo else time.replace(tzinfo=zone)).isoformat()


def _picture(part: Part, save: Save) -> dict[str, Any]:
    digest = hashlib.sha256(part.body).hexdigest()
    kept = save(part.body, digest)
    said = {"type": part.type, "bytes": len(part.body), "sha256": digest}
    return said | ({"file": kept} if kept else {})


def _parts(payload: bytes, content_type: str) -> tuple[list[bytes], list[Part]]:
    """The alerts' XML, and the pictures that are not empty."""
    kind, options = parse_options_header(content_type)
    if not kind.startswith(b"multipart/"):
        return [payload], []
    boundary = options.get(b"boundary")
    if not boundary:
        raise Refusal("type", "the body is multipart, and its header names no boundary")
    parts = _multipart(payload, boundary)
    alerts = [
        part.body
        for part in parts
        if part.type in _XML_TYPES or part.body.lstrip()[:5] in (b"<?xml", b"<Even")
    ]
    pictures = [part for part in parts if part.type.startswith("image/") and part.body]
    return alerts, pictures


def _multipart(payload: bytes, boundary: bytes) -> list[Part]:
    parts: list[Part] = []
    name, value = bytearray(), bytearray()

    def on_part_begin() -> None:
        if len(parts) >= MOST_PARTS:
            raise Refusal("size", f"the body has more than {MOST_PARTS} parts")
        parts.append(Part({}, b""))
        bodies.append(bytearray())

    def on_header_field(data: bytes, start: int, end: int) -> None:
        name.extend(data[start:end])

    def on_header_value(data: bytes, start: int, end: int) -> None:
        value.extend(data[start:end])

    def on_header_end() -> None:
        parts[-1].headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        name.clear()
        value.clear()

    def on_part_data(data: bytes, start: int, end: int) -> None:
        bodies[-1].extend(data[start:end])

    bodies: list[bytearray] = []
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": on_part_begin,
                "on_header_field": on_header_field,
                "on_header_value": on_header_value,
                "on_header_end": on_header_end,
                "on_part_data": on_part_data,
            },
        )
        parser.write(payload)
        parser.finalize()
    except MultipartParseError as error:
        raise Refusal("type", f"the multipart body cannot be read: {error}") from None
    for part, body in zip(parts, bodies, strict=True):
        part.body = bytes(body)
    return parts
