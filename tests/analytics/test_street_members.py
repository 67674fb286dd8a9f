"""The filter's update: against an exact Kalman filter where that exists, and its own rules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.street.members import OUTLIER, Parts, heed
from tests.analytics.street_minutes import model_of

MEMBERS = 4000
"""Enough for means to come within a few hundredths of a standard deviation."""


def told(x, foreseen, spoken, error, *, reach=None, together=None, by_back=None, far=None):
    """The members after stations spoke; the last row is the background."""
    x = x.copy()
    count = len(foreseen)
    heed(
        x,
        foreseen,
        np.zeros_like(foreseen) if by_back is None else by_back,
        np.asarray(spoken, np.float64),
        np.asarray(error, np.float64),
        np.ones((len(x), count), np.float32) if reach is None else np.asarray(reach, np.float32),
        np.ones((count, count)) if together is None else together,
        len(x) - 1,
        np.zeros(count, bool) if far is None else np.asarray(far),
    )
    return x


def drawn(mean, covariance, seed=0, members=MEMBERS):
    """(rows, N) with exactly this mean and covariance, and a row of background that matters to
    nobody."""
    rng = np.random.default_rng(seed)
    raw = rng.standard_normal((len(mean) + 1, members))
    raw -= raw.mean(axis=1, keepdims=True)
    white = np.linalg.solve(np.linalg.cholesky(np.cov(raw)), raw)
    x = np.array(mean)[:, None] + np.linalg.cholesky(covariance) @ white[:-1]
    return np.vstack((x, white[-1])).astype(np.float32)


MEAN = np.array([1.0, -0.5, 0.3])
SPREAD = np.array([[0.5, 0.2, 0.0], [0.2, 0.4, -0.1], [0.0, -0.1, 0.3]])
SEES = np.array([[1.0, 0.0, 0.5], [0.3, 1.0, 0.0]])


def kalman(mean, covariance, sees, spoken, error):
    """Kalman (1960): mean and covariance, and the gain."""
    gain = covariance @ sees.T @ np.linalg.inv(sees @ covariance @ sees.T + np.diag(error**2))
    return mean + gain @ (spoken - sees @ mean), covariance - gain @ sees @ covariance, gain


@pytest.mark.parametrize("error", [0.3, 1.0, 3.0])
def test_the_mean_is_kalmans(error):
    """Linear and Gaussian, nothing localised: the exact mean; and Sakov and Oke's covariance,
    which exceeds Kalman's by a quarter of what the gain takes twice."""
    spoken, errors = np.array([1.5, 0.2]), np.full(2, error)
    x = drawn(MEAN, SPREAD)
    got = told(x, (SEES @ x[:-1]).astype(np.float32), spoken, errors)[:-1].astype(np.float64)
    mean, covariance, gain = kalman(MEAN, SPREAD, SEES, spoken, errors)
    np.testing.assert_allclose(got.mean(axis=1), mean, atol=2e-3)
    half = np.eye(3) - gain @ SEES / 2
    np.testing.assert_allclose(np.cov(got), half @ SPREAD @ half.T, atol=2e-3)
    beyond = np.linalg.eigvalsh(np.cov(got) - covariance)
    assert beyond.min() > -2e-3
    if error > 2:
        np.testing.assert_allclose(np.cov(got), covariance, atol=0.01)


def test_what_is_common_and_what_is_near_are_told_apart():
    """A background that all see and streets that one sees each: as Kalman would, when the two do
    not hang together."""
    apart = np.diag([0.3, 0.2, 0.25])
    x = drawn(np.array([0.1, 0.2]), apart[:2, :2], seed=1)
    x[-1] = 0.5 * x[-1] + 4.0
    by_back = np.repeat(x[-1:] - x[-1].mean(), 2, axis=0)
    spoken, errors = np.array([4.6, 4.9]), np.array([0.3, 0.4])
    got = told(x, x[:2] + x[-1], spoken, errors, by_back=by_back).astype(np.float64)
    sees = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    mean, covariance, _ = kalman(np.array([0.1, 0.2, 4.0]), apart, sees, spoken, errors)
    np.testing.assert_allclose(got.mean(axis=1), mean, atol=0.03)
    assert (np.diag(np.cov(got)) < np.diag(apart)).all()
    assert (np.diag(np.cov(got)) > np.diag(covariance) - 0.02).all()


@settings(max_examples=40)
@given(st.floats(0.0, 20.0), st.sampled_from([-1, 1]))
def test_a_far_off_reading_moves_less_than_its_word(sigmas, sign):
    """Within three standard deviations the gain is Kalman's; beyond, the farther off, the less."""
    x = drawn(np.zeros(1), np.eye(1), members=400)
    usual = np.sqrt(1 + 0.5**2)

    def moved(by):
        got = told(x, x[:1], [sign * by * usual], [0.5])
        return sign * float(got[0].mean(dtype=np.float64))

    word = sigmas * usual / usual**2
    if sigmas <= OUTLIER:
        assert moved(sigmas) == pytest.approx(word, abs=5e-3)
    else:
        assert moved(sigmas) < word
        assert moved(sigmas) <= moved(OUTLIER) + 5e-3
        assert moved(2 * sigmas) < moved(sigmas) + 1e-3
    assert moved(sigmas) >= -5e-3


