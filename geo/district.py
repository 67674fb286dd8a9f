"""A district: its streets, sites, stations, cameras, depots and crews, read from a folder."""

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from numpy.typing import NDArray

from geo import layers
from geo.junctions import Junctions, join_ends, reachable_junctions
from geo.layers import CrewKind, DepotKind, Feature, Folder, PmUnit, SiteKind, StationKind
from geo.problems import DistrictError, Problem
from geo.projection import LocalProjection

__all__ = [
    "Camera",
    "Crew",
    "Depot",
    "District",
    "DistrictError",
    "Problem",
    "Segment",
    "Shift",
    "Site",
    "Station",
    "check_district",
    "load_district",
]

LANE_WIDTH_M = 3.5
DANGLING_M = 20.0

# Farther from every street than this, a feature is more likely misplaced than remote.
STRAY_M = 2_000.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of street that is treated as one; ``line`` is WGS 84 in drawn direction."""

    id: str
    name: str
    line: shapely.LineString
    road: str | None
    oneway: bool
    treat: bool
    speed_kmh: float
    lanes: int
    width_m: float
    residents: int
    heavy_trucks_per_day: float
    min_treatments_per_day: float
    length_m: float
    extra: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Site:
    """A place that makes dust; ``gates`` are ids of segments, ``centre`` is (lon, lat)."""

    id: str
    name: str
    kind: SiteKind
    operator: str | None
    gates: tuple[str, ...]
    geometry: shapely.Polygon | shapely.Point
    centre: tuple[float, float]
    extra: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Station:
    """A measuring station; a background station has neither segment nor site."""

    id: str
    kind: StationKind
    lon: float
    lat: float
    segment: str | None
    site: str | None
    height_m: float
    mn: str | None
    pm_unit: PmUnit
    extra: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera; at least one of ``segment`` and ``site`` is set."""

    id: str
    lon: float
    lat: float
    segment: str | None
    site: str | None
    extra: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Depot:
    """Where crews start and end (``depot``), take water (``refill``), or ``both``."""

    id: str
    kind: DepotKind
    lon: float
    lat: float
    refill_minutes: float
    extra: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Shift:
    """Local working time; an end at or before the start lies on the next day."""

    start: dt.time
    end: dt.time


@dataclass(frozen=True, slots=True)
class Crew:
    """A crew with its vehicle; 0 for ``tank_m3`` means it carries no water."""

    id: str
    name: str
    kind: CrewKind
    depot: str
    tank_m3: float
    water_l_per_m: float
    work_speed_kmh: float
    drive_speed_kmh: float
    shifts: tuple[Shift, ...]
    extra: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class District:
    """Everything that is known of a district before the first reading comes in.

    The dicts are keyed by id, in the order of the files. ``overrides`` is what
    ``district.toml`` says beyond the district itself: rules and settings.
    """

    id: str
    name: str
    timezone: ZoneInfo
    segments: dict[str, Segment]
    sites: dict[str, Site]
    stations: dict[str, Station]
    cameras: dict[str, Camera]
    depots: dict[str, Depot]
    crews: dict[str, Crew]
    overrides: dict[str, Any]
    projection: LocalProjection
    folder: Path


@dataclass(frozen=True, slots=True)
class _Vehicle:
    tank_m3: float
    water_l_per_m: float
    work_speed_kmh: float
    drive_speed_kmh: float


# What a crew has when crews.toml does not say. Washing keeps to 15 km/h at most.
_USUAL_VEHICLE: dict[CrewKind, _Vehicle] = {
    "water_truck": _Vehicle(12.0, 1.2, 10.0, 40.0),
    "sweeper": _Vehicle(2.0, 0.15, 8.0, 40.0),
    "fog_cannon": _Vehicle(10.0, 0.8, 8.0, 40.0),
    "heavy_cleaner": _Vehicle(9.0, 1.5, 5.0, 40.0),
    "hand_wash": _Vehicle(3.0, 1.5, 3.0, 40.0),
}


def load_district(folder: Path) -> District:
    """Read a district folder.

    Raises
    ------
    DistrictError
        If anything in the folder is an error; warnings alone do not stop it.
    """
    district, problems = _read(Path(folder))
    if district is None:
        raise DistrictError(problems)
    return district


def check_district(folder: Path) -> list[Problem]:
    """Give everything that is wrong with a district folder, file by file."""
    return _read(Path(folder))[1]


