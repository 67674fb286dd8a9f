"""The world as one: its messages are a matter of its seed, and each device is alone in its luck."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.district import Camera, District, load_district
from simulators.devices.faults import FaultyReading
from simulators.message import Message
from simulators.scenario import CrewTrouble, Scenario, StationFault
from simulators.world import World
from tests.dispatch.towns import LAT, LON, block, crew
from tests.simulators.fake_scene import MINUTE, QUIET, START, FakePhysics, scene, station
from tests.simulators.test_crews import TO_D, order

XINGHAI = load_district(Path(__file__).parents[2] / "geo" / "data" / "xinghai")

TROUBLED = replace(
    QUIET,
    drone_rounds_h=(8.5,),
    complaints_per_day=100.0,
    stuck_per_day=5.0,
    spikes_per_day=20.0,
    dropouts_per_day=10.0,
    late_per_day=10.0,
    negatives_per_day=10.0,
    over_ranges_per_day=5.0,
    clock_faults_per_day=6.0,
    drift_percent_per_day=20.0,
    duplicate_rate=0.1,
    garbled_rate=0.1,
    camera_false_alarms_per_day=50.0,
    drone_false_alarms_per_round=2.0,
    crew_refusal_rate=0.3,
    crew_silence_rate=0.2,
    crew_breakdowns_per_day=10.0,
    crew_break_minutes=30.0,
)


def world(district: District, scenario: Scenario, seed: int = 1) -> World:
    """A world in which something is to be seen, and the first crew has a plan."""
    minute = scene(district)
    minute.unwashed[:] = minute.uncovered_gate[:] = 1
    minute.silt[:], minute.increment[:] = 4.0, 60.0
    it = World(district, FakePhysics(minute), scenario, seed)
    if "W1" in district.crews:
        orders = [order("O1", TO_D, segment="D", direction="forward")]
        it.receive("W1", json.dumps({"plan": "P1", "crew": "W1", "orders": orders}).encode())
    return it


def lived(it: World, minutes: int) -> Iterator[list[Message]]:
    """What is published, minute by minute from eight in the morning."""
    for step in range(minutes):
        yield it.step(START + step * MINUTE, START + (step + 1) * MINUTE, 60.0)


def said(it: World, minutes: int) -> list[Message]:
    """All that is published."""
    return [message for messages in lived(it, minutes) for message in messages]


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Two hours of the shipped district with all faults, twice; another seed is another world."""
    first, again, other = (said(world(XINGHAI, TROUBLED, seed), 120) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    kinds = {message.topic.split("/")[1] for message in first}
    assert kinds == {"stations", "cameras", "drones", "crews", "reports"}
    assert len(first) > 5000


TOWN = replace(
    block([crew("W1"), crew("W2")]),
    stations={name: station(name, mn=mn) for name, mn in (("S1", "MN1"), ("S2", None))},
    cameras={"C1": Camera("C1", LON, LAT, None, "X1"), "C2": Camera("C2", LON, LAT, "A", None)},
)
MORE: dict[str, Any] = {
    "stations": station("AA", mn="MN9"),
    "cameras": Camera("AA", LON, LAT, None, "X1"),
    "crews": crew("AA"),
}


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(sorted(MORE)), st.booleans(), st.integers(0, 2**31))
def test_a_device_more_changes_no_other(what: str, in_front: bool, seed: int) -> None:
    """Whatever is added, in front or at the end: all others say the same, to the byte."""
    own, new = getattr(TOWN, what), {"AA": MORE[what]}
    grown = replace(TOWN, **{what: new | own if in_front else own | new})
    few, more = (said(world(town, TROUBLED, seed), 90) for town in (TOWN, grown))
    added = [message for message in more if message.topic.split("/")[2] == "AA"]
    assert [message for message in more if message.topic.split("/")[2] != "AA"] == few
    assert added


def test_planted_letters_and_faulty_readings_are_told() -> None:
    """The world passes on what its stations know: the letters so far, the faults of the step."""
    it = world(XINGHAI, TROUBLED)
    rows: list[FaultyReading] = []
    planted = []
    for _ in lived(it, 240):
        rows += it.faulty
        planted.append(it.planted.total())
    assert planted == sorted(planted)
    assert set(it.planted) >= {"json", "crc", "length", "conflict"}
    garbled = sum(it.planted[reason] for reason in ("json", "crc", "length"))
    assert garbled <= sum(row.fault == "garbled" for row in rows)
    assert {row.station for row in rows} <= set(XINGHAI.stations)


def test_a_quiet_world_plants_nothing() -> None:
    """Without faults there is nothing to refuse and nothing wrong."""
    it = world(XINGHAI, QUIET)
    assert all(it.faulty == [] for _ in lived(it, 60))
    assert not it.planted


def test_work_reaches_the_street_with_its_order() -> None:
    """What a crew does is told to the physics with the crew's and the order's name."""
    it = world(TOWN, QUIET)
    said(it, 5)
    physics = it._physics
    assert isinstance(physics, FakePhysics)
    assert {(one[0], one[1], *one[4:]) for one in physics.treated} == {("D", "wash", "W1", "O1")}
    assert sum(one[2] for one in physics.treated) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("changes", "blamed"),
    [
        ({"station_faults": (StationFault("NO", "stuck", 0.0, 1.0),)}, "'NO'.*S1, S2"),
        ({"crew_troubles": (CrewTrouble("NO", "broken", 0.0, 1.0),)}, "'NO'.*W1, W2"),
    ],
)
def test_a_scenario_for_another_district_is_refused(changes: dict[str, Any], blamed: str) -> None:
    """A name that the district has not is an error that says which there are."""
    with pytest.raises(ValueError, match=blamed):
        world(TOWN, replace(QUIET, **changes))
