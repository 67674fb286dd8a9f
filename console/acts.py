"""What an operator does to an episode: one transaction that changes it, tells its story, keeps the
audit and says it to the broker."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from psycopg.types.json import Jsonb

from console.pool import Conn, Pool, row
from console.problems import Refusal
from store.statements import statements

SQL = statements("console")
EPISODES = statements("episodes")


async def acknowledge(pool: Pool, episode: str, actor: str, at: datetime) -> None:
    """Say that `actor` has seen it. Raises Refusal when it is closed or somebody was first."""
    async with pool.connection() as conn, conn.transaction():
        found = await _open_episode(conn, episode)
        if found["acknowledged_by"]:
            raise Refusal(
                HTTPStatus.CONFLICT,
                f"Episode {episode} is acknowledged already, by {found['acknowledged_by']}.",
            )
        await conn.execute(SQL.acknowledge, {"id": episode, "actor": actor, "at": at})
        await _record(conn, episode, actor, at, "acknowledged", {})


async def shelve(
    pool: Pool, episode: str, actor: str, at: datetime, minutes: int, reason: str
) -> None:
    """Put it aside for so many minutes. Raises Refusal when it is closed."""
    until = at + timedelta(minutes=minutes)
    async with pool.connection() as conn, conn.transaction():
        await _open_episode(conn, episode)
        await conn.execute(SQL.shelve, {"id": episode, "until": until, "at": at})
        detail = {"minutes": minutes, "until": until, "reason": reason}
        await _record(conn, episode, actor, at, "shelved", detail)


async def unshelve(pool: Pool, episode: str, actor: str, at: datetime) -> None:
    """Bring it back before its time. Raises Refusal when it is closed or not shelved."""
    async with pool.connection() as conn, conn.transaction():
        found = await _open_episode(conn, episode)
        if found["shelved_until"] is None or found["shelved_until"] <= at:
            raise Refusal(HTTPStatus.CONFLICT, f"Episode {episode} is not shelved.")
        await conn.execute(SQL.shelve, {"id": episode, "until": None, "at": at})
        await _record(conn, episode, actor, at, "unshelved", {})


async def comment(pool: Pool, episode: str, actor: str, at: datetime, text: str) -> None:
    """Add a remark to its story; a closed episode takes one too.

    Raises Refusal when the text is blank or there is no such episode.
    """
    if not text:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "The comment is blank: write something.")
    async with pool.connection() as conn, conn.transaction():
        await _episode(conn, episode)
        detail = {"text": text}
        await _record(conn, episode, actor, at, "comment", detail, publish=False)


async def _episode(conn: Conn, episode: str) -> dict[str, Any]:
    found = await row(conn, SQL.episode_for_update, {"id": episode})
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no episode {episode}.")
    return found


async def _open_episode(conn: Conn, episode: str) -> dict[str, Any]:
    found = await _episode(conn, episode)
    if found["state"] == "closed":
        raise Refusal(
            HTTPStatus.CONFLICT, f"Episode {episode} is closed; only a comment can be added."
        )
    return found


async def _record(
    conn: Conn,
    episode: str,
    actor: str,
    at: datetime,
    event: str,
    detail: dict[str, Any],
    *,
    publish: bool = True,
) -> None:
    await conn.execute(
        SQL.log_episode,
        {"id": episode, "at": at, "actor": actor, "event": event, "detail": Jsonb(detail)},
    )
    await conn.execute(
        SQL.audit,
        {"at": at, "actor": actor, "action": event, "detail": Jsonb({"episode": episode} | detail)},
    )
    if publish:
        await conn.execute(EPISODES.publish, {"ids": [episode]})
