"""Nothing left overnight (事不过夜): a clock for every episode and complaint.

A matter runs over one local day: it is answered by an order or a stated reason, and at the end of
the day it has an outcome, if only that nothing was made of it. What goes on has a new one the next
day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

OBSTACLES = frozenset(
    {"no_crew", "refused", "too_much_water", "unreachable", "not_in_shift", "not_worth", "assigned"}
)
"""Reasons for no order that are no judgement: something is wanted and cannot be done."""


@dataclass(frozen=True, slots=True)
class Matter:
    """One clock; see the table `matters` for what each means."""

    ref: str
    day: date
    kind: str
    place: str | None
    level: int
    since: datetime
    opened_at: datetime
    seen_at: datetime
    due: datetime
    ends_at: datetime
    answered_at: datetime | None = None
    answer: str | None = None
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str | None = None

    @property
    def judged(self) -> bool:
        """Whether the newest answer is that nothing should be done."""
        return self.answer is not None and not is_order(self.answer) and (
            self.answer not in OBSTACLES
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the tables say of a matter's place since it began.

    level: of the episode now. over_at: when the episode ended; withdrawn: it never was.
    begun_at, treated_at: the first work begun, the last treatment done.
    """

    level: int = 0
    over_at: datetime | None = None
    withdrawn: bool = False
    begun_at: datetime | None = None
    treated_at: datetime | None = None


def is_order(answer: str) -> bool:
    """Whether an answer is an order's id, and not the code of a reason."""
    return answer.startswith("O-")


def local_day(at: datetime, timezone: ZoneInfo) -> tuple[date, datetime, datetime]:
    """The local day that a time lies in, and when it begins and ends, in UTC."""
    day = at.astimezone(timezone).date()
    begin, end = (
        datetime.combine(one, time(), timezone).astimezone(UTC)
        for one in (day, day + timedelta(days=1))
    )
    return day, begin, end


def opened(
    ref: str,
    kind: str,
    place: str | None,
    level: int,
    since: datetime,
    known_at: datetime,
    now: datetime,
    timezone: ZoneInfo,
    due_min: tuple[float, float, float],
) -> Matter:
    """A new clock. It runs from when the matter could be known, or from the start of the day."""
    day, begins_at, ends_at = local_day(now, timezone)
    opened_at = min(max(known_at, begins_at), now)
    # A matter that goes on from the day before is due as late after the start of its new day.
    due = max(since, begins_at) + timedelta(minutes=due_min[max(level, 1) - 1])
    return Matter(ref, day, kind, place, level, since, opened_at, now, due, ends_at)


def moved_on(matter: Matter, evidence: Evidence, said: str | None, now: datetime) -> Matter:
    """The matter as it stands at `now`; `said` is what the plan in force answers to it."""
    if evidence.level > matter.level:
        matter = replace(matter, level=evidence.level)
    if said is not None and said != matter.answer:
        matter = replace(matter, answer=said, answered_at=matter.answered_at or now)
    if matter.begun_at is None and evidence.begun_at is not None:
        matter = replace(matter, begun_at=max(evidence.begun_at, matter.opened_at))
    outcome = _outcome(matter, evidence)
    if outcome is None and now >= matter.ends_at:
        return replace(matter, ended_at=matter.ends_at, outcome=_at_the_end(matter))
    if outcome is not None:
        at = _at(matter, evidence)
        return replace(matter, ended_at=min(max(at, matter.opened_at), now), outcome=outcome)
    return matter


def _outcome(matter: Matter, evidence: Evidence) -> str | None:
    if evidence.withdrawn:
        return "withdrawn"
    if matter.kind == "complaint":
        if matter.place is None:
            return "nowhere"
        return "treated" if evidence.treated_at is not None else None
    if evidence.over_at is None:
        return None
    return "treated" if evidence.treated_at is not None else "subsided"


def _at(matter: Matter, evidence: Evidence) -> datetime:
    found = evidence.treated_at if matter.kind == "complaint" else evidence.over_at
    return found or matter.seen_at


def _at_the_end(matter: Matter) -> str:
    return "reason" if matter.judged else "not_made"


def answers(
    at_place: Mapping[str, str], against: Mapping[str, str], complaints: Mapping[str, str | None]
) -> dict[str, str]:
    """What a plan answers to complaints: the order at each place, or the code against one.

    complaints: places by ref.
    """
    said = {}
    for ref, place in complaints.items():
        answer = "nowhere" if place is None else at_place.get(place) or against.get(place)
        if answer is not None:
            said[ref] = answer
    return said
