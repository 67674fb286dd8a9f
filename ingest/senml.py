"""A SenML pack (RFC 8428, JSON), to readings: one per time, a record per quantity."""

import math
import re
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct, field

from ingest.instants import instant
from ingest.items import read
from ingest.records import PARTICLES, QUANTITIES, Decoded, Reading, Refused
from ingest.refusals import Refusal

VERSION = 10
ABSOLUTE_S = 2**28
"""RFC 8428 4.5.3: a smaller time counts from now."""
OTHER_NAMES = MappingProxyType({"pm2.5": "pm25", "temperature": "temp", "humidity": "rh"})
"""What makers call quantities, beside the contract's names."""


class SenmlRecord(Struct):
    """The keys of RFC 8428; `value_text` is looked at for the status only."""

    base_name: str = field(name="bn", default="")
    base_time: float | None = field(name="bt", default=None)
    base_unit: str | None = field(name="bu", default=None)
    base_value: float | None = field(name="bv", default=None)
    base_version: int | None = field(name="bver", default=None)
    name: str = field(name="n", default="")
    unit: str | None = field(name="u", default=None)
    value: float | None = field(name="v", default=None)
    value_text: str | None = field(name="vs", default=None)
    time: float | None = field(name="t", default=None)


class _Linear(NamedTuple):
    """To a contract's unit: value * factor + offset."""

    factor: float
    offset: float = 0.0


_PARTICLE_UNITS = {
    "ug/m3": _Linear(1.0),
    "mg/m3": _Linear(1e3),
    "ng/m3": _Linear(1e-3),
    "kg/m3": _Linear(1e9),
}
UNITS: dict[str, dict[str, _Linear]] = {
    "pm10": _PARTICLE_UNITS,
    "pm25": _PARTICLE_UNITS,
    "tsp": _PARTICLE_UNITS,
    "temp": {"Cel": _Linear(1.0), "K": _Linear(1.0, -273.15)},
    "rh": {"%RH": _Linear(1.0), "%": _Linear(1.0), "/": _Linear(100.0)},
    "pressure": {"hPa": _Linear(1.0), "Pa": _Linear(0.01), "kPa": _Linear(10.0)},
    "wind_speed": {"m/s": _Linear(1.0), "km/h": _Linear(1 / 3.6)},
    "wind_dir": {"deg": _Linear(1.0), "rad": _Linear(180 / math.pi)},
    "rain": {"mm": _Linear(1.0), "m": _Linear(1000.0)},
    "noise": {"dB": _Linear(1.0), "dBA": _Linear(1.0), "dB(A)": _Linear(1.0)},
}
"""What each quantity may come in (RFC 8428, RFC 8798 and what makers write), in our units."""

_KEYS = msgspec.json.Decoder(list[dict[str, Any]])
_OURS = frozenset({"bn", "bt", "bu", "bv", "bver", "n", "u", "v", "vs", "t"})
_DEVICE = re.compile(r"urn:dev:[^:]*:[^:_]*[:_]", re.IGNORECASE)
"""RFC 9039: the device and, after an underscore, what of it; RFC 8428 writes a colon."""
_JOINTS = ("_", "-")

Said = TypeVar("Said", float, str)


def looks_like_senml(payload: bytes) -> bool:
    """Whether an array's items have the keys of SenML rather than those of a Reading."""
    try:
        pack = _KEYS.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return bool(pack) and "ts" not in pack[0] and not _OURS.isdisjoint(pack[0])


def readings(payload: bytes, ug_per_m3: float = 1.0, most: int = 1000) -> Decoded[Reading]:
    """The readings of a pack; what is wrong with some of its records is one refusal.

    A record's quantity is the last part of its name, after `:` or `/`: `urn:dev:mac:1:pm10`, or
    what comes after a base name that ends in `_` or `-`; upper and lower case alike. Of two values
    for one name and time the first stays. A pack of a later version than 10 is refused whole.

    Times are absolute. A time below 2**28 s, or none, counts from now, and "five seconds ago"
    cannot be taken from the arrival either: brokers send a message again, and the repeat would be
    another reading instead of the same one.
    """
    decoded: Decoded[Reading] = Decoded("senml")
    wrong: list[tuple[int, Refusal]] = []
    try:
        pack = read(_KEYS.decode, payload)
        if len(pack) > most:
            raise Refusal("size", f"the pack has {len(pack)} records, at most {most} are taken")
        _check_version(pack)
        times = _resolve(pack, ug_per_m3, wrong)
    except Refusal as refused:
        decoded.refused.append(Refused(refused.reason, refused.detail))
        return decoded
    for ts_us, (values, extra, status) in times.items():
        if values or extra:
            decoded.records.append(
                Reading(ts_us, **values, status=status or "N", extra=extra or None)
            )
            decoded.parts.append(None)
    if not decoded.records and not wrong:
        wrong.append((0, Refusal("empty", "no record of the pack has a value")))
    if wrong:
        detail = "; ".join(f"record {n}: {refusal.detail}" for n, refusal in wrong[:5])
        if len(wrong) > 5:
            detail += f"; and {len(wrong) - 5} more"
        decoded.refused.append(Refused(wrong[0][1].reason, detail))
    return decoded