def _read(path: Path) -> tuple[District | None, list[Problem]]:
    folder = Folder(path)
    settings, overrides = folder.read_district()
    datum = settings.datum if settings else "wgs84"
    raw = _Layers(
        segments=folder.read_layer(
            layers.SEGMENTS, layers.SegmentProperties, ("LineString",), datum
        ),
        sites=folder.read_layer(layers.SITES, layers.SiteProperties, ("Polygon", "Point"), datum),
        stations=folder.read_layer(layers.STATIONS, layers.StationProperties, ("Point",), datum),
        cameras=folder.read_layer(layers.CAMERAS, layers.CameraProperties, ("Point",), datum),
        depots=folder.read_layer(layers.DEPOTS, layers.DepotProperties, ("Point",), datum),
        crews=folder.read_crews(),
    )
    timezone = _timezone(folder, settings)
    _check_ids(folder, raw)
    _check_devices(folder, raw)
    _check_names(folder, raw)
    _check_shifts(folder, raw)
    _check_enough(folder, raw)
    streets = _Streets.of(raw.segments) if raw.segments else None
    if streets is not None:
        _check_network(folder, raw.segments, streets)
        _check_strays(folder, raw, streets)
    refused = any(problem.severity == "error" for problem in folder.problems)
    district = None
    if not refused and settings is not None and timezone is not None and streets is not None:
        district = _build(path, settings, timezone, overrides, raw, streets)
    return district, sorted(folder.problems, key=_by_place)


_FILES = (
    layers.DISTRICT,
    layers.SEGMENTS,
    layers.SITES,
    layers.STATIONS,
    layers.CAMERAS,
    layers.DEPOTS,
    layers.CREWS,
)


def _by_place(problem: Problem) -> tuple[int, int]:
    return _FILES.index(problem.file), problem.feature or 0


@dataclass(frozen=True, slots=True)
class _Layers:
    segments: list[Feature[layers.SegmentProperties]]
    sites: list[Feature[layers.SiteProperties]]
    stations: list[Feature[layers.StationProperties]]
    cameras: list[Feature[layers.CameraProperties]]
    depots: list[Feature[layers.DepotProperties]]
    crews: list[Feature[layers.CrewProperties]]


@dataclass(frozen=True, slots=True)
class _Streets:
    """The segments in metres, and how they meet."""

    projection: LocalProjection
    lines: NDArray[np.object_]
    lengths_m: NDArray[np.float64]
    junctions: Junctions

    @classmethod
    def of(cls, segments: Sequence[Feature[layers.SegmentProperties]]) -> "_Streets":
        west, south, east, north = shapely.total_bounds([row.geometry for row in segments])
        # Rounded, so that a street more does not move every coordinate in metres.
        projection = LocalProjection(
            round(float(west + east) / 2, 2), round(float(south + north) / 2, 2)
        )
        lines = np.array([projection.to_xy(row.geometry) for row in segments], dtype=object)
        return cls(
            projection=projection,
            lines=lines,
            lengths_m=shapely.length(lines),
            junctions=join_ends(
                shapely.get_coordinates(shapely.get_point(lines, 0)),
                shapely.get_coordinates(shapely.get_point(lines, -1)),
            ),
        )


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


H = TypeVar("H", bound=_HasId)


def _timezone(folder: Folder, settings: layers.DistrictSettings | None) -> ZoneInfo | None:
    if settings is None:
        return None
    try:
        return ZoneInfo(settings.timezone)
    # ZoneInfoNotFoundError is a KeyError; a key like "../x" is a ValueError and a folder of
    # zones such as "Asia" an OSError.
    except (KeyError, ValueError, OSError):
        folder.report(
            "error",
            layers.DISTRICT,
            None,
            f"`timezone` is {settings.timezone!r}, which is no time zone",
            "Give a name of the IANA list, such as Asia/Shanghai",
        )
        return None


def _check_ids(folder: Folder, raw: _Layers) -> None:
    tables: tuple[tuple[str, Iterable[Feature[Any]]], ...] = (
        (layers.SEGMENTS, raw.segments),
        (layers.SITES, raw.sites),
        (layers.STATIONS, raw.stations),
        (layers.CAMERAS, raw.cameras),
        (layers.DEPOTS, raw.depots),
        (layers.CREWS, raw.crews),
    )
    for file, features in tables:
        first: dict[str, int] = {}
        for row in features:
            seen = first.setdefault(row.properties.id, row.number)
            if seen != row.number:
                folder.report(
                    "error",
                    file,
                    row.number,
                    f"the id {row.properties.id!r} is that of feature {seen} too",
                    "Give each its own id",
                )


