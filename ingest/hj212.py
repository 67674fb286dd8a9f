r"""HJ 212 frames, both directions: taken apart, checked, built and answered.

A frame is ``##``, four decimal digits with the length of the segment, the segment, four
hexadecimal digits of its CRC, and CR LF. Editions 2005, 2017 and 2025 are read alike, in upper
and lower case; a missing QN or Flag, blanks and semicolons at the end are forgiven. Never forgiven
are a wrong length or CRC, a field of the head that stands twice, and an item without `=`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from ingest.refusals import Refusal

HEAD, DIGITS = b"##", 4
ANSWERED_DATA = frozenset({2011, 2021, 2031, 2041, 2051, 2061, 2081, 3019, 3020, 3040, 3041})
"""Commands by which a device sends something up; 9014 answers them."""
HEARTBEAT, ASKS_FOR_TIME = 9015, 1013
SET_CLOCK = 1012
REAL_TIME, MINUTE, HOUR, DAY = 2011, 2051, 2061, 2031
TAKEN, RESULT, NOTED, KEPT = 9011, 9012, 9013, 9014
"""Answers: to a request, what came of it, to a notice, to data."""
READY, REFUSED, WRONG_SYSTEM, UNKNOWN_COMMAND = 1, 2, 5, 8
"""Values of QnRtn."""
DONE, NO_DATA = 1, 100
"""Values of ExeRtn."""
EXCHANGE = 91
"""ST of what is said about the exchange itself."""

_LENGTH = re.compile(rb"\d{4}\Z")
_CRC = re.compile(rb"[0-9A-Fa-f]{4}\Z")
_BODY = re.compile(
    r"^(?P<head>.*?);?\s*CP\s*=\s*&&(?P<body>.*)&&;?\s*\Z", re.DOTALL | re.IGNORECASE
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class FrameError(Refusal):
    """Bytes that are no HJ 212 frame: `length`, `crc` or `frame`, and what was wrong."""


def _table() -> tuple[int, ...]:
    def shifted(value: int) -> int:
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
        return value

    return tuple(shifted(value) for value in range(256))


_SHIFTED = _table()


def crc(segment: bytes) -> int:
    """Checksum of HJ 212 Annex A: the register's high byte, not its low one, meets each byte."""
    value = 0xFFFF
    for byte in segment:
        value = value >> 8 ^ byte
        value = value >> 8 ^ _SHIFTED[value & 0xFF]
    return value


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame taken apart. What it does not say is None.

    qn: time of the request by the device's clock, its number. st: kind of system (22 air, 39 site
    dust, 91 the exchange itself). cn: command. flag: version << 2 | split << 1 | answer wanted.
    pnum, pno: number of packets and which this one is. rf: 1 marks back-fill (2025).
    body: the pairs of CP in order, as groups that stood between semicolons.
    """

    st: int
    cn: int
    mn: str = ""
    pw: str = ""
    qn: str | None = None
    flag: int | None = None
    pnum: int | None = None
    pno: int | None = None
    rf: int | None = None
    body: tuple[tuple[tuple[str, str], ...], ...] = field(default=())

    @property
    def wants_answer(self) -> bool:
        return bool((self.flag or 0) & 1)

    @property
    def is_split(self) -> bool:
        """Whether it is one packet of several."""
        return (self.pnum or 1) > 1

    @property
    def version(self) -> int:
        """0 is the edition of 2005, 1 that of 2017, 2 that of 2025."""
        return (self.flag or 0) >> 2

    def value(self, key: str) -> str | None:
        """The first value under `key` in the body, upper and lower case alike."""
        wanted = key.lower()
        return next(
            (value for group in self.body for name, value in group if name.lower() == wanted), None
        )


def split(payload: bytes) -> Iterator[bytes]:
    """The frames in a payload, each as it came without CR LF; junk between is given as it is.

    A frame ends where its length says, or before the next ``##`` where that makes no sense.
    """
    at = 0
    while True:
        while payload[at : at + 1] in (b"\r", b"\n", b" ") and at < len(payload):
            at += 1
        if at >= len(payload):
            return
        end = _end(payload, at)
        yield payload[at:end].rstrip(b"\r\n ")
        at = end


def _end(payload: bytes, at: int) -> int:
    digits = payload[at + 2 : at + 2 + DIGITS]
    if payload.startswith(HEAD, at) and _LENGTH.match(digits):
        end = at + 2 + DIGITS + int(digits) + 4
        rest = payload[end : end + 2]
        if end <= len(payload) and (not rest or rest[:1] in b"\r\n " or rest == HEAD):
            return end
    following = payload.find(HEAD, at + 2)
    return len(payload) if following < 0 else following


def parse(raw: bytes) -> Frame:
    """The frame in `raw`, with or without CR LF at its end. Raises FrameError."""
    segment = checked_segment(raw)
    try:
        text = segment.decode("utf-8")
    except UnicodeDecodeError:
        try:
            text = segment.decode("gb18030")
        except UnicodeDecodeError:
            raise FrameError("frame", "the text is neither UTF-8 nor GB 18030") from None
    control = _CONTROL.search(text)
    if control is not None:
        raise FrameError(
            "frame", f"character {control.start() + 1} of the segment is {control[0]!r}, no text"
        )
    match = _BODY.match(text)
    if match is None or "&&" in match["body"]:
        raise FrameError("frame", "there is no one CP=&&…&& at the end of the segment")
    head: dict[str, str] = {}
    for name, value in _pairs(match["head"].split(";")):
        if name.upper() in head:
            raise FrameError("frame", f"{name[:20]}= stands twice in the head: which one holds?")
        head[name.upper()] = value
    st, cn = _number(head, "ST"), _number(head, "CN")
    if st is None or cn is None:
        raise FrameError("frame", "ST and CN are needed, and both are numbers")
    return Frame(
        st=st,
        cn=cn,
        mn=head.get("MN", ""),
        pw=head.get("PW", ""),
        qn=head.get("QN") or None,
        flag=_number(head, "FLAG"),
        pnum=_number(head, "PNUM"),
        pno=_number(head, "PNO"),
        rf=_number(head, "RF"),
        body=tuple(_groups(match["body"])),
    )


def checked_segment(raw: bytes) -> bytes:
    """The segment of a frame whose length and CRC are right. Raises FrameError."""
    raw = raw.rstrip(b"\r\n ")
    if not raw.startswith(HEAD):
        raise FrameError("frame", "a frame begins with ##")
    digits, rest = raw[2 : 2 + DIGITS], raw[2 + DIGITS :]
    if not _LENGTH.match(digits):
        raise FrameError("length", f"after ## come four digits of length, not {_shown(digits)}")
    length, said = int(digits), rest[-4:]
    if not _CRC.match(said):
        raise FrameError(
            "crc",
            f"there is no CRC: the frame ends in {_shown(said)} and not in 4 hexadecimal digits; "
            f"the length says {length}, and {len(rest)} characters follow",
        )
    if len(rest) != length + 4:
        raise FrameError(
            "length",
            f"the length says {length} and the CRC has 4, but {len(rest)} characters follow",
        )
    segment = rest[:length]
    if int(said, 16) != crc(segment):
        raise FrameError("crc", f"the CRC is {crc(segment):04X}, the frame says {said.decode()}")
    return segment


def build(frame: Frame) -> bytes:
    """The frame as it goes over the wire, with CR LF. Raises ValueError where it is too long."""
    head = [
        ("QN", frame.qn),
        ("ST", frame.st),
        ("CN", frame.cn),
        ("PW", frame.pw),
        ("MN", frame.mn),
        ("Flag", frame.flag),
        ("PNUM", frame.pnum),
        ("PNO", frame.pno),
        ("RF", frame.rf),
    ]
    fields = ";".join(f"{name}={value}" for name, value in head if value is not None)
    body = ";".join(",".join(f"{name}={value}" for name, value in group) for group in frame.body)
    segment = f"{fields};CP=&&{body}&&".encode()
    if len(segment) > 9999:
        raise ValueError(f"a segment of {len(segment)} characters: send it in several packets")
    return b"##%04d%s%04X\r\n" % (len(segment), segment, crc(segment))


def answer_to(frame: Frame) -> Frame | None:
    """The answer that the platform owes, or None.

    9014 answers what a device sends up when its Flag asks for it, packet by packet where it is
    split; 9013 answers its notices: the heartbeat of the 2025 edition, and that it wants the time.
    """
    if frame.cn in (HEARTBEAT, ASKS_FOR_TIME):
        return _answer(frame, NOTED)
    if frame.cn in ANSWERED_DATA and frame.wants_answer:
        return _answer(frame, KEPT)
    return None


def taken(frame: Frame, result: int) -> Frame:
    """9011 for a frame: whether what it asks for is taken on (READY) or why not."""
    return _answer(frame, TAKEN, (("QnRtn", str(result)),))


def result_of(frame: Frame, result: int) -> Frame:
    """9012 for a request: what came of it."""
    return _answer(frame, RESULT, (("ExeRtn", str(result)),))


def set_clock(device: Frame, qn: str, local: datetime) -> Frame:
    """Tell a device the time. device: a frame of it; qn: number of the request; local: the
    time that its clock is to show."""
    return _request(device, SET_CLOCK, qn, (("SystemTime", f"{local:%Y%m%d%H%M%S}"),))


def ask_for(device: Frame, cn: int, qn: str, first: datetime, last: datetime) -> Frame:
    """Ask a device for its data of a span again.

    cn: MINUTE, HOUR or DAY. first, last: DataTime of the first and of the last wanted, by the
    device's clock.
    """
    begin, end = f"{first:%Y%m%d%H%M%S}", f"{last:%Y%m%d%H%M%S}"
    return _request(device, cn, qn, (("BeginTime", begin),), (("EndTime", end),))


def _answer(frame: Frame, cn: int, *body: tuple[tuple[str, str], ...]) -> Frame:
    flag = None if frame.flag is None else frame.version << 2 | frame.is_split << 1
    packet = {"pnum": frame.pnum, "pno": frame.pno} if frame.is_split else {}
    return Frame(
        st=EXCHANGE, cn=cn, mn=frame.mn, pw=frame.pw, qn=frame.qn, flag=flag, body=body, **packet
    )


def _request(device: Frame, cn: int, qn: str, *body: tuple[tuple[str, str], ...]) -> Frame:
    flag = device.version << 2 | 1
    return Frame(st=device.st, cn=cn, mn=device.mn, pw=device.pw, qn=qn, flag=flag, body=body)


def _groups(body: str) -> Iterator[tuple[tuple[str, str], ...]]:
    for group in body.split(";"):
        pairs = tuple(_pairs(group.split(",")))
        if pairs:
            yield pairs


def _pairs(items: list[str]) -> Iterator[tuple[str, str]]:
    """Names and values; an empty item is forgiven, as one too many of its separators leaves it."""
    for item in items:
        name, equals, value = item.partition("=")
        if equals and name.strip():
            yield name.strip(), value.strip()
        elif item.strip():
            raise FrameError("frame", f"{item[:40]!r} is no name=value")


def _number(head: dict[str, str], name: str) -> int | None:
    text = head.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise FrameError("frame", f"{name}={text[:20]} is no number")
    return int(text)


def _shown(raw: bytes) -> str:
    return repr(raw.decode("ascii", "backslashreplace"))
