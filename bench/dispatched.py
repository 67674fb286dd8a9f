"""A small world for the dispatcher alone: scripted episodes, simulated crews, a real database.

What is real: the dispatcher, its tables, the crews of `simulators` with their refusals, silences
and breakdowns, and every word between them. What is not: there is no air and no broker. Episodes
are drawn by chance, go on until their place has been treated or for hours without, and are written
as analytics writes them; residents complain by chance.
"""

import argparse
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from dispatch.runner import Dispatcher
from dispatch.settings import DispatchSettings
from geo.district import District, load_district
from roaddust.embedded import EmbeddedPostgres
from simulators.crews import CrewHabits, Crews, Treated
from store.database import Connection, connect
from store.migrate import migrate

XINGHAI = Path(__file__).resolve().parent.parent / "geo" / "data" / "xinghai"
MONDAY = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
"""Midnight in Shenzhen."""

SQL_CLOSED = "UPDATE episodes SET state = 'closed', ended_at = %s, updated_at = %s WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Script:
    """How much happens in a day, on average.

    relief_min: how long after its treatment an episode ends; alone_h: how long one lasts without.
    regional: the share of episodes that blow in, of which a reason is the right answer.
    """

    episodes: float = 20.0
    complaints: float = 6.0
    level_3: float = 0.3
    regional: float = 0.1
    relief_min: tuple[float, float] = (15.0, 60.0)
    alone_h: tuple[float, float] = (3.0, 30.0)


@dataclass(slots=True)
class Running:
    """An episode that is going on."""

    name: str
    segment: str
    since: datetime
    ends_at: datetime
    relieved: bool = False


