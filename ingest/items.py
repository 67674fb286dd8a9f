"""JSON payloads that are one item or an array of them: what is good is read, the rest refused."""

import hashlib
import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from ingest.records import Decoded, Refused
from ingest.refusals import Reason, Refusal

T = TypeVar("T")
R = TypeVar("R")

_PATH = re.compile(r" - at `\$(?:\.(\w+))?")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_BY_KEY: dict[str, Reason] = {"ts": "time", "now": "time", "kind": "kind"}
_NOT_READABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def refusal(error: Exception) -> Refusal:
    """The refusal that a failure to decode means."""
    text = str(error)
    if isinstance(error, RecursionError):
        return Refusal("json", "the JSON is nested too deeply; the contract nests two levels")
    if isinstance(error, UnicodeDecodeError):
        return Refusal("json", f"the payload is not UTF-8: {text}")
    if not isinstance(error, msgspec.ValidationError):
        return Refusal("json", f"the payload is not JSON: {text}")
    if "missing required field" in text:
        return Refusal("missing", text)
    path = _PATH.search(text)
    return Refusal(_BY_KEY.get(path.group(1) if path else "", "type"), text)


def read(decode: Callable[[bytes | msgspec.Raw], T], payload: bytes | msgspec.Raw) -> T:
    """`decode(payload)`, or the Refusal that says why not."""
    try:
        return decode(payload)
    except _NOT_READABLE as error:
        raise refusal(error) from None


def is_array(payload: bytes) -> bool:
    return payload.lstrip()[:1] == b"["


def item_bytes(payload: bytes, part: int) -> bytes:
    """The bytes of one item of a JSON array."""
    return bytes(_ITEMS.decode(payload)[part])


def read_items(
    payload: bytes,
    source: str,
    one: Callable[[bytes | msgspec.Raw], R],
    many: Callable[[bytes], list[R]],
    most: int,
) -> Decoded[R]:
    """Records of a payload that is one item or an array of up to `most`.

    one: reads an item or raises Refusal. many: reads a whole array at once, or raises anything
    that a decoder or a Refusal says; then each item is read by itself.
    """
    if not is_array(payload):
        try:
            return Decoded(source, [one(payload)], [None])
        except Refusal as refused:
            return Decoded(source, refused=[Refused(refused.reason, refused.detail)])
    try:
        records = many(payload)
    except (*_NOT_READABLE, Refusal):
        return _one_by_one(payload, source, one, most)
    if len(records) > most:
        return _too_many(source, len(records), most)
    if not records:
        # Whatever comes has an outcome, or a device that sends nothing else is never found.
        return Decoded(source, refused=[Refused("empty", "the array has no items")])
    return Decoded(source, records, list(range(len(records))))


def _one_by_one(
    payload: bytes, source: str, one: Callable[[bytes | msgspec.Raw], R], most: int
) -> Decoded[R]:
    decoded: Decoded[R] = Decoded(source)
    try:
        items = read(_ITEMS.decode, payload)
    except Refusal as refused:
        decoded.refused.append(Refused(refused.reason, refused.detail))
        return decoded
    if len(items) > most:
        return _too_many(source, len(items), most)
    for part, item in enumerate(items):
        try:
            decoded.records.append(one(item))
            decoded.parts.append(part)
        except Refusal as refused:
            decoded.refused.append(Refused(refused.reason, refused.detail, part, bytes(item)))
    return decoded


def _too_many(source: str, count: int, most: int) -> Decoded[Any]:
    detail = f"the array has {count} items, at most {most} are taken: send several messages"
    return Decoded(source, refused=[Refused("size", detail)])


def identity(source: str, item: msgspec.Struct) -> str:
    """An id for an item that names none: the same for the same content of the same source."""
    content = source.encode() + b"\0" + msgspec.json.encode(item, order="sorted")
    return hashlib.sha256(content).hexdigest()[:32]


def check_texts(item: msgspec.Struct, *names: str) -> None:
    """Raise Refusal where a text holds NUL, which no PostgreSQL text can."""
    for name in names:
        if "\0" in (getattr(item, name) or ""):
            raise Refusal("type", f"`{name}` holds the character NUL, which is no text")


def check_json(item: msgspec.Struct, name: str) -> Any:
    """The value of a key that may hold any JSON; raises Refusal for what cannot be kept."""
    value = getattr(item, name)
    if value is None:
        return None
    try:
        written = msgspec.json.encode(value)
    except (ValueError, OverflowError, RecursionError) as error:
        raise Refusal("type", f"`{name}` cannot be kept: {error}") from None
    if _NUL.search(written):
        raise Refusal("type", f"`{name}` holds the character NUL, which is no text")
    return value


def check_place(lon: float | None, lat: float | None) -> None:
    """Raise Refusal for half a place, or one that is not on Earth."""
    if lon is None and lat is None:
        return
    if lon is None or lat is None:
        raise Refusal("place", "`lon` and `lat` go together: one of them is missing")
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise Refusal("place", f"longitude {lon}, latitude {lat} is not on Earth")
