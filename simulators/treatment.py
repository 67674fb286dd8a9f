"""What a treatment does to a street: silt taken, water left, dust held down or raised."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effect:
    """Of one kind of treatment on the whole of a segment.

    removal
        Share of the silt taken from a heavily soiled street. A cleaner one gives up less: half
        of this share at ``HALF_LOAD_G_M2``.
    wets
        Whether the water stays on the street.
    raises
        Emission while the crew works there, as a multiple.
    air
        Share of the dust held down by mist, decaying over ``MIST_MINUTES``.
    """

    removal: float
    wets: bool
    raises: float = 1.0
    air: float = 0.0


HALF_LOAD_G_M2 = 0.4
MIST_MINUTES = 25.0

# After Chou 2007, Chang 2005, Amato 2009, Huang 2014 and AP-42 13.2.1.4: modest on clean
# streets, large on soiled ones; sweeping raises dust while it lasts.
EFFECTS: Mapping[str, Effect] = {
    "wash": Effect(removal=0.75, wets=True),
    "sweep": Effect(removal=0.50, wets=False, raises=1.4),
    "fog": Effect(removal=0.05, wets=True, air=0.45),
    "heavy_clean": Effect(removal=0.88, wets=True),
    "hand_wash": Effect(removal=0.82, wets=True),
}

# What a crew may do beside treating: look, which moves no dust.
INSPECT = "inspect"

# Of these at a site, some water comes down on its dust.
SPRAYING = frozenset({"fog", "wash", "heavy_clean", "hand_wash"})

# A site that is sprayed: what is left of its dust, and for how long.
SITE_RELIEF = 0.35
SITE_RELIEF_MINUTES = 75.0


@dataclass(frozen=True, slots=True)
class Work:
    """What a crew did in a step: a ``share`` of a segment or of a site's treatment.

    ``order`` is what told it to, "" where that is not known.
    """

    crew: str
    treatment: str
    segment: str | None
    site: str | None
    share: float
    water_l: float
    order: str = ""


@dataclass(frozen=True, slots=True)
class Touch:
    """All work of a step on the streets; (segment,) each."""

    removed_share: Floats
    water_mm: Floats
    raises: Floats
    mist: Floats


def touch(
    works: Iterable[Work], index: Mapping[str, int], silt_g_m2: Floats, area_m2: Floats
) -> Touch:
    """Put together what crews did to each segment in a step."""
    kept = np.ones(len(index))
    water, raises, mist = np.zeros(len(index)), np.ones(len(index)), np.zeros(len(index))
    for work in works:
        effect = EFFECTS.get(work.treatment)
        if effect is None or work.segment is None:
            continue
        at = index[work.segment]
        soiled = silt_g_m2[at] / (silt_g_m2[at] + HALF_LOAD_G_M2)
        # A power, so that the parts of a pass multiply up to the whole of it.
        kept[at] *= (1.0 - effect.removal * soiled) ** work.share
        raises[at] = max(raises[at], effect.raises)
        mist[at] += effect.air * work.share
        if effect.wets:
            # A litre on a square metre is a millimetre.
            water[at] += work.water_l / area_m2[at]
    return Touch(1.0 - kept, water, raises, mist)
