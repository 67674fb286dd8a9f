"""Between the database's times and the minutes of the fold."""

from datetime import UTC, datetime

from analytics.minutes import minute_of


def time_of(minute: int) -> datetime:
    """The end of a minute, aware and in UTC."""
    return datetime.fromtimestamp(minute * 60, UTC)


def milliseconds(at: datetime) -> int:
    """Since 1970."""
    return round(at.timestamp() * 1000)


def minute_at(at: datetime) -> int:
    """The minute that a time falls in."""
    return minute_of(milliseconds(at))
