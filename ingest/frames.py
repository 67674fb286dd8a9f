"""HJ 212 frames off the wire, to readings."""

import math
import re
from datetime import UTC, datetime, tzinfo

from ingest import hj212
from ingest.instants import EPOCH, instant
from ingest.records import PARTICLES, Decoded, Reading, Refused
from ingest.refusals import Refusal
from ingest.registry import StationFacts

AIR, SITE_DUST = 22, 39
DATA = {2011: "real-time", 2051: "minute", 2061: "hour", 2031: "day"}

QUANTITY_OF_CODE = {
    "a34001": "tsp",
    "a34002": "pm10",
    "a34004": "pm25",
    "a01001": "temp",
    "a01002": "rh",
    "a01006": "pressure",
    "a01007": "wind_speed",
    "a01008": "wind_dir",
    "la": "noise",
}
HPA_PER_KPA = 10.0
STATUSES = frozenset("NFMSDCTB")

_PM_CODES = ("a34002", "a34004", "a34001")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII)
_TIME = re.compile(r"(\d{14})(\d{3})?\Z", re.ASCII)
_NO_NUMBERS = frozenset({"flag", "sampletime", "eflag", "info"})


def readings(payload: bytes, station: StationFacts, zone: tzinfo) -> Decoded[Reading]:
    """One reading per frame of the payload, real-time values or means.

    zone: what the devices' clocks show. Packets of one message that came in one payload are put
    together again. Codes that the contract has no key for are kept under their own name.
    """
    decoded: Decoded[Reading] = Decoded("hj212")
    several: dict[tuple[str | None, int], int] = {}
    for part, raw in enumerate(hj212.split(payload)):
        try:
            frame = hj212.parse(raw)
            check_sender(frame, station)
            reading = reading_of(frame, station.ug_per_m3, zone)
        except Refusal as refused:
            decoded.refused.append(Refused(refused.reason, refused.detail, part, raw))
            continue
        message = (frame.qn, frame.cn)
        if (frame.pnum or 1) > 1 and message in several:
            first = several[message]
            if decoded.records[first].ts_us == reading.ts_us:
                decoded.records[first] = _together(decoded.records[first], reading)
                continue
        several[message] = len(decoded.records)
        decoded.records.append(reading)
        decoded.parts.append(part)
    return decoded


def check_sender(frame: hj212.Frame, station: StationFacts) -> None:
    """Raise Refusal unless the frame comes from the kind of device, and the device, it should."""
    if frame.st not in (AIR, SITE_DUST):
        raise Refusal(
            "device",
            f"ST={frame.st} is another type of device: air stations are 22, dust sites 39",
        )
    if station.mn is not None and frame.mn != station.mn:
        raise Refusal(
            "mn", f"the frame is of device {frame.mn!r}, the station's `mn` is {station.mn!r}"
        )


def reading_of(frame: hj212.Frame, ug_per_m3: float, zone: tzinfo) -> Reading:
    """The reading that a frame brings. Raises Refusal where it brings none."""
    if frame.cn not in DATA:
        raise Refusal("no_reading", f"CN={frame.cn} brings no measurements, so there is none")
    values: dict[str, float] = {}
    extra: dict[str, float | str] = {}
    flags: dict[str, str] = {}
    for group in frame.body:
        for key, text in group:
            code, _, suffix = key.partition("-")
            suffix = suffix.lower()
            if suffix == "flag" and text:
                flags[code.lower()] = _status(key, text)
            elif suffix and suffix not in _NO_NUMBERS and text:
                _put(code, suffix, _number(key, text), ug_per_m3, values, extra)
    status = _leading(flags)
    extra.update({f"{code}-Flag": flag for code, flag in flags.items() if flag != status})
    if not values and not any(type(value) is float for value in extra.values()):
        raise Refusal("empty", "the frame has no value")
    return Reading(_time(frame, zone), **values, status=status, extra=extra or None)


def _put(
    code: str,
    suffix: str,
    value: float,
    ug_per_m3: float,
    values: dict[str, float],
    extra: dict[str, float | str],
) -> None:
    quantity = QUANTITY_OF_CODE.get(code.lower())
    if quantity in PARTICLES:
        value *= ug_per_m3
    elif quantity == "pressure":
        value = round(value * HPA_PER_KPA, 6)
    if suffix not in ("rtd", "avg"):
        extra[f"{code}-{suffix.capitalize()}"] = value
    elif quantity is not None:
        values[quantity] = value
    else:
        extra[code] = value


def _leading(flags: dict[str, str]) -> str:
    """The flag of the reading: of PM10 where it has one, else of other particles, else the worst.

    A broken sound meter must not take the dust out of decisions; its own flag is kept beside.
    """
    for code in _PM_CODES:
        if code in flags:
            return flags[code]
    return next((flag for flag in flags.values() if flag != "N"), "N")


def _status(key: str, text: str) -> str:
    flag = text.upper()
    if flag not in STATUSES:
        raise Refusal("type", f"{key}={text[:20]} is no flag of HJ 212-2017: one of NFMSDCTB")
    return flag


def _number(key: str, text: str) -> float:
    if not _NUMBER.match(text) or not math.isfinite(value := float(text)):
        raise Refusal("type", f"{key}={text[:40]} is no number")
    return value


def _time(frame: hj212.Frame, zone: tzinfo) -> int:
    text = frame.value("DataTime")
    if not text:
        raise Refusal("missing", "the frame has no DataTime")
    match = _TIME.match(text)
    try:
        if match is None:
            raise ValueError
        local = datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=zone)
        time = local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refusal("time", f"DataTime={text[:40]} is no time YYYYMMDDhhmmss") from None
    return instant(time) if time >= EPOCH else instant(-1)


def _together(first: Reading, second: Reading) -> Reading:
    """Two packets of one message as one reading."""
    named = {
        name: value if value is not None else getattr(second, name)
        for name, value in first._asdict().items()
    }
    extra = (first.extra or {}) | (second.extra or {})
    status = first.status if first.status != "N" else second.status
    return Reading(**(named | {"extra": extra or None, "status": status}))
