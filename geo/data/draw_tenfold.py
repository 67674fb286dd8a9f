"""Draw a made-up town ten times the size of Xinghai Avenue's district.

    python -m geo.data.draw_tenfold FOLDER

600 segments, 300 stations, 60 crews, 60 cameras and 50 sites, to see how the platform bears
up. Four avenues with divided carriageways cross a bent grid of streets north-east of Shenzhen;
nothing of it is real. The same folder comes out each time, byte by byte.
"""

import argparse
import itertools
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.data.draw_xinghai import write_layer
from geo.projection import LocalProjection

Floats = NDArray[np.float64]
Spot = tuple[float, float]
Feature = dict[str, Any]

PROJECTION = LocalProjection(114.28, 22.76)
# What the town's irregularities are drawn from.
SEED = 600

COLUMNS, ROWS, SEGMENTS = 17, 15, 600
# From the middle of an avenue to the middle of each carriageway, and the points of a line.
CARRIAGEWAY_M = 8.0
STEP_M = 40.0
# Roads that lead out of the town go on so far beyond its edge.
OUTWARD_M = 330.0

ROAD_STATIONS, SITE_STATIONS, BACKGROUND_STATIONS = 240, 50, 10
STREET_CAMERAS = 10
# Every third roadside station speaks HJ 212.
HJ212_EVERY = 3

SITE_KINDS = (
    ("construction_site", 26, "工地", "building site"),
    ("spoil_site", 8, "消纳场", "spoil site"),
    ("sand_yard", 6, "砂石场", "sand yard"),
    ("mixing_plant", 6, "搅拌站", "mixing plant"),
    ("port_yard", 4, "集装箱堆场", "container yard"),
)

# Middles of neighbourhoods as shares of the town, people per km² there, and their reach in m.
HOMES = (
    ((0.30, 0.62), 16000.0, 800.0),
    ((0.68, 0.35), 12000.0, 700.0),
    ((0.55, 0.80), 9000.0, 600.0),
    ((0.15, 0.20), 5000.0, 500.0),
)

DEPOTS, REFILLS = 6, 12
# Kind, how many, tank m³, l/m, km/h at work, shifts in turn.
CREWS: tuple[tuple[str, str, int, float, float, float, tuple[tuple[str, ...], ...]], ...] = (
    ("water_truck", "洒水", 30, 12, 1.2, 12,
     (("06:00-14:00",), ("14:00-22:00",), ("22:00-06:00",))),
    ("sweeper", "机扫", 10, 8, 0.2, 8, (("05:00-09:00", "20:00-24:00"), ("09:00-17:00",))),
    ("fog_cannon", "雾炮", 8, 10, 0.8, 10, (("07:00-12:00", "14:00-19:00"),)),
    ("heavy_cleaner", "重污清洗", 6, 9, 1.5, 6, (("09:00-17:00",), ("20:00-04:00",))),
    ("hand_wash", "应急冲洗", 6, 8, 1.5, 4, (("08:00-20:00",), ("20:00-08:00",))),
)  # fmt: skip


@dataclass(frozen=True)
class Road:
    """A road from edge to edge: ``at_m`` east of the town's corner, or north for a row."""

    key: str
    name: str
    name_en: str
    at_m: float
    heavy_trucks_per_day: int
    divided: bool
    leads_out: bool

    @property
    def aside_m(self) -> tuple[float, ...]:
        """Carriageways beside the road's middle."""
        return (-CARRIAGEWAY_M, CARRIAGEWAY_M) if self.divided else (0.0,)


@dataclass(frozen=True)
class Avenue:
    """A divided road; trucks are counted both ways."""

    name: str
    name_en: str
    heavy_trucks_per_day: int


# By the index of the column or row.
COLUMN_AVENUES = {
    4: Avenue("长河大道", "Changhe Avenue", 3300),
    12: Avenue("云岭大道", "Yunling Avenue", 2600),
}
ROW_AVENUES = {
    3: Avenue("港城大道", "Gangcheng Avenue", 2200),
    10: Avenue("望山大道", "Wangshan Avenue", 1600),
}


