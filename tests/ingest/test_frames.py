"""HJ 212 frames to readings."""

from datetime import UTC, datetime, timezone
from zoneinfo import ZoneInfo

import pytest

from ingest.frames import readings
from ingest.hj212 import Frame, build
from ingest.instants import microseconds
from ingest.records import Reading
from ingest.registry import StationFacts

ANY = StationFacts()
SHANGHAI = ZoneInfo("Asia/Shanghai")

SITE_DUST = (
    b"##0239QN=20180821142509000;ST=39;CN=2011;PW=123456;MN=690000D5800028F889221AC0;Flag=4;"
    b"CP=&&DataTime=20180821142509;a34004-Rtd=0.0;a34002-Rtd=0.0;a34001-Rtd=0.0;LA-Rtd=0.0;"
    b"a01001-Rtd=0.0;a01002-Rtd=0.0;a01006-Rtd=0.0;a01007-Rtd=0.0;a01008-Rtd=0&&E541"
)
AIR = (
    b"##0317QN=20191018104952418;ST=22;CN=2011;PW=123456;MN=ZX00001;Flag=5;CP=&&"
    b"DataTime=20191018104900;a34002-Rtd=30,a34002-Flag=N;a34004-Rtd=25,a34004-Flag=N;"
    b"a01001-Rtd=13.5,a01001-Flag=N;a01002-Rtd=43.8,a01002-Flag=N;a01008-Rtd=30,a01008-Flag=N;"
    b"a01007-Rtd=3.5,a01007-Flag=N;a34001-Rtd=132,a34001-Flag=N;LA-Rtd=66.8,LA-Flag=N&&AF01"
)


def at(*time: int) -> int:
    return microseconds(datetime(*time, tzinfo=UTC))  # type: ignore[misc, arg-type]


def frame(body: str, **fields: object) -> bytes:
    """A real-time frame of an air station; `body` as it stands between the &&."""
    groups = tuple(
        tuple(
            (name, value) for name, _, value in (pair.partition("=") for pair in group.split(","))
        )
        for group in body.split(";")
    )
    given = {"st": 22, "cn": 2011, "mn": "A", "flag": 4} | fields
    return build(Frame(body=groups, **given))  # type: ignore[arg-type]


def only(payload: bytes, station: StationFacts = ANY) -> Reading:
    decoded = readings(payload, station, SHANGHAI)
    assert not decoded.refused
    (reading,) = decoded.records
    return reading


def test_an_air_station() -> None:
    """Each code becomes its quantity, at the device's local time."""
    assert only(AIR) == Reading(
        at(2019, 10, 18, 2, 49),
        pm10=30,
        pm25=25,
        tsp=132,
        temp=13.5,
        rh=43.8,
        wind_speed=3.5,
        wind_dir=30,
        noise=66.8,
    )


def test_a_dust_site_of_zeros() -> None:
    """Zeros are values: not to believe, perhaps, but stored as they came."""
    reading = only(SITE_DUST)
    assert reading[1:11] == (0, 0, 0, 0, 0, 0, 0, 0, None, 0)
    assert reading.ts_us == at(2018, 8, 21, 6, 25, 9)


def test_units() -> None:
    """Pressure comes in kPa; particles in the unit of the station's maker."""
    body = "DataTime=20240101080000;a34002-Rtd=0.051,a34002-Max=0.06;a01006-Rtd=101.32"
    reading = only(frame(body), StationFacts(pm_unit="mg/m3"))
    assert reading.pm10 == pytest.approx(51)
    assert reading.pressure == pytest.approx(1013.2)
    assert reading.extra == {"a34002-Max": pytest.approx(60)}


@pytest.mark.parametrize("command", [2051, 2061, 2031])
def test_means(command: int) -> None:
    """Of minute, hour and day data the mean is the value; the rest is kept under its own name."""
    body = "DataTime=20240101080000;a34002-Avg=50,a34002-Min=40,a34002-Max=60,a34002-Cou=3"
    reading = only(frame(body, cn=command))
    assert reading.pm10 == 50
    assert reading.extra == {"a34002-Min": 40, "a34002-Max": 60, "a34002-Cou": 3}


def test_codes_without_a_key() -> None:
    """What the contract has no key for is kept beside the reading."""
    reading = only(frame("DataTime=20240101080000;a21005-Rtd=0.4,a21005-Flag=N;a21004-Rtd=4"))
    assert reading.extra == {"a21005": 0.4, "a21004": 4}
    assert reading.pm10 is None


