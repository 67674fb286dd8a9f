"""What a moment looks like, from rows and a time alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.overview import counts, district_background, heading, mean_wind, standing

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def minute(**changes: Any) -> dict[str, Any]:
    return {"ts": NOW, "confidence": 0.8, "increment": 20.0} | changes


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (minute(), "live"),
        (minute(ts=NOW - timedelta(minutes=5)), "live"),
        (minute(ts=NOW - timedelta(minutes=6)), "stale"),
        (minute(confidence=0.0), "unmeasured"),  # nobody near: never to be shown as clean
        (minute(increment=None), "unmeasured"),
        (None, "unmeasured"),
    ],
)
def test_standing(row: dict[str, Any] | None, expected: str) -> None:
    """A segment is live, stale or unmeasured, and only a live one counts as clean."""
    assert standing(row, NOW) == expected


def reading(speed: float | None, direction: float | None, age_min: float = 0) -> dict[str, Any]:
    return {"wind_speed": speed, "wind_dir": direction, "ts": NOW - timedelta(minutes=age_min)}


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([], None),
        ([reading(None, 90)], None),
        ([reading(2, 350), reading(2, 10)], {"speed": 2.0, "dir": 0, "stations": 2}),
        ([reading(2, 90), reading(2, 270)], {"speed": 0.0, "stations": 2}),
        ([reading(3, 90), reading(9, 270, age_min=11)], {"speed": 3.0, "dir": 90, "stations": 1}),
    ],
)
def test_mean_wind(readings: list[dict[str, Any]], expected: dict[str, Any] | None) -> None:
    """The mean is of vectors, over north and all, and of fresh readings alone."""
    wind = mean_wind(readings, NOW)
    if expected is None:
        assert wind is None
    else:
        assert wind is not None
        assert {key: wind[key] for key in expected} == expected


def place(lon: float, lat: float) -> dict[str, float]:
    return {"lon": lon, "lat": lat}


@pytest.mark.parametrize(
    ("track", "expected"),
    [
        ([], None),
        ([place(113.9, 22.5)], None),
        ([place(113.9, 22.5), place(113.90001, 22.5)], None),  # one metre is noise
        ([place(113.9, 22.501), place(113.9, 22.5)], 0),
        ([place(113.901, 22.5), place(113.9, 22.5)], 90),
        ([place(113.9, 22.5), place(113.90001, 22.5), place(113.9, 22.501)], 180),
        ([place(113.899, 22.5), place(113.9, 22.5)], 270),
    ],
)
def test_heading(track: list[dict[str, float]], expected: float | None) -> None:
    """The heading is that of the last real step, newest place first."""
    assert heading(track) == (None if expected is None else pytest.approx(expected, abs=0.5))


def test_counts_and_background() -> None:
    """Stale and unmeasured segments are not counted at a level nor in the background."""
    segments = [
        {"standing": "live", "level": 0, "background": 50.0},
        {"standing": "live", "level": 2, "background": 60.0},
        {"standing": "stale", "level": 3, "background": 500.0},
        {"standing": "unmeasured", "level": 0, "background": 500.0},
    ]
    later, before = NOW + timedelta(minutes=1), NOW - timedelta(minutes=1)
    episodes = [
        {"state": "active", "acknowledged_by": None, "shelved_until": None},
        {"state": "active", "acknowledged_by": None, "shelved_until": later},
        {"state": "active", "acknowledged_by": None, "shelved_until": before},
        {"state": "recovering", "acknowledged_by": "somebody", "shelved_until": None},
        {"state": "closed", "acknowledged_by": None, "shelved_until": None},
        {"state": "pending", "acknowledged_by": None, "shelved_until": None},
    ]
    assert counts(segments, episodes, NOW) == {
        "levels": {"0": 1, "1": 0, "2": 1, "3": 0},
        "stale": 1,
        "unmeasured": 1,
        "open": 4,
        "unacknowledged": 2,
        "shelved": 1,
    }
    assert district_background(segments) == 55.0
