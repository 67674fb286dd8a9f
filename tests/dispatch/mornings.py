"""Problems by chance for the judge of plans: a town, its crews anywhere, work, and work again.

Each has two plans. The second is made some minutes later, when the crews have done as the first
one says and something urgent has come up.
"""

import datetime as dt
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import shapely

from dispatch.crews import Standing, standings
from dispatch.facts import CrewReport, Facts, Order, Present
from dispatch.messages import plan_message
from dispatch.planning import Plan, Planner
from dispatch.settings import TREATS, DispatchSettings
from dispatch.shifts import shift_at
from dispatch.wants import Want, wishes
from geo.district import District
from tests.dispatch.checker import Checker, State
from tests.dispatch.towns import NOON, by_chance

PRIZES = {1: 4e5, 2: 2e5, 3: 1e5}


@dataclass(frozen=True)
class Judged:
    """What the judge found wrong in the two plans of a morning, and how much they hold."""

    problems: tuple[str, ...]
    orders: int
    begun: int
    left_out: int


def morning(seed: int, settings: DispatchSettings) -> Judged:
    """Plan, let the crews work, plan again, and have both plans judged."""
    chance = random.Random(seed)
    district = by_chance(seed)
    checker, planner = Checker(district), Planner(district, settings)
    kinds = {name: crew.kind for name, crew in district.crews.items()}
    crews = standings(_present(NOON, (), _anywhere(chance, district)), district, settings)
    routine = wishes(Facts(NOON), district, settings, kinds).wants
    wants = _with_musts(chance, district, routine, NOON)
    first = planner.plan(NOON, "P-1", crews, wants)
    problems = _judged(checker, "P-1", NOON, first, crews, wants)
    later = NOON + dt.timedelta(minutes=chance.uniform(1, 90))
    left, reports = carried_out(district, crews, first, later)
    open_keys = {(order.place, order.treatment) for order in left}
    done = {(o.place, o.treatment) for orders in first.orders.values() for o in orders} - open_keys
    again = _with_musts(chance, district, [w for w in wants if w.key not in done], later)
    crews = standings(_present(later, left, reports), district, settings)
    before = None if chance.random() < 0.5 else first.left_out
    second = planner.plan(later, "P-2", crews, again, before, gain_s=chance.choice([0.0, 300.0]))
    problems += _judged(checker, "P-2", later, second, crews, again)
    plans = [*first.orders.values(), *second.orders.values()]
    return Judged(
        problems=tuple(problems),
        orders=sum(map(len, plans)),
        begun=sum(order.state == "started" for order in left),
        left_out=len(first.left_out) + len(second.left_out),
    )


def carried_out(
    district: District, crews: Mapping[str, Standing], plan: Plan, later: dt.datetime
) -> tuple[list[Order], list[CrewReport]]:
    """The orders still open at `later` if all goes as planned, and where the crews are then."""
    left: list[Order] = []
    reports = []
    for name, standing in crews.items():
        crew, report = standing.crew, standing.report
        home = district.depots[crew.depot]
        at = (report.lon, report.lat) if report is not None else (home.lon, home.lat)
        tank_l = crew.tank_m3 * 1000
        water_l = tank_l if report is None or report.water_l is None else report.water_l
        free_at = NOON
        orders = list(plan.orders[name])
        while orders:
            order = orders[0]
            ends = order.eta + dt.timedelta(minutes=order.minutes)
            if order.eta > later:
                drive_s = max((later - free_at).total_seconds(), 0.0)
                at = _along(district, order.path, drive_s * crew.drive_speed_kmh / 3.6)
                if standing.condition == "ready":
                    orders[0] = replace(order, state="accepted", accepted_at=free_at)
                break
            share = (later - order.eta) / max(ends - order.eta, dt.timedelta(seconds=1))
            water_l -= min(share, 1.0) * order.water_l
            at = _worked(district, order, min(share, 1.0))
            if share < 1.0:
                orders[0] = replace(order, state="started", started_at=order.eta)
                break
            water_l = tank_l if order.treatment == "refill" else water_l
            free_at = ends
            orders.pop(0)
        left += orders
        state = "idle" if standing.condition == "ready" else None
        reports.append(CrewReport(name, later, at[0], at[1], max(water_l, 0.0), state))
    return left, reports


