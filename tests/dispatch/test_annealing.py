"""The search over tours of arcs: what it finds is feasible, adds up, repeats, and is the best."""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.annealing import Annealing, anneal
from dispatch.greedy import extended
from dispatch.problem import Arc, Problem, Reload, Rung, Step, Vehicle, Visit, cost_of
from tests.dispatch.test_routing import broken_rules, chance, line, vehicle


def arcs_by_chance(seed: int, arcs: int, vehicles: int) -> Problem:
    """Arcs of two ways with loads that must all be served, and like vehicles at stop 0."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 100, (1 + 2 * arcs, 2))
    apart = np.rint(np.linalg.norm(points[:, None] - points[None, :], axis=2))
    # Serving leads from one end to the other, so what follows begins at the other.
    leave = np.array([0, *(1 + (n ^ 1) for n in range(2 * arcs))])
    travel = apart[leave, :]
    made = tuple(Arc((1 + 2 * n, 2 + 2 * n), int(rng.integers(1, 30))) for n in range(arcs))
    return Problem(made, (vehicle(arcs, capacity=60),) * vehicles, (travel,), cost=travel)


def every_plan(problem: Problem) -> Iterator[list[list[Step]]]:
    """Every way to serve all arcs: orders, cuts into two tours, ways of each arc."""
    count = len(problem.arcs)
    for order in itertools.permutations(range(count)):
        for cut in range(count + 1):
            for ways in itertools.product((0, 1), repeat=count):
                visits = [Visit(arc, way) for arc, way in zip(order, ways, strict=True)]
                yield [list(visits[:cut]), list(visits[cut:])]


@pytest.mark.parametrize("seed", range(4))
def test_few_arcs_are_served_at_the_least_cost(seed: int) -> None:
    """On four arcs of two ways and two tanks the search is as good as trying everything."""
    problem = arcs_by_chance(seed, 4, 2)
    found = anneal(problem, seed=1, rounds=300)
    assert found.feasible
    assert found.cost == min(cost_of(problem, plan) for plan in every_plan(problem))


@pytest.mark.parametrize("seed", range(3))
def test_ways_of_a_tour_are_the_best(seed: int) -> None:
    """With the order of arcs as found, no other choice of ways is cheaper."""
    problem = arcs_by_chance(seed, 9, 3)
    found = anneal(problem, seed=1, rounds=200)
    for number, tour in enumerate(found.steps):
        for ways in itertools.product((0, 1), repeat=len(tour)):
            other: list[Sequence[Step]] = list(found.steps)
            other[number] = [
                Visit(step.arc, way)
                for step, way in zip(tour, ways, strict=True)
                if isinstance(step, Visit)
            ]
            assert cost_of(problem, other) >= found.cost


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6))
def test_found_routes_keep_the_rules_and_are_no_worse_than_given(seed: int) -> None:
    """With water, due times, shifts and one-way arcs: possible, nothing lost, never worse."""
    problem = chance(seed)
    given_steps = extended(problem, [(), ()])
    for price in (1.0, math.inf):
        found = anneal(problem, seed=1, rounds=60, warm=given_steps, how=Annealing(price=price))
        assert broken_rules(problem, found.steps) == []
        assert found.cost <= cost_of(problem, given_steps) + 1e-6
        served = [s.arc for tour in found.steps for s in tour if isinstance(s, Visit)]
        assert sorted([*served, *found.unserved]) == list(range(len(problem.arcs)))


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_search_repeats_itself(seed: int) -> None:
    """The same problem, seed and rounds give the same routes."""
    problem = chance(seed)
    assert anneal(problem, seed=3, rounds=50) == anneal(problem, seed=3, rounds=50)


def test_tank_is_filled_where_it_costs_least() -> None:
    """Of two refill points the one on the way is used, once, between the two halves."""
    arcs = tuple(Arc((n,), 50) for n in (1, 2, 3, 4))
    truck = vehicle(4, capacity=100, reloads=(5, 6), reload_s=(0.0, 0.0))
    problem = Problem(arcs, (truck,), (line(0, 10, 20, 30, 40, 300, 25),))
    steps = anneal(problem, seed=1, rounds=200).steps[0]
    assert [step for step in steps if isinstance(step, Reload)] == [Reload(6)]
    assert isinstance(steps[2], Reload)


def test_overfull_tanks_do_not_outlast_the_search() -> None:
    """Even where tanks may be overfull for nearly nothing, what is given back is not."""
    problem = arcs_by_chance(5, 12, 5)
    found = anneal(problem, seed=1, rounds=2000, how=Annealing(price=0.01))
    assert found.feasible


def test_arc_that_nobody_can_reach_is_told() -> None:
    """A must without a way is no feasible plan, and the rest is served."""
    travel = line(0.0, 10.0, 20.0)
    travel[:, 2] = math.inf
    travel[2, 2] = 0.0
    problem = Problem((Arc((1,), 1), Arc((2,), 1)), (vehicle(2),), (travel,))
    assert not anneal(problem, seed=1, rounds=50).feasible
    optional = Problem(
        (Arc((1,), 1, (Rung(500.0),)), Arc((2,), 1, (Rung(500.0),))), (vehicle(2),), (travel,)
    )
    found = anneal(optional, seed=1, rounds=50)
    assert found.feasible
    assert found.unserved == (1,)


def test_three_ways_are_refused() -> None:
    """The search knows an arc's two ends, and says so of an arc with more."""
    problem = Problem((Arc((1, 2, 3), 1),), (vehicle(1),), (line(0, 1, 2, 3),))
    with pytest.raises(ValueError, match="3 ways"):
        anneal(problem, seed=1, rounds=1)


def test_cost_adds_up_prizes_and_refuses_what_cannot_be() -> None:
    """Legs, work and missed prizes are added; a tank or a shift that does not do costs inf."""
    arcs = (Arc((1,), 30, (Rung(900.0, 20.0), Rung(400.0))), Arc((2,), 30, (Rung(70.0),)))
    trucks = (Vehicle(0, 0, 50, 0, 0.0, 200.0, 0, (10.0, 10.0), (0.0, 5.0)),)
    problem = Problem(arcs, trucks, (line(0, 30, 40),))
    # Ten seconds too late for the upper rung, and the second arc's 70 are missed.
    assert cost_of(problem, [[Visit(0, 0)]]) == 30 + 10 + 30 + 500 + 70
    assert cost_of(problem, [[Visit(0, 0), Visit(1, 0)]]) == math.inf
    assert cost_of(problem, [[]]) == 970