def _check_devices(folder: Folder, raw: _Layers) -> None:
    first: dict[str, int] = {}
    for row in raw.stations:
        device = row.properties.mn
        if device is not None and first.setdefault(device, row.number) != row.number:
            folder.report(
                "error",
                layers.STATIONS,
                row.number,
                f"the device number `mn` {device!r} is that of feature {first[device]} too",
                "Give each station the MN of its own device",
            )


def _check_shifts(folder: Folder, raw: _Layers) -> None:
    for row in raw.crews:
        hours = [(text, *_minutes_of(_shift(text))) for text in row.properties.shifts]
        for (text, start, end), (other, other_start, other_end) in itertools.combinations(hours, 2):
            # The other shift of the day before or after may reach into this one too.
            if any(start < other_end + day and other_start + day < end for day in (-1440, 0, 1440)):
                folder.report(
                    "error",
                    layers.CREWS,
                    row.number,
                    f"the shifts {text!r} and {other!r} overlap",
                    "Write them as one shift, or end the first before the second begins",
                )


def _minutes_of(shift: Shift) -> tuple[int, int]:
    start = shift.start.hour * 60 + shift.start.minute
    end = shift.end.hour * 60 + shift.end.minute
    return start, end if end > start else end + 1440


def _check_names(folder: Folder, raw: _Layers) -> None:
    segments = {row.properties.id for row in raw.segments}
    sites = {row.properties.id for row in raw.sites}
    depots = {row.properties.id: row.properties.kind for row in raw.depots}

    def look_up(file: str, number: int, key: str, name: str | None, known: Iterable[str]) -> None:
        if name is not None and name not in known:
            folder.report(
                "error",
                file,
                number,
                f"`{key}` names {name!r}, which is not there or is faulty",
                f"Name a {key.removesuffix('s')} of this folder"
                if key != "gates"
                else "Name segments of this folder",
            )

    for site in raw.sites:
        for gate in site.properties.gates:
            look_up(layers.SITES, site.number, "gates", gate, segments)
    for station in raw.stations:
        at = station.properties
        look_up(layers.STATIONS, station.number, "segment", at.segment, segments)
        look_up(layers.STATIONS, station.number, "site", at.site, sites)
        _check_station(folder, station, bool(sites))
    for camera in raw.cameras:
        look_up(layers.CAMERAS, camera.number, "segment", camera.properties.segment, segments)
        look_up(layers.CAMERAS, camera.number, "site", camera.properties.site, sites)
    for crew in raw.crews:
        depot = crew.properties.depot
        look_up(layers.CREWS, crew.number, "depot", depot, depots)
        if depots.get(depot) == "refill":
            folder.report(
                "error",
                layers.CREWS,
                crew.number,
                f"`depot` names {depot!r}, which is only a refill point",
                "Name a depot of kind depot or both, or change the kind of that one",
            )


def _check_station(
    folder: Folder, station: Feature[layers.StationProperties], any_site: bool
) -> None:
    at = station.properties
    if at.kind == "background" and (at.segment or at.site):
        folder.report(
            "error",
            layers.STATIONS,
            station.number,
            "a background station stands for no segment and no site",
            "Take `segment` and `site` away, or change its kind to road or site",
        )
    if at.kind == "site" and at.site is None and not any_site:
        folder.report(
            "error",
            layers.STATIONS,
            station.number,
            f"the station is of kind site, but {layers.SITES} has none",
            "Add the site, or change the station's kind",
        )


def _check_enough(folder: Folder, raw: _Layers) -> None:
    wanted: tuple[tuple[str, Callable[[], bool], str, str], ...] = (
        (
            layers.SEGMENTS,
            lambda: any(row.properties.treat for row in raw.segments),
            "no segment is there to be treated",
            "Draw one, and leave `treat` out or true",
        ),
        (
            layers.STATIONS,
            lambda: bool(raw.stations),
            "there is no station",
            "Without stations nothing is measured; add them",
        ),
        (
            layers.CREWS,
            lambda: bool(raw.crews),
            "there is no crew",
            "Without crews nothing can be ordered; add them",
        ),
    )
    blamed = {problem.file for problem in folder.problems if problem.severity == "error"}
    for file, there, message, remedy in wanted:
        if file not in blamed and not there():
            severity = "error" if file == layers.SEGMENTS else "warning"
            folder.report(severity, file, None, message, remedy)  # type: ignore[arg-type]