@dataclass(frozen=True)
class Street:
    """A segment before it is bent: its properties, its ends as drawn, and where it belongs."""

    properties: dict[str, Any]
    start: Spot
    end: Spot
    spare: bool = False

    def at(self, share: float, right_m: float = 0.0) -> Spot:
        """A spot so far along it, and so far to the right of it."""
        east, north = self.end[0] - self.start[0], self.end[1] - self.start[1]
        length = math.hypot(east, north)
        return (
            self.start[0] + share * east + right_m * north / length,
            self.start[1] + share * north - right_m * east / length,
        )

    @property
    def length_m(self) -> float:
        return math.dist(self.start, self.end)

    @property
    def treat(self) -> bool:
        return bool(self.properties["treat"])


@dataclass(frozen=True)
class Town:
    """Roads that run north (``columns``) and east (``rows``), in order."""

    columns: tuple[Road, ...]
    rows: tuple[Road, ...]

    @property
    def size_m(self) -> Spot:
        return self.columns[-1].at_m, self.rows[-1].at_m


def lay_out(chance: random.Random) -> Town:
    """Choose where the roads run and how busy they are."""
    return Town(
        _roads(chance, COLUMNS, "J", "经", "Jing", COLUMN_AVENUES),
        _roads(chance, ROWS, "W", "纬", "Wei", ROW_AVENUES),
    )


def _roads(
    chance: random.Random,
    count: int,
    key: str,
    name: str,
    english: str,
    avenues: dict[int, Avenue],
) -> tuple[Road, ...]:
    at_m, roads = 0.0, []
    for index in range(count):
        said = avenues.get(index)
        roads.append(
            Road(
                f"{key}{index + 1:02d}",
                name=said.name if said else f"{name}{index + 1}路",
                name_en=said.name_en if said else f"{english} {index + 1} Road",
                at_m=at_m,
                heavy_trucks_per_day=said.heavy_trucks_per_day if said else _trucks(chance),
                divided=said is not None,
                leads_out=said is not None or index % 6 == 1,
            )
        )
        at_m += 200.0 + 150.0 * chance.random()
    return tuple(roads)


def _trucks(chance: random.Random) -> int:
    return 10 * round(8 + 80 * chance.random() ** 2)


def streets_of(town: Town, chance: random.Random) -> list[Street]:
    """Give the segments, as many as are wanted: some streets of the grid are left out."""
    drawn = [
        *_along(town.columns, town.rows, lambda along, across: (across, along), ("N", "S")),
        *_along(town.rows, town.columns, lambda along, across: (along, across), ("W", "E")),
        *_crossings(town),
    ]
    return _thin_out(drawn, len(drawn) - SEGMENTS, chance)


def _along(
    roads: Sequence[Road],
    others: Sequence[Road],
    place: Callable[[float, float], Spot],
    ways: tuple[str, str],
) -> Iterator[Street]:
    """Cut each road where the others cross it, and lead it out of the town at both ends.

    place: east and north of metres along a road and across it; ways: letters of the
    carriageway where across is more, and where it is less.
    """
    for road in roads:
        blocks = list(itertools.pairwise(others))
        for number, (before, behind) in enumerate(blocks, start=1):
            from_m, to_m = before.at_m + before.aside_m[-1], behind.at_m + behind.aside_m[0]
            for aside_m in road.aside_m:
                ends = [place(along, road.at_m + aside_m) for along in (from_m, to_m)]
                # Traffic keeps to the right.
                eastern = aside_m > 0
                if road.divided and eastern != (ways[0] == "N"):
                    ends.reverse()
                way = ways[0 if eastern else 1] if road.divided else ""
                name = f"{road.key}{number:02d}{way}"
                yield Street(
                    _properties(road, name, road.divided), ends[0], ends[1], not road.divided
                )
        if not road.leads_out:
            continue
        for edge, sign, letter in ((others[0], -1.0, "A"), (others[-1], 1.0, "B")):
            joined_m = edge.at_m + edge.aside_m[0 if sign < 0 else -1]
            yield Street(
                _properties(road, f"{road.key}{letter}", False),
                place(joined_m, road.at_m + road.aside_m[0]),
                place(joined_m + sign * OUTWARD_M, road.at_m),
            )


