"""Times of messages as microseconds since 1970-01-01T00:00Z: one integer to compare and to COPY."""

from datetime import UTC, datetime, timedelta

from ingest.refusals import Refusal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
POSTGRES_EPOCH_US = 946_684_800_000_000
"""2000-01-01, from which PostgreSQL counts in its binary format."""

_MICROSECOND = timedelta(microseconds=1)
_LAST_US = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // _MICROSECOND


def microseconds(time: datetime) -> int:
    """An aware time as microseconds since 1970."""
    since = time - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant(time: datetime | int) -> int:
    """Microseconds of the contract's time: an aware datetime, or milliseconds since 1970.

    Raises Refusal for a time before 1970 or after 9999: no clock says that.
    """
    us = time * 1000 if type(time) is int else microseconds(time)  # type: ignore[arg-type]
    if not 0 <= us <= _LAST_US:
        raise Refusal("time", f"the time {time} lies outside the years 1970 to 9999")
    return us


def aware(us: int) -> datetime:
    """The UTC time of so many microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)
