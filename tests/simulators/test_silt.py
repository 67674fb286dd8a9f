"""The balance of silt: nothing appears or is lost unaccounted for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from simulators.silt import Passing, SiltPhysics, step
from simulators.treatment import Work, touch

N = 5
AREA = np.array([3000.0, 2500.0, 1200.0, 4000.0, 800.0])
LENGTH = np.array([300.0, 250.0, 150.0, 400.0, 100.0])

Floats = NDArray[np.float64]


def array_of(low: float, high: float) -> st.SearchStrategy[Floats]:
    return st.lists(st.floats(low, high), min_size=N, max_size=N).map(np.array)


def chain(leaks: float) -> Floats:
    """Each segment leads to the next, the last out of the district."""
    onward = np.zeros((N, N))
    onward[np.arange(N - 1), np.arange(1, N)] = 1.0 - leaks
    return onward


@given(
    silt=array_of(0.0, 50.0),
    heavy=array_of(0.0, 40.0),
    light=array_of(0.0, 60.0),
    through=array_of(0.0, 1.0),
    tracked=array_of(0.0, 1e5),
    removed=array_of(0.0, 1.0),
    rain_mm=st.floats(0.0, 5.0),
    leaks=st.floats(0.0, 1.0),
    steps=st.integers(1, 30),
)
def test_silt_in_is_silt_out_and_held(
    silt: Floats,
    heavy: Floats,
    light: Floats,
    through: Floats,
    tracked: Floats,
    removed: Floats,
    rain_mm: float,
    leaks: float,
    steps: int,
) -> None:
    """Over any run: held at the end = held before + all gains - all losses, to 1e-9."""
    weight = np.where(heavy + light > 0.0, 12.0, 0.0)
    passing = Passing(heavy, light, weight)
    held = first = silt * AREA
    gained = lost = 0.0
    for _ in range(steps):
        held, flows = step(
            SiltPhysics(), held, AREA, LENGTH, passing, through, tracked, removed, rain_mm,
            chain(leaks), 1.0,
        )  # fmt: skip
        gained += flows.gain.sum()
        lost += flows.loss.sum()
        assert (held >= 0.0).all()
    scale = first.sum() + gained + 1.0
    assert abs(held.sum() - (first.sum() + gained - lost)) <= 1e-9 * scale


@given(silt=array_of(0.0, 50.0), heavy=array_of(0.0, 40.0))
def test_what_tyres_take_arrives(silt: Floats, heavy: Floats) -> None:
    """On a ring that nobody leaves, tyres only move silt about."""
    ring = np.roll(np.eye(N), 1, axis=1)
    still = SiltPhysics(settling_g_m2_h=0.0, shed_g_per_heavy_m=0.0, escape=0.0)
    nothing = np.zeros(N)
    held, flows = step(
        still, silt * AREA, AREA, LENGTH, Passing(heavy, nothing, np.full(N, 20.0)),
        np.ones(N), nothing, nothing, 0.0, ring, 1.0,
    )  # fmt: skip
    assert flows.arrived.sum() == pytest.approx(flows.taken_along.sum(), rel=1e-12)
    assert held.sum() == pytest.approx((silt * AREA).sum(), rel=1e-12)


def test_a_wet_street_keeps_its_silt() -> None:
    """What water binds is not blown away."""
    passing = Passing(np.full(N, 5.0), np.zeros(N), np.full(N, 25.0))
    args = (SiltPhysics(), AREA * 2.0, AREA, LENGTH, passing)
    rest = (np.zeros(N), np.zeros(N), 0.0, chain(0.0), 1.0)
    dry = step(*args, np.ones(N), *rest)[1].blown_away
    wet = step(*args, np.zeros(N), *rest)[1].blown_away
    assert (dry > 0.0).all()
    assert (wet == 0.0).all()


def test_soiled_streets_gain_more_from_washing_than_clean_ones() -> None:
    """A whole wash takes over half of a heavy load, and under a third of a light one."""
    index = {"SOILED": 0, "CLEAN": 1}
    works = [Work("W1", "wash", name, None, 1.0, 360.0) for name in index]
    done = touch(works, index, np.array([4.0, 0.2]), np.array([3000.0, 3000.0]))
    assert 0.5 < done.removed_share[0] < 0.75
    assert done.removed_share[1] < 0.33
    assert done.water_mm == pytest.approx([0.12, 0.12])


def test_work_on_a_site_leaves_the_streets_alone() -> None:
    """Treating a site or inspecting a segment removes no silt."""
    works = [
        Work("F1", "fog", None, "Q1", 1.0, 900.0),
        Work("H1", "inspect", "S1", None, 1.0, 0.0),
    ]
    done = touch(works, {"S1": 0}, np.ones(1), np.ones(1))
    assert done.removed_share.tolist() == [0.0]
    assert done.water_mm.tolist() == [0.0]