_Times = dict[int, tuple[dict[str, float], dict[str, float], str | None]]


def _resolve(
    pack: list[dict[str, Any]], ug_per_m3: float, wrong: list[tuple[int, Refusal]]
) -> _Times:
    times: _Times = {}
    base = SenmlRecord(base_time=0.0, base_value=0.0)
    for n, keys in enumerate(pack):
        try:
            record = _checked(keys)
            base = _based(base, record)
            if not record.name and record.value is None and record.value_text is None:
                continue  # It sets the base for those that follow.
            ts_us = _time_us(base, record)
            values, extra, status = times.get(ts_us, ({}, {}, None))
            name = _name(base, record)
            if name == "status" and record.value_text is not None:
                if record.value_text not in tuple("NFMSDCTB"):
                    raise Refusal("type", f"status {record.value_text!r} is none of NFMSDCTB")
                status = _same(name, status or record.value_text, record.value_text)
            elif record.value is not None:
                place = values if name in QUANTITIES else extra
                value = _in_our_unit(name, base, record, ug_per_m3)
                _same(name, place.setdefault(name, value), value)
            elif name in QUANTITIES:
                raise Refusal("type", f"{name!r} has no numeric value `v`")
            times[ts_us] = (values, extra, status)
        except Refusal as refused:
            wrong.append((n, refused))
    return times


def _checked(keys: dict[str, Any]) -> SenmlRecord:
    must = [key for key in keys if key.endswith("_")]
    if must:
        raise Refusal("type", f"the key {must[0]!r} must be understood, and is not")
    try:
        record = msgspec.convert(keys, SenmlRecord)
    except msgspec.ValidationError as error:
        raise Refusal("type", str(error)) from None
    return record


def _check_version(pack: list[dict[str, Any]]) -> None:
    """RFC 8428 4.4: the whole pack is of the version that any of its records names."""
    for keys in pack:
        version = keys.get("bver")
        if isinstance(version, (int, float)) and version > VERSION:
            raise Refusal("type", f"the pack is SenML version {version}; {VERSION} is understood")


def _same(name: str, before: Said, now: Said) -> Said:
    if before != now:
        raise Refusal(
            "conflict", f"{name!r} has two values for one time, {before} and {now}; the first stays"
        )
    return now


def _based(base: SenmlRecord, record: SenmlRecord) -> SenmlRecord:
    return SenmlRecord(
        base_name=record.base_name or base.base_name,
        base_time=base.base_time if record.base_time is None else record.base_time,
        base_unit=base.base_unit if record.base_unit is None else record.base_unit,
        base_value=base.base_value if record.base_value is None else record.base_value,
    )


def _time_us(base: SenmlRecord, record: SenmlRecord) -> int:
    seconds = (base.base_time or 0.0) + (record.time or 0.0)
    if not ABSOLUTE_S <= seconds < 1e12:
        raise Refusal(
            "time",
            f"the time {seconds} s is not absolute but counts from now, or is out of range; a "
            "repeat could not be told from a new reading: give seconds since 1970 in `bt` or `t`",
        )
    return instant(round(seconds * 1000))


def _name(base: SenmlRecord, record: SenmlRecord) -> str:
    name = base.base_name + record.name
    joint = base.base_name.endswith(_JOINTS) or record.name.startswith(_JOINTS)
    own = record.name.lstrip("_-") if base.base_name and record.name and joint else name
    last = _DEVICE.sub("", own, count=1).replace("/", ":").rpartition(":")[2]
    if not last or "\0" in last:
        raise Refusal("missing", f"the name {name!r} does not end in a quantity")
    known = OTHER_NAMES.get(last.lower(), last.lower())
    return known if known in QUANTITIES or known == "status" else last


def _in_our_unit(name: str, base: SenmlRecord, record: SenmlRecord, ug_per_m3: float) -> float:
    value = (record.value or 0.0) + (base.base_value or 0.0)
    if name in QUANTITIES:
        value = _converted(name, value, record.unit or base.base_unit, ug_per_m3)
    if not math.isfinite(value):
        raise Refusal("type", f"the value of {name!r} is out of range")
    return value


def _converted(name: str, value: float, unit: str | None, ug_per_m3: float) -> float:
    if unit is None:
        return value * ug_per_m3 if name in PARTICLES else value
    linear = UNITS[name].get(unit)
    if linear is None:
        raise Refusal("unit", f"{name} in {unit!r}: one of {', '.join(UNITS[name])} is understood")
    return value * linear.factor + linear.offset
