"""Shifts are local times, over midnight too."""

import datetime as dt
from zoneinfo import ZoneInfo

from dispatch.shifts import hours_a_day, share_over, shift_at
from geo.district import Shift

SHENZHEN = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def shift(start: str, end: str) -> Shift:
    """A shift from texts like "06:00"."""
    return Shift(dt.time.fromisoformat(start), dt.time.fromisoformat(end))


def utc(text: str) -> dt.datetime:
    """A time in UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def test_day_shift_in_utc() -> None:
    """06:00 to 14:00 in Shenzhen is 22:00 of the day before to 06:00 in UTC."""
    found = shift_at([shift("06:00", "14:00")], SHENZHEN, utc("2026-03-01T22:00"))
    assert found == (utc("2026-03-01T22:00"), utc("2026-03-02T06:00"))


def test_end_is_excluded() -> None:
    """At 14:00 sharp the shift is over."""
    assert shift_at([shift("06:00", "14:00")], SHENZHEN, utc("2026-03-02T06:00")) is None


def test_night_shift_spans_midnight() -> None:
    """At 02:00 the shift from 22:00 to 06:00 of the evening before is on."""
    found = shift_at([shift("22:00", "06:00")], SHENZHEN, utc("2026-03-01T18:00"))
    assert found == (utc("2026-03-01T14:00"), utc("2026-03-01T22:00"))


def test_shifts_that_touch_are_one() -> None:
    """06:00-14:00 and 14:00-22:00 are one span of sixteen hours."""
    both = [shift("06:00", "14:00"), shift("14:00", "22:00")]
    found = shift_at(both, SHENZHEN, utc("2026-03-02T02:00"))
    assert found == (utc("2026-03-01T22:00"), utc("2026-03-02T14:00"))


def test_night_shift_on_the_short_night() -> None:
    """Where clocks go forward the night shift is an hour shorter."""
    found = shift_at([shift("22:00", "06:00")], BERLIN, utc("2026-03-29T00:00"))
    assert found is not None
    assert found[1] - found[0] == dt.timedelta(hours=7)


def test_hours_covered_are_counted_once() -> None:
    """Two crews on one shift cover its hours, not twice; a night shift counts in full."""
    assert hours_a_day([shift("06:00", "14:00"), shift("08:00", "16:00")]) == 10
    assert hours_a_day([shift("22:00", "06:00")]) == 8
    assert hours_a_day([shift("00:00", "00:00")]) == 24


def test_share_of_the_days_hours() -> None:
    """Hours off do not count; the small hours of a night shift come first; none are all over."""
    day = [shift("06:00", "10:00"), shift("14:00", "18:00")]
    local = dt.datetime(2026, 3, 2, tzinfo=SHENZHEN)
    shares = [share_over(day, local.replace(hour=h)) for h in (5, 8, 12, 16, 20)]
    assert shares == [0, 0.25, 0.5, 0.75, 1]
    assert share_over([shift("22:00", "06:00")], local.replace(hour=12)) == 0.75
    assert share_over([], local) == 1
