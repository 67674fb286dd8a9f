"""What the stages write of a district each second, without the stages: for a bench of the console.

One second is one commit of ingest (a reading of every station, a position of every crew) and one of
analytics (a minute of every segment, the episodes that move), each with the NOTIFY that the stage
sends. Analytics writes a minute of every segment once a minute; here it does each second, so that
everything that a page shows changes at once.
"""

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from psycopg.types.json import Jsonb

from geo.district import District
from store.database import Connection
from store.statements import statements

ANALYTICS = statements("analytics")
INGEST = statements("ingest")
OUTBOX = statements("outbox")

HISTORY_MIN = 180
EPISODES = 40
ORDERS_A_CREW = 10
MARKER = "E-bench-marker"
"""The episode whose peak is the number of the second, so that a reader knows what it has seen."""
MINUTE_TYPES = (
    "text", "timestamptz", "float8", "float8", "float8", "int2", "float4", "text", "timestamptz",
    "float4", "float4", "float4",
)  # fmt: skip
LEVELS = (50.0, 80.0, 160.0)
ORDER_ENDS_EVERY = 3
"""Seconds: sixty crews, each with an accepted, a started and a done in ten minutes."""


@dataclass
class Bustle:
    """The writer. `committed` holds when each second was committed, by the wall clock."""

    conn: Connection
    district: District
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    committed: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._segments = [one.id for one in self.district.segments.values() if one.treat]
        self._stations = list(self.district.stations)
        self._crews = list(self.district.crews.values())
        self._loud = {one: 20 + 200 * self.chance.random() ** 3 for one in self._segments}

    def fill(self, now: datetime) -> None:
        """Three hours of minutes, a quarter of readings, episodes and a plan for every crew."""
        last = now.replace(second=0, microsecond=0)
        for ago in range(HISTORY_MIN, -1, -1):
            self._minutes(last - timedelta(minutes=ago))
        for ago in range(15, 0, -1):
            self._readings(last - timedelta(minutes=ago))
        places = self.chance.sample(self._segments, EPISODES)
        for n, segment in enumerate(places):
            self._open(f"E-bench-{n:03}", segment, last - timedelta(minutes=3 + 2 * n))
        self._open(MARKER, places[0], last - timedelta(minutes=1))
        self._plan(last)
        self.conn.commit()

    def second(self, n: int, now: datetime) -> None:
        """One second of both stages, committed."""
        self._readings(now)
        for i, crew in enumerate(self._crews):
            spot = self.district.segments[self._at(i, n)].line.interpolate(
                (n % 100) / 100, normalized=True
            )
            self.conn.execute(
                "INSERT INTO positions (crew, ts, lon, lat, speed_kmh, water_l, state, stored_at)"
                " VALUES (%s, %s, %s, %s, 12, %s, 'working', %s)",
                (crew.id, now, spot.x, spot.y, 8000 - n % 8000, now),
            )
        self.conn.execute(
            "INSERT INTO batches (kind, stored_at, min_ts, rows) VALUES ('readings', %s, %s, %s)",
            (now, now, len(self._stations)),
        )
        self.conn.execute("SELECT pg_notify('roaddust_batches', '')")
        self.conn.commit()
        self._minutes(now)
        self._episodes(n, now)
        if n % ORDER_ENDS_EVERY == 0:
            self._progress(n // ORDER_ENDS_EVERY, now)
        values = {"topics": ["down/bench"], "payloads": [b"{}"], "retains": [False]}
        self.conn.execute("DELETE FROM outbox")
        self.conn.execute(OUTBOX.post, values)
        self.conn.commit()
        self.committed[n] = datetime.now(UTC).timestamp()

    def _at(self, crew: int, n: int) -> str:
        return self._segments[(37 * crew + n // 100) % len(self._segments)]

    def _minutes(self, ts: datetime) -> None:
        background = 60 + 8 * math.sin(ts.timestamp() / 900)
        with self.conn.cursor() as cursor, cursor.copy(ANALYTICS.copy_minutes) as copy:
            copy.set_types(MINUTE_TYPES)
            for segment in self._segments:
                value = self._loud[segment] + self.chance.gauss(0, 4)
                level = sum(value >= limit for limit in LEVELS)
                copy.write_row(
                    (
                        segment, ts, background + value, background, value, level, 0.8,
                        "road" if level else None, None, value, value * 0.7, value * 1.4,
                    )
                )  # fmt: skip

    def _readings(self, ts: datetime) -> None:
        with (
            self.conn.cursor() as cursor,
            cursor.copy(
                "COPY readings (station, ts, pm10, pm25, tsp, temp, rh, wind_speed, wind_dir,"
                " source, stored_at) FROM STDIN"
            ) as copy,
        ):
            for station in self._stations:
                pm10 = 60 + 40 * self.chance.random()
                copy.write_row(
                    (
                        station, ts, pm10, pm10 * 0.45, pm10 * 1.7, 19.5, 71.0,
                        2 + self.chance.random(), 120 + 20 * self.chance.random(), "json", ts,
                    )
                )  # fmt: skip

    def _open(self, id_: str, segment: str, started: datetime) -> None:
        causes = [
            {"kind": "road", "site": None, "probability": 0.7, "evidence": "重车 96 辆/小时"},
            {"kind": "regional", "site": None, "probability": 0.3, "evidence": "背景值 71"},
        ]
        self.conn.execute(
            "INSERT INTO episodes (id, segment, rule, level, state, started_at, peak_at, peak,"
            " causes, updated_at) VALUES (%s, %s, 'inc60', 2, 'active', %s, %s, 97, %s, %s)",
            (id_, segment, started, started, Jsonb(causes), started),
        )
        self.conn.execute(
            "INSERT INTO episode_log (episode, at, actor, event, detail) VALUES"
            " (%s, %s, 'analytics', 'opened', '{}'), (%s, %s, 'analytics', 'activated', '{}')",
            (id_, started, id_, started),
        )

    def _episodes(self, n: int, now: datetime) -> None:
        """Three change each second, and one a minute ends while another begins."""
        for k in range(3):
            self.conn.execute(
                "UPDATE episodes SET peak = %s, peak_at = %s, updated_at = %s WHERE id = %s",
                (90 + n % 90, now, now, f"E-bench-{(3 * n + k) % EPISODES:03}"),
            )
        self.conn.execute("UPDATE episodes SET peak = %s WHERE id = %s", (float(n), MARKER))
        if n % 60 == 59:
            turn = n // 60
            self.conn.execute(
                "UPDATE episodes SET state = 'closed', ended_at = %s, acknowledged_by = 'bench',"
                " acknowledged_at = %s WHERE id = %s",
                (now, now, f"E-bench-{turn % EPISODES:03}" if turn < EPISODES else f"E-t-{turn}"),
            )
            self._open(f"E-t-{turn + EPISODES}", self._segments[turn % len(self._segments)], now)

    def _plan(self, at: datetime) -> None:
        self.conn.execute(
            "INSERT INTO plans (id, issued_at, trigger, solver, body)"
            " VALUES ('P-bench', %s, 'episode', '{}', '{}')",
            (at,),
        )
        for crew in self._crews:
            for seq in range(ORDERS_A_CREW):
                self._order(crew.id, seq, at, at + timedelta(minutes=12 * seq))

    def _order(self, crew: str, seq: int, at: datetime, eta: datetime) -> None:
        line = self.district.segments[self._segments[self.chance.randrange(len(self._segments))]]
        self.conn.execute(
            "INSERT INTO orders (id, crew, plan, seq, treatment, segment, direction, path, eta,"
            " minutes, water_l, priority, reason, state, issued_at) VALUES"
            " (%s, %s, 'P-bench', %s, 'wash', %s, 'forward', %s, %s, 9, 340, 3, %s, 'sent', %s)",
            (
                f"O-{crew}-{seq}", crew, seq, line.id, Jsonb(line.line.coords[:] * 4), eta,
                "妈湾大道今日第 2 次例行洗扫", at,
            ),
        )  # fmt: skip

    def _progress(self, n: int, now: datetime) -> None:
        """One crew after another ends an order, and is given another."""
        turn, crew = divmod(n, len(self._crews))
        id_ = self._crews[crew].id
        self.conn.execute(
            "UPDATE orders SET state = 'done', started_at = %s, ended_at = %s WHERE id = %s",
            (now - timedelta(minutes=9), now, f"O-{id_}-{turn}"),
        )
        self._order(id_, turn + ORDERS_A_CREW, now, now + timedelta(minutes=100))
