"""A district of one street with four segments, small enough to work by hand."""

import json
from pathlib import Path

DISTRICT = 'id = "street"\nname = "Street"\ntimezone = "Asia/Shanghai"\n'
CREWS = """
[[crew]]
id = "W1"
name = "Water 1"
kind = "water_truck"
depot = "D1"
shifts = ["00:00-00:00"]
"""
STEP = 0.002  # degrees of latitude: some 220 m


def _layer(path: Path, features: list[tuple[dict[str, object], dict[str, object]]]) -> None:
    path.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {"type": "Feature", "geometry": geometry, "properties": properties}
                    for geometry, properties in features
                ],
            }
        )
    )


def write_street(folder: Path, segments: int = 4) -> Path:
    """Segments S1.. northwards, a road station R1.. on each, background B1, a site Q1 with its
    own station at the far end, a depot with water."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "district.toml").write_text(DISTRICT)
    (folder / "crews.toml").write_text(CREWS)
    lat = [22.480 + STEP * i for i in range(segments + 1)]
    point = lambda x, y: {"type": "Point", "coordinates": [x, y]}  # noqa: E731
    _layer(
        folder / "segments.geojson",
        [
            (
                {"type": "LineString", "coordinates": [[113.89, lat[i]], [113.89, lat[i + 1]]]},
                {"id": f"S{i + 1}", "name": f"Segment {i + 1}", "residents": 100},
            )
            for i in range(segments)
        ],
    )
    _layer(
        folder / "stations.geojson",
        [
            (point(113.8901, lat[i] + STEP / 2), {"id": f"R{i + 1}", "kind": "road"})
            for i in range(segments)
        ]
        + [
            (point(113.880, 22.47), {"id": "B1", "kind": "background"}),
            (point(113.8912, lat[1]), {"id": "P1", "kind": "site", "site": "Q1"}),
        ],
    )
    _layer(
        folder / "sites.geojson",
        [
            (
                point(113.892, lat[1]),
                {"id": "Q1", "name": "Quarry", "kind": "sand_yard", "gates": ["S2"]},
            )
        ],
    )
    _layer(folder / "cameras.geojson", [(point(113.8902, lat[1]), {"id": "C1", "site": "Q1"})])
    _layer(folder / "depots.geojson", [(point(113.89, lat[0]), {"id": "D1", "kind": "both"})])
    return folder
