"""Cameras: what they recognise, what they miss, and that each thing has a luck of its own."""

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from geo.district import Camera, District, load_district
from simulators.devices.cameras import Cameras
from simulators.message import Message
from tests.dispatch.towns import LAT, LON, block
from tests.simulators.fake_scene import MINUTE, START, FakeScene, scene

XINGHAI = Path(__file__).parents[2] / "geo" / "data" / "xinghai"


@cache
def xinghai() -> District:
    """The shipped district."""
    return load_district(XINGHAI)


def cameras(district: District, seed: int = 1, recall: float = 0.9, wrong: float = 0.0) -> Cameras:
    """All cameras of a district."""
    return Cameras(district, seed, recall=recall, false_alarms_per_day=wrong)


def messages(it: Cameras, minute: FakeScene, minutes: int) -> list[Message]:
    """What is published in so many minutes from eight in the morning."""
    begins = (START + step * MINUTE for step in range(minutes))
    return [message for began in begins for message in it.minute(began, began + MINUTE, minute)]


def seen(it: Cameras, minute: FakeScene, minutes: int) -> list[dict[str, Any]]:
    """The events in them, and of which camera."""
    events = []
    for message in messages(it, minute, minutes):
        body = json.loads(message.payload)
        items = body if isinstance(body, list) else [body]
        assert len(items) == message.count
        events += [one | {"camera": message.topic.split("/")[2]} for one in items]
    return events


def test_a_gate_camera_misses_some_and_invents_few() -> None:
    """Nine of ten muddy trucks are recognised; without any, hardly one is reported."""
    minute = scene(xinghai())
    minute.unwashed[0] = 1
    events = seen(cameras(xinghai(), wrong=0.3), minute, 600)
    unwashed = [one for one in events if one["kind"] == "unwashed_truck"]
    first, *others = xinghai().sites
    watching = sum(camera.site == first for camera in xinghai().cameras.values())
    assert 0.86 < sum(one["site"] == first for one in unwashed) / 600 / watching < 0.94
    assert sum(one["site"] in others for one in unwashed) < 8


def test_false_alarms_come_at_their_rate() -> None:
    """Where no truck is bad, each camera is wrong as often as the scenario says."""
    events = seen(cameras(xinghai(), wrong=20.0), scene(xinghai()), 1440)
    wrong = [one for one in events if one["kind"] in ("unwashed_truck", "uncovered_truck")]
    gates = sum(camera.site is not None for camera in xinghai().cameras.values())
    watches = len(xinghai().cameras) + gates
    assert 0.8 < len(wrong) / watches / 20.0 < 1.2
    assert all(one["confidence"] <= 0.8 for one in wrong)


def test_loads_without_cover_are_seen_at_gates_and_on_streets() -> None:
    """A gate camera sees what leaves its site, a street camera what passes its street."""
    minute = scene(xinghai())
    street = next(one for one in xinghai().cameras.values() if one.site is None)
    gate = next(one for one in xinghai().cameras.values() if one.site is not None)
    minute.uncovered[list(xinghai().segments).index(str(street.segment))] = 2
    minute.uncovered_gate[list(xinghai().sites).index(str(gate.site))] = 1
    events = [
        one for one in seen(cameras(xinghai()), minute, 500) if one["kind"] == "uncovered_truck"
    ]
    assert {one["camera"] for one in events} == {street.id, gate.id}
    on_street = [one for one in events if one["camera"] == street.id]
    at_gate = [one for one in events if one["camera"] == gate.id]
    assert 0.86 < len(on_street) / 1000 < 0.94
    assert 0.86 < len(at_gate) / 500 < 0.94
    assert {one["segment"] for one in on_street} == {street.segment}
    assert {one["site"] for one in at_gate} == {gate.site}


def test_trucks_that_pass_are_counted() -> None:
    """Every truck on a street with a camera is in a count, whatever its kind."""
    minute = scene(xinghai())
    minute.trucks[:] = 5
    events = seen(cameras(xinghai()), minute, 3)
    camera = next(iter(xinghai().cameras))
    passed = [(one["truck"], one["count"]) for one in events if one["camera"] == camera]
    assert passed == [("muck", 1), ("container", 1), ("other", 3)] * 3


def test_idle_wheel_washes_mud_and_plumes_are_not_repeated_each_minute() -> None:
    """About every ten minutes, at most every fifteen for mud, and each only where it is."""
    minute = scene(xinghai())
    quiet = seen(cameras(xinghai()), minute, 60)
    assert {one["kind"] for one in quiet} == {"truck_pass"}
    minute.gate_failing[0] = minute.plume[0] = True
    minute.silt[:] = 10.0
    events = seen(cameras(xinghai()), minute, 120)
    site = next(iter(xinghai().sites))
    idle = [one for one in events if one["kind"] == "wash_bay_idle"]
    assert {one["site"] for one in idle} == {site}
    assert 10 <= len(idle) <= 16
    assert 1 <= sum(one["kind"] == "dust_plume" for one in events) <= 12
    street = next(name for name, camera in xinghai().cameras.items() if camera.site is None)
    assert sum(one["kind"] == "mud_on_road" and one["camera"] == street for one in events) == 8


def test_event_ids_never_repeat_and_are_ids() -> None:
    """Whatever the source, no two events have one id, and each is an id of the contract."""
    minute = scene(xinghai())
    minute.unwashed[:] = 3
    minute.gate_failing[:] = True
    minute.uncovered[:] = 1
    ids = [one["id"] for one in seen(cameras(xinghai(), wrong=50.0), minute, 90)]
    assert len(ids) > 1000
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", one) for one in ids)


@pytest.mark.parametrize(
    "changed", ["silt", "plume", "gate_failing", "uncovered", "uncovered_gate"]
)
def test_what_else_there_is_to_see_changes_no_truck(changed: str) -> None:
    """Which muddy trucks are recognised, and their plates, does not hang on mud or plumes."""
    minutes = [scene(xinghai()), scene(xinghai())]
    for minute in minutes:
        minute.unwashed[:] = 1
    getattr(minutes[1], changed)[:] = 5
    unwashed = []
    for minute in minutes:
        events = seen(cameras(xinghai(), wrong=5.0), minute, 120)
        unwashed.append(
            [
                [one[key] for key in ("ts", "camera", "plate", "confidence")]
                for one in events
                if one["kind"] == "unwashed_truck"
            ]
        )
    assert unwashed[0] == unwashed[1]
    assert len(unwashed[0]) > 100


def test_a_camera_more_changes_no_other() -> None:
    """Each camera has its own luck."""
    one, other = (Camera(name, LON, LAT, None, "X1") for name in ("C1", "C2"))
    few = replace(block(), cameras={"C1": one})
    more = replace(block(), cameras={"C2": other, "C1": one})
    minute = scene(few)
    minute.unwashed[:] = minute.uncovered_gate[:] = 1
    a, b = (messages(cameras(town, wrong=20.0), minute, 200) for town in (few, more))
    assert a == [message for message in b if "/C1/" in message.topic]
    assert len(b) == 2 * len(a)
