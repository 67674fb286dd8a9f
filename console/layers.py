"""The district as the pages draw it: plain lists of coordinates, made once."""

from dataclasses import asdict
from typing import Any

from shapely import Point, Polygon

from console.limits import Limits, drawable
from console.models import BaseMap, Camera, Crew, Depot, District, LonLat, Segment, Site, Station
from console.tiles import Tiles
from geo.district import District as GeoDistrict


def layers(district: GeoDistrict, limits: Limits, tiles: Tiles | None = None) -> District:
    """Coordinates in WGS 84 to 6 decimals (11 cm), whatever datum the tiles are in."""
    return District(
        id=district.id,
        name=district.name,
        timezone=district.timezone.key,
        segments=[
            Segment(
                id=segment.id,
                name=segment.name,
                name_en=_english(segment.extra),
                road=segment.road,
                line=_lonlat(segment.line.coords),
                oneway=segment.oneway,
                treat=segment.treat,
                length_m=round(segment.length_m, 1),
                width_m=segment.width_m,
                residents=segment.residents,
            )
            for segment in district.segments.values()
        ],
        sites=[
            Site(
                id=site.id,
                name=site.name,
                name_en=_english(site.extra),
                kind=site.kind,
                operator=site.operator,
                centre=(round(site.centre[0], 6), round(site.centre[1], 6)),
                rings=_rings(site.geometry),
                gates=list(site.gates),
            )
            for site in district.sites.values()
        ],
        stations=[
            Station(
                id=station.id,
                kind=station.kind,
                lon=station.lon,
                lat=station.lat,
                segment=station.segment,
                site=station.site,
                height_m=station.height_m,
            )
            for station in district.stations.values()
        ],
        cameras=[
            Camera(
                id=camera.id,
                lon=camera.lon,
                lat=camera.lat,
                segment=camera.segment,
                site=camera.site,
            )
            for camera in district.cameras.values()
        ],
        depots=[
            Depot(id=depot.id, kind=depot.kind, lon=depot.lon, lat=depot.lat)
            for depot in district.depots.values()
        ],
        crews=[
            Crew(
                id=crew.id,
                name=crew.name,
                kind=crew.kind,
                depot=crew.depot,
                tank_l=1000.0 * crew.tank_m3,
                shifts=[f"{shift.start:%H:%M}-{shift.end:%H:%M}" for shift in crew.shifts],
            )
            for crew in district.crews.values()
        ],
        limits=drawable(limits),
        tiles=BaseMap.model_validate(asdict(tiles)) if tiles else None,
    )


def _english(extra: dict[str, Any]) -> str | None:
    name = extra.get("name_en")
    return name if isinstance(name, str) else None


def _lonlat(coords: Any) -> list[LonLat]:
    return [(round(lon, 6), round(lat, 6)) for lon, lat, *_ in coords]


def _rings(geometry: Polygon | Point) -> list[list[LonLat]]:
    return [_lonlat(geometry.exterior.coords)] if isinstance(geometry, Polygon) else []
