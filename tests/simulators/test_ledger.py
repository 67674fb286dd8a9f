"""The ledger: which dead letters the contract demands of what was published."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given as chosen
from hypothesis import strategies as st

from simulators.devices.ledger import Ledger, Said
from simulators.devices.stations import Stations
from simulators.scenario import StationFault
from tests.dispatch.towns import block
from tests.simulators.fake_scene import MINUTE, QUIET, START, scene, station

MIN = 60_000


def told(readings: list[tuple[int, int]], most_off_min: float = 60.0) -> dict[str, int]:
    """Letters of readings (true minute, minute that it says), sent as they are taken."""
    ledger = Ledger()
    ledger.watch("S0", most_off_min)
    for number, (true, ts) in enumerate(readings):
        said = Said(true * MIN, ts * MIN, number)
        ledger.tell("S0", true * MIN, [said], whole=False)
    return dict(ledger.planted)


@pytest.mark.parametrize(
    ("readings", "letters"),
    [
        ([(1, 1), (2, 2), (3, 3)], {}),
        # Ten minutes ahead are borne, eleven are not.
        ([(1, 11)], {}),
        ([(1, 12)], {"ahead": 1}),
        # A clock set back runs over minutes that are stored.
        ([(1, 1), (2, 2), (3, 1), (4, 2), (5, 3)], {"conflict": 2}),
        # A clock ahead has taken the minutes that come then.
        ([(1, 4), (2, 2), (3, 3), (4, 4)], {"conflict": 1}),
        # What was refused is not stored, so nothing meets it.
        ([(1, 21), (21, 21)], {"ahead": 1}),
        ([(1, 1), (2, 1), (3, 1)], {"conflict": 2}),
    ],
)
def test_letters_of_a_wrong_clock(readings: list[tuple[int, int]], letters: dict[str, int]) -> None:
    """Too far ahead, or at a time at which another reading is stored."""
    assert told(readings) == letters


def test_the_same_again_is_no_letter() -> None:
    """The same values for the same time are stored once and refused never."""
    ledger = Ledger()
    ledger.watch("S0", 60.0)
    for _ in range(3):
        ledger.tell("S0", 5 * MIN, [Said(5 * MIN, 5 * MIN, 77)], whole=False)
    assert not ledger.planted


def test_it_counts_what_is_to_be_stored() -> None:
    """Each time once: neither what is refused nor what was said before."""
    ledger = Ledger()
    ledger.watch("S0", 60.0)
    first = [Said(5 * MIN, minute * MIN, minute) for minute in (4, 5, 30)]
    assert ledger.tell("S0", 5 * MIN, first, whole=False) == 2
    again = [Said(6 * MIN, 5 * MIN, 5), Said(6 * MIN, 4 * MIN, 9), Said(6 * MIN, 6 * MIN, 6)]
    assert ledger.tell("S0", 6 * MIN, again, whole=False) == 1


def test_a_pack_is_one_letter() -> None:
    """Readings that cannot be told apart make one letter, and `ahead` is found first."""
    for whole, letters in ((False, {"conflict": 2, "ahead": 1}), (True, {"ahead": 1})):
        ledger = Ledger()
        ledger.watch("S0", 60.0)
        pack = [Said(n, n, n) for n in (1, 2)]
        ledger.tell("S0", 0, pack, whole=False)
        pack = [Said(3, 1, 3), Said(4, 2, 4), Said(5, 11 * MIN, 5)]
        ledger.tell("S0", 0, pack, whole=whole)
        assert ledger.planted == letters


@chosen(st.lists(st.integers(-20, 20), min_size=1, max_size=120))
def test_forgetting_forgets_nothing_that_counts(offsets: list[int]) -> None:
    """A ledger with a short memory counts as one that remembers everything."""
    readings = [(n, n + off) for n, off in enumerate(offsets, 100)]
    assert told(readings, 20.0) == told(readings, 1e6)


def test_a_clock_that_swings_from_end_to_end_meets_itself() -> None:
    """Sent late, a reading 20 minutes ahead and one 20 behind, 40 apart, are of one time."""
    ledger = Ledger()
    ledger.watch("S0", 20.0)
    late = [Said(0, 20 * MIN, 1), *(Said(n * MIN, n * MIN, n) for n in range(21, 40))]
    ledger.tell("S0", 60 * MIN, [*late, Said(40 * MIN, 20 * MIN, 2)], whole=False)
    assert ledger.planted == {"conflict": 1}


def test_memory_stays_small() -> None:
    """However long a station lives, no more is kept than its clock can run over."""
    ledger = Ledger()
    ledger.watch("S0", 40.0)
    for n in range(5000):
        ledger.tell("S0", n * MIN, [Said(n * MIN, n * MIN, n)], whole=False)
    assert ledger.remembered() <= 81


def planted(minutes: int, mn: str | None, *faults: StationFault, **rates: Any) -> dict[str, int]:
    """Letters of a station with these faults."""
    district = replace(block(), stations={"S0": station("S0", mn=mn)})
    stations = Stations(district, replace(QUIET, station_faults=faults, **rates), 1)
    for step in range(1, minutes + 1):
        stations.minute(START + step * MINUTE, scene(district))
    return dict(stations.planted)


@pytest.mark.parametrize("mn", ["MN0", None])
@pytest.mark.parametrize(
    ("size", "letters"),
    [
        # An hour of a clock a quarter ahead: all is refused, and nothing is in the way afterwards.
        (15.0, {"ahead": 60}),
        # Eight minutes ahead: stored, and in the way of the last eight minutes' true successors.
        (8.0, {"conflict": 8}),
        # Behind: it runs over what it said right before.
        (-20.0, {"conflict": 20}),
        (-90.0, {"conflict": 60}),
    ],
)
def test_letters_of_a_station_with_a_wrong_clock(
    mn: str | None, size: float, letters: dict[str, int]
) -> None:
    """By hand: a clock that is off from the third to the fourth hour."""
    fault = StationFault("S0", "clock", 2.0, 1.0, size)
    assert planted(300, mn, fault) == letters


@pytest.mark.parametrize("mn", ["MN0", None])
def test_what_is_sent_late_is_judged_when_it_comes(mn: str | None) -> None:
    """Behind a line that is down a clock may be far ahead, and right by the time it is heard."""
    clock = StationFault("S0", "clock", 1.0, 0.5, 25.0)
    outage = StationFault("S0", "outage", 1.0, 2.0)
    # Of the thirty readings up to 25 minutes ahead, five are stamped beyond the spell's own end
    # and twenty-five are in the way of readings that follow.
    assert planted(300, mn, clock) == {"ahead": 30}
    assert planted(300, mn, clock, outage) == {"conflict": 25}


def test_duplicates_plant_nothing() -> None:
    """Everything sent twice, faulty clock and broken messages included, leaves as many letters."""
    fault = StationFault("S0", "clock", 1.0, 2.0, -20.0)
    once = planted(400, None, fault, garbled_rate=0.1)
    assert once == planted(400, None, fault, garbled_rate=0.1, duplicate_rate=1.0)
    assert once["json"] > 20


def test_times_of_frames_are_whole_seconds() -> None:
    """A frame says no more than seconds, so half a second ahead of the limit is at it."""
    start = datetime.fromisoformat("2026-03-02T08:00:00.500+08:00")
    for mn, letters in (("MN0", {}), (None, {"ahead": 1})):
        district = replace(block(), stations={"S0": station("S0", mn=mn)})
        fault = StationFault("S0", "clock", 0.0, 1.0, 10.004)
        stations = Stations(district, replace(QUIET, station_faults=(fault,)), 1)
        stations.minute(start + MINUTE, scene(district))
        assert stations.planted == letters
