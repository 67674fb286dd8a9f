"""Water on the carriageway: it comes by rain and crews, and goes by drying and by tyres."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WetnessPhysics:
    """Film depths in mm.

    hold_mm
        What the surface holds; more runs off.
    binding_mm
        The film that lets through 1/e of the dust of a dry street.
    calm, per_m_s
        Drying in mm/h per kPa of vapour deficit: in still air, and more for each m/s.
    sun
        How many times more a clear noon adds.
    tyre_share
        Of the film, what one heavy vehicle sprays away.
    """

    hold_mm: float = 1.0
    binding_mm: float = 0.06
    calm: float = 0.12
    per_m_s: float = 0.05
    sun: float = 0.8
    tyre_share: float = 0.003


def vapour_deficit_kpa(temp_c: float, rh_pct: float) -> float:
    """How much vapour the air could still take (Tetens' formula)."""
    saturated = 0.6108 * np.exp(17.27 * temp_c / (temp_c + 237.3))
    return float(saturated * (1.0 - min(rh_pct, 100.0) / 100.0))


def drying_mm_h(
    physics: WetnessPhysics, temp_c: float, rh_pct: float, wind_m_s: float, sun: float
) -> float:
    """How fast a film dries; ``sun`` is 0 at night to 1 at a clear noon."""
    deficit = vapour_deficit_kpa(temp_c, rh_pct)
    return deficit * (physics.calm + physics.per_m_s * wind_m_s) * (1.0 + physics.sun * sun)


def after_minutes(
    physics: WetnessPhysics,
    film_mm: Floats,
    added_mm: Floats,
    dried_mm: float,
    heavy_passes: Floats,
) -> Floats:
    """(segment,) film after a step in which water was added, dried and sprayed away."""
    film = np.minimum(film_mm + added_mm, physics.hold_mm)
    film = film * np.exp(-physics.tyre_share * heavy_passes) - dried_mm
    return np.asarray(np.maximum(film, 0.0), np.float64)


def let_through(physics: WetnessPhysics, film_mm: Floats) -> Floats:
    """(segment,) share of a dry street's emission that a film of this depth lets through."""
    return np.asarray(np.exp(-film_mm / physics.binding_mm), np.float64)
