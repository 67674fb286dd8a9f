"""Exceedances found in minutes written by hand."""

from datetime import timedelta

import numpy as np
import pytest

from evaluation.exceedances import hourly_means, spells
from tests.evaluation.made_up import START, record_of


def _minutes(*pieces: tuple[int, float]) -> np.ndarray:
    return np.concatenate([np.full(length, value) for length, value in pieces])[:, None]


def test_hourly_mean_is_that_of_the_last_sixty_minutes() -> None:
    """Each mean is of the 60 minutes before it; with fewer than 45 there is none."""
    increment = np.random.default_rng(1).uniform(0.0, 200.0, (150, 2)).astype(np.float32)
    means = hourly_means(increment)
    assert np.isnan(means[:44]).all()
    for row in (44, 59, 60, 149):
        np.testing.assert_allclose(
            means[row], increment[max(row - 59, 0) : row + 1].mean(axis=0), rtol=1e-5
        )


def test_spell_begins_and_ends_when_the_mean_passes_the_limit() -> None:
    """An hour at 160 after hours at 0: the mean is over 80 from its 31st to its 89th minute."""
    found = spells(record_of(_minutes((120, 0.0), (60, 160.0), (120, 0.0))))
    assert len(found) == 1
    spell = found[0]
    assert spell.segment == "A1"
    # 31 minutes of 160 in 60 are the first to pass 80.
    assert spell.start == START + timedelta(minutes=120 + 31)
    assert spell.end == START + timedelta(minutes=120 + 60 + 29 + 1)
    assert spell.peak == pytest.approx(160.0)


@pytest.mark.parametrize(
    ("pause", "count"),
    [
        # The mean of an hour is below when at most 24 of its minutes have dust of 200: from the
        # 36th minute of the pause to the 24th after it.
        pytest.param(41, 1, id="30 minutes below"),
        pytest.param(42, 2, id="31 minutes below"),
    ],
)
def test_short_breaks_do_not_part_spells(pause: int, count: int) -> None:
    """Spells are joined over up to 30 minutes below the limit, and not over more."""
    record = record_of(_minutes((60, 0.0), (60, 200.0), (pause, 0.0), (60, 200.0), (90, 0.0)))
    assert len(spells(record)) == count


def test_nothing_is_over_at_the_limit() -> None:
    """Exactly 80 is not over 80."""
    assert spells(record_of(_minutes((300, 80.0)))) == []


@pytest.mark.parametrize(("share", "source"), [(0.3, "street"), (0.7, "Q1")])
def test_the_leading_source_gave_most(share: float, source: str) -> None:
    """A spell names who gave most of it, and how much."""
    spell = spells(record_of(_minutes((120, 200.0)), site_share=share))[0]
    assert spell.source == source
    assert spell.share == pytest.approx(max(share, 1.0 - share), abs=1e-5)
