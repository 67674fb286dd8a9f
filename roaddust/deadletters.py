"""Dead letters for people: look at them, and send them again after a fix."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from roaddust.publisher import Publisher
from store.database import Connection
from store.statements import statements

SQL = statements("deadletters")


class NoSuchLetter(LookupError):
    """There is no dead letter with this number."""


class Letter(NamedTuple):
    """A dead letter; `payload` is the message, or the item of it, as it came."""

    id: int
    received_at: datetime
    reason: str
    topic: str
    part: int | None
    detail: str
    retried_at: datetime | None
    payload: bytes


def newest(conn: Connection, *, reason: str | None, limit: int) -> list[tuple[Any, ...]]:
    """Rows without the payload: id, received_at, reason, topic, part, detail, retried_at."""
    return conn.execute(SQL.list, {"reason": reason, "limit": limit}).fetchall()


def letter(conn: Connection, number: int) -> Letter:
    """One letter, whole; raises NoSuchLetter."""
    row = conn.execute(SQL.show, {"id": number}).fetchone()
    if row is None:
        raise NoSuchLetter(f"no dead letter {number}; `roaddust dead-letters list` shows them")
    return Letter(*row)


def retry(
    conn: Connection, publisher: Publisher, numbers: Iterable[int], now: datetime
) -> list[int]:
    """Publish letters again to where they came from, and note when; commits.

    What is refused again is the same letter again. Raises NoSuchLetter before anything is sent.
    """
    letters = [letter(conn, number) for number in numbers]
    for one in letters:
        publisher.say(one.topic, one.payload).wait_for_publish(timeout=30)
        conn.execute(SQL.retried, {"id": one.id, "now": now})
        conn.commit()
    return [one.id for one in letters]
