"""Whom to count on, and what a crew must not be torn from."""

import datetime as dt
from typing import Any

import pytest

from dispatch.crews import locked, standings
from dispatch.facts import CrewPast, CrewReport, Order, Present
from dispatch.settings import DispatchSettings
from geo.district import Shift
from tests.dispatch.towns import NOON, block, crew

SETTINGS = DispatchSettings()


def ago(minutes: float) -> dt.datetime:
    """So many minutes before noon."""
    return NOON - dt.timedelta(minutes=minutes)


def report(minutes: float, state: str = "idle") -> CrewReport:
    """A position of so long ago."""
    return CrewReport("W1", ago(minutes), 113.88, 22.48, None, state)


def order(state: str, treatment: str = "wash", **changes: Any) -> Order:
    """An order of routine work."""
    place: dict[str, Any] = {"segment": "A", "depot": None}
    if treatment in ("refill", "return"):
        place = {"segment": None, "depot": "D1"}
    values: dict[str, Any] = {
        "id": "O1", "crew": "W1", "plan": "P1", "seq": 1, "treatment": treatment, "site": None,
        "direction": None, "path": (), "eta": NOON, "due": None, "minutes": 2.0, "water_l": 0.0,
        "priority": 4, "episode": None, "reason": "r", "state": state, "issued_at": ago(30),
    }  # fmt: skip
    return Order(**(values | place | changes))


@pytest.mark.parametrize(
    ("seen", "past", "found"),
    [
        (None, CrewPast(), "ready"),  # never heard of: at its depot
        (report(1), CrewPast(), "ready"),
        (report(1, "off"), CrewPast(), "off"),
        (report(1, "broken"), CrewPast(), "broken"),
        (None, CrewPast(silent_at=ago(5)), "silent"),
        (None, CrewPast(silent_at=ago(500)), "silent"),  # still nothing heard
        (report(1), CrewPast(silent_at=ago(29)), "silent"),  # positions alone
        (report(1), CrewPast(silent_at=ago(30)), "ready"),  # worth another try
        (report(31), CrewPast(silent_at=ago(30)), "silent"),  # seen before, not since
        (None, CrewPast(silent_at=ago(5), heard_at=ago(4)), "ready"),  # it has answered
    ],
)
def test_condition(seen: CrewReport | None, past: CrewPast, found: str) -> None:
    """What the newest position and the orders of the past say of a crew on shift."""
    present = Present(NOON, past={"W1": past}, reports={"W1": seen} if seen else {})
    assert standings(present, block(), SETTINGS)["W1"].condition == found


def test_off_shift_is_off_and_broken_stays_broken() -> None:
    """Outside its shift a crew is off, unless its vehicle is broken."""
    night = block([crew("W1", shifts=(Shift(dt.time(22), dt.time(6)),))])
    assert standings(Present(NOON), night, SETTINGS)["W1"].condition == "off"
    broken = Present(NOON, reports={"W1": report(1, "broken")})
    assert standings(broken, night, SETTINGS)["W1"].condition == "broken"


def test_turn_begins_when_the_order_before_has_ended() -> None:
    """An order sent long ago must be answered only from when the crew was free for it."""
    present = Present(
        NOON, open_orders=(order("sent"),), past={"W1": CrewPast(ended_at=ago(3))}
    )  # fmt: skip
    assert standings(present, block(), SETTINGS)["W1"].turn_at == ago(3)


@pytest.mark.parametrize(
    ("first", "kept"),
    [
        (order("accepted"), False),
        (order("accepted", "fog", priority=1), False),
        (order("accepted", "sweep"), True),
        (order("accepted", "inspect"), True),
        (order("accepted", "refill"), True),
        (order("started", started_at=ago(1)), True),
    ],
)
def test_weather_stops_wet_work_that_has_not_begun(first: Order, kept: bool) -> None:
    """In rain, frost or sand-dust a crew is held to wet work only once it has begun."""
    standing = standings(Present(NOON, open_orders=(first,)), block(), SETTINGS)["W1"]
    assert bool(locked(standing, False, dry=True)) == kept


@pytest.mark.parametrize(
    ("first", "newcomer", "kept"),
    [
        (order("sent"), False, False),  # not yet on its way
        (order("accepted"), False, True),
        (order("accepted"), True, False),  # level 3 goes first
        (order("accepted", priority=1), True, True),  # as urgent itself
        (order("accepted", "refill"), True, True),  # without water it would help nobody
        (order("accepted", "return"), False, False),  # new work may turn it round
        (order("started", started_at=ago(1)), True, True),
    ],
)
def test_locked(first: Order, newcomer: bool, kept: bool) -> None:
    """What a crew drives to or works on stays first, with few exceptions."""
    standing = standings(Present(NOON, open_orders=(first,)), block(), SETTINGS)["W1"]
    assert bool(locked(standing, newcomer)) == kept
