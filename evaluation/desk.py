"""A dispatcher's desk: knows where crews are, and writes plans that they can drive."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from evaluation.crew_reports import Position, crew_reports
from geo.district import Crew, District, Shift
from geo.graph import Direction, RoadGraph, Unreachable
from geo.places import Place
from simulators.crews import shift_on
from simulators.message import Message, encode, rfc3339
from simulators.treatment import EFFECTS

__all__ = ["TREATS", "CrewSeen", "Desk", "Job", "shift_end"]

TREATS: Mapping[str, str] = {
    "water_truck": "wash",
    "sweeper": "sweep",
    "fog_cannon": "fog",
    "heavy_cleaner": "heavy_clean",
    "hand_wash": "hand_wash",
}
"""What a crew of each kind does to a street."""

assert set(TREATS.values()) <= set(EFFECTS)

# Near a junction every street of it is open to a driver.
AT_JUNCTION_M = 10.0

# Kept in the tank, so that a rounded gauge does not let it run dry.
SPARE_L = 20.0

# A crew that has said nothing for so long is not counted on.
UNHEARD = timedelta(minutes=3)

# Rest of a shift that is too short to set out in.
LAST_MIN = 5.0

OPEN = ("said", "accepted", "started")


@dataclass(frozen=True, slots=True)
class Job:
    """A treatment of a segment along its whole length, in the crew's own manner."""

    segment: str
    reason: str
    priority: int = 3


@dataclass(slots=True)
class CrewSeen:
    """A crew by its last reports; ``orders`` are those of its plan with how each stands."""

    crew: Crew
    at: datetime
    lonlat: tuple[float, float]
    water_l: float
    state: str
    orders: dict[str, str] = field(default_factory=dict)
    shift_ends: datetime | None = None

    @property
    def busy(self) -> bool:
        """Whether an order of its plan is not over."""
        return any(stands in OPEN for stands in self.orders.values())


@dataclass(frozen=True, slots=True)
class Ended:
    """An order that was done, failed or refused."""

    ts: datetime
    crew: str
    order: str
    event: str
    segment: str | None