def _properties(road: Road, identity: str, one_way: bool) -> dict[str, Any]:
    part = identity.removeprefix(road.key)
    trucks = road.heavy_trucks_per_day
    return {
        "id": identity,
        "name": f"{road.name} {part}",
        "name_en": f"{road.name_en} {part}",
        "road": road.name,
        "oneway": one_way,
        "treat": True,
        "speed_kmh": 50 if road.divided else 40,
        "lanes": 3 if one_way else 6 if road.divided else 4 if trucks > 500 else 2,
        "heavy_trucks_per_day": trucks // 2 if one_way else trucks,
        "min_treatments_per_day": 3 if road.divided else 2 if trucks > 500 else 1,
    }


def _crossings(town: Town) -> Iterator[Street]:
    """Join the carriageways where an avenue is crossed."""
    for column, row in itertools.product(town.columns, town.rows):
        corners = [
            [(column.at_m + east_m, row.at_m + north_m) for east_m in column.aside_m]
            for north_m in row.aside_m
        ]
        ways = [pair for line in corners for pair in itertools.pairwise(line)]
        ways += [pair for line in zip(*corners, strict=True) for pair in itertools.pairwise(line)]
        for number, (start, end) in enumerate(ways, start=1):
            yield Street(
                {
                    "id": f"{column.key}{row.key}X{number}",
                    "name": f"{column.name}{row.name}路口 {number}",
                    "name_en": f"Crossing of {column.name_en} and {row.name_en} {number}",
                    "road": (column if column.divided else row).name,
                    "oneway": False,
                    "treat": False,
                    "speed_kmh": 20,
                    "lanes": 2,
                },
                start,
                end,
            )


def _thin_out(streets: list[Street], surplus: int, chance: random.Random) -> list[Street]:
    """Leave out streets of the grid where the crossings at both ends keep three others."""
    meeting = Counter(end for street in streets for end in (street.start, street.end))
    chosen = sorted((chance.random(), at) for at, one in enumerate(streets) if one.spare)
    gone: set[int] = set()
    for _, at in chosen:
        ends = (streets[at].start, streets[at].end)
        if len(gone) < surplus and min(meeting[end] for end in ends) > 3:
            meeting.subtract(ends)
            gone.add(at)
    return [street for at, street in enumerate(streets) if at not in gone]


def bend(spots: Sequence[Spot]) -> Floats:
    """Bend the right angles of the town as hills and a river would, in metres."""
    x, y = np.array(spots, dtype=np.float64).T
    east = x + 90.0 * np.sin(y / 820.0) + 35.0 * np.sin(x / 500.0 + y / 640.0)
    north = y + 70.0 * np.sin(x / 900.0 + 0.7) + 30.0 * np.sin(y / 450.0 - x / 730.0)
    return np.column_stack([east - 2300.0, north - 2000.0])


def _feature(
    shape: Callable[[Floats], shapely.Geometry], spots: Sequence[Spot], **properties: Any
) -> Feature:
    # 1e-7 degrees is a centimetre; joined ends round alike because they are the same point.
    geometry = shape(PROJECTION.to_lonlat(bend(spots)).round(7))
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": json.loads(shapely.to_geojson(geometry)),
    }


def segment_features(town: Town, streets: Sequence[Street]) -> list[Feature]:
    """Draw the segments, with the people who live around them."""
    features = []
    for street in streets:
        steps = max(1, round(street.length_m / STEP_M))
        line = [street.at(step / steps) for step in range(steps)] + [street.end]
        people = {"residents": _residents(town, street)} if street.treat else {}
        features.append(_feature(shapely.LineString, line, **street.properties, **people))
    return features


def _residents(town: Town, street: Street) -> int:
    width_m, height_m = town.size_m
    middle = street.at(0.5)
    per_km2 = 300.0 + sum(
        people * math.exp(-(math.dist(middle, (x * width_m, y * height_m)) ** 2) / (2 * reach_m**2))
        for (x, y), people, reach_m in HOMES
    )
    around_km2 = (600.0 * street.length_m + math.pi * 300.0**2) / 1e6
    return 10 * round(per_km2 * around_km2 / 10)


@dataclass(frozen=True)
class Block:
    """A site's land beside a street: from ``near`` to ``far`` along it, ``depth_m`` deep."""

    id: str
    name: str
    name_en: str
    kind: str
    street: Street
    side: float

    def corner(self, along: float, away_m: float) -> Spot:
        return self.street.at(along, self.side * away_m)


