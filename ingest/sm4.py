"""HJ 212-2025 with its data encrypted: SM4 in ECB, block by block, without padding.

The edition encrypts what stands between the `&&` of CP, as many whole blocks of 16 bytes as there
are; what is left over stays as it is, so the length does not change. Length and CRC are those of
the frame in clear (Annex A.2 prints both forms of two frames). Nothing in a frame says that it is
encrypted: its CRC does, which fits once it is in clear. ECB hides little and proves nothing; TLS
or a private network is what keeps a line safe.
"""

import importlib
import re
from collections.abc import Callable
from typing import Any

from ingest import hj212

BLOCK = 16


class LibraryMissing(RuntimeError):
    """What SM4 is done with is not installed."""


_REGION = re.compile(rb"CP=&&(?P<region>.*)&&\Z", re.DOTALL | re.IGNORECASE)
_MN = re.compile(rb"(?:^|;)\s*MN\s*=\s*(?P<mn>[^;&]*)", re.IGNORECASE)


def in_clear(raw: bytes, key: bytes) -> bytes:
    """The frame decrypted; as it came where it was in clear.

    Raises FrameError where neither of the two is a good frame, ValueError for a key that has not
    16 bytes, LibraryMissing where the library is not installed.
    """
    try:
        hj212.checked_segment(raw)
    except hj212.FrameError as error:
        if error.reason != "crc":
            raise
        context = _cipher(key).decryptor()
        decrypted = _with_region(raw, lambda blocks: _through(context, blocks))
        hj212.checked_segment(decrypted)
        return decrypted
    return raw


def encrypted(raw: bytes, key: bytes) -> bytes:
    """A good frame with its data encrypted."""
    hj212.checked_segment(raw)
    context = _cipher(key).encryptor()
    return _with_region(raw, lambda blocks: _through(context, blocks))


def device_of(raw: bytes) -> str:
    """The MN in a frame's head, which is never encrypted; empty where there is none."""
    head = raw[: raw.find(b"&&")] if b"&&" in raw else raw
    match = _MN.search(head[2 + hj212.DIGITS :])
    return match["mn"].decode("ascii", "replace").strip() if match else ""


def _with_region(raw: bytes, change: Callable[[bytes], bytes]) -> bytes:
    frame = raw.rstrip(b"\r\n ")
    segment, said = frame[:-4], frame[-4:]
    match = _REGION.search(segment)
    if match is None:
        raise hj212.FrameError("frame", "there is no CP=&&…&& at the end of the segment")
    region = match["region"]
    blocks = len(region) // BLOCK * BLOCK
    changed = change(region[:blocks]) + region[blocks:]
    return segment[: match.start("region")] + changed + segment[match.end("region") :] + said


def _library() -> Any:
    """Raises LibraryMissing."""
    try:
        return importlib.import_module("cryptography.hazmat.primitives.ciphers")
    except ImportError:
        raise LibraryMissing(
            "a device has an SM4 key, and the package cryptography is not installed: "
            "pip install cryptography"
        ) from None


def check_library() -> None:
    """Raises LibraryMissing where frames could not be decrypted."""
    _library()


def _cipher(key: bytes) -> Any:
    if len(key) != BLOCK:
        raise ValueError(f"an SM4 key has {BLOCK} bytes, this one {len(key)}")
    ciphers = _library()
    return ciphers.Cipher(ciphers.algorithms.SM4(key), ciphers.modes.ECB())


def _through(context: Any, blocks: bytes) -> bytes:
    return bytes(context.update(blocks) + context.finalize())
