"""Bring the schema up to date: `store/migrations/*.sql` in order, by yoyo, then the policies."""

from importlib import resources
from urllib.parse import quote, urlencode

import psycopg.conninfo
import yoyo

from store.database import abilities, connect
from store.statements import statements


def migrate(dsn: str) -> list[str]:
    """Apply what is missing and return the names applied.

    Safe to call from several processes at once (yoyo takes a lock in the database) and again
    on a schema that is up to date. Raises psycopg.Error when the server refuses.
    """
    backend = yoyo.get_backend(_yoyo_uri(dsn))
    try:
        with resources.as_file(resources.files("store") / "migrations") as folder:
            migrations = yoyo.read_migrations(str(folder))
            with backend.lock():
                todo = backend.to_apply(migrations)
                names = [migration.id for migration in todo]
                backend.apply_migrations(todo)
    finally:
        backend.connection.close()
    _set_policies(dsn)
    return names


def _set_policies(dsn: str) -> None:
    """Compression by policy where the licence allows; `store.upkeep` cleans everywhere."""
    with connect(dsn, name="migrate", autocommit=True) as conn:
        if abilities(conn).community:
            sql = statements("schema")
            for statement in (sql.compress_settings, sql.compress_policy):
                conn.execute(statement)


def _yoyo_uri(dsn: str) -> str:
    """The libpq connection string as the URI that yoyo wants, through psycopg 3."""
    parts = psycopg.conninfo.conninfo_to_dict(dsn)
    dbname = parts.pop("dbname", "postgres")
    return f"postgresql+psycopg:///{quote(str(dbname))}?{urlencode(parts)}"
