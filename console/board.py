"""The dispatch board out of the tables: crews over a span of time, what is left out, the day."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import groupby, pairwise
from math import cos, hypot, radians
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from console import gantt
from console.models import Crew, District
from console.pool import Conn, row, rows
from store.statements import statements

SQL = statements("board")

WATER_POINTS = 240
"""A line in a row of the board needs no more."""
KM_PER_DEGREE = 111.195

Rows = dict[str, list[dict[str, Any]]]


async def board(
    conn: Conn, district: District, now: datetime, since: datetime, until: datetime
) -> dict[str, Any]:
    """Everything that the board draws between `since` and `until`."""
    crews = [crew.id for crew in district.crews]
    seen_until = min(now, until)
    span = {"crews": crews, "since": since, "until": seen_until, "now": now}
    step_min = max(1, round((seen_until - since) / timedelta(minutes=1) / WATER_POINTS))
    plan = await row(conn, SQL.plan, {})
    orders = by_crew(await rows(conn, SQL.orders, span | {"until": until}))
    runs = by_crew(await rows(conn, SQL.state_runs, span))
    water = by_crew(await rows(conn, SQL.water, span | {"step_min": step_min}))
    places = {found["crew"]: found for found in await rows(conn, SQL.now, span)}
    weather = await rows(conn, SQL.weather, span)
    left = await rows(conn, SQL.left_out, {"plan": plan["id"]}) if plan else []
    overrides = await rows(conn, SQL.standing, {"now": now})
    zone = ZoneInfo(district.timezone)
    midnight = datetime.combine(now.astimezone(zone).date(), time(), zone).astimezone(UTC)
    today = {"crews": crews, "since": midnight, "until": now}
    done = {found["crew"]: found for found in await rows(conn, SQL.done, today)}
    km = {found["crew"]: found["km"] for found in await rows(conn, SQL.driven, today)}
    pinned = {one["order_id"] for one in overrides if one["kind"] == "pin"}
    lengths = {segment.id: segment.length_m for segment in district.segments}
    held = {one["crew"] for one in overrides if one["kind"] == "hold"}
    shown = []
    for crew in district.crews:
        mine = orders.get(crew.id, [])
        place = places.get(crew.id)
        shown.append(
            _crew(crew, mine, runs.get(crew.id, []), water.get(crew.id, []), place, now, since,
                  until, zone, pinned)
            | {
                "condition": "held" if crew.id in held
                else (plan["crews"] or {}).get(crew.id) if plan else None,
                "today": day_of(done.get(crew.id), km.get(crew.id), mine, lengths, now),
            }
        )  # fmt: skip
    return {
        "now": now,
        "since": since,
        "until": until,
        "plan": plan["id"] if plan else None,
        "plan_at": plan["issued_at"] if plan else None,
        "trigger": plan["trigger"] if plan else None,
        "crews": shown,
        "weather": [
            {"start": start, "end": end, "code": code}
            for start, end, code in gantt.bands(weather, since, seen_until)
        ],
        "left_out": left,
        "overrides": overrides,
        "today": {
            name: sum(crew["today"][name] for crew in shown)
            for name in day_of(None, None, [], {}, now)
        },
    }


def by_crew(found: Sequence[dict[str, Any]]) -> Rows:
    """Rows that come in the order of their crews."""
    return {crew: list(mine) for crew, mine in groupby(found, key=itemgetter("crew"))}


def _crew(
    crew: Crew,
    orders: Sequence[Mapping[str, Any]],
    runs: Sequence[Mapping[str, Any]],
    water: Sequence[Mapping[str, Any]],
    place: Mapping[str, Any] | None,
    now: datetime,
    since: datetime,
    until: datetime,
    zone: ZoneInfo,
    pinned: set[str],
) -> dict[str, Any]:
    told = [gantt.Run(run["state"], run["since"], run["until"]) for run in runs]
    drawn = [bar for bar in gantt.bars(orders, told, now) if bar.end > since and bar.start < until]
    litres = place["water_l"] if place else None
    return {
        "crew": crew.id,
        "state": place["state"] if place else None,
        "seen_at": place["ts"] if place else None,
        "lon": place["lon"] if place else None,
        "lat": place["lat"] if place else None,
        "water_l": litres,
        "shifts": gantt.shift_spans(crew.shifts, zone, since, until),
        "bars": [
            {
                "kind": bar.kind, "start": bar.start, "end": bar.end, "planned": bar.planned,
                "order": bar.order, "late": bar.late,
            }
            for bar in drawn
        ],
        "orders": [{**order, "pinned": order["id"] in pinned} for order in orders],
        "water": [(point["ts"], point["water_l"]) for point in water] if crew.tank_l else [],
        "water_ahead": gantt.water_ahead(orders, litres, crew.tank_l, now),
    }  # fmt: skip


def day_of(
    done: Mapping[str, Any] | None,
    km: float | None,
    orders: Sequence[Mapping[str, Any]],
    lengths: Mapping[str, float],
    now: datetime,
) -> dict[str, Any]:
    """A crew's day: what is done (a row of `done`, and `km` driven), and what its orders have yet
    to bring. lengths: metres by segment."""
    standing = [order for order in orders if order["state"] in gantt.OPEN]
    work = [order for order in standing if order["depot"] is None]
    musts = [
        order
        for order in work
        if order["priority"] <= gantt.MUST
        and order["due"] is not None
        and (order["started_at"] is not None or order["due"] < now)
    ]
    in_time = sum(
        order["started_at"] is not None and order["started_at"] <= order["due"] for order in musts
    )
    counted = {order["id"] for order in musts}
    coming = {
        bar.order: bar.late
        for bar in gantt.planned(orders, now)
        if bar.kind == "work" and bar.order not in counted
    }
    to_come = [
        order
        for order in work
        if order["id"] in coming and order["due"] is not None and order["priority"] <= gantt.MUST
    ]
    ahead = sum(path_km(order["path"]) for order in standing if order["state"] != "started")
    ahead += sum(lengths.get(order["segment"], 0.0) for order in work) / 1000
    return {
        "treatments": done["treatments"] if done else 0,
        "water_l": round(done["water_l"], 1) if done else 0.0,
        "km": round(km or 0.0, 2),
        "on_time": (done["on_time"] if done else 0) + in_time,
        "due": (done["due"] if done else 0) + len(musts),
        "treatments_planned": len(work),
        "water_planned_l": round(sum(order["water_l"] for order in work), 1),
        "km_planned": round(ahead, 2),
        "on_time_planned": sum(not coming[order["id"]] for order in to_come),
        "due_planned": len(to_come),
    }


def path_km(path: Sequence[Sequence[float]]) -> float:
    """The length of a drive given by longitudes and latitudes."""
    return sum(
        hypot((b[0] - a[0]) * cos(radians(a[1])), b[1] - a[1]) * KM_PER_DEGREE
        for a, b in pairwise(path)
    )
