"""Work history out again, and tell what would have been raised beside what was."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from analytics.arrivals import Arrivals
from analytics.fold import State
from analytics.history import blocks
from analytics.layout import Layout
from analytics.moments import minute_at, time_of
from analytics.settings import AnalyticsSettings
from geo.district import District
from roaddust.backtest.account import Finding, Span, stored_account
from roaddust.backtest.comparison import Comparison, compare
from store.database import Connection
from store.statements import statements

SQL = statements("history")

WARM_UP_MIN = 2 * 1440
"""Before the span, so that means, the background and episodes under way are known at its start:
the longest memory but one is a day, and an episode seldom lasts two."""


class NoHistory(Exception):
    """There is nothing stored to work on; the message says what there is."""


class Stopped(Exception):
    """Somebody stopped it before its end."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to work out: `first` and `last` are times, the minutes after one up to the other."""

    district: District
    settings: AnalyticsSettings
    first: datetime
    last: datetime
    operators: int = 1

    def __post_init__(self) -> None:
        if self.last <= self.first:
            raise ValueError(
                f"from {self.first.isoformat()} to {self.last.isoformat()} is backwards: "
                "give the earlier time as --from"
            )


def span_of(conn: Connection, wanted: Wanted) -> Span:
    """The minutes that can be worked out: none after the newest reading. Raises NoHistory."""
    given = {"after": wanted.first, "upto": wanted.last}
    row = conn.execute(SQL.stored_span, given).fetchone()
    assert row is not None
    oldest, newest, inside = row
    zone = wanted.district.timezone
    if oldest is None:
        raise NoHistory("no reading is stored: let the platform run, or play records in by replay")
    if inside is None:
        raise NoHistory(
            f"no reading is stored from {wanted.first.astimezone(zone).isoformat()} to "
            f"{wanted.last.astimezone(zone).isoformat()}: there are readings from "
            f"{oldest.astimezone(zone).isoformat()} to {newest.astimezone(zone).isoformat()}"
        )
    after = int(wanted.first.timestamp()) // 60
    return Span(after, min(int(wanted.last.timestamp()) // 60, minute_at(newest)), zone)


def run_backtest(
    conn: Connection,
    wanted: Wanted,
    stop: threading.Event,
    progress: Callable[[datetime, float], None],
) -> Comparison:
    """Episodes that these settings would have raised, beside those in the store; writes nothing.

    The readings include those that came too late for live results. progress: told the time
    reached and the share done. Raises NoHistory, Stopped.
    """
    span = span_of(conn, wanted)
    layout = Layout.of(wanted.district, wanted.settings)
    finding = Finding(layout, wanted.settings, span)
    begin = span.after - WARM_UP_MIN
    state = State.start(begin, layout, wanted.settings)
    arrivals = Arrivals(wanted.district, layout, with_late=True)
    for block in blocks(conn, arrivals, state, span.upto, layout, wanted.settings):
        finding.take(block)
        at = block.state.minute
        progress(time_of(at), (at - begin) / (span.upto - begin))
        if stop.is_set():
            raise Stopped
    found = compare(stored_account(conn, span), finding.account(), span, operators=wanted.operators)
    conn.rollback()
    return found