def _present(now: dt.datetime, orders: Sequence[Order], reports: Sequence[CrewReport]) -> Present:
    return Present(now, open_orders=tuple(orders), reports={r.crew: r for r in reports})


def _anywhere(chance: random.Random, district: District) -> list[CrewReport]:
    """Some crews are on a street with what happens to be in the tank, the others at home."""
    reports = []
    for name, crew in district.crews.items():
        if chance.random() < 0.5:
            on = district.segments[chance.choice(sorted(district.segments))]
            line = district.projection.to_xy(on.line)
            point = line.interpolate(chance.uniform(0, line.length))
            lon, lat = map(float, district.projection.to_lonlat([(point.x, point.y)])[0])
            water_l = chance.uniform(0, crew.tank_m3 * 1000)
            reports.append(CrewReport(name, NOON, lon, lat, water_l, "idle"))
    return reports


def _with_musts(
    chance: random.Random, district: District, others: Sequence[Want], now: dt.datetime
) -> list[Want]:
    """These wants and some urgent ones at streets and at the site, for every kind of crew."""
    treatable = sorted(s.id for s in district.segments.values() if s.treat)
    treatments = sorted({TREATS[crew.kind][0] for crew in district.crews.values()})
    musts = []
    for place in chance.sample(treatable, min(chance.randint(0, 4), len(treatable))):
        priority = chance.choice([1, 2, 3])
        due = now + dt.timedelta(minutes=chance.choice([15, 30, 45]))
        musts += [
            Want(place, False, treatment, priority, PRIZES[priority], "r", due)
            for treatment in treatments
        ]
    if "fog" in treatments and chance.random() < 0.5:
        musts.append(Want("X1", True, "fog", 2, PRIZES[2], "r", now + dt.timedelta(minutes=30)))
    taken = {want.key for want in musts}
    return [*musts, *(want for want in others if want.key not in taken)]


def _judged(
    checker: Checker,
    plan_id: str,
    now: dt.datetime,
    plan: Plan,
    crews: Mapping[str, Standing],
    wants: Sequence[Want],
) -> list[str]:
    """What the judge says, and which wants have neither an order nor a reason."""  # fmt: skip
    plans, states = {}, {}
    for name, standing in crews.items():
        plans[name] = plan_message(plan_id, name, now, plan.orders[name])
        states[name] = _state(checker.district, standing, now)
    found = [f"{plan_id} {problem}" for problem in checker.problems(plans, states)]
    ordered = {(o.place, o.treatment) for orders in plan.orders.values() for o in orders}
    excluded = {(e.place, e.treatment) for e in plan.exclusions}
    able = {
        treatment
        for standing in crews.values()
        if standing.condition == "ready"
        for treatment in TREATS[standing.crew.kind]
    }
    asked = {want.key for want in wants if want.treatment in able}
    found += [f"{plan_id}: nothing is said of {key}" for key in sorted(asked - ordered - excluded)]
    return found


def _state(district: District, standing: Standing, now: dt.datetime) -> State:
    crew, report = standing.crew, standing.report
    home = district.depots[crew.depot]
    span = shift_at(crew.shifts, district.timezone, now)
    full_l = crew.tank_m3 * 1000
    begun = [order.id for order in standing.orders if order.state == "started"]
    return State(
        now=now,
        lon=home.lon if report is None else report.lon,
        lat=home.lat if report is None else report.lat,
        water_l=full_l if report is None or report.water_l is None else report.water_l,
        shift_end=span[1] if span is not None else now,
        begun=begun[0] if begun else None,
        told=standing.orders[0].id if standing.orders else None,
    )


def _worked(district: District, order: Order, share: float) -> tuple[float, float]:
    """Where a crew is that has done so much of an order."""
    if order.segment is None:
        return order.path[-1]
    line = district.projection.to_xy(district.segments[order.segment].line)
    ahead = share if order.direction == "forward" else 1 - share
    return _lonlat(district, line.interpolate(ahead, normalized=True))


def _along(
    district: District, path: Sequence[tuple[float, float]], metres: float
) -> tuple[float, float]:
    return _lonlat(
        district, shapely.LineString(district.projection.to_xy(list(path))).interpolate(metres)
    )


def _lonlat(district: District, point: shapely.Point) -> tuple[float, float]:
    lon, lat = map(float, district.projection.to_lonlat([(point.x, point.y)])[0])
    return lon, lat
