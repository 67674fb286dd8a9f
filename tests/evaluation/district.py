"""A district of nine streets around two blocks, small enough to live through in seconds."""

import json
from pathlib import Path

DISTRICT = 'id = "blocks"\nname = "Blocks"\ntimezone = "Asia/Shanghai"\n'
CREWS = """
[[crew]]
id = "W1"
name = "Water 1"
kind = "water_truck"
depot = "D1"
tank_m3 = 1.5
shifts = ["06:00-14:00"]

[[crew]]
id = "W2"
name = "Water 2"
kind = "water_truck"
depot = "D1"
shifts = ["06:00-14:00"]

[[crew]]
id = "S1"
name = "Sweeper"
kind = "sweeper"
depot = "D1"
shifts = ["06:00-08:00"]

[[crew]]
id = "F1"
name = "Fog cannon"
kind = "fog_cannon"
depot = "D1"
shifts = ["06:00-14:00"]
"""
WEST, SOUTH, STEP = 113.88, 22.48, 0.003


def _at(column: int, row: int) -> list[float]:
    return [WEST + STEP * column, SOUTH + STEP * row]


def _layer(path: Path, features: list[tuple[object, dict[str, object]]]) -> None:
    kinds = {0: "Point", 1: "LineString"}
    path.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature",
                        "geometry": {
                            "type": kinds[isinstance(place[0], list)],  # type: ignore[index]
                            "coordinates": place,
                        },
                        "properties": properties,
                    }
                    for place, properties in features
                ],
            }
        )
    )


def write_blocks(folder: Path) -> Path:
    """Streets A1, A2 and C1, C2 along, B1 one-way between, X1 to X3 across, a gate on C2."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "district.toml").write_text(DISTRICT)
    (folder / "crews.toml").write_text(CREWS)
    streets: list[tuple[str, tuple[int, int], tuple[int, int], dict[str, object]]] = [
        ("A1", (0, 0), (1, 0), {"residents": 900, "min_treatments_per_day": 2}),
        ("A2", (1, 0), (2, 0), {"residents": 300}),
        ("C1", (0, 1), (1, 1), {"residents": 500, "oneway": True}),
        ("C2", (1, 1), (2, 1), {"residents": 100}),
        ("X1", (0, 0), (0, 1), {"treat": False}),
        ("X2", (1, 1), (1, 0), {"residents": 50, "oneway": True}),
        ("X3", (2, 0), (2, 1), {}),
    ]
    _layer(
        folder / "segments.geojson",
        [
            (
                [_at(*start), _at(*end)],
                {"id": name, "name": name, "heavy_trucks_per_day": 1500, **more},
            )
            for name, start, end, more in streets
        ],
    )
    _layer(
        folder / "stations.geojson",
        [
            (
                [WEST + STEP / 2, SOUTH + 0.0001],
                {"id": "R1", "kind": "road", "segment": "A1"},
            ),
            (
                [WEST + 1.5 * STEP, SOUTH + STEP + 0.0001],
                {"id": "R2", "kind": "road", "segment": "C2"},
            ),
            ([WEST - 0.02, SOUTH], {"id": "B1", "kind": "background"}),
        ],
    )
    _layer(
        folder / "sites.geojson",
        [
            (
                [WEST + 1.6 * STEP, SOUTH + 1.2 * STEP],
                {"id": "Q1", "name": "Spoil", "kind": "spoil_site", "gates": ["C2"]},
            )
        ],
    )
    _layer(folder / "cameras.geojson", [([WEST + STEP, SOUTH], {"id": "C1", "site": "Q1"})])
    _layer(folder / "depots.geojson", [(_at(0, 0), {"id": "D1", "kind": "both"})])
    return folder
