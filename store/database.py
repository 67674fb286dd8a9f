"""Connections to the one database, and what that server can do."""

from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import set_json_dumps, set_json_loads

from store.statements import statements

Connection = psycopg.Connection[tuple[Any, ...]]

set_json_dumps(msgspec.json.encode)
set_json_loads(msgspec.json.decode)


# A machine that is gone without a word is noticed by the server within 7 s, so that its lead can be
# taken over; a process that is killed is noticed at once.
_NOTICED = "-c tcp_keepalives_idle=3 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=2"


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the server has: `timescale` the extension, `community` its Community licence
    (compression, retention and continuous aggregates by policy)."""

    timescale: bool
    community: bool

    @property
    def words(self) -> str:
        if not self.timescale:
            return "PostgreSQL"
        return "TimescaleDB" + (" (Community)" if self.community else " (Apache)")


def connect(dsn: str, *, name: str, autocommit: bool = False) -> Connection:
    """A connection in UTC that `pg_stat_activity` shows as `name`."""
    conn: Connection = psycopg.connect(
        dsn,
        autocommit=autocommit,
        application_name=f"roaddust-{name}",
        options=f"-c timezone=UTC {_NOTICED}",
    )
    return conn


def abilities(conn: Connection) -> Abilities:
    """Ask the server; in a database without the extension everything works on plain tables."""
    row = conn.execute(statements("schema").abilities).fetchone()
    assert row is not None
    timescale, licence = row
    return Abilities(timescale=timescale, community=timescale and licence == "timescale")
