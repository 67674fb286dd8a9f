"""HJ 212 frames off the wire, to readings.

What a device says of a factor by its flag stays with that factor: a value whose own flag is not
`N` or `S` goes to `extra`, beside its flag, and takes no other value out of decisions. Only where
none of the particles is good are they left in place, under the worst of their flags.

Means (CN 2051 minute, 2061 hour, 2031 day) are readings as real-time values (2011) are, for there
are stations that send nothing else; `CN` in `extra` tells them apart. A logger that sends both
says the same time twice: what comes first stays, and the other kind counts as a duplicate, not as
a conflict.
"""

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType
from typing import TypeVar

from ingest import hj212
from ingest.instants import EPOCH, instant
from ingest.records import PARTICLES, Decoded, Reading, Refused
from ingest.refusals import Refusal
from ingest.registry import StationFacts

AIR, SITE_DUST = 22, 39
REAL_TIME = hj212.REAL_TIME
MEANS = frozenset({hj212.MINUTE, hj212.HOUR, hj212.DAY})

QUANTITY_OF_CODE = MappingProxyType(
    {
        "a34001": "tsp",
        "a34002": "pm10",
        "a34004": "pm25",
        "a01001": "temp",
        "a01002": "rh",
        "a01006": "pressure",
        "a01007": "wind_speed",
        "a01008": "wind_dir",
        "LA": "noise",
    }
)
HPA_PER_KPA = 10.0
TRUSTED = frozenset("NS")
WORST_FIRST = "DBFMCTSN"
"""The flags of HJ 212-2017: a broken device or line first, then one that does not measure."""

_FLAG_OF_2005 = MappingProxyType({"P": "F"})
"""Without power is not running."""
_WRITTEN = {code.lower(): code for code in QUANTITY_OF_CODE}
_IN_THE_UNIT = frozenset({"rtd", "avg", "min", "max"})
_NO_NUMBERS = frozenset({"sampletime", "eflag", "info"})
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII)
_TIME = re.compile(r"(\d{14})(\d{3})?\Z", re.ASCII)

Said = TypeVar("Said", float, str)


@dataclass(slots=True)
class Measured:
    """What a device says of one time. values: by code and lower-case suffix, in our units;
    flags: by code."""

    values: dict[tuple[str, str], float] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)

    def put_value(self, code: str, suffix: str, value: float) -> None:
        """Raise FrameError where another value stands there."""
        value_before = self.values.setdefault((code, suffix), value)
        _check_same(f"{code}-{suffix.capitalize()}", value_before, value)

    def put_flag(self, code: str, flag: str) -> None:
        """Raise FrameError where another flag stands there."""
        _check_same(f"{code}-Flag", self.flags.setdefault(code, flag), flag)

    def joined(self, other: "Measured") -> "Measured":
        """Both together. Raises FrameError where they contradict each other."""
        both = Measured(dict(self.values), dict(self.flags))
        for (code, suffix), value in other.values.items():
            both.put_value(code, suffix, value)
        for code, flag in other.flags.items():
            both.put_flag(code, flag)
        return both


@dataclass(frozen=True, slots=True)
class _Message:
    """A message at one of its times: place of its first frame in the payload, and its command."""

    part: int
    cn: int
    measured: Measured


def readings(payload: bytes, station: StationFacts, zone: tzinfo) -> Decoded[Reading]:
    """A reading per frame of the payload and DataTime in it, real-time values or means.

    zone: what the devices' clocks show. Packets of one message that came in one payload are put
    together again. Codes that the contract has no key for are kept under their own name.
    """
    decoded: Decoded[Reading] = Decoded("hj212")
    messages: dict[tuple[int | str | None, int, int], _Message] = {}
    for part, raw in enumerate(hj212.split(payload)):
        try:
            frame = hj212.parse(raw)
            check(frame, station)
            name = frame.qn if (frame.pnum or 1) > 1 else part
            found: dict[tuple[int | str | None, int, int], _Message] = {}
            for ts_us, measured in measured_in(frame, station.ug_per_m3, zone).items():
                key = name, frame.cn, ts_us
                first = messages.get(key, _Message(part, frame.cn, Measured()))
                found[key] = _Message(first.part, frame.cn, first.measured.joined(measured))
        except Refusal as refused:
            decoded.refused.append(Refused(refused.reason, refused.detail, part, raw))
        else:
            messages |= found
    for (_, _, ts_us), message in messages.items():
        decoded.records.append(reading_of(ts_us, message.cn, message.measured))
        decoded.parts.append(message.part)
    return decoded


def check(frame: hj212.Frame, station: StationFacts) -> None:
    """Raise Refusal unless the frame brings measurements, and from the device that it should."""
    if frame.cn != REAL_TIME and frame.cn not in MEANS:
        raise Refusal("no_reading", f"CN={frame.cn} brings no measurements, so there is none")
    if frame.st not in (AIR, SITE_DUST):
        raise Refusal(
            "device",
            f"ST={frame.st} is another type of device: air stations are 22, dust sites 39",
        )
    if station.mn is not None and frame.mn != station.mn:
        raise Refusal(
            "mn", f"the frame is of device {frame.mn!r}, the station's `mn` is {station.mn!r}"
        )


