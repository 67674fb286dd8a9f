"""Small districts to plan on: drawn in memory or by chance, no folder needed."""

import datetime as dt
import random
from pathlib import Path
from zoneinfo import ZoneInfo

import shapely

from geo.district import Crew, Depot, District, Segment, Shift, Site, Station
from geo.projection import LocalProjection

LON, LAT = 113.88, 22.48
PROJECTION = LocalProjection(LON, LAT)
NOON = dt.datetime(2026, 3, 2, 4, 0, tzinfo=dt.UTC)
"""Noon of a Monday in Shenzhen."""


def segment(name: str, *xy: tuple[float, float], **changes: object) -> Segment:
    """A street through points in metres from the middle of the town."""
    values: dict[str, object] = {
        "id": name,
        "name": f"Street {name}",
        "line": PROJECTION.to_lonlat(shapely.LineString(xy)),
        "road": None,
        "oneway": False,
        "treat": True,
        "speed_kmh": 40.0,
        "lanes": 2,
        "width_m": 7.0,
        "residents": 1000,
        "heavy_trucks_per_day": 500.0,
        "min_treatments_per_day": 3.0,
        "length_m": shapely.LineString(xy).length,
    }
    return Segment(**(values | changes))  # type: ignore[arg-type]


def crew(name: str, kind: str = "water_truck", **changes: object) -> Crew:
    """A crew on duty from 06:00 to 22:00."""
    values: dict[str, object] = {
        "id": name,
        "name": f"Crew {name}",
        "kind": kind,
        "depot": "D1",
        "tank_m3": 12.0,
        "water_l_per_m": 1.2,
        "work_speed_kmh": 12.0,
        "drive_speed_kmh": 40.0,
        "shifts": (Shift(dt.time(6), dt.time(22)),),
    }
    return Crew(**(values | changes))  # type: ignore[arg-type]


def depot(name: str, x: float, y: float, kind: str = "both", minutes: float = 10.0) -> Depot:
    """A depot or refill point in metres from the middle of the town."""
    lon, lat = PROJECTION.to_lonlat([(x, y)])[0]
    return Depot(name, kind, float(lon), float(lat), minutes)  # type: ignore[arg-type]


def site(name: str, x: float, y: float, *gates: str) -> Site:
    """A building site at a point."""
    lon, lat = map(float, PROJECTION.to_lonlat([(x, y)])[0])
    return Site(
        name, f"Site {name}", "construction_site", None, gates, shapely.Point(lon, lat), (lon, lat)
    )


def town(
    segments: list[Segment],
    crews: list[Crew],
    depots: list[Depot],
    sites: list[Site] | None = None,
) -> District:
    """A district of these."""
    station = Station("S1", "background", LON, LAT, None, None, 3.0, None, "ug/m3")
    return District(
        id="town",
        name="Town",
        timezone=ZoneInfo("Asia/Shanghai"),
        segments={item.id: item for item in segments},
        sites={item.id: item for item in sites or []},
        stations={station.id: station},
        cameras={},
        depots={item.id: item for item in depots},
        crews={item.id: item for item in crews},
        overrides={},
        projection=PROJECTION,
        folder=Path("town"),
    )


def block(crews: list[Crew] | None = None) -> District:
    """Four streets round a block of 300 m, A to D clockwise, C one-way; a stub E to the depot.

    (0,300) --B-- (300,300)
       |             |
       A             C (one-way, drawn southwards)
       |             |
     (0,0) --D--- (300,0) --E-- (500,0) depot, water
    """
    return town(
        [
            segment("A", (0, 0), (0, 300)),
            segment("B", (0, 300), (300, 300)),
            segment("C", (300, 300), (300, 0), oneway=True),
            segment("D", (300, 0), (0, 0)),
            segment("E", (300, 0), (500, 0), treat=False),
        ],
        crews if crews is not None else [crew("W1")],
        [depot("D1", 500, 5)],
        [site("X1", -20, 150, "A")],
    )


def by_chance(seed: int) -> District:
    """A town on a bent grid: one-way streets, dead ends, several crews of every kind.

    Every junction can be reached from every other, as the loading of a folder sees to.
    """
    chance = random.Random(seed)
    columns, rows = chance.randint(2, 4), chance.randint(2, 4)
    step_m = chance.uniform(120, 400)
    at = {
        (i, j): (i * step_m + chance.uniform(-30, 30), j * step_m + chance.uniform(-30, 30))
        for i in range(columns)
        for j in range(rows)
    }
    ring = {
        *(((i, 0), (i + 1, 0)) for i in range(columns - 1)),
        *(((i, rows - 1), (i + 1, rows - 1)) for i in range(columns - 1)),
        *(((0, j), (0, j + 1)) for j in range(rows - 1)),
        *(((columns - 1, j), (columns - 1, j + 1)) for j in range(rows - 1)),
    }
    segments: list[Segment] = []
    for (i, j), here in at.items():
        for other in ((i + 1, j), (i, j + 1)):
            if other not in at:
                continue
            ends = [here, at[other]]
            if chance.random() < 0.5:
                ends.reverse()
            # The ring stays two-way, so nothing is cut off; across it a street may be one-way.
            within = ((i, j), other) not in ring
            middle = (
                (ends[0][0] + ends[1][0]) / 2 + chance.uniform(-20, 20),
                (ends[0][1] + ends[1][1]) / 2 + chance.uniform(-20, 20),
            )
            line = (ends[0], middle, ends[1])
            segments.append(
                segment(
                    f"S{len(segments):02d}", *line,
                    oneway=within and chance.random() < 0.6 and _through(i, j, columns, rows),
                    treat=chance.random() < 0.85 or not segments,
                    residents=chance.randint(0, 8000),
                    speed_kmh=chance.choice([20.0, 30.0, 40.0, 60.0]),
                    min_treatments_per_day=float(chance.choice([0, 1, 2, 4])),
                )
            )  # fmt: skip
    kinds = ["water_truck", "water_truck", "sweeper", "fog_cannon", "heavy_cleaner", "hand_wash"]
    crews = [
        crew(
            f"C{n}",
            kind,
            tank_m3=chance.choice([1.5, 4.0, 12.0]) if kind != "sweeper" else 0.0,
            water_l_per_m=chance.choice([0.8, 1.2, 3.0]) if kind != "sweeper" else 0.0,
            work_speed_kmh=chance.choice([4.0, 10.0, 20.0]),
            drive_speed_kmh=chance.choice([25.0, 40.0, 60.0]),
            shifts=(Shift(dt.time(6), dt.time(12 + chance.choice([1, 2, 8]))),),
        )
        for n, kind in enumerate(chance.sample(kinds, chance.randint(1, len(kinds))))
    ]
    width, height = (columns - 1) * step_m, (rows - 1) * step_m
    depots = [depot("D1", chance.uniform(0, width), -30.0, chance.choice(["depot", "both"]))]
    if chance.random() < 0.7:
        depots.append(depot("D2", chance.uniform(0, width), height + 40, "refill", 6.0))
    sites = [site("X1", chance.uniform(0, width), chance.uniform(0, height), segments[0].id)]
    return town(segments, crews, depots, sites)


def _through(i: int, j: int, columns: int, rows: int) -> bool:
    """A one-way street inside needs a way round: both its ends have another street."""
    return columns > 2 and rows > 2 and 0 <= i < columns and 0 <= j < rows
