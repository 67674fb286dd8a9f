"""A recording worked through and scored, item by item."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from analytics.settings import AnalyticsSettings
from bench import items, plain, scores
from bench.items import Run
from bench.plain import Said
from bench.recorded import Recorded
from geo.district import District
from tests.bench.conftest import MINUTES

WARM = 30


@pytest.fixture(scope="module")
def ran(recorded: Recorded, district: District) -> Run:
    """Analytics over the two hours."""
    return items.run(recorded, district, AnalyticsSettings(), WARM)


def with_model(ran: Run, said: Said) -> Run:
    """As if analytics had said this."""
    return replace(ran, methods=[said, *ran.methods[1:]])


def test_truth_is_that_of_the_layouts_segments(ran: Run, recorded: Recorded) -> None:
    """Columns follow the layout, which leaves out streets that nobody treats."""
    assert ran.kerb.shape == (MINUTES, len(ran.layout.segments))
    for g, name in enumerate(ran.layout.segments):
        at = recorded.segments.index(name)
        np.testing.assert_array_equal(ran.kerb[:, g], recorded.truth.increment[:, at])
    np.testing.assert_array_equal(np.isnan(ran.felt).all(axis=0), ~ran.measured)
    assert ran.measured.any()
    assert not ran.measured.all()


def test_who_says_the_truth_has_no_error_and_misses_nothing(ran: Run) -> None:
    """With the true increments as its answer every figure of analytics is perfect."""
    kerb = ran.kerb * 20.0
    held = scores.by_rules(kerb)
    truth = Said("analytics", kerb, held, kerb - 1.0, kerb + 1.0)
    perfect = with_model(replace(ran, kerb=kerb), truth)
    found = items.increment(perfect) | items.exceedance(perfect)
    assert held.any()
    for where in ("measured, kerb", "unmeasured"):
        assert found[f"{where}: RMSE, min", "analytics"] == 0.0
        assert found[f"{where}: 90 % interval covers", "analytics"] == 1.0
        assert found[f"{where}: width of the interval", "analytics"] == pytest.approx(2.0)
        worse = found[f"{where}: RMSE, min", plain.TODAY]
        assert worse is not None
        assert worse > 1.0
        by_rules = f"{where}, by the rules"
        if held[WARM:, perfect.measured if "kerb" in where else ~perfect.measured].any():
            assert found[f"{by_rules}: recall of minutes", "analytics"] == 1.0
            assert found[f"{by_rules}: precision of minutes", "analytics"] == 1.0
            assert found[f"{by_rules}: minutes late, median", "analytics"] == 0.0


def test_the_warm_up_does_not_count(ran: Run) -> None:
    """However wrong an answer is at first, errors are those of the time after."""
    kerb = ran.kerb.copy()
    kerb[:WARM] += 1000.0
    found = items.increment(with_model(ran, Said("analytics", kerb, ran.methods[0].exceeds)))
    assert found["unmeasured: RMSE, min", "analytics"] == 0.0


def test_outlooks_take_their_minutes(ran: Run) -> None:
    """An outlook is of its own minute, others are unknown; its chance is that of level 2."""
    segments = len(ran.recorded.segments)
    minute = ran.recorded.first + 90
    outlook = SimpleNamespace(
        minute=minute,
        quantiles=np.arange(3.0)[:, None, None] * 100 + np.arange(5.0)[:, None] * np.ones(segments),
        chance=np.arange(9.0).reshape(3, 3, 1) / 10 * np.ones(segments),
    )
    blocks = [SimpleNamespace(outlook=outlook), SimpleNamespace(outlook=None)]
    told = replace(ran, minutes=blocks)  # type: ignore[arg-type]
    quantiles, chance = items.model_foresees(told)
    assert set(quantiles) == {60, 180}
    np.testing.assert_array_equal(quantiles[180][90, 0], [200.0, 201.0, 202.0, 203.0, 204.0])
    np.testing.assert_array_equal(chance[60][90], np.full(len(ran.layout.segments), 0.4))
    assert np.isnan(np.delete(quantiles[60], 90, axis=0)).all()
    assert items.model_foresees(replace(ran, minutes=[])) == ({}, {})


def test_every_item_can_be_told_of_a_recording(ran: Run) -> None:
    """Analytics as it is gives a figure of each item, and shares are shares."""
    assert items.quality(ran)["good ones flagged", "analytics"] is not None
    told = items.foreseen(ran)
    other = items.forecast(told, [told])
    assert other["measured, 15 min: Brier score", "persistence"] is not None
    for (name, _), value in (items.exceedance(ran) | items.quality(ran)).items():
        if value is not None and ("recall" in name or "precision" in name or "share" in name):
            assert 0.0 <= value <= 1.0
    assert items.causes(ran).figures["episodes at level 2 or more"] is not None
