"""A crew's shift as bars: what truly happened up to now, what the plan has after it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise, zip_longest
from typing import Any, Literal
from zoneinfo import ZoneInfo

Kind = Literal["drive", "work", "refill", "standing", "off", "broken"]
Span = tuple[datetime, datetime]

MUST = 3
"""Lowest priority of a must."""
SHORTEST = timedelta(seconds=20)
"""What lasts less is not drawn."""
STATES: Mapping[str | None, Kind] = {
    "driving": "drive",
    "working": "work",
    "refilling": "refill",
    "idle": "standing",
    "off": "off",
    "broken": "broken",
}
OPEN = frozenset({"sent", "accepted", "started"})


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of a crew's time. `order` is what is done, or driven to; `start` of a planned one
    is its `eta`, or later where the crew is behind its plan; `late`: begun, or to be begun, after
    it was due."""

    kind: Kind
    start: datetime
    end: datetime
    planned: bool
    order: str | None = None
    late: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """What a vehicle said it did, from its first word of it to its last."""

    state: str | None
    since: datetime
    until: datetime


def bars(orders: Sequence[Mapping[str, Any]], runs: Sequence[Run], now: datetime) -> list[Bar]:
    """The bars of one crew in order of time; none overlaps another.

    orders: rows of the table, those ended and those open. runs: in order of time.
    """
    past = _worked(orders, now)
    driven = _between(runs, past, now)
    done = [*past, *_named(driven, orders)]
    return sorted([*done, *planned(orders, now)], key=lambda bar: (bar.start, bar.end))


def _worked(orders: Iterable[Mapping[str, Any]], now: datetime) -> list[Bar]:
    """Work that was begun, as long as it truly took."""
    found = []
    for order in orders:
        begun = order["started_at"]
        if begun is None or order["treatment"] == "return":
            continue
        ended = min(order["ended_at"] or now, now)
        if ended > begun:
            kind: Kind = "refill" if order["treatment"] == "refill" else "work"
            found.append(Bar(kind, begun, ended, False, order["id"], is_late(order, begun)))
    found.sort(key=lambda bar: (bar.start, bar.end))
    # Two that were never ended one by one are drawn one after the other.
    return [replace(bar, end=min(bar.end, after.start)) for bar, after in pairwise(found)] + found[
        -1:
    ]


def _between(runs: Sequence[Run], work: Sequence[Bar], now: datetime) -> list[Bar]:
    """What the vehicle did when no order was worked on, by its own word."""
    bridged = [
        replace(run, until=after.since) if after.since - run.until <= timedelta(minutes=5) else run
        for run, after in pairwise(runs)
    ] + [*runs[-1:]]
    found = []
    for run in bridged:
        kind = STATES.get(run.state)
        if kind is None:
            continue
        for start, end in _without(run.since, min(run.until, now), work):
            if end - start >= SHORTEST:
                found.append(Bar(kind, start, end, False))
    return found


def _without(start: datetime, end: datetime, work: Sequence[Bar]) -> list[Span]:
    """What is left of a span when the bars are taken out."""
    left = []
    for bar in work:
        if bar.end <= start or bar.start >= end:
            continue
        if bar.start > start:
            left.append((start, bar.start))
        start = max(start, bar.end)
    if start < end:
        left.append((start, end))
    return left


def _named(driven: Iterable[Bar], orders: Sequence[Mapping[str, Any]]) -> list[Bar]:
    """Drives with the order that they led to."""
    begun = sorted(
        (order["started_at"], order["id"]) for order in orders if order["started_at"] is not None
    )
    coming = next((order["id"] for order in _in_turn(orders) if order["state"] != "started"), None)
    named = []
    for bar in driven:
        if bar.kind == "drive":
            led_to = next((id_ for at, id_ in begun if at >= bar.end), coming)
            bar = replace(bar, order=led_to)
        named.append(bar)
    return named


def _in_turn(orders: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    standing = [order for order in orders if order["state"] in OPEN]
    return sorted(standing, key=lambda o: (o["state"] != "started", o["seq"], o["id"]))


def planned(orders: Iterable[Mapping[str, Any]], now: datetime) -> list[Bar]:
    """What is to come of a crew: each order at its time, or when the one before it lets go."""
    found = []
    free = now
    for order in _in_turn(orders):
        lasts = timedelta(minutes=order["minutes"])
        kind: Kind = "refill" if order["treatment"] == "refill" else "work"
        if order["state"] == "started":
            ends = max(order["started_at"] + lasts, now)
            late = is_late(order, order["started_at"])
            if ends > now:
                found.append(Bar(kind, now, ends, True, order["id"], late))
            free = ends
            continue
        begins = max(order["eta"], free)
        if begins > free:
            found.append(Bar("drive", free, begins, True, order["id"]))
        if order["treatment"] != "return" and lasts:
            late = is_late(order, begins)
            found.append(Bar(kind, begins, begins + lasts, True, order["id"], late))
        free = begins + lasts
    return found


def is_late(order: Mapping[str, Any], begins: datetime) -> bool:
    """Whether a must begins after it was due."""
    due = order["due"]
    return due is not None and order["priority"] <= MUST and begins > due


def water_ahead(
    orders: Iterable[Mapping[str, Any]], water_l: float | None, tank_l: float, now: datetime
) -> list[tuple[datetime, float]]:
    """The tank as the plan has it from now on: corners of a line, litres."""
    if water_l is None or tank_l <= 0:
        return []
    by_id = {order["id"]: order for order in orders}
    corners = [(now, water_l)]
    for bar in planned(by_id.values(), now):
        if bar.kind not in ("work", "refill") or bar.order is None:
            continue
        order = by_id[bar.order]
        corners.append((bar.start, water_l))
        if bar.kind == "refill":
            water_l = tank_l
        else:
            whole = timedelta(minutes=order["minutes"]) or timedelta(seconds=1)
            share = min(1.0, (bar.end - bar.start) / whole)
            water_l = max(0.0, water_l - share * order["water_l"])
        corners.append((bar.end, water_l))
    return corners


def shift_spans(
    shifts: Iterable[str], zone: ZoneInfo, since: datetime, until: datetime
) -> list[Span]:
    """The shifts ("06:00-14:00", local) that touch the span, as times; touching ones are one."""
    spans: list[Span] = []
    day = since.astimezone(zone).date() - timedelta(days=1)
    while day <= until.astimezone(zone).date():
        for shift in shifts:
            start, end = (_clock(text) for text in shift.split("-"))
            last = day if end > start else day + timedelta(days=1)
            span = tuple(
                datetime.combine(at_day, at, zone).astimezone(UTC)
                for at_day, at in ((day, start), (last, end))
            )
            if span[0] < until and span[1] > since:
                spans.append((span[0], span[1]))
        day += timedelta(days=1)
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span[0] <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(span[1], merged[-1][1]))
        else:
            merged.append(span)
    return merged


def _clock(text: str) -> time:
    return time(0) if text.startswith("24") else time.fromisoformat(text)


def bands(
    plans: Sequence[Mapping[str, Any]], since: datetime, until: datetime
) -> list[tuple[datetime, datetime, str]]:
    """When the weather kept water off the street, by the plans in order of time."""
    found: list[tuple[datetime, datetime, str]] = []
    for plan, after in zip_longest(plans, plans[1:]):
        end = after["issued_at"] if after else until
        start, code = max(plan["issued_at"], since), plan["weather"]
        if code is None or end <= start:
            continue
        if found and found[-1][1:] == (start, code):
            found[-1] = (found[-1][0], end, code)
        else:
            found.append((start, end, code))
    return found
