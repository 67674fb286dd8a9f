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
        if group
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
    assert reading.extra == {"a34002-Min": 40, "a34002-Max": 60, "a34002-Cou": 3, "CN": command}


@pytest.mark.parametrize(
    ("command", "body", "pm10", "extra"),
    [
        (2011, "a34002-Rtd=9,a34002-Avg=1", 9, {"a34002-Avg": 1}),
        (2011, "a34002-Avg=1,a34002-Rtd=9", 9, {"a34002-Avg": 1}),
        (2011, "a34002-Avg=1", 1, None),
        (2011, "a34002-Avg=1;a01001-Rtd=20", None, {"a34002-Avg": 1}),
        (2051, "a34002-Rtd=9,a34002-Avg=1", 1, {"a34002-Rtd": 9, "CN": 2051}),
        (2051, "a34002-Rtd=9", 9, {"CN": 2051}),
        (2061, "a34002-Avg=1;a01001-Rtd=20", 1, {"a01001-Rtd": 20, "CN": 2061}),
    ],
)
def test_the_command_decides(
    command: int, body: str, pm10: float | None, extra: dict[str, float] | None
) -> None:
    """Real-time data is read from Rtd and means from Avg, the other one where there is no such."""
    reading = only(frame("DataTime=20240101080000;" + body, cn=command))
    assert (reading.pm10, reading.extra) == (pm10, extra)


def test_codes_without_a_key() -> None:
    """What the contract has no key for is kept beside the reading."""
    reading = only(frame("DataTime=20240101080000;a21005-Rtd=0.4,a21005-Flag=N;a21004-Rtd=4"))
    assert reading.extra == {"a21005": 0.4, "a21004": 4}
    assert reading.pm10 is None


@pytest.mark.parametrize(
    ("body", "status", "values", "extra"),
    [
        (
            "a34002-Rtd=1,a34002-Flag=N;LA-Rtd=2,LA-Flag=D",
            "N",
            {"pm10": 1},
            {"LA": 2, "LA-Flag": "D"},
        ),
        ("a34002-Rtd=1;la-Rtd=2,LA-flag=d", "N", {"pm10": 1}, {"LA": 2, "LA-Flag": "D"}),
        (
            "a34002-Rtd=1;a01008-Rtd=2,a01008-Flag=S",
            "N",
            {"pm10": 1, "wind_dir": 2},
            {"a01008-Flag": "S"},
        ),
        (  # One of the particles is good: what the other says is kept, and not decided upon.
            "a34002-Rtd=1,a34002-Flag=N;a34004-Rtd=999,a34004-Flag=D",
            "N",
            {"pm10": 1},
            {"a34004": 999, "a34004-Flag": "D"},
        ),
        (
            "a34002-Rtd=1,a34002-Flag=T;a34004-Rtd=3",
            "N",
            {"pm25": 3},
            {"a34002": 1, "a34002-Flag": "T"},
        ),
        (  # None is: the worst of their flags holds for all of them.
            "a34002-Rtd=1,a34002-Flag=T;a34004-Rtd=3,a34004-Flag=D;a01001-Rtd=20",
            "D",
            {"pm10": 1, "pm25": 3, "temp": 20},
            {"a34002-Flag": "T"},
        ),
        (
            "a34002-Rtd=1,a34002-Flag=D;LA-Rtd=1,LA-Flag=N",
            "D",
            {"pm10": 1, "noise": 1},
            {"LA-Flag": "N"},
        ),
        ("a34002-Rtd=1,a34002-Flag=m", "M", {"pm10": 1}, None),  # lower case
        ("a34002-Rtd=1,a34002-Flag=S;a34004-Rtd=2", "S", {"pm10": 1, "pm25": 2}, None),
        ("a34001-Rtd=1,a34001-Flag=C", "C", {"tsp": 1}, None),
        ("a34002-Rtd=1,a34002-Flag=P", "F", {"pm10": 1}, None),  # 2005: no power
        ("LA-Rtd=1,LA-Flag=B", "N", {}, {"LA": 1, "LA-Flag": "B"}),
        ("a34002-Rtd=,a34002-Flag=D;a34004-Rtd=2", "N", {"pm25": 2}, {"a34002-Flag": "D"}),
        ("a34002-Rtd=1", "N", {"pm10": 1}, None),
        ("a34002-Rtd=1;a21005-Rtd=2,a21005-Flag=?", "N", {"pm10": 1}, {"a21005": 2}),
    ],
)
def test_flags(
    body: str, status: str, values: dict[str, float], extra: dict[str, float | str] | None
) -> None:
    """A bad flag takes its own value out of decisions, and the particles only all together."""
    reading = only(frame("DataTime=20240101080000;" + body))
    assert reading == Reading(at(2024, 1, 1), **values, status=status, extra=extra)


