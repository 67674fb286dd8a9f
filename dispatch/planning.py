"""From wants and crews to a plan: one routing problem per kind of crew, then orders in time."""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from dispatch import routing
from dispatch.crews import Standing, locked
from dispatch.facts import Order
from dispatch.greedy import extended
from dispatch.names import Names
from dispatch.overrides import Overrides
from dispatch.places import Places, Stop, Way
from dispatch.routing import Arc, Problem, Reload, Rung, Step, Vehicle, Visit
from dispatch.settings import TREATS, WET, DispatchSettings
from dispatch.wants import Exclusion, Want
from dispatch.words import Reason, Words, other
from geo.district import Crew, District
from geo.graph import RoadGraph

_BOTTOMLESS = 10**9
"""Capacity of a vehicle whose work needs no water."""

Ranked = tuple[str, str, int]
"""Place, treatment and priority: what a want is to the search."""

Path = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The orders of every crew in the order of work, and what was left out and why."""

    orders: Mapping[str, tuple[Order, ...]]
    exclusions: tuple[Exclusion, ...]
    left_out: tuple[Ranked, ...]
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Start:
    """From when, where and with how much water a crew is free for new work."""

    standing: Standing
    kept: tuple[Order, ...]
    free_s: float
    stop: Stop
    water_l: float


class Planner:
    """Makes plans for one district; holds what never changes, so that a plan is quick to make."""

    def __init__(self, district: District, settings: DispatchSettings) -> None:
        self.district = district
        self.settings = settings
        self.graph = RoadGraph(district)
        self.places = Places(district, self.graph, settings.snap_m)
        self.words = Words(settings.language, district.timezone)
        self.names = Names(district, self.words)
        self._refills = [d.id for d in district.depots.values() if d.kind in ("refill", "both")]
        self._paths: dict[tuple[Stop, Stop, float], Path] = {}
        routing.ready()

    def plan(
        self,
        now: datetime,
        plan_id: str,
        standings: Mapping[str, Standing],
        wants: Sequence[Want],
        left_out: Container[Ranked] | None = None,
        *,
        dry: bool = False,
        gain_s: float = 0.0,
        iterations: int | None = None,
        overrides: Overrides | None = None,
    ) -> Plan:
        """The plan for all crews from `now` on.

        Orders of the plan in force that go on with the same crew keep their ids. The result
        depends on the arguments and the settings alone.

        `left_out` is what the plan in force did not serve. A kind of crew of which nothing else
        is wanted than then keeps its order of work and only gets new times; without `left_out`
        everything is searched anew.

        `dry` says that the weather keeps water off the street: wet work is not gone on with
        unless it has begun. The crews go on as they were told, with what is new behind, unless
        another plan is better by more than `gain_s`. `overrides` are what people have decided.
        With 0 `iterations` (default: the settings') the plan is the first that can be driven.
        """
        open_keys = {
            (order.place, order.treatment)
            for standing in standings.values()
            for order in standing.orders
        }
        newcomers = {
            want.treatment for want in wants if want.priority == 1 and want.key not in open_keys
        }
        starts = {
            crew: self._start(
                standing,
                now,
                bool(newcomers & set(TREATS[standing.crew.kind])),
                dry=dry,
                overrides=overrides,
            )
            for crew, standing in standings.items()
        }
        busy = {(o.place, o.treatment) for start in starts.values() for o in start.kept}
        wanted = {want.key: want for want in wants}
        drafts: dict[str, list[Order]] = {
            crew: [_adopted(order, wanted.get((order.place, order.treatment))) for order in s.kept]
            for crew, s in starts.items()
        }
        exclusions: list[Exclusion] = []
        unserved: list[Ranked] = []
        detail: dict[str, object] = {}
        for kind, treatments in TREATS.items():
            ready = [
                start
                for start in starts.values()
                if start.standing.crew.kind == kind and start.standing.condition == "ready"
            ]
            asked = [w for w in wants if w.treatment in treatments and w.key not in busy]
            if not ready:
                continue
            fleet = _Fleet(self, now, ready, asked)
            new, how = fleet.orders(
                left_out, gain_s, self.settings.iterations if iterations is None else iterations
            )
            for crew, orders in new.items():
                drafts[crew] += orders
            exclusions += (exclusion for _, exclusion in fleet.left_out)
            unserved += (_ranked(want) for want, _ in fleet.left_out)
            if how is not None:
                detail[kind] = how
        named = self._named(now, plan_id, standings, drafts)
        return Plan(named, tuple(exclusions), tuple(unserved), detail)

    # Where crews are free ------------------------------------------------------------------

    def _start(
        self, standing: Standing, now: datetime, newcomer: bool, *, dry: bool,
        overrides: Overrides | None,
    ) -> _Start:  # fmt: skip
        crew, report = standing.crew, standing.report
        tank_l = crew.tank_m3 * 1000
        stop: Stop = self.places.depot(crew.depot)
        water_l = tank_l
        if report is not None:
            stop = self.places.where(report.lon, report.lat)
            if report.water_l is not None:
                water_l = min(report.water_l, tank_l)
        free_s = 0.0
        kept = []
        for order in locked(standing, newcomer, dry=dry, overrides=overrides):
            way = self._way_of(order)
            work_s = order.minutes * 60
            if order.state == "started" and order.started_at is not None:
                since = report.ts if report is not None else now
                done = (since - order.started_at).total_seconds() / max(work_s, 1.0)
                water_l -= order.water_l * (1 - min(max(done, 0.0), 1.0))
                if report is not None and report.began_l is not None:
                    # Some count the water while they work, others when they are done.
                    water_l = min(water_l, report.began_l - order.water_l)
                passed_s = (now - order.started_at).total_seconds()
                order = replace(order, eta=order.started_at)
                free_s = max(free_s, work_s - passed_s)
            else:
                drive_s = self.drive_s(stop, way.entry, crew)
                if not math.isfinite(drive_s):
                    continue
                order = replace(
                    order,
                    eta=_later(now, free_s + drive_s),
                    path=self.path(stop, way.entry, crew),
                )
                free_s += drive_s + work_s
                water_l -= order.water_l
            if order.treatment == "refill":
                water_l = tank_l
            stop = way.exit
            kept.append(order)
        return _Start(standing, tuple(kept), free_s, stop, max(water_l, 0.0))

    def _way_of(self, order: Order) -> Way:
        if order.depot is not None:
            place = self.places.depot(order.depot)
            return Way(place, place, None)
        ways = self.places.ways(order.place)
        return next((way for way in ways if way.direction == order.direction), ways[0])

    # Driving and working -------------------------------------------------------------------

    def drive_s(self, origin: Stop, destination: Stop, crew: Crew) -> float:
        """Seconds of a drive, inf where there is no way."""
        travel = self.graph.travel([origin], [destination], crew.drive_speed_kmh)
        return float(travel.seconds[0, 0])

    def path(self, origin: Stop, destination: Stop, crew: Crew) -> Path:
        """The line of a drive, at least two points even where it is none."""
        key = (origin, destination, crew.drive_speed_kmh)
        if key not in self._paths:
            lonlat = self.graph.path(*key).lonlat
            line = tuple((round(lon, 6), round(lat, 6)) for lon, lat in lonlat)
            line = line if len(line) > 1 else line * 2
            if not (isinstance(origin, int) and isinstance(destination, int)):
                return line
            self._paths[key] = line
        return self._paths[key]

    def refills(self) -> Sequence[str]:
        """The ids of the refill points."""
        return self._refills

    def work_s(self, want: Want, crew: Crew) -> float:
        """Seconds of work for a crew, inf if it is not to be asked."""
        if crew.id in want.refusers:
            return math.inf
        if want.is_site:
            return self.settings.stand_min[want.treatment] * 60
        speed_kmh = crew.work_speed_kmh
        if want.treatment in WET:
            speed_kmh = min(speed_kmh, self.settings.max_wash_kmh)
        return self.district.segments[want.place].length_m / (speed_kmh / 3.6)

    def water_l(self, want: Want, crew: Crew) -> float:
        """Litres that a crew uses for a want; 0 for a crew without a tank."""
        if crew.tank_m3 == 0 or want.treatment == "inspect":
            return 0.0
        if not want.is_site:
            return self.district.segments[want.place].length_m * crew.water_l_per_m
        if want.treatment == "fog":
            return self.settings.stand_min["fog"] * self.settings.fog_l_per_min
        return 0.0

    def rungs(self, want: Want, now: datetime) -> tuple[Rung, ...]:
        """What a want is worth by when work begins: some of it however late.

        The urgent ones are worth most at once, the others as long as they are not overdue.
        """
        if want.fades:
            latest_s = (*(minutes * 60 for minutes in self.settings.worth_fades_min), None)
            shares = zip(self.settings.worth_fades, latest_s, strict=True)
            return tuple(Rung(share * want.prize, latest) for share, latest in shares)
        if want.due is None:
            return (Rung(want.prize),)
        at_once_s = self.settings.at_once_min * 60
        due_s = max((want.due - now).total_seconds(), 2 * at_once_s)
        ladder = (
            Rung(0.9 * want.prize, due_s),
            Rung(0.75 * want.prize, due_s + 1800.0),
            Rung(0.5 * want.prize),
        )
        if want.priority <= 2:
            return (Rung(want.prize, at_once_s), *ladder)
        return ladder

    # Names ---------------------------------------------------------------------------------

    def _named(
        self,
        now: datetime,
        plan_id: str,
        standings: Mapping[str, Standing],
        drafts: Mapping[str, Sequence[Order]],
    ) -> dict[str, tuple[Order, ...]]:
        """Number the orders; those that the crew has already keep their ids and answers."""
        named: dict[str, tuple[Order, ...]] = {}
        fresh = 0
        for crew, orders in drafts.items():
            known: dict[tuple[str, str], list[Order]] = {}
            for order in standings[crew].orders:
                known.setdefault((order.place, order.treatment), []).append(order)
            mine = []
            for seq, order in enumerate(orders, start=1):
                same = known.get((order.place, order.treatment))
                if same:
                    old = same.pop(0)
                    # Numbers that have moved since are no reason to tell the crew again.
                    if (old.priority, old.episode) == (order.priority, order.episode):
                        order = replace(order, reason=old.reason, also=old.also)
                    order = replace(
                        order, id=old.id, state=old.state, issued_at=old.issued_at,
                        accepted_at=old.accepted_at, started_at=old.started_at,
                    )  # fmt: skip
                else:
                    fresh += 1
                    order = replace(
                        order, id=f"O{plan_id[1:]}-{fresh:02d}", state="sent", issued_at=now
                    )
                mine.append(replace(order, seq=seq, plan=plan_id))
            named[crew] = tuple(mine)
        return named


class _Fleet:
    """The crews of one kind and what is wanted of them, as one routing problem."""

    def __init__(
        self, planner: Planner, now: datetime, starts: Sequence[_Start], wants: Sequence[Want]
    ) -> None:
        self.planner = planner
        self.now = now
        self.starts = starts
        self.crews = [start.standing.crew for start in starts]
        self.left_out: list[tuple[Want, Exclusion]] = []
        self.holders: dict[tuple[str, str], set[str]] = {}
        for start in starts:
            for order in start.standing.orders:
                holders = self.holders.setdefault((order.place, order.treatment), set())
                holders.add(start.standing.crew.id)
        # Litres are counted at the rate of the thirstiest crew, and a thriftier one gets a
        # tank that is larger in proportion: a load must be the same for every vehicle.
        rates = [crew.water_l_per_m for crew in self.crews if crew.tank_m3 > 0]
        self.rate = max(rates, default=0.0)
        self.wants = [want for want in wants if self._possible(want)]
        self._lay_stops()

    def orders(
        self, left_out: Container[Ranked] | None, gain_s: float, iterations: int
    ) -> tuple[dict[str, list[Order]], Mapping[str, object] | None]:
        """New orders per crew, and how the search went."""
        if not self.wants:
            return {crew.id: self._timed(n, ()) for n, crew in enumerate(self.crews)}, None
        settings = self.planner.settings
        warm = self._warm()
        if left_out is not None and self._settled(warm, left_out):
            routes = self._as_before(warm)
        else:
            problem = self._problem()
            routes = routing.route(
                problem,
                seed=settings.seed,
                iterations=iterations,
                warm=extended(problem, warm),
                gain=gain_s,
            )
        drafts = {crew.id: self._timed(n, routes.steps[n]) for n, crew in enumerate(self.crews)}
        for arc in routes.unserved:
            self._leave_out(arc)
        searched = {
            "wants": len(self.wants),
            "crews": len(self.crews),
            "unserved": len(routes.unserved),
            "cost": routes.cost,
            "feasible": routes.feasible,
            "iterations": routes.iterations,
        }
        return drafts, searched

    def _settled(self, warm: Sequence[Sequence[Step]], left_out: Container[Ranked]) -> bool:
        """Whether nothing is wanted that the plan in force does not hold or has not weighed."""
        told = {
            (order.place, order.treatment, order.priority)
            for start in self.starts
            for order in start.standing.orders
        }
        served = {step.arc for steps in warm for step in steps if isinstance(step, Visit)}
        return all(
            _ranked(want) in told if arc in served else _ranked(want) in left_out
            for arc, want in enumerate(self.wants)
        )

    def _as_before(self, warm: Sequence[Sequence[Step]]) -> routing.Routes:
        served = {step.arc for steps in warm for step in steps if isinstance(step, Visit)}
        unserved = tuple(arc for arc in range(len(self.wants)) if arc not in served)
        return routing.Routes(tuple(map(tuple, warm)), unserved, 0.0, True, 0)

    def _leave_out(self, arc: int) -> None:
        want = self.wants[arc]
        key = "not_worth" if want.priority == 4 or want.fades else "not_in_shift"
        self._exclude(want, self.planner.words.reason(key))

    def _exclude(self, want: Want, reason: Reason) -> None:
        exclusion = Exclusion(want.place, want.treatment, reason, want.episode, want.priority)
        self.left_out.append((want, exclusion))

    def _possible(self, want: Want) -> bool:
        if all(self._load(want) > self._capacity(crew) for crew in self.crews):
            name = self.planner.names.place(want.place)
            self._exclude(want, self.planner.words.reason("too_much_water", place=name))
            return False
        return True

    # The problem ---------------------------------------------------------------------------

    def _lay_stops(self) -> None:
        """Number the stops: each crew's start and home, the refill points, the ways of wants."""
        places = self.planner.places
        self.entries: list[Stop] = []
        self.exits: list[Stop] = []

        def add(entry: Stop, leave: Stop) -> int:
            self.entries.append(entry)
            self.exits.append(leave)
            return len(self.entries) - 1

        self.start_stops = [add(start.stop, start.stop) for start in self.starts]
        self.home_stops = [add(home, home) for home in (places.depot(c.depot) for c in self.crews)]
        self.refill_stops = {
            depot: add(at, at)
            for depot, at in ((d, places.depot(d)) for d in self.planner.refills())
        }
        self.depot_of_stop = {stop: depot for depot, stop in self.refill_stops.items()}
        self.ways = [places.ways(want.place) for want in self.wants]
        self.way_stops = [tuple(add(w.entry, w.exit) for w in ways) for ways in self.ways]
        graph = self.planner.graph
        self.speeds = sorted({crew.drive_speed_kmh for crew in self.crews})
        self.travel = [graph.travel(self.exits, self.entries, v).seconds for v in self.speeds]
        reachable = []
        for want, ways, stops in zip(self.wants, self.ways, self.way_stops, strict=True):
            ends = np.ix_(self.start_stops, stops), np.ix_(stops, self.home_stops)
            there, back = (np.isfinite(self.travel[0][pairs]) for pairs in ends)
            if (there.any(axis=0) & back.any(axis=1)).any():
                reachable.append((want, ways, stops))
            else:
                name = self.planner.names.place(want.place)
                self._exclude(want, self.planner.words.reason("unreachable", place=name))
        self.wants = [want for want, _, _ in reachable]
        self.ways = [ways for _, ways, _ in reachable]
        self.way_stops = [stops for _, _, stops in reachable]

    def _problem(self) -> Problem:
        arcs = tuple(
            Arc(ways=stops, load=self._load(want), rungs=self._rungs(want))
            for want, stops in zip(self.wants, self.way_stops, strict=True)
        )
        return Problem(arcs, tuple(map(self._vehicle, range(len(self.crews)))), tuple(self.travel))

    def _rungs(self, want: Want) -> tuple[Rung, ...]:
        """What a want is worth; more if a crew has been sent there already."""
        rungs = self.planner.rungs(want, self.now)
        if want.key not in self.holders:
            return rungs
        bonus = self.planner.settings.drop_cost_s
        if want.fades:
            bonus = min(bonus, self.planner.settings.worth_hold * want.prize)
        return tuple(replace(rung, prize=rung.prize + bonus) for rung in rungs)

    def _vehicle(self, number: int) -> Vehicle:
        start, crew = self.starts[number], self.crews[number]
        capacity = self._capacity(crew)
        used = math.ceil((crew.tank_m3 * 1000 - start.water_l) * self._scale(crew))
        reloads = tuple(self.refill_stops.values()) if crew.tank_m3 > 0 else ()
        return Vehicle(
            start=self.start_stops[number],
            end=self.home_stops[number],
            capacity=capacity,
            used=min(max(used, 0), capacity),
            from_s=start.free_s,
            until_s=self._until_s(number),
            profile=self.speeds.index(crew.drive_speed_kmh),
            work_s=[self.planner.work_s(want, crew) for want in self.wants],
            extra_cost=[self._move_cost(want, crew) for want in self.wants],
            reloads=reloads,
            reload_s=tuple(map(self._refill_s, reloads)),
        )

    def _until_s(self, number: int) -> float:
        return (self.starts[number].standing.until - self.now).total_seconds()

    def _scale(self, crew: Crew) -> float:
        return self.rate / crew.water_l_per_m if crew.water_l_per_m > 0 else 1.0

    def _capacity(self, crew: Crew) -> int:
        if crew.tank_m3 == 0:
            return _BOTTOMLESS
        return math.floor(crew.tank_m3 * 1000 * self._scale(crew))

    def _load(self, want: Want) -> int:
        return max(
            math.ceil(self.planner.water_l(want, crew) * self._scale(crew)) for crew in self.crews
        )

    def _move_cost(self, want: Want, crew: Crew) -> float:
        holders = self.holders.get(want.key)
        if not holders or crew.id in holders:
            return 0.0
        return self.planner.settings.move_cost_s

    def _warm(self) -> list[list[Step]]:
        """The plan in force as routes, with what is still wanted of it."""
        arc_of = {want.key: arc for arc, want in enumerate(self.wants)}
        warm: list[list[Step]] = []
        used: set[int] = set()
        for start in self.starts:
            steps: list[Step] = []
            kept = {order.id for order in start.kept}
            for order in start.standing.orders:
                if order.id in kept:
                    continue
                if order.treatment == "refill" and order.depot in self.refill_stops:
                    steps.append(Reload(self.refill_stops[order.depot]))
                arc = arc_of.get((order.place, order.treatment))
                if arc is None or arc in used:
                    continue
                if not math.isfinite(self.planner.work_s(self.wants[arc], start.standing.crew)):
                    continue
                directions = [way.direction for way in self.ways[arc]]
                if order.direction in directions:
                    steps.append(Visit(arc, directions.index(order.direction)))
                    used.add(arc)
            warm.append(steps)
        return warm

    # Orders in time ------------------------------------------------------------------------

    def _timed(self, number: int, steps: Sequence[Step]) -> list[Order]:
        """Orders of one crew with their times.

        The steps are not trusted: water is taken where it would run out, and what cannot be
        done before the way home must begin is left out.
        """
        start, crew = self.starts[number], self.crews[number]
        travel = self.travel[self.speeds.index(crew.drive_speed_kmh)]
        home = self.home_stops[number]
        until_s = self._until_s(number)
        time_s, stop, water_l = start.free_s, self.start_stops[number], start.water_l
        orders: list[Order] = []
        pending: int | None = None
        for step in steps:
            if isinstance(step, Reload):
                pending = step.stop
                continue
            want, way = self.wants[step.arc], self.ways[step.arc][step.way]
            here = self.way_stops[step.arc][step.way]
            need_l, work_s = self.planner.water_l(want, crew), self.planner.work_s(want, crew)
            if pending is None and need_l > water_l + 1e-6:
                pending = self._refill_between(travel, stop, here)
            via = stop if pending is None else pending
            begin_s = time_s + travel[stop, via] if pending is not None else time_s
            if pending is not None:
                begin_s += self._refill_s(pending)
            arrive_s = begin_s + travel[via, here]
            water_then = water_l if pending is None else crew.tank_m3 * 1000
            late = arrive_s + work_s + travel[here, home] > until_s
            if late or not math.isfinite(arrive_s) or need_l > water_then + 1e-6:
                self._exclude(want, self.planner.words.reason("not_in_shift"))
                continue
            if pending is not None:
                orders.append(
                    self._depot_order(
                        crew, "refill", self.depot_of_stop[pending], stop, pending,
                        time_s + travel[stop, pending], self._refill_s(pending),
                    )
                )  # fmt: skip
                water_l, stop, pending = water_then, pending, None
            orders.append(self._order(crew, want, way, stop, here, arrive_s, work_s, need_l))
            time_s, stop, water_l = arrive_s + work_s, here, water_l - need_l
        drive_s = float(travel[stop, home])
        if not math.isfinite(drive_s):
            return orders
        arrive_s = time_s + drive_s
        if self._tops_up(crew, water_l, until_s - arrive_s):
            refill_s = self.planner.district.depots[crew.depot].refill_minutes * 60
            orders.append(
                self._depot_order(crew, "refill", crew.depot, stop, home, arrive_s, refill_s)
            )
        elif drive_s > 0 and self._goes_home(start, orders, drive_s):
            orders.append(self._depot_order(crew, "return", crew.depot, stop, home, arrive_s, 0.0))
        return orders

    def _tops_up(self, crew: Crew, water_l: float, left_s: float) -> bool:
        """A crew with nothing else to do fills its tank where its home has water."""
        depot = self.planner.district.depots[crew.depot]
        low = water_l < self.planner.settings.top_up_below * crew.tank_m3 * 1000
        return low and depot.kind != "depot" and depot.refill_minutes * 60 <= left_s

    def _goes_home(self, start: _Start, orders: Sequence[Order], drive_s: float) -> bool:
        """A crew that has never been sent anywhere is not sent home from beside its depot."""
        if orders or start.kept:
            return True
        return start.standing.report is not None and drive_s > 60

    def _refill_between(self, travel: routing.Floats, stop: int, here: int) -> int | None:
        choices = self.depot_of_stop.keys()
        return min(choices, key=lambda via: travel[stop, via] + travel[via, here], default=None)

    def _refill_s(self, stop: int) -> float:
        return self.planner.district.depots[self.depot_of_stop[stop]].refill_minutes * 60

    def _order(
        self, crew: Crew, want: Want, way: Way, origin: int, here: int,
        arrive_s: float, work_s: float, water_l: float,
    ) -> Order:  # fmt: skip
        return Order(
            id="", crew=crew.id, plan="", seq=0, treatment=want.treatment,
            segment=None if want.is_site else want.place,
            site=want.place if want.is_site else None,
            depot=None, direction=way.direction,
            path=self.planner.path(self.exits[origin], self.entries[here], crew),
            eta=_later(self.now, arrive_s), due=want.due, minutes=round(work_s / 60, 2),
            water_l=round(water_l, 1), priority=want.priority, episode=want.episode,
            reason=want.reason, also=other(want.reason), state="sent", issued_at=self.now,
        )  # fmt: skip

    def _depot_order(
        self, crew: Crew, treatment: str, depot: str, origin: int, here: int,
        arrive_s: float, work_s: float,
    ) -> Order:  # fmt: skip
        reason = self.planner.words.say(treatment, place=self.planner.names.place(depot))
        return Order(
            id="", crew=crew.id, plan="", seq=0, treatment=treatment,
            segment=None, site=None, depot=depot, direction=None,
            path=self.planner.path(self.exits[origin], self.entries[here], crew),
            eta=_later(self.now, arrive_s), due=None, minutes=round(work_s / 60, 2), water_l=0.0,
            priority=4, episode=None, reason=reason, also=other(reason),
            state="sent", issued_at=self.now,
        )  # fmt: skip


def _ranked(want: Want) -> Ranked:
    return want.place, want.treatment, want.priority


def _later(now: datetime, seconds: float) -> datetime:
    """`now` and so many seconds, rounded up to a whole one."""
    return now + timedelta(seconds=math.ceil(seconds - 1e-6))


def _adopted(order: Order, want: Want | None) -> Order:
    """Work that goes on anyway serves an episode that has come up at its place meanwhile."""
    if want is None or want.episode is None or order.episode is not None:
        return order
    return replace(
        order,
        episode=want.episode,
        due=want.due,
        priority=min(order.priority, want.priority),
        reason=want.reason,
        also=other(want.reason),
    )
