"""The arc model: prizes, water, ways, due times and vehicles, on problems small enough to see."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.greedy import extended
from dispatch.routing import Arc, Floats, Problem, Reload, Routes, Rung, Step, Vehicle, Visit, route

WORTH = (Rung(10_000.0),)


def vehicle(arcs: int, **changes: Any) -> Vehicle:
    """A vehicle that starts and ends at stop 0 with all the room and time."""
    values: dict[str, Any] = {
        "start": 0, "end": 0, "capacity": 1000, "used": 0, "from_s": 0.0, "until_s": 1e5,
        "profile": 0, "work_s": [10.0] * arcs, "extra_cost": [0.0] * arcs,
    }  # fmt: skip
    return Vehicle(**(values | changes))


def line(*positions: float) -> Floats:
    """Seconds between stops on a line."""
    at = np.array(positions)
    between: Floats = np.abs(at[:, None] - at[None, :])
    return between


def best(problem: Problem, iterations: int = 60) -> Routes:
    """The routes after a short search, from the greedy plan as the planner does it."""
    warm: Sequence[Sequence[Step]] = extended(problem, [()] * len(problem.vehicles))
    return route(problem, seed=1, iterations=iterations, warm=warm)


def test_arc_is_served_once_and_the_better_way() -> None:
    """Of two ways into one arc the nearer is taken, and only one of them."""
    problem = Problem((Arc((1, 2), 1, WORTH),), (vehicle(1),), (line(0, 50, 5),))
    assert best(problem).steps == ((Visit(0, 1),),)


def test_worthless_arc_is_left() -> None:
    """An arc worth less than its drive and work is left unserved."""
    arcs = (Arc((1,), 1, (Rung(50.0),)), Arc((2,), 1, (Rung(500.0),)))
    found = best(Problem(arcs, (vehicle(2),), (line(0, 100, -100),)))
    assert found.unserved == (0,)
    assert found.steps == ((Visit(1, 0),),)


def test_forbidden_vehicle_is_not_used() -> None:
    """An arc that a vehicle must not work on goes to the farther one."""
    near, far = vehicle(1, work_s=[math.inf]), vehicle(1, start=2, end=2)
    found = best(Problem((Arc((1,), 1, WORTH),), (near, far), (line(0, 10, 500),)))
    assert found.steps == ((), (Visit(0, 0),))


def test_reload_when_the_tank_is_empty() -> None:
    """A vehicle whose room is used up reloads before its first work."""
    truck = vehicle(1, used=1000, reloads=(2,), reload_s=(60.0,))
    found = best(Problem((Arc((1,), 500, WORTH),), (truck,), (line(0, 10, 20),)))
    assert found.steps == ((Reload(2), Visit(0, 0)),)


def test_in_time_is_worth_more() -> None:
    """An arc that pays only by its due time is served first although it is farther."""
    arcs = (
        Arc((1,), 1, (Rung(90_000.0, 200.0), Rung(1_000.0))),
        Arc((2,), 1, (Rung(1_000.0),)),
    )
    slow = vehicle(2, work_s=[300.0, 300.0])
    found = best(Problem(arcs, (slow,), (line(0, 150, 10),)))
    assert found.steps == ((Visit(0, 0), Visit(1, 0)),)


def test_end_of_the_shift_holds() -> None:
    """What cannot be done and driven home from before the end is left."""
    arcs = (Arc((1,), 1, WORTH), Arc((2,), 1, WORTH))
    found = best(Problem(arcs, (vehicle(2, until_s=100.0),), (line(0, 30, 60),)))
    assert found.unserved == (1,)


def test_nothing_to_do() -> None:
    """Without arcs the routes are empty and nothing is searched."""
    assert best(Problem((), (vehicle(0),), (line(0),))).steps == ((),)


def chance(seed: int) -> Problem:
    """A random problem with two vehicles, water, due times and one-way arcs."""
    rng = np.random.default_rng(seed)
    arcs = int(rng.integers(1, 12))
    ways = [int(rng.integers(1, 3)) for _ in range(arcs)]
    stops = iter(range(3, 3 + sum(ways)))
    travel = rng.uniform(5, 300, (3 + sum(ways),) * 2)
    made = tuple(
        Arc(
            tuple(next(stops) for _ in range(count)),
            int(rng.integers(0, 60)),
            (Rung(float(rng.uniform(500, 5e4)), float(rng.uniform(0, 2000))), Rung(400.0)),
        )
        for count in ways
    )
    trucks = tuple(
        vehicle(
            arcs, start=start, end=0, capacity=100, used=int(rng.integers(0, 101)),
            until_s=float(rng.uniform(300, 4000)), work_s=list(rng.uniform(10, 300, arcs)),
            reloads=(2,), reload_s=(120.0,),
        )
        for start in (0, 1)
    )  # fmt: skip
    return Problem(made, trucks, (travel,))


def broken_rules(problem: Problem, steps: Sequence[Sequence[Step]]) -> list[str]:
    """Capacity, shift and once-only, added up by hand."""
    found, seen = [], set()
    for truck, tour in zip(problem.vehicles, steps, strict=True):
        time_s, stop, used = truck.from_s, truck.start, truck.used
        travel = problem.travel_s[truck.profile]
        for step in tour:
            if isinstance(step, Reload):
                time_s += travel[stop, step.stop] + 120.0
                stop, used = step.stop, 0
                continue
            if step.arc in seen:
                found.append(f"{step.arc} twice")
            seen.add(step.arc)
            here = problem.arcs[step.arc].ways[step.way]
            time_s += travel[stop, here] + truck.work_s[step.arc]
            stop, used = here, used + problem.arcs[step.arc].load
            if used > truck.capacity:
                found.append(f"{step.arc}: {used} in the tank")
        if tour and time_s + travel[stop, truck.end] > truck.until_s + 1e-6:
            found.append(f"late by {time_s + travel[stop, truck.end] - truck.until_s} s")
    return found


@settings(max_examples=80)
@given(seed=st.integers(0, 10**6))
def test_greedy_plan_and_search_keep_the_rules(seed: int) -> None:
    """The first plan is feasible, the search's is too, and no arc is lost or served twice."""
    problem = chance(seed)
    first = extended(problem, [(), ()])
    assert broken_rules(problem, first) == []
    found = route(problem, seed=1, iterations=30, warm=first)
    assert found.feasible
    assert broken_rules(problem, found.steps) == []
    served = [s.arc for tour in found.steps for s in tour if isinstance(s, Visit)]
    assert sorted([*served, *found.unserved]) == list(range(len(problem.arcs)))


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_search_repeats_itself(seed: int) -> None:
    """The same problem and seed give the same routes."""
    problem = chance(seed)
    first = extended(problem, [(), ()])
    runs = [route(problem, seed=5, iterations=30, warm=first) for _ in range(2)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("seed", range(5))
def test_search_finds_the_best_order_of_few_arcs(seed: int) -> None:
    """On four arcs of two ways each the search is as good as trying everything."""
    rng = np.random.default_rng(seed)
    travel = rng.integers(5, 300, (9, 9)).astype(float)
    arcs = tuple(Arc((1 + 2 * n, 2 + 2 * n), 0, (Rung(1e6),)) for n in range(4))
    problem = Problem(arcs, (vehicle(4),), (travel,))

    def drive(visits: Sequence[Visit]) -> float:
        stops = [0, *(arcs[v.arc].ways[v.way] for v in visits), 0]
        return float(sum(travel[a, b] for a, b in itertools.pairwise(stops)))

    everything = (
        [Visit(arc, way) for arc, way in zip(order, ways, strict=True)]
        for order in itertools.permutations(range(4))
        for ways in itertools.product((0, 1), repeat=4)
    )
    found = best(problem, iterations=300).steps[0]
    assert drive([s for s in found if isinstance(s, Visit)]) == min(map(drive, everything))


def test_water_fetched_for_nothing_is_left_out() -> None:
    """A plan in force that ends at the water goes on from its last work, and comes to an end."""
    arcs = (Arc((1,), 40, WORTH), Arc((2,), 40, WORTH))
    truck = vehicle(2, capacity=100, until_s=60.0, reloads=(3,), reload_s=(50.0,))
    problem = Problem(arcs, (truck,), (line(0, 5, 10, 15),))
    given: list[Step] = [Visit(0, 0), Reload(3)]
    assert extended(problem, [given]) == [[Visit(0, 0), Visit(1, 0)]]


def test_given_steps_are_kept_in_order() -> None:
    """A plan in force is where the greedy plan begins, in its order, as far as it can be done."""
    arcs = tuple(Arc((n,), 40, WORTH) for n in (1, 2, 3))
    truck = vehicle(3, capacity=100, reloads=(4,), reload_s=(60.0,))
    problem = Problem(arcs, (truck,), (line(0, 10, 20, 30, 40),))
    given: list[Step] = [Visit(2, 0), Visit(0, 0), Visit(2, 0)]
    assert extended(problem, [given])[0] == [
        Visit(2, 0), Visit(0, 0), Reload(4), Visit(1, 0),
    ]  # fmt: skip


def test_given_routes_stand_unless_the_gain_is_worth_it() -> None:
    """Three stops told in a clumsy order stay so for a gain of 40 s, and not for a lower bar."""
    arcs = tuple(Arc((stop,), 1, WORTH) for stop in (1, 2, 3))
    problem = Problem(arcs, (vehicle(3),), (line(0, 100, 120, 140),))
    told = [[Visit(1, 0), Visit(0, 0), Visit(2, 0)]]

    def found(gain: float) -> Routes:
        return route(problem, seed=1, iterations=60, warm=told, gain=gain)

    free = found(0.0)
    assert found(41.0).steps == (tuple(told[0]),)
    assert found(41.0).cost - free.cost == 40
    assert found(39.0).steps == free.steps != (tuple(told[0]),)


def test_new_arc_is_worth_more_than_the_gain() -> None:
    """Routes that stand for a small gain give way to ones that serve an arc in time."""
    late, urgent = Rung(5_000.0), Rung(10_000.0, 100.0)
    arcs = (Arc((1,), 1, WORTH), Arc((2,), 1, (urgent, late)))
    problem = Problem(arcs, (vehicle(2),), (line(0, 200, 50),))
    told = [[Visit(0, 0), Visit(1, 0)]]
    found = route(problem, seed=1, iterations=60, warm=told, gain=300.0)
    assert found.steps == ((Visit(1, 0), Visit(0, 0)),)
