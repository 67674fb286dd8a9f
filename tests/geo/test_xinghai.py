"""The district that is shipped."""

from pathlib import Path

import numpy as np
import pytest

import geo
from geo.district import District, check_district, load_district
from geo.graph import RoadGraph
from geo.places import PlaceIndex

FOLDER = Path(geo.__file__).parent / "data" / "xinghai"


@pytest.fixture(scope="module")
def district() -> District:
    """Xinghai Avenue."""
    return load_district(FOLDER)


def test_nothing_is_wrong() -> None:
    """The check finds neither errors nor warnings."""
    assert check_district(FOLDER) == []


def test_every_place_can_be_driven_to(district: District) -> None:
    """Any truck can get from anywhere to anywhere."""
    seconds, _ = RoadGraph(district).node_times(40.0)
    assert np.isfinite(seconds).all()


def test_size(district: District) -> None:
    """There is work for seven crews of all five kinds."""
    assert sum(segment.treat for segment in district.segments.values()) >= 40
    assert 24 <= len(district.stations) <= 30
    assert len(district.crews) == 7
    assert len({crew.kind for crew in district.crews.values()}) == 5
    assert {site.kind for site in district.sites.values()} == {
        "spoil_site", "sand_yard", "mixing_plant", "construction_site", "port_yard",
    }  # fmt: skip


def test_washing_speed(district: District) -> None:
    """No crew works faster than the 15 km/h that washing allows."""
    assert max(crew.work_speed_kmh for crew in district.crews.values()) <= 15


def test_the_avenue(district: District) -> None:
    """The avenue is cut into one-way segments of 150 to 400 m, in pairs, 3,300 trucks a day."""
    avenue = {
        one.id: one for one in district.segments.values() if one.road == "兴海大道" and one.treat
    }
    assert len(avenue) >= 20
    for name, segment in avenue.items():
        other = avenue[name[:-1] + {"N": "S", "S": "N"}[name[-1]]]
        assert segment.oneway
        assert 150 <= segment.length_m <= 400
        assert segment.heavy_trucks_per_day + other.heavy_trucks_per_day == 3300


def test_traffic_keeps_to_the_right(district: District) -> None:
    """The carriageway for the other way lies to the left of each one's driving direction."""
    for name, segment in district.segments.items():
        if not (segment.oneway and name.startswith("XH")):
            continue
        other = district.segments[name[:-1] + {"N": "S", "S": "N"}[name[-1]]]
        xy = district.projection.to_xy(np.array(segment.line.coords))
        ahead = xy[-1] - xy[0]
        over = district.projection.to_xy(np.array(other.line.coords)).mean(0) - xy.mean(0)
        assert ahead[0] * over[1] - ahead[1] * over[0] > 0


def test_streets_are_smooth(district: District) -> None:
    """No street turns by more than 35 degrees from one point of its line to the next."""
    for segment in district.segments.values():
        steps = np.diff(district.projection.to_xy(np.array(segment.line.coords)), axis=0)
        heading = np.degrees(np.arctan2(*steps.T))
        turns = np.abs((np.diff(heading) + 180) % 360 - 180)
        assert turns.max(initial=0) < 35, segment.id


def test_road_stations_stand_beside_their_segment(district: District) -> None:
    """Each roadside station stands within 40 m of the segment it is for."""
    index = PlaceIndex(district)
    for station in district.stations.values():
        if station.kind != "road":
            continue
        found = index.nearest(station.lon, station.lat, treatable_only=True)
        assert found is not None
        assert found[1] < 40
        assert found[0].segment == station.segment


def test_sites_leave_the_streets_free(district: District) -> None:
    """No street runs through a site, and each site's gates pass within 100 m of it."""
    for site in district.sites.values():
        block = district.projection.to_xy(site.geometry)
        lines = {one.id: district.projection.to_xy(one.line) for one in district.segments.values()}
        assert not any(block.intersects(line) for line in lines.values()), site.id
        assert all(block.distance(lines[gate]) < 100 for gate in site.gates)


def test_every_hour_has_a_crew(district: District) -> None:
    """At any hour of the day some crew with water is at work."""
    covered = set()
    for crew in district.crews.values():
        for shift in crew.shifts:
            start, end = shift.start.hour, shift.end.hour
            covered |= {hour % 24 for hour in range(start, end if end > start else end + 24)}
    assert covered == set(range(24))
