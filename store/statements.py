"""SQL by name: every statement of roaddust lives in `store/sql/*.sql` and is asked for here.

A file holds statements, each under a line `-- name: xyz` and a comment that says what it does::

    SQL = statements("ingest")
    conn.execute(SQL.readings_merge, {...})
"""

import re
from functools import cache
from importlib import resources
from types import SimpleNamespace

_NAME = re.compile(rb"^-- name: (\w+)\s*$", re.MULTILINE)


class Statements(SimpleNamespace):
    """The statements of one file as attributes, each the bytes that psycopg takes as a query."""

    def __getattr__(self, name: str) -> bytes:
        raise AttributeError(f"store/sql has no statement named {name!r} in this file")


@cache
def statements(file: str) -> Statements:
    """Statements of `store/sql/<file>.sql`; ValueError where one is named twice."""
    text = (resources.files("store") / "sql" / f"{file}.sql").read_bytes()
    parts = _NAME.split(text)[1:]
    names = [name.decode() for name in parts[::2]]
    if len(set(names)) != len(names):
        raise ValueError(f"store/sql/{file}.sql: a statement is named twice")
    return Statements(**dict(zip(names, (body.strip() for body in parts[1::2]), strict=True)))
