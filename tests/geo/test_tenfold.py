"""The made-up town of ten times the size."""

from pathlib import Path

import numpy as np
import pytest

from geo.data.draw_tenfold import draw
from geo.district import District, check_district, load_district
from geo.graph import RoadGraph
from geo.places import PlaceIndex


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The town's folder."""
    folder = tmp_path_factory.mktemp("town") / "tenfold"
    draw(folder)
    return folder


@pytest.fixture(scope="module")
def district(folder: Path) -> District:
    """The town."""
    return load_district(folder)


def test_size(district: District) -> None:
    """It has the counts that it is there for."""
    assert len(district.segments) == 600
    assert len(district.stations) == 300
    assert len(district.crews) == 60
    assert len(district.cameras) == 60
    assert len(district.sites) == 50
    kinds = [depot.kind for depot in district.depots.values()]
    assert kinds.count("both") == 6
    assert kinds.count("refill") == 12
    assert {station.kind for station in district.stations.values()} == {
        "road", "site", "background",
    }  # fmt: skip
    assert len({crew.kind for crew in district.crews.values()}) == 5
    assert any(station.mn for station in district.stations.values())


def test_nothing_is_wrong(folder: Path) -> None:
    """The check finds neither errors nor warnings."""
    assert check_district(folder) == []


def test_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """Drawn again, every file is the same."""
    draw(tmp_path)
    names = sorted(file.name for file in folder.iterdir())
    assert names == sorted(file.name for file in tmp_path.iterdir())
    assert all((folder / name).read_bytes() == (tmp_path / name).read_bytes() for name in names)


def test_every_place_can_be_driven_to(district: District) -> None:
    """Any truck can get from anywhere to anywhere."""
    seconds, _ = RoadGraph(district).node_times(40.0)
    assert np.isfinite(seconds).all()


def test_streets(district: District) -> None:
    """Streets are 150 to 400 m long, and trucks neither appear nor vanish along a road."""
    roads: dict[str | None, set[float]] = {}
    for segment in district.segments.values():
        if segment.treat:
            assert 150 <= segment.length_m <= 400, segment.id
            both_ways = segment.heavy_trucks_per_day * (2 if segment.oneway else 1)
            roads.setdefault(segment.road, set()).add(both_ways)
    assert all(len(trucks) == 1 for trucks in roads.values())
    assert {3300} in roads.values()


def test_traffic_keeps_to_the_right(district: District) -> None:
    """The carriageway for the other way lies to the left of each one's driving direction."""
    opposite = {"N": "S", "S": "N", "E": "W", "W": "E"}
    ways = [segment for segment in district.segments.values() if segment.oneway]
    assert ways
    for segment in ways:
        other = district.segments[segment.id[:-1] + opposite[segment.id[-1]]]
        xy = district.projection.to_xy(np.array(segment.line.coords))
        ahead = xy[-1] - xy[0]
        over = district.projection.to_xy(np.array(other.line.coords)).mean(0) - xy.mean(0)
        assert ahead[0] * over[1] - ahead[1] * over[0] > 0, segment.id
        axis = {"N": (0, 1), "S": (0, -1), "E": (1, 0), "W": (-1, 0)}[segment.id[-1]]
        assert np.dot(ahead, axis) > 0.8 * np.hypot(*ahead), segment.id


def test_road_stations_stand_beside_their_segment(district: District) -> None:
    """Each roadside station stands within 40 m of the segment it is for, nearest of all."""
    index = PlaceIndex(district)
    for station in district.stations.values():
        if station.kind == "road":
            found = index.nearest(station.lon, station.lat, treatable_only=True)
            assert found is not None
            assert found[1] < 40
            assert found[0].segment == station.segment


def test_sites_leave_the_streets_free(district: District) -> None:
    """No street runs through a site, no site lies on another, gates are within 60 m."""
    lines = {one.id: district.projection.to_xy(one.line) for one in district.segments.values()}
    blocks = [district.projection.to_xy(site.geometry) for site in district.sites.values()]
    for number, (site, block) in enumerate(zip(district.sites.values(), blocks, strict=True)):
        assert not any(block.intersects(line) for line in lines.values()), site.id
        assert not any(block.intersects(other) for other in blocks[:number]), site.id
        assert all(block.distance(lines[gate]) < 60 for gate in site.gates), site.id
