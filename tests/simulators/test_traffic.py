"""Vehicles: rates by hour and day, trucks on their way, and the weights on the road."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from simulators.routes import CONTAINER, MUCK, NO_SITE, Routes
from simulators.scenario import TrafficSpell
from simulators.streams import stream
from simulators.traffic import (
    CONTAINER_SHORT_TONS,
    LIGHT_SHORT_TONS,
    Busy,
    OnTheWay,
    Road,
    Stream,
    busy_at,
    of_weekday,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
MONDAY = datetime(2026, 3, 2, tzinfo=SHANGHAI)

# A container truck over segments 0, 1, 2 and a muck truck of site 0 over segments 2, 0.
TWO_WAYS = Routes(
    kind=np.array([CONTAINER, MUCK]),
    from_site=np.array([NO_SITE, 0]),
    to_site=np.array([NO_SITE, NO_SITE]),
    per_day=np.array([2300.0, 1000.0]),
    first=np.array([0, 3, 5]),
    segment=np.array([0, 1, 2, 2, 0]),
    minute=np.array([0, 1, 3, 0, 2]),
)


def test_a_truck_passes_the_segments_of_its_way_in_turn() -> None:
    """Each truck is counted on each segment once, at its minute, with its load's cover."""
    way = OnTheWay(TWO_WAYS, segments=3, sites=1)
    seen, bare = [], []
    for minute in range(9):
        way.set_out(np.array([minute == 0, 4 * (minute == 1)]) * 1, np.array([0, minute == 1]) * 1)
        trucks, uncovered = way.pass_by()
        seen.append(trucks)
        bare.append(uncovered[:, 0])
    container, muck = np.array(seen)[:, CONTAINER], np.array(seen)[:, MUCK]
    assert list(zip(*np.nonzero(container), strict=True)) == [(0, 0), (1, 1), (3, 2)]
    assert list(zip(*np.nonzero(muck), strict=True)) == [(1, 2), (3, 0)]
    assert muck.max() == 4
    assert list(zip(*np.nonzero(bare), strict=True)) == [(1, 2), (3, 0)]


def test_four_weeks_have_the_trucks_of_the_routes_and_the_local_ones() -> None:
    """What sets out on the routes and what drives about locally add up to the day's counts."""
    local = np.array([[0.0, 0.0, 0.0], [300.0, 0.0, 0.0]])
    road = Road(
        TWO_WAYS, np.array([True, True]), local, np.full(3, 2.0), 1,
        stream(1, "through"), stream(1, "local"), stream(1, "light"),
    )  # fmt: skip
    none = np.zeros(2, np.int64)
    container, muck = np.zeros(3), np.zeros(3)
    for minute in range(28 * 1440):
        passed = road.step(busy_at(MONDAY + timedelta(minutes=minute + 1), 0.0, 1.0), none, none)
        container += passed.container
        muck += passed.muck
    assert container / 28 == pytest.approx(np.full(3, 2300.0), rel=0.02)
    assert muck / 28 == pytest.approx([1300.0, 0.0, 1000.0], rel=0.02)


def test_a_weeks_days_average_to_one() -> None:
    """Sunday is quieter, and the week as a whole is what was asked for."""
    week = [of_weekday(MONDAY + timedelta(days=day)) for day in range(7)]
    assert sum(week) == pytest.approx(7.0)
    assert week[6] == min(week)


def test_a_days_rates_average_to_one() -> None:
    """Over the hours of a day each kind of vehicle comes to the day's number."""
    day = [busy_at(MONDAY + timedelta(minutes=minute), 0.0, 1.0) for minute in range(1440)]
    weekday = of_weekday(MONDAY)
    assert np.mean([busy.container for busy in day]) == pytest.approx(weekday, rel=1e-6)
    assert np.mean([busy.muck for busy in day]) == pytest.approx(weekday, rel=1e-6)
    assert np.mean([busy.light for busy in day]) == pytest.approx(1.0, rel=1e-6)


def test_spells_change_what_sets_out_in_their_hours() -> None:
    """A holiday's factors hold from its first hour to its last, for trucks and for the rest."""
    usual = busy_at(MONDAY, 0.0, 0.5)
    spells = (TrafficSpell(2.0, 3.0, trucks=0.1, light=1.5), TrafficSpell(4.0, 9.0, trucks=0.5))
    for since_h, trucks, light in ((2.0, 1.0, 1.0), (3.0, 0.1, 1.5), (5.0, 0.05, 1.5), (6, 0.5, 1)):
        busy = busy_at(MONDAY, since_h, 0.5, spells)
        got = (busy.container / usual.container, busy.muck / usual.muck, busy.light / usual.light)
        assert got == pytest.approx((trucks, trucks, light))


def test_streets_are_not_empty_at_the_start() -> None:
    """After warming up, the first minutes see as many trucks as later ones."""
    road = Road(
        TWO_WAYS, np.array([True, True]), np.zeros((2, 3)), np.zeros(3), 1,
        stream(1, "through"), stream(1, "local"), stream(1, "light"),
    )  # fmt: skip
    none = np.zeros(2, np.int64)
    rush = Busy(100.0, 100.0, 1.0)
    road.warm_up(rush)
    first = road.step(rush, none, none)
    assert first.container[2] > 100
    assert first.muck[0] > 40


def test_weight_is_the_mean_of_all_that_pass() -> None:
    """AP-42 wants the fleet's mean weight; where nobody passes it is 0 and not a division."""
    none = np.zeros((2, 0), np.int64)
    passing = Stream(np.array([1.0, 0.0]), np.zeros(2), np.array([3.0, 0.0]), none).passing()
    mean = (CONTAINER_SHORT_TONS + 3.0 * LIGHT_SHORT_TONS) / 4.0
    assert passing.weight_short_tons == pytest.approx([mean, 0.0])
    assert passing.vehicles.tolist() == [4.0, 0.0]
