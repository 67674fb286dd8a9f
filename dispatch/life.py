"""The life of an order: what a crew's words and its silence change, as data."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dispatch.crews import Standing
from dispatch.facts import Order
from dispatch.overrides import Overrides
from dispatch.settings import WET, DispatchSettings
from dispatch.words import Reason, Words, other

OPEN = frozenset({"sent", "accepted", "started"})

_FOLLOWS: dict[str, frozenset[str]] = {
    "accepted": frozenset({"sent"}),
    "refused": frozenset({"sent", "accepted"}),
    # Work that was begun or done is a fact, whatever the platform had decided meanwhile.
    "started": frozenset({"sent", "accepted", "withdrawn", "silent"}),
    "done": frozenset({"sent", "accepted", "started", "withdrawn", "silent"}),
    "failed": frozenset({"sent", "accepted", "started"}),
}


@dataclass(frozen=True, slots=True)
class Progress:
    """A crew's word about an order."""

    id: int
    crew: str
    order: str
    event: str
    ts: datetime
    reason: str | None = None
    water_l: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of an order: its new row, and what its log says."""

    order: Order
    actor: str
    event: str
    at: datetime
    reason: str | None = None
    water_l: float | None = None


def told(order: Order, progress: Progress) -> Change | None:
    """What a crew's word makes of its order; None for a repeat, a contradiction or a stranger.

    Words may come twice, late and out of order: "accepted" after "started" changes nothing.
    """
    if progress.crew != order.crew or order.state not in _FOLLOWS[progress.event]:
        return None
    at = progress.ts
    if progress.event == "accepted":
        order = replace(order, state="accepted", accepted_at=at)
    elif progress.event == "started":
        order = replace(order, state="started", started_at=at, ended_at=None,
                        outcome=None, outcome_also=None)  # fmt: skip
    else:
        outcome = None if progress.event == "done" else progress.reason
        order = replace(order, state=progress.event, ended_at=at, outcome=outcome,
                        outcome_also=None)  # fmt: skip
    return Change(order, progress.crew, progress.event, at, progress.reason, progress.water_l)


def unanswered(
    standing: Standing,
    now: datetime,
    settings: DispatchSettings,
    words: Words,
) -> list[Change]:
    """What a crew's silence makes of its orders.

    The order whose turn it is must be answered in `answer_min`; accepted, begun within
    `start_grace_min` of its arrival; begun, ended within as much of when it should have been.
    A crew that reports its position and stops doing so at work is not waited for.
    A broken vehicle has failed what it had begun.
    """
    begun = [order for order in standing.orders if order.state == "started"]
    if standing.condition == "broken":
        return [_end(order, "failed", now, words.say("broken")) for order in begun]
    current = begun or list(standing.orders[:1])
    changes = []
    for order in current:
        since = standing.turn_at or order.issued_at
        if outcome := _overdue(order, since, standing, now, settings, words):
            changes.append(_end(order, "silent", now, outcome))
    return changes


def reminders(standing: Standing, now: datetime, settings: DispatchSettings) -> list[Change]:
    """The order that a crew should have answered by now and is told of once more."""
    if standing.condition != "ready" or not standing.orders:
        return []
    order = standing.orders[0]
    if order.state != "sent" or any(one.state == "started" for one in standing.orders):
        return []
    waits = now - (standing.turn_at or order.issued_at)
    if order.reminded_at is not None or waits < timedelta(minutes=settings.limits.remind_min):
        return []
    return [Change(replace(order, reminded_at=now), "dispatch", "reminded", now)]


def _overdue(
    order: Order,
    since: datetime,
    standing: Standing,
    now: datetime,
    settings: DispatchSettings,
    words: Words,
) -> str | None:
    grace = timedelta(minutes=settings.start_grace_min)
    if order.state == "sent":
        late = now - since >= timedelta(minutes=settings.answer_min)
        return words.say("silent", minutes=settings.answer_min) if late else None
    unheard = timedelta(minutes=settings.unheard_min)
    if standing.report and standing.heard_at and now - standing.heard_at >= unheard:
        return words.say("unheard")
    if order.state == "started":
        assert order.started_at is not None
        ends_at = order.started_at + timedelta(minutes=order.minutes)
        return words.say("not_ended") if now > ends_at + grace else None
    accepted_at = order.accepted_at or order.issued_at
    if now > max(order.eta, accepted_at, since) + grace:
        return words.say("not_begun")
    return None


def withdrawals(
    standings: Iterable[Standing],
    plan: Iterable[Order],
    now: datetime,
    words: Words,
    weather: Reason | None = None,
    overrides: Overrides = Overrides(),  # noqa: B008 (frozen, empty)
) -> list[Change]:
    """The open orders that the new plan no longer names, each with the reason.

    `weather` is what keeps water off the street, if anything does; `overrides` are what people
    have decided.
    """
    kept: set[str] = set()
    taken_by: dict[tuple[str, str], str] = {}
    for order in plan:
        kept.add(order.id)
        taken_by[order.place, order.treatment] = order.crew
    changes = []
    for standing in standings:
        for order in standing.orders:
            if order.id in kept:
                continue
            reason: str
            taken = taken_by.get((order.place, order.treatment))
            if standing.condition == "broken":
                reason = words.say("broken")
            elif standing.condition == "off":
                reason = words.say("shift_over")
            elif standing.condition == "held":
                reason = words.say("crew_held")
            elif order.depot is None and (
                against := overrides.forbids(order.place, order.treatment)
            ):
                reason = words.say("forbidden_now", who=against.given_by)
            elif taken is not None and order.depot is None:
                reason = words.say("moved", crew=taken)
            elif weather is not None and order.treatment in WET:
                reason = weather.text
            else:
                reason = words.say("replaced")
            changes.append(_end(order, "withdrawn", now, reason))
    return changes


def _end(order: Order, state: str, now: datetime, outcome: str) -> Change:
    also = other(outcome)
    ended = replace(order, state=state, ended_at=now, outcome=outcome, outcome_also=also)
    return Change(ended, "dispatch", state, now, outcome)
