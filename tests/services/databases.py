"""Fresh databases on a running server, copied from a template that was prepared once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Protocol
from weakref import WeakKeyDictionary

import psycopg
from psycopg.sql import SQL, Identifier


class Server(Protocol):
    """A PostgreSQL server that can name its databases."""

    def dsn_of(self, database: str) -> str:
        """Give the connection string of a database."""


Prepare = Callable[[str], object]

_templates: MutableMapping[Server, dict[Prepare | None, str]] = WeakKeyDictionary()


@contextmanager
def fresh_database(server: Server, prepare: Prepare | None = None) -> Iterator[str]:
    """Give the connection string of a database of its own, dropped at the end.

    Parameters
    ----------
    server
        A running server. Where it has TimescaleDB, so has the database.
    prepare
        Called with the connection string of a template, once per server; the databases are
        copies of what it made there.
    """
    templates = _templates.setdefault(server, {})
    if prepare not in templates:
        templates[prepare] = _template(server, prepare)
    name = _new_name("test")
    with _administration(server) as admin:
        admin.execute(
            SQL("CREATE DATABASE {} TEMPLATE {}").format(
                Identifier(name), Identifier(templates[prepare])
            )
        )
    try:
        yield server.dsn_of(name)
    finally:
        with _administration(server) as admin:
            admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def _template(server: Server, prepare: Prepare | None) -> str:
    name = _new_name("template")
    with _administration(server) as admin:
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        timescale = admin.execute(
            "SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"
        ).fetchone()
    if timescale:
        # A session that used the database before its extension came cannot use the extension.
        with psycopg.connect(server.dsn_of(name), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION timescaledb")
    if prepare is not None:
        prepare(server.dsn_of(name))
    with _administration(server) as admin:
        # TimescaleDB's scheduler would come back, and nobody may use a template being copied.
        admin.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(Identifier(name)))
        admin.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s",
            [name],
        )
    return name


def _administration(server: Server) -> psycopg.Connection:
    return psycopg.connect(server.dsn_of("postgres"), autocommit=True)


def _new_name(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(6)}"
