"""What ingest needs to know of a district to tell a known id from an unknown one."""

from geo.district import District
from ingest.registry import Registry, StationFacts


def registry(district: District) -> Registry:
    """Ids, device numbers and units of the district."""
    return Registry(
        stations={s.id: StationFacts(s.mn, s.pm_unit) for s in district.stations.values()},
        cameras=frozenset(district.cameras),
        crews=frozenset(district.crews),
        segments=frozenset(district.segments),
        sites=frozenset(district.sites),
        timezone=district.timezone,
    )
