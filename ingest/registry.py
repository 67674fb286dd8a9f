"""What of the district tells a known device from an unknown one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from types import MappingProxyType
from zoneinfo import ZoneInfo

UG_PER_M3: Mapping[str, float] = MappingProxyType({"ug/m3": 1.0, "mg/m3": 1e3, "ng/m3": 1e-3})
"""µg/m³ in one of each unit that a station may measure particles in."""

_CHINA = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class StationFacts:
    """mn: device number that HJ 212 frames of the station must carry; None: any.
    pm_unit: unit of its particle values where a message names none, a key of UG_PER_M3."""

    mn: str | None = None
    pm_unit: str = "ug/m3"

    def __post_init__(self) -> None:
        if self.pm_unit not in UG_PER_M3:
            raise ValueError(f"pm_unit {self.pm_unit!r}: one of {', '.join(UG_PER_M3)} is needed")

    @property
    def ug_per_m3(self) -> float:
        return UG_PER_M3[self.pm_unit]


@dataclass(frozen=True, slots=True)
class Registry:
    """Ids of the district, and the time zone that devices without an offset mean."""

    stations: Mapping[str, StationFacts]
    cameras: frozenset[str] = frozenset()
    crews: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    timezone: tzinfo = _CHINA
