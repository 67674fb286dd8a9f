"""The district as analytics needs it: rows and columns for stations, segments and places."""

import hashlib
from dataclasses import dataclass, fields

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from analytics.increment import Reach
from analytics.notices import Weather
from analytics.settings import STATION_KINDS, AnalyticsSettings
from analytics.street.estimate import Estimator
from analytics.street.ground import Ground
from analytics.street.members import Parts
from analytics.street.model import Model, Street
from geo.district import District
from geo.names import Named, named

TOUCHING_M = 30.0
"""Segments this near each other meet, or are two carriageways of one road."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is judged by the rules: a treated segment, or a site with a station of its own.

    stations: those that stand there; a segment may have none, and is judged by estimate."""

    segment: str | None
    site: str | None
    stations: tuple[int, ...]

    @property
    def id(self) -> str:
        return self.segment or self.site or ""


@dataclass(frozen=True, slots=True)
class Layout:
    """Indices that every array of analytics shares.

    stations, segments: ids by index; background: (S,) which stations measure it; kinds: (S,) as in
    STATION_KINDS; places: what the rules judge; place_of: (P, S) which stations speak for it;
    place_segment: (P,) its index or -1;
    touching: (P, P) segments that share a junction or are two carriageways of one road;
    apart_m: (G, G) between segments; gate_of: (P, sites) whose gate opens there; estimator: the
    model of the street; in_model: (G,) the index of each segment there, where those that nobody
    treats count too; place_station_m: (P, S) from a place's stations, or from the segment where it
    has none, to every station; site_m, site_bearing: (P, sites) as seen from a
    place.
    """

    stations: tuple[str, ...]
    segments: tuple[str, ...]
    sites: tuple[str, ...]
    site_names: tuple[Named, ...]
    crew_names: dict[str, Named]
    site_gates: tuple[tuple[str, ...], ...]
    background: NDArray[np.bool_]
    kinds: NDArray[np.int64]
    reach: Reach
    places: tuple[Place, ...]
    place_of: NDArray[np.bool_]
    place_segment: NDArray[np.int64]
    touching: NDArray[np.bool_]
    apart_m: NDArray[np.float64]
    place_station_m: NDArray[np.float64]
    station_apart_m: NDArray[np.float64]
    site_m: NDArray[np.float64]
    site_bearing: NDArray[np.float64]
    gate_of: NDArray[np.bool_]
    estimator: Estimator
    in_model: NDArray[np.int64]
    fingerprint: str

    @classmethod
    def of(cls, district: District, settings: AnalyticsSettings) -> "Layout":
        stations = tuple(district.stations.values())
        segments = tuple(s for s in district.segments.values() if s.treat)
        sites = tuple(district.sites.values())
        kinds = np.array([s.kind for s in stations])
        to_plane = district.projection.to_xy
        here = to_plane(np.array([(s.lon, s.lat) for s in stations]).reshape(-1, 2))
        points = np.array([shapely.Point(xy) for xy in here], object)
        lines = np.array(
            [shapely.LineString(to_plane(np.array(s.line.coords))) for s in segments], object
        )
        own = np.array([[st.segment == g.id for st in stations] for g in segments], bool)
        own = own.reshape(len(segments), len(stations)) & (kinds == "road")[None, :]
        distance = shapely.distance(lines[:, None], points[None, :])
        reach = Reach.of(
            distance,
            own,
            kinds == "road",
            reach_m=settings.reach_m,
            min_confidence=settings.min_confidence,
        )

        places = [Place(g.id, None, tuple(np.flatnonzero(own[i]))) for i, g in enumerate(segments)]
        for site in sites:
            there = tuple(
                i for i, s in enumerate(stations) if s.kind == "site" and s.site == site.id
            )
            if there:
                places.append(Place(None, site.id, there))
        place_of = np.zeros((len(places), len(stations)), bool)
        for p, place in enumerate(places):
            place_of[p, list(place.stations)] = True
        index = {g.id: i for i, g in enumerate(segments)}
        place_segment = np.array([index.get(p.segment or "", -1) for p in places], np.int64)

        apart_m = shapely.distance(lines[:, None], lines[None, :])
        station_apart_m = shapely.distance(points[:, None], points[None, :])
        place_station_m = np.array(
            [
                station_apart_m[list(place.stations)].min(axis=0)
                if place.stations
                else distance[place_segment[p]]
                for p, place in enumerate(places)
            ]
        ).reshape(len(places), len(stations))
        touching = np.zeros((len(places), len(places)), bool)
        of_segment = np.flatnonzero(place_segment >= 0)
        touching[np.ix_(of_segment, of_segment)] = apart_m <= TOUCHING_M

        centres = to_plane(np.array([s.centre for s in sites]).reshape(-1, 2))
        middles = shapely.get_coordinates(
            shapely.line_interpolate_point(lines, 0.5, normalized=True)
        )
        seen_from = np.array(
            [
                here[list(place.stations)].mean(axis=0)
                if place.stations
                else middles[place_segment[p]]
                for p, place in enumerate(places)
            ]
        ).reshape(-1, 2)
        east, north = np.moveaxis(centres[None, :] - seen_from[:, None], 2, 0)
        ground = Ground.of(district, settings.street)
        fingerprint = hashlib.sha256(
            msgspec.json.encode(
                [
                    district.id,
                    [(s.id, s.kind, s.segment, s.site, s.lon, s.lat) for s in stations],
                    [
                        (g.id, g.line.wkt, g.oneway, g.width_m, g.lanes, g.heavy_trucks_per_day)
                        for g in district.segments.values()
                    ],
                    [(s.id, s.kind, s.gates, s.centre) for s in sites],
                    [(c.id, c.water_l_per_m, c.work_speed_kmh) for c in district.crews.values()],
                    repr(settings),
                    # A state of another form is of no use.
                    [field.name for form in (Parts, Street, Weather) for field in fields(form)],
                ]
            )
        ).hexdigest()
        return cls(
            stations=tuple(s.id for s in stations),
            segments=tuple(g.id for g in segments),
            sites=tuple(s.id for s in sites),
            site_names=tuple(named(s.name, s.extra) for s in sites),
            crew_names={c.id: named(c.name, c.extra) for c in district.crews.values()},
            site_gates=tuple(s.gates for s in sites),
            background=kinds == "background",
            kinds=np.array([STATION_KINDS.index(s.kind) for s in stations], np.int64),
            reach=reach,
            places=tuple(places),
            place_of=place_of,
            place_segment=place_segment,
            touching=touching,
            apart_m=apart_m,
            place_station_m=place_station_m,
            station_apart_m=station_apart_m,
            site_m=np.hypot(east, north),
            site_bearing=np.degrees(np.arctan2(east, north)) % 360,
            gate_of=np.array(
                [[p.segment is not None and p.segment in s.gates for s in sites] for p in places],
                bool,
            ).reshape(len(places), len(sites)),
            estimator=Estimator(district, Model(ground, settings.street), hourly_limits(settings)),
            in_model=np.array([ground.index[g.id] for g in segments], np.int64),
            fingerprint=fingerprint,
        )


def limited_levels(settings: AnalyticsSettings) -> tuple[int, ...]:
    """To which levels, counted from 0, the `hourly_limits` belong."""
    rule = settings.rules.get("inc60")
    return tuple(at for at, limit in enumerate(rule.limits if rule else ()) if limit is not None)


def hourly_limits(settings: AnalyticsSettings) -> tuple[float, ...]:
    """The limits of the hourly increment that forecasts give the chances of passing."""
    rule = settings.rules.get("inc60")
    return tuple(limit for limit in (rule.limits if rule else ()) if limit is not None)
