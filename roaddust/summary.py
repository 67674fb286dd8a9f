"""A run in figures."""

import hashlib
from typing import Any

from store.database import Connection
from store.statements import statements

SQL = statements("summary")


def summary(conn: Connection) -> dict[str, Any]:
    """What is in the store, counted; `digests` are equal for two runs exactly when every episode
    and every plan is equal, byte for byte."""
    counts = conn.execute(SQL.counts).fetchone()
    assert counts is not None
    readings, events, reports, dead, plans, newest = counts
    episodes: dict[str, dict[str, int]] = {}
    for state, level, count in conn.execute(SQL.episodes_by_state_and_level).fetchall():
        episodes.setdefault(state, {})[f"level {level}"] = count
    unanswered = conn.execute(SQL.episodes_without_answer).fetchone()
    return {
        "readings_stored": readings,
        "newest_reading": newest.isoformat() if newest else None,
        "events_stored": events,
        "reports_stored": reports,
        "dead_letters": dead,
        "dead_letters_by_reason": _table(conn, SQL.dead_letters_by_reason),
        "episodes": episodes,
        "episodes_without_order_or_reason_in_5_min": unanswered[0] if unanswered else 0,
        "plans": plans,
        "orders": _table(conn, SQL.orders_by_state),
        "orders_done_by_treatment": _table(conn, SQL.orders_by_treatment),
        "verdicts": _table(conn, SQL.verdicts_by_outcome),
        "digests": {
            "episodes": _digest(conn, SQL.every_episode),
            "plans": _digest(conn, SQL.every_plan),
        },
    }


def _table(conn: Connection, query: bytes) -> dict[str, int]:
    return dict(conn.execute(query).fetchall())


def _digest(conn: Connection, query: bytes) -> str:
    digest = hashlib.sha256()
    for (line,) in conn.execute(query):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()
