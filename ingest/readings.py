"""A Reading or an array of them (JSON), to records."""

from typing import Any

import msgspec

from ingest import messages
from ingest.instants import instant
from ingest.items import read, read_items
from ingest.records import Decoded, Reading
from ingest.refusals import Refusal

_ONE = msgspec.json.Decoder(messages.Reading)
_MANY = msgspec.json.Decoder(list[messages.Reading])
_BESIDE = msgspec.json.Decoder(messages.ReadingBesideMore)
_KEYS = msgspec.json.Decoder(dict[str, Any])
_NAMED = frozenset(messages.Reading.__struct_fields__)


def readings(payload: bytes, ug_per_m3: float = 1.0, most: int = 1000) -> Decoded[Reading]:
    """Readings of a JSON payload.

    ug_per_m3: µg/m³ in one of the station's units of particles. most: items an array may have.
    """

    def one(item: bytes | msgspec.Raw) -> Reading:
        try:
            return _record(_ONE.decode(item), None, ug_per_m3)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return beside_more(item, ug_per_m3)

    def many(payload: bytes) -> list[Reading]:
        return [_record(item, None, ug_per_m3) for item in _MANY.decode(payload)]

    return read_items(payload, "json", one, many, most)


def beside_more(item: bytes | msgspec.Raw, ug_per_m3: float) -> Reading:
    """The plain path: a reading whose other numeric keys are kept. Raises Refusal."""
    named = read(_BESIDE.decode, item)
    others = {
        key: _number(key, value)
        for key, value in read(_KEYS.decode, item).items()
        if key not in _NAMED and type(value) in (int, float) and "\0" not in key
    }
    return _record(named, others or None, ug_per_m3)


def _number(key: str, value: float) -> float:
    if abs(value) < 2**53:
        return value
    try:
        return float(value)
    except OverflowError:
        raise Refusal("type", f"the number of `{key}` is out of range") from None


def _record(item: messages.Reading, extra: dict[str, Any] | None, ug_per_m3: float) -> Reading:
    pm10, pm25, tsp = item.pm10, item.pm25, item.tsp
    if ug_per_m3 != 1.0:
        pm10, pm25, tsp = (
            None if value is None else value * ug_per_m3 for value in (pm10, pm25, tsp)
        )
    record = Reading(
        instant(item.ts),
        pm10,
        pm25,
        tsp,
        item.temp,
        item.rh,
        item.pressure,
        item.wind_speed,
        item.wind_dir,
        item.rain,
        item.noise,
        item.status or "N",
        extra,
    )
    if pm10 is None and extra is None and record[1:11].count(None) == 10:
        raise Refusal("empty", "the reading has a time and no value")
    return record
