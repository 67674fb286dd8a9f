"""Arc routing files and costs: read as they are written, added up without the solver."""

from pathlib import Path

import pytest

from bench.carp import drive_cost, read
from bench.municipal import instance
from dispatch.annealing import anneal
from dispatch.problem import Reload, Routes, Visit

SPANISH = """
 NOMBRE : small
 CAPACIDAD : 5
 LISTA_ARISTAS_REQ :
 ( 1, 2)  coste 13 demanda 3
 ( 2, 3)  coste 4 demanda 4
 LISTA_ARISTAS_NOREQ :
 ( 3, 1)  coste 2
 DEPOSITO :   1
"""

ENGLISH = """
NAME : small
CAPACITY : 5
DEPOT : 1
DUMPING_SITES : 2, 3
LIST_REQ_EDGES :
(1,2) serv_cost 15 trav_cost 13 demand 3
LIST_REQ_ARCS :
(2,3) serv_cost 6 trav_cost 4 demand 4
LIST_NOREQ_ARCS :
(3,1) trav_cost 2
"""


def written(folder: Path, text: str) -> Path:
    """A file with this text."""
    file = folder / "small.dat"
    file.write_text(text, encoding="utf-8")
    return file


def test_edges_have_two_ways_and_all_streets_are_driven(tmp_path: Path) -> None:
    """The way from the end of the first edge to the second leads over the street not served."""
    given = read(written(tmp_path, SPANISH))
    assert given.work == 17
    assert [arc.load for arc in given.problem.arcs] == [3, 4]
    assert [len(arc.ways) for arc in given.problem.arcs] == [2, 2]
    drive = given.problem.travel_s[0]
    # Depot, then 1 to 2, 2 to 1, 2 to 3 and 3 to 2: from the end of each to the begin of the next.
    assert drive.tolist()[0] == [0, 0, 6, 6, 2]
    assert drive.tolist()[1] == [6, 6, 0, 0, 4]


def test_one_way_arcs_refills_and_service_costs_are_read(tmp_path: Path) -> None:
    """An arc has one way, sites to empty or fill at are reloads, serving may cost otherwise."""
    given = read(written(tmp_path, ENGLISH))
    assert given.work == 21
    assert [len(arc.ways) for arc in given.problem.arcs] == [2, 1]
    assert given.problem.vehicles[0].reloads == (1, 2)
    # From the site at 2 to the depot at 1: back along the edge is as near as 2, 3, 1.
    assert given.problem.travel_s[0][1, 0] == 6


def test_cost_of_drives_is_that_of_the_steps(tmp_path: Path) -> None:
    """Added up by hand, with a refill between; faults are refused."""
    problem = read(written(tmp_path, ENGLISH)).problem
    steps = ((Visit(0, 0), Reload(1), Visit(1, 0)), *((),) * (len(problem.vehicles) - 1))
    assert drive_cost(problem, Routes(steps, (), 0.0, True, 0)) == 0 + 0 + 0 + 2
    dry = ((Visit(0, 0), Visit(1, 0)), *((),) * (len(problem.vehicles) - 1))
    with pytest.raises(ValueError, match="7 in a tank of 5"):
        drive_cost(problem, Routes(dry, (), 0.0, True, 0))
    short = (steps[0][:1], *((),) * (len(problem.vehicles) - 1))
    with pytest.raises(ValueError, match="1 services of 2 arcs"):
        drive_cost(problem, Routes(short, (), 0.0, True, 0))


@pytest.mark.parametrize("seed", [1, 2])
def test_made_up_municipal_instance_is_solved(tmp_path: Path, seed: int) -> None:
    """One-way streets and refill points and all: every street is served once, no tank overfull."""
    given = read(written(tmp_path, instance(seed)))
    found = anneal(given.problem, seed=1, rounds=100)
    assert found.feasible
    assert drive_cost(given.problem, found) == round(found.cost)
