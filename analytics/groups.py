"""Which open episodes are one thing to an operator: a gate that fails is one, not nine.

Places whose dust has the same first cause belong together: by the same site wherever they are, by
the region everywhere, and by the road or our own work where the segments touch. A group is made of
whole places, by the cause of each one's worst episode. It keeps its name for as long as one of its
members lives; of two that grow together the older name stays, and of one that falls apart the part
with the oldest episode keeps it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

SITE, SENSOR, REGIONAL = "site", "sensor", "regional"


@dataclass(frozen=True, slots=True)
class OpenEpisode:
    """An episode that has entered a level; cause and site are those of its first cause."""

    id: str
    place: int
    place_id: str
    level: int
    started: int
    cause: str
    site: str | None


def regroup(
    named: Mapping[str, str],
    episodes: Sequence[OpenEpisode],
    touching: Callable[[int, int], bool],
) -> dict[str, str]:
    """The group's id of every episode, from the ids of before and from what is open now.

    touching: whether two places meet along the road.
    """
    episodes = sorted(episodes, key=lambda one: (one.started, one.id))
    worst: dict[int, OpenEpisode] = {}
    for one in episodes:
        if one.place not in worst or one.level > worst[one.place].level:
            worst[one.place] = one
    parts = _parts(worst, touching)

    groups: dict[str, str] = {}
    taken: set[str] = set()
    for part in sorted(parts, key=lambda part: _eldest(episodes, part)):
        members = [one for one in episodes if one.place in part]
        kept = sorted({named[one.id] for one in members if one.id in named} - taken)
        if kept:
            name = kept[0]
        else:
            name = _name(members[0], worst[members[0].place])
            while name in taken or name in named.values():
                name = f"{name[:63]}x"
        taken.add(name)
        groups |= dict.fromkeys((one.id for one in members), name)
    return groups


def _parts(
    worst: Mapping[int, OpenEpisode], touching: Callable[[int, int], bool]
) -> list[set[int]]:
    """Places that hang together."""
    parts: list[set[int]] = []
    for place, one in worst.items():
        joined = {place}
        apart = []
        for part in parts:
            if any(_together(one, worst[other], touching) for other in part):
                joined |= part
            else:
                apart.append(part)
        parts = [*apart, joined]
    return parts


def _together(one: OpenEpisode, other: OpenEpisode, touching: Callable[[int, int], bool]) -> bool:
    if (one.cause, one.site) != (other.cause, other.site):
        return False
    if one.cause in (SITE, REGIONAL):
        return True
    return one.cause != SENSOR and touching(one.place, other.place)


def _eldest(episodes: Sequence[OpenEpisode], part: set[int]) -> int:
    return next(i for i, one in enumerate(episodes) if one.place in part)


def _name(eldest: OpenEpisode, worst: OpenEpisode) -> str:
    """Of when and where it began: the site that is blamed, or the eldest member's place."""
    at = datetime.fromtimestamp(eldest.started * 60, UTC)
    return f"G-{at:%Y%m%dT%H%MZ}-{worst.site or eldest.place_id}"[:64]
