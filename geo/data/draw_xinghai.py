"""Draw the layers of the Xinghai Avenue district from a list of bus stops.

    python -m geo.data.draw_xinghai STOPS.csv FOLDER

No surveyed centre lines are at hand. The stops give them: on each road the stops of both
sides are paired, their middles are taken in order, smoothed, and extended to the crossings.
The result is a drawing good to some tens of metres, and no better where points of our own
(`via`) fill in what no stop shows. Sites, stations, cameras and depots are plausible and
invented. ``district.toml`` and ``crews.toml`` are written by hand and left alone.

STOPS.csv has the columns name, road, side, lon_wgs84 and lat_wgs84.
"""

import argparse
import csv
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.interpolate import make_splprep

from geo.projection import LocalProjection

Floats = NDArray[np.float64]
LonLat = tuple[float, float]
Side = Literal["left", "right"]

PROJECTION = LocalProjection(113.89, 22.49)

# Stops closer together than this along a road say nothing about its course but noise.
SAME_STOP_M = 120.0
# How far a smoothed line may stray from the middles of the stops.
STRAY_M = 8.0
# Crossings closer together than this are drawn as one.
SAME_CROSSING_M = 60.0
# From the middle of the avenue to the middle of each carriageway.
CARRIAGEWAY_M = 8.0
STEP_M = 10.0


@dataclass(frozen=True)
class Road:
    """A road to draw, from its start to its end.

    ``along`` orders the stops: by longitude or latitude, up (+) or down (-). ``begins_on`` and
    ``ends_on`` name the roads, drawn before, that it is joined to there.
    """

    key: str
    name: str
    name_en: str
    along: Literal["+lon", "-lat", "+lat"]
    heavy_trucks_per_day: float
    start: LonLat
    end: LonLat
    begins_on: str | None = None
    ends_on: str | None = None
    via: tuple[LonLat, ...] = ()
    within: tuple[float, float, float, float] = (113.86, 22.46, 113.91, 22.52)
    stops: str | None = None
    divided: bool = False
    treat: bool = True
    lanes: int = 2
    speed_kmh: float = 40.0
    treatments: float = 1.0
    longest_m: float = 520.0
    turnarounds: tuple[LonLat, ...] = ()