@dataclass(slots=True)
class Dispatched:
    """Minutes of such a world. `works` holds what crews truly did.

    closed: the share of street orders that are driven with the valve closed and called done.
    noise_m: standard deviation of positions.
    """

    conn: Connection
    district: District
    settings: DispatchSettings
    habits: CrewHabits
    script: Script
    start: datetime
    seed: int = 1
    closed: float = 0.0
    noise_m: float = 0.0
    works: list[tuple[datetime, Treated]] = field(default_factory=list)
    _kept_l: dict[str, float] = field(default_factory=dict)

    def run(self, minutes: int) -> Iterator[datetime]:
        """Live through so many minutes; gives the time after each."""
        # One stream for each: what crews do changes nothing of what comes.
        chance, complaints, relief = (
            random.Random(f"{self.seed}/{name}") for name in ("episodes", "complaints", "relief")
        )
        crews = Crews(self.district, self.habits, self.seed)
        dispatcher = Dispatcher(self.district, self.settings)
        streets = [s.id for s in self.district.segments.values() if s.treat]
        running: dict[str, Running] = {}
        count = 0
        for minute in range(minutes):
            began = self.start + timedelta(minutes=minute)
            now = began + timedelta(minutes=1)
            if chance.random() < self.script.episodes / 1440:
                place = chance.choice(streets)
                if place not in running:
                    count += 1
                    running[place] = self._begin(chance, f"E{count:05d}", place, now)
            if complaints.random() < self.script.complaints / 1440:
                self._complain(f"{minute:06d}", complaints.choice(streets), now)
            messages, works = crews.step(began, now, 60.0)
            works = self._kept_back(works)
            self.works += [(now, work) for work in works]
            self._hear(messages, now)
            for work in works:
                self._relieve(relief, running, work, now)
            for place, one in list(running.items()):
                if now >= one.ends_at:
                    self.conn.execute(SQL_CLOSED, (now, now, one.name))
                    self._log(one.name, now, "closed", {})
                    del running[place]
            self.conn.commit()
            dispatcher.step(self.conn, now)
            for topic, payload in self._said():
                parts = topic.split("/")
                if parts[1] == "crews":
                    crews.receive(parts[2], payload)
            yield now

    def _begin(self, chance: random.Random, name: str, place: str, now: datetime) -> Running:
        level = 3 if chance.random() < self.script.level_3 else 2
        kind = "regional" if chance.random() < self.script.regional else "road"
        causes = [{"kind": kind, "site": None, "probability": 0.9, "evidence": ""}]
        self.conn.execute(
            "INSERT INTO episodes (id, segment, rule, level, state, started_at, causes, updated_at)"
            " VALUES (%s, %s, 'inc15', %s, 'active', %s, %s, %s)",
            (name, place, level, now, msgspec.json.encode(causes).decode(), now),
        )
        self._log(name, now, "opened", {"level": level})
        alone = timedelta(hours=chance.uniform(*self.script.alone_h))
        return Running(name, place, now, now + alone)

    def _relieve(
        self, chance: random.Random, running: dict[str, Running], work: Treated, now: datetime
    ) -> None:
        """Water on most of a street ends its episode some time later."""
        one = running.get(work.segment or "")
        wet = work.treatment in ("wash", "heavy_clean")
        if one is not None and wet and not one.relieved and work.share > 0.2:
            one.relieved = True
            relief = timedelta(minutes=chance.uniform(*self.script.relief_min))
            one.ends_at = min(one.ends_at, now + relief)

    def _kept_back(self, works: list[Treated]) -> list[Treated]:
        """The works without those done with the valve closed, whose water stays in the tank."""
        true = []
        for work in works:
            street = work.segment is not None
            if not street or random.Random(f"{self.seed}/{work.order}").random() >= self.closed:
                true.append(work)
                continue
            segment = self.district.segments[work.segment or ""]
            used_l = work.water_l_per_m2 * work.share * segment.length_m * segment.width_m
            self._kept_l[work.crew] = self._kept_l.get(work.crew, 0.0) + used_l
        return true

    def _complain(self, name: str, place: str, now: datetime) -> None:
        self.conn.execute(
            "INSERT INTO reports (channel, id, ts, segment, kind, stored_at)"
            " VALUES ('hotline', %s, %s, %s, 'dust', %s)",
            (name, now, place, now),
        )

    def _hear(self, messages: Any, now: datetime) -> None:
        """As ingest stores them."""
        for message in messages:
            crew = message.topic.split("/")[2]
            said = msgspec.json.decode(message.payload)
            if message.kind == "positions":
                tank_l = self.district.crews[crew].tank_m3 * 1000
                if said["water_l"] >= tank_l:
                    self._kept_l[crew] = 0.0
                said["water_l"] = min(said["water_l"] + self._kept_l.get(crew, 0.0), tank_l)
                if self.noise_m > 0:
                    noise = random.Random(f"{self.seed}/{crew}/{said['ts']}")
                    (x, y) = self.district.projection.to_xy([(said["lon"], said["lat"])])[0]
                    moved = (noise.gauss(x, self.noise_m), noise.gauss(y, self.noise_m))
                    said["lon"], said["lat"] = map(
                        float, self.district.projection.to_lonlat([moved])[0]
                    )
                self.conn.execute(
                    "INSERT INTO positions (crew, ts, lon, lat, speed_kmh, water_l, state,"
                    " stored_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
                    " ON CONFLICT DO NOTHING",
                    (
                        crew, said["ts"], said["lon"], said["lat"], said["speed_kmh"],
                        said["water_l"], said["state"], now,
                    ),
                )  # fmt: skip
            else:
                if said["event"] == "done" and self._refills(said["order"]):
                    self._kept_l[crew] = 0.0
                self.conn.execute(
                    "INSERT INTO progress (crew, order_id, event, ts, reason, water_l, stored_at)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    (
                        crew, said["order"], said["event"], said["ts"], said.get("reason"),
                        said.get("water_l"), now,
                    ),
                )  # fmt: skip

    def _refills(self, order: str) -> bool:
        row = self.conn.execute("SELECT treatment FROM orders WHERE id = %s", [order]).fetchone()
        return row == ("refill",)

    def _said(self) -> list[tuple[str, bytes]]:
        rows = self.conn.execute(
            "DELETE FROM outbox RETURNING id, topic, payload"
        ).fetchall()  # fmt: skip
        self.conn.commit()
        return [(topic, bytes(payload)) for _, topic, payload in sorted(rows)]

    def _log(self, episode: str, at: datetime, event: str, detail: dict[str, Any]) -> None:
        self.conn.execute(
            "INSERT INTO episode_log (episode, at, actor, event, detail)"
            " VALUES (%s, %s, 'analytics', %s, %s)",
            (episode, at, event, msgspec.json.encode(detail).decode()),
        )


def arguments(words: str, days: float) -> argparse.ArgumentParser:
    """What every bench in such a world is asked for; `days` unless told otherwise."""
    parser = argparse.ArgumentParser(description=words)
    parser.add_argument("--days", type=float, default=days)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=30, help="of the route search")
    return parser


@contextmanager
def on_the_avenue(
    given: argparse.Namespace, habits: CrewHabits, *, closed: float = 0.0, noise_m: float = 0.0
) -> Iterator[Dispatched]:
    """The world on Xinghai Avenue from a Monday on, in a database that goes with it.

    given: of `arguments`; closed, noise_m: as of `Dispatched`.
    """
    district = load_district(XINGHAI)
    settings = DispatchSettings(iterations=given.iterations)
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(Path(folder), settings={"fsync": "off"}) as server,
    ):
        migrate(server.dsn)
        with connect(server.dsn, name="bench") as conn:
            yield Dispatched(
                conn, district, settings, habits, Script(), MONDAY, given.seed,
                closed=closed, noise_m=noise_m,
            )  # fmt: skip
