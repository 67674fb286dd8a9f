"""How it goes, on one page: what came in and what became of it, who is heard, what waits."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from rich.table import Table

from ingest.spread import Spread
from roaddust.summary import summary
from store.database import Connection, abilities
from store.statements import statements

SQL = statements("completeness")
SUMMARY = statements("summary")
AWAY_AFTER = timedelta(seconds=30)
"""A worker that has not said anything for so long, and did not stop in good order, is away."""


@dataclass(frozen=True, slots=True)
class Worker:
    """What one ingest has counted since its start; latencies in seconds, bounds that half and 99 %
    of the messages are not above."""

    worker: str
    started_at: datetime
    said_at: datetime
    state: str
    mqtt: str
    received: int
    stored: int
    duplicates: int
    dead: int
    in_hand: int
    rows_p50: float | None
    arrival_p50_s: float | None
    arrival_p99_s: float | None
    ts_p50_s: float | None
    ts_p99_s: float | None


@dataclass(frozen=True, slots=True)
class Station:
    """heard_at: when something of it was stored last; every_s: its usual interval; complete: the
    part of the last 24 h that is there."""

    station: str
    heard_at: datetime
    newest_ts: datetime
    every_s: float | None
    silent_since: datetime | None
    complete: float | None


@dataclass(frozen=True, slots=True)
class Status:
    """now: the platform's time. outbox: messages that wait to leave; unseen_batches: those that
    analytics has not taken in. letters, letters_day: dead letters by reason, all and of a day."""

    now: datetime
    database: str
    workers: tuple[Worker, ...]
    stations: tuple[Station, ...]
    outbox: int
    unseen_batches: int
    letters: Mapping[str, int]
    letters_day: Mapping[str, int]
    figures: Mapping[str, Any]


def status(conn: Connection, now: datetime, wall_now: datetime, zone: tzinfo) -> Status:
    """Ask the store. now: the platform's time; wall_now: the wall's, by which workers live."""
    complete = _complete(conn, now, zone)
    outbox, unseen = conn.execute(SUMMARY.waiting).fetchone() or (0, 0)
    figures = summary(conn)
    return Status(
        now=now,
        database=abilities(conn).words,
        workers=tuple(_worker(row, wall_now) for row in conn.execute(SQL.workers).fetchall()),
        stations=tuple(
            Station(station, heard_at, newest_ts, every_s, since, complete.get(station))
            for station, heard_at, newest_ts, every_s, since in conn.execute(
                SQL.stations_heard
            ).fetchall()
        ),
        outbox=outbox,
        unseen_batches=unseen,
        letters=figures["dead_letters_by_reason"],
        letters_day=dict(
            conn.execute(SUMMARY.dead_letters_since, {"since": now - timedelta(days=1)}).fetchall()
        ),
        figures=figures,
    )


def _complete(conn: Connection, now: datetime, zone: tzinfo) -> dict[str, float]:
    """Of each station the part of the last 24 h that is there."""
    span = {"first": now - timedelta(days=1), "last": now, "zone": str(zone), "stations": None}
    expected: Counter[str] = Counter()
    received: Counter[str] = Counter()
    for station, *_, of_day, there, _in_time in conn.execute(SQL.completeness, span):
        expected[station] += of_day
        received[station] += there
    return {station: received[station] / expected[station] for station in expected}


def _worker(row: tuple[Any, ...], wall_now: datetime) -> Worker:
    (name, started_at, said_at, stopped, mqtt, messages, _batches, in_hand,
     stored, duplicates, dead, spreads) = row  # fmt: skip
    rows, arrival, ts = (
        Spread.of_json(spreads[one]) for one in ("batch_rows", "arrival_s", "ts_s")
    )
    away = wall_now - said_at > AWAY_AFTER
    return Worker(
        worker=name,
        started_at=started_at,
        said_at=said_at,
        state="stopped" if stopped else "away" if away else "running",
        mqtt=mqtt,
        received=messages,
        stored=sum(stored.values()),
        duplicates=sum(duplicates.values()),
        dead=sum(dead.values()),
        in_hand=0 if stopped or away else in_hand,
        rows_p50=rows.quantile(0.5),
        arrival_p50_s=arrival.quantile(0.5),
        arrival_p99_s=arrival.quantile(0.99),
        ts_p50_s=ts.quantile(0.5),
        ts_p99_s=ts.quantile(0.99),
    )


# For people -----------------------------------------------------------------------------------

_STATES = {"running": "运行 running", "stopped": "已停 stopped", "away": "[red]失联 away[/red]"}


def lines(its: Status, zone: tzinfo) -> list[Table | str]:
    """The page, in both languages."""
    episodes = sum(sum(levels.values()) for levels in its.figures["episodes"].values())
    return [
        f"平台时间 platform time  {its.now.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        f"数据库 database         {its.database}",
        f"待发 waiting to leave    {its.outbox}",
        f"待算 batches not seen    {its.unseen_batches}",
        f"读数 readings stored     {its.figures['readings_stored']}",
        f"事件 episodes            {episodes}",
        f"工单 orders              {_counts(its.figures['orders'])}",
        _workers(its, zone),
        _stations(its, zone),
        f"死信 dead letters        {_counts(its.letters)}",
        f"  24 h                   {_counts(its.letters_day)}",
    ]


def _workers(its: Status, zone: tzinfo) -> Table:
    table = Table(
        "接入 ingest", "状态 state", "自 since", "MQTT", "收到 received", "入库 stored",
        "重复 duplicates", "死信 dead", "在手 in hand", "批 rows/batch",
        "到达后 after arrival p50/p99", "测后 after ts p50/p99",
    )  # fmt: skip
    for one in its.workers:
        table.add_row(
            one.worker,
            _STATES[one.state],
            f"{one.started_at.astimezone(zone):%m-%d %H:%M}",
            one.mqtt,
            *(f"{n}" for n in (one.received, one.stored, one.duplicates, one.dead, one.in_hand)),
            "" if one.rows_p50 is None else f"≤{one.rows_p50:g}",
            _latency(one.arrival_p50_s, one.arrival_p99_s),
            _latency(one.ts_p50_s, one.ts_p99_s),
        )
    return table


def _stations(its: Status, zone: tzinfo) -> Table:
    table = Table(
        "监测站 station", "最后收到 last heard", "最新读数 newest", "间隔 every",
        "24 h 完整 complete", "静默 silent since",
    )  # fmt: skip
    for one in its.stations:
        silent = one.silent_since
        table.add_row(
            one.station,
            f"{one.heard_at.astimezone(zone):%m-%d %H:%M:%S}",
            f"{one.newest_ts.astimezone(zone):%m-%d %H:%M:%S}",
            "?" if one.every_s is None else f"{one.every_s:g} s",
            "" if one.complete is None else f"{one.complete:.1%}",
            "" if silent is None else f"[red]{silent.astimezone(zone):%m-%d %H:%M}[/red]",
        )
    return table


def _latency(p50_s: float | None, p99_s: float | None) -> str:
    if p50_s is None and p99_s is None:
        return ""
    return " / ".join("> 300 s" if s is None else f"≤{s:g} s" for s in (p50_s, p99_s))


def _counts(by: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(by.items())) or "0"


def as_dict(its: Status) -> dict[str, Any]:
    """For programs: the figures of the summary at the top, as they always were."""
    rest = asdict(its)
    figures = rest.pop("figures")
    return {"database": its.database, **figures, **rest}