def _check_network(
    folder: Folder, segments: Sequence[Feature[layers.SegmentProperties]], streets: _Streets
) -> None:
    oneway = np.array([row.properties.oneway for row in segments])
    junctions = streets.junctions
    reachable = reachable_junctions(junctions, oneway)
    for index, row in enumerate(segments):
        if not (reachable[junctions.start[index]] and reachable[junctions.end[index]]):
            folder.report(
                "warning",
                layers.SEGMENTS,
                row.number,
                f"segment {row.properties.id!r} cannot be reached and left again on the rest of "
                "the streets",
                "Join its ends to other segments within 1 m, or check `oneway`",
            )
        if streets.lengths_m[index] < 1.0:
            folder.report(
                "error",
                layers.SEGMENTS,
                row.number,
                f"segment {row.properties.id!r} is only {streets.lengths_m[index]:.2f} m long",
                "Draw it longer, or remove it and let its neighbours meet",
            )
    _check_dangling(folder, segments, streets)


def _check_dangling(
    folder: Folder, segments: Sequence[Feature[layers.SegmentProperties]], streets: _Streets
) -> None:
    junctions = streets.junctions
    loose = junctions.degree() == 1
    tree = shapely.STRtree(streets.lines)
    for index, row in enumerate(segments):
        for which, node in (("start", junctions.start[index]), ("end", junctions.end[index])):
            if not loose[node]:
                continue
            at = shapely.Point(junctions.xy[node])
            near = [
                (float(shapely.distance(at, streets.lines[other])), int(other))
                for other in tree.query(at, predicate="dwithin", distance=DANGLING_M)
                if other != index
            ]
            if near:
                gap_m, other = min(near)
                folder.report(
                    "warning",
                    layers.SEGMENTS,
                    row.number,
                    f"the {which} of segment {row.properties.id!r} ends {gap_m:.1f} m from "
                    f"{segments[other].properties.id!r} without meeting it",
                    "Move it onto an end of that segment, and cut that one there if need be",
                )


def _check_strays(folder: Folder, raw: _Layers, streets: _Streets) -> None:
    tables: tuple[tuple[str, Iterable[Feature[Any]]], ...] = (
        (layers.SITES, raw.sites),
        (layers.STATIONS, raw.stations),
        (layers.CAMERAS, raw.cameras),
        (layers.DEPOTS, raw.depots),
    )
    tree = shapely.STRtree(streets.lines)
    for file, features in tables:
        for row in features:
            # Background stations are meant to stand apart.
            if getattr(row.properties, "kind", None) == "background":
                continue
            _, away_m = _nearest(tree, streets.projection.to_xy(row.geometry))
            if away_m > STRAY_M:
                folder.report(
                    "warning",
                    file,
                    row.number,
                    f"{row.properties.id!r} lies {away_m / 1000:.1f} km from the nearest segment",
                    "Check its place and the datum",
                )


def _nearest(tree: shapely.STRtree, at: shapely.Geometry) -> tuple[int, float]:
    """Give the index of the nearest geometry, the first of equals, and its distance."""
    indices, distances = tree.query_nearest(at, return_distance=True, all_matches=True)
    return int(indices.min()), float(distances[0])


def _build(
    path: Path,
    settings: layers.DistrictSettings,
    timezone: ZoneInfo,
    overrides: dict[str, Any],
    raw: _Layers,
    streets: _Streets,
) -> District:
    sites = _by_id(_site(row) for row in raw.sites)
    locate = _Locator(streets, raw)
    return District(
        id=settings.id,
        name=settings.name,
        timezone=timezone,
        segments=_by_id(
            _segment(row, float(length_m))
            for row, length_m in zip(raw.segments, streets.lengths_m, strict=True)
        ),
        sites=sites,
        stations=_by_id(_station(row, locate) for row in raw.stations),
        cameras=_by_id(_camera(row, locate) for row in raw.cameras),
        depots=_by_id(_depot(row) for row in raw.depots),
        crews=_by_id(_crew(row) for row in raw.crews),
        overrides=overrides,
        projection=streets.projection,
        folder=path,
    )


def _by_id(things: Iterable[H]) -> dict[str, H]:
    return {thing.id: thing for thing in things}


