"""Plans as the contract writes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from dispatch.facts import Order
from dispatch.messages import encode, plan_message, rfc3339, tells_more
from tests.dispatch.towns import NOON

FIELDS = [
    "order", "seq", "treatment", "segment", "site", "depot", "direction", "path", "eta", "due",
    "minutes", "water_l", "priority", "episode", "reason",
]  # fmt: skip


def order(**changes: Any) -> Order:
    """A routine wash."""
    values: dict[str, Any] = {
        "id": "O1", "crew": "W1", "plan": "P1", "seq": 1, "treatment": "wash", "segment": "A",
        "site": None, "depot": None, "direction": "forward",
        "path": ((113.88, 22.48), (113.881, 22.48)), "eta": NOON, "due": None, "minutes": 2.0,
        "water_l": 300.0, "priority": 4, "episode": None, "reason": "到期", "state": "sent",
        "issued_at": NOON,
    }  # fmt: skip
    return Order(**(values | changes))


def message(*orders: Order) -> dict[str, Any]:
    """The crew's plan as it came over the wire."""
    decoded: dict[str, Any] = msgspec.json.decode(encode(plan_message("P1", "W1", NOON, orders)))
    return decoded


def test_message_has_every_field_of_the_contract() -> None:
    """Plan and Order have the contract's fields in its order, null where nothing applies."""
    plan = message(order())
    assert list(plan) == ["plan", "crew", "issued_at", "orders"]
    assert list(plan["orders"][0]) == FIELDS
    assert plan["orders"][0]["path"] == [[113.88, 22.48], [113.881, 22.48]]
    assert (plan["orders"][0]["due"], plan["orders"][0]["reason"]) == (None, "到期")


def test_times_are_rfc3339() -> None:
    """Times carry an offset."""
    assert rfc3339(datetime(2026, 3, 2, 4, tzinfo=UTC)) == "2026-03-02T04:00:00Z"


@pytest.mark.parametrize(
    ("after", "more"),
    [
        ([order()], False),
        ([order(eta=NOON + timedelta(minutes=5))], False),  # within what a crew expects
        ([order(eta=NOON + timedelta(minutes=5, seconds=1))], True),
        ([order(path=((113.0, 22.0), (113.881, 22.48)))], False),  # it has driven on
        ([order(direction="backward")], True),
        ([order(priority=1, episode="E1")], True),
        ([order(), order(id="O2", seq=2)], True),
        ([], True),
    ],
)
def test_crew_is_told_again_only_what_matters(after: list[Order], more: bool) -> None:
    """A plan is sent again if it is another one, not because the crew has moved on."""
    later = plan_message("P2", "W1", NOON, after)
    assert tells_more(message(order()), later, timedelta(minutes=5)) == more


def test_crew_without_a_plan_is_not_told_of_an_empty_one() -> None:
    """The first message to a crew has orders in it."""
    empty = plan_message("P1", "W1", NOON, [])
    assert not tells_more(None, empty, timedelta(minutes=5))
    assert tells_more(None, message(order()), timedelta(minutes=5))