def choose_sites(streets: Sequence[Street], chance: random.Random) -> list[Block]:
    """Put sites beside streets of the grid, one at most in each block of the town."""
    kinds = [
        (kind, number, name, english)
        for kind, count, name, english in SITE_KINDS
        for number in range(1, count + 1)
    ]
    taken: set[Spot] = set()
    free = sorted((chance.random(), at) for at, one in enumerate(streets) if one.spare)
    blocks: list[Block] = []
    for _, at in free:
        street = streets[at]
        side = 1.0 if chance.random() < 0.5 else -1.0
        block_m = street.at(0.5, side * 90.0)
        if len(blocks) == len(kinds):
            break
        if any(math.dist(block_m, other) < 260.0 for other in taken) or not _clear(
            street, side, streets
        ):
            continue
        taken.add(block_m)
        kind, number, name, english = kinds[len(blocks)]
        road = street.properties["road"]
        identity = f"{kind.split('_')[0].upper()}-{number:02d}"
        blocks.append(
            Block(
                identity, f"{road}{number}号{name}", f"{english} {number:02d}", kind, street, side
            )
        )
    return blocks


def _clear(street: Street, side: float, streets: Sequence[Street]) -> bool:
    """Whether no other street runs through the land behind this one."""
    land = shapely.box(
        *np.sort([street.at(0.25, side * 25.0), street.at(0.75, side * 135.0)], axis=0).ravel()
    )
    return not any(land.intersects(shapely.LineString([one.start, one.end])) for one in streets)


def site_features(blocks: Sequence[Block]) -> list[Feature]:
    """Draw the sites, each with its gate on the street it lies at."""
    return [
        _feature(
            shapely.Polygon,
            [
                block.corner(along, away_m)
                for along, away_m in ((0.28, 35.0), (0.72, 35.0), (0.68, 125.0), (0.3, 125.0))
            ],
            id=block.id,
            name=block.name,
            name_en=block.name_en,
            kind=block.kind,
            gates=[block.street.properties["id"]],
        )
        for block in blocks
    ]


def station_features(
    town: Town, streets: Sequence[Street], blocks: Sequence[Block], chance: random.Random
) -> list[Feature]:
    """Place stations along the streets, at sites, and out of the town."""
    features = []
    for number, street in enumerate(_picked(streets, ROAD_STATIONS, chance), start=1):
        kerb_m = 1.75 * street.properties["lanes"] + 10.0
        spot = street.at(0.2 + 0.6 * chance.random(), kerb_m)
        speaks = number % HJ212_EVERY == 0
        features.append(
            _feature(
                _point,
                [spot],
                id=f"ST{number:03d}",
                kind="road",
                segment=street.properties["id"],
                height_m=3.0,
                **({"mn": f"440307CWTF{number:014d}"} if speaks else {}),
            )
        )
    for number, block in enumerate(blocks[:SITE_STATIONS], start=1):
        features.append(
            _feature(
                _point,
                [block.corner(0.28, 35.0)],
                id=f"SS{number:03d}",
                kind="site",
                site=block.id,
                height_m=3.0,
            )
        )
    width_m, height_m = town.size_m
    for number in range(BACKGROUND_STATIONS):
        turn = 2.0 * math.pi * (number + 0.35) / BACKGROUND_STATIONS
        spot = (
            width_m / 2.0 + (width_m / 2.0 + 550.0) * math.cos(turn) * 1.15,
            height_m / 2.0 + (height_m / 2.0 + 550.0) * math.sin(turn) * 1.15,
        )
        features.append(
            _feature(_point, [spot], id=f"BG{number + 1:03d}", kind="background", height_m=6.0)
        )
    return features


def _point(places: Floats) -> shapely.Geometry:
    return shapely.Point(places[0])


def _picked(streets: Sequence[Street], count: int, chance: random.Random) -> list[Street]:
    """Pick treated streets, those of the avenues first of all, in the order of the streets."""
    treated = [at for at, street in enumerate(streets) if street.treat]
    ranked = sorted(treated, key=lambda at: chance.random() - (0.0 if streets[at].spare else 0.6))
    return [streets[at] for at in sorted(ranked[:count])]