class _Locator:
    """Finds the segment or site that a station or camera without a name for it belongs to."""

    def __init__(self, streets: _Streets, raw: _Layers) -> None:
        self._projection = streets.projection
        self._all = [row.properties.id for row in raw.segments]
        self._all_tree = shapely.STRtree(streets.lines)
        treated = [index for index, row in enumerate(raw.segments) if row.properties.treat]
        self._treated = [self._all[index] for index in treated]
        self._treated_tree = shapely.STRtree(streets.lines[treated])
        self._sites = [row.properties.id for row in raw.sites]
        self._site_tree = shapely.STRtree([self._projection.to_xy(s.geometry) for s in raw.sites])

    def segment(self, at: shapely.Geometry) -> str:
        return self._all[_nearest(self._all_tree, self._projection.to_xy(at))[0]]

    def treated_segment(self, at: shapely.Geometry) -> str:
        return self._treated[_nearest(self._treated_tree, self._projection.to_xy(at))[0]]

    def site(self, at: shapely.Geometry) -> str:
        return self._sites[_nearest(self._site_tree, self._projection.to_xy(at))[0]]


def _segment(row: Feature[layers.SegmentProperties], length_m: float) -> Segment:
    said = row.properties
    line = row.geometry
    assert isinstance(line, shapely.LineString)
    return Segment(
        id=said.id,
        name=said.name,
        line=line,
        road=said.road,
        oneway=said.oneway,
        treat=said.treat,
        speed_kmh=said.speed_kmh,
        lanes=said.lanes,
        width_m=said.lanes * LANE_WIDTH_M if said.width_m is None else said.width_m,
        residents=said.residents,
        heavy_trucks_per_day=said.heavy_trucks_per_day,
        min_treatments_per_day=said.min_treatments_per_day,
        length_m=length_m,
        extra=row.extra,
    )


def _site(row: Feature[layers.SiteProperties]) -> Site:
    said = row.properties
    shape = row.geometry
    assert isinstance(shape, shapely.Polygon | shapely.Point)
    return Site(
        id=said.id,
        name=said.name,
        kind=said.kind,
        operator=said.operator,
        gates=said.gates,
        geometry=shape,
        centre=(shape.centroid.x, shape.centroid.y),
        extra=row.extra,
    )


def _station(row: Feature[layers.StationProperties], locate: _Locator) -> Station:
    said = row.properties
    lon, lat = _lonlat(row.geometry)
    segment, site = said.segment, said.site
    if segment is None and site is None:
        if said.kind == "road":
            segment = locate.treated_segment(row.geometry)
        elif said.kind == "site":
            site = locate.site(row.geometry)
    return Station(
        id=said.id,
        kind=said.kind,
        lon=lon,
        lat=lat,
        segment=segment,
        site=site,
        height_m=said.height_m,
        mn=said.mn,
        pm_unit=said.pm_unit,
        extra=row.extra,
    )


def _camera(row: Feature[layers.CameraProperties], locate: _Locator) -> Camera:
    said = row.properties
    lon, lat = _lonlat(row.geometry)
    segment = said.segment
    if segment is None and said.site is None:
        segment = locate.segment(row.geometry)
    return Camera(id=said.id, lon=lon, lat=lat, segment=segment, site=said.site, extra=row.extra)


def _depot(row: Feature[layers.DepotProperties]) -> Depot:
    said = row.properties
    lon, lat = _lonlat(row.geometry)
    return Depot(
        id=said.id,
        kind=said.kind,
        lon=lon,
        lat=lat,
        refill_minutes=said.refill_minutes,
        extra=row.extra,
    )


def _crew(row: Feature[layers.CrewProperties]) -> Crew:
    said = row.properties
    usual = _USUAL_VEHICLE[said.kind]

    def given(value: float | None, otherwise: float) -> float:
        return otherwise if value is None else value

    return Crew(
        id=said.id,
        name=said.name,
        kind=said.kind,
        depot=said.depot,
        tank_m3=given(said.tank_m3, usual.tank_m3),
        water_l_per_m=given(said.water_l_per_m, usual.water_l_per_m),
        work_speed_kmh=given(said.work_speed_kmh, usual.work_speed_kmh),
        drive_speed_kmh=given(said.drive_speed_kmh, usual.drive_speed_kmh),
        shifts=tuple(_shift(text) for text in said.shifts),
        extra=row.extra,
    )


def _shift(text: str) -> Shift:
    start, end = text.split("-")
    return Shift(
        dt.time.fromisoformat(start),
        dt.time.fromisoformat("00:00" if end == "24:00" else end),
    )


def _lonlat(point: shapely.Geometry) -> tuple[float, float]:
    assert isinstance(point, shapely.Point)
    return point.x, point.y
