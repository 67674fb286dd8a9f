"""When a crew is at work: its local shifts as spans of time."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from geo.district import Shift

Span = tuple[datetime, datetime]


def shift_at(shifts: Iterable[Shift], timezone: ZoneInfo, now: datetime) -> Span | None:
    """The shift that `now` lies in as (start, end) in UTC, end excluded; None when off.

    Shifts that touch or overlap are one. A shift that ends at or before its start ends on the
    next day, so one that begins and ends at the same time lasts a day.
    """
    current: Span | None = None
    for start, end in _merged(shifts, timezone, now):
        if start <= now < end:
            current = (start, end)
    return current


def hours_a_day(shifts: Iterable[Shift]) -> float:
    """Hours of a day that at least one of the shifts covers."""
    return len(_covered(shifts)) / 60


def share_over(shifts: Iterable[Shift], local: datetime) -> float:
    """How much of the hours that the shifts cover in a day is over at a local time; 1 if all."""
    covered = _covered(shifts)
    now = local.hour * 60 + local.minute
    return sum(minute < now for minute in covered) / len(covered) if covered else 1.0


def _covered(shifts: Iterable[Shift]) -> set[int]:
    """The minutes of the day that they cover."""
    minutes: set[int] = set()
    for shift in shifts:
        start = shift.start.hour * 60 + shift.start.minute
        end = shift.end.hour * 60 + shift.end.minute
        if end <= start:
            end += 24 * 60
        minutes.update(minute % (24 * 60) for minute in range(start, end))
    return minutes


def _merged(shifts: Iterable[Shift], timezone: ZoneInfo, now: datetime) -> list[Span]:
    today = now.astimezone(timezone).date()
    spans: list[Span] = []
    for offset in (-1, 0, 1):
        day = today + timedelta(days=offset)
        for shift in shifts:
            last = day if shift.end > shift.start else day + timedelta(days=1)
            spans.append(
                (
                    datetime.combine(day, shift.start, timezone).astimezone(UTC),
                    datetime.combine(last, shift.end, timezone).astimezone(UTC),
                )
            )
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
