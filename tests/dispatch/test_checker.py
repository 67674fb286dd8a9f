"""The judge of plans must see what is wrong with one."""

import copy
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch.crews import standings
from dispatch.facts import Facts, Present
from dispatch.messages import plan_message
from dispatch.planning import Planner
from dispatch.settings import DispatchSettings
from dispatch.wants import wishes
from geo.district import District
from tests.dispatch.checker import Checker, State
from tests.dispatch.towns import NOON, block

Orders = list[dict[str, Any]]


def plan_of(district: District) -> dict[str, Any]:
    """The plan of the one crew of a district, as it goes out."""
    settings = DispatchSettings()
    crews = standings(Present(NOON), district, settings)
    wanted = wishes(Facts(NOON), district, settings, {"W1": "water_truck"}).wants
    plan = Planner(district, settings).plan(NOON, "P-1", crews, wanted)
    message = plan_message("P-1", "W1", NOON, plan.orders["W1"])
    message["orders"] = copy.deepcopy(
        [{**order, "path": [list(p) for p in order["path"]]} for order in message["orders"]]
    )
    return message


def judged(district: District, message: dict[str, Any], water_l: float = 12_000) -> list[str]:
    """What the checker says of it."""
    home = district.depots["D1"]
    state = State(NOON, home.lon, home.lat, water_l, NOON + timedelta(hours=10))
    return Checker(district).problems({"W1": message}, {"W1": state})


def one_way(orders: Orders) -> dict[str, Any]:
    """The order on the one-way street."""
    return next(order for order in orders if order["segment"] == "C")


def turned(order: dict[str, Any]) -> None:
    """Its drive goes on past a point of a street, and back to it."""
    path = order["path"]
    (x, y), (u, v) = path[-2:]
    past = [x + 0.7 * (u - x), y + 0.7 * (v - y)]
    before = [x + 0.4 * (u - x), y + 0.4 * (v - y)]
    path[-1:] = [past, before, path[-1]]


FAULTS: dict[str, Callable[[Orders], object]] = {
    "against the one-way street": lambda o: one_way(o).update(direction="backward"),
    "a leap over the roofs": lambda o: o[1]["path"].insert(1, [113.8815, 22.4815]),
    "a path that begins elsewhere": lambda o: o[2].update(path=o[0]["path"]),
    "the same street twice": lambda o: o.append({**o[0], "order": "again", "seq": len(o) + 1}),
    "an id in two places": lambda o: o[1].update(order=o[0]["order"]),
    "arrival before the drive can end": lambda o: o[0].update(eta=o[0]["eta"].replace("04", "03")),
    "faster than washing may be": lambda o: o[0].update(minutes=o[0]["minutes"] / 2),
    "less water than it takes": lambda o: o[0].update(water_l=1.0),
    "work of another trade": lambda o: o[0].update(treatment="sweep"),
    "no reason": lambda o: o[0].update(reason=""),
    "a wrong number": lambda o: o[0].update(seq=7),
    "two places in one order": lambda o: o[0].update(site="X1"),
    "a turn in the middle of a street": lambda o: turned(o[-1]),
    "after the shift": lambda o: o[-2].update(eta="2026-03-02T14:00:00Z"),
}


def test_sound_plan_passes() -> None:
    """A plan as the planner makes it has no problems."""
    district = block()
    assert judged(district, plan_of(district)) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_seen(fault: str) -> None:
    """Each fault put into a sound plan is found."""
    district = block()
    message = plan_of(district)
    FAULTS[fault](message["orders"])
    assert judged(district, message)


def test_dry_tank_is_seen() -> None:
    """A plan made for a full tank fails for a crew that has hardly any water."""
    district = block()
    assert any("short" in problem for problem in judged(district, plan_of(district), water_l=100))


def test_first_order_must_end_in_the_shift_too() -> None:
    """Only what a crew was on its way to before may end after its shift."""
    district = block()
    message = plan_of(district)
    message["orders"] = message["orders"][:1]
    home = district.depots["D1"]
    ends = datetime.fromisoformat(message["orders"][0]["eta"]) + timedelta(seconds=5)
    for told, late in ((None, True), (message["orders"][0]["order"], False)):
        state = State(NOON, home.lon, home.lat, 12_000, ends, told=told)
        found = Checker(district).problems({"W1": message}, {"W1": state})
        assert any("after the shift" in problem for problem in found) == late
