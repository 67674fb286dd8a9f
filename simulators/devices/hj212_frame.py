"""Frames of HJ 212-2017 as a data logger writes them."""

from collections.abc import Mapping, Sequence

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
_UPPER_OF_BYTE = bytes(value >> 8 for value in _OF_BYTE)


def crc(segment: bytes) -> int:
    """The checksum of HJ 212-2017 Annex A: unlike Modbus, a byte meets the upper half only."""
    if not segment:
        return 0xFFFF
    upper, table = 0xFF, _UPPER_OF_BYTE
    # The lower half is replaced by each byte, so until the last one the upper half is all there is.
    for byte in segment[:-1]:
        upper = table[upper ^ byte]
    return _OF_BYTE[upper ^ segment[-1]]


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


class RealTime:
    """Frames CN 2011 of one device.

    Parameters
    ----------
    mn
        Device number.
    decimals
        Factor codes in the order of their values, and how many decimals each is written with.
    system
        ST: 39 for dust from roads and sites, 22 for ambient air.
    """

    def __init__(self, mn: str, decimals: Mapping[str, int], system: int = ROAD_DUST) -> None:
        self._head = f"000;ST={system};CN={REAL_TIME};PW=123456;MN={mn};Flag={FLAG};"
        self._body = ";".join(
            f"{code}-Rtd=%.{places}f,{code}-Flag=%s" for code, places in decimals.items()
        )

    def frame(
        self,
        measured: str,
        values: Sequence[float],
        flags: Sequence[str],
        *,
        sent: str,
        backfill: bool = False,
    ) -> bytes:
        """The values and flags of one time.

        measured and sent are YYYYMMDDhhmmss in the station's own time zone, which the frame does
        not name; `backfill` marks what could not be sent in time (RF=1).
        """
        rf = "RF=1;" if backfill else ""
        pairs = tuple(part for pair in zip(values, flags, strict=True) for part in pair)
        return frame(f"QN={sent}{self._head}{rf}CP=&&DataTime={measured};{self._body % pairs}&&")
