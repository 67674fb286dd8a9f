"""Residents: they complain of the dust they live in, after a while."""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from geo.district import District, load_district
from simulators.devices.hotline import Hotline
from tests.simulators.fake_scene import MINUTE, START, FakeScene, scene

XINGHAI = load_district(Path(__file__).parents[2] / "geo" / "data" / "xinghai")


def heard(
    district: District, minute: FakeScene, minutes: int, clean_after: int | None = None
) -> list[dict[str, Any]]:
    """All complaints, and in which minute each came; the dust may go after so many minutes."""
    hotline, found = Hotline(district, 1, per_day=200.0), []
    for step in range(minutes):
        if step == clean_after:
            minute.increment[:] = 0.0
        began = START + step * MINUTE
        for message in hotline.minute(began, began + MINUTE, minute):
            assert message.topic == "up/reports/12345"
            found.append(json.loads(message.payload) | {"step": step})
    return found


def test_residents_complain_of_dust_later() -> None:
    """More dust, more complaints, minutes after it came; none of clean streets."""
    counts = []
    for increment in (20.0, 50.0, 120.0):
        minute = scene(XINGHAI)
        minute.increment[:] = increment
        many = heard(XINGHAI, minute, 600, clean_after=60)
        counts.append(len(many))
    assert 0 == counts[0] < counts[1] < counts[2] < 200
    assert min(one["step"] for one in many) >= 5
    assert max(one["step"] for one in many) > 60
    assert {one["kind"] for one in many} <= {"dust", "noise"}
    assert all(re.search("[一-鿿]", one["text"]) for one in many)
    assert len({one["id"] for one in many}) == len(many)


def test_complaints_come_from_where_people_live_in_dust() -> None:
    """Of equally dusty streets the one with three times the people has three times the calls."""
    few, many = list(XINGHAI.segments)[:2]
    people = {few: 1000, many: 3000}
    segments = {
        name: replace(segment, residents=people.get(name, 0))
        for name, segment in XINGHAI.segments.items()
    }
    town = replace(XINGHAI, segments=segments)
    minute = scene(town)
    minute.increment[:] = 120.0
    named = Counter(one.get("segment") for one in heard(town, minute, 900))
    assert set(named) == {few, many, None}
    assert 1.8 < named[many] / named[few] < 5.0


def test_nobody_calls_at_night() -> None:
    """Dust from midnight on is complained of in the morning at the earliest."""
    minute = scene(XINGHAI)
    minute.increment[:] = 120.0
    calls = heard(XINGHAI, minute, 24 * 60)
    # From eight in the morning: eleven at night is minute 900, seven in the morning 1380.
    assert not [one for one in calls if 900 + 120 < one["step"] < 1380]
    assert [one for one in calls if one["step"] > 1385]
