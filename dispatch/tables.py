"""Facts out of the tables, and plans into them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from dispatch.facts import (
    CrewPast,
    CrewReport,
    Ended,
    Episode,
    Facts,
    Flag,
    Order,
    Present,
    Street,
    Weather,
    Worth,
)
from dispatch.ledger import load_overrides, open_complaints
from dispatch.life import Change, Progress
from dispatch.messages import Message
from dispatch.places import Places
from dispatch.settings import DispatchSettings
from dispatch.triggers import PlanInForce
from dispatch.wants import GATE_FAILURES, SIGHTINGS, Exclusion
from dispatch.words import other, plain
from geo.district import District
from store.database import Connection
from store.statements import statements

SQL = statements("dispatch")

_ORDER_FIELDS = tuple(field.name for field in fields(Order))

_LATELY = timedelta(hours=2)
_FRESH_MINUTES = timedelta(minutes=15)
_RAIN_SPAN = timedelta(minutes=30)
_NEAR_M = 150.0

# One day's work and the longest useful life are what is asked for; a year of orders is not.
_MEMORY = timedelta(hours=48)
_DAY = timedelta(hours=24)


def load_progress(conn: Connection) -> list[Progress]:
    """What crews have said that has not been taken in yet, in the order of arrival."""
    return [Progress(*row) for row in conn.execute(SQL.unapplied_progress)]


def load_orders(conn: Connection, ids: Sequence[str]) -> dict[str, Order]:
    """Orders by id; those that do not exist are left out."""
    return {row[0]: _order(row) for row in conn.execute(SQL.orders_by_id, {"ids": list(ids)})}


def load_present(conn: Connection, district: District, now: datetime) -> Present:
    """What every step looks at."""
    past = conn.execute(SQL.crews_past, {"since": now - _MEMORY, "lately": now - _LATELY})
    reports = conn.execute(SQL.reports, {"crews": list(district.crews), "now": now})
    return Present(
        now=now,
        episodes=tuple(
            episode
            for episode in map(_episode, conn.execute(SQL.open_episodes))
            if _known(episode, district)
        ),
        open_orders=tuple(map(_order, conn.execute(SQL.open_orders))),
        past={row[0]: CrewPast(row[1], row[2], row[3], tuple(row[4])) for row in past},
        reports={row[0]: CrewReport(*row) for row in reports},
        weather=_weather(conn, district, now),
        overrides=load_overrides(conn, now),
        complaints=open_complaints(conn),
    )


def load_facts(
    conn: Connection,
    present: Present,
    district: District,
    places: Places,
    settings: DispatchSettings,
    hindrance_before: str | None,
) -> Facts:
    """What a plan is made from; `hindrance_before` is that of the plan in force."""
    now = present.now
    treated = [segment.id for segment in district.segments.values() if segment.treat]
    span = {"now": now, "since": now - _FRESH_MINUTES}
    streets = conn.execute(SQL.streets, {"segments": treated, **span})
    since = now - timedelta(minutes=settings.worth_fresh_min)
    worths = conn.execute(SQL.worths, {"segments": treated, "now": now, "since": since})
    ended = conn.execute(SQL.ended_orders, {"since": now - _MEMORY})
    usual_price, begun = _usual_price(conn, now)
    return Facts(
        now=now,
        episodes=present.episodes,
        ended=tuple(Ended(*row) for row in ended),
        weather=present.weather,
        hindrance_before=hindrance_before,
        ordered=frozenset((order.place, order.treatment) for order in present.open_orders),
        streets={segment: Street(*values) for segment, *values in streets},
        flags=_flags(conn, district, places, present, settings),
        worths=tuple(Worth(*row) for row in worths),
        usual_price=usual_price,
        begun=begun,
        overrides=present.overrides,
    )


def _usual_price(conn: Connection, now: datetime) -> tuple[float | None, datetime | None]:
    row = conn.execute(SQL.usual_price, {"since": now - _DAY, "now": now}).fetchone()
    assert row is not None
    return row[0], row[1]


def load_plan_in_force(conn: Connection) -> PlanInForce | None:
    """The newest plan, if there ever was one."""
    row = conn.execute(SQL.plan_in_force).fetchone()
    return None if row is None else PlanInForce(row[0], row[1], row[2]["situation"])


def load_told(conn: Connection, plan: str | None) -> dict[str, Message]:
    """What each crew has been told last."""
    row = conn.execute(SQL.plan_body, {"plan": plan}).fetchone()
    return {} if row is None else row[0]


def free_plan_id(conn: Connection, now: datetime) -> str:
    """An id from the time, with a number where two plans fall into one second."""
    stamp = f"P-{now:%Y%m%d-%H%M%S}"
    name, number = stamp, 1
    while _one(conn, SQL.plan_exists, {"id": name}):
        number += 1
        name = f"{stamp}-{number}"
    return name


def save_changes(conn: Connection, changes: Sequence[Change]) -> None:
    """What became of orders, and the lines of their log."""
    if not changes:
        return
    rows = {change.order.id: _row(change.order) for change in changes}
    conn.execute(SQL.change_orders, {"rows": _json(list(rows.values()))})
    log_orders(
        conn,
        [
            (
                change.order.id,
                change.at,
                change.actor,
                change.event,
                _without_none(
                    {
                        "reason": change.reason,
                        "also": other(change.reason or ""),
                        "water_l": change.water_l,
                    }
                ),
            )
            for change in changes
        ],
    )


def log_orders(
    conn: Connection, lines: Sequence[tuple[str, datetime, str, str, Mapping[str, Any]]]
) -> None:
    """Lines (order, at, actor, event, detail) of the orders' log."""
    if not lines:
        return
    keys = ("order_id", "at", "actor", "event", "detail")
    rows = [dict(zip(keys, line, strict=True)) | {"n": n} for n, line in enumerate(lines)]
    conn.execute(SQL.log_orders, {"rows": _json(rows)})


