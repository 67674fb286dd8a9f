"""What the files of a district folder may say, and reading them with every fault named."""

import math
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
import numpy as np
import shapely
from msgspec import Meta, Struct

from geo.datum import gcj02_to_wgs84
from geo.problems import Problem, Severity

DISTRICT = "district.toml"
SEGMENTS = "segments.geojson"
SITES = "sites.geojson"
STATIONS = "stations.geojson"
CAMERAS = "cameras.geojson"
DEPOTS = "depots.geojson"
CREWS = "crews.toml"

SiteKind = Literal["spoil_site", "sand_yard", "mixing_plant", "construction_site", "port_yard"]
StationKind = Literal["road", "site", "background"]
DepotKind = Literal["depot", "refill", "both"]
CrewKind = Literal["water_truck", "sweeper", "fog_cannon", "heavy_cleaner", "hand_wash"]
PmUnit = Literal["ug/m3", "mg/m3", "ng/m3"]

# Not $, which lets a line feed follow.
_ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}\Z"

Id = Annotated[str, Meta(pattern=_ID_PATTERN)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
# Every number has an upper bound, because TOML can say inf.
WidthM = Annotated[float, Meta(gt=0, le=200)]
Count = Annotated[int, Meta(ge=0, le=10_000_000)]
PerDay = Annotated[float, Meta(ge=0, le=1_000_000)]
HeightM = Annotated[float, Meta(ge=0, le=1_000)]
Minutes = Annotated[float, Meta(ge=0, le=1_440)]
TankM3 = Annotated[float, Meta(ge=0, le=100)]
WaterLPerM = Annotated[float, Meta(ge=0, le=100)]
SpeedKmh = Annotated[float, Meta(gt=0, le=120)]
ShiftText = Annotated[
    str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)\Z")
]


class DistrictSettings(Struct):
    """The keys of ``district.toml`` that are not overrides of rules and settings."""

    id: Id
    name: Name
    timezone: str
    datum: Literal["wgs84", "gcj02"] = "wgs84"


class SegmentProperties(Struct):
    """Properties of a segment; units are in the names."""

    id: Id
    name: Name
    road: str | None = None
    oneway: bool = False
    treat: bool = True
    speed_kmh: SpeedKmh = 40.0
    lanes: Annotated[int, Meta(ge=1, le=20)] = 2
    width_m: WidthM | None = None
    residents: Count = 0
    heavy_trucks_per_day: PerDay = 0.0
    min_treatments_per_day: Annotated[float, Meta(ge=0, le=24)] = 0.0


class SiteProperties(Struct):
    """Properties of a site; ``gates`` are the segments its trucks come out on."""

    id: Id
    name: Name
    kind: SiteKind
    operator: str | None = None
    gates: tuple[Id, ...] = ()


class StationProperties(Struct):
    """Properties of a station; ``mn`` is its HJ 212 device number."""

    id: Id
    kind: StationKind
    segment: Id | None = None
    site: Id | None = None
    height_m: HeightM = 3.0
    mn: Annotated[str, Meta(min_length=1, max_length=24)] | None = None
    pm_unit: PmUnit = "ug/m3"


class CameraProperties(Struct):
    """Properties of a camera."""

    id: Id
    segment: Id | None = None
    site: Id | None = None


class DepotProperties(Struct):
    """Properties of a depot or refill point."""

    id: Id
    kind: DepotKind
    refill_minutes: Minutes = 10.0


class CrewProperties(Struct):
    """One ``[[crew]]``; what is left out is filled in by its kind."""

    id: Id
    name: Name
    kind: CrewKind
    depot: Id
    shifts: Annotated[tuple[ShiftText, ...], Meta(min_length=1)]
    tank_m3: TankM3 | None = None
    water_l_per_m: WaterLPerM | None = None
    work_speed_kmh: SpeedKmh | None = None
    drive_speed_kmh: SpeedKmh | None = None


P = TypeVar("P", bound=Struct)


@dataclass(frozen=True, slots=True)
class Feature(Generic[P]):
    """One feature of a layer: its number in the file from 1, properties and WGS 84 geometry.

    ``extra`` keeps the properties that are not ours.
    """

    number: int
    properties: P
    geometry: shapely.Geometry
    extra: dict[str, Any]


