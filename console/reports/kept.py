"""Reports that were made, each version as it was: the figures, from which every form is written."""

from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from console.reports.figures import Figures
from store.database import Connection
from store.statements import statements

SQL = statements("reports")


@dataclass(frozen=True, slots=True)
class Kept:
    """A version of a report; newest: the number of the last one."""

    kind: str
    day: date
    version: int
    made_at: datetime
    made_by: str
    why: str
    figures: Figures
    newest: int


@dataclass(frozen=True, slots=True)
class Version:
    """A version without its figures."""

    kind: str
    day: date
    version: int
    made_at: datetime
    made_by: str
    why: str
    digest: str
    sent_at: datetime | None


def newest(conn: Connection, kind: str, day: date) -> Version | None:
    with conn.cursor(row_factory=class_row(Version)) as cursor:
        return cursor.execute(SQL.newest_version, {"kind": kind, "day": day}).fetchone()


def kept(conn: Connection, kind: str, day: date, version: int | None = None) -> Kept | None:
    """A version, or the newest; None where there is none of that number."""
    values = {"kind": kind, "day": day, "version": version}
    row = conn.execute(SQL.kept, values).fetchone()
    if row is None or version not in (None, row[2]):
        return None
    kind_, day_, number, made_at, made_by, why, body, last = row
    return Kept(kind_, day_, number, made_at, made_by, why, msgspec.convert(body, Figures), last)


def keep(conn: Connection, figures: Figures, made_at: datetime, made_by: str, why: str) -> int:
    """Keep one version more, or none where the figures are those of the newest; its number. The
    caller commits."""
    text = msgspec.json.encode(figures)
    digest = sha256(text).hexdigest()
    last = newest(conn, figures.kind, figures.first)
    if last is not None and last.digest == digest:
        return last.version
    values: dict[str, Any] = {
        "kind": figures.kind,
        "day": figures.first,
        "made_at": made_at,
        "made_by": made_by,
        "why": why,
        "digest": digest,
        "figures": Jsonb(msgspec.json.decode(text)),
    }
    row = conn.execute(SQL.keep, values).fetchone()
    assert row is not None
    return int(row[0])
