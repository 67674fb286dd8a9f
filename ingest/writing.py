"""A batch into the tables: by binary COPY, or by a merge where keys repeat.

Everything here happens inside the caller's transaction.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from ingest.batch import Batch, Rows
from ingest.deadletters import DeadLetter
from ingest.instants import aware
from ingest.tables import SQL, TABLES, Kind, Row, Table
from store.database import Connection

_CONFLICT = "the same identity is stored already with other values; the first one stays"


@dataclass(slots=True)
class Written:
    """What became of a batch. stored and duplicates by kind, dead by reason (counted as they
    came, although a redelivered letter is stored once)."""

    stored: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Put:
    """What became of rows: numbers stored, and of those in time; the earliest of these; which were
    in conflict, and which the database refused, saying what."""

    stored: int = 0
    in_time: int = 0
    earliest: datetime | None = None
    conflicts: list[int] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)


def write(conn: Connection, batch: Batch) -> Written:
    """Store rows, dead letters and the batch's own rows, and tell later stages."""
    written = Written()
    changed: list[tuple[Kind, datetime, int]] = []
    letters = list(batch.letters)
    late_before = aware(max(0, batch.late_before_us))
    if batch.forgiven:
        conn.execute(SQL.forget_dead_letters, {"digests": batch.forgiven})
        # Counted as dead when the letter was written.
        written.dead["ahead"] -= len(batch.forgiven)
    for kind, rows in batch.tables.items():
        put = _put(conn, TABLES[kind], rows, late_before)
        written.stored[kind] += put.stored
        bad = len(put.conflicts) + len(put.refused)
        written.duplicates[kind] += len(rows.rows) - put.stored - bad
        letters += _letters(batch, rows, put)
        if put.earliest is not None:
            changed.append((kind, put.earliest, put.in_time))
    _put_letters(conn, letters, aware(batch.now_us))
    written.dead.update(letter.reason for letter in letters)
    if changed:
        kinds, earliest, counts = zip(*changed, strict=True)
        conn.execute(
            SQL.add_batches,
            {
                "stored_at": aware(batch.now_us),
                "kinds": list(kinds),
                "min_ts": list(earliest),
                "rows": list(counts),
            },
        )
    return written


def _put(conn: Connection, table: Table, rows: Rows, late_before: datetime) -> _Put:
    try:
        with conn.transaction():
            _copy(conn, table.copy, table.types, rows.rows)
    except psycopg.Error as error:
        if not _is_about_a_value(error):
            raise
        return _merge(conn, table, list(enumerate(rows.rows)), late_before)
    earliest = None if rows.earliest_us is None else aware(rows.earliest_us)
    return _Put(stored=len(rows.rows), in_time=rows.in_time, earliest=earliest)


def _merge(
    conn: Connection, table: Table, numbered: list[tuple[int, Row]], late_before: datetime
) -> _Put:
    """The plain path, which finds repeats; what the database refuses is found by halving."""
    try:
        with conn.transaction():
            conn.execute(table.stage)
            conn.execute(table.clear_staged)
            staged = [(*row, n) for n, row in numbered]
            _copy(conn, table.copy_staged, (*table.types, "int4"), staged)
            merged = conn.execute(table.merge, {"since": late_before}).fetchone()
            assert merged is not None
            conflicts = [n for (n,) in conn.execute(table.conflicts).fetchall()]
            stored, in_time, earliest_stored = merged
            return _Put(stored, in_time, earliest_stored, conflicts)
    except psycopg.Error as error:
        if not _is_about_a_value(error):
            raise
        if len(numbered) == 1:
            return _Put(refused=[(numbered[0][0], str(error).splitlines()[0])])
    half = len(numbered) // 2
    first = _merge(conn, table, numbered[:half], late_before)
    second = _merge(conn, table, numbered[half:], late_before)
    earliest = [put.earliest for put in (first, second) if put.earliest is not None]
    return _Put(
        first.stored + second.stored,
        first.in_time + second.in_time,
        min(earliest, default=None),
        first.conflicts + second.conflicts,
        first.refused + second.refused,
    )


def _copy(conn: Connection, statement: bytes, types: tuple[str, ...], rows: list[Row]) -> None:
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        write_row = copy.write_row
        for row in rows:
            write_row(row)


def _is_about_a_value(error: psycopg.Error) -> bool:
    """Whether another try cannot help: a value out of range (22), a broken constraint (23), or
    more than the server's limits (54)."""
    return isinstance(error, psycopg.DataError) or (error.sqlstate or "")[:2] in ("22", "23", "54")


def _letters(batch: Batch, rows: Rows, put: _Put) -> list[DeadLetter]:
    before = len(batch.letters)
    for n in put.conflicts:
        batch.refuse(rows.origins[n], "conflict", _CONFLICT)
    for n, said in put.refused:
        batch.refuse(rows.origins[n], "database", f"the database would not take it: {said}")
    letters = batch.letters[before:]
    # A batch may be written again after a lost connection, and must not grow by that.
    del batch.letters[before:]
    return letters


def _put_letters(conn: Connection, letters: list[DeadLetter], received_at: datetime) -> None:
    if letters:
        with conn.cursor() as cursor:
            cursor.executemany(
                SQL.add_dead_letter,
                [letter._asdict() | {"received_at": received_at} for letter in letters],
            )
