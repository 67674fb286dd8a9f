"""Clocks, concerns and calls: out of the tables and into them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from dispatch.concerns import Call, Concern, Key, call, sort
from dispatch.limits import Limits
from dispatch.matters import Evidence, Matter, local_day, moved_on, opened
from dispatch.overrides import Override, Overrides, holding
from dispatch.places import Places
from dispatch.settings import DispatchSettings
from dispatch.troubles import LeftMust
from dispatch.words import Words, plain
from geo.district import District
from store.database import Connection
from store.statements import statements

SQL = statements("life")
OVERRIDES = statements("overrides")

_MEMORY = timedelta(hours=48)
_NEAR_M = 150.0
_MATTER_FIELDS = 15


def load_overrides(conn: Connection, now: datetime) -> Overrides:
    """What people have decided and holds at `now`."""
    rows = conn.execute(OVERRIDES.standing_overrides, {"now": now})
    return holding((Override(*row) for row in rows), now)


def end_made_overrides(conn: Connection, now: datetime) -> None:
    """Work that people asked for and that has been done is asked for no longer."""
    for number, order in conn.execute(OVERRIDES.made_overrides, {"now": now}).fetchall():
        values = {"id": number, "by": "dispatch", "why": order, "at": now}
        conn.execute(OVERRIDES.end_override, values)


def open_matters(
    conn: Connection, district: District, places: Places, now: datetime, settings: DispatchSettings
) -> None:
    """Start the clocks of what is new, and of what goes on into a new day."""
    day, begins_at, _ = local_day(now, district.timezone)
    span = {"day": day, "now": now, "since": now - _MEMORY}
    level = settings.limits.overnight_level
    shared = now, district.timezone, tuple(settings.due_min)
    new = [
        opened(ref, "episode", place, top, since, known_at, *shared)  # type: ignore[arg-type]
        for ref, place, top, since, known_at in conn.execute(
            SQL.unseen_episodes, {**span, "level": level}
        )
    ]
    for ref, ts, segment, lon, lat in conn.execute(SQL.unseen_complaints, span):
        if segment is None and lon is not None and lat is not None:
            segment = places.nearest_segment(lon, lat, _NEAR_M)
        known = segment in district.segments and district.segments[segment].treat
        place = segment if known else None
        new.append(opened(ref, "complaint", place, 0, ts, ts, *shared))  # type: ignore[arg-type]
    for ref, place, since in conn.execute(SQL.left_complaints, span):
        new.append(
            opened(ref, "complaint", place, 0, since, begins_at, *shared)  # type: ignore[arg-type]
        )
    _put(conn, new)


def open_complaints(conn: Connection) -> dict[str, str | None]:
    """Places of the complaints that have no outcome, by ref."""
    return dict(conn.execute(SQL.open_complaints).fetchall())


def move_matters(conn: Connection, said: Mapping[str, str], now: datetime) -> list[Matter]:
    """Bring every clock up to `now`; `said` is what the plan in force answers. Gives them all."""
    moved, changed = [], []
    for row in conn.execute(SQL.open_matters):
        before = Matter(*row[:_MATTER_FIELDS])
        after = moved_on(before, Evidence(*row[_MATTER_FIELDS:]), said.get(before.ref), now)
        moved.append(after)
        if after != before:
            changed.append(after)
    _put(conn, changed)
    return moved


def left_musts(conn: Connection, now: datetime) -> list[LeftMust]:
    """Musts that were refused, failed or not answered, and not taken up since."""
    since = {"since": now - _MEMORY / 2}
    return [LeftMust(*row) for row in conn.execute(SQL.left_musts, since)]


def keep_concerns(
    conn: Connection, standing: Sequence[Concern], now: datetime, limits: Limits, words: Words
) -> frozenset[Key]:
    """Open what is new, resolve what stands no longer, and call whom it is time to call.

    Gives the keys of the new.
    """
    found = sort(standing, (Concern(*row) for row in conn.execute(SQL.open_concerns)))
    for concern in found.gone:
        conn.execute(SQL.resolve_concern, {"id": concern.id, "at": now})
        _log(conn, concern.id, now, "resolved", concern.role)
    open_now = list(found.standing)
    for concern in found.new:
        row = conn.execute(SQL.add_concern, asdict(concern) | {
            "why": str(concern.why), "also": str(concern.also), "at": now,
        }).fetchone()  # fmt: skip
        assert row is not None
        _log(conn, row[0], now, "opened", None, {"why": str(concern.why)})
        open_now.append(Concern(**asdict(concern) | {"id": row[0]}))
    for concern in open_now:
        if one := call(concern, now, limits):
            _call(conn, one, words)
    return frozenset(concern.key for concern in found.new)


def notify(
    conn: Connection, at: datetime, recipient: str, title: str, body: str, crew: str | None = None
) -> None:
    """A notice to a role or to `crew:ID` that no concern is behind."""
    values = {"at": at, "recipient": recipient, "crew": crew, "concern": None,
              "title": str(title), "body": str(body)}  # fmt: skip
    conn.execute(SQL.add_call, values)


def _call(conn: Connection, one: Call, words: Words) -> None:
    concern = one.concern
    values = asdict(concern)
    conn.execute(SQL.call_concern, values)
    _log(conn, concern.id, one.at, one.event, one.role)
    title = words.say("call_title" if one.event == "called" else "remind_title",
                      role=words.role(one.role))  # fmt: skip
    conn.execute(
        SQL.add_call,
        {
            "at": one.at, "recipient": one.role, "crew": concern.crew, "concern": concern.id,
            "title": str(title), "body": str(concern.why),
        },
    )  # fmt: skip


def _log(
    conn: Connection,
    concern: int,
    at: datetime,
    event: str,
    role: str | None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    conn.execute(
        SQL.log_escalation,
        {
            "concern": concern, "at": at, "actor": "dispatch", "event": event, "role": role,
            "detail": Jsonb(detail or {}),
        },
    )  # fmt: skip


def _put(conn: Connection, matters: Iterable[Matter]) -> None:
    rows = [asdict(matter) for matter in matters]
    if rows:
        conn.execute(SQL.put_matters, {"rows": Jsonb(rows, dumps=_encode)})


def _encode(value: Any) -> bytes:
    return msgspec.json.encode(value, enc_hook=plain)
