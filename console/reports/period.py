"""Which days a report is of: a local day, a week from Monday, a month."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal, get_args

Kind = Literal["day", "week", "month"]
KINDS: tuple[Kind, ...] = get_args(Kind)
EARLIEST, LATEST = date(1970, 1, 2), date(2199, 1, 1)
"""Days outside of these have no place in the database's calendar of ours."""


@dataclass(frozen=True, slots=True)
class Period:
    """Local days from `first` up to, not including, `last`. kind: as named, or `span` for any."""

    kind: Literal["day", "week", "month", "span"]
    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days

    @property
    def each_day(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range(self.days)]

    def since(self, zone: tzinfo) -> datetime:
        """When it begins, UTC."""
        return datetime.combine(self.first, time(), zone).astimezone(UTC)

    def until(self, zone: tzinfo) -> datetime:
        """When it is over, UTC."""
        return datetime.combine(self.last, time(), zone).astimezone(UTC)

    @property
    def before(self) -> "Period":
        """The one of its kind before it."""
        if self.kind == "span":
            return Period("span", self.first - timedelta(days=self.days), self.first)
        return period(self.kind, self.first - timedelta(days=1))

    @property
    def last_year(self) -> "Period":
        """The same a year before: of days and weeks 52 weeks ago, so that weekdays agree."""
        if self.kind == "month":
            return period("month", date(self.first.year - 1, self.first.month, 1))
        back = timedelta(weeks=52)
        return Period(self.kind, self.first - back, self.last - back)


def period(kind: Kind, day: date) -> Period:
    """The day, week or month that `day` lies in. Raises ValueError far outside of our times."""
    if not EARLIEST <= day <= LATEST:
        raise ValueError(f"{day}: give a day from {EARLIEST} to {LATEST}")
    if kind == "day":
        return Period(kind, day, day + timedelta(days=1))
    if kind == "week":
        monday = day - timedelta(days=day.weekday())
        return Period(kind, monday, monday + timedelta(days=7))
    first = day.replace(day=1)
    return Period(kind, first, (first + timedelta(days=31)).replace(day=1))


def newest_over(kind: Kind, today: date) -> Period:
    """The last one of its kind that is over on `today`."""
    return period(kind, today).before
