"""Planning and re-planning for twelve crews and two hundred open treatments, beside the limits.

    python -m bench.replan [--crews 12] [--wants 200] [--seeds 5] [--iterations N …]

A square grid town with as many streets as wants, a third of them urgent, water trucks of one
kind. Per seed: the first plan that can be driven, the final one, and two minutes later, when
the crews have done as they were told, a plan with one new episode of level 3. Of the orders that
are open then and asked for as before, those with another crew are counted. Seconds are those of
this process; the wall clock's are beside them, since a machine may be busy with other things.
"""

import argparse
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from dispatch.crews import standings
from dispatch.facts import Present
from dispatch.planning import Plan, Planner
from dispatch.settings import DispatchSettings
from dispatch.wants import Want
from geo.district import District, Segment
from tests.dispatch.mornings import carried_out
from tests.dispatch.towns import NOON, crew, depot, segment, town

FIRST_S, FINAL_S, MOVED = 0.3, 2.0, 0.10

T = TypeVar("T")


@dataclass(frozen=True)
class Timed:
    """Seconds of this process and of the clock on the wall."""

    process_s: float
    wall_s: float


@dataclass(frozen=True)
class Outcome:
    """What one town gave."""

    first: Timed
    final: Timed
    again: Timed
    first_drive_s: float
    final_drive_s: float
    untouched: int
    moved: int
    begins_after_s: float


def grid(crews: int, wants: int) -> District:
    """A square town of at least so many two-way streets of 200 m."""
    side = 2
    while 2 * side * (side - 1) < wants + 1:
        side += 1
    segments: list[Segment] = []
    for i in range(side):
        for j in range(side):
            for other in ((i + 1, j), (i, j + 1)):
                if max(other) < side:
                    ends = ((i * 200.0, j * 200.0), (other[0] * 200.0, other[1] * 200.0))
                    segments.append(segment(f"S{len(segments):03d}", *ends))
    trucks = [crew(f"W{n:02d}", tank_m3=6.0) for n in range(crews)]
    far = (side - 1) * 200.0
    return town(segments, trucks, [depot("D1", 0, -20), depot("D2", far, far + 20, "refill")])


def want(place: str, priority: int) -> Want:
    """Routine at priority 4, else due in an hour."""
    due = NOON + timedelta(hours=1) if priority < 4 else None
    prize = {1: 4e5, 2: 2e5, 3: 1e5, 4: 1800.0}[priority]
    return Want(place, False, "wash", priority, prize, "bench", due)


def driving_s(plan: Plan) -> float:
    """Seconds from noon to the end of the last order less the work, added up over the crews."""
    ends = [
        (orders[-1].eta - NOON).total_seconds() + orders[-1].minutes * 60
        for orders in plan.orders.values()
        if orders
    ]
    return sum(ends) - sum(o.minutes * 60 for orders in plan.orders.values() for o in orders)


def timed(work: Callable[[], T]) -> tuple[T, Timed]:
    """What it gives, and how long it takes."""
    process_s, wall_s = time.process_time(), time.perf_counter()
    given = work()
    return given, Timed(time.process_time() - process_s, time.perf_counter() - wall_s)


def outcome(crews: int, count: int, seed: int, iterations: int) -> Outcome:
    """Plan a town, and again when something has come up."""
    chance = random.Random(seed)
    district = grid(crews, count)
    streets = chance.sample(sorted(district.segments), count + 1)
    wants = [want(place, chance.choice([2, 3, 4, 4, 4, 4])) for place in streets[:-1]]
    settings = DispatchSettings(seed=seed, iterations=iterations)
    planner = Planner(district, settings)
    planner.graph.node_times(40.0)
    idle = standings(Present(NOON), district, settings)
    first, first_took = timed(lambda: planner.plan(NOON, "P-1", idle, wants, iterations=0))
    final, final_took = timed(lambda: planner.plan(NOON, "P-1", idle, wants))
    later = NOON + timedelta(minutes=2)
    orders, reports = carried_out(district, idle, final, later)
    present = Present(later, open_orders=tuple(orders), reports={r.crew: r for r in reports})
    busy = standings(present, district, settings)
    open_places = {order.place for order in orders}
    rest = [item for item in wants if item.place in open_places]
    episode = want(streets[-1], 1)
    after, again_took = timed(lambda: planner.plan(later, "P-2", busy, [episode, *rest], ()))
    before = {order.place: order.crew for order in orders if order.depot is None}
    now = {order.place: order for mine in after.orders.values() for order in mine}
    moved = sum(place not in now or now[place].crew != was for place, was in before.items())
    return Outcome(
        first_took, final_took, again_took, driving_s(first), driving_s(final), len(before),
        moved, (now[episode.place].eta - later).total_seconds(),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--crews", type=int, default=12)
    parser.add_argument("--wants", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--iterations", type=int, nargs="+", default=[DispatchSettings().iterations]
    )
    options = parser.parse_args()
    began = time.perf_counter()
    outcome(2, 10, 1, 1)
    print(f"ready after {time.perf_counter() - began:.1f} s (once per start)")
    for iterations in options.iterations:
        found = [
            outcome(options.crews, options.wants, seed, iterations)
            for seed in range(1, options.seeds + 1)
        ]
        print(f"{iterations} iterations, worst of {len(found)} seeds:")
        for name, limit_s, took in (
            ("first valid plan", FIRST_S, [one.first for one in found]),
            ("final plan", FINAL_S, [one.final for one in found]),
            ("after one new episode", FINAL_S, [one.again for one in found]),
        ):
            worst_s = max(each.process_s for each in took)
            wall_s = max(each.wall_s for each in took)
            verdict = "holds" if worst_s <= limit_s else "FAILS"
            print(f"  {name:24} {worst_s:5.2f} s (wall {wall_s:.2f}), limit {limit_s} s: {verdict}")
        moved = max(one.moved / max(one.untouched, 1) for one in found)
        verdict = "holds" if moved <= MOVED else "FAILS"
        print(f"  {'orders with another crew':24} {100 * moved:5.1f} %, limit 10 %: {verdict}")
        mean = len(found)
        print(
            f"  driving {sum(one.first_drive_s for one in found) / mean / 60:.0f} min in the first "
            f"plan, {sum(one.final_drive_s for one in found) / mean / 60:.0f} min in the final; "
            f"{sum(one.untouched for one in found) / mean:.0f} orders open at the episode, work "
            f"there begins after {max(one.begins_after_s for one in found) / 60:.1f} min at most"
        )


if __name__ == "__main__":
    main()
