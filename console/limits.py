"""The limits that the charts draw: the contract's defaults, or those the platform runs with."""

from collections.abc import Mapping, Sequence
from math import isfinite

Limits = Mapping[str, Sequence[float | None]]

DEFAULTS: Limits = {
    "inc60": (50, 80, 160),
    "inc15": (80, 160, 320),
    "pm10_60": (None, 250, 420),
    "tsp5": (None, 800, 1000),
}
"""µg/m³ of levels 1, 2 and 3; None where a rule has no such level (contract, section 6)."""


def drawable(limits: Limits) -> dict[str, list[float | None]]:
    """The limits as JSON can say them: infinity, a level that the rule has not, becomes None."""
    return {
        rule: [limit if limit is not None and isfinite(limit) else None for limit in levels]
        for rule, levels in limits.items()
    }
