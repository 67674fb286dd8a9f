"""Plans as the contract writes them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from dispatch.facts import Order
from dispatch.words import plain

Message = dict[str, Any]


def plan_message(plan: str, crew: str, issued_at: datetime, orders: Iterable[Order]) -> Message:
    """A crew's whole Plan."""
    return {
        "plan": plan,
        "crew": crew,
        "issued_at": rfc3339(issued_at),
        "orders": [order_message(order) for order in orders],
    }


def order_message(order: Order) -> Message:
    """An Order with every field of the contract, null where it does not apply."""
    return {
        "order": order.id,
        "seq": order.seq,
        "treatment": order.treatment,
        "segment": order.segment,
        "site": order.site,
        "depot": order.depot,
        "direction": order.direction,
        "path": order.path,
        "eta": rfc3339(order.eta),
        "due": None if order.due is None else rfc3339(order.due),
        "minutes": order.minutes,
        "water_l": order.water_l,
        "priority": order.priority,
        "episode": order.episode,
        "reason": order.reason,
    }


def encode(message: Message) -> bytes:
    """The payload."""
    return msgspec.json.encode(message, enc_hook=plain)


def rfc3339(at: datetime) -> str:
    """UTC with a Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def tells_more(before: Message | None, after: Message, shift: timedelta) -> bool:
    """Whether a crew that has `before` must be sent `after`.

    It must if the orders differ in anything but their drive and their arrival, or an arrival
    moves by more than `shift`. A crew that has never had a plan need not be sent an empty one.
    """
    if before is None:
        return bool(after["orders"])
    if len(before["orders"]) != len(after["orders"]):
        return True
    return any(
        _differs(old, new, shift)
        for old, new in zip(before["orders"], after["orders"], strict=True)
    )


def tells_anew(old: Mapping[str, Any], order: Order, shift: timedelta) -> bool:
    """Whether an order differs from what the crew was told in more than its drive, and an arrival
    that has moved by at most `shift`."""
    return _differs(old, order_message(order), shift)


def _differs(old: Mapping[str, Any], new: Mapping[str, Any], shift: timedelta) -> bool:
    soft = ("path", "eta", "seq")
    if any(old[key] != new[key] for key in new if key not in soft):
        return True
    moved = datetime.fromisoformat(new["eta"]) - datetime.fromisoformat(old["eta"])
    return abs(moved) > shift
