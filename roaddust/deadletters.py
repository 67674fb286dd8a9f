"""Dead letters for people: look at them, and take them in after what was wrong has been put right.

A retry takes the way that every message takes, in this process: the same decoding, the same merge,
the same batch row that wakes the later stages. So nobody needs the right to publish for others,
and what became of a letter is known at once.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Literal, NamedTuple

import psycopg

from ingest.arrivals import Arrival
from ingest.batch import Batch
from ingest.instants import microseconds
from ingest.registry import Registry
from ingest.settings import IngestSettings
from ingest.topics import Topics
from ingest.writing import Written, write
from store.database import Connection
from store.statements import statements

SQL = statements("deadletters")

Became = Literal["stored", "duplicate", "refused", "in_part"]


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


class Retried(NamedTuple):
    """What became of a letter.

    became: `stored`: its records lie in their tables, late of them older than `lateness` and left
    to a backtest; `duplicate`: they lay there already; both end the letter. `refused`: it stays,
    with the new reason. `in_part`: an array of which some items are refused still, each a letter of
    its own now.
    """

    id: int
    became: Became
    stored: int = 0
    late: int = 0
    duplicates: int = 0
    refused: int = 0
    reason: str = ""
    detail: str = ""


def newest(conn: Connection, *, reason: str | None, limit: int) -> list[tuple[Any, ...]]:
    """Rows without the payload: id, received_at, reason, topic, part, detail, retried_at."""
    return conn.execute(SQL.list, {"reason": reason, "limit": limit}).fetchall()


def letter(conn: Connection, number: int) -> Letter:
    """One letter, whole; raises NoSuchLetter."""
    return _found(conn.execute(SQL.show, {"id": number}).fetchone(), number)


def _locked(conn: Connection, number: int) -> Letter:
    """The letter, which nobody else works on until the end of the transaction."""
    return _found(conn.execute(SQL.lock, {"id": number}).fetchone(), number)


def _found(row: tuple[Any, ...] | None, number: int) -> Letter:
    if row is None:
        raise NoSuchLetter(f"no dead letter {number}; `roaddust dead-letters list` shows them")
    return Letter(*row)


def numbers(conn: Connection, *, reason: str | None, topic: str | None) -> list[int]:
    """Of the letters of a reason, and of topics that begin so; the oldest first."""
    found = conn.execute(SQL.numbers, {"reason": reason, "topic": topic}).fetchall()
    return [number for (number,) in found]


class Retry:
    """Takes letters in anew, each in a transaction of its own. Once more does no harm: what is
    stored already is a duplicate."""

    def __init__(self, registry: Registry, settings: IngestSettings) -> None:
        self._topics, self._settings = Topics(registry, settings.items), settings

    def each(self, conn: Connection, wanted: Iterable[int], now: datetime) -> Iterator[Retried]:
        """What becomes of these letters, one after the other; now: the platform's time.

        A number that there is no letter for raises NoSuchLetter when its turn comes.
        """
        conn.commit()
        for number in wanted:
            with conn.transaction():
                retried = self._one(conn, _locked(conn, number), now)
            yield retried

    def _one(self, conn: Connection, one: Letter, now: datetime) -> Retried:
        batch = Batch(self._topics, self._settings, microseconds(now), lockstep=False)
        batch.add(Arrival(one.topic, one.payload, qos=0, mid=0, link=0))
        rows = sum(len(table.rows) for table in batch.tables.values())
        late = rows - sum(table.in_time for table in batch.tables.values())
        if rows + len(batch.letters) == 1:
            return self._single(conn, one, batch, late, now)
        written = write(conn, batch)
        conn.execute(SQL.forget, {"id": one.id})
        return _outcome(one.id, written, late)

    def _single(
        self, conn: Connection, one: Letter, batch: Batch, late: int, now: datetime
    ) -> Retried:
        """A letter that brings one record, or is refused whole: then it stays the same letter."""
        if batch.letters:
            reason, detail = str(batch.letters[0].reason), batch.letters[0].detail
        else:
            written, reason = self._written(conn, batch)
            if not reason:
                conn.execute(SQL.forget, {"id": one.id})
                return _outcome(one.id, written, late)
            detail = _WORDS.get(reason, one.detail)
        conn.execute(
            SQL.refused_again, {"id": one.id, "now": now, "reason": reason, "detail": detail}
        )
        return Retried(one.id, "refused", refused=1, reason=reason, detail=detail)

    @staticmethod
    def _written(conn: Connection, batch: Batch) -> tuple[Written, str]:
        """What was written; or nothing, and why the store refuses it."""
        written, reasons = Written(), list[str]()
        with conn.transaction():
            written = write(conn, batch)
            reasons = [reason for reason, count in written.dead.items() if count]
            if reasons:
                # The letter that was written for it would be a second one for the same item.
                raise psycopg.Rollback
        return written, reasons[0] if reasons else ""


_WORDS = {
    "conflict": "the same identity is stored already with other values; the first one stays",
    "database": "it can be read now, and the database would not take it",
}


def _outcome(number: int, written: Written, late: int) -> Retried:
    """Of a letter that has been written."""
    stored, refused = sum(written.stored.values()), sum(written.dead.values())
    became: Became = "in_part" if refused else "stored" if stored else "duplicate"
    duplicates = sum(written.duplicates.values())
    return Retried(number, became, stored, late, duplicates, refused)
