import numpy as np
import pytest

from analytics.neighbours import NeighbourState, disagreement
from analytics.quality import GOOD, SUSPECT
from analytics.settings import NeighbourSettings

SETTINGS = NeighbourSettings()
MINUTES, STATIONS = 60, 4


def street(change=None, seed=1):
    """PM10 in thousandths as foreseen, but for what `change` does to it; 40 µg/m³ blow in."""
    rng = np.random.default_rng(seed)
    expected = np.log(np.full((MINUTES, STATIONS), 60.0))
    pm10 = np.exp(expected + rng.normal(0, 0.1, expected.shape))
    if change is not None:
        change(pm10)
    milli = np.rint(pm10 * 1000).astype(np.int64)
    return milli, np.ones(milli.shape, bool), expected, np.full(milli.shape, 0.2)


def judged(change=None, **more):
    state = NeighbourState.start(STATIONS)
    background = np.full(MINUTES, 40_000)
    return disagreement(state, *street(change), background, SETTINGS, **more)[1]


def leap(pm10):
    pm10[30, 1] = 900.0


def plume(pm10):
    pm10[30:50, 1] = 900.0


def dead(pm10):
    pm10[20:, 2] = 5.0


def test_what_was_foreseen_is_believed():
    """Values about the expectation pass."""
    assert (judged() == GOOD).all()


def test_a_leap_out_of_calm_is_suspect_alone():
    """One reading fifteen times what was foreseen is suspect, and none before or after it."""
    flags = judged(leap)
    assert flags[30, 1] == SUSPECT
    assert (flags == SUSPECT).sum() == 1


def test_a_plume_costs_one_reading_at_most():
    """What goes on is believed from its second reading on; with PM2.5, from the first."""
    assert (judged(plume) == SUSPECT).sum() == 1
    risen = np.zeros((MINUTES, STATIONS), bool)
    risen[30] = True
    assert (judged(plume, borne_out=risen) == GOOD).all()


def test_what_stays_under_the_background_is_suspect():
    """An eighth of what blows in is suspect from the tenth minute on."""
    flags = judged(dead)
    assert (flags[29:, 2] == SUSPECT).all()
    assert (flags == SUSPECT).sum() == MINUTES - 29


def test_nothing_foreseen_is_nothing_held_against():
    """Without an expectation no reading is flagged."""
    pm10, known, expected, spread = street(dead)
    nothing = np.full_like(expected, np.nan)
    flags = disagreement(
        NeighbourState.start(STATIONS), pm10, known, nothing, spread, np.full(MINUTES, 40_000),
        SETTINGS,
    )[1]  # fmt: skip
    assert (flags == GOOD).all()


@pytest.mark.parametrize("cut", [1, 25, 31, 59])
def test_how_time_is_cut_does_not_matter(cut):
    """Two blocks give the flags of one."""

    def trouble(pm10):
        leap(pm10)
        dead(pm10)

    parts = street(trouble)
    background = np.full(MINUTES, 40_000)
    state, first, _ = disagreement(
        NeighbourState.start(STATIONS), *(p[:cut] for p in parts), background[:cut], SETTINGS
    )
    _, second, _ = disagreement(state, *(p[cut:] for p in parts), background[cut:], SETTINGS)
    whole = disagreement(NeighbourState.start(STATIONS), *parts, background, SETTINGS)[1]
    assert (np.concatenate((first, second)) == whole).all()
