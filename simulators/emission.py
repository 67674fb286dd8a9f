"""Dust that traffic raises from a paved street, by AP-42."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# g per vehicle-km; AP-42 table 13.2.1-1.
K_PM25 = 0.15
K_PM10 = 0.62
K_TSP = 3.23

SILT_EXPONENT = 0.91
WEIGHT_EXPONENT = 1.02


def per_vehicle_km(silt_g_m2: ArrayLike, weight_short_tons: ArrayLike, k: float = K_PM10) -> Floats:
    """Emission in g per vehicle-km on a dry street: ``k sL^0.91 W^1.02``.

    silt_g_m2: silt load of the carriageway; weight_short_tons: mean weight of all vehicles.
    Source: US EPA AP-42, section 13.2.1 (January 2011), equation 1.
    """
    silt = np.asarray(silt_g_m2, np.float64)
    weight = np.asarray(weight_short_tons, np.float64)
    return np.asarray(k * silt**SILT_EXPONENT * weight**WEIGHT_EXPONENT, np.float64)


def line_strength(
    silt_g_m2: Floats, vehicles: Floats, weight_short_tons: Floats, seconds: float, k: float
) -> Floats:
    """(segment,) strength in g/(m s) of streets that so many vehicles pass in ``seconds``."""
    per_km = per_vehicle_km(silt_g_m2, weight_short_tons, k)
    return np.asarray(per_km * vehicles / (1000.0 * seconds), np.float64)
