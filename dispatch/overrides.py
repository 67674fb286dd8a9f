"""What people have decided against the plan: data that every later plan respects.

pin     an order stays with its crew and is done, whatever else comes up
forbid  a place gets no treatment, or not this one
assign  a treatment of a place is for one crew
hold    a crew gets no orders; what it has begun it ends
add     a treatment of a place is asked for, though nothing else asks
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

Kind = Literal["pin", "forbid", "assign", "hold", "add"]
Key = tuple[str, str]
"""Place and treatment."""


@dataclass(frozen=True, slots=True)
class Override:
    """One decision that holds; see the table `overrides`."""

    id: int
    kind: Kind
    place: str | None
    treatment: str | None
    crew: str | None
    order: str | None
    priority: int | None
    due: datetime | None
    why: str
    given_by: str
    given_at: datetime
    until: datetime


@dataclass(frozen=True)
class Overrides:
    """All that hold now, oldest first: of two about the same thing the newer one counts."""

    all: tuple[Override, ...] = ()

    @cached_property
    def held(self) -> frozenset[str]:
        """Crews that get no orders."""
        return frozenset(one.crew for one in self.all if one.kind == "hold" and one.crew)

    @cached_property
    def crews(self) -> Mapping[Key, str]:
        """The one crew for each treatment of a place that was given to one."""
        return {
            (one.place, one.treatment): one.crew
            for one in self.all
            if one.kind != "hold" and one.place and one.treatment and one.crew
        }

    @cached_property
    def asked(self) -> tuple[Override, ...]:
        """What people want done: pinned orders and added ones."""
        return tuple(one for one in self.all if one.kind in ("pin", "add"))

    def forbids(self, place: str, treatment: str | None) -> Override | None:
        """The newest decision against a treatment of a place, or against all of it for None.

        What somebody asked for after that is allowed again.
        """
        found = None
        for one in self.all:
            if one.place != place:
                continue
            if one.kind == "forbid" and one.treatment in (None, treatment):
                found = one
            elif one.kind in ("pin", "add") and one.treatment == treatment:
                found = None
        return found

    def others(self, place: str, treatment: str, crews: Collection[str]) -> frozenset[str]:
        """The crews that are not to be asked, because another one was named."""
        crew = self.crews.get((place, treatment))
        return frozenset() if crew is None else frozenset(crews) - {crew}

    def releases(self, crew: str, place: str, treatment: str) -> bool:
        """Whether a crew's order, not yet begun, is not to be gone on with."""
        if self.forbids(place, treatment):
            return True
        named = self.crews.get((place, treatment))
        return named is not None and named != crew

    def pins(self, order: str) -> bool:
        """Whether an order is pinned."""
        return any(one.kind == "pin" and one.order == order for one in self.all)


def holding(overrides: Iterable[Override], now: datetime) -> Overrides:
    """Those that hold at `now`."""
    mine = [one for one in overrides if one.given_at <= now < one.until]
    return Overrides(tuple(sorted(mine, key=lambda one: (one.given_at, one.id))))
