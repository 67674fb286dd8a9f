"""Stations: a reading a minute in three languages, with the errors and faults of real ones."""

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from geo.district import District, Station
from simulators.devices.faults import FaultyReading
from simulators.devices.stations import Stations, humidity_growth
from simulators.message import Message
from simulators.scenario import Scenario, StationFault
from tests.dispatch.towns import block
from tests.simulators.fake_scene import MINUTE, QUIET, START, FakeScene, scene, station

MN = pytest.mark.parametrize("mn", ["MN0", None])


def with_stations(*stations: Station) -> District:
    """The block, with these stations."""
    return replace(block(), stations={station.id: station for station in stations})


def faulty(**changes: Any) -> Scenario:
    """A scenario in which stations have these faults."""
    return replace(QUIET, **changes)


def given(*faults: StationFault) -> Scenario:
    """A scenario with faults at their times."""
    return replace(QUIET, station_faults=faults)


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
    stations: Stations, minute: FakeScene, minutes: int, start: datetime = START
) -> list[tuple[datetime, Message]]:
    """What is published, with when."""
    said = []
    for step in range(1, minutes + 1):
        now = start + step * MINUTE
        said += [(now, message) for message in stations.minute(now, minute)]
    return said


def readings_of(
    scenario: Scenario, minutes: int, one: Station | None = None, seed: int = 2
) -> tuple[list[dict[str, Any]], list[FaultyReading], Stations]:
    """What one station says that can be read, and what the truth says was wrong."""
    district = with_stations(one or station("S0"))
    stations, minute = Stations(district, scenario, seed), scene(district)
    said, wrong = [], []
    for step in range(1, minutes + 1):
        for message in stations.minute(START + step * MINUTE, minute):
            if not any(one.fault == "garbled" for one in stations.faulty):
                said += read(message)
        wrong += stations.faulty
    return said, wrong, stations