def measured_in(frame: hj212.Frame, ug_per_m3: float, zone: tzinfo) -> dict[int, Measured]:
    """What a frame says, by the microseconds of each DataTime that has a value.

    What stands before the first DataTime belongs to it. Raises Refusal where nothing was measured
    or something cannot be read.
    """
    times: dict[int, Measured] = {}
    measured = times.setdefault(time_us(frame.value("DataTime"), zone), Measured())
    for key, text in (pair for group in frame.body for pair in group):
        if key.lower() == "datatime":
            measured = times.setdefault(time_us(text, zone), Measured())
            continue
        written, dash, suffix = key.rpartition("-")
        if not dash or not text:
            continue
        if not written:
            raise hj212.FrameError("frame", f"{key}={text[:20]} has no code before the dash")
        code, suffix = _WRITTEN.get(written.lower(), written), suffix.lower()
        if suffix == "flag":
            flag = _flag(code, text)
            if flag is not None:
                measured.put_flag(code, flag)
        elif suffix and suffix not in _NO_NUMBERS:
            value = _value(code, suffix, text, ug_per_m3)
            if value is not None:
                measured.put_value(code, suffix, value)
    with_values = {ts_us: measured for ts_us, measured in times.items() if measured.values}
    if not with_values:
        raise Refusal("empty", "the frame has no value")
    return with_values


def reading_of(ts_us: int, cn: int, measured: Measured) -> Reading:
    """The reading that a message of the command `cn` brings for a time."""
    deciding = _deciding_suffix(cn, measured)
    particles = [
        measured.flags.get(code, "N")
        for code, suffix in measured.values
        if suffix == deciding and QUANTITY_OF_CODE.get(code) in PARTICLES
    ]
    good = [flag for flag in particles if flag in TRUSTED]
    status = min(good or particles, key=WORST_FIRST.index, default="N")
    values: dict[str, float] = {}
    extra: dict[str, float | str] = {}
    for (code, suffix), value in measured.values.items():
        quantity = QUANTITY_OF_CODE.get(code)
        flag_holds = quantity in PARTICLES and not good
        if suffix != deciding:
            extra[f"{code}-{suffix.capitalize()}"] = value
        elif quantity and (flag_holds or measured.flags.get(code, "N") in TRUSTED):
            values[quantity] = value
        else:
            extra[code] = value
    extra |= {f"{code}-Flag": flag for code, flag in measured.flags.items() if flag != status}
    if cn in MEANS:
        extra["CN"] = cn
    return Reading(ts_us, **values, status=status, extra=extra or None)


def _deciding_suffix(cn: int, measured: Measured) -> str:
    """Rtd of real-time data and Avg of means; the other one where a logger mixes them up."""
    right, other = ("rtd", "avg") if cn == REAL_TIME else ("avg", "rtd")
    suffixes = {suffix for _, suffix in measured.values}
    return other if other in suffixes and right not in suffixes else right


def _flag(code: str, text: str) -> str | None:
    """The flag; None for one of no meaning under a code that the contract has no key for."""
    flag = _FLAG_OF_2005.get(text.upper(), text.upper())
    if len(flag) == 1 and flag in WORST_FIRST:
        return flag
    if code in QUANTITY_OF_CODE:
        raise Refusal("type", f"{code}-Flag={text[:20]} is none of the flags {WORST_FIRST}")
    return None


def _value(code: str, suffix: str, text: str, ug_per_m3: float) -> float | None:
    """The number in our unit; None for what is no number where none is needed."""
    quantity = QUANTITY_OF_CODE.get(code)
    factor = 1.0
    if suffix in _IN_THE_UNIT and quantity in PARTICLES:
        factor = ug_per_m3
    elif suffix in _IN_THE_UNIT and quantity == "pressure":
        factor = HPA_PER_KPA
    value = float(text) if _NUMBER.match(text) else math.nan
    if factor != 1.0:
        # Without the binary dust: 0.07 mg/m³ are 70 µg/m³.
        value = round(value * factor, 9)
    if math.isfinite(value):
        return value
    if quantity and suffix in ("rtd", "avg"):
        raise Refusal("type", f"{code}-{suffix.capitalize()}={text[:40]} is no number in range")
    return None


def _check_same(name: str, before: Said, now: Said) -> None:
    if before != now:
        raise hj212.FrameError(
            "frame", f"{name} stands twice for one DataTime, as {before} and as {now}"
        )


def time_us(text: str | None, zone: tzinfo) -> int:
    """Microseconds since 1970 of a device's time, with or without three digits of milliseconds.

    Raises Refusal where there is none, or none that can be read.
    """
    if not text:
        raise Refusal("missing", "the frame has no DataTime, or an empty one")
    match = _TIME.match(text)
    try:
        if match is None:
            raise ValueError
        local = datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=zone)
        time = local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refusal("time", f"DataTime={text[:40]} is no time YYYYMMDDhhmmss") from None
    return (instant(time) if time >= EPOCH else instant(-1)) + int(match[2] or 0) * 1000
