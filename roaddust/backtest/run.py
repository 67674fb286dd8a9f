"""Work history out again, and tell what would have been raised beside what was."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from analytics.arrivals import Arrivals
from analytics.history import Block, begin, blocks
from analytics.layout import Layout
from analytics.moments import minute_at, time_of
from analytics.rewriting import Rewriting
from analytics.settings import AnalyticsSettings
from geo.district import District
from roaddust.backtest.account import Finding, Span, stored_account
from roaddust.backtest.comparison import Comparison, compare
from store.database import Connection
from store.statements import statements

SQL = statements("history")


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
    *,
    write_at: datetime | None = None,
) -> Comparison:
    """Episodes that these settings would have raised, beside those in the store.

    The readings include those that came too late for live results. progress: told the time
    reached and the share done. write_at: the present time, if what is found is to replace what
    is stored of the span; the comparison is then with what was stored before. Otherwise nothing
    is written. Raises NoHistory, Stopped, Refused.
    """
    try:
        return _run(conn, wanted, stop, progress, write_at)
    finally:
        conn.rollback()


def _run(
    conn: Connection,
    wanted: Wanted,
    stop: threading.Event,
    progress: Callable[[datetime, float], None],
    write_at: datetime | None,
) -> Comparison:
    span, settings = span_of(conn, wanted), wanted.settings
    layout = Layout.of(wanted.district, settings)
    writing = None
    if write_at is not None:
        writing = Rewriting(conn, layout, settings, span.after, span.upto, write_at)
        writing.prepare()
    stored = stored_account(conn, span)
    finding = Finding(layout, settings, span)
    arrivals = Arrivals(wanted.district, layout, with_late=True)
    state = begin(conn, span.after, layout, settings)
    first = state.minute
    finding.begin(state)

    def worked(upto: int) -> Iterator[Block]:
        for block in blocks(conn, arrivals, state, upto, layout, settings):
            finding.take(block)
            yield block
            at = block.state.minute
            progress(time_of(at), (at - first) / (span.upto - first))
            if stop.is_set():
                raise Stopped

    for block in worked(span.after):
        state = block.state
    if writing is not None:
        writing.begin(state)
    for block in worked(span.upto):
        if writing is not None:
            writing.store(block)
        state = block.state
    if writing is not None:
        writing.finish(state)
    return compare(stored, finding.account(), span, operators=wanted.operators)
