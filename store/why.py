"""Why this, and why not that: everything that speaks for and against work at a place at a time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from store.database import Connection
from store.statements import statements

SQL = statements("why")

LANGUAGES = ("zh-CN", "en")


@dataclass(frozen=True, slots=True)
class Why:
    """The answer. `reason` is by language; None in one where it was not kept, and empty where no
    plan has ever weighed the place. The lists are rows of `store/sql/why.sql` as dicts."""

    place: str
    at: datetime
    chosen: bool | None
    treatment: str | None
    reason: dict[str, str | None]
    decision: dict[str, Any] | None
    orders: list[dict[str, Any]]
    overrides: list[dict[str, Any]]
    worths: list[dict[str, Any]]
    matters: list[dict[str, Any]]


def why(conn: Connection, place: str, at: datetime, *, orders: int = 5) -> Why:
    """Why `place`, a segment or a site, was or was not to be treated as of `at` (aware).

    Decisions are kept for a month; orders, their logs and overrides for good.
    """
    asked = {"place": place, "at": at, "limit": orders}
    with conn.cursor(row_factory=dict_row) as cursor:
        decision = cursor.execute(SQL.decision, asked).fetchone()
        found = {
            name: cursor.execute(getattr(SQL, name), asked).fetchall()
            for name in ("orders", "overrides", "worths", "matters")
        }
    reason: dict[str, str | None] = {}
    if decision is not None:
        mine = decision["language"]
        reason = {
            language: decision["reason"] if language == mine else decision["also"]
            for language in LANGUAGES
        }
    return Why(
        place=place,
        at=at,
        chosen=None if decision is None else decision["chosen"],
        treatment=None if decision is None else decision["treatment"],
        reason=reason,
        decision=decision,
        **found,
    )
