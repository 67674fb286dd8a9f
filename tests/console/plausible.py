"""Three plausible hours of a district in the database, for tests and for looking at the pages."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from psycopg.types.json import Jsonb

from geo.district import District
from store.database import Connection

NOW = datetime(2026, 3, 2, 2, 17, 20, tzinfo=UTC)
"""10:17 in the morning in Shenzhen."""
MINUTES = 180
SEED = 7

LEVELS = (50.0, 80.0, 160.0)
WORST = {"XH07N": 175.0, "XH09N": 112.0, "XH03S": 96.0, "MW03": 66.0, "XH12S": 74.0, "YP02": 58.0}
"""What these streets add at their worst, µg/m³."""
STALE = ("CL02", "CL03")
UNMEASURED = ("HH01", "HH02", "HH03", "EW01", "EW02", "LH01")
HOSTILE = (
    '<img src=x onerror="document.title=1">\'"; DROP TABLE users; -- <script>alert(1)</script>'
)


def fill(conn: Connection, district: District, now: datetime = NOW) -> None:
    """Readings, minutes, episodes, plans, orders, verdicts and positions up to `now`. Commits."""
    rng = np.random.default_rng(SEED)
    last = now.replace(second=0, microsecond=0)
    times = [last - timedelta(minutes=MINUTES - 1 - i) for i in range(MINUTES)]
    background = 62 + 9 * np.sin(np.linspace(0, 3.4, MINUTES)) + rng.normal(0, 1.5, MINUTES)
    _fill_minutes(conn, district, times, background, rng)
    _fill_readings(conn, district, times, background, rng)
    _fill_foreseen(conn, district, last)
    _fill_plan(conn, district, last)
    _fill_episodes(conn, last)
    _fill_positions(conn, district, now)
    conn.execute(
        "INSERT INTO batches (kind, stored_at, min_ts, rows) VALUES ('readings', %s, %s, 28)",
        (now - timedelta(seconds=5), last),
    )
    conn.commit()


def _fill_foreseen(conn: Connection, district: District, last: datetime) -> None:
    """Of the last quarter of an hour, for every segment that is treated."""
    at = last - timedelta(minutes=last.minute % 15)
    segments = [segment.id for segment in district.segments.values() if segment.treat]
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO segment_forecasts (segment, ts, horizon_min, q10, q25, q50, q75, q90,"
            " chance_1, chance_2, chance_3) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (segment, at, horizon, 25, 33, 42, 55, 40 + horizon / 4, 0.4, horizon / 500, 0)
                for segment in segments
                for horizon in (15, 60, 180)
            ],
        )
        cursor.executemany(
            "INSERT INTO treatment_worth (segment, treatment, ts, spared, spared_sd, dose)"
            " VALUES (%s, %s, %s, %s, 900, 12000)",
            [
                (segment, treatment, at, spared)
                for segment in segments
                for treatment, spared in (("wash", 4200), ("sweep", 2100), ("heavy_clean", 5400))
            ],
        )


def _levels(increment: float) -> int:
    return sum(increment >= limit for limit in LEVELS)


def _fill_minutes(
    conn: Connection,
    district: District,
    times: list[datetime],
    background: np.ndarray,
    rng: np.random.Generator,
) -> None:
    rows: list[tuple[Any, ...]] = []
    shape = 1 / (1 + np.exp(-(np.arange(MINUTES) - MINUTES * 0.62) / 9))
    for segment in district.segments.values():
        if not segment.treat:
            continue
        base = 12 + 18 * rng.random()
        worst = WORST.get(segment.id, base + 12 * rng.random())
        increment = base + (worst - base) * shape + rng.normal(0, 3.2, MINUTES)
        if segment.id == "XH05S":
            # Washed eighty minutes ago: high before, low after.
            increment = np.where(np.arange(MINUTES) < MINUTES - 80, 92, 34) + rng.normal(
                0, 5, MINUTES
            )
        until = MINUTES - 25 if segment.id in STALE else MINUTES
        for i in range(until):
            hidden = segment.id in UNMEASURED
            value = float(max(-4.0, increment[i]))
            rows.append(
                (
                    segment.id,
                    times[i],
                    None if hidden else float(background[i]) + value,
                    float(background[i]),
                    None if hidden else value,
                    0 if hidden else _levels(value),
                    0.0 if hidden else 0.55 if segment.oneway else 0.9,
                    None if hidden or value < LEVELS[0] else "road",
                    times[-78] if segment.id == "XH05S" and i >= MINUTES - 78 else None,
                    max(value, 1.0) * 1.08,
                    max(value, 1.0) * 0.6,
                    max(value, 1.0) * 1.7,
                )
            )
    with (
        conn.cursor() as cursor,
        cursor.copy(
            "COPY segment_minutes (segment, ts, pm10, background, increment, level, confidence,"
            " cause, treated_at, estimate, low, high) FROM STDIN"
        ) as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _fill_readings(
    conn: Connection,
    district: District,
    times: list[datetime],
    background: np.ndarray,
    rng: np.random.Generator,
) -> None:
    silent = list(district.stations)[5]
    never = list(district.stations)[13]
    for station in district.stations.values():
        if station.id == never:
            continue
        for i in range(MINUTES - 30, MINUTES - (18 if station.id == silent else 0)):
            pm10 = float(background[i] + 25 * rng.random())
            conn.execute(
                "INSERT INTO readings (station, ts, pm10, pm25, tsp, temp, rh, wind_speed,"
                " wind_dir, source, stored_at) VALUES"
                " (%s, %s, %s, %s, %s, 19.5, 71, %s, %s, 'json', %s)",
                (
                    station.id,
                    times[i],
                    pm10,
                    0.45 * pm10,
                    1.7 * pm10,
                    2.4 + float(rng.normal(0, 0.3)),
                    128 + float(rng.normal(0, 9)),
                    times[i],
                ),
            )


ORDERS: list[tuple[str, str, int, str, str, str, str | None, int, int, int, str]] = [
    # id, crew, seq, state, treatment, place, episode, minutes from now, how long, priority, reason
    ("O-1001", "WATER-A", 1, "done", "wash", "XH05S", "E-20260302-0035-XH05S-inc60", -88, 9, 2,
     "南行路段增量 60 分钟均值 92，超过 80"),
    ("O-1002", "WATER-A", 2, "done", "refill", "WATER-1", None, -70, 10, 4, "水量不足 3 m³"),
    ("O-1003", "WATER-A", 3, "started", "wash", "XH07N", "E-20260302-0149-XH07N-inc60", -3, 11, 1,
     "增量已达严重等级，小南山消纳场出口，上风向 128°"),
    ("O-1004", "WATER-A", 4, "accepted", "wash", "XH09N", "E-20260302-0155-XH09N-inc15", 12, 9, 2,
     "增量 15 分钟均值超标，与前一指令同方向，顺路"),
    ("O-1005", "WATER-A", 5, "sent", "wash", "MW03", None, 34, 8, 3, "妈湾大道今日第 2 次例行洗扫"),
    ("O-1006", "WATER-A", 6, "sent", "return", "DEPOT-1", None, 58, 5, 4, "班次结束"),
    ("O-1011", "FOG-A", 1, "accepted", "fog", "XH03S", "E-20260302-0203-XH03S-inc15", 6, 20, 2,
     "下风向有居民 640 人，先以雾炮压尘"),
    ("O-1012", "FOG-A", 2, "sent", "fog", "SITE-SPOIL-1", None, 40, 30, 3,
     "消纳场出口近 1 小时 14 辆未冲洗车辆"),
    ("O-1021", "HEAVY-A", 1, "refused", "heavy_clean", "XH12S", "E-20260302-0201-XH12S-inc60", -20,
     15, 2, "路面积泥，机扫无效"),
    ("O-1022", "HEAVY-A", 2, "sent", "heavy_clean", "XH12S", "E-20260302-0201-XH12S-inc60", 18, 15,
     2, "路面积泥，机扫无效；班组拒绝后改派"),
    ("O-1031", "HAND-A", 1, "silent", "hand_wash", "YP02", None, -35, 20, 3, "人行道冲洗"),
]  # fmt: skip


def _fill_plan(conn: Connection, district: District, last: datetime) -> None:
    issued = last - timedelta(minutes=6)
    conn.execute(
        "INSERT INTO plans (id, issued_at, trigger, solver, body) VALUES"
        " ('P-20260302-0211', %s, 'episode', '{}', '{}')",
        (issued,),
    )
    for (
        id_,
        crew,
        seq,
        state,
        treatment,
        place,
        episode,
        start,
        minutes,
        priority,
        reason,
    ) in ORDERS:
        eta = last + timedelta(minutes=start)
        begun = eta if state in ("done", "started") else None
        ended = state in ("done", "refused", "silent", "failed")
        line = district.segments[place].line.coords if place in district.segments else []
        conn.execute(
            "INSERT INTO orders (id, crew, plan, seq, treatment, segment, site, depot, direction,"
            " path, eta, due, minutes, water_l, priority, episode, reason, state, issued_at,"
            " started_at, ended_at, outcome) VALUES (%s, %s, 'P-20260302-0211', %s, %s, %s, %s, %s,"
            " 'forward', %s, %s, NULL, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                id_,
                crew,
                seq,
                treatment,
                place if place in district.segments else None,
                place if place in district.sites else None,
                place if place not in district.segments and place not in district.sites else None,
                Jsonb([list(point) for point in line]),
                eta,
                minutes,
                0 if treatment in ("refill", "return") else 340,
                priority,
                episode,
                reason,
                state,
                issued,
                begun,
                eta + timedelta(minutes=minutes) if ended else None,
                "车辆水泵故障，约 30 分钟修复" if state == "refused" else None,
            ),
        )
    conn.execute(
        "INSERT INTO verdicts (order_id, segment, treatment, done_at, judged_at, effective,"
        " reduction_pct, low, high, method, model_pct, model_low, model_high, differences_pct,"
        " differences_low, differences_high, disagree) VALUES"
        " ('O-1001', 'XH05S', 'wash', %s, %s, true, 41.3, 22.0, 57.5, 'model of the street',"
        " 41.3, 22.0, 57.5, -12.0, -40.5, 8.0, true)",
        (last - timedelta(minutes=79), last - timedelta(minutes=14)),
    )


def _cause(
    kind: str, probability: float, evidence: str, site: str | None = None, also: str | None = None
) -> dict[str, Any]:
    """With its evidence in the other language, but for what was stored before there was one."""
    told = {"kind": kind, "site": site, "probability": probability, "evidence": evidence}
    return told | ({"also": also} if also else {})


def _fill_episodes(conn: Connection, last: datetime) -> None:
    site = _cause(
        "site",
        0.64,
        "风向 128°，小南山消纳场位于上风向 310 m；近 1 小时出口摄像头记录 14 辆未冲洗车辆",
        "SITE-SPOIL-1",
        "Xiaonanshan spoil site, 310 m away; upwind (2.4 m/s from 128°); unwashed trucks: 14.",
    )
    road = _cause(
        "road", 0.27, "粗颗粒占比 0.61，重车 96 辆/小时，上次洗扫已过 5 小时",
        also="Coarse particles are 61%; heavy trucks in the last hour: 96.",
    )  # fmt: skip
    regional = _cause("regional", 0.09, "背景值 71，6 小时内上升 9")
    episodes: list[tuple[Any, ...]] = [
        # id, segment, rule, level, state, minutes ago, peak, ended ago, causes, verdict, seen by
        ("E-20260302-0149-XH07N-inc60", "XH07N", "inc60", 3, "active", 28, 181.0, None,
         [site, road, regional], None, None),
        ("E-20260302-0155-XH09N-inc15", "XH09N", "inc15", 1, "active", 22, 118.4, None,
         [road, regional], None, None),
        ("E-20260302-0203-XH03S-inc15", "XH03S", "inc60", 2, "active", 14, 99.2, None,
         [road], None, "admin"),
        ("E-20260302-0201-XH12S-inc60", "XH12S", "inc60", 1, "recovering", 46, 83.0, None,
         [], None, None),
        ("E-20260302-0035-XH05S-inc60", "XH05S", "inc60", 2, "closed", 102, 97.0, 35,
         [road], {"effective": True, "reduction_pct": 41.3, "low": 22.0, "high": 57.5}, "admin"),
    ]  # fmt: skip
    for id_, segment, rule, level, state, ago, peak, ended, causes, verdict, seen in episodes:
        started = last - timedelta(minutes=ago)
        conn.execute(
            "INSERT INTO episodes (id, segment, rule, level, state, started_at, peak_at, peak,"
            " ended_at, causes, verdict, acknowledged_by, acknowledged_at, updated_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                id_, segment, rule, level, state, started, started + timedelta(minutes=ago // 2),
                peak, last - timedelta(minutes=ended) if ended else None, Jsonb(causes),
                Jsonb(verdict) if verdict else None, seen, started if seen else None, started,
            ),
        )  # fmt: skip
        log = [("analytics", "opened", {}), ("analytics", "activated", {"level": level})]
        if causes:
            log.append(("analytics", "cause", {}))
        log.append(
            ("dispatch", "order", {"order": "O-1003", "crew": "WATER-A", "treatment": "wash",
                                   "eta": (started + timedelta(minutes=9)).isoformat()})
        )  # fmt: skip
        if state == "closed":
            log += [("analytics", "closed", {}), ("analytics", "verdict", verdict)]
        for i, (actor, event, detail) in enumerate(log):
            conn.execute(
                "INSERT INTO episode_log (episode, at, actor, event, detail)"
                " VALUES (%s, %s, %s, %s, %s)",
                (id_, started + timedelta(minutes=2 * i), actor, event, Jsonb(detail)),
            )


def _fill_positions(conn: Connection, district: District, now: datetime) -> None:
    segments = [segment for segment in district.segments.values() if segment.treat]
    states = ["working", "idle", "off", "driving", "driving", "refilling", "broken"]
    for i, (crew, state) in enumerate(zip(district.crews.values(), states, strict=False)):
        segment = district.segments["XH07N"] if i == 0 else segments[(i * 11) % len(segments)]
        for step in range(10):
            share = 0.2 + 0.06 * step if state in ("working", "driving") else 0.5
            point = segment.line.interpolate(share, normalized=True)
            conn.execute(
                "INSERT INTO positions (crew, ts, lon, lat, speed_kmh, water_l, state, stored_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    crew.id,
                    now - timedelta(seconds=10 * (9 - step)),
                    point.x,
                    point.y,
                    {"working": 10.0, "driving": 36.0}.get(state, 0.0),
                    math.floor(1000 * crew.tank_m3 * (0.9 - 0.13 * i)),
                    state,
                    now,
                ),
            )
