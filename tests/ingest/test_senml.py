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
        ({"n": "pm10", "v": 1e300, "u": "kg/m3"}, "type"),  # infinite in our unit
        ({"n": "pm10", "v": 1, "bver": "x"}, "type"),
        ({"n": "RH", "v": 51}, "conflict"),
    ],
)
def test_a_bad_record(record: dict[str, Any], reason: str) -> None:
    """A bad record is refused, and the others of the pack are kept."""
    decoded = readings(encoded(BASE | {"n": "rh", "v": 50}, record))
    assert [reading.rh for reading in decoded.records] == [50]
    (refused,) = decoded.refused
    assert refused.reason == reason
    assert refused.detail.startswith("record 1: ")


@pytest.mark.parametrize(
    ("base_name", "name", "expected"),
    [
        ("", "PM10", {"pm10": 1}),
        ("", "pm2.5", {"pm25": 1}),
        ("", "PM2.5", {"pm25": 1}),
        ("", "Temperature", {"temp": 1}),
        ("", "humidity", {"rh": 1}),
        ("R1_", "pm10", {"pm10": 1}),
        ("R1-", "pm10", {"pm10": 1}),
        ("R1/", "pm10", {"pm10": 1}),
        ("R1:", "pm10", {"pm10": 1}),
        ("R1", "_pm10", {"pm10": 1}),
        ("R1_", "wind_speed", {"wind_speed": 1}),
        ("R1:", "wind_speed", {"wind_speed": 1}),
        ("R1_", "no2", {"extra": {"no2": 1}}),
        ("R1:", "NO2", {"extra": {"NO2": 1}}),
        ("R1:", "board_temp", {"extra": {"board_temp": 1}}),  # not that of the air
        ("urn:dev:mac:0024befffe804ff1:", "pm10", {"pm10": 1}),
        ("urn:dev:ow:10e2073a01080063", ":pm10", {"pm10": 1}),
        ("urn:dev:ow:10e2073a01080063_", "wind_dir", {"wind_dir": 1}),
        ("urn:dev:ow:10e2073a01080063_wind_dir", "", {"wind_dir": 1}),
        ("urn:dev:os:32473-1-a:x/", "pm10", {"pm10": 1}),
    ],
)
def test_names(base_name: str, name: str, expected: dict[str, Any]) -> None:
    """A quantity is found after the device's name, however it is parted from that and written."""
    decoded = readings(encoded({"bn": base_name, "bt": 1_772_352_000, "n": name, "v": 1}))
    assert not decoded.refused
    assert decoded.records == [Reading(EIGHT, **expected)]


def test_a_base_by_itself() -> None:
    """A record that only sets the base for the following ones brings no refusal."""
    decoded = readings(encoded(BASE, {"n": "pm10", "v": 1}))
    assert not decoded.refused
    assert decoded.records == [Reading(EIGHT, pm10=1)]


def test_two_values_for_one_name_and_time() -> None:
    """The first stays and the letter says what else was said; the same again does no harm."""
    decoded = readings(
        encoded(
            BASE | {"n": "pm10", "v": 1},
            {"n": "PM10", "v": 2},
            {"n": "no2", "v": 3},
            {"n": "no2", "v": 4},
            {"n": "status", "vs": "M"},
            {"n": "status", "vs": "D"},
            {"n": "pm10", "v": 1},
        )
    )
    assert decoded.records == [Reading(EIGHT, pm10=1, status="M", extra={"no2": 3})]
    (refused,) = decoded.refused
    assert refused.reason == "conflict"
    for words in (
        "record 1: 'pm10' has two values for one time, 1.0 and 2.0",
        "record 3: 'no2' has two values for one time, 3.0 and 4.0",
        "record 5: 'status' has two values for one time, M and D",
    ):
        assert words in refused.detail
    assert "record 6" not in refused.detail


@pytest.mark.parametrize("place", [0, 1])
def test_a_later_version(place: int) -> None:
    """A pack of a version that is not understood is refused whole."""
    pack = [BASE | {"n": "pm10", "v": 1}, {"n": "rh", "v": 50}]
    pack[place] |= {"bver": 11}
    decoded = readings(encoded(*pack))
    assert not decoded.records
    assert [refused.reason for refused in decoded.refused] == ["type"]
    assert "version 11" in decoded.refused[0].detail


def test_times_that_count_from_now() -> None:
    """They are refused with words, for a repeat would be another reading."""
    decoded = readings(encoded({"n": "pm10", "v": 1}, {"n": "pm10", "v": 1, "t": -5}))
    assert not decoded.records
    (refused,) = decoded.refused
    assert refused.reason == "time"
    assert "-5.0 s is not absolute" in refused.detail
    assert "give seconds since 1970" in refused.detail


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