def log_episodes(
    conn: Connection, at: datetime, lines: Sequence[tuple[str, str, Mapping[str, Any]]]
) -> None:
    """Lines (episode, event, detail) of the episodes' log."""
    if lines:
        keys = ("episode", "event", "detail")
        rows = [dict(zip(keys, line, strict=True)) | {"n": n} for n, line in enumerate(lines)]
        conn.execute(SQL.log_episodes, {"at": at, "rows": _json(rows)})


def mark_applied(conn: Connection, progress: Iterable[Progress]) -> None:
    """These words have been taken in."""
    ids = [word.id for word in progress]
    if ids:
        conn.execute(SQL.progress_applied, {"ids": ids})


def save_plan(
    conn: Connection,
    plan: str,
    issued_at: datetime,
    trigger: str,
    solver: Mapping[str, Any],
    told: Mapping[str, Message],
    price: float | None,
) -> None:
    """A plan with what it was made from, what every crew has been told, and what a second of a
    crew was worth."""
    conn.execute(
        SQL.add_plan,
        {
            "id": plan,
            "issued_at": issued_at,
            "trigger": trigger,
            "solver": _json(solver),
            "body": _json(told),
            "price": price,
        },
    )


def save_orders(conn: Connection, orders: Sequence[Order]) -> None:
    """Orders of a plan, new or brought up to date; what crews have said of them stays."""
    if orders:
        conn.execute(SQL.put_orders, {"rows": _json([_row(order) for order in orders])})


