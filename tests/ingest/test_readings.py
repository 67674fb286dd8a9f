"""Readings in JSON."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.instants import microseconds
from ingest.readings import beside_more, readings
from ingest.records import QUANTITIES, Reading
from ingest.refusals import Refusal

EIGHT = microseconds(datetime(2026, 3, 1, 8, tzinfo=UTC))
EIGHT_MS = EIGHT // 1000


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def only(payload: bytes, ug_per_m3: float = 1.0) -> Reading:
    decoded = readings(payload, ug_per_m3)
    assert not decoded.refused
    (reading,) = decoded.records
    return reading


@pytest.mark.parametrize(
    "ts",
    [
        EIGHT_MS,
        "2026-03-01T08:00:00Z",
        "2026-03-01T16:00:00+08:00",
        "2026-03-01T08:00:00.000Z",
        "2026-03-01t08:00:00z",
    ],
)
def test_times(ts: object) -> None:
    """Milliseconds and RFC 3339 with any offset name the same instant."""
    assert only(encoded({"ts": ts, "pm10": 1})).ts_us == EIGHT


def test_every_key_has_its_place() -> None:
    """All keys of the contract become the record's fields of the same name."""
    values: dict[str, Any] = {name: float(n) for n, name in enumerate(QUANTITIES)}
    reading = only(encoded({"ts": EIGHT_MS, "status": "M"} | values))
    assert reading == Reading(EIGHT, **values, status="M")


def test_other_numbers_are_kept() -> None:
    """A numeric key that the contract does not name is kept; anything else is passed over."""
    reading = only(
        encoded(
            {
                "ts": EIGHT_MS,
                "pm10": 1,
                "no2": 4.5,
                "n": 3,
                "on": True,
                "fw": "1.2",
                "gps": {"x": 1},
                "co": None,
                "big": 2**60,
            }
        )
    )
    assert reading.extra == {"no2": 4.5, "n": 3, "big": float(2**60)}


def test_unbelievable_values_are_stored_as_they_came() -> None:
    """What can be read is kept, however wrong it looks."""
    reading = only(encoded({"ts": EIGHT_MS, "pm10": -9999, "pm25": 1e300, "rh": 180}))
    assert (reading.pm10, reading.pm25, reading.rh) == (-9999, 1e300, 180)


def test_the_stations_unit() -> None:
    """Particles come in the unit of the station; nothing else does."""
    reading = only(encoded({"ts": EIGHT_MS, "pm10": 0.05, "tsp": 0.1, "temp": 20}), 1000)
    assert (reading.pm10, reading.pm25, reading.tsp, reading.temp) == (50, None, 100, 20)


REFUSED: list[tuple[bytes, str]] = [
    (b"", "json"),
    (b"\xff\xfe", "json"),
    (b"null", "type"),
    (b"5", "type"),
    (b'"x"', "type"),
    (b"{}", "missing"),
    (b'{"ts": 1, "pm10": 1', "json"),
    (b'{"ts": 1, "pm10": 1} x', "json"),
    (b'{"pm10": 1}', "missing"),
    (b'{"ts": 1772352000000}', "empty"),
    (b'{"ts": 1772352000000, "pm10": null}', "empty"),
    (b'{"ts": 1772352000000, "status": "D"}', "empty"),
    (b'{"ts": 1772352000000, "fw": "x"}', "empty"),
    (b'{"ts": 1772352000000, "pm10": true}', "type"),
    (b'{"ts": 1772352000000, "pm10": "5"}', "type"),
    (b'{"ts": 1772352000000, "pm10": [5]}', "type"),
    (b'{"ts": 1772352000000, "pm10": NaN}', "json"),
    (b'{"ts": 1772352000000, "pm10": Infinity}', "json"),
    (b'{"ts": 1772352000000, "pm10": 1e999}', "type"),
    (b'{"ts": 1772352000000, "pm10": 1, "x": 1' + b"0" * 400 + b"}", "type"),
    (b'{"ts": 1772352000000, "pm10": 1, "status": "Z"}', "type"),
    (b'{"ts": 1772352000000, "pm10": 1, "status": 7}', "type"),
    (b'{"ts": true, "pm10": 1}', "time"),
    (b'{"ts": null, "pm10": 1}', "time"),
    (b'{"ts": 1772352000000.5, "pm10": 1}', "time"),
    (b'{"ts": "yesterday", "pm10": 1}', "time"),
    (b'{"ts": "2026-03-01T08:00:00", "pm10": 1}', "time"),  # no offset
    (b'{"ts": "2026-03-01", "pm10": 1}', "time"),
    (b'{"ts": "2026-02-30T08:00:00Z", "pm10": 1}', "time"),
    (b'{"ts": "0001-01-01T00:00:00+08:00", "pm10": 1}', "time"),
    (b'{"ts": -1, "pm10": 1}', "time"),
    (b'{"ts": 99999999999999999999, "pm10": 1}', "time"),
    (b'{"ts": 1772352000000, "pm10": 1, "x": "\xff"}', "json"),
    (b'{"ts": 1772352000000, "pm10": 1, "\xff": 1}', "json"),
    (b'{"ts": 1772352000000, "pm10": 1, "x": "\\ud800"}', "json"),
    (b'{"ts": 1772352000000, "pm10": 1, "x": ' + b"[" * 100_000 + b"}", "json"),
    (b"[" * 100_000, "json"),
    (b'{"a":' * 50_000, "json"),
]