class Desk:
    """Reads what crews report and writes their plans.

    Attributes
    ----------
    graph
        The streets as they may be driven.
    crews
        By id, those that have reported.
    depot_places
        Where vehicles turn in to each depot.
    """

    def __init__(self, district: District, policy: str) -> None:
        self.graph = RoadGraph(district)
        self.crews: dict[str, CrewSeen] = {}
        self._district = district
        self._policy = policy
        self._plans = 0
        self._orders = 0
        self._segment_of: dict[str, str | None] = {}
        self._home_s: dict[tuple[str, float], np.ndarray[Any, Any]] = {}
        self._ends: dict[str, tuple[Place | int, float]] = {}
        self.depot_places = {depot: self.graph.depot_place(depot) for depot in district.depots}

    def hear(self, messages: Iterable[Message]) -> list[Ended]:
        """Take what crews said; gives the orders that are over."""
        ended: list[Ended] = []
        for crew, report in crew_reports(messages):
            if isinstance(report, Position):
                self._seen(crew, report)
                continue
            if crew in self.crews and report.order in self.crews[crew].orders:
                self.crews[crew].orders[report.order] = report.event
            if report.event in ("done", "failed", "refused"):
                segment = self._segment_of.get(report.order)
                ended.append(Ended(report.ts, crew, report.order, report.event, segment))
        return ended

    def _seen(self, crew: str, said: Position) -> None:
        lonlat = (said.lon, said.lat)
        known = self.crews.get(crew)
        if known is None:
            who = self._district.crews[crew]
            self.crews[crew] = CrewSeen(who, said.ts, lonlat, said.water_l, said.state)
        else:
            known.at, known.lonlat, known.water_l, known.state = (
                said.ts,
                lonlat,
                said.water_l,
                said.state,
            )

    def ready(self, now: datetime) -> Iterator[CrewSeen]:
        """Crews on shift, within reach and whole, whether they have orders or not.

        What was not begun in the shift before counts as left over, to be replaced.
        """
        for seen in self.crews.values():
            end = shift_end(seen.crew.shifts, self._district.timezone, now)
            if end is None:
                continue
            if seen.shift_ends != end:
                seen.shift_ends = end
                for order, stands in seen.orders.items():
                    if stands in ("said", "accepted"):
                        seen.orders[order] = "left over"
            if now - seen.at > UNHEARD or seen.state == "broken":
                continue
            if end - now > timedelta(minutes=LAST_MIN):
                yield seen

    def drive_s(self, seen: CrewSeen, segments: Sequence[str]) -> np.ndarray[Any, Any]:
        """(segment,) seconds to the nearer end at which each may be begun, inf for no way."""
        starts = [
            [self.graph.treat_ends(segment, way)[0] for way in self.graph.directions(segment)]
            for segment in segments
        ]
        flat = sorted({node for nodes in starts for node in nodes})
        column = {node: at for at, node in enumerate(flat)}
        travel = self.graph.travel([self.stop(seen.lonlat)], flat, seen.crew.drive_speed_kmh)
        return np.array(
            [min(travel.seconds[0, column[node]] for node in nodes) for nodes in starts]
        )

    def segment_of(self, order: str) -> str | None:
        """The segment that an order treats; None where it treats none."""
        return self._segment_of.get(order)

    def work_s(self, crew: Crew, segment: str) -> float:
        """Seconds that a crew takes for a segment, the drive there not counted."""
        return self._district.segments[segment].length_m / (crew.work_speed_kmh / 3.6)

    def water_l(self, crew: Crew, segment: str) -> float:
        """Litres that a crew puts on a segment."""
        if crew.tank_m3 <= 0.0:
            return 0.0
        return crew.water_l_per_m * self._district.segments[segment].length_m

    def is_dry(self, seen: CrewSeen, segment: str) -> bool:
        """Whether a crew has to fill up before it can do a segment."""
        return 0.0 < self.water_l(seen.crew, segment) > seen.water_l - SPARE_L

    def refill_s(self, seen: CrewSeen) -> float:
        """Seconds to the depot where a crew would have filled up first, the filling included."""
        here = self.stop(seen.lonlat)
        return min(self.refills_s(here, seen.crew.drive_speed_kmh).values(), default=np.inf)

    def home_s(self, crew: Crew, here: Place | int) -> float:
        """Seconds from a place to a crew's depot."""
        place = self.depot_places[crew.depot]
        if not isinstance(here, int):
            return float(self.graph.travel([here], [place], crew.drive_speed_kmh).seconds[0, 0])
        key = (crew.depot, crew.drive_speed_kmh)
        if key not in self._home_s:
            nodes = list(range(len(self.graph.node_lonlat)))
            self._home_s[key] = self.graph.travel(nodes, [place], key[1]).seconds[:, 0]
        return float(self._home_s[key][here])

    def refills_s(self, here: Place | int, drive_speed_kmh: float) -> dict[str, float]:
        """Seconds from a place until filled up, by each depot that has water."""
        depots = [d for d in self._district.depots.values() if d.kind in ("refill", "both")]
        places = [self.depot_places[depot.id] for depot in depots]
        drive_s = self.graph.travel([here], places, drive_speed_kmh).seconds[0]
        return {
            depot.id: float(seconds) + 60.0 * depot.refill_minutes
            for depot, seconds in zip(depots, drive_s, strict=True)
        }

    def stop(self, lonlat: tuple[float, float]) -> Place | int:
        """Where on the streets somebody is, a junction if it is near."""
        found = self.graph.place_index.nearest(*lonlat)
        assert found is not None
        place = found[0]
        if place.offset_m < AT_JUNCTION_M:
            return self.graph.node_of_start(place.segment)
        if self._district.segments[place.segment].length_m - place.offset_m < AT_JUNCTION_M:
            return self.graph.node_of_end(place.segment)
        return place

    def nothing(self, seen: CrewSeen, now: datetime) -> bytes:
        """Write a plan that takes back what has not been begun and calls the crew home."""
        return self.plan(seen, now, ())

    def treats(self, seen: CrewSeen, segment: str) -> bool:
        """Whether a crew's plan has a treatment of a segment that is not over."""
        return any(
            stands in OPEN and self._segment_of[order] == segment
            for order, stands in seen.orders.items()
        )

    def plan(
        self, seen: CrewSeen, now: datetime, jobs: Iterable[Job], *, home: bool = True
    ) -> bytes:
        """Write the plan for jobs in this order, as many as fit before the end of the shift.

        Refills are put in where the tank would not suffice, and the way home at the end if
        ``home``. Jobs to which no way leads are left out.
        """
        # What is in hand goes on, and the next drive begins where it ends.
        kept = [order for order, stands in seen.orders.items() if stands == "started"]
        here, water_l = self.stop(seen.lonlat), seen.water_l
        if kept:
            here, needs_l = self._ends[kept[-1]]
            # Of what it takes, part may be gone already.
            water_l = max(water_l - needs_l, 0.0)
        writer = _Writer(self, self._district, seen.crew, here, water_l, now)
        for job in jobs:
            if not writer.add(job):
                break
        if home:
            writer.home()
        self._plans += 1
        seen.orders = dict.fromkeys(kept, "started")
        orders = []
        for seq, (order, end) in enumerate(zip(writer.orders, writer.ends, strict=True), start=1):
            self._orders += 1
            order_id = f"{self._policy}-{self._orders}"
            orders.append({"order": order_id, "seq": seq, **order})
            seen.orders[order_id] = "said"
            self._segment_of[order_id] = order["segment"]
            self._ends[order_id] = (end, order["water_l"])
        return encode(
            {
                "plan": f"{self._policy}-plan-{self._plans}",
                "crew": seen.crew.id,
                "issued_at": rfc3339(now),
                "orders": orders,
            }
        )