ROADS = (
    Road(
        "XH", "兴海大道", "Xinghai Avenue", "-lat", 3300,
        start=(113.8823, 22.5047), end=(113.8897, 22.4669),
        via=((113.8997, 22.4799), (113.9003, 22.4780), (113.8999, 22.4757), (113.8986, 22.4729)),
        divided=True, lanes=3, speed_kmh=50, treatments=3, longest_m=400,
        turnarounds=((113.8923, 22.4689),),
    ),
    Road(
        "YP", "右炮台路", "Youpaotai Road", "-lat", 900,
        start=(113.8806, 22.4815), end=(113.8783, 22.4681),
        within=(113.87, 22.4684, 113.89, 22.49), treatments=2,
    ),
    Road(
        "SD", "少帝路", "Shaodi Road", "+lon", 260,
        start=(113.8806, 22.4815), begins_on="YP", end=(113.8903, 22.4889), ends_on="XH",
    ),
    Road(
        "CL", "赤湾六路", "Chiwan 6th Road", "+lon", 700,
        start=(113.8834, 22.4840), begins_on="SD", end=(113.8994, 22.4802), ends_on="XH",
        treatments=2,
    ),
    Road(
        "CY", "赤湾一路", "Chiwan 1st Road", "-lat", 620,
        start=(113.8914, 22.4811), begins_on="CL", end=(113.8876, 22.4721), treatments=2,
    ),
    Road(
        "ZP", "左炮台路", "Zuopaotai Road", "-lat", 120,
        start=(113.8876, 22.4721), begins_on="CY", end=(113.8897, 22.4669), ends_on="XH",
        via=((113.8878, 22.4695),), treat=False, speed_kmh=30, longest_m=700,
    ),
    Road(
        "CS", "赤湾四路", "Chiwan 4th Road", "+lon", 300,
        start=(113.8806, 22.4815), begins_on="YP", end=(113.8905, 22.4791), ends_on="CY",
    ),
    Road(
        "GH", "港航路", "Ganghang Road", "+lon", 480,
        start=(113.8853, 22.4850), begins_on="SD", end=(113.8977, 22.4818), ends_on="XH",
        within=(113.88, 22.48, 113.8966, 22.49),
    ),
    Road(
        "GW", "港湾大道", "Gangwan Avenue", "+lon", 1500,
        start=(113.8984, 22.4725), begins_on="XH", end=(113.9072, 22.4800),
        within=(113.89, 22.47, 113.9069, 22.48), lanes=4, speed_kmh=50, treatments=2,
    ),
    Road(
        "SH", "松湖路", "Songhu Road", "-lat", 200,
        start=(113.8994, 22.4802), begins_on="XH", end=(113.9036, 22.4773), ends_on="GW",
        via=((113.9005, 22.4797), (113.9019, 22.4786)),
    ),
    Road(
        "MW", "妈湾大道", "Mawan Avenue", "-lat", 1300,
        start=(113.8659, 22.5113), end=(113.8752, 22.4768), ends_on="YP",
        within=(113.8655, 22.47, 113.89, 22.5105), lanes=4, speed_kmh=50, treatments=2,
        longest_m=600,
    ),
    Road(
        "YL", "月亮湾大道", "Yueliangwan Avenue", "+lon", 1100,
        start=(113.8692, 22.4953), begins_on="MW", end=(113.8800, 22.4971), lanes=4,
        speed_kmh=50, treatments=2, longest_m=500,
    ),
    Road(
        "QW", "前海路西段", "Qianhai Road West", "+lon", 800, stops="前海路",
        start=(113.8800, 22.4971), begins_on="YL", end=(113.8866, 22.4982), ends_on="XH",
        within=(113.88, 22.49, 113.8862, 22.51),
    ),
    Road(
        "QE", "前海路东段", "Qianhai Road East", "+lon", 500, stops="前海路",
        start=(113.8866, 22.4982), begins_on="XH", end=(113.8935, 22.5070),
        within=(113.8872, 22.49, 113.8930, 22.51),
    ),
    Road(
        "YS", "沿山路", "Yanshan Road", "+lat", 350,
        start=(113.8879, 22.4941), begins_on="XH", end=(113.8895, 22.5009), ends_on="QE",
        within=(113.88, 22.49, 113.90, 22.499), longest_m=500,
    ),
    Road(
        "LH", "临海大道", "Linhai Avenue", "+lon", 900,
        start=(113.8674, 22.5018), begins_on="MW", end=(113.8823, 22.5047), ends_on="XH",
        within=(113.87, 22.50, 113.88, 22.51), treatments=2, longest_m=600,
    ),
    Road(
        "EW", "妈湾二路", "Mawan 2nd Road", "+lat", 600,
        start=(113.8823, 22.5047), begins_on="XH", end=(113.8768, 22.5146),
        within=(113.87, 22.5065, 113.882, 22.5075), via=((113.8785, 22.5105),), longest_m=700,
    ),
    Road(
        "HH", "航海路", "Hanghai Road", "+lon", 500,
        start=(113.8659, 22.5113), begins_on="MW", end=(113.8768, 22.5146), ends_on="EW",
        within=(113.86, 22.50, 113.876, 22.52), longest_m=600,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Crossing:
    """Where a road is cut: how far along it, and whether vehicles may turn round there."""

    at_m: float
    turn: bool


@dataclass
class Drawn:
    """A road with its centre line in metres and the crossings found on it so far."""

    road: Road
    line: shapely.LineString
    crossings: list[Crossing] = field(default_factory=list)

    def join(self, at: Floats) -> float:
        """Cut the road at the point nearest to a place; give how far along that is."""
        along_m = float(self.line.project(shapely.Point(at)))
        known = [0.0, self.line.length, *(crossing.at_m for crossing in self.crossings)]
        nearest_m = min(known, key=lambda known_m: abs(known_m - along_m))
        if abs(nearest_m - along_m) < SAME_CROSSING_M:
            along_m = nearest_m
        if along_m not in [crossing.at_m for crossing in self.crossings]:
            self.crossings.append(Crossing(along_m, turn=True))
        return along_m

    def point(self, along_m: float, aside_m: float = 0.0) -> Floats:
        """Give the point so far along the road and so far to the right of its middle."""
        at: Floats = shapely.get_coordinates(self.line.interpolate(along_m))[0]
        if aside_m == 0.0:
            return at
        heading = self.heading(along_m)
        return np.asarray(at + aside_m * np.array([heading[1], -heading[0]]))

    def heading(self, along_m: float) -> Floats:
        """Give the unit vector along the road, as drawn."""
        back, ahead = (
            shapely.get_coordinates(self.line.interpolate(m))[0]
            for m in (max(along_m - 8.0, 0.0), min(along_m + 8.0, self.line.length))
        )
        return np.asarray((ahead - back) / np.hypot(*(ahead - back)))

    def piece(self, from_m: float, to_m: float, aside_m: float = 0.0) -> shapely.LineString:
        """Give the line between two distances, so far to the right of the middle."""
        steps = max(2, round(abs(to_m - from_m) / STEP_M) + 1)
        points = [self.point(along_m, aside_m) for along_m in np.linspace(from_m, to_m, steps)]
        return shapely.LineString(shapely.get_coordinates(shapely.LineString(points).simplify(0.3)))


def xy(place: LonLat) -> Floats:
    return np.asarray(PROJECTION.to_xy([place])[0])


def middles(stops: Sequence[dict[str, str]], road: Road) -> list[LonLat]:
    """Pair the stops of both sides of a road by name; give the middles in order."""
    west, south, east, north = road.within
    sides: dict[str, dict[str, list[LonLat]]] = {}
    for stop in stops:
        lon, lat = float(stop["lon_wgs84"]), float(stop["lat_wgs84"])
        if stop["road"] == (road.stops or road.name) and west < lon < east and south < lat < north:
            sides.setdefault(stop["name"], {}).setdefault(stop["side"], []).append((lon, lat))
    found = [
        np.mean([np.mean(places, axis=0) for places in both.values()], axis=0)
        for both in sides.values()
    ]
    axis = ("lon", "lat").index(road.along[1:])
    sign = -1.0 if road.along[0] == "-" else 1.0
    everything = [*((float(lon), float(lat)) for lon, lat in found), *road.via]
    return sorted(everything, key=lambda place: sign * place[axis])


def smooth(start: Floats, places: Sequence[LonLat], end: Floats) -> shapely.LineString:
    """Draw a smooth line in metres from the start of a road past the places to its end."""
    points = [start]
    group: list[Floats] = []
    for place in places:
        at = xy(place)
        if min(np.hypot(*(at - points[0])), np.hypot(*(at - end))) < SAME_STOP_M / 2:
            continue
        if group and np.hypot(*(at - np.mean(group, axis=0))) > SAME_STOP_M:
            points.append(np.asarray(np.mean(group, axis=0)))
            group = []
        group.append(at)
    if group:
        points.append(np.asarray(np.mean(group, axis=0)))
    knots = np.array([*points, end])
    weights = np.ones(len(knots))
    weights[[0, -1]] = 1000.0
    curve, _ = make_splprep(
        list(knots.T), w=weights / STRAY_M, k=min(3, len(knots) - 1), s=float(len(knots))
    )
    rough = shapely.LineString(curve(np.linspace(0.0, 1.0, 400)).T)
    line = rough.segmentize(STEP_M)
    coordinates = shapely.get_coordinates(line)
    coordinates[0], coordinates[-1] = knots[0], knots[-1]
    return shapely.LineString(coordinates)


def draw_roads(stops: Sequence[dict[str, str]]) -> dict[str, Drawn]:
    """Draw all roads and cut them where they meet."""
    drawn: dict[str, Drawn] = {}
    for road in ROADS:
        ends = {"start": xy(road.start), "end": xy(road.end)}
        places = middles(stops, road)
        if len(places) == len(road.via) and road.treat:
            raise SystemExit(f"no stop of the list lies on {road.name}")
        for which, other in (("start", road.begins_on), ("end", road.ends_on)):
            if other is None:
                continue
            target = drawn[other]
            along_m = target.join(xy(getattr(road, which)))
            aside_m = 0.0
            if target.road.divided:
                # The street meets the carriageway on its own side of the avenue.
                first, last = [*places, road.end][0], [road.start, *places][-1]
                toward = first if which == "start" else last
                heading, away = target.heading(along_m), xy(toward) - target.point(along_m)
                right = heading[0] * away[1] - heading[1] * away[0] < 0
                aside_m = CARRIAGEWAY_M if right else -CARRIAGEWAY_M
            ends[which] = target.point(along_m, aside_m)
        line = smooth(ends["start"], places, ends["end"])
        drawn[road.key] = Drawn(road, line)
        for place in road.turnarounds:
            drawn[road.key].join(xy(place))
    return drawn


@dataclass(frozen=True)
class Home:
    """Homes around a point: how many people live within ``radius_m``. Invented numbers."""

    at: LonLat
    people: int
    radius_m: float = 220.0


HOMES = (
    Home((113.8848, 22.4983), 9000),  # 月亮湾花园
    Home((113.8912, 22.5008), 6000),  # 南山花园
    Home((113.8905, 22.4912), 2600),  # 万豪月半山
    Home((113.8960, 22.4860), 4200),  # 龙瑞佳园
    Home((113.8828, 22.4832), 2400),  # 港湾生活小区
    Home((113.8835, 22.4822), 1800),  # 赤湾村
    Home((113.9018, 22.4800), 3800),  # 松湖公寓
    Home((113.8885, 22.4868), 1500),  # 赤湾工业区宿舍
    Home((113.8950, 22.4722), 700),  # 价值工厂
)


def residents_near(line: shapely.LineString) -> int:
    """Count the people who live within 300 m of a segment."""
    reach = line.buffer(300.0)
    total = 0.0
    for home in HOMES:
        disc = shapely.Point(xy(home.at)).buffer(home.radius_m)
        total += home.people * disc.intersection(reach).area / disc.area
    return round(total / 10) * 10


def segment_features(drawn: dict[str, Drawn]) -> list[dict[str, Any]]:
    """Cut the roads into segments, and join the carriageways of the divided ones."""
    features: list[dict[str, Any]] = []
    for one in drawn.values():
        one.crossings.sort(key=lambda crossing: crossing.at_m)
        cuts = _cuts(one)
        if one.road.divided:
            features.extend(_carriageways(one, cuts))
        else:
            for number, (from_m, to_m) in enumerate(itertools.pairwise(cuts), start=1):
                line = one.piece(from_m, to_m)
                features.append(
                    _segment(one.road, f"{one.road.key}{number:02d}", line, f"{number:02d}", "")
                )
    return features


def _cuts(one: Drawn) -> list[float]:
    fixed = sorted({0.0, one.line.length, *(crossing.at_m for crossing in one.crossings)})
    cuts = [0.0]
    for from_m, to_m in itertools.pairwise(fixed):
        blocks = max(1, int(np.ceil((to_m - from_m) / one.road.longest_m)))
        cuts.extend(np.linspace(from_m, to_m, blocks + 1)[1:].tolist())
    return cuts


def _carriageways(one: Drawn, cuts: Sequence[float]) -> list[dict[str, Any]]:
    """Draw both carriageways in their driving direction, traffic keeping to the right."""
    features = []
    road = one.road
    for number, (from_m, to_m) in enumerate(itertools.pairwise(cuts), start=1):
        south = one.piece(from_m, to_m, CARRIAGEWAY_M)
        north = one.piece(to_m, from_m, -CARRIAGEWAY_M)
        for line, letter, chinese, english in (
            (south, "S", "南行", "southbound"),
            (north, "N", "北行", "northbound"),
        ):
            features.append(
                _segment(
                    road,
                    f"{road.key}{number:02d}{letter}",
                    line,
                    f"{number:02d} {chinese}",
                    english,
                    oneway=True,
                    share=0.5,
                )
            )
    turns = sorted({0.0, one.line.length, *(c.at_m for c in one.crossings if c.turn)})
    for number, along_m in enumerate(turns, start=1):
        line = shapely.LineString(
            [one.point(along_m, CARRIAGEWAY_M), one.point(along_m, -CARRIAGEWAY_M)]
        )
        features.append(
            _feature(
                line,
                id=f"{road.key}X{number:02d}",
                name=f"{road.name}路口 {number:02d}",
                name_en=f"{road.name_en} crossing {number:02d}",
                road=road.name,
                treat=False,
                speed_kmh=20,
                lanes=2,
            )
        )
    return features


def _segment(
    road: Road,
    identity: str,
    line: shapely.LineString,
    number: str,
    english: str,
    oneway: bool = False,
    share: float = 1.0,
) -> dict[str, Any]:
    return _feature(
        line,
        id=identity,
        name=f"{road.name} {number}",
        name_en=f"{road.name_en} {number[:2]} {english}".strip(),
        road=road.stops or road.name,
        oneway=oneway,
        treat=road.treat,
        speed_kmh=road.speed_kmh,
        lanes=road.lanes,
        residents=residents_near(line),
        heavy_trucks_per_day=round(road.heavy_trucks_per_day * share),
        min_treatments_per_day=road.treatments if road.treat else 0,
    )


def _feature(geometry: shapely.Geometry, **properties: Any) -> dict[str, Any]:
    degrees = PROJECTION.to_lonlat(geometry)
    # 1e-7 degrees is a centimetre; joined ends round alike because they are the same point.
    shape = json.loads(shapely.to_geojson(shapely.transform(degrees, lambda at: at.round(7))))
    return {"type": "Feature", "properties": properties, "geometry": shape}


@dataclass(frozen=True)
class Spot:
    """A spot beside a road: the share of its length from its start, and how far to the right."""

    road: str
    share: float
    aside_m: float


@dataclass(frozen=True)
class SitePlan:
    """A site to place: a block of land beside a road, its nearer edge ``aside_m`` away."""

    id: str
    name: str
    name_en: str
    kind: str
    operator: str
    spot: Spot
    length_m: float
    depth_m: float


SITES = (
    SitePlan("SITE-SPOIL-1", "小南山消纳场", "Xiaonanshan spoil site", "spoil_site",
             "南山渣土运营一队", Spot("MW", 0.64, -40), 190, 150),
    SitePlan("SITE-SPOIL-2", "荔山消纳场", "Lishan spoil site", "spoil_site",
             "招商土方工程部", Spot("XH", 0.305, -40), 170, 130),
    SitePlan("SITE-SAND-1", "妈湾砂石场", "Mawan sand yard", "sand_yard",
             "妈湾建材", Spot("MW", 0.40, 45), 200, 120),
    SitePlan("SITE-MIX-1", "右炮台搅拌站", "Youpaotai mixing plant", "mixing_plant",
             "赤湾混凝土", Spot("YP", 0.62, -35), 120, 110),
    SitePlan("SITE-BUILD-1", "信利康北地块工地", "Xinlikang north building site",
             "construction_site", "前海建设一标", Spot("XH", 0.065, -45), 150, 120),
    SitePlan("SITE-BUILD-2", "赤湾六路地块工地", "Chiwan 6th Road building site",
             "construction_site", "赤湾开发二标", Spot("CL", 0.80, 40), 160, 110),
    SitePlan("SITE-PORT-1", "赤湾集装箱堆场", "Chiwan container yard", "port_yard",
             "赤湾港", Spot("CY", 0.52, 50), 320, 220),
)  # fmt: skip


@dataclass(frozen=True)
class StationPlan:
    """A roadside station to place; ``mn`` numbers those that speak HJ 212."""

    id: str
    spot: Spot
    mn: int | None = None


ROAD_STATIONS = (
    StationPlan("ST01", Spot("XH", 0.035, 24), 1),
    StationPlan("ST02", Spot("XH", 0.13, -24), 2),
    StationPlan("ST03", Spot("XH", 0.215, 24), 3),
    StationPlan("ST04", Spot("XH", 0.30, 24), 4),
    StationPlan("ST05", Spot("XH", 0.40, -24), 5),
    StationPlan("ST06", Spot("XH", 0.50, -24), 6),
    StationPlan("ST07", Spot("XH", 0.585, 24), 7),
    StationPlan("ST08", Spot("XH", 0.70, -24), 8),
    StationPlan("ST09", Spot("XH", 0.82, 24)),
    StationPlan("ST10", Spot("XH", 0.93, -24)),
    StationPlan("ST11", Spot("MW", 0.30, -18), 11),
    StationPlan("ST12", Spot("MW", 0.72, 18)),
    StationPlan("ST13", Spot("YP", 0.50, -14)),
    StationPlan("ST14", Spot("CL", 0.40, 14)),
    StationPlan("ST15", Spot("CY", 0.35, -14)),
    StationPlan("ST16", Spot("GW", 0.50, 18)),
    StationPlan("ST17", Spot("YL", 0.45, -18)),
    StationPlan("ST18", Spot("QW", 0.60, 14)),
)

BACKGROUND_STATIONS: tuple[tuple[str, LonLat, int | None], ...] = (
    ("BG01", (113.9022, 22.4905), 91),  # on the hill to the east, upwind most of the year
    ("BG02", (113.8800, 22.4895), None),  # on the hill between the avenue and the port
    ("BG03", (113.8945, 22.4995), 93),  # in the woods to the north-east
)

STREET_CAMERAS = (
    ("CAM01", Spot("XH", 0.08, 22)),
    ("CAM02", Spot("XH", 0.25, -22)),
    ("CAM03", Spot("XH", 0.45, 22)),
    ("CAM04", Spot("XH", 0.66, 22)),
    ("CAM05", Spot("XH", 0.88, -22)),
    ("CAM06", Spot("MW", 0.52, 16)),
    ("CAM07", Spot("CL", 0.70, 12)),
    ("CAM08", Spot("YP", 0.30, 12)),
)

DEPOTS = (
    ("DEPOT-1", "月亮湾环卫停车场", "Yueliangwan depot", "both", Spot("YL", 0.2, 40), 8),
    ("WATER-1", "赤湾六路取水点", "Chiwan 6th Road water point", "refill",
     Spot("CL", 0.3, -16), 10),
    ("WATER-2", "海湾路口取水点", "Haiwan crossing water point", "refill",
     Spot("XH", 0.86, 20), 12),
)  # fmt: skip


def beside(drawn: dict[str, Drawn], spot: Spot) -> shapely.Point:
    """Give the point of a spot in metres."""
    one = drawn[spot.road]
    return shapely.Point(one.point(spot.share * one.line.length, spot.aside_m))


def site_features(
    drawn: dict[str, Drawn], segments: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Place the sites; each has its gate on the segment it faces."""
    return [
        _feature(
            _block(drawn, plan),
            id=plan.id,
            name=plan.name,
            name_en=plan.name_en,
            kind=plan.kind,
            operator=plan.operator,
            gates=[_facing(drawn, plan.spot, segments)],
        )
        for plan in SITES
    ]


def _block(drawn: dict[str, Drawn], plan: SitePlan) -> shapely.Polygon:
    one = drawn[plan.spot.road]
    middle_m = plan.spot.share * one.line.length
    heading = one.heading(middle_m)
    outward = np.sign(plan.spot.aside_m) * np.array([heading[1], -heading[0]])
    near = one.point(middle_m, plan.spot.aside_m)
    half = heading * plan.length_m / 2
    far = near + outward * plan.depth_m
    return shapely.Polygon([near - half, near + half, far + half * 0.9, far - half * 0.9])


def _facing(drawn: dict[str, Drawn], spot: Spot, segments: Sequence[dict[str, Any]]) -> str:
    at = beside(drawn, spot)
    own = [
        one
        for one in segments
        if one["properties"]["id"].startswith(spot.road) and one["properties"]["treat"]
    ]
    lines = [PROJECTION.to_xy(shapely.geometry.shape(one["geometry"])) for one in own]
    nearest = min(range(len(own)), key=lambda index: shapely.distance(lines[index], at))
    return str(own[nearest]["properties"]["id"])


def station_features(
    drawn: dict[str, Drawn], segments: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Place stations along the roads, on the boundaries of sites, and away from both."""
    features = [
        _feature(
            beside(drawn, plan.spot),
            id=plan.id,
            kind="road",
            segment=_facing(drawn, plan.spot, segments),
            height_m=3.0,
            **_device(plan.mn),
        )
        for plan in ROAD_STATIONS
    ]
    for number, plan in enumerate(SITES, start=1):
        ring = shapely.get_coordinates(_block(drawn, plan).exterior)
        features.append(
            _feature(
                shapely.Point(ring[0]),
                id=f"SS{number:02d}",
                kind="site",
                site=plan.id,
                height_m=3.0,
                **_device(50 + number if number <= 3 else None),
            )
        )
    features.extend(
        _feature(shapely.Point(xy(at)), id=identity, kind="background", height_m=6.0, **_device(mn))
        for identity, at, mn in BACKGROUND_STATIONS
    )
    return features


def _device(number: int | None) -> dict[str, str]:
    return {} if number is None else {"mn": f"440305CWXH{number:014d}"}


def camera_features(
    drawn: dict[str, Drawn], segments: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Place a camera at each site's gate and some along the streets."""
    gates = [
        _feature(
            beside(drawn, replace(plan.spot, aside_m=plan.spot.aside_m * 0.8)),
            id=f"GATE{number:02d}",
            name=f"{plan.name}出入口",
            name_en=f"{plan.name_en} gate",
            site=plan.id,
            segment=_facing(drawn, plan.spot, segments),
        )
        for number, plan in enumerate(SITES, start=1)
    ]
    streets = [
        _feature(beside(drawn, spot), id=identity, segment=_facing(drawn, spot, segments))
        for identity, spot in STREET_CAMERAS
    ]
    return gates + streets


def depot_features(drawn: dict[str, Drawn]) -> list[dict[str, Any]]:
    """Place the depot and the water points."""
    return [
        _feature(
            beside(drawn, spot),
            id=identity,
            name=name,
            name_en=name_en,
            kind=kind,
            refill_minutes=minutes,
        )
        for identity, name, name_en, kind, spot, minutes in DEPOTS
    ]


def write_layer(path: Path, features: Iterable[dict[str, Any]]) -> None:
    """Write a FeatureCollection with a feature a line, so that differences can be read."""
    rows = ",\n".join(json.dumps(feature, ensure_ascii=False) for feature in features)
    path.write_text(
        f'{{"type": "FeatureCollection", "features": [\n{rows}\n]}}\n', encoding="utf-8"
    )


def main() -> None:
    """Draw the district from the command line."""
    parser = argparse.ArgumentParser(
        description="Draw the Xinghai Avenue district from bus stops; good to tens of metres."
    )
    parser.add_argument("stops", type=Path, help="CSV: name, road, side, lon_wgs84, lat_wgs84")
    parser.add_argument("folder", type=Path, help="the district folder to write layers into")
    arguments = parser.parse_args()
    with arguments.stops.open(encoding="utf-8-sig", newline="") as file:
        drawn = draw_roads(list(csv.DictReader(file)))
    segments = segment_features(drawn)
    for name, features in (
        ("segments", segments),
        ("sites", site_features(drawn, segments)),
        ("stations", station_features(drawn, segments)),
        ("cameras", camera_features(drawn, segments)),
        ("depots", depot_features(drawn)),
    ):
        write_layer(arguments.folder / f"{name}.geojson", features)
    print(
        f"{len(segments)} segments drawn in {arguments.folder}. The lines are good to some tens "
        "of metres: replace them with surveyed ones where that matters."
    )


if __name__ == "__main__":
    main()