@pytest.mark.parametrize(("payload", "reason"), REFUSED, ids=lambda v: repr(v)[:40])
def test_refused(payload: bytes, reason: str) -> None:
    """Every kind of bad payload is refused with its reason, and nothing of it is kept."""
    decoded = readings(payload)
    assert not decoded.records
    (refused,) = decoded.refused
    assert (refused.reason, refused.part) == (reason, None)
    assert refused.detail


def test_part_of_an_array() -> None:
    """The good items are kept with their places; the bad ones are refused with theirs, cut out."""
    good = [encoded({"ts": EIGHT_MS + n, "pm10": n}) for n in range(3)]
    decoded = readings(
        b"[" + b", ".join([good[0], b'{"pm10": 1}', good[1], b" 7 ", good[2]]) + b"]"
    )
    assert [reading.pm10 for reading in decoded.records] == [0, 1, 2]
    assert decoded.parts == [0, 2, 4]
    assert [(one.part, one.payload) for one in decoded.refused] == [
        (1, b'{"pm10": 1}'),
        (3, b"7"),
    ]


def test_an_array_that_breaks_off() -> None:
    """Where the array itself is not JSON, the message is refused whole."""
    decoded = readings(b'[{"ts": 1772352000000, "pm10": 1}, {"ts"')
    assert not decoded.records
    assert [(one.reason, one.part) for one in decoded.refused] == [("json", None)]


@pytest.mark.parametrize("also", [{}, {"no2": 1}])
def test_at_most_so_many_items(also: dict[str, float]) -> None:
    """A thousand are taken; one more and the message is refused whole, on either path."""
    item = {"ts": EIGHT_MS, "pm10": 1} | also
    assert len(readings(encoded([item] * 1000)).records) == 1000
    decoded = readings(encoded([item] * 1001))
    assert not decoded.records
    assert [one.reason for one in decoded.refused] == ["size"]


@pytest.mark.parametrize("payload", [b"[]", b" [ ] "])
def test_an_empty_array_is_refused(payload: bytes) -> None:
    """It brings nothing, and who sends it is told apart from who says nothing."""
    decoded = readings(payload)
    assert not decoded.records
    assert [one.reason for one in decoded.refused] == ["empty"]


numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**40), 2**40)
items = st.fixed_dictionaries(
    {"ts": st.integers(0, 4_000_000_000_000)},
    optional=dict.fromkeys(QUANTITIES, st.none() | numbers)
    | {"status": st.none() | st.sampled_from("NFMSDCTB")},
)


@given(items, st.sampled_from([1.0, 1000.0]))
def test_both_paths_agree(item: dict[str, Any], ug_per_m3: float) -> None:
    """The fast path reads what the plain path reads, and refuses what that refuses."""
    payload = encoded(item)
    try:
        expected: object = beside_more(payload, ug_per_m3)
    except Refusal as refusal:
        expected = refusal.reason
    decoded = readings(payload, ug_per_m3)
    assert [*decoded.records, *(one.reason for one in decoded.refused)] == [expected]


@given(st.lists(items, min_size=1, max_size=5))
def test_an_array_is_its_items(several: list[dict[str, Any]]) -> None:
    """An array gives what its items give one by one."""
    decoded = readings(encoded(several))
    one_by_one = [readings(encoded(item)) for item in several]
    assert decoded.records == [record for one in one_by_one for record in one.records]
    assert len(decoded.refused) == sum(len(one.refused) for one in one_by_one)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    """Nothing raises."""
    for candidate in (payload, b"[" + payload + b"]", b'{"ts": 1, "pm10": ' + payload + b"}"):
        readings(candidate)
