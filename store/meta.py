"""Single values by key: the last tick of a lockstep world, the district that is served."""

from typing import Any

from psycopg.types.json import Jsonb

from store.database import Connection
from store.statements import statements

SQL = statements("schema")


def put_meta(conn: Connection, key: str, value: Any) -> None:
    """Keep `value` (anything JSON can say, and times) under `key`; the caller commits."""
    conn.execute(SQL.set_meta, {"key": key, "value": Jsonb(value)})


def get_meta(conn: Connection, key: str) -> Any:
    """The value under `key`, or None."""
    row = conn.execute(SQL.get_meta, {"key": key}).fetchone()
    return row[0] if row else None
