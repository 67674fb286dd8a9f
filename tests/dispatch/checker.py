"""An independent judge of plans: it knows the contract and the district's layers alone.

Nothing here uses the planner, its settings or the road graph: paths are held against the drawn
lines, water and time are added up again.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import shapely

from geo.district import Crew, District

DRAWN_M = 1.0
"""Paths have six decimals and are drawn on a curved earth."""

SNAP_M = 15.0
ANY = "*"
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
WORK = {
    "water_truck": {"wash"},
    "sweeper": {"sweep"},
    "fog_cannon": {"fog"},
    "heavy_cleaner": {"heavy_clean"},
    "hand_wash": {"hand_wash", "inspect"},
}


@dataclass(frozen=True)
class State:
    """What is truly so of a crew when it gets a plan."""

    now: datetime
    lon: float
    lat: float
    water_l: float
    shift_end: datetime
    begun: str | None = None
    """The order that it works on."""
    told: str | None = ANY
    """The order that it was on its way to, which may end late; ANY for whichever is first."""


class Checker:
    """Judges plans for one district."""

    def __init__(self, district: District) -> None:
        self.district = district
        to_xy = district.projection.to_xy
        self.lines = {s.id: to_xy(s.line) for s in district.segments.values()}
        self.ids = list(self.lines)
        self.tree = shapely.STRtree(list(self.lines.values()))

    def problems(
        self, plans: Mapping[str, Mapping[str, Any]], states: Mapping[str, State]
    ) -> list[str]:
        """Everything that is wrong with the plans in force of all crews."""
        found: list[str] = []
        places: dict[tuple[str, str], str] = {}
        names: dict[str, str] = {}
        for crew, plan in plans.items():
            for order in plan["orders"]:
                if order["order"] in names:
                    found.append(f"{order['order']} is in two plans")
                names[order["order"]] = crew
                if order["depot"] is None:
                    key = (order["segment"] or order["site"], order["treatment"])
                    if key in places:
                        found.append(f"{key} is given to {places[key]} and to {crew}")
                    places[key] = crew
            if crew in states:
                found += [f"{crew}: {p}" for p in self._plan(plan, crew, states[crew])]
        return found

    def _plan(self, plan: Mapping[str, Any], crew_id: str, state: State) -> Iterable[str]:
        crew = self.district.crews[crew_id]
        if plan["crew"] != crew_id:
            yield f"the plan names {plan['crew']}"
        here = self._xy([(state.lon, state.lat)])[0]
        snap_m, water_l, free_at = SNAP_M, state.water_l, state.now
        for number, order in enumerate(plan["orders"], start=1):
            yield from self._form(order, number, crew)
            eta, work_s = datetime.fromisoformat(order["eta"]), order["minutes"] * 60
            begun = order["order"] == state.begun
            path = self._xy(order["path"])
            if not begun:
                if math.dist(here, path[0]) > snap_m + self._off_road_m(here):
                    yield f"{order['order']}: the path begins {math.dist(here, path[0]):.0f} m away"
                yield from self._driven(order["order"], path)
                drive_s = shapely.LineString(path).length / (crew.drive_speed_kmh / 3.6)
                if (eta - free_at).total_seconds() < drive_s - SNAP_M:
                    yield f"{order['order']}: at {eta} after a drive of {drive_s:.0f} s"
            here, wrong = self._after(order, path[-1])
            snap_m = DRAWN_M
            if wrong is not None:
                yield f"{order['order']}: {wrong}"
            yield from self._work(order, crew)
            if order["treatment"] == "refill":
                water_l = crew.tank_m3 * 1000
            elif begun:
                gone_s = (state.now - eta).total_seconds()
                water_l -= order["water_l"] * (1 - min(max(gone_s / max(work_s, 1.0), 0.0), 1.0))
            else:
                water_l -= order["water_l"]
            if water_l < -0.5:
                yield f"{order['order']}: the tank is {-water_l:.0f} l short"
            seconds_left = work_s
            if begun:
                seconds_left = max(work_s - (state.now - eta).total_seconds(), 0)
                free_at = state.now
            else:
                free_at = eta
            free_at = free_at.fromtimestamp(free_at.timestamp() + seconds_left, free_at.tzinfo)
            excused = begun or (number == 1 and state.told in (ANY, order["order"]))
            if free_at.timestamp() > state.shift_end.timestamp() + 1 and not excused:
                yield f"{order['order']}: ends at {free_at}, after the shift"

    def _form(self, order: Mapping[str, Any], number: int, crew: Crew) -> Iterable[str]:
        name = order["order"]
        if not ID.fullmatch(name):
            yield f"{name!r} is no id"
        if order["seq"] != number:
            yield f"{name}: seq {order['seq']} instead of {number}"
        named = [key for key in ("segment", "site", "depot") if order[key] is not None]
        if len(named) != 1:
            yield f"{name}: names {named}"
        if (order["treatment"] in ("refill", "return")) != (named == ["depot"]):
            yield f"{name}: {order['treatment']} at a {named}"
        elif named != ["depot"] and order["treatment"] not in WORK[crew.kind]:
            yield f"{name}: a {crew.kind} does not {order['treatment']}"
        if (order["direction"] is None) != (named != ["segment"]):
            yield f"{name}: direction {order['direction']} at a {named}"
        if order["priority"] not in (1, 2, 3, 4) or not order["reason"]:
            yield f"{name}: priority {order['priority']}, reason {order['reason']!r}"
        if len(order["path"]) < 2 or order["minutes"] < 0 or order["water_l"] < 0:
            yield f"{name}: {len(order['path'])} points, {order['minutes']} minutes"
        dry = {depot.id for depot in self.district.depots.values() if depot.kind == "depot"}
        if order["treatment"] == "refill" and (order["depot"] in dry or order["water_l"] != 0):
            yield f"{name}: no water is to be had at {order['depot']}"

    def _driven(self, name: str, path: list[tuple[float, float]]) -> Iterable[str]:
        """Each step of a path must lie along a segment, the way it may be driven.

        To turn round takes a junction or the end of a street.
        """
        steps = [(a, b) for a, b in pairwise(path) if math.dist(a, b) > DRAWN_M]
        for (a, b), (_, c) in pairwise(steps):
            ahead, then = (b[0] - a[0], b[1] - a[1]), (c[0] - b[0], c[1] - b[1])
            along = ahead[0] * then[0] + ahead[1] * then[1]
            if along < -0.99 * math.hypot(*ahead) * math.hypot(*then) and not self._is_end(b):
                yield f"{name}: turns round in the street at {b}"
        for start, end in pairwise(path):
            if math.dist(start, end) > DRAWN_M and not self._drivable(start, end):
                yield f"{name}: no street leads from {start} to {end}"

    def _is_end(self, at: tuple[float, float]) -> bool:
        point = shapely.Point(at)
        return any(
            math.dist(at, end) <= 2 * DRAWN_M
            for index in self.tree.query(point, predicate="dwithin", distance=2 * DRAWN_M)
            for end in (
                self.lines[self.ids[index]].coords[0],
                self.lines[self.ids[index]].coords[-1],
            )
        )

    def _drivable(self, start: tuple[float, float], end: tuple[float, float]) -> bool:
        point = shapely.Point(start)
        for index in self.tree.query(point, predicate="dwithin", distance=DRAWN_M):
            segment, line = self.ids[index], self.lines[self.ids[index]]
            if shapely.distance(line, shapely.Point(end)) > DRAWN_M:
                continue
            ahead_m = line.project(shapely.Point(end)) - line.project(point)
            straight = abs(abs(ahead_m) - math.dist(start, end)) < 0.01 * abs(ahead_m) + DRAWN_M
            if straight and (ahead_m > 0 or not self.district.segments[segment].oneway):
                return True
        return False

    def _after(
        self, order: Mapping[str, Any], arrived: tuple[float, float]
    ) -> tuple[tuple[float, float], str | None]:
        """Where the work ends, and what is wrong with where it begins."""
        if order["segment"] is None:
            if self._off_road_m(arrived) > DRAWN_M:
                return arrived, "the crew stops off the road"
            return arrived, None
        segment, line = self.district.segments[order["segment"]], self.lines[order["segment"]]
        ends = [(x, y) for x, y in (line.coords[0], line.coords[-1])]
        if order["direction"] == "backward":
            ends.reverse()
            if segment.oneway:
                return ends[1], f"{segment.id} is one-way"
        if not segment.treat:
            return ends[1], f"{segment.id} is not treated"
        if math.dist(arrived, ends[0]) > 2 * DRAWN_M:
            return ends[1], f"arrives {math.dist(arrived, ends[0]):.0f} m from its start"
        return ends[1], None

    def _work(self, order: Mapping[str, Any], crew: Crew) -> Iterable[str]:
        if order["segment"] is None:
            return
        length_m = self.district.segments[order["segment"]].length_m
        kmh = length_m / 1000 / (order["minutes"] / 60)
        limit = crew.work_speed_kmh
        if order["treatment"] != "sweep":
            limit = min(limit, 15.0)
        if kmh > limit * 1.02:
            yield f"{order['order']}: works at {kmh:.1f} km/h"
        water_l = length_m * crew.water_l_per_m if crew.tank_m3 else 0.0
        if abs(order["water_l"] - water_l) > 1:
            yield f"{order['order']}: {order['water_l']} l instead of {water_l:.1f}"

    def _off_road_m(self, xy: tuple[float, float]) -> float:
        point = shapely.Point(xy)
        nearest = self.tree.geometries[self.tree.nearest(point)]
        return float(shapely.distance(nearest, point))

    def _xy(self, lonlat: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in self.district.projection.to_xy(list(lonlat))]
