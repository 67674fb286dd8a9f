"""What was refused, as rows of the dead-letter table."""

import hashlib
import struct
from typing import NamedTuple

from ingest import hj212
from ingest.arrivals import Arrival
from ingest.items import is_array, item_bytes
from ingest.refusals import Reason


class DeadLetter(NamedTuple):
    """One refused message or item; `digest` is the same for a redelivery."""

    topic: str
    payload: bytes
    part: int | None
    digest: bytes
    reason: Reason
    detail: str


def dead_letter(
    arrival: Arrival, reason: Reason, detail: str, part: int | None, payload: bytes | None = None
) -> DeadLetter:
    """The letter for item `part` of an arrival, or for all of it.

    payload: bytes of the item where they are at hand; they are cut out of the arrival's if not.
    """
    if payload is None:
        payload = arrival.payload if part is None else _cut(arrival.payload, part)
    topic = arrival.topic.replace("\0", "�")
    return DeadLetter(
        topic,
        payload,
        part,
        _digest(topic, part, payload),
        reason,
        detail.replace("\0", "�").encode("utf-8", "replace").decode()[:2000],
    )


def _cut(payload: bytes, part: int) -> bytes:
    if payload.startswith(hj212.HEAD):
        return list(hj212.split(payload))[part]
    return item_bytes(payload, part) if is_array(payload) else payload


def _digest(topic: str, part: int | None, payload: bytes) -> bytes:
    name = topic.encode("utf-8", "replace")
    head = struct.pack(">Iq", len(name), -1 if part is None else part)
    return hashlib.sha256(head + name + payload).digest()