class _Writer:
    """The orders of a plan, one after the other: where, when and with how much water."""

    def __init__(
        self,
        desk: Desk,
        district: District,
        crew: Crew,
        here: Place | int,
        water_l: float,
        now: datetime,
    ) -> None:
        self._desk = desk
        self._district = district
        self._crew = crew
        self._kmh = crew.drive_speed_kmh
        self._here = here
        self._water_l = water_l
        end = shift_end(crew.shifts, district.timezone, now)
        self._left_s = 0.0 if end is None else (end - now).total_seconds()
        self._at = now
        self.orders: list[dict[str, Any]] = []
        self.ends: list[Place | int] = []

    def add(self, job: Job) -> bool:
        """Append a job, unless no way leads to it; False when the shift is too short for it."""
        before = (self._here, self._water_l, self._left_s, self._at, len(self.orders))
        needs_l = self._desk.water_l(self._crew, job.segment)
        dry = 0.0 < needs_l > self._water_l - SPARE_L
        if (dry and not self._refill()) or not self._treat(job, needs_l):
            self._back_to(before)
            return True
        if self._left_s < self._desk.home_s(self._crew, self._here):
            self._back_to(before)
            return False
        return True

    def home(self) -> None:
        """Append the way home, unless the crew is there already."""
        place = self._desk.depot_places[self._crew.depot]
        if self._desk.home_s(self._crew, self._here) > 0.0 and self._here != self._place_of(place):
            self._move("return", self._crew.depot, place, 0.0)

    def _back_to(self, before: tuple[Place | int, float, float, datetime, int]) -> None:
        self._here, self._water_l, self._left_s, self._at, length = before
        del self.orders[length:], self.ends[length:]

    def _place_of(self, place: Place) -> Place | int:
        """A place as one that stands there takes it: a junction if one is near."""
        return self._desk.stop(self._desk.graph.place_index.point(place))

    def _treat(self, job: Job, needs_l: float) -> bool:
        graph = self._desk.graph
        ways = [(way, *graph.treat_ends(job.segment, way)) for way in graph.directions(job.segment)]
        times = [self._drive_s(start) for _, start, _ in ways]
        best = int(np.argmin(times))
        way, start, end = ways[best]
        path = self._path(start)
        if path is None:
            return False
        seconds = self._desk.work_s(self._crew, job.segment)
        self._append(
            TREATS[self._crew.kind],
            path,
            segment=job.segment,
            direction=way,
            minutes=seconds / 60.0,
            water_l=needs_l,
            priority=job.priority,
            reason=job.reason,
        )
        self._pass(seconds)
        self._water_l -= needs_l
        self._stand(end)
        return True

    def _refill(self) -> bool:
        times = self._desk.refills_s(self._here, self._kmh)
        if not times:
            return False
        depot = min(times, key=times.__getitem__)
        minutes = self._district.depots[depot].refill_minutes
        if not self._move("refill", depot, self._desk.depot_places[depot], minutes):
            return False
        self._water_l = self._crew.tank_m3 * 1000.0
        return True

    def _move(self, treatment: str, depot: str, place: Place, minutes: float) -> bool:
        path = self._path(place)
        if path is None:
            return False
        reason = "补水" if treatment == "refill" else "收车"
        self._append(treatment, path, depot=depot, minutes=minutes, reason=reason, priority=4)
        self._pass(60.0 * minutes)
        self._stand(self._place_of(place))
        return True

    def _stand(self, here: Place | int) -> None:
        self._here = here
        self.ends.append(here)

    def _append(
        self,
        treatment: str,
        path: list[tuple[float, float]],
        *,
        reason: str,
        priority: int,
        minutes: float,
        segment: str | None = None,
        direction: Direction | None = None,
        depot: str | None = None,
        water_l: float = 0.0,
    ) -> None:
        self.orders.append(
            {
                "treatment": treatment,
                "segment": segment,
                "site": None,
                "depot": depot,
                "direction": direction,
                "path": [(round(lon, 7), round(lat, 7)) for lon, lat in path],
                "eta": rfc3339(self._at),
                "due": None,
                "minutes": round(minutes, 2),
                "water_l": round(water_l, 1),
                "priority": priority,
                "episode": None,
                "reason": reason,
            }
        )

    def _path(self, there: Place | int) -> list[tuple[float, float]] | None:
        try:
            path = self._desk.graph.path(self._here, there, self._kmh)
        except Unreachable:
            return None
        self._pass(path.seconds)
        return path.lonlat

    def _drive_s(self, there: Place | int) -> float:
        if isinstance(self._here, int) and isinstance(there, int):
            return float(self._desk.graph.node_times(self._kmh)[0][self._here, there])
        return float(self._desk.graph.travel([self._here], [there], self._kmh).seconds[0, 0])

    def _pass(self, seconds: float) -> None:
        self._left_s -= seconds
        self._at += timedelta(milliseconds=round(1000.0 * seconds))


def shift_end(shifts: Sequence[Shift], timezone: ZoneInfo, now: datetime) -> datetime | None:
    """When the shift ends that is on at a time; None between shifts."""
    local = now.astimezone(timezone)
    for shift in shifts:
        if shift_on((shift,), timezone, now):
            end = local.replace(
                hour=shift.end.hour, minute=shift.end.minute, second=0, microsecond=0
            )
            return end if end > local else end + timedelta(days=1)
    return None