def test_each_speaks_its_own_language() -> None:
    """A station with a device number speaks HJ 212, every third of the others SenML."""
    district = with_stations(
        station("S0", mn="MN0"), station("S1"), station("S2"), station("S3"), station("S4")
    )
    said = run(Stations(district, QUIET, 1), scene(district), 1)
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
    said = run(Stations(district, QUIET, 7), scene(district), 60)
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
    minute = scene(block())
    a, b = (
        [
            one
            for _, message in run(Stations(with_stations(which), QUIET, 1), minute, 5)
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
    dry, wet = scene(district), scene(district)
    wet.rh = 95.0
    means = []
    for minute in (dry, wet):
        said = run(Stations(district, QUIET, 3), minute, 60)
        readings = [one for _, message in said for one in read(message)]
        means.append({n: np.mean([one[n] for one in readings]) for n in ("pm10", "pm25")})
    growth = humidity_growth(95.0)
    assert means[1]["pm25"] / means[0]["pm25"] == pytest.approx(growth, rel=0.01)
    swollen = means[1]["pm25"] - means[0]["pm25"]
    assert means[1]["pm10"] - means[0]["pm10"] == pytest.approx(swollen, rel=0.1)


def test_rain_is_counted_whole() -> None:
    """Readings say the rain since the one before in tips of a tenth; none is lost."""
    district = with_stations(station("S0"))
    minute = scene(district)
    minute.rain = 0.037
    said = run(Stations(district, QUIET, 3), minute, 100)
    total = sum(one["rain"] for _, message in said for one in read(message))
    assert total == pytest.approx(3.7, abs=0.1)


@pytest.mark.parametrize("mn", ["MN0", None])
def test_what_a_dropout_held_back_comes_afterwards(mn: str | None) -> None:
    """After an outage everything measured is published once, in few messages, late by hours."""
    district = with_stations(station("S0", mn=mn), station("S1"), station("S2"), station("S3"))
    said = run(Stations(district, faulty(dropouts_per_day=6.0), 5), scene(district), 3000)
    for name in district.stations:
        mine = [(at, m) for at, m in said if m.topic == f"up/stations/{name}/readings"]
        readings = [one["ts"] for _, message in mine for one in read(message)]
        assert readings == [START + n * MINUTE for n in range(1, len(readings) + 1)]
        assert len(readings) == sum(message.count for _, message in mine)
        assert len(mine) < len(readings)
        waits = [at - one["ts"] for at, message in mine for one in read(message)]
        assert timedelta(minutes=100) < max(waits) <= timedelta(minutes=361)
        # A SenML pack counts its records against the contract's thousand items.
        assert all(message.payload.count(b'"n"') <= 1000 for _, message in mine)
        assert all(len(message.payload) < 256 * 1024 for _, message in mine)


def test_back_filled_frames_say_so() -> None:
    """Frames of an outage carry RF=1, those in time do not."""
    district = with_stations(station("S0", mn="MN0"))
    said = run(Stations(district, faulty(dropouts_per_day=6.0), 5), scene(district), 1500)
    late = {(at != one["ts"], one["late"]) for at, message in said for one in read(message)}
    assert late == {(False, False), (True, True)}


@pytest.mark.parametrize(
    ("faults", "shows"),
    [
        (faulty(over_ranges_per_day=20.0), lambda one: one["status"] == "T"),
        (faulty(negatives_per_day=20.0), lambda one: one["pm10"] < 0),
        (faulty(spikes_per_day=20.0), lambda one: one["pm10"] > 300),
    ],
    ids=["over_range", "negative", "spike"],
)
def test_faults_show(faults: Scenario, shows: Any) -> None:
    """A fault of the scenario is in some readings; without it, in none."""
    district = with_stations(station("S0", mn="MN0"))
    for given, expected in ((faults, True), (QUIET, False)):
        said = run(Stations(district, given, 2), scene(district), 720)
        readings = [one for _, message in said for one in read(message)]
        assert any(shows(one) for one in readings) is expected
        assert not all(shows(one) for one in readings)


def test_a_stuck_station_repeats_itself() -> None:
    """Particles stand still for at least half an hour, the weather does not."""
    district = with_stations(station("S0"))
    said = run(Stations(district, faulty(stuck_per_day=10.0), 2), scene(district), 1440)
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
    faults = faulty(duplicate_rate=0.2)
    said = [message for _, message in run(Stations(district, faults, 2), scene(district), 300)]
    assert len({message.payload for message in said}) == sum(m.count for m in said) == 300
    assert 330 < len(said) < 400


def test_a_station_more_changes_no_other() -> None:
    """Each device has its own luck."""
    few, more = with_stations(station("S1")), with_stations(station("S1"), station("S2"))
    a = run(Stations(few, faulty(spikes_per_day=5.0), 1), scene(few), 60)
    b = run(Stations(more, faulty(spikes_per_day=5.0), 1), scene(more), 60)
    assert a == [one for one in b if "S1" in one[1].topic]


# What was faulty -------------------------------------------------------------------------------


@MN
def test_the_truth_names_the_faulty_readings(mn: str | None) -> None:
    """Readings that a fault shows in are those that the truth names for it, and no others."""
    scenario = faulty(negatives_per_day=15.0, over_ranges_per_day=15.0, spikes_per_day=30.0)
    said, wrong, _ = readings_of(scenario, 1440, station("S0", mn=mn))
    named: dict[str, set[datetime]] = {}
    for one in wrong:
        assert one.station == "S0"
        assert one.ts == one.true_ts
        named.setdefault(one.fault, set()).add(one.ts)
    assert {one["ts"] for one in said if one["pm10"] < 0} == named["negative"] - named["over_range"]
    assert {one["ts"] for one in said if one.get("status") == "T"} == named["over_range"]
    shown = {one["ts"] for one in said if one["pm10"] > 300 and one.get("status") != "T"}
    assert shown == named["spikes"] - named["over_range"] - named["negative"]
    assert min(map(len, named.values())) > 10


def test_a_row_of_the_truth_is_text() -> None:
    """A row for the file of faulty readings gives both times in UTC and the kind."""
    _, wrong, _ = readings_of(given(StationFault("S0", "clock", 0.0, 1.0, 5.0)), 1)
    assert [one.row() for one in wrong] == [
        ("S0", "2026-03-02T00:06:00Z", "2026-03-02T00:01:00Z", "clock")
    ]


@pytest.mark.parametrize("kind", ["stuck", "spikes", "outage", "negative", "over_range", "clock"])
def test_a_given_fault_keeps_to_its_hours(kind: Any) -> None:
    """A fault by schedule is in its station's readings of those hours, and of no others."""
    district = with_stations(station("S0"), station("S1"))
    size = {"spikes": 30.0, "clock": -7.0}.get(kind, 0.0)
    stations = Stations(district, given(StationFault("S1", kind, 1.0, 2.0, size)), 3)
    wrong = []
    for step in range(1, 300):
        stations.minute(START + step * MINUTE, scene(district))
        wrong += stations.faulty
    assert {(one.station, one.fault) for one in wrong} == {("S1", kind)}
    at = [(one.true_ts - START) / MINUTE for one in wrong]
    assert min(at) >= 61
    assert max(at) <= 180
    if kind == "spikes":
        assert 40 < len(at) < 80
    else:
        assert at == list(range(61, 181))


def test_a_fault_of_an_unknown_station_is_refused() -> None:
    """The error names the scenario, the station, and those that there are."""
    with pytest.raises(ValueError, match=r"quiet.*'S9'.*S0, S1"):
        Stations(
            with_stations(station("S0"), station("S1")),
            given(StationFault("S9", "stuck", 0.0, 1.0)),
            1,
        )


def test_a_wrong_clock_stamps_readings_wrong() -> None:
    """While the clock is off, readings carry its time; the truth has both."""
    said, wrong, _ = readings_of(given(StationFault("S0", "clock", 0.5, 1.0, 25.0)), 120)
    off = [(one["ts"] - START) / MINUTE - n for n, one in enumerate(said, 1)]
    assert off == [0] * 30 + [25] * 60 + [0] * 30
    assert [one.ts - one.true_ts for one in wrong] == [25 * MINUTE] * 60


def test_clocks_go_wrong_by_chance_for_hours_and_minutes() -> None:
    """For 1 to 6 hours a clock is 3 to 40 whole minutes off, either way."""
    _, wrong, _ = readings_of(faulty(clock_faults_per_day=3.0), 10 * 1440)
    off = [(one.ts - one.true_ts) / MINUTE for one in wrong]
    assert all(3 <= abs(minutes) <= 40 and minutes == int(minutes) for minutes in off)
    assert min(off) < 0 < max(off)
    lengths = [1]
    for before, one in pairwise(wrong):
        follows = one.true_ts - before.true_ts == MINUTE
        lengths[-1:] = [lengths[-1] + 1] if follows else [lengths[-1], 1]
    assert len(lengths) > 10
    assert all(60 <= length <= 361 for length in lengths[:-1])


def test_gains_drift_apart_and_are_told_when_far_off() -> None:
    """After ten days stations are off by about ten times the drift of a day, either way."""
    district = with_stations(*(station(f"S{n}") for n in range(60)))
    stations = Stations(district, faulty(drift_percent_per_day=2.0), 1)
    for _ in range(9):
        stations.minute(START, scene(district), minutes=1440.0)
    said = run(stations, scene(district), 40, START + 10 * timedelta(days=1))
    told = {one.station for one in stations.faulty if one.fault == "drift"}
    sound = run(Stations(district, QUIET, 1), scene(district), 40)

    def means(messages: list[tuple[datetime, Message]]) -> Any:
        found: dict[str, list[float]] = {}
        for _, message in messages:
            found.setdefault(message.topic.split("/")[2], []).extend(
                one["pm10"] for one in read(message)
            )
        return {name: float(np.mean(values)) for name, values in found.items()}

    usual, drifted = means(sound), means(said)
    off = {name: drifted[name] / usual[name] - 1.0 for name in usual}
    assert 0.13 < np.std(list(off.values())) < 0.24
    assert {name for name, share in off.items() if abs(share) > 0.12} <= told
    assert told <= {name for name, share in off.items() if abs(share) > 0.08}


def test_a_given_drift_grows_and_is_set_right() -> None:
    """A gain that rises by 240 % a day is a tenth up after an hour, half after five."""
    faulty_, _, _ = readings_of(given(StationFault("S0", "drift", 0.0, 10.0, 240.0)), 660)
    sound, _, _ = readings_of(QUIET, 660)
    ratio = np.array([a["pm10"] / b["pm10"] for a, b in zip(faulty_, sound, strict=True)])
    assert ratio[59] == pytest.approx(1.1, abs=0.002)
    assert ratio[299] == pytest.approx(1.5, abs=0.002)
    assert (ratio[600:] == 1.0).all()


@MN
def test_garbled_messages_lose_their_readings(mn: str | None) -> None:
    """What a bad line has broken is counted, named by the truth, and not read by anybody."""
    district = with_stations(station("S0", mn=mn))
    scenario = replace(faulty(garbled_rate=0.3), start=START)
    stations, minute = Stations(district, scenario, 4), scene(district)
    whole, lost = 0, set()
    for step in range(1, 601):
        now = START + step * MINUTE
        (message,) = stations.minute(now, minute)
        if message.count:
            whole += 1
            assert [one["ts"] for one in read(message)] == [now]
        lost |= {one.true_ts for one in stations.faulty if one.fault == "garbled"}
    assert whole + len(lost) == 600
    assert 130 < len(lost) < 230
    assert sum(stations.planted.values()) == len(lost)
    assert set(stations.planted) == ({"json"} if mn is None else {"crc", "length"})


def test_a_share_of_messages_at_given_hours() -> None:
    """Duplicates and garbled messages by schedule come at their share of the messages."""
    for kind in ("duplicate", "garbled"):
        _, wrong, _ = readings_of(given(StationFault("S0", kind, 1.0, 5.0, 0.4)), 420)
        assert 80 < len(wrong) < 160
        assert {one.fault for one in wrong} == {kind}


FAULTS = {
    "stuck_per_day": 9.0,
    "spikes_per_day": 30.0,
    "negatives_per_day": 9.0,
    "over_ranges_per_day": 9.0,
    "clock_faults_per_day": 3.0,
    "dropouts_per_day": 5.0,
    "late_per_day": 9.0,
    "duplicate_rate": 0.2,
    "garbled_rate": 0.2,
    "drift_percent_per_day": 5.0,
}


@pytest.mark.parametrize("more", FAULTS)
def test_a_fault_more_changes_no_other(more: str) -> None:
    """Turning one fault on leaves all other faults at the readings at which they were."""
    others = {name: rate for name, rate in FAULTS.items() if name != more}
    kinds = {
        "stuck_per_day": "stuck",
        "spikes_per_day": "spikes",
        "negatives_per_day": "negative",
        "over_ranges_per_day": "over_range",
        "clock_faults_per_day": "clock",
        "dropouts_per_day": "outage",
        "late_per_day": "outage",
    }
    wrong = []
    for rates in (others, FAULTS):
        _, truth, _ = readings_of(faulty(**rates), 1440)
        # How messages are cut, and so what is lost with one, follows from what outages hold back.
        kept = set(kinds.values()) - {kinds.get(more)}
        wrong.append(Counter((one.true_ts, one.fault) for one in truth if one.fault in kept))
    assert wrong[0] == wrong[1]
    assert wrong[0].total() > 300


def test_faults_leave_the_noise_alone() -> None:
    """With and without faults the weather in the readings is the same to the last digit."""
    rates = {name: rate for name, rate in FAULTS.items() if name != "clock_faults_per_day"}
    sound, of_faulty = (
        {(one["ts"], one["temp"], one["rh"]) for one in readings_of(scenario, 1000)[0]}
        for scenario in (QUIET, faulty(**rates))
    )
    assert len(of_faulty) > 500
    assert of_faulty < sound


def test_what_is_beyond_the_range_says_so() -> None:
    """In air of 6,000 µg/m³ a device reads its limit with flag T, and the truth names it."""
    district = with_stations(station("S0"))
    stations, minute = Stations(district, QUIET, 1), scene(district)
    minute.pm10[:], minute.tsp[:] = 6000.0, 9000.0
    (message,) = stations.minute(START, minute)
    (reading,) = read(message)
    assert (reading["pm10"], reading["tsp"], reading["status"]) == (5000.0, 5000.0, "T")
    assert [one.fault for one in stations.faulty] == ["over_range"]


def test_a_logger_keeps_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an outage longer than its memory the oldest readings are gone, the newest come."""
    monkeypatch.setattr("simulators.devices.stations.KEPT", 100)
    said, _, _ = readings_of(given(StationFault("S0", "outage", 0.0, 4.0)), 241)
    assert [one["ts"] for one in said] == [START + n * MINUTE for n in range(141, 242)]
