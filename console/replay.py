"""The state of the district as it was at any minute that is stored."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from console.alarms import alarms, silent_devices, with_marks
from console.overview import UNMEASURED_BELOW
from console.past import OPEN_ORDER, episode_then, order_then, told_by, under_way
from console.pool import Conn, row, rows
from console.snapshot import CLOSED_SHOWN, ENDED_SHOWN, Snapshot, Wanted, arrange, read_air
from store.statements import statements

SQL = statements("replay")

MARKED = ("acknowledged_by", "acknowledged_at", "shelved_until")
STEP = timedelta(minutes=5)
"""A level is left 15 minutes after the air is good again: a look each 5 misses none."""


async def take_then(conn: Conn, wanted: Wanted, at: datetime) -> Snapshot:
    """Everything that the pages showed at `at`."""
    air = await read_air(conn, wanted, at)
    plan = await row(conn, SQL.plan_then, {"at": at})
    orders = await _orders(conn, plan, at)
    episodes = await _episodes(conn, at)
    notices = await rows(conn, SQL.notices_then, {"at": at})
    snapshot = arrange(wanted, at, air, orders, episodes, notices, plan)
    return snapshot | {"alarms": await _alarms(conn, snapshot, wanted, at)}


async def _alarms(conn: Conn, snapshot: Snapshot, wanted: Wanted, at: datetime) -> dict[str, Any]:
    """The list of alarms; what was over and unseen is in it as long as its episode is shown."""
    concerns = await rows(conn, SQL.concerns_then, {"at": at})
    devices = silent_devices(snapshot["stations"], snapshot["overview"]["newest_reading"])
    ids = [f"concern:{concern['id']}" for concern in concerns]
    ids += [device["alarm"] for device in devices]
    marks = await rows(conn, SQL.marks_then, {"alarms": ids, "at": at}) if ids else []
    said = {(mark["alarm"], mark["since"]): mark for mark in marks}
    out = await rows(conn, SQL.out_of_service_then, {"at": at})
    marked = [
        concern | {name: mark[name] if mark else None for name in MARKED}
        for concern in concerns
        for mark in [said.get((f"concern:{concern['id']}", concern["opened_at"]))]
    ]
    return alarms(
        snapshot["episodes"].values(),
        marked,
        with_marks(devices, marks),
        out,
        at,
        segments=wanted.segments,
    )


async def _episodes(conn: Conn, at: datetime) -> list[dict[str, Any]]:
    since = at - CLOSED_SHOWN
    found = await rows(conn, SQL.episodes_then, {"at": at, "since": since})
    lines = await rows(
        conn, SQL.stories_then, {"ids": [episode["id"] for episode in found], "at": at}
    )
    stories: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        stories[line["episode"]].append(line)
    then = (episode_then(episode, stories[episode["id"]], at) for episode in found)
    return [
        episode
        for episode in then
        if episode and (episode["ended_at"] is None or episode["ended_at"] >= since)
    ]


async def _orders(conn: Conn, plan: dict[str, Any] | None, at: datetime) -> list[dict[str, Any]]:
    since = at - ENDED_SHOWN
    found = await rows(conn, SQL.orders_then, {"at": at, "since": since})
    told = told_by(plan["body"] if plan else None)
    then = (order_then(order, told, at) for order in found)
    return [
        order
        for order in then
        if order and (order["ended_at"] is None or order["ended_at"] >= since)
    ]


async def plan_then(conn: Conn, at: datetime, crew: str | None) -> dict[str, Any]:
    """The orders that stood at `at`, by crew and in sequence, each with its path as told then."""
    plan = await row(conn, SQL.plan_then, {"at": at})
    told = told_by(plan["body"] if plan else None)
    orders = [
        order
        for order in await _orders(conn, plan, at)
        if order["state"] in OPEN_ORDER and crew in (None, order["crew"])
    ]
    untold = [order["id"] for order in orders if "path" not in told.get(order["id"], {})]
    paths = {
        found["id"]: found["path"] for found in await rows(conn, SQL.paths_of, {"ids": untold})
    }
    for order in orders:
        order["path"] = told.get(order["id"], {}).get("path") or paths.get(order["id"], [])
        order["accepted_at"] = None
    orders.sort(key=lambda order: (order["crew"], order["seq"], order["id"]))
    return {
        "plan": plan["id"] if plan else None,
        "issued_at": plan["issued_at"] if plan else None,
        "trigger": plan["trigger"] if plan else None,
        "crews": [
            {"crew": name, "orders": list(mine)}
            for name, mine in groupby(orders, key=itemgetter("crew"))
        ],
    }


def steps_of(day: date, zone: ZoneInfo, step: timedelta = STEP) -> list[datetime]:
    """The ends of the steps of a local day, which has 23 or 25 hours where clocks are changed."""
    utc = ZoneInfo("UTC")
    first = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(utc)
    next_day = day + timedelta(days=1)
    last = datetime(next_day.year, next_day.month, next_day.day, tzinfo=zone).astimezone(utc)
    return [first + step * n for n in range(1, round((last - first) / step) + 1)]


async def strip(
    conn: Conn, segments: Sequence[str], day: date, zone: ZoneInfo, now: datetime
) -> dict[str, Any]:
    """A local day at a glance; what is after `now` is left out."""
    steps = [step for step in steps_of(day, zone) if step <= now]
    span = await row(conn, SQL.stored_span, {})
    assert span is not None
    levels: dict[datetime, dict[str, Any]] = {}
    work: list[tuple[datetime, datetime | None]] = []
    if steps:
        values = {"steps": steps, "segments": list(segments), "measured": UNMEASURED_BELOW}
        levels = {found["ts"]: found for found in await rows(conn, SQL.strip_levels, values)}
        day_span = {"since": steps[0] - STEP, "until": steps[-1]}
        work = [
            (found["started_at"], found["ended_at"])
            for found in await rows(conn, SQL.strip_work, day_span)
        ]
    known = [levels.get(step) for step in steps]
    return {
        "day": day,
        "step_minutes": int(STEP.total_seconds() // 60),
        "ts": steps,
        "worst": [found["worst"] if found else None for found in known],
        "exceeding": [found["exceeding"] if found else 0 for found in known],
        "measured": [found["measured"] if found else 0 for found in known],
        "treatments": under_way(work, steps),
        "first": span["first"],
        "last": span["last"],
    }


async def outlook(conn: Conn, segments: Sequence[str], at: datetime) -> dict[str, Any]:
    """What was foreseen of every segment last before `at`."""
    found = await rows(conn, SQL.outlook, {"at": at, "segments": list(segments)})
    return {
        "ts": found[0]["ts"] if found else None,
        "segments": {
            segment: list(ahead) for segment, ahead in groupby(found, key=itemgetter("segment"))
        },
    }
