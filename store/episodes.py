"""Telling the world of an episode. Analytics, dispatch and people all change them."""

from collections.abc import Iterable

from store.database import Connection
from store.statements import statements


def publish(conn: Connection, ids: Iterable[str]) -> None:
    """Post each episode as it stands in this transaction to `down/episodes/{id}`."""
    wanted = sorted(set(ids))
    if wanted:
        conn.execute(statements("episodes").publish, {"ids": wanted})