def test_two_times_in_a_frame() -> None:
    """Each DataTime has its own values, and its own flags."""
    payload = frame(
        "DataTime=20240101080000;a34002-Rtd=1,a34002-Flag=D;"
        "DataTime=20240101080100;a34002-Rtd=2;a01001-Rtd=20;"
        "DataTime=20240101080000;LA-Rtd=60;DataTime=20240101080200"
    )
    decoded = readings(payload, ANY, SHANGHAI)
    assert not decoded.refused
    assert decoded.records == [
        Reading(at(2024, 1, 1), pm10=1, noise=60, status="D"),
        Reading(at(2024, 1, 1, 0, 1), pm10=2, temp=20),
    ]
    assert decoded.parts == [0, 0]


def test_text_where_no_number_is_needed() -> None:
    """A door that says "open" does not cost the dust, nor does a maximum that is not there."""
    body = "a34002-Rtd=1,a34002-Max=--;a99999-State=open;door-Rtd=shut;x-Rtd=1e999;PolId=a1"
    reading = only(frame("DataTime=20240101080000;" + body))
    assert (reading.pm10, reading.extra) == (1, None)


def test_numbers_of_values_have_no_unit() -> None:
    """The unit of the values scales them and their extremes, not how many they were."""
    body = "DataTime=20240101080000;a01006-Avg=101.85,a01006-Min=101.84,a01006-ValidNum=10"
    reading = only(frame(body, cn=2051))
    assert reading.pressure == 1018.5
    assert reading.extra == {"a01006-Min": 1018.4, "a01006-Validnum": 10, "CN": 2051}


def test_units_leave_no_binary_dust() -> None:
    """0.07 mg/m³ are 70 µg/m³ to the last digit."""
    payload = frame("DataTime=20240101080000;a34002-Rtd=0.07")
    assert only(payload, StationFacts(pm_unit="mg/m3")).pm10 == 70


def test_out_of_range_in_our_unit() -> None:
    """A number that is finite as it came and infinite in our unit is refused."""
    payload = frame("DataTime=20240101080000;a34002-Rtd=1e307")
    assert only(payload).pm10 == 1e307
    decoded = readings(payload, StationFacts(pm_unit="mg/m3"), SHANGHAI)
    assert [refused.reason for refused in decoded.refused] == ["type"]


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
        (frame("DataTime=20240101080000;a34002-Rtd=1,a34002-Flag=ND"), "type"),
        (frame("DataTime=20240101080000;a34002-Rtd=1;a34002-Rtd=2"), "frame"),
        (frame("DataTime=20240101080000;a34002-Rtd=1,a34002-Flag=N;A34002-Flag=D"), "frame"),
        (frame("a34002-Rtd=1;DataTime=20240101080000;a34002-Rtd=2"), "frame"),
        (frame("DataTime=20240101080000;-Rtd=5"), "frame"),
        (frame("DataTime=20240101080000;a34002-Rtd=1;DataTime=2024;a34002-Rtd=2"), "time"),
        (frame("", cn=9015, flag=9), "no_reading"),  # a heartbeat
        (frame("", cn=9014, st=91), "no_reading"),
        (frame("RtdInterval=30", cn=1062, st=91, mn="B"), "no_reading"),
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


def test_flags_of_packets() -> None:
    """The packets' flags are judged together, in whatever order they come."""
    first = frame("DataTime=20240101080000;a34002-Rtd=1,a34002-Flag=T", qn="1", pnum=2, pno=1)
    second = frame("DataTime=20240101080000;a34004-Rtd=3,a34004-Flag=D", qn="1", pnum=2, pno=2)
    for payload in (first + second, second + first):
        reading = only(payload)
        assert (reading.pm10, reading.pm25, reading.status) == (1, 3, "D")


def test_packets_that_contradict() -> None:
    """Of two packets that say the same factor differently the second is refused, the first kept."""
    first = frame("DataTime=20240101080000;a34002-Rtd=1", qn="1", pnum=2, pno=1)
    second = frame("DataTime=20240101080000;a34002-Rtd=2;LA-Rtd=60", qn="1", pnum=2, pno=2)
    decoded = readings(first + second, ANY, SHANGHAI)
    assert decoded.records == [Reading(at(2024, 1, 1), pm10=1)]
    ((reason, detail, part, raw),) = decoded.refused
    assert (reason, part, raw) == ("frame", 1, second.rstrip())
    assert "a34002-Rtd stands twice for one DataTime, as 1.0 and as 2.0" in detail


def test_the_zone_is_the_districts() -> None:
    """DataTime is local time of the district, wherever that is."""
    payload = frame("DataTime=20240101080000;a34002-Rtd=1")
    decoded = readings(payload, ANY, timezone.utc)  # noqa: UP017 - any tzinfo does
    assert decoded.records[0].ts_us == at(2024, 1, 1, 8)


def test_times_with_milliseconds() -> None:
    """Some loggers write DataTime with three digits more, and they count."""
    ts_us = only(frame("DataTime=20240101080000123;a34002-Rtd=1")).ts_us
    assert ts_us == at(2024, 1, 1) + 123_000
