"""Frames and packs as devices write them, held against the standards by an independent reading."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.devices import hj212_frame, senml
from simulators.devices.garbling import garbled


def crc_by_bits(data: bytes) -> int:
    """The checksum as HJ 212-2017 Annex A writes it down."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ byte
        for _ in range(8):
            low = crc & 1
            crc >>= 1
            if low:
                crc ^= 0xA001
    return crc


def test_crc_of_the_nine_digits() -> None:
    """The checksum of 123456789 is 2F80, which tells it from that of Modbus."""
    assert hj212_frame.crc(b"123456789") == 0x2F80


@given(st.binary(max_size=300))
def test_crc_is_that_of_the_standard(data: bytes) -> None:
    """The checksum by table is the one by bits, whatever the bytes."""
    assert hj212_frame.crc(data) == crc_by_bits(data)


def test_the_printed_example_of_the_standard() -> None:
    """HJ 212-2017 Annex A prints this frame whole."""
    segment = (
        "QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;"
        "CP=&&RtdInterval=30&&"
    )
    assert hj212_frame.frame(segment) == f"##0101{segment}1C80\r\n".encode()


def test_a_real_time_frame_says_its_values_and_local_time() -> None:
    """A frame CN 2011 names the device, the local time, each value with its flag."""
    form = hj212_frame.RealTime("MN1", {"a34002": 1, "LA": 2})
    raw = form.frame("20260302060100", (51.24, 60.1), ("T", "N"), sent="20260302060102")
    found = re.fullmatch(rb"##(\d{4})(.*)([0-9A-F]{4})\r\n", raw)
    assert found is not None
    assert int(found[1]) == len(found[2])
    assert int(found[3], 16) == crc_by_bits(found[2])
    assert found[2].decode() == (
        "QN=20260302060102000;ST=39;CN=2011;PW=123456;MN=MN1;Flag=4;CP=&&"
        "DataTime=20260302060100;a34002-Rtd=51.2,a34002-Flag=T;LA-Rtd=60.10,LA-Flag=N&&"
    )


def test_a_frame_that_comes_late_says_so() -> None:
    """RF=1 marks back-fill."""
    form = hj212_frame.RealTime("MN1", {"LA": 1})
    at = "20260302060100"
    assert b";RF=1;CP=&&" in form.frame(at, (1.0,), ("N",), sent=at, backfill=True)
    assert b"RF" not in form.frame(at, (1.0,), ("N",), sent=at)


def test_a_segment_that_its_length_cannot_say() -> None:
    """Four digits are all there is for the length."""
    with pytest.raises(ValueError, match="9999"):
        hj212_frame.frame("x" * 10_000)


def test_a_pack_gives_each_reading_its_time_and_units() -> None:
    """The base time of RFC 8428 holds until the next one; the data flag is a text value."""
    at = datetime(2026, 3, 2, 6, 1, tzinfo=UTC)
    later = at.replace(minute=2)
    pack = json.loads(
        senml.pack("ST1", [(at, "N", {"pm10": 50.5, "temp": 20.0}), (later, "T", {"pm10": 5000.0})])
    )
    assert pack == [
        {"bn": "ST1:", "bt": at.timestamp(), "n": "pm10", "v": 50.5, "u": "ug/m3"},
        {"n": "temp", "v": 20.0, "u": "Cel"},
        {"bt": later.timestamp(), "n": "pm10", "v": 5000.0, "u": "ug/m3"},
        {"n": "status", "vs": "T"},
    ]


FRAMES = [
    hj212_frame.RealTime("MN1", {"a34002": 1, "LA": 1}).frame(
        f"2026030206{minute:02d}00", (51.2, 60.0 + minute), ("N", "N"), sent="20260302070000"
    )
    for minute in range(5)
]
LUCK = st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=4, max_size=4)


def is_whole(frame: bytes) -> bool:
    """Whether a frame is what the standard says."""
    return (
        re.fullmatch(rb"##\d{4}.*[0-9A-F]{4}\r\n", frame) is not None
        and int(frame[2:6]) == len(frame) - 12
        and int(frame[-6:-2], 16) == crc_by_bits(frame[6:-6])
    )


@given(LUCK)
def test_garbled_frames_are_broken_in_one_place(luck: list[float]) -> None:
    """One frame has a wrong checksum or length, or ends early; what is not lost is whole."""
    broken = garbled(FRAMES, 5, lambda nth: luck[nth])
    after = broken.payload.split(b"##")[1:]
    pieces = [b"##" + piece for piece in after]
    kept = [n for n in range(5) if n not in broken.lost]
    assert [pieces[n] for n in kept] == [FRAMES[n] for n in kept]
    assert not is_whole(pieces[broken.lost[0]])
    changed = pieces[broken.lost[0]]
    if broken.reason == "length":
        assert len(pieces) == 5
        assert int(changed[2:6]) < len(changed) - 12
    else:
        assert broken.reason == "crc"
        assert int(changed[2:6]) >= len(changed) - 12


@given(LUCK, st.sampled_from(["one", "many", "pack"]))
def test_garbled_text_is_no_json(luck: list[float], shape: str) -> None:
    """Wherever it is cut or changed, no JSON is left, and all of its readings are lost."""
    at = datetime(2026, 3, 2, 6, 1, tzinfo=UTC)
    payload = {
        "one": b'{"ts":"2026-03-02T06:01:00Z","pm10":50.5,"status":"T"}',
        "many": b'[{"ts":"2026-03-02T06:01:00Z","pm10":5.5},{"ts":1772431320000,"rh":51.0}]',
        "pack": senml.pack("ST1", [(at, "N", {"pm10": 50.5, "temp": 20.0})]),
    }[shape]
    broken = garbled([payload], 2, lambda nth: luck[nth])
    assert (broken.reason, list(broken.lost)) == ("json", [0, 1])
    with pytest.raises(ValueError, match=r"."):
        json.loads(broken.payload.decode("latin-1"))