@pytest.mark.parametrize(
    ("body", "status", "extra"),
    [
        ("a34002-Rtd=1,a34002-Flag=N;LA-Rtd=1,LA-Flag=D", "N", {"la-Flag": "D"}),
        ("a34002-Rtd=1,a34002-Flag=D;LA-Rtd=1,LA-Flag=N", "D", {"la-Flag": "N"}),
        ("a34002-Rtd=1,a34002-Flag=m", "M", None),  # lower case
        ("a34001-Rtd=1,a34001-Flag=C", "C", None),  # no PM10: the next of the particles
        ("LA-Rtd=1,LA-Flag=B", "B", None),
        ("a34002-Rtd=1", "N", None),
    ],
)
def test_flags(body: str, status: str, extra: dict[str, str] | None) -> None:
    """The reading has the flag of its PM10; a broken sound meter does not silence the dust."""
    reading = only(frame("DataTime=20240101080000;" + body))
    assert (reading.status, reading.extra) == (status, extra)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (AIR.replace(b"=30,", b"=31,"), "crc"),
        (frame("DataTime=20240101080000;a34002-Rtd=1", st=31), "device"),  # a chimney
        (frame("DataTime=20240101080000;a34002-Rtd=1", st=91), "device"),
        (frame("DataTime=20240101080000;a34002-Rtd=1", mn="B"), "mn"),
        (frame("DataTime=20240101080000;RestartTime=20240101070000", cn=2081), "no_reading"),
        (frame("QnRtn=1", cn=9011), "no_reading"),
        (frame("DataTime=20240101080000"), "empty"),
        (frame("DataTime=20240101080000;a34002-Flag=N"), "empty"),
        (frame("DataTime=20240101080000;a34002-Rtd="), "empty"),
        (frame("a34002-Rtd=1"), "missing"),
        (frame("DataTime=20241301080000;a34002-Rtd=1"), "time"),
        (frame("DataTime=2024;a34002-Rtd=1"), "time"),
        (frame("DataTime=00010101000000;a34002-Rtd=1"), "time"),
        (frame("DataTime=20240101080000;a34002-Rtd=nan"), "type"),
        (frame("DataTime=20240101080000;a34002-Rtd=1e999"), "type"),
        (frame("DataTime=20240101080000;a34002-Rtd=１"), "type"),
        (frame("DataTime=20240101080000;a34002-Rtd=1_0"), "type"),
        (frame("DataTime=20240101080000;a34002-Rtd=1,a34002-Flag=Z"), "type"),
    ],
)
def test_refused(payload: bytes, reason: str) -> None:
    """A frame that brings no reading of this station is refused with its reason."""
    decoded = readings(payload, StationFacts(mn="A"), SHANGHAI)
    assert not decoded.records
    assert [(one.reason, one.part) for one in decoded.refused] == [(reason, 0)]
    assert decoded.refused[0].payload == payload.rstrip()


def test_good_and_bad_frames_in_one_payload() -> None:
    """The good frames are read; the bad one is refused with its place."""
    one = frame("DataTime=20240101080000;a34002-Rtd=1")
    two = frame("DataTime=20240101080100;a34002-Rtd=2")
    bad = two.replace(b"Rtd=2", b"Rtd=3")
    decoded = readings(one + bad + two, ANY, SHANGHAI)
    assert [reading.pm10 for reading in decoded.records] == [1, 2]
    assert decoded.parts == [0, 2]
    assert [(refused.reason, refused.part) for refused in decoded.refused] == [("crc", 1)]


def test_packets_of_one_message() -> None:
    """Two packets of one message are one reading, not two that contradict each other."""
    first = frame("DataTime=20240101080000;a34002-Rtd=1", qn="1", pnum=2, pno=1)
    second = frame("DataTime=20240101080000;a01001-Rtd=20;x-Rtd=5", qn="1", pnum=2, pno=2)
    reading = only(first + second)
    assert (reading.pm10, reading.temp, reading.extra) == (1, 20, {"x": 5})


def test_the_zone_is_the_districts() -> None:
    """DataTime is local time of the district, wherever that is."""
    payload = frame("DataTime=20240101080000;a34002-Rtd=1")
    decoded = readings(payload, ANY, timezone.utc)  # noqa: UP017 - any tzinfo does
    assert decoded.records[0].ts_us == at(2024, 1, 1, 8)


def test_times_with_milliseconds() -> None:
    """Some loggers write DataTime with three digits more."""
    assert only(frame("DataTime=20240101080000123;a34002-Rtd=1")).ts_us == at(2024, 1, 1)
