"""The console's connections: asynchronous, in UTC, rows as dicts, each statement its own commit."""

from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

import store.database  # noqa: F401  (sets how psycopg reads and writes JSON)

Conn = AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Conn]


SETTINGS: dict[str, Any] = {
    "autocommit": True,
    "row_factory": dict_row,
    "options": "-c timezone=UTC -c statement_timeout=15s",
}


def pool(dsn: str, *, size: int = 4) -> Pool:
    """A closed pool; open it inside the loop that uses it.

    Connections that the server has dropped are found out before they are handed over, so the
    console lives through a restart of the database.
    """
    return AsyncConnectionPool(
        dsn,
        connection_class=AsyncConnection[DictRow],
        kwargs={**SETTINGS, "application_name": "roaddust-console"},
        min_size=1,
        max_size=size,
        open=False,
        name="console",
        timeout=10,
        check=AsyncConnectionPool.check_connection,
    )


async def listening(dsn: str) -> Conn:
    """A connection of one's own, to wait on for as long as it lasts."""
    name = "roaddust-console-listen"
    return await AsyncConnection[DictRow].connect(dsn, application_name=name, **SETTINGS)


async def rows(conn: Conn, statement: bytes, values: dict[str, Any]) -> list[DictRow]:
    return await (await conn.execute(statement, values)).fetchall()


async def row(conn: Conn, statement: bytes, values: dict[str, Any]) -> DictRow | None:
    return await (await conn.execute(statement, values)).fetchone()
