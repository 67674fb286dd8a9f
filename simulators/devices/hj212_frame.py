"""Frames of HJ 212-2017 as a data logger writes them."""

from collections.abc import Mapping
from datetime import datetime

# Version 2017, one packet, no answer wanted: version << 2 | split << 1 | answer.
FLAG = 4
ROAD_DUST = 39
AIR = 22
REAL_TIME = 2011


def _of_byte(byte: int) -> int:
    for _ in range(8):
        low = byte & 1
        byte >>= 1
        if low:
            byte ^= 0xA001
    return byte


_OF_BYTE = tuple(_of_byte(byte) for byte in range(256))


def crc(segment: bytes) -> int:
    """The checksum of HJ 212-2017 Annex A: unlike Modbus, a byte meets the upper half only."""
    value = 0xFFFF
    for byte in segment:
        # The byte replaces the lower half; the upper one has moved down into it.
        value = _OF_BYTE[(value >> 8) ^ byte]
    return value


def frame(segment: str) -> bytes:
    """A data segment with its header, length, checksum and end.

    Raises
    ------
    ValueError
        If the segment is longer than the four digits of the length can say.
    """
    raw = segment.encode("ascii")
    if len(raw) > 9999:
        raise ValueError(
            f"an HJ 212 segment has at most 9999 characters, this one {len(raw)}: split it"
        )
    return b"##%04d%s%04X\r\n" % (len(raw), raw, crc(raw))


def real_time(
    mn: str,
    local: datetime,
    values: Mapping[str, str],
    flags: Mapping[str, str],
    *,
    system: int = ROAD_DUST,
    sent: datetime | None = None,
    backfill: bool = False,
) -> bytes:
    """A frame CN 2011.

    Parameters
    ----------
    mn
        Device number.
    local
        Time of the values in the station's own time zone, which the frame does not name.
    values
        Written value by factor code, such as ``{"a34002": "51.2"}``.
    flags
        Data flag by factor code.
    system
        ST: 39 for dust from roads and sites, 22 for ambient air.
    sent
        Local time of sending for QN; that of the values when left out.
    backfill
        Whether the frame makes up for one that could not be sent (RF=1).
    """
    sent = sent or local
    parts = [f"DataTime={local:%Y%m%d%H%M%S}"]
    parts += [f"{code}-Rtd={value},{code}-Flag={flags[code]}" for code, value in values.items()]
    head = (
        f"QN={sent:%Y%m%d%H%M%S}{sent.microsecond // 1000:03d};ST={system};CN={REAL_TIME};"
        f"PW=123456;MN={mn};Flag={FLAG};"
    )
    return frame(f"{head}{'RF=1;' if backfill else ''}CP=&&{';'.join(parts)}&&")
