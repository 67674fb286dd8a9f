"""Stations: a reading a minute in three languages, with the errors and faults of real ones."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from geo.district import District, Station, load_district
from simulators.devices.cameras import Cameras
from simulators.devices.hotline import Hotline
from simulators.devices.stations import StationFaults, Stations, humidity_growth
from simulators.message import Message
from tests.dispatch.towns import LAT, LON, block
from tests.simulators.fake_street import StillMinute, still_minute

START = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
XINGHAI = Path(__file__).parents[2] / "geo" / "data" / "xinghai"


def with_stations(*stations: Station) -> District:
    """The block, with these stations."""
    return replace(block(), stations={station.id: station for station in stations})


def station(name: str, **changes: Any) -> Station:
    """A road station on segment A."""
    facts = {"kind": "road", "segment": "A", "site": None, "height_m": 3.0, "mn": None}
    return Station(id=name, lon=LON, lat=LAT, **({"pm_unit": "ug/m3"} | facts | changes))


def read(message: Message) -> list[dict[str, Any]]:
    """The readings in a message, in µg/m³ as written, whatever the language."""
    if message.payload.startswith(b"##"):
        return [frame(raw) for raw in message.payload.decode().split("\r\n") if raw]
    body = json.loads(message.payload)
    if isinstance(body, dict):
        return [body | {"ts": datetime.fromisoformat(body["ts"])}]
    if "ts" in body[0]:
        return [item | {"ts": datetime.fromisoformat(item["ts"])} for item in body]
    readings: dict[float, dict[str, Any]] = {}
    base = 0.0
    for record in body:
        base = record.get("bt", base)
        one = readings.setdefault(base, {"ts": datetime.fromtimestamp(base, UTC)})
        one[record["n"]] = record.get("v", record.get("vs"))
    return list(readings.values())


def frame(raw: str) -> dict[str, Any]:
    """The reading in a frame, by the factor codes of the standard."""
    names = {"a34002": "pm10", "a34004": "pm25", "a34001": "tsp", "a01006": "kpa", "LA": "noise"}
    at = re.search(r"DataTime=(\d{14})", raw)
    assert at is not None
    local = datetime.strptime(at[1], "%Y%m%d%H%M%S").replace(tzinfo=ZoneInfo("Asia/Shanghai"))
    found = {
        names.get(code, code): float(value)
        for code, value in re.findall(r"(\w+)-Rtd=(-?[\d.]+)", raw)
    }
    flag = re.search(r"a34002-Flag=(\w)", raw)
    assert flag is not None
    return found | {"ts": local.astimezone(UTC), "status": flag[1], "late": "RF=1" in raw}


def run(
    stations: Stations, minute: StillMinute, minutes: int, start: datetime = START
) -> list[tuple[datetime, Message]]:
    """What is published, with when."""
    said = []
    for step in range(1, minutes + 1):
        now = start + step * MINUTE
        said += [(now, message) for message in stations.minute(now, minute)]
    return said


def test_each_speaks_its_own_language() -> None:
    """A station with a device number speaks HJ 212, every third of the others SenML."""
    district = with_stations(
        station("S0", mn="MN0"), station("S1"), station("S2"), station("S3"), station("S4")
    )
    said = run(Stations(district, StationFaults(), 1), still_minute(district), 1)
    kinds = {message.topic: message.payload[:2] for _, message in said}
    assert kinds == {
        "up/stations/S0/readings": b"##",
        "up/stations/S1/readings": b'{"',
        "up/stations/S2/readings": b'{"',
        "up/stations/S3/readings": b"[{",
        "up/stations/S4/readings": b'{"',
    }


@pytest.mark.parametrize("mn", ["MN0", None])
def test_a_sound_station_is_off_by_its_gain_alone(mn: str | None) -> None:
    """Over an hour a station is off by at most its gain of 8 % and the spread of its channels."""
    district = with_stations(station("S0", mn=mn))
    said = run(Stations(district, StationFaults(), 7), still_minute(district), 60)
    readings = [one for _, message in said for one in read(message)]
    assert [one["ts"] for one in readings] == [START + n * MINUTE for n in range(1, 61)]
    for name, truth in (("pm10", 100.0), ("pm25", 40.0), ("tsp", 150.0)):
        values = np.array([one[name] for one in readings])
        assert 0.89 * truth < values.mean() < 1.11 * truth
        assert 0 < values.std() < 0.1 * truth
    assert readings[0].get("status", "N") == "N"


@pytest.mark.parametrize(("unit", "per_ug"), [("mg/m3", 1e-3), ("ng/m3", 1e3)])
@pytest.mark.parametrize("mn", ["MN0", None])
def test_particles_come_in_the_unit_of_the_station(
    unit: str, per_ug: float, mn: str | None
) -> None:
    """The same station in another unit says the same amount of dust."""
    usual, other = station("S0", mn=mn), station("S0", mn=mn, pm_unit=unit)
    minute = still_minute(block())
    a, b = (
        [
            one
            for _, message in run(Stations(with_stations(which), StationFaults(), 1), minute, 5)
            for one in read(message)
        ]
        for which in (usual, other)
    )
    for name in ("pm10", "pm25", "tsp"):
        assert [one[name] for one in b] == pytest.approx([one[name] * per_ug for one in a])


def test_humidity_lets_fine_particles_swell() -> None:
    """Up to 75 % nothing happens; above, fine particles read high and mineral dust does not."""
    assert humidity_growth(50.0) == humidity_growth(75.0) == 1.0
    assert 1.2 < humidity_growth(95.0) < 2.0
    district = with_stations(station("S0"))
    dry, wet = still_minute(district), still_minute(district)
    wet.rh = 95.0
    means = []
    for minute in (dry, wet):
        said = run(Stations(district, StationFaults(), 3), minute, 60)
        readings = [one for _, message in said for one in read(message)]
        means.append({n: np.mean([one[n] for one in readings]) for n in ("pm10", "pm25")})
    growth = humidity_growth(95.0)
    assert means[1]["pm25"] / means[0]["pm25"] == pytest.approx(growth, rel=0.01)
    swollen = means[1]["pm25"] - means[0]["pm25"]
    assert means[1]["pm10"] - means[0]["pm10"] == pytest.approx(swollen, rel=0.1)


def test_rain_is_counted_whole() -> None:
    """Readings say the rain since the one before in tips of a tenth; none is lost."""
    district = with_stations(station("S0"))
    minute = still_minute(district)
    minute.rain = 0.037
    said = run(Stations(district, StationFaults(), 3), minute, 100)
    total = sum(one["rain"] for _, message in said for one in read(message))
    assert total == pytest.approx(3.7, abs=0.1)


@pytest.mark.parametrize("mn", ["MN0", None])
def test_what_a_dropout_held_back_comes_afterwards(mn: str | None) -> None:
    """After an outage everything measured is published once, in few messages, and at most late
    by two hours."""
    district = with_stations(station("S0", mn=mn), station("S1"), station("S2"), station("S3"))
    said = run(Stations(district, StationFaults(dropouts=6.0), 5), still_minute(district), 3000)
    for name in district.stations:
        mine = [(at, m) for at, m in said if m.topic == f"up/stations/{name}/readings"]
        readings = [one["ts"] for _, message in mine for one in read(message)]
        assert readings == [START + n * MINUTE for n in range(1, len(readings) + 1)]
        assert len(readings) == sum(message.count for _, message in mine)
        assert len(mine) < len(readings)
        waits = [at - one["ts"] for at, message in mine for one in read(message)]
        assert timedelta(minutes=10) < max(waits) <= timedelta(minutes=121)
        # A SenML pack counts its records against the contract's thousand items.
        assert all(message.payload.count(b'"n"') <= 1000 for _, message in mine)
        assert all(len(message.payload) < 256 * 1024 for _, message in mine)


def test_back_filled_frames_say_so() -> None:
    """Frames of an outage carry RF=1, those in time do not."""
    district = with_stations(station("S0", mn="MN0"))
    said = run(Stations(district, StationFaults(dropouts=6.0), 5), still_minute(district), 1500)
    late = {(at != one["ts"], one["late"]) for at, message in said for one in read(message)}
    assert late == {(False, False), (True, True)}


@pytest.mark.parametrize(
    ("faults", "shows"),
    [
        (StationFaults(over_ranges=20.0), lambda one: one["status"] == "T"),
        (StationFaults(negatives=20.0), lambda one: one["pm10"] < 0),
        (StationFaults(spikes=20.0), lambda one: one["pm10"] > 300),
    ],
    ids=["over_range", "negative", "spike"],
)
def test_faults_show(faults: StationFaults, shows: Any) -> None:
    """A fault of the scenario is in some readings; without it, in none."""
    district = with_stations(station("S0", mn="MN0"))
    for given, expected in ((faults, True), (StationFaults(), False)):
        said = run(Stations(district, given, 2), still_minute(district), 720)
        readings = [one for _, message in said for one in read(message)]
        assert any(shows(one) for one in readings) is expected
        assert not all(shows(one) for one in readings)


def test_a_stuck_station_repeats_itself() -> None:
    """Particles stand still for at least half an hour, the weather does not."""
    district = with_stations(station("S0"))
    said = run(Stations(district, StationFaults(stuck=10.0), 2), still_minute(district), 1440)
    readings = [one for _, message in said for one in read(message)]
    runs, length = [], 1
    for before, one in pairwise(readings):
        same = all(one[name] == before[name] for name in ("pm10", "pm25", "tsp"))
        length = length + 1 if same else 1
        runs.append(length)
    assert max(runs) >= 30
    assert len({one["rh"] for one in readings}) > 20


def test_messages_sent_twice_are_counted_once() -> None:
    """A duplicate is the same to the byte, and counts no reading."""
    district = with_stations(station("S0"))
    faults = StationFaults(duplicate_rate=0.2)
    said = [
        message for _, message in run(Stations(district, faults, 2), still_minute(district), 300)
    ]
    assert len({message.payload for message in said}) == sum(m.count for m in said) == 300
    assert 330 < len(said) < 400


def test_a_station_more_changes_no_other() -> None:
    """Each device has its own luck."""
    few, more = with_stations(station("S1")), with_stations(station("S1"), station("S2"))
    a = run(Stations(few, StationFaults(spikes=5.0), 1), still_minute(few), 60)
    b = run(Stations(more, StationFaults(spikes=5.0), 1), still_minute(more), 60)
    assert a == [one for one in b if "S1" in one[1].topic]


# Cameras and residents ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def xinghai() -> District:
    """The shipped district."""
    return load_district(XINGHAI)


def seen(cameras: Cameras, minute: StillMinute, minutes: int) -> list[dict[str, Any]]:
    """The events of so many minutes from eight in the morning."""
    events = []
    for step in range(minutes):
        began = START + step * MINUTE
        for message in cameras.minute(began, began + MINUTE, minute):
            body = json.loads(message.payload)
            items = body if isinstance(body, list) else [body]
            assert len(items) == message.count
            events += [one | {"camera": message.topic.split("/")[2]} for one in items]
    return events


def test_a_gate_camera_misses_some_and_invents_few(xinghai: District) -> None:
    """Nine of ten muddy trucks are recognised; without any, hardly one is reported."""
    minute = still_minute(xinghai)
    minute.unwashed[0] = 1
    cameras = Cameras(xinghai, 1, recall=0.9, false_alarms_per_day=0.3)
    events = [one for one in seen(cameras, minute, 600) if one["kind"] == "unwashed_truck"]
    first, *others = xinghai.sites
    assert 0.85 < sum(one["site"] == first for one in events) / 600 < 0.95
    assert sum(one["site"] in others for one in events) < 5


def test_idle_wheel_washes_mud_and_plumes_are_not_repeated_each_minute(xinghai: District) -> None:
    """About every ten minutes, at most every fifteen for mud, and each only where it is."""
    minute = still_minute(xinghai)
    quiet = seen(Cameras(xinghai, 1, recall=0.9, false_alarms_per_day=0.0), minute, 60)
    assert {one["kind"] for one in quiet} == {"truck_pass"}
    minute.gate_failing[0] = minute.plume[0] = True
    minute.silt[:] = 10.0
    events = seen(Cameras(xinghai, 1, recall=0.9, false_alarms_per_day=0.0), minute, 120)
    site = next(iter(xinghai.sites))
    idle = [one for one in events if one["kind"] == "wash_bay_idle"]
    assert {one["site"] for one in idle} == {site}
    assert 10 <= len(idle) <= 16
    assert 1 <= sum(one["kind"] == "dust_plume" for one in events) <= 12
    street = next(name for name, camera in xinghai.cameras.items() if camera.site is None)
    assert sum(one["kind"] == "mud_on_road" and one["camera"] == street for one in events) == 8


def test_event_ids_never_repeat_and_are_ids(xinghai: District) -> None:
    """Whatever the source, no two events have one id, and each is an id of the contract."""
    minute = still_minute(xinghai)
    minute.unwashed[:] = 3
    minute.gate_failing[:] = True
    events = seen(Cameras(xinghai, 1, recall=0.9, false_alarms_per_day=50.0), minute, 90)
    ids = [one["id"] for one in events]
    assert len(ids) > 1000
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", one) for one in ids)


def test_residents_complain_of_dust_later(xinghai: District) -> None:
    """More dust, more complaints, minutes after it came; none of clean streets."""

    def complaints(increment: float) -> list[dict[str, Any]]:
        minute = still_minute(xinghai)
        hotline = Hotline(xinghai, 1, per_day=200.0)
        found = []
        for step in range(600):
            # An hour of dust, then none.
            minute.increment[:] = increment if step < 60 else 0.0
            began = START + step * MINUTE
            for message in hotline.minute(began, began + MINUTE, minute):
                assert message.topic == "up/reports/12345"
                found.append(json.loads(message.payload) | {"step": step})
        return found

    assert complaints(20.0) == []
    some, many = complaints(50.0), complaints(120.0)
    assert 0 < len(some) < len(many) < 200
    assert min(one["step"] for one in many) >= 5
    assert max(one["step"] for one in many) > 60
    assert {one["kind"] for one in many} <= {"dust", "noise"}
    assert all(re.search("[一-鿿]", one["text"]) for one in many)
    assert len({one["id"] for one in many}) == len(many)
