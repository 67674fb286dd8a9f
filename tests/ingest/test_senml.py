"""SenML packs (RFC 8428) to readings."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.records import Reading
from ingest.senml import looks_like_senml, readings

BASE = {"bn": "urn:dev:mac:0024befffe804ff1:", "bt": 1_772_352_000}
EIGHT = 1_772_352_000_000_000


def encoded(*pack: Any) -> bytes:
    return json.dumps(pack).encode()


def test_a_pack_is_a_reading_per_time() -> None:
    """Records of one time are one reading; the base's name and time hold for all that follow."""
    decoded = readings(
        encoded(
            BASE | {"n": "pm10", "u": "ug/m3", "v": 120.5},
            {"n": "temp", "u": "Cel", "v": 20},
            {"n": "pm10", "v": 110, "t": -60},
            {"n": "no2", "v": 4},
            {"n": "status", "vs": "M"},
        )
    )
    assert not decoded.refused
    assert sorted(decoded.records) == [
        Reading(EIGHT - 60_000_000, pm10=110),
        Reading(EIGHT, pm10=120.5, temp=20, status="M", extra={"no2": 4.0}),
    ]


@pytest.mark.parametrize(
    ("name", "unit", "value", "expected"),
    [
        ("pm10", "mg/m3", 0.05, 50),
        ("pm25", "kg/m3", 2e-8, 20),
        ("tsp", "ng/m3", 5000, 5),
        ("temp", "K", 273.15, 0),
        ("pressure", "Pa", 101_325, 1013.25),
        ("pressure", "kPa", 101.325, 1013.25),
        ("wind_speed", "km/h", 36, 10),
        ("wind_dir", "rad", 3.141592653589793, 180),
        ("rain", "m", 0.002, 2),
        ("rh", "/", 0.5, 50),
        ("noise", "dB", 60, 60),
    ],
)
def test_units(name: str, unit: str, value: float, expected: float) -> None:
    """A unit that the pack names counts, whatever the station's own unit is."""
    (reading,) = readings(encoded(BASE | {"n": name, "u": unit, "v": value}), 1e3).records
    assert getattr(reading, name) == pytest.approx(expected)


def test_base_unit_and_value() -> None:
    """The base's unit holds where a record names none; the base's value is added."""
    pack = encoded(BASE | {"bu": "ug/m3", "bv": 100, "n": "pm10", "v": 5}, {"n": "tsp", "v": 50})
    (reading,) = readings(pack, 1e3).records
    assert (reading.pm10, reading.tsp) == (105, 150)


def test_without_a_unit_the_stations_counts() -> None:
    """Particles without a unit are in the station's."""
    (reading,) = readings(encoded(BASE | {"n": "pm10", "v": 0.05}), 1e3).records
    assert reading.pm10 == pytest.approx(50)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"n": "pm10", "v": 1, "bt": 0, "t": -5}, "time"),  # five seconds ago, but since when?
        ({"n": "pm10", "v": 1, "bt": 1e300}, "time"),
        ({"n": "pm10", "v": "1"}, "type"),
        ({"n": "pm10", "v": True}, "type"),
        ({"n": "pm10", "vs": "high"}, "type"),
        ({"n": "pm10"}, "type"),
        ({"n": "pm10", "v": 1e308, "bv": 1e308}, "type"),
        ({"n": "temp", "v": 1, "u": "ug/m3"}, "unit"),
        ({"n": "status", "vs": "Z"}, "type"),
        ({"n": "", "v": 1}, "missing"),
        ({"n": "pm10", "v": 1, "x_": 1}, "type"),  # RFC 8428 4.4: must be understood
        ({"n": "pm10", "v": 1, "bver": 11}, "type"),
    ],
)
def test_a_bad_record(record: dict[str, Any], reason: str) -> None:
    """A bad record is refused, and the others of the pack are kept."""
    decoded = readings(encoded(BASE | {"n": "rh", "v": 50}, record))
    assert [reading.rh for reading in decoded.records] == [50]
    (refused,) = decoded.refused
    assert refused.reason == reason
    assert refused.detail.startswith("record 1: ")


def test_one_letter_for_a_pack() -> None:
    """However many records are bad, the pack is kept once."""
    decoded = readings(encoded(*[BASE | {"n": "temp", "u": "x", "v": n} for n in range(900)]))
    assert not decoded.records
    (refused,) = decoded.refused
    assert "and 895 more" in refused.detail


@pytest.mark.parametrize(
    ("payload", "is_senml"),
    [
        (encoded(BASE | {"n": "pm10", "v": 1}), True),
        (encoded({"n": "pm10", "v": 1, "t": 1_772_352_000}), True),
        (encoded({"ts": 1, "v": 1}), False),  # a Reading with a number of its own
        (encoded({"pm10": 1}), False),
        (encoded(), False),
        (encoded(5), False),
        (b"[", False),
        (b"[" * 100_000, False),
    ],
)
def test_what_looks_like_senml(payload: bytes, *, is_senml: bool) -> None:
    """A pack is told from an array of Readings by its keys."""
    assert looks_like_senml(payload) is is_senml


keys = st.sampled_from(["bn", "bt", "bu", "bv", "bver", "n", "u", "v", "vs", "t", "x_"])
values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@given(st.lists(st.dictionaries(keys, values), max_size=4))
def test_any_pack_is_read_or_refused(pack: list[dict[str, Any]]) -> None:
    """Nothing raises."""
    readings(encoded(*pack))
