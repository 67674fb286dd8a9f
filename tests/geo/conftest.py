"""Small districts to test with: as folders, and as objects."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import shapely

from geo.district import District, Segment
from geo.projection import LocalProjection

PROJECTION = LocalProjection(113.89, 22.49)

TOML = 'id = "square"\nname = "Square"\ntimezone = "Asia/Shanghai"\n'
CREWS = (
    '[[crew]]\nid = "W1"\nname = "Water 1"\nkind = "water_truck"\n'
    'depot = "D1"\nshifts = ["06:00-14:00"]\n'
)


def feature(shape: str, metres: Any, **properties: Any) -> dict[str, Any]:
    """A GeoJSON feature with its coordinates given in metres around the origin."""

    def degrees(nested: Any) -> Any:
        if isinstance(nested[0], int | float):
            return PROJECTION.to_lonlat([nested])[0].tolist()
        return [degrees(one) for one in nested]

    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": shape, "coordinates": degrees(metres)},
    }


class Draft:
    """A district folder in the making: a square of streets with one of everything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.texts: dict[str, str] = {"district.toml": TOML, "crews.toml": CREWS}
        self.layers: dict[str, list[dict[str, Any]]] = {
            "segments.geojson": [
                feature("LineString", [[0, 0], [300, 0]], id="A", name="South"),
                feature("LineString", [[300, 0], [300, 300]], id="B", name="East"),
                feature("LineString", [[300, 300], [0, 300]], id="C", name="North", treat=False),
                feature("LineString", [[0, 300], [0, 0]], id="D", name="West", oneway=True),
            ],
            "sites.geojson": [
                feature(
                    "Polygon",
                    [[[100, 50], [200, 50], [200, 150], [100, 150], [100, 50]]],
                    id="S1",
                    name="Yard",
                    kind="sand_yard",
                    gates=["A"],
                )
            ],
            "stations.geojson": [
                feature("Point", [150, 10], id="R1", kind="road"),
                feature("Point", [150, 290], id="R2", kind="road"),
                feature("Point", [290, 200], id="T1", kind="site"),
                feature("Point", [900, 900], id="B1", kind="background"),
            ],
            "cameras.geojson": [feature("Point", [150, 295], id="K1")],
            "depots.geojson": [
                feature("Point", [310, 150], id="D1", kind="depot"),
                feature("Point", [310, 200], id="F1", kind="refill"),
            ],
        }

    def properties(self, layer: str, number: int) -> dict[str, Any]:
        """The properties of a feature, counted from 1, to be changed."""
        found: dict[str, Any] = self.layers[f"{layer}.geojson"][number - 1]["properties"]
        return found

    def move(self, layer: str, number: int, shape: str, metres: Any) -> None:
        """Give a feature, counted from 1, another geometry."""
        row = self.layers[f"{layer}.geojson"][number - 1]
        row["geometry"] = feature(shape, metres)["geometry"]

    def write(self) -> Path:
        """Write the folder."""
        self.path.mkdir(exist_ok=True)
        for name, text in self.texts.items():
            (self.path / name).write_text(text, encoding="utf-8")
        for name, features in self.layers.items():
            layer = {"type": "FeatureCollection", "features": features}
            (self.path / name).write_text(json.dumps(layer), encoding="utf-8")
        return self.path


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    """A sound district folder, not written yet."""
    return Draft(tmp_path / "district")


@pytest.fixture(scope="session")
def district_of() -> Callable[[Sequence[dict[str, Any]]], District]:
    """Make a district of nothing but segments, their points given in metres."""

    def make(rows: Sequence[dict[str, Any]]) -> District:
        segments = {}
        for row in rows:
            line = shapely.LineString(row["points"])
            segments[row["id"]] = Segment(
                id=row["id"],
                name=row["id"],
                line=PROJECTION.to_lonlat(line),
                road=None,
                oneway=row.get("oneway", False),
                treat=row.get("treat", True),
                speed_kmh=row.get("speed_kmh", 40.0),
                lanes=2,
                width_m=7.0,
                residents=0,
                heavy_trucks_per_day=0.0,
                min_treatments_per_day=0.0,
                length_m=line.length,
            )
        return District(
            id="made",
            name="Made",
            timezone=ZoneInfo("Asia/Shanghai"),
            segments=segments,
            sites={},
            stations={},
            cameras={},
            depots={},
            crews={},
            overrides={},
            projection=PROJECTION,
            folder=Path(),
        )

    return make
