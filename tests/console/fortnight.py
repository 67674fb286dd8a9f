"""Two small weeks in the database, with every kind of row that a report is made of.

Little of everything, so that it can be worked out again in plain Python; nothing is as it would be.
"""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from store.database import Connection

FIRST = date(2026, 3, 2)
"""A Monday; the week before it is filled too."""
START = datetime(2026, 2, 22, 16, 0, tzinfo=UTC)
"""Local midnight of the Monday before."""
NOW = datetime(2026, 3, 9, 1, 0, tzinfo=UTC)
SEGMENTS = ("XH01N", "XH02N", "XH07N", "MW03", "YP02")
STATIONS = ("ST01", "ST02", "SS01")
SITES = ("SITE-SPOIL-1", "SITE-BUILD-1")
CREWS = ("WATER-A", "SWEEP-A", "FOG-A")
KINDS = ("wash", "sweep", "fog", "heavy_clean")
HOSTILE = '=HYPERLINK("http://evil") <img src=x> #panic("x") *粗* $1$ @SUM(1)'
TABLES = (
    "readings", "segment_minutes", "flags", "episodes", "orders", "services", "verdicts",
    "matters", "concerns", "escalation_log", "overrides", "events", "positions", "notices",
    "reports", "learned_effects", "segment_forecasts",
)  # fmt: skip


def put(conn: Connection, table: str, rows: list[dict[str, Any]]) -> None:
    """Insert rows that are alike."""
    names = list(rows[0])
    marks = ", ".join(f"%({name})s" for name in names)
    with conn.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})".encode(), rows
        )


def fill(conn: Connection) -> None:
    """Fourteen local days. Commits."""
    rng = random.Random(11)
    put(conn, "plans", [{"id": "P", "issued_at": START, "trigger": "t", "solver": Jsonb({}),
                         "body": Jsonb({})}])  # fmt: skip
    for n in range(14):
        _fill_day(conn, rng, START + timedelta(days=n), n)
    put(conn, "notices", [
        {"id": "N1", "kind": "haze", "started_at": START + timedelta(days=8, hours=20),
         "ended_at": START + timedelta(days=9, hours=5, minutes=30)},
        {"id": "N2", "kind": "sand_dust", "started_at": START + timedelta(days=6, hours=23),
         "ended_at": START + timedelta(days=7, hours=2)},
    ])  # fmt: skip
    put(conn, "overrides", [
        {"kind": "forbid", "place": "XH07N", "why": HOSTILE, "given_by": "=wang",
         "given_at": START + timedelta(days=9), "until": START + timedelta(days=10)},
    ])  # fmt: skip
    conn.commit()


def _fill_day(conn: Connection, rng: random.Random, midnight: datetime, n: int) -> None:
    worse = 1.0 + 0.6 * (n >= 7)
    minutes = []
    for segment in SEGMENTS:
        for minute in range(1, 181):
            value = 40 * worse * rng.random() + (90 if segment == "XH07N" and minute > 100 else 0)
            measured = segment == "XH01N"
            minutes.append({
                "segment": segment, "ts": midnight + timedelta(hours=9, minutes=minute),
                "pm10": 60 + value, "background": 60 + rng.random(),
                "increment": value if minute % 7 else None,
                "level": sum(value >= limit for limit in (50, 80, 160)),
                "confidence": 1.0 if measured else 0.4,
                "estimate": value * 1.1, "low": value * 0.7, "high": value * 1.6,
            })  # fmt: skip
    put(conn, "segment_minutes", minutes)
    readings, flags = [], []
    for i, station in enumerate(STATIONS):
        for slot in range(1, 24 * 4 + 1):
            if i == 1 and n >= 7 and slot > 60:
                continue
            ts = midnight + timedelta(minutes=15 * slot)
            readings.append({
                "station": station, "ts": ts, "pm10": 80.0, "temp": 15 + rng.random(), "rh": 70.0,
                "wind_speed": 2 * rng.random(),
                "rain": 0.4 if n == 10 and 20 <= slot < 32 else 0.0,
                "source": "json", "stored_at": ts, "late": slot == 5,
            })  # fmt: skip
            if rng.random() < 0.05:
                flags += [
                    {"station": station, "ts": ts, "quantity": "pm10", "test": test, "flag": 3,
                     "reason": "r"} for test in ("range", "spike")
                ]  # fmt: skip
    put(conn, "readings", readings)
    if flags:
        put(conn, "flags", flags)
    _fill_work(conn, rng, midnight, n)
    _fill_episodes(conn, rng, midnight, n)


