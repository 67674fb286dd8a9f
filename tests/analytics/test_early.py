from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics.early import Warnings, sums
from analytics.minutes import MILLI
from analytics.settings import AnalyticsSettings, EarlySettings

SETTINGS = AnalyticsSettings()
LIMIT = SETTINGS.rules["cusum"].limits[0] * MILLI
QUIET_MIN = 400


def day(rise, *, places=1, seed=1, quiet=30.0):
    """Increments (T, P): 400 minutes of an ordinary scatter, then `rise` times as much."""
    rng = np.random.default_rng(seed)
    noise = np.exp(rng.normal(0, 0.25, (QUIET_MIN + 60, places)))
    factor = np.ones((QUIET_MIN + 60, 1))
    factor[QUIET_MIN:] = rise
    return np.rint(quiet * noise * factor * MILLI).astype(np.int64)


def run(increment, known=None, settings=SETTINGS, cuts=()):
    known = np.ones(increment.shape, bool) if known is None else known
    warnings, out, there = Warnings.rest(increment.shape[1]), [], []
    edges = sorted({0, len(increment), *cuts})
    for a, b in pairwise(edges):
        warnings, total, known_total = sums(warnings, increment[a:b], known[a:b], settings)
        out.append(total)
        there.append(known_total)
    return warnings, np.concatenate(out), np.concatenate(there)


def test_a_rise_is_seen_within_minutes():
    """Thrice as much as usual passes the threshold within a quarter of an hour; the same scatter as
    ever does not pass it in hours."""
    _, total, there = run(day(3.0))
    assert there[QUIET_MIN:].all()
    assert (total[:QUIET_MIN] < LIMIT).all()
    assert (total[QUIET_MIN : QUIET_MIN + 15] >= LIMIT).any()
    assert (run(day(1.0, seed=2))[1] < LIMIT).all()


def test_a_spike_warns_nobody():
    """One minute at fifty times the usual is not a rise, and does not hide the one after it."""
    increment = day(1.0)
    increment[QUIET_MIN - 5] *= 50
    assert (run(increment)[1] < LIMIT).all()
    after = day(3.0)
    after[QUIET_MIN - 5] *= 50
    assert (run(after)[1][QUIET_MIN : QUIET_MIN + 15] >= LIMIT).any()


def test_a_rise_that_stays_small_warns_nobody():
    """From 5 to 20 µg/m³ is four times as much, and nothing."""
    assert (run(day(4.0, quiet=5.0))[1] < LIMIT).all()


def test_what_rises_everywhere_is_no_places_own():
    """All places together rise with the hour or the wind: no warning; one alone is warned of."""
    together = day(3.0, places=6)
    assert (run(together)[1] < LIMIT).all()
    alone = day(1.0, places=6)
    alone[:, 0] = day(3.0, seed=3)[:, 0]
    assert ((run(alone)[1] >= LIMIT).any(axis=0) == [True] + [False] * 5).all()


def test_nothing_is_said_of_a_place_that_is_new():
    """Until its usual level is known, and never when warnings are switched off."""
    _, total, there = run(day(3.0))
    assert not there[: SETTINGS.early.settle_min].any()
    assert there[SETTINGS.early.settle_min + 1 :].all()
    off = replace(SETTINGS, early=EarlySettings(enabled=False))
    assert not run(day(3.0), settings=off)[2].any()
    assert total.any()


def test_a_gap_starts_the_sum_anew():
    """Four minutes without data and what was summed up before them is gone."""
    increment, known = day(3.0), np.ones((QUIET_MIN + 60, 1), bool)
    known[QUIET_MIN + 10 : QUIET_MIN + 14] = False
    _, total, _ = run(increment, known)
    assert total[QUIET_MIN + 9, 0] > 0
    assert total[QUIET_MIN + 13, 0] == 0


@given(seed=st.integers(0, 9), cuts=st.sets(st.integers(1, QUIET_MIN + 59), max_size=10))
def test_how_time_is_cut_does_not_matter(seed, cuts):
    """Block by block or in one, to the last bit."""
    increment = day(2.0, places=7, seed=seed)
    known = np.random.default_rng(seed).random(increment.shape) > 0.05
    whole, cut = run(increment, known), run(increment, known, cuts=cuts)
    assert (whole[1] == cut[1]).all()
    for field in fields(Warnings):
        assert (getattr(whole[0], field.name) == getattr(cut[0], field.name)).all()
