"""AP-42 13.2.1, equation 1, worked by hand."""

import numpy as np
import pytest

from simulators.emission import K_PM10, K_PM25, K_TSP, line_strength, per_vehicle_km


@pytest.mark.parametrize(
    ("silt_g_m2", "weight_short_tons", "k", "g_per_km"),
    [
        # A clean arterial: 0.2^0.91 = 0.23117, 2.4^1.02 = 2.44239; times 0.62.
        (0.2, 2.4, K_PM10, 0.35006),
        # A port road: 0.6^0.91 = 0.62823, 20^1.02 = 21.23475; times 0.62.
        (0.6, 20.0, K_PM10, 8.27099),
        # The same road's fine dust, times 0.15.
        (0.6, 20.0, K_PM25, 2.00105),
        # Below a spoil site: 12^0.91 = 9.59502, 30^1.02 = 32.11240; times 3.23.
        (12.0, 30.0, K_TSP, 995.23),
    ],
)
def test_worked_examples(
    silt_g_m2: float, weight_short_tons: float, k: float, g_per_km: float
) -> None:
    """Grams per vehicle-km are what the equation gives with pencil and logarithms."""
    assert per_vehicle_km(silt_g_m2, weight_short_tons, k) == pytest.approx(g_per_km, rel=1e-4)


def test_a_clean_street_raises_nothing() -> None:
    """No silt or no vehicle means no dust."""
    silt = np.array([0.0, 1.0])
    passed = np.array([60.0, 0.0])
    assert line_strength(silt, passed, np.full(2, 20.0), 60.0, K_PM10).tolist() == [0.0, 0.0]


def test_line_strength_is_per_metre_and_second() -> None:
    """Sixty vehicles in a minute at 1 g/km each are a gram per km and second."""
    strength = line_strength(np.ones(1), np.array([60.0]), np.ones(1), 60.0, 1.0)
    assert strength[0] == pytest.approx(1e-3)
