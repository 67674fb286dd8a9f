"""Where each crew stands: whether it can be counted on, and from when and where it is free."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from dispatch.facts import CrewPast, CrewReport, Order, Present
from dispatch.overrides import Overrides
from dispatch.settings import WET, DispatchSettings
from dispatch.shifts import shift_at
from geo.district import Crew, District

Condition = Literal["ready", "off", "broken", "silent", "held"]
"""A held crew could work and is kept from it by an operator."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A crew at one time.

    `orders` are its open orders in the order of its plan; `until` is the end of its shift or
    of the horizon; `heard_at` is when anything was last heard from it; `turn_at` is when its
    first order became the one that it should answer.
    """

    crew: Crew
    condition: Condition
    until: datetime
    report: CrewReport | None
    heard_at: datetime | None
    turn_at: datetime | None
    orders: tuple[Order, ...]


def standings(
    present: Present, district: District, settings: DispatchSettings
) -> dict[str, Standing]:
    """How every crew of the district stands at `present.now`, in the district's order."""
    orders: dict[str, list[Order]] = {crew: [] for crew in district.crews}
    for order in present.open_orders:
        if order.crew in orders:
            orders[order.crew].append(order)
    found = {}
    for crew in district.crews.values():
        mine = tuple(sorted(orders[crew.id], key=lambda o: (o.seq, o.id)))
        report = present.reports.get(crew.id)
        past = present.past.get(crew.id, CrewPast())
        heard_at = _heard_at(report, past, mine)
        span = shift_at(crew.shifts, district.timezone, present.now)
        end = span[1] if span is not None else present.now
        able = condition(report, span is not None, past, mine, present.now, settings)
        if able == "ready" and crew.id in present.overrides.held:
            able = "held"
        found[crew.id] = Standing(
            crew=crew,
            condition=able,
            until=min(end, present.now + timedelta(hours=settings.horizon_h)),
            report=report,
            heard_at=heard_at,
            turn_at=_latest([mine[0].issued_at, past.ended_at]) if mine else None,
            orders=mine,
        )
    return found


def _heard_at(
    report: CrewReport | None, past: CrewPast, orders: Iterable[Order]
) -> datetime | None:
    said = [report.ts if report is not None else None, past.heard_at]
    for order in orders:
        said += [order.accepted_at, order.started_at]
    return _latest(said)


def condition(
    report: CrewReport | None,
    on_shift: bool,
    past: CrewPast,
    orders: Iterable[Order],
    now: datetime,
    settings: DispatchSettings,
) -> Condition:
    """Whether a crew can be counted on.

    One of which nothing was ever heard is: it is taken to be at its depot with a full tank
    until it fails to answer. A silent one is again once it says something about an order, or,
    if its vehicle goes on sending positions, after `silent_rest_min`.
    """
    if report is not None and report.state == "broken":
        return "broken"
    if not on_shift or (report is not None and report.state == "off"):
        return "off"
    if past.silent_at is None:
        return "ready"
    said_at = _heard_at(None, past, orders)
    if said_at is not None and said_at > past.silent_at:
        return "ready"
    rested = now - past.silent_at >= timedelta(minutes=settings.silent_rest_min)
    seen = report is not None and report.ts > past.silent_at
    return "ready" if seen and rested else "silent"


def locked(
    standing: Standing, newcomer: bool, *, dry: bool = False, overrides: Overrides | None = None
) -> tuple[Order, ...]:
    """The orders that stay first whatever the plan: what the crew works on or is driving to.

    `newcomer` says that a new want of priority 1 asks for this kind of crew: then only work
    that has begun, or is as urgent, is left alone. `dry` says that the weather keeps water off
    the street: then wet work is only left alone if it has begun. What `overrides` forbid or give
    to another crew stays only if it has begun; a held crew ends what it has begun.
    """
    if standing.condition not in ("ready", "off", "held"):
        return ()
    begun = tuple(order for order in standing.orders if order.state == "started")
    if begun:
        return begun
    first = standing.orders[:1]
    if not first or first[0].state != "accepted" or standing.condition == "held":
        return ()
    if overrides is not None and first[0].depot is None:
        if overrides.releases(standing.crew.id, first[0].place, first[0].treatment):
            return ()
        if overrides.pins(first[0].id):
            return first
    if (first[0].treatment == "return") != (standing.condition == "off"):
        return ()
    if dry and first[0].treatment in WET:
        return ()
    if newcomer and first[0].priority > 1 and first[0].treatment != "refill":
        return ()
    return first


def _latest(times: Iterable[datetime | None]) -> datetime | None:
    return max((at for at in times if at is not None), default=None)
