"""Messages that a bad line breaks: cut off, or with a byte changed on the way.

Each way is chosen so that every reader that keeps to the standards finds the same thing wrong.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

HEAD = b"##"
_DIGITS = b"0123456789"
_LENGTH = slice(2, 6)

Luck = Callable[[int], float]
"""The n-th of the numbers from 0 to 1 that decide about one message."""


class Garbled(NamedTuple):
    """What is left of a payload, what is wrong with it, and which readings are lost with it."""

    payload: bytes
    reason: str
    lost: range


def garbled(pieces: Sequence[bytes], readings: int, luck: Luck) -> Garbled:
    """A payload of so many readings broken in one place; for frames, a piece is a frame."""
    if pieces[0].startswith(HEAD):
        return _frames(pieces, luck)
    return Garbled(_text(b"".join(pieces), luck), "json", range(readings))


def _text(payload: bytes, luck: Luck) -> bytes:
    if luck(0) < 0.5:
        # What is left holds the time of the message, so no two remnants are the same.
        half = len(payload) // 2
        return payload[: half + int(luck(1) * (len(payload) - half))]
    # A colon after a key that is none any more leaves no JSON, whatever it has become.
    at = _pick(_all(payload, b'":'), luck(1)) + 1
    return payload[:at] + bytes([payload[at] ^ 1 << int(luck(2) * 8)]) + payload[at + 1 :]


def _frames(pieces: Sequence[bytes], luck: Luck) -> Garbled:
    which = int(luck(1) * len(pieces))
    frame = pieces[which]
    before, after = b"".join(pieces[:which]), b"".join(pieces[which + 1 :])
    said = frame.index(b"DataTime=") + len(b"DataTime=")
    if luck(0) < 1 / 3:
        # It ends after an equals sign, so nothing at its end can be taken for a checksum.
        cut = _pick([at for at in _all(frame, b"=") if at > said], luck(2)) + 1
        return Garbled(before + frame[:cut], "crc", range(which, len(pieces)))
    if luck(0) < 2 / 3:
        # A smaller length than the true one ends where no frame can.
        digits = [at for at in range(_LENGTH.start, _LENGTH.stop) if frame[at] != _DIGITS[0]]
        at = _pick(digits, luck(2))
        smaller = _DIGITS[int(luck(3) * _DIGITS.index(frame[at]))]
        return _changed(before, frame, after, at, smaller, "length", which)
    at = _pick([at for at in range(said, len(frame) - 8) if frame[at] in _DIGITS], luck(2))
    others = [digit for digit in _DIGITS if digit != frame[at]]
    return _changed(before, frame, after, at, _pick(others, luck(3)), "crc", which)


def _changed(
    before: bytes, frame: bytes, after: bytes, at: int, byte: int, reason: str, which: int
) -> Garbled:
    broken = frame[:at] + bytes([byte]) + frame[at + 1 :]
    return Garbled(before + broken + after, reason, range(which, which + 1))


def _all(payload: bytes, what: bytes) -> list[int]:
    return [at for at in range(len(payload)) if payload.startswith(what, at)]


def _pick(choices: Sequence[int], luck: float) -> int:
    return choices[int(luck * len(choices))]
