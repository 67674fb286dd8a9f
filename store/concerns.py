"""Saying that somebody sees to a concern, so that the chain of roles waits."""

from datetime import datetime

from psycopg.types.json import Jsonb

from store.database import Connection
from store.statements import statements

SQL = statements("life")


class NotOpen(ValueError):
    """There is no such concern, it is resolved, or somebody has taken it already."""


def take(conn: Connection, concern: int, by: str, at: datetime) -> None:
    """Let `by` see to it from `at` on; the caller commits. Raises NotOpen."""
    if conn.execute(SQL.take_concern, {"id": concern, "by": by, "at": at}).fetchone() is None:
        raise NotOpen(f"concern {concern} is not open, or somebody sees to it already")
    line = {"concern": concern, "at": at, "actor": by, "event": "taken", "role": None}
    conn.execute(SQL.log_escalation, {**line, "detail": Jsonb({})})
