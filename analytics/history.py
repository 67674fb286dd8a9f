"""The fold over what is stored: in large blocks, by the same functions as live."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from analytics.arrivals import Arrivals
from analytics.fold import Minutes, State, advance
from analytics.happenings import Happenings
from analytics.layout import Layout
from analytics.moments import time_of
from analytics.results import Results
from analytics.settings import AnalyticsSettings
from store.database import Connection
from store.statements import statements

SQL = statements("history")

WARM_UP_MIN = 2 * 1440
"""Worked out before a span, so that means, the background and what is under way are known at its
start: the background remembers a day, and few episodes last two."""
BLOCK_MIN = 1440
"""Minutes worked out at once: a day of 100 stations takes some 100 MB."""


@dataclass(frozen=True, slots=True)
class Block:
    """The minutes after `before` up to `state`, and what went on meanwhile."""

    before: State
    state: State
    minutes: Minutes
    happenings: Happenings


def begin(conn: Connection, minute: int, layout: Layout, settings: AnalyticsSettings) -> State:
    """A state from which to come to `minute`: one that live analytics has kept under the same
    settings not long before, or one that knows nothing, well before."""
    row = conn.execute(
        SQL.checkpoint,
        {
            "after": time_of(minute - WARM_UP_MIN),
            "upto": time_of(minute),
            "fingerprint": layout.fingerprint,
        },
    ).fetchone()
    if row is not None:
        return State.from_bytes(row[0])
    return State.start(minute - WARM_UP_MIN, layout, settings)


def blocks(
    conn: Connection,
    arrivals: Arrivals,
    state: State,
    upto: int,
    layout: Layout,
    settings: AnalyticsSettings,
    *,
    block_min: int = BLOCK_MIN,
) -> Iterator[Block]:
    """Work out the minutes after `state.minute` up to `upto`, block by block.

    Blocks end where whole days of UTC do, so that memory stays flat however long the span.
    """
    while state.minute < upto:
        end = min(upto, (state.minute // block_min + 1) * block_min)
        block = block_of(conn, arrivals, state, end, layout, settings)
        yield block
        state = block.state


def block_of(
    conn: Connection,
    arrivals: Arrivals,
    state: State,
    upto: int,
    layout: Layout,
    settings: AnalyticsSettings,
) -> Block:
    """The minutes after `state.minute` up to `upto`, from what is stored now."""
    happenings = arrivals.happenings(conn, state.minute, upto)
    readings = arrivals.readings(conn, state.minute, upto)
    later, minutes = advance(state, upto, readings, happenings, layout, settings)
    return Block(state, later, minutes, happenings)


def store(
    conn: Connection,
    results: Results,
    block: Block,
    now: datetime,
    doubted: AbstractSet[str] = frozenset(),
) -> set[str]:
    """Write what came of a block, in the caller's transaction; gives the episodes that changed.

    doubted: those that are only waiting to be found again.
    """
    results.store_minutes(conn, block.minutes, block.happenings)
    results.store_foreseen(conn, block.minutes)
    results.store_flags(conn, block.minutes)
    if block.state.minute // 60 > block.before.minute // 60:
        results.store_gains(conn, block.state)
    touched = results.store_episodes(conn, block.minutes, block.state, now, doubted)
    results.store_notices(conn, block.minutes)
    return touched | results.judge_works(conn, block.minutes, block.happenings, now)