@settings(max_examples=30)
@given(st.integers(0, 1000), st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_what_a_station_does_not_reach_does_not_move(seed, spoken):
    """Rows of no reach stay as they are to the last bit, however alike they look."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((6, 30)).astype(np.float32)
    foreseen = (x[:3] + 0.5 * x[1:4]).astype(np.float32)
    reach = np.ones((6, 3), np.float32)
    reach[[1, 4]] = 0
    got = told(x, foreseen, spoken, np.full(3, 0.3), reach=reach)
    np.testing.assert_array_equal(got[[1, 4]], x[[1, 4]])
    assert np.isfinite(got).all()


def test_a_reading_as_foreseen_changes_no_mean_and_narrows():
    """Who says what was expected makes surer."""
    x = drawn(MEAN, SPREAD)
    foreseen = (SEES @ x[:-1]).astype(np.float32)
    got = told(x, foreseen, foreseen.mean(axis=1), np.full(2, 0.3))
    np.testing.assert_allclose(got.mean(axis=1), x.mean(axis=1), atol=1e-3)
    assert (got[:3].std(axis=1) < x[:3].std(axis=1)).all()


def test_the_background_jumps_when_its_stations_say_so():
    """Dust that blows in within a minute, ten times what members differ by, is taken at its word
    within that minute; streets stay."""
    rng = np.random.default_rng(3)
    x = (0.1 * rng.standard_normal((4, 200))).astype(np.float32)
    x[-1] += np.float32(np.log(50.0))
    by_back = np.repeat(x[-1:] - x[-1].mean(), 3, axis=0)
    foreseen = x[-1] + x[:3]
    foreseen[2] = x[-1]
    reach = np.zeros((4, 3), np.float32)
    reach[0, 0] = reach[1, 1] = 1
    spoken = np.full(3, np.log(300.0))
    far = [False, False, True]
    got = told(
        x, foreseen, spoken, np.array([0.1, 0.1, 0.04]), by_back=by_back, reach=reach, far=far
    )
    assert np.exp(got[-1].mean()) == pytest.approx(300.0, rel=0.1)
    assert (np.abs(got[:2].mean(axis=1)) < 0.3).all()


def test_one_street_station_moves_no_background():
    """Far less than when a background station says the same."""
    rng = np.random.default_rng(3)
    x = (0.1 * rng.standard_normal((2, 200))).astype(np.float32)
    x[-1] += np.float32(np.log(50.0))
    by_back = x[-1:] - x[-1].mean()
    foreseen = x[-1:] + x[:1]
    spoken, error = [np.log(300.0)], np.array([0.1])
    street, station = (
        told(x, foreseen, spoken, error, by_back=by_back, far=[far])[-1].mean()
        for far in (False, True)
    )
    assert np.exp(street) < 70
    assert np.exp(station) > 150


def test_rows_follow_one_another_without_gap(street):
    """Every row of the ensemble belongs to one part, and the background is the last."""
    parts = Parts.of(model_of(street).ground)
    at = 0
    names = [name for name in Parts.__slots__ if name not in ("back", "count")]
    for name in names:
        assert getattr(parts, name).start == at
        at = getattr(parts, name).stop
    assert (parts.back, parts.count) == (at, at + 1)


def test_silt_heeds_the_stations_near_it(street):
    """Rows of instruments and of the background heed nobody by reach."""
    model = model_of(street)
    parts, reach = model.parts, model._reach
    assert len(reach) == parts.streets.stop <= min(parts.gain.start, parts.local.start, parts.back)
    np.testing.assert_array_equal(reach[parts.silt], model.ground.speaks.T.astype(np.float32))


def test_an_instrument_heeds_its_own_readings_alone():
    """Rows of one station each, with the whole or a part of its word, come to what a diagonal of
    reach does."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((4, 60)).astype(np.float32)
    foreseen, spoken = x[:3] + x[-1], np.array([1.0, -0.5, 2.0])
    for share in (1.0, 0.3):
        wide = np.zeros((4, 3), np.float32)
        wide[:3] = share * np.eye(3)
        by_reach, by_own = x.copy(), x.copy()
        others = (x[-1:] * 0).repeat(3, axis=0), spoken, np.full(3, 0.5)
        rest = np.eye(3), 3, np.zeros(3, bool)
        heed(by_reach, foreseen, *others, wide, *rest)
        heed(by_own, foreseen, *others, wide[:0], *rest, [(np.arange(3), share)])
        np.testing.assert_allclose(by_own, by_reach, rtol=1e-5, atol=1e-6)
        assert (np.abs(by_own[:3] - x[:3]).max(axis=1) > 0.05).all()