def save_decisions(
    conn: Connection, plan: str, chosen: Iterable[Order], excluded: Iterable[Exclusion]
) -> None:
    """One row per place: the most urgent order there, or the first reason against one."""
    rows: dict[str, dict[str, Any]] = {}
    for order in sorted(chosen, key=lambda o: (o.priority, o.eta, o.id)):
        if order.depot is None and order.place not in rows:
            detail = _without_none(
                {
                    "order": order.id, "crew": order.crew, "priority": order.priority,
                    "also": order.also,
                }
            )  # fmt: skip
            rows[order.place] = {
                "place": order.place, "treatment": order.treatment, "chosen": True,
                "reason": order.reason, "detail": detail,
            }  # fmt: skip
    for exclusion in sorted(excluded, key=lambda e: e.episode is None):
        if exclusion.place not in rows:
            rows[exclusion.place] = {
                "place": exclusion.place, "treatment": exclusion.treatment, "chosen": False,
                "reason": exclusion.reason.text,
                "detail": _without_none(
                    {
                        "code": exclusion.reason.code, "episode": exclusion.episode,
                        "also": other(exclusion.reason.text),
                    }
                ),
            }  # fmt: skip
    conn.execute(SQL.add_decisions, {"plan": plan, "rows": _json(list(rows.values()))})


def _weather(conn: Connection, district: District, now: datetime) -> Weather:
    span = {"stations": list(district.stations), "since": now - _RAIN_SPAN, "now": now}
    row = conn.execute(SQL.weather, span).fetchone()
    return Weather() if row is None else Weather(*row)


def _flags(
    conn: Connection,
    district: District,
    places: Places,
    present: Present,
    settings: DispatchSettings,
) -> tuple[Flag, ...]:
    now = present.now
    span = {"since": now - timedelta(minutes=settings.flag_life_min), "now": now}
    kinds = sorted((SIGHTINGS | GATE_FAILURES) - {"complaint"})
    flags = []
    for ts, kind, source, segment, site, lon, lat in conn.execute(
        SQL.flags, {"kinds": kinds, **span}
    ):
        camera = district.cameras.get(source)
        if segment is None and site is None and lon is None and camera is not None:
            segment, site = camera.segment, camera.site
        segment = segment or _nearest(places, lon, lat)
        flags.append(Flag(ts, kind, segment, site))
    # A complaint asks for work until it has an outcome, however long that takes.
    channels, ids = [], []
    for ref in present.complaints:
        channel, _, identity = ref.partition("/")
        channels.append(channel)
        ids.append(identity)
    for ts, segment, lon, lat in conn.execute(
        SQL.complaints, {"channels": channels, "ids": ids, **span}
    ):
        flags.append(Flag(ts, "complaint", segment or _nearest(places, lon, lat), None))
    return tuple(
        flag
        for flag in flags
        if (flag.segment is None or flag.segment in district.segments)
        and (flag.site is None or flag.site in district.sites)
    )


def _nearest(places: Places, lon: float | None, lat: float | None) -> str | None:
    if lon is None or lat is None:
        return None
    return places.nearest_segment(lon, lat, _NEAR_M)


def _known(episode: Episode, district: District) -> bool:
    return (episode.segment in district.segments) or (episode.site in district.sites)


def _episode(row: Sequence[Any]) -> Episode:
    causes: list[dict[str, Any]] = row[7]
    # Of causes equally likely the first named stands.
    likeliest = max(causes, key=lambda cause: cause.get("probability") or 0.0, default=None)
    kind, site = (likeliest.get("kind"), likeliest.get("site")) if likeliest else (None, None)
    identity, segment, at_site, rule, level, state, started_at = row[:7]
    return Episode(identity, segment, at_site, rule, level, state, started_at, kind, site, *row[8:])


def _order(row: Sequence[Any]) -> Order:
    values = list(row)
    values[9] = tuple((lon, lat) for lon, lat in values[9])
    return Order(*values)


def _row(order: Order) -> dict[str, Any]:
    return {name: getattr(order, name) for name in _ORDER_FIELDS}


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _json(value: Any) -> Jsonb:
    return Jsonb(value, dumps=_encode)


def _encode(value: Any) -> bytes:
    return msgspec.json.encode(value, enc_hook=plain)


def _one(conn: Connection, statement: bytes, parameters: Mapping[str, Any]) -> Any:
    row = conn.execute(statement, parameters).fetchone()
    return None if row is None else row[0]
