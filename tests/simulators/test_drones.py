"""The drone: a closed tour at its hours and in fair weather, and what is seen from it."""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import shapely

from geo.district import District, load_district
from simulators.devices.drones import Drones, tour
from tests.dispatch.towns import block, by_chance, town
from tests.simulators.fake_scene import MINUTE, START, FakeScene, scene

XINGHAI = Path(__file__).parents[2] / "geo" / "data" / "xinghai"
# The scene begins at eight in the morning, local.
AT_9 = (9.0,)


@cache
def xinghai() -> District:
    """The shipped district."""
    return load_district(XINGHAI)


def drone(
    district: District,
    seed: int = 1,
    rounds_h: tuple[float, ...] = AT_9,
    recall: float = 1.0,
    wrong: float = 0.0,
) -> Drones:
    """The drone of a district."""
    return Drones(district, seed, rounds_h=rounds_h, recall=recall, false_alarms_per_round=wrong)


def seen(it: Drones, minute: FakeScene, minutes: int, start: datetime = START) -> list[Any]:
    """Its events, and in which minute each was published."""
    events = []
    for step in range(1, minutes + 1):
        now = start + step * MINUTE
        for message in it.minute(now - MINUTE, now, minute):
            assert message.topic == "up/drones/DRONE-1/events"
            body = json.loads(message.payload)
            items = body if isinstance(body, list) else [body]
            assert len(items) == message.count
            events += [one | {"step": step} for one in items]
    return events


@pytest.mark.parametrize("seed", range(6))
def test_a_tour_sees_every_treated_street_and_site_once(seed: int) -> None:
    """Whatever the town, each comes into view, for the first time, in one minute."""
    district = by_chance(seed)
    sights = [sight for minute in tour(district) for sight in minute]
    streets = sorted(one.at for one in sights if not one.is_site)
    treated = [at for at, segment in enumerate(district.segments.values()) if segment.treat]
    assert streets == treated
    assert sorted(one.at for one in sights if one.is_site) == list(range(len(district.sites)))


def test_what_is_seen_lies_where_it_says() -> None:
    """A street's sight lies on that street, a site's in the middle of the site."""
    district = xinghai()
    segments, sites = list(district.segments.values()), list(district.sites.values())
    for one in (sight for minute in tour(district) for sight in minute):
        spot = district.projection.to_xy(shapely.Point(one.lonlat))
        shape = sites[one.at].geometry.centroid if one.is_site else segments[one.at].line
        assert district.projection.to_xy(shape).distance(spot) < 0.1


def test_a_round_finds_the_mud_and_says_where() -> None:
    """With full recall every muddy street is told once, at its place, with an image."""
    district = xinghai()
    minute = scene(district)
    lines = {
        at: district.projection.to_xy(segment.line)
        for at, segment in enumerate(district.segments.values())
        if segment.treat
    }
    muddy = set(list(lines)[2::15])
    minute.silt[list(muddy)] = 6.0
    events = [one for one in seen(drone(district), minute, 200) if one["kind"] == "mud_on_road"]
    assert len(events) == len(muddy) > 2
    spots = [district.projection.to_xy(shapely.Point(one["lon"], one["lat"])) for one in events]
    assert {min(muddy, key=lambda at: lines[at].distance(spot)) for spot in spots} == muddy
    assert all("segment" not in one and one["media"].endswith(".jpg") for one in events)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", one["id"]) for one in events)
    assert min(one["step"] for one in events) >= 60


def test_recall_is_that_of_the_scenario() -> None:
    """Over ten rounds about the given share of the muddy streets is told."""
    district = xinghai()
    minute = scene(district)
    minute.silt[:] = 6.0
    treated = sum(segment.treat for segment in district.segments.values())
    hours = tuple(range(9, 19))
    it = drone(district, recall=0.7, rounds_h=tuple(float(hour) for hour in hours))
    length = len(tour(district))
    told = sum(one["kind"] == "mud_on_road" for one in seen(it, minute, 10 * 60 + length))
    rounds = len(hours) if length < 60 else 600 // (60 * -(-length // 60))
    assert told / rounds / treated == pytest.approx(0.7, abs=0.08)


def test_sites_are_looked_at() -> None:
    """Dust over a site is told where it is; of stockpiles some lie open on some days."""
    district = xinghai()
    minute = scene(district)
    minute.plume[1] = True
    events = seen(drone(district), minute, 10 * 1440)
    plumes = [one for one in events if one["kind"] == "dust_plume"]
    assert len(plumes) == 10
    centre = list(district.sites.values())[1].centre
    assert all(abs(one["lon"] - centre[0]) < 0.003 for one in plumes)
    piles = [one for one in events if one["kind"] == "exposed_pile"]
    assert 0 < len(piles) < 5 * len(district.sites)


def test_false_alarms_come_at_their_rate() -> None:
    """On clean streets mud is told as often a round as the scenario says."""
    hours = (6.0, 9.0, 12.0, 15.0, 18.0)
    it = drone(xinghai(), rounds_h=hours, wrong=2.0)
    events = seen(it, scene(xinghai()), 20 * 1440)
    wrong = sum(one["kind"] == "mud_on_road" for one in events)
    assert 1.6 < wrong / 100 < 2.4
    assert 0 < sum(one["kind"] == "illegal_dumping" for one in events) < 20


@pytest.mark.parametrize(("rain", "wind"), [(0.1, 2.0), (0.0, 8.5)])
def test_it_stays_down_in_bad_weather(rain: float, wind: float) -> None:
    """Rain or strong wind keeps it down, and brings it down: nothing is seen any more."""
    district = xinghai()
    bad, fair = scene(district), scene(district)
    bad.rain, bad.wind_speed = rain, wind
    bad.silt[:] = fair.silt[:] = 6.0
    assert seen(drone(district), bad, 300) == []
    it = drone(district)
    assert seen(it, fair, 63) != []
    assert seen(it, bad, 1, START + 63 * MINUTE) == []
    assert seen(it, fair, 300, START + 64 * MINUTE) == []


def test_ids_never_repeat_and_the_seed_decides() -> None:
    """Days of rounds have each id once; the same seed is the same, another is another."""

    def events(seed: int) -> list[Any]:
        minute = scene(xinghai())
        minute.silt[:] = 6.0
        it = drone(xinghai(), seed, rounds_h=(9.0, 15.0), recall=0.5, wrong=1.0)
        return seen(it, minute, 2 * 1440)

    first = events(1)
    assert len({one["id"] for one in first}) == len(first) > 40
    assert first == events(1) != events(2)


def test_a_town_without_anything_to_see_has_no_rounds() -> None:
    """No treated street and no site: nothing to fly to."""
    bare = town([replace(s, treat=False) for s in block().segments.values()], [], [])
    assert tour(bare) == []
    assert seen(drone(bare), scene(bare), 120) == []


def test_a_round_may_begin_at_midnight() -> None:
    """The step from one day to the next holds the hour 0."""
    minute = scene(xinghai())
    minute.silt[:] = 6.0
    late = START + timedelta(hours=15, minutes=50)
    steps = [one["step"] for one in seen(drone(xinghai(), rounds_h=(0.0,)), minute, 60, late)]
    assert min(steps) >= 10
