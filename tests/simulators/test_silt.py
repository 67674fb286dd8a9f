"""The balance of silt: nothing appears or is lost unaccounted for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array

from simulators.silt import Passing, SiltPhysics, step
from simulators.treatment import Work, touch

N, SITES = 5, 3
AREA = np.array([3000.0, 2500.0, 1200.0, 4000.0, 800.0])
LENGTH = np.array([300.0, 250.0, 150.0, 400.0, 100.0])

Floats = NDArray[np.float64]


def array_of(low: float, high: float, size: int = N) -> st.SearchStrategy[Floats]:
    return st.lists(st.floats(low, high), min_size=size, max_size=size).map(np.array)


def chain(leaks: float) -> csr_array:
    """Each segment leads to the next, the last out of the district."""
    onward = np.zeros((N, N))
    onward[np.arange(N - 1), np.arange(1, N)] = 1.0 - leaks
    return csr_array(onward)


@given(
    silt=array_of(0.0, 50.0, N * (1 + SITES)),
    leaks=st.floats(0.0, 1.0),
    seed=st.integers(0, 2**32),
    busiest=st.floats(0.0, 60.0),
    heaviest_rain_mm=st.floats(0.0, 5.0),
    minutes=st.integers(1, 120),
)
def test_silt_in_is_silt_out_and_held(
    silt: Floats,
    leaks: float,
    seed: int,
    busiest: float,
    heaviest_rain_mm: float,
    minutes: int,
) -> None:
    """Whatever passes, rains, is tracked in and treated: held = before + gains - losses.

    To 1e-9, in all and for what each site brought.
    """
    chance = np.random.default_rng(seed)
    held = first = silt.reshape(N, 1 + SITES) * AREA[:, None]
    gained, lost = np.zeros(1 + SITES), np.zeros(1 + SITES)
    for _ in range(minutes):
        heavy, light = chance.poisson(busiest, (2, N)).astype(np.float64)
        weight = np.where(heavy + light > 0.0, chance.uniform(1.0, 30.0), 0.0)
        held, flows = step(
            SiltPhysics(), held, AREA, LENGTH, Passing(heavy, light, weight),
            let_through=chance.uniform(0.0, 1.0, N),
            tracked_in_g=chance.exponential(1e3, (N, SITES)) * (chance.random((N, SITES)) < 0.3),
            uncovered=chance.poisson(0.05 * busiest, (N, SITES)),
            removed_share=chance.random(N) * (chance.random(N) < 0.1),
            rain_mm=heaviest_rain_mm * chance.random() * (chance.random() < 0.2),
            onward=chain(leaks),
            minutes=1.0,
        )  # fmt: skip
        gained += flows.gain.sum(axis=0)
        lost += flows.loss.sum(axis=0)
        assert (held >= 0.0).all()
    before, after = first.sum(axis=0), held.sum(axis=0)
    np.testing.assert_array_less(
        np.abs(after - (before + gained - lost)), 1e-9 * (before + gained) + 1e-9
    )
    assert after.sum() == pytest.approx((before + gained - lost).sum(), rel=1e-9, abs=1e-6)


@given(silt=array_of(0.0, 50.0), heavy=array_of(0.0, 40.0))
def test_what_tyres_take_arrives(silt: Floats, heavy: Floats) -> None:
    """On a ring that nobody leaves, tyres only move silt about, each origin's apart."""
    ring = csr_array(np.roll(np.eye(N), 1, axis=1))
    still = SiltPhysics(settling_g_m2_h=0.0, shed_g_per_heavy_m=0.0, escape=0.0)
    nothing, none = np.zeros(N), np.zeros((N, 1))
    # Two thirds of what lies there a site brought.
    before = np.column_stack([silt * AREA, 2.0 * silt * AREA])
    held, flows = step(
        still, before, AREA, LENGTH, Passing(heavy, nothing, np.full(N, 20.0)),
        np.ones(N), none, none.astype(np.int64), nothing, 0.0, ring, 1.0,
    )  # fmt: skip
    assert flows.arrived.sum() == pytest.approx(flows.taken_along.sum(), rel=1e-12)
    assert held.sum(axis=0) == pytest.approx(before.sum(axis=0), rel=1e-12)


def test_each_origin_loses_the_same_share() -> None:
    """Wind and water do not ask who brought the silt: its make-up stays as it was."""
    mixed = np.array([[100.0, 300.0, 0.0, 600.0]]) * np.ones((N, 1))
    passing = Passing(np.full(N, 8.0), np.full(N, 20.0), np.full(N, 15.0))
    none = np.zeros((N, SITES))
    _, flows = step(
        SiltPhysics(), mixed, AREA, LENGTH, passing, np.ones(N), none, none.astype(np.int64),
        np.full(N, 0.4), 1.0, chain(0.0), 1.0,
    )  # fmt: skip
    for flow in (flows.blown_away, flows.taken_along, flows.treated, flows.rained_off):
        np.testing.assert_allclose(flow / flow.sum(axis=1, keepdims=True), mixed / 1000.0)


def test_an_uncovered_load_spills_along_its_way() -> None:
    """A truck without a cover leaves its site's soil on each metre that it passes."""
    none = np.zeros((N, SITES))
    uncovered = np.zeros((N, SITES), np.int64)
    uncovered[1, 2] = 3
    quiet = Passing(np.zeros(N), np.zeros(N), np.zeros(N))
    flows = step(
        SiltPhysics(spill_g_per_uncovered_m=0.5), np.zeros((N, 1 + SITES)), AREA, LENGTH, quiet,
        np.ones(N), none, uncovered, np.zeros(N), 0.0, chain(0.0), 1.0,
    )[1]  # fmt: skip
    assert flows.spilled[1, 3] == pytest.approx(3 * 0.5 * LENGTH[1])
    assert flows.spilled.sum() == flows.spilled[1, 3]


def test_a_wet_street_keeps_its_silt() -> None:
    """What water binds is not blown away."""
    passing = Passing(np.full(N, 5.0), np.zeros(N), np.full(N, 25.0))
    none = np.zeros((N, SITES))
    silt = np.full((N, 1 + SITES), 1000.0)

    def blown_away(let_through: Floats) -> Floats:
        return step(
            SiltPhysics(), silt, AREA, LENGTH, passing, let_through, none, none.astype(np.int64),
            np.zeros(N), 0.0, chain(0.0), 1.0,
        )[1].blown_away  # fmt: skip

    dry, wet = blown_away(np.ones(N)), blown_away(np.zeros(N))
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
