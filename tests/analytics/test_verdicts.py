import numpy as np
import pytest

from analytics.settings import VerdictSettings
from analytics.verdicts import verdict

SETTINGS = VerdictSettings()


def street(rng, segments, *, effect=1.0, common=1.0):
    """Increments before and after, (60, segments) each: all change by `common`, each by a chance
    of its own, the first by `effect`."""
    base = rng.uniform(40, 200, segments)
    chance = np.exp(rng.normal(0, 0.15, segments))
    noise = lambda: np.exp(rng.normal(0, 0.1, (60, segments)))  # noqa: E731
    after = base * common * chance
    after[0] *= effect
    return base * noise(), after * noise()


def judge(before, after):
    return verdict((before[:, 0], after[:, 0]), (before[:, 1:], after[:, 1:]), SETTINGS)


def test_what_the_whole_street_does_is_not_an_effect():
    """Rain that halves every segment leaves nothing to credit to the crew, and is no help."""
    found = judge(*street(np.random.default_rng(1), 12, common=0.5))
    assert found.low < 0 < found.high


def test_a_strong_effect_is_found():
    """A wash that halves the increment is effective, and the interval holds the truth."""
    found = judge(*street(np.random.default_rng(2), 12, effect=0.5, common=1.3))
    assert found.effective
    assert found.low <= 50 <= found.high


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """90 % intervals hold the true effect in 90 % of made-up streets (3 standard errors)."""
    rng = np.random.default_rng(3)
    hits = [
        found.low <= 30 <= found.high
        for found in (judge(*street(rng, 8, effect=0.7)) for _ in range(600))
    ]
    assert abs(np.mean(hits) - 0.90) < 3 * np.sqrt(0.9 * 0.1 / 600)


@pytest.mark.parametrize(
    ("segments", "gaps", "why"),
    [
        (3, 0, "controls"),  # two controls give no interval
        (8, 40, "unmeasured"),  # 20 of 60 minutes measured
    ],
)
def test_too_little_measured_gives_no_verdict(segments, gaps, why):
    """Without enough controls or minutes the answer is that it cannot be told."""
    before, after = street(np.random.default_rng(4), segments)
    after[:gaps, 0] = np.nan
    found = judge(before, after)
    assert (found.effective, found.reduction_pct, found.why) == (None, None, why)
