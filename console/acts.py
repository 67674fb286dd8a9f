"""What an operator does to an alarm: one transaction that changes it, tells its story, keeps the
audit and, of an episode, says it to the broker."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from psycopg.types.json import Jsonb

from console.pool import Conn, Pool, row
from console.problems import Refusal
from store.statements import statements

SQL = statements("console")
ALARMS = statements("alarms")
LIFE = statements("life")
EPISODES = statements("episodes")


class Unfit(Refusal):
    """An act that does not fit the alarm as it stands; `why` is a word for it."""

    def __init__(self, why: str, detail: str, status: HTTPStatus = HTTPStatus.CONFLICT) -> None:
        super().__init__(status, detail)
        self.why = why


async def acknowledge(pool: Pool, episode: str, actor: str, at: datetime) -> None:
    """Say that `actor` has seen it, over or not. Raises Unfit when somebody was first."""
    async with pool.connection() as conn, conn.transaction():
        found = await _episode(conn, episode)
        _unseen(f"Episode {episode}", found["acknowledged_by"])
        await conn.execute(SQL.acknowledge, {"id": episode, "actor": actor, "at": at})
        # What is over has been told for the last time, and its retained message cleared.
        publish = found["state"] != "closed"
        await _record(conn, episode, actor, at, "acknowledged", {}, publish=publish)


async def shelve(
    pool: Pool, episode: str, actor: str, at: datetime, minutes: int, reason: str
) -> None:
    """Put it aside for so many minutes. Raises Unfit when it is closed."""
    until = at + timedelta(minutes=minutes)
    async with pool.connection() as conn, conn.transaction():
        await _open_episode(conn, episode)
        await conn.execute(SQL.shelve, {"id": episode, "until": until, "at": at})
        detail = {"minutes": minutes, "until": until, "reason": reason}
        await _record(conn, episode, actor, at, "shelved", detail)


async def unshelve(pool: Pool, episode: str, actor: str, at: datetime) -> None:
    """Bring it back before its time. Raises Unfit when it is closed or not shelved."""
    async with pool.connection() as conn, conn.transaction():
        found = await _open_episode(conn, episode)
        _put_aside(f"Episode {episode}", found["shelved_until"], at)
        await conn.execute(SQL.shelve, {"id": episode, "until": None, "at": at})
        await _record(conn, episode, actor, at, "unshelved", {})


async def comment(pool: Pool, episode: str, actor: str, at: datetime, text: str) -> None:
    """Add a remark to its story; a closed episode takes one too.

    Raises Unfit when the text is blank or there is no such episode.
    """
    _said(text)
    async with pool.connection() as conn, conn.transaction():
        await _episode(conn, episode)
        detail = {"text": text}
        await _record(conn, episode, actor, at, "comment", detail, publish=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A concern (`since` None until it is read), a silent station or the platform."""

    alarm: str
    since: datetime | None = None

    @property
    def concern(self) -> int | None:
        source, _, number = self.alarm.partition(":")
        return int(number) if source == "concern" else None


async def acknowledge_call(pool: Pool, call: Call, actor: str, at: datetime) -> None:
    """Say that `actor` has seen it. Raises Unfit when it is not there or somebody was first."""
    async with pool.connection() as conn, conn.transaction():
        found = await _locked(conn, call)
        _unseen(f"Alarm {call.alarm}", found["taken_by"] or found["acknowledged_by"])
        values = {"alarm": call.alarm, "since": found["since"], "actor": actor, "at": at}
        await conn.execute(ALARMS.mark_acknowledged, values)
        await _log_call(conn, call, found["since"], actor, at, "acknowledged", {})


async def shelve_call(
    pool: Pool, call: Call, actor: str, at: datetime, minutes: int, reason: str
) -> None:
    """Put it aside for so many minutes; of a concern the chain of roles waits as long."""
    until = at + timedelta(minutes=minutes)
    async with pool.connection() as conn, conn.transaction():
        found = await _locked(conn, call)
        if found["resolved_at"] is not None:
            raise Unfit("over", f"Alarm {call.alarm} is over; it can be acknowledged.")
        values = {"alarm": call.alarm, "since": found["since"], "until": until}
        await conn.execute(ALARMS.mark_shelved, values)
        detail = {"minutes": minutes, "until": until, "reason": reason}
        await _log_call(conn, call, found["since"], actor, at, "shelved", detail)


async def unshelve_call(pool: Pool, call: Call, actor: str, at: datetime) -> None:
    """Bring it back before its time. Raises Unfit when it is not shelved."""
    async with pool.connection() as conn, conn.transaction():
        found = await _locked(conn, call)
        _put_aside(f"Alarm {call.alarm}", found["shelved_until"], at)
        values = {"alarm": call.alarm, "since": found["since"], "until": None}
        await conn.execute(ALARMS.mark_shelved, values)
        await _log_call(conn, call, found["since"], actor, at, "unshelved", {})


async def comment_call(pool: Pool, call: Call, actor: str, at: datetime, text: str) -> None:
    """Add a remark to its story. Raises Unfit when the text is blank."""
    _said(text)
    async with pool.connection() as conn, conn.transaction():
        found = await _locked(conn, call)
        await _log_call(conn, call, found["since"], actor, at, "comment", {"text": text})


