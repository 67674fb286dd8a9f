"""The day's and the week's review: what was promised, what was made of it, who was called."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from dispatch.ledger import notify
from dispatch.settings import DispatchSettings
from dispatch.words import Words
from geo.district import District
from store.database import Connection
from store.statements import statements

SQL = statements("reviews")


def review_day(
    conn: Connection, district: District, settings: DispatchSettings, now: datetime
) -> dict[str, Any]:
    """Keep the review of the local day before `now`, and tell the last of the roles what was not
    made. The caller commits."""
    today = now.astimezone(district.timezone).date()
    body = _review(conn, district, settings, today - timedelta(days=1), 1)
    _keep(conn, "day", today - timedelta(days=1), now, body)
    if body["not_made"]:
        words = Words(settings.language, district.timezone)
        names = [_name(district, one["place"] or one["ref"]) for one in body["not_made"]]
        text = words.say("not_made", day=str(today - timedelta(days=1)), count=len(names),
                         places="; ".join(names))  # fmt: skip
        notify(conn, now, settings.limits.roles[-1], words.say("not_made_title"), text)
    return body


def review_week(
    conn: Connection, district: District, settings: DispatchSettings, now: datetime
) -> dict[str, Any]:
    """Keep the review of the week before the one of `now`, under its Monday."""
    today = now.astimezone(district.timezone).date()
    monday = today - timedelta(days=today.weekday() + 7)
    body = _review(conn, district, settings, monday, 7)
    _keep(conn, "week", monday, now, body)
    return body


def look_at_rounds(
    conn: Connection, district: District, settings: DispatchSettings, now: datetime
) -> None:
    """Tell the dispatcher which streets have not had their least number of treatments today."""
    today = now.astimezone(district.timezone).date()
    short = _review(conn, district, settings, today, 1)["rounds"]["short"]
    if short:
        words = Words(settings.language, district.timezone)
        names = [_name(district, one["segment"]) for one in short]
        text = words.say("rounds", count=len(names), places="; ".join(names))
        roles = settings.limits.roles
        role = "dispatcher" if "dispatcher" in roles else roles[0]
        notify(conn, now, role, words.say("rounds_title"), text)


def _review(
    conn: Connection, district: District, settings: DispatchSettings, first: date, days: int
) -> dict[str, Any]:
    last = first + timedelta(days=days)
    since, until = (
        datetime.combine(day, time(), district.timezone).astimezone(UTC) for day in (first, last)
    )
    treated = [segment for segment in district.segments.values() if segment.treat]
    row = conn.execute(
        SQL.review,
        {
            "first": first, "last": last, "since": since, "until": until,
            "answer_min": settings.limits.answer_within_min,
            "segments": [segment.id for segment in treated],
            "least": [segment.min_treatments_per_day * days for segment in treated],
        },
    ).fetchone()  # fmt: skip
    assert row is not None
    body: dict[str, Any] = row[0]
    return body


def _keep(conn: Connection, kind: str, day: date, now: datetime, body: dict[str, Any]) -> None:
    values = {"kind": kind, "day": day, "made_at": now, "body": Jsonb(body)}
    conn.execute(SQL.put_review, values)


def _name(district: District, place: str) -> str:
    here = district.segments.get(place) or district.sites.get(place)
    return place if here is None else here.name
