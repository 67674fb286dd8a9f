"""A drone that flies its rounds over streets and sites, and tells of the dust that it sees."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.ops import substring

from geo.district import District
from simulators.chance import Chance
from simulators.devices.cameras import MUDDY_G_M2
from simulators.devices.scene import Scene
from simulators.message import Message, encode, rfc3339

Floats = NDArray[np.float64]

DRONE = "DRONE-1"
SPEED_M_PER_MIN = 36.0 * 1000.0 / 60.0
SEES_M = 60.0
MOST_WIND_M_S = 8.0

# Of the days of a site, those on which a stockpile lies open; of the rounds, those that meet
# somebody tipping where he must not.
OPEN_PILE_SHARE = 0.15
DUMPING_SHARE = 0.05

# How far off a drone's own position puts what it sees.
OFF_M = 4.0


@dataclass(frozen=True, slots=True)
class Sight:
    """A segment or a site as it comes into view for the first time in a round.

    at is its number in the district; lonlat is of the place that is looked at.
    """

    is_site: bool
    at: int
    lonlat: tuple[float, float]


class Drones:
    """The one drone of a district, from its first depot along a closed tour and back.

    rounds_h
        Local hours at which it sets out. It stays down while it rains or the wind is above 8 m/s,
        turns back when they come up, and does not set out while it is in the air.
    recall
        Share of what there is that is recognised in a round.
    false_alarms_per_round
        Clean places taken for muddy ones.
    """

    def __init__(
        self,
        district: District,
        seed: int,
        *,
        rounds_h: tuple[float, ...],
        recall: float,
        false_alarms_per_round: float,
    ) -> None:
        self._timezone = district.timezone
        self._rounds_h = rounds_h
        self._recall = recall
        self._false_alarms = false_alarms_per_round
        self._tour = tour(district) if rounds_h else []
        # Minutes in which there is a street to be wrong about.
        self._with_streets = sum(any(not one.is_site for one in sights) for sights in self._tour)
        self._flown: int | None = None
        self._rounds = 0
        self._chance = {
            purpose: Chance(seed, "drone", DRONE, purpose)
            for purpose in ("sees", "sure", "place", "pile", "false", "dumping")
        }

    def minute(self, began: datetime, now: datetime, scene: Scene) -> list[Message]:
        """What the drone publishes at `now` of what it flew over since `began`."""
        if self._flown is None and self._is_time(began, now):
            # A round that the weather forbids is a round all the same: the next has its own luck.
            self._rounds += 1
            self._flown = 0
        if self._flown is None:
            return []
        if scene.rain > 0.0 or scene.wind_speed > MOST_WIND_M_S or self._flown == len(self._tour):
            self._flown = None
            return []
        minute, self._flown = self._flown, self._flown + 1
        seen = self._seen(minute, now, scene)
        for number, event in enumerate(seen):
            name = f"{DRONE}-{round(now.timestamp() * 1000):x}-{number}"
            event["id"] = name
            event["media"] = f"{name}.jpg"
        if not seen:
            return []
        payload = encode(seen if len(seen) > 1 else seen[0])
        return [Message(f"up/drones/{DRONE}/events", payload, "events", len(seen))]

    def _is_time(self, began: datetime, now: datetime) -> bool:
        """Whether a round begins after `began` and not after `now`."""
        if not self._tour:
            return False
        at_h, until_h = (_hour(time.astimezone(self._timezone)) for time in (began, now))
        if until_h < at_h:
            return any(at_h < hour or hour <= until_h for hour in self._rounds_h)
        return any(at_h < hour <= until_h for hour in self._rounds_h)

    def _seen(self, minute: int, now: datetime, scene: Scene) -> list[dict[str, Any]]:
        shown, sights = rfc3339(now), self._tour[minute]
        day = now.astimezone(self._timezone).toordinal()
        found: list[tuple[str, Sight, float]] = []
        for sight in sights:
            thing = (self._rounds, 2 * sight.at + sight.is_site)
            for number, kind in enumerate(self._there(sight, day, scene)):
                if self._chance["sees"].at(*thing, number) < self._recall:
                    sure = 0.65 + 0.3 * self._chance["sure"].at(*thing, number)
                    found.append((kind, sight, sure))
        found += self._invented(minute, sights)
        return [self._event(shown, kind, sight, sure) for kind, sight, sure in found]

    def _there(self, sight: Sight, day: int, scene: Scene) -> list[str]:
        """What there truly is."""
        if not sight.is_site:
            return ["mud_on_road"] if scene.silt[sight.at] >= MUDDY_G_M2 else []
        open_pile = self._chance["pile"].at(sight.at, day) < OPEN_PILE_SHARE
        return [
            *(["dust_plume"] if scene.plume[sight.at] else []),
            *(["exposed_pile"] if open_pile else []),
        ]

    def _invented(self, minute: int, sights: list[Sight]) -> list[tuple[str, Sight, float]]:
        """False alarms, and what nobody can know of beforehand: both at streets in view."""
        streets = [sight for sight in sights if not sight.is_site]
        if not streets:
            return []
        found = []
        for purpose, kind, per_round in (
            ("false", "mud_on_road", self._false_alarms),
            ("dumping", "illegal_dumping", DUMPING_SHARE),
        ):
            chance = self._chance[purpose]
            if chance.at(self._rounds, minute, 0) < per_round / self._with_streets:
                street = streets[chance.pick(len(streets), self._rounds, minute, 1)]
                found.append((kind, street, 0.5 + 0.25 * chance.at(self._rounds, minute, 2)))
        return found

    def _event(self, shown: str, kind: str, sight: Sight, sure: float) -> dict[str, Any]:
        east, north = (
            OFF_M * (2.0 * self._chance["place"].at(self._rounds, sight.at, axis) - 1.0)
            for axis in (0, 1)
        )
        lon, lat = sight.lonlat
        return {
            "ts": shown,
            "kind": kind,
            "id": "",
            "confidence": round(sure, 2),
            "lon": round(lon + east / (111_320.0 * math.cos(math.radians(lat))), 6),
            "lat": round(lat + north / 110_570.0, 6),
        }


def tour(district: District) -> list[list[Sight]]:
    """What comes into view for the first time in each minute of a round.

    The round leads past the middle of every segment that is treated and the centre of every
    site, always to the nearest one that is left; a part of a segment or site within 60 m of the
    track is seen.
    """
    stops = _stops(district)
    if len(stops) < 2:
        return []
    xy = stops[_nearest_next(stops)]
    track = shapely.LineString(np.vstack([xy, xy[:1]]))
    segments = list(district.segments.values())
    lines = [district.projection.to_xy(segment.line) for segment in segments]
    grounds = [district.projection.to_xy(site.geometry) for site in district.sites.values()]
    shapes: list[shapely.Geometry] = [*lines, *grounds]
    tree = shapely.STRtree(shapes)
    known = {at for at, segment in enumerate(segments) if not segment.treat}
    minutes: list[list[Sight]] = []
    for begin_m in np.arange(0.0, track.length, SPEED_M_PER_MIN):
        piece = substring(track, begin_m, begin_m + SPEED_M_PER_MIN)
        near = sorted(set(tree.query(piece, "dwithin", SEES_M).tolist()) - known)
        known.update(near)
        minutes.append([])
        for at in near:
            if at < len(lines):
                spot = _nearest_spot(lines[at], piece)
                minutes[-1].append(Sight(False, at, _lonlat(district, spot)))
            else:
                spot = grounds[at - len(lines)].centroid
                minutes[-1].append(Sight(True, at - len(lines), _lonlat(district, spot)))
    return minutes


def _stops(district: District) -> Floats:
    """(stop, 2) metres: the depot, then what is to be seen."""
    depots = [(depot.lon, depot.lat) for depot in district.depots.values()][:1]
    lines = [district.projection.to_xy(s.line) for s in district.segments.values() if s.treat]
    middles = [line.interpolate(0.5, normalized=True).coords[0] for line in lines]
    places = [*depots, *(site.centre for site in district.sites.values())]
    xy = district.projection.to_xy(places) if places else np.zeros((0, 2))
    return np.vstack([xy[: len(depots)], np.reshape(middles, (-1, 2)), xy[len(depots) :]])


def _nearest_next(xy: Floats) -> list[int]:
    """An order of all places from the first one, each the nearest to the one before."""
    left = np.ones(len(xy), bool)
    order = [0]
    left[0] = False
    while left.any():
        away = np.hypot(*(xy - xy[order[-1]]).T)
        order.append(int(np.argmin(np.where(left, away, np.inf))))
        left[order[-1]] = False
    return order


def _nearest_spot(line: shapely.LineString, piece: shapely.Geometry) -> shapely.Point:
    """The place on a street that is nearest to a piece of the track."""
    return shapely.Point(shapely.get_coordinates(shapely.shortest_line(line, piece))[0])


def _lonlat(district: District, spot: shapely.Point) -> tuple[float, float]:
    lon, lat = district.projection.to_lonlat([(spot.x, spot.y)])[0]
    return float(lon), float(lat)


def _hour(local: datetime) -> float:
    return local.hour + local.minute / 60.0 + local.second / 3600.0