@dataclass(slots=True)
class Folder:
    """A district folder being read; problems gather in ``problems``."""

    path: Path
    problems: list[Problem] = field(default_factory=list)

    def report(
        self, severity: Severity, file: str, feature: int | None, message: str, remedy: str
    ) -> None:
        """Add a problem."""
        self.problems.append(Problem(severity, file, feature, message, remedy))

    def read_district(self) -> tuple[DistrictSettings | None, dict[str, Any]]:
        """Read ``district.toml``: what is ours, and the overrides that are left."""
        table = self._toml(DISTRICT)
        if table is None:
            return None, {}
        return self._fill(DistrictSettings, table, DISTRICT, None)

    def read_crews(self) -> list[Feature[CrewProperties]]:
        """Read ``crews.toml``; the geometry of a crew is empty."""
        table = self._toml(CREWS)
        if table is None:
            return []
        crews = table.get("crew", [])
        if not isinstance(crews, list) or not all(isinstance(crew, dict) for crew in crews):
            self.report(
                "error",
                CREWS,
                None,
                "`crew` is not an array of tables",
                "Write each crew under a line of its own that says [[crew]]",
            )
            return []
        for key in table.keys() - {"crew"}:
            self.report(
                "warning",
                CREWS,
                None,
                f"the key `{key}` means nothing here",
                "Put crews under [[crew]] and everything else into district.toml",
            )
        found = []
        for number, row in enumerate(crews, start=1):
            properties, extra = self._fill(CrewProperties, row, CREWS, number)
            if properties is not None:
                found.append(Feature(number, properties, shapely.Point(), extra))
        return found

    def read_layer(
        self, file: str, properties: type[P], shapes: tuple[str, ...], datum: str
    ) -> list[Feature[P]]:
        """Read a GeoJSON layer; features with a fault are reported and left out."""
        found: list[Feature[P]] = []
        for number, raw in self._features(file):
            filled, extra = self._properties(raw, properties, file, number)
            geometry = self._geometry(raw, shapes, datum, file, number)
            if filled is not None and geometry is not None:
                found.append(Feature(number, filled, geometry, extra))
        return found

    def _bytes(self, file: str) -> bytes | None:
        try:
            return (self.path / file).read_bytes()
        except FileNotFoundError:
            empty = "an empty FeatureCollection will do if there is nothing to show"
            remedy = f"Add the file; {empty}" if file.endswith(".geojson") else "Add the file"
            self.report("error", file, None, "the file is missing", remedy)
        except OSError as problem:
            self.report(
                "error",
                file,
                None,
                f"the file cannot be read: {problem.strerror}",
                "Make it a plain file that this user may read",
            )
        return None

    def _toml(self, file: str) -> dict[str, Any] | None:
        content = self._bytes(file)
        if content is None:
            return None
        try:
            return tomllib.loads(content.decode("utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
            self.report("error", file, None, f"this is not TOML: {problem}", "Correct that line")
            return None

    def _features(self, file: str) -> Iterator[tuple[int, dict[str, Any]]]:
        content = self._bytes(file)
        if content is None:
            return
        try:
            layer = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            self.report(
                "error",
                file,
                None,
                f"this is not JSON: {problem}",
                "Export the layer again as GeoJSON, in UTF-8",
            )
            return
        if (
            not isinstance(layer, dict)
            or layer.get("type") != "FeatureCollection"
            or not isinstance(layer.get("features"), list)
        ):
            self.report(
                "error",
                file,
                None,
                "this is not a GeoJSON FeatureCollection",
                'Export the layer as GeoJSON: {"type": "FeatureCollection", "features": [...]}',
            )
            return
        if "crs" in layer and "CRS84" not in str(layer["crs"]):
            self.report(
                "error",
                file,
                None,
                f"the layer claims the reference system {layer['crs']}",
                "Export it in WGS 84 longitude and latitude (EPSG:4326)",
            )
            return
        for number, raw in enumerate(layer["features"], start=1):
            if isinstance(raw, dict) and raw.get("type") == "Feature":
                yield number, raw
            else:
                self.report(
                    "error",
                    file,
                    number,
                    "this is not a GeoJSON Feature",
                    'Give it "type": "Feature", "geometry" and "properties", or remove it',
                )

    def _properties(
        self, raw: dict[str, Any], wanted: type[P], file: str, number: int
    ) -> tuple[P | None, dict[str, Any]]:
        table = raw.get("properties")
        if isinstance(table, dict):
            return self._fill(wanted, table, file, number)
        self.report(
            "error",
            file,
            number,
            "the feature has no properties",
            "Give it at least the properties that the district folder's description names",
        )
        return None, {}

    def _fill(
        self, wanted: type[P], table: dict[str, Any], file: str, number: int | None
    ) -> tuple[P | None, dict[str, Any]]:
        """Fill a structure field by field, so that every fault of a feature is reported."""
        values: dict[str, Any] = {}
        sound = True
        fields = msgspec.structs.fields(wanted)
        for wish in fields:
            # Drawing programs write an empty cell as null.
            value = table.get(wish.name)
            if value is None:
                if wish.required:
                    sound = False
                    self.report(
                        "error", file, number, f"`{wish.name}` is missing", f"Add `{wish.name}`"
                    )
                continue
            try:
                values[wish.name] = msgspec.convert(value, wish.type)
            except msgspec.ValidationError as problem:
                sound = False
                self.report(
                    "error",
                    file,
                    number,
                    f"`{wish.name}` is {value!r}: {problem}",
                    _remedy(wish.name, wish.type),
                )
        known = {wish.name for wish in fields}
        extra = {key: value for key, value in table.items() if key not in known}
        return (wanted(**values) if sound else None), extra

    def _geometry(
        self, raw: dict[str, Any], shapes: tuple[str, ...], datum: str, file: str, number: int
    ) -> shapely.Geometry | None:
        def refuse(message: str, remedy: str) -> None:
            self.report("error", file, number, message, remedy)

        wanted = " or ".join(shapes)
        geometry = raw.get("geometry")
        shape = geometry.get("type") if isinstance(geometry, dict) else None
        if not isinstance(geometry, dict) or shape not in shapes:
            refuse(f"the geometry is {shape or 'missing'}", f"Draw it as a {wanted}")
            return None
        try:
            parts = _READ[str(shape)](geometry.get("coordinates"))
        except msgspec.ValidationError as problem:
            refuse(f"the coordinates of the {shape} are malformed: {problem}", "Draw it again")
            return None
        for part in parts:
            for lon, lat in part:
                if not (-180 <= lon <= 180 and -89 <= lat <= 89):
                    refuse(
                        f"({lon}, {lat}) is not a longitude and latitude in degrees",
                        "Give longitude first, then latitude"
                        if abs(lat) <= 180 and abs(lon) <= 90
                        else "Export the layer in WGS 84 degrees, not in metres",
                    )
                    return None
        if datum == "gcj02":
            parts = [np.column_stack(gcj02_to_wgs84(part[:, 0], part[:, 1])) for part in parts]
        return self._shape(str(shape), parts, refuse)

    @staticmethod
    def _shape(
        shape: str,
        parts: list["np.ndarray[Any, np.dtype[np.float64]]"],
        refuse: Callable[[str, str], None],
    ) -> shapely.Geometry | None:
        if shape == "Point":
            return shapely.Point(parts[0][0])
        if shape == "LineString":
            if len(np.unique(parts[0], axis=0)) < 2:
                refuse("the line has fewer than two different points", "Draw it again or remove it")
                return None
            return shapely.LineString(parts[0])
        if any(len(ring) < 4 or not np.array_equal(ring[0], ring[-1]) for ring in parts):
            refuse(
                "a ring of the polygon has fewer than four points or is not closed",
                "End each ring on its first point",
            )
            return None
        polygon = shapely.Polygon(parts[0], parts[1:])
        if not polygon.is_valid or polygon.area == 0:
            refuse(
                f"the polygon is not valid: {shapely.is_valid_reason(polygon)}",
                "Draw its outline without crossing itself",
            )
            return None
        return polygon


Position = Annotated[list[float], Meta(min_length=2)]
_POINT = Position
_LINE = Annotated[list[Position], Meta(min_length=1)]
_POLYGON = Annotated[list[_LINE], Meta(min_length=1)]


def _lonlat(positions: list[list[float]]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    # A height may follow the latitude; it is not used.
    return np.array([position[:2] for position in positions], dtype=np.float64)


_READ: dict[str, Callable[[Any], list["np.ndarray[Any, np.dtype[np.float64]]"]]] = {
    "Point": lambda raw: [_lonlat([msgspec.convert(raw, _POINT)])],
    "LineString": lambda raw: [_lonlat(msgspec.convert(raw, _LINE))],
    "Polygon": lambda raw: [_lonlat(ring) for ring in msgspec.convert(raw, _POLYGON)],
}


def _remedy(name: str, wanted: Any) -> str:
    """Say what a field may hold."""
    schema = msgspec.json.schema(wanted)
    # An optional field is a choice between its type and null.
    schema = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    choices = schema.get("enum")
    if choices:
        return f"Choose one of {', '.join(choices)}"
    if schema.get("pattern") == _ID_PATTERN:
        return "Use 1 to 64 of A-Z a-z 0-9 _ -"
    if name == "shifts":
        return 'Write local times like ["06:00-14:00", "22:00-06:00"]'
    if name == "gates":
        return "Write a list of segment ids"
    least, most = schema.get("minimum"), schema.get("maximum")
    above = schema.get("exclusiveMinimum")
    kind = {"number": "a number", "integer": "a whole number", "boolean": "true or false"}.get(
        str(schema.get("type")), "a text"
    )
    bounds = [
        f"{word} {value:g}"
        for word, value in (("of at least", least), ("above", above), ("up to", most))
        if value is not None and math.isfinite(value)
    ]
    return " ".join(["Give", kind, " and ".join(bounds)]).strip()
