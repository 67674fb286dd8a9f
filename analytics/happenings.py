"""What else was going on: flags of cameras and drones, trucks, and our own crews at work."""

from collections.abc import Sequence
from dataclasses import dataclass

SILENT_MIN = 300
"""A crew that has said nothing of a treatment for so long is no longer believed to be at it."""


@dataclass(frozen=True, slots=True)
class Event:
    """A camera or drone flag, placed: `segment` and `site` are ids or None."""

    minute: int
    kind: str
    segment: str | None
    site: str | None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Work:
    """A crew's treatment as it reported it; `end` is None while it lasts."""

    order: str
    crew: str
    treatment: str
    segment: str | None
    site: str | None
    start: int
    end: int | None
    done: bool

    def told_by(self, minute: int) -> bool:
        """Whether it has begun by then, and been heard of lately: what was known in that minute,
        however much more is known now."""
        ended = self.end is not None and self.end <= minute
        last = self.end if ended and self.end is not None else self.start
        return minute - SILENT_MIN < last and self.start <= minute


@dataclass(frozen=True, slots=True)
class Happenings:
    """Everything from an hour before the minutes in question on; sorted by minute and start."""

    events: Sequence[Event] = ()
    works: Sequence[Work] = ()
