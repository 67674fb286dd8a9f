"""Plans as a crew's terminal reads them: contract section 2."""

from typing import Literal

import msgspec

Treatment = Literal[
    "wash", "sweep", "fog", "heavy_clean", "hand_wash", "inspect", "refill", "return"
]


class Order(msgspec.Struct, frozen=True):
    """What of an order a crew acts on."""

    order: str
    seq: int
    treatment: Treatment
    path: tuple[tuple[float, float], ...]
    segment: str | None = None
    site: str | None = None
    depot: str | None = None
    direction: Literal["forward", "backward"] | None = None
    minutes: float | None = None
    water_l: float = 0.0

    def __post_init__(self) -> None:
        if sum(place is not None for place in (self.segment, self.site, self.depot)) != 1:
            raise ValueError("exactly one of segment, site and depot must be set")


class Plan(msgspec.Struct, frozen=True):
    """A crew's whole plan; it replaces the one before."""

    plan: str
    crew: str
    orders: tuple[Order, ...]


_decoder = msgspec.json.Decoder(Plan)


def read_plan(payload: bytes) -> Plan:
    """A plan with its orders in sequence.

    Raises
    ------
    ValueError
        If the payload is no plan; the message says where.
    """
    plan = _decoder.decode(payload)
    return msgspec.structs.replace(
        plan, orders=tuple(sorted(plan.orders, key=lambda order: order.seq))
    )