def camera_features(
    streets: Sequence[Street], blocks: Sequence[Block], chance: random.Random
) -> list[Feature]:
    """Place a camera at each site's gate, and some along the avenues."""
    gates = [
        _feature(
            _point,
            [block.corner(0.5, 20.0)],
            id=f"GATE{number:03d}",
            name=f"{block.name}出入口",
            name_en=f"{block.name_en} gate",
            site=block.id,
            segment=block.street.properties["id"],
        )
        for number, block in enumerate(blocks, start=1)
    ]
    avenues = [street for street in streets if street.properties["oneway"]]
    along = [
        _feature(
            _point, [street.at(0.5, 20.0)], id=f"CAM{number:03d}", segment=street.properties["id"]
        )
        for number, street in enumerate(_picked(avenues, STREET_CAMERAS, chance), start=1)
    ]
    return gates + along


def depot_features(streets: Sequence[Street], chance: random.Random) -> list[Feature]:
    """Place depots and refill points beside streets, spread over the town."""
    free = sorted((chance.random(), at) for at, one in enumerate(streets) if one.spare)
    chosen: list[Street] = []
    for _, at in free:
        middle = streets[at].at(0.5)
        if len(chosen) < DEPOTS + REFILLS and all(
            math.dist(middle, other.at(0.5)) > 600.0 for other in chosen
        ):
            chosen.append(streets[at])
    features = []
    for index, street in enumerate(chosen):
        depot, number = index < DEPOTS, index + 1 if index < DEPOTS else index + 1 - DEPOTS
        features.append(
            _feature(
                _point,
                [street.at(0.5, -18.0)],
                id=f"DEPOT-{number}" if depot else f"WATER-{number:02d}",
                name=f"{street.properties['road']}{'环卫停车场' if depot else '取水点'}",
                name_en=f"{'Depot' if depot else 'Water point'} {number}",
                kind="both" if depot else "refill",
                refill_minutes=8 if depot else 10,
            )
        )
    return features


def crews_text() -> str:
    """Give crews.toml: of each kind so many, taking turns at the depots and the shifts."""
    lines = ["# Sixty crews of the five kinds at six depots, day and night."]
    depots = itertools.cycle(range(1, DEPOTS + 1))
    for kind, name, count, tank_m3, l_per_m, work_kmh, shifts in CREWS:
        for number in range(1, count + 1):
            lines += [
                "",
                "[[crew]]",
                f'id = "{kind.replace("_", "-").upper()}-{number:02d}"',
                f'name = "{name}{number:02d}班 {kind.replace("_", " ").capitalize()} {number:02d}"',
                f'kind = "{kind}"',
                f'depot = "DEPOT-{next(depots)}"',
                f"tank_m3 = {tank_m3:g}",
                f"water_l_per_m = {l_per_m:g}",
                f"work_speed_kmh = {work_kmh:g}",
                "drive_speed_kmh = 40",
                f"shifts = {json.dumps(list(shifts[(number - 1) % len(shifts)]))}",
            ]
    return "\n".join(lines) + "\n"


DISTRICT_TOML = """\
# A made-up town, ten times the district of Xinghai Avenue, to see how the platform bears up.
id = "tenfold"
name = "十倍区 Ten-fold district"
timezone = "Asia/Shanghai"
datum = "wgs84"
"""


def draw(folder: Path) -> None:
    """Write the district folder; it is made where it is not there yet."""
    chance = random.Random(SEED)
    town = lay_out(chance)
    streets = streets_of(town, chance)
    blocks = choose_sites(streets, chance)
    folder.mkdir(parents=True, exist_ok=True)
    for name, features in (
        ("segments", segment_features(town, streets)),
        ("sites", site_features(blocks)),
        ("stations", station_features(town, streets, blocks, chance)),
        ("cameras", camera_features(streets, blocks, chance)),
        ("depots", depot_features(streets, chance)),
    ):
        write_layer(folder / f"{name}.geojson", features)
    (folder / "district.toml").write_text(DISTRICT_TOML, encoding="utf-8")
    (folder / "crews.toml").write_text(crews_text(), encoding="utf-8")


def main() -> None:
    """Draw the town from the command line."""
    parser = argparse.ArgumentParser(description="Draw a made-up town of 600 segments.")
    parser.add_argument("folder", type=Path, help="the district folder to write")
    folder = parser.parse_args().folder
    draw(folder)
    print(f"{SEGMENTS} segments of a made-up town drawn in {folder}.")


if __name__ == "__main__":
    main()
