"""Who is called for what: trouble that stands, and the chain of roles that hear of it.

What stands is worked out afresh in every step from the tables, so that no word that went missing
can leave trouble untold. What is new is opened, what stands no longer is resolved, and for the
rest the limits run.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from dispatch.limits import Limits

Key = tuple[str, str]
"""Kind and subject: of each at most one stands."""


@dataclass(frozen=True, slots=True)
class Concern:
    """Trouble, and how far it has been told; see the table `concerns`."""

    kind: str
    subject: str
    why: str
    also: str
    since: datetime
    crew: str | None = None
    place: str | None = None
    ref: str | None = None
    id: int = 0
    role: str | None = None
    called_at: datetime | None = None
    reminded_at: datetime | None = None
    taken_at: datetime | None = None
    shelved_until: datetime | None = None

    @property
    def key(self) -> Key:
        return self.kind, self.subject


@dataclass(frozen=True, slots=True)
class Call:
    """A word to a role: the first time "called", else "reminded"."""

    concern: Concern
    event: Literal["called", "reminded"]
    role: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sorted:
    """What is to be done about concerns: opened, resolved, and looked at further."""

    new: tuple[Concern, ...]
    gone: tuple[Concern, ...]
    standing: tuple[Concern, ...]


def sort(standing: Iterable[Concern], told: Iterable[Concern]) -> Sorted:
    """Hold what stands against what is open in the tables; of one kind and subject the first."""
    now: dict[Key, Concern] = {}
    for concern in standing:
        now.setdefault(concern.key, concern)
    known = {concern.key: concern for concern in told}
    return Sorted(
        new=tuple(concern for key, concern in now.items() if key not in known),
        gone=tuple(concern for key, concern in known.items() if key not in now),
        standing=tuple(concern for key, concern in known.items() if key in now),
    )


def call(concern: Concern, now: datetime, limits: Limits) -> Call | None:
    """Whom to call at `now`, if anybody: one word at a time, so a long outage is no avalanche."""
    if concern.taken_at is not None and now < concern.taken_at + _minutes(limits.taken_min):
        return None
    if concern.shelved_until is not None and now < concern.shelved_until:
        return None
    if concern.role is None or concern.called_at is None:
        if now < concern.since + _minutes(limits.patience_min[concern.kind]):
            return None
        return _call(concern, "called", _first(concern, limits), now)
    limit = _minutes(limits.role_min.get(concern.role, min(limits.role_min.values())))
    last = concern.role not in limits.roles[:-1]
    words = (concern.called_at, concern.taken_at, concern.shelved_until)
    heard_at = max(at for at in words if at is not None)
    if now >= heard_at + limit and not last:
        return _call(concern, "called", _next(concern.role, limits), now)
    if last:
        again = max(heard_at, concern.reminded_at or heard_at) + limit
        return _call(concern, "reminded", concern.role, now) if now >= again else None
    reminded = concern.reminded_at is not None and concern.reminded_at >= heard_at
    if not reminded and now >= heard_at + limit * limits.reminder_share:
        return _call(concern, "reminded", concern.role, now)
    return None


def _first(concern: Concern, limits: Limits) -> str:
    role = limits.first_role[concern.kind]
    if role == "crew_leader" and concern.crew is None:
        return _next(role, limits)
    return role


def _next(role: str, limits: Limits) -> str:
    at = limits.roles.index(role) + 1
    return limits.roles[min(at, len(limits.roles) - 1)]


def _call(concern: Concern, event: Literal["called", "reminded"], role: str, now: datetime) -> Call:
    if event == "called":
        concern = replace(concern, role=role, called_at=now)
    else:
        concern = replace(concern, reminded_at=now)
    return Call(concern, event, role, now)


def _minutes(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)
