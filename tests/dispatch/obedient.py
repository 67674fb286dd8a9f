"""Crews that do what their plans say, minute by minute, through the tables."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec

from dispatch.shifts import shift_at
from geo.district import Crew, District
from store.database import Connection


@dataclass
class Truck:
    """One crew: where it is, what it has been told and what it does."""

    crew: Crew
    lon: float
    lat: float
    water_l: float
    plan: dict[str, Any] | None = None
    finished: set[str] = field(default_factory=set)
    accepted: str | None = None
    begun: str | None = None
    begun_at: datetime | None = None
    travelled_m: float = 0.0
    drive_from: tuple[str, list[tuple[float, float]]] | None = None
    state: str = "idle"
    driven_m: float = 0.0


class Crews:
    """All crews of a district.

    `answer(crew, order)` says what a crew replies to an order: accepted, refused, or None for
    nothing at all; afterwards it drives, works and reports as told.
    """

    def __init__(
        self,
        district: District,
        answer: Callable[[str, dict[str, Any]], str | None] = lambda *_: "accepted",
    ) -> None:
        self.district = district
        self.answer = answer
        self.trucks = {
            crew.id: Truck(
                crew,
                district.depots[crew.depot].lon,
                district.depots[crew.depot].lat,
                crew.tank_m3 * 1000,
            )
            for crew in district.crews.values()
        }
        self.broken: set[str] = set()
        self.lows: list[float] = []

    def deliver(self, conn: Connection) -> list[tuple[str, dict[str, Any]]]:
        """Take the messages out of the outbox; gives (crew, plan) as they were sent."""
        rows = conn.execute("DELETE FROM outbox RETURNING id, topic, payload").fetchall()
        sent = []
        for _, topic, payload in sorted(rows):
            if not topic.startswith("down/crews/"):
                continue
            crew = topic.split("/")[2]
            plan = msgspec.json.decode(payload)
            self.trucks[crew].plan = plan
            sent.append((crew, plan))
        return sent

    def minute(self, conn: Connection, now: datetime) -> None:
        """Everything that happens in the minute up to `now`."""
        for crew, truck in self.trucks.items():
            on_shift = shift_at(truck.crew.shifts, self.district.timezone, now) is not None
            if crew in self.broken:
                truck.state = "broken"
            elif not on_shift and truck.begun is None:
                truck.state = "off"
            else:
                self._act(conn, truck, now)
            conn.execute(
                "INSERT INTO positions VALUES (%s, %s, %s, %s, 0, %s, %s, %s)",
                (crew, now, truck.lon, truck.lat, truck.water_l, truck.state, now),
            )
        conn.commit()

    def _act(self, conn: Connection, truck: Truck, now: datetime) -> None:
        left_s = 60.0
        while left_s > 0:
            order = self._current(truck)
            if order is None:
                truck.state, truck.accepted = "idle", None
                return
            name = order["order"]
            at = now - timedelta(seconds=left_s)
            if truck.begun == name:
                assert truck.begun_at is not None
                ends = truck.begun_at + timedelta(minutes=order["minutes"])
                wait = (ends - at).total_seconds()
                if wait > left_s:
                    return
                left_s -= max(wait, 0)
                self._end(conn, truck, order, max(ends, at))
                continue
            if truck.accepted != name:
                reply = self.answer(truck.crew.id, order)
                if reply is None:
                    truck.state = "idle"
                    return
                if reply != "accepted":
                    self._say(conn, truck, order, reply, at)
                    truck.finished.add(name)
                    continue
                truck.accepted = name
                self._say(conn, truck, order, "accepted", at)
            left_s = self._drive(conn, truck, order, now, left_s)

    def _current(self, truck: Truck) -> dict[str, Any] | None:
        orders = truck.plan["orders"] if truck.plan else []
        todo = [order for order in orders if order["order"] not in truck.finished]
        return next((o for o in todo if o["order"] == truck.begun), todo[0] if todo else None)

    def _drive(
        self, conn: Connection, truck: Truck, order: dict[str, Any], now: datetime, left_s: float
    ) -> float:
        name = order["order"]
        if truck.drive_from is None or truck.drive_from[0] != name:
            truck.drive_from = (name, [tuple(p) for p in order["path"]])
            truck.travelled_m = 0.0
        path = self.district.projection.to_xy(truck.drive_from[1])
        steps = [math.dist(a, b) for a, b in pairwise(path)]
        speed_mps = truck.crew.drive_speed_kmh / 3.6
        go = min(left_s * speed_mps, sum(steps) - truck.travelled_m)
        truck.travelled_m += go
        truck.driven_m += go
        truck.state = "driving"
        rest = truck.travelled_m
        x, y = path[-1]
        for a, b, step in zip(path[:-1], path[1:], steps, strict=True):
            if rest < step:
                x, y = a + (b - a) * (rest / step)
                break
            rest -= step
        lonlat = self.district.projection.to_lonlat([(x, y)])[0]
        truck.lon, truck.lat = float(lonlat[0]), float(lonlat[1])
        left_s -= go / speed_mps
        if truck.travelled_m >= sum(steps) - 1e-6:
            at = now - timedelta(seconds=left_s)
            truck.begun, truck.begun_at = name, at
            truck.state = "refilling" if order["treatment"] == "refill" else "working"
            self._say(conn, truck, order, "started", at)
        return left_s

    def _end(self, conn: Connection, truck: Truck, order: dict[str, Any], at: datetime) -> None:
        truck.water_l -= order["water_l"]
        self.lows.append(truck.water_l)
        if order["treatment"] == "refill":
            truck.water_l = truck.crew.tank_m3 * 1000
        if order["segment"] is not None:
            ends = self.district.segments[order["segment"]].line.coords
            truck.lon, truck.lat = ends[-1] if order["direction"] == "forward" else ends[0]
        truck.finished.add(order["order"])
        truck.begun = truck.accepted = truck.drive_from = None
        self._say(conn, truck, order, "done", at)

    def _say(
        self, conn: Connection, truck: Truck, order: dict[str, Any], event: str, at: datetime
    ) -> None:
        reason = "no" if event in ("refused", "failed") else None
        conn.execute(
            "INSERT INTO progress (crew, order_id, event, ts, reason, water_l, stored_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (truck.crew.id, order["order"], event, at, reason, truck.water_l, at),
        )
