"""When a plan is made anew, and when the one in force will do."""

import copy
import datetime as dt
from typing import Any

import pytest

from dispatch.settings import DispatchSettings
from dispatch.triggers import PlanInForce, gain_s, settled, trigger
from tests.dispatch.towns import NOON

SETTINGS = DispatchSettings()
SITUATION: dict[str, Any] = {
    "episodes": {"E1": [2, "active", "road", False]},
    "crews": {"W1": "ready", "W2": "off"},
    "troubles": ["O7"],
    "orders": {"W1": 3, "W2": 0},
    "weather": None,
}


def reason(minutes: float, **changes: Any) -> str | None:
    """Why a plan is made so long after the last, if this has changed."""
    present = copy.deepcopy(SITUATION)
    for key, change in changes.items():
        present[key] = {**present[key], **change} if isinstance(change, dict) else change
    force = PlanInForce("P-1", NOON, SITUATION)
    return trigger(force, present, NOON + dt.timedelta(minutes=minutes), SETTINGS)


def test_end_of_bad_weather_is_urgent() -> None:
    """When the rain is over, or goes over into frost, a plan is made at once."""
    force = PlanInForce("P-1", NOON, SITUATION | {"weather": "rain"})
    for weather, why in ((None, "weather"), ("frost", "weather"), ("rain", None)):
        assert trigger(force, SITUATION | {"weather": weather}, NOON, SETTINGS) == why


def test_first_plan() -> None:
    """Where there is no plan one is made."""
    assert trigger(None, SITUATION, NOON, SETTINGS) == "first"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"episodes": {"E2": [2, "active", "road", False]}}, "episode"),  # new
        ({"episodes": {"E1": [3, "active", "road", False]}}, "episode"),  # raised
        ({"crews": {"W1": "broken"}}, "crew"),
        ({"crews": {"W2": "ready"}}, "crew"),  # its shift has begun
        ({"crews": {"W1": "silent"}}, "crew"),
        ({"weather": "rain"}, "weather"),
    ],
)
def test_urgent_at_once(changes: dict[str, Any], why: str) -> None:
    """A new or raised episode, crews that come or go and the weather do not wait for the pause."""
    assert reason(0.5, **changes) == why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"episodes": {"E2": [1, "active", "road", False]}}, "episode_changed"),  # new, level 1
        ({"episodes": {"E1": [2, "recovering", "road", False]}}, "episode_changed"),
        ({"episodes": {"E1": [2, "active", "regional", False]}}, "episode_changed"),
        ({"episodes": {"E1": [2, "active", "road", True]}}, "episode_changed"),  # shelved
        ({"troubles": ["O7", "O8"]}, "order"),  # refused, failed or silent
        ({"orders": {"W1": 0}}, "finished"),
    ],
)
def test_others_wait_for_the_pause(changes: dict[str, Any], why: str) -> None:
    """What is not urgent waits until the plan is two minutes old, and is not forgotten."""
    assert reason(1.9, **changes) is None
    assert reason(2, **changes) == why


@pytest.mark.parametrize(
    "after", [[1, "recovering", "road", False], [1, "active", "site", False], None]
)
def test_a_lesser_episode_that_was_answered_waits_for_the_timer(after: list[Any] | None) -> None:
    """What one of level 1 does after its first answer asks for no plan of its own."""
    before = copy.deepcopy(SITUATION)
    before["episodes"]["E2"] = [1, "active", "road", False]
    now = copy.deepcopy(SITUATION)
    if after:
        now["episodes"]["E2"] = after
    force = PlanInForce("P-1", NOON, before)
    assert trigger(force, now, NOON + dt.timedelta(minutes=9.9), SETTINGS) is None
    assert trigger(force, now, NOON + dt.timedelta(minutes=10), SETTINGS) == "timer"


def test_orders_done_as_planned_are_no_reason() -> None:
    """A crew that has ended one order of three knows its next."""
    assert reason(5, orders={"W1": 2}) is None


def test_old_trouble_is_no_reason() -> None:
    """Trouble that the plan in force knew, or that is long past, does not trigger again."""
    assert reason(5) is None
    assert reason(5, troubles=[]) is None


def test_timer() -> None:
    """Ten minutes after the last a plan is made even if nothing has happened."""
    assert reason(9.9) is None
    assert reason(10) == "timer"


def test_recovering_that_flares_up_is_urgent() -> None:
    """An episode that was falling and is active again does not wait."""
    before = copy.deepcopy(SITUATION)
    before["episodes"]["E1"][1] = "recovering"
    assert trigger(PlanInForce("P-1", NOON, before), SITUATION, NOON, SETTINGS) == "episode"


def test_crews_that_come_or_go_unsettle_everything() -> None:
    """After a change of crews all is searched anew, else what was left out stays so."""
    force = PlanInForce("P-1", NOON, SITUATION | {"left_out": [["A", "wash", 4]]})
    assert settled(force, "crew") is None
    assert settled(force, "timer") == {("A", "wash", 4)}


def test_only_calm_plans_must_be_better_by_something() -> None:
    """What is urgent changes the plan for any gain; the timer needs a worthwhile one."""
    assert gain_s("timer", SETTINGS) == SETTINGS.replan_gain_s
    assert {gain_s(why, SETTINGS) for why in ("first", "episode", "crew", "weather")} == {0.0}


def test_what_an_operator_decides_and_a_complaint_are_urgent() -> None:
    """A decision that comes or goes, and a complaint that comes, do not wait for a pause; a
    complaint that goes is no reason."""
    held: dict[str, Any] = {
        "crews": {},
        "weather": None,
        "episodes": {},
        "troubles": [],
        "orders": {},
    }
    force = PlanInForce("P1", NOON, held | {"overrides": [7], "complaints": ["a/1"]})

    def why(overrides: list[int], complaints: list[str]) -> str | None:
        now = held | {"overrides": overrides, "complaints": complaints}
        return trigger(force, now, NOON, DispatchSettings())

    assert why([7], ["a/1"]) is None
    assert why([], ["a/1"]) == "override"
    assert why([7, 8], ["a/1"]) == "override"
    assert why([7], ["a/1", "a/2"]) == "complaint"
    assert why([7], []) is None