def _fill_work(conn: Connection, rng: random.Random, midnight: datetime, n: int) -> None:
    for i in range(12):
        kind, crew = rng.choice(KINDS), rng.choice(CREWS)
        order = f"O-{n}-{i}"
        inspect = i == 11
        state = rng.choice(["done"] * 6 + ["refused", "silent", "withdrawn"])
        ended = midnight + timedelta(hours=9, minutes=8 * i + 10)
        put(conn, "orders", [{
            "id": order, "crew": crew, "plan": "P", "seq": i,
            "treatment": "inspect" if inspect else kind,
            "segment": None if inspect else rng.choice(SEGMENTS),
            "site": rng.choice(SITES) if inspect else None, "path": Jsonb([]), "eta": ended,
            "minutes": 5, "water_l": 0 if inspect else 400, "priority": 3, "reason": "r",
            "state": state, "issued_at": ended - timedelta(minutes=40),
            "started_at": ended - timedelta(minutes=5) if state == "done" else None,
            "ended_at": ended,
        }])  # fmt: skip
        if state != "done":
            continue
        proven = rng.choice([True, True, True, False, None])
        put(conn, "services", [{
            "order_id": order, "judged_at": ended, "share": 0.9,
            "worked_m": None if inspect else 300 * rng.random(),
            "water_l": None if inspect or proven is None else 350 * rng.random(),
            "positions": 5, "proven": proven,
        }])  # fmt: skip
        if not inspect and rng.random() < 0.8:
            middle = rng.uniform(-10, 40)
            put(conn, "verdicts", [{
                "order_id": order, "segment": _segment_of(conn, order), "treatment": kind,
                "done_at": ended, "judged_at": ended + timedelta(minutes=66),
                "effective": middle > 12, "reduction_pct": middle, "low": middle - 12,
                "high": middle + 9, "method": "m",
                "disagree": rng.choice([None, None, False, True]),
            }])  # fmt: skip
    put(conn, "learned_effects", [
        {"ts": midnight + timedelta(hours=hour), "treatment": kind, "removes": 0.6, "low": 0.5,
         "high": 0.72} for hour in (1, 12) for kind in KINDS
    ])  # fmt: skip
    put(conn, "positions", [
        {"crew": crew, "ts": midnight + timedelta(minutes=step * (4 if step < 20 else 30)),
         "lon": 113.88 + 0.001 * rng.random(), "lat": 22.47 + 0.001 * rng.random(),
         "stored_at": midnight} for crew in CREWS for step in range(1, 25)
    ])  # fmt: skip
    put(conn, "segment_forecasts", [
        {"segment": segment, "ts": midnight + timedelta(hours=hour), "horizon_min": 60, "q10": 5,
         "q25": 10, "q50": 20, "q75": 30, "q90": 34}
        for segment in SEGMENTS for hour in (9, 10, 11, 15)
    ])  # fmt: skip


def _segment_of(conn: Connection, order: str) -> Any:
    row = conn.execute("SELECT segment FROM orders WHERE id = %s", (order,)).fetchone()
    assert row is not None
    return row[0]


def _fill_episodes(conn: Connection, rng: random.Random, midnight: datetime, n: int) -> None:
    for i in range(4):
        started = midnight + timedelta(hours=rng.randrange(24), minutes=rng.randrange(60))
        site = {"kind": "site", "site": rng.choice(SITES), "probability": 0.55, "evidence": HOSTILE}
        road = {"kind": "road", "site": None, "probability": 0.3, "evidence": "路"}
        causes = rng.choice([[site, road], [road, site], [road], []])
        put(conn, "episodes", [{
            "id": f"E-{n}-{i}", "segment": rng.choice(SEGMENTS),
            "rule": "gate" if i == 3 else rng.choice(["inc60", "inc15"]),
            "level": 1 if i == 3 else rng.choice([1, 2, 2, 3]), "state": "closed",
            "started_at": started,
            "ended_at": started + timedelta(minutes=rng.randrange(10, 300)), "peak": 120,
            "causes": Jsonb([site] if i == 3 else causes), "withdrawn": rng.random() < 0.1,
            "updated_at": started,
        }])  # fmt: skip
        outcome = rng.choice(["treated", "treated", "subsided", "reason", "not_made", "withdrawn"])
        begun = started + timedelta(minutes=rng.randrange(1, 90)) if outcome == "treated" else None
        put(conn, "matters", [{
            "ref": f"E-{n}-{i}", "day": (midnight + timedelta(hours=9)).date(), "kind": "episode",
            "place": "XH07N", "level": 2, "since": started, "opened_at": started,
            "seen_at": started, "due": started + timedelta(minutes=30),
            "ends_at": midnight + timedelta(days=1),
            "answered_at": started + timedelta(minutes=rng.randrange(12)),
            "begun_at": begun, "ended_at": started + timedelta(hours=2), "outcome": outcome,
        }])  # fmt: skip
    put(conn, "events", [
        {"source": "CAM", "id": f"{n}-{i}", "source_kind": "cameras",
         "ts": midnight + timedelta(minutes=1 + rng.randrange(1438)),
         "kind": rng.choice(["unwashed_truck", "wash_bay_idle", "truck_pass"]),
         "site": rng.choice(SITES), "count": 2, "stored_at": midnight, "note": HOSTILE}
        for i in range(25)
    ])  # fmt: skip
    put(conn, "reports", [
        {"channel": "12345", "id": f"{n}", "ts": midnight + timedelta(hours=8),
         "kind": "dust" if n % 3 else "noise", "stored_at": midnight}
    ])  # fmt: skip
    row = conn.execute(
        "INSERT INTO concerns (kind, subject, why, also, since, opened_at, resolved_at)"
        " VALUES (%s, %s, '为何', 'why', %s, %s, %s) RETURNING id",
        (rng.choice(["unmade", "crew"]), f"s{n}", midnight, midnight, midnight),
    ).fetchone()
    assert row is not None
    put(conn, "escalation_log", [
        {"concern": row[0], "at": midnight, "actor": "dispatch", "event": event,
         "role": "dispatcher"} for event in ("opened", "called", "called")
    ])  # fmt: skip