async def take(pool: Pool, call: Call, actor: str, at: datetime) -> None:
    """Say that `actor` sees to a concern: the chain of roles waits for them.

    Raises Unfit for what is no concern, is over, or has been taken.
    """
    number = call.concern
    if number is None:
        raise Unfit(
            "no_concern",
            f"Alarm {call.alarm} is acknowledged, not taken: only a concern is taken.",
            HTTPStatus.UNPROCESSABLE_ENTITY,
        )
    async with pool.connection() as conn, conn.transaction():
        found = await _locked(conn, call)
        if await row(conn, LIFE.take_concern, {"id": number, "by": actor, "at": at}) is None:
            if found["resolved_at"] is not None:
                raise Unfit("over", f"Concern {number} is resolved.")
            raise Unfit("taken", f"Concern {number} is taken already, by {found['taken_by']}.")
        line = {"concern": number, "at": at, "actor": actor, "event": "taken", "role": None}
        await conn.execute(LIFE.log_escalation, line | {"detail": Jsonb({})})
        await _log_call(conn, call, found["since"], actor, at, "taken", {})


async def acknowledge_returned(pool: Pool, actor: str, at: datetime) -> list[str]:
    """Acknowledge everything that is over and that nobody has seen; the ids."""
    async with pool.connection() as conn, conn.transaction():
        found = await row(conn, ALARMS.acknowledge_returned, {"actor": actor, "at": at})
        assert found is not None
        ids: list[str] = found["ids"]
        if ids:
            await _audit(conn, actor, at, "acknowledged", {"returned": ids})
    return ids


async def put_out_of_service(
    pool: Pool, subject: str, actor: str, at: datetime, until: datetime, why: str
) -> None:
    """Let the alarms of a segment, site or station call nobody until a time."""
    async with pool.connection() as conn, conn.transaction():
        values = {"subject": subject, "at": at, "until": until, "why": why, "actor": actor}
        await conn.execute(ALARMS.add_out_of_service, values)
        detail = {"subject": subject, "until": until, "why": why}
        await _audit(conn, actor, at, "out_of_service", detail)


async def put_into_service(pool: Pool, subject: str, actor: str, at: datetime) -> None:
    """Bring it back before its time. Raises Unfit where it is not out of service."""
    async with pool.connection() as conn, conn.transaction():
        values = {"subject": subject, "at": at, "actor": actor}
        if await row(conn, ALARMS.end_out_of_service, values) is None:
            raise Unfit("in_service", f"{subject} is not out of service.")
        await _audit(conn, actor, at, "into_service", {"subject": subject})


def _unseen(what: str, seen_by: str | None) -> None:
    if seen_by:
        raise Unfit("acknowledged", f"{what} is acknowledged already, by {seen_by}.")


def _put_aside(what: str, until: datetime | None, at: datetime) -> None:
    if until is None or until <= at:
        raise Unfit("not_shelved", f"{what} is not shelved.")


def _said(text: str) -> None:
    if not text:
        raise Unfit(
            "blank",
            "The comment is blank: write something.",
            HTTPStatus.UNPROCESSABLE_ENTITY,
        )


async def _locked(conn: Conn, call: Call) -> dict[str, Any]:
    """What is known of it, with `since`; nobody else acts on it until the commit."""
    if call.concern is not None:
        found = await row(conn, ALARMS.concern_for_update, {"id": call.concern})
        if found is None:
            raise Unfit("gone", f"There is no concern {call.concern}.", HTTPStatus.NOT_FOUND)
        return found | {"since": found["opened_at"]}
    asked = {"alarm": call.alarm, "since": call.since}
    await conn.execute(ALARMS.lock_alarm, asked)
    mark = await row(conn, ALARMS.mark, asked)
    nothing = {"acknowledged_by": None, "shelved_until": None}
    return (mark or nothing) | {"since": call.since, "taken_by": None, "resolved_at": None}


async def _episode(conn: Conn, episode: str) -> dict[str, Any]:
    found = await row(conn, SQL.episode_for_update, {"id": episode})
    if found is None:
        raise Unfit("gone", f"There is no episode {episode}.", HTTPStatus.NOT_FOUND)
    return found


async def _open_episode(conn: Conn, episode: str) -> dict[str, Any]:
    found = await _episode(conn, episode)
    if found["state"] == "closed":
        raise Unfit(
            "over", f"Episode {episode} is closed; it can be acknowledged and commented on."
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
    await _audit(conn, actor, at, event, {"episode": episode} | detail)
    if publish:
        await conn.execute(EPISODES.publish, {"ids": [episode]})


async def _log_call(
    conn: Conn,
    call: Call,
    since: datetime,
    actor: str,
    at: datetime,
    event: str,
    detail: dict[str, Any],
) -> None:
    line = {"alarm": call.alarm, "since": since, "at": at, "actor": actor, "event": event}
    await conn.execute(ALARMS.log_alarm, line | {"detail": Jsonb(detail)})
    await _audit(conn, actor, at, event, {"alarm": call.alarm} | detail)


async def _audit(conn: Conn, actor: str, at: datetime, action: str, detail: dict[str, Any]) -> None:
    values = {"at": at, "actor": actor, "action": action, "detail": Jsonb(detail)}
    await conn.execute(SQL.audit, values)
