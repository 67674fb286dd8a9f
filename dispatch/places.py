"""Where work begins and ends on the road graph."""

from dataclasses import dataclass

from geo.district import District
from geo.graph import Direction, RoadGraph
from geo.places import Place, PlaceIndex

Stop = Place | int


@dataclass(frozen=True, slots=True)
class Way:
    """One way to treat a place: driven in from `entry`, left at `exit`.

    `direction` is None where the crew stands still.
    """

    entry: Stop
    exit: Stop
    direction: Direction | None


class Places:
    """The stops of one district."""

    def __init__(self, district: District, graph: RoadGraph, snap_m: float) -> None:
        self._district = district
        self._graph = graph
        self._index = PlaceIndex(district)
        self._snap_m = snap_m
        self._sites = {site: graph.site_access(site) for site in district.sites}
        self._depots = {depot: graph.depot_place(depot) for depot in district.depots}

    def ways(self, place: str) -> tuple[Way, ...]:
        """The ways to treat a segment or a site."""
        if place in self._sites:
            access = self._sites[place]
            return (Way(access, access, None),)
        return tuple(
            Way(*self._graph.treat_ends(place, direction), direction)
            for direction in self._graph.directions(place)
        )

    def depot(self, depot: str) -> Place:
        """Where crews turn in to a depot or refill point."""
        return self._depots[depot]

    def where(self, lon: float, lat: float) -> Stop:
        """The place nearest to a position; within `snap_m` of a junction, the junction.

        A truck reported a few metres into a one-way street has not yet turned into it.
        """
        found = self._index.nearest(lon, lat)
        assert found is not None
        place = found[0]
        if place.offset_m <= self._snap_m:
            return self._graph.node_of_start(place.segment)
        if self._district.segments[place.segment].length_m - place.offset_m <= self._snap_m:
            return self._graph.node_of_end(place.segment)
        return place

    def nearest_segment(self, lon: float, lat: float, within_m: float) -> str | None:
        """The treatable segment nearest to a longitude and latitude."""
        found = self._index.nearest(lon, lat, within_m, treatable_only=True)
        return None if found is None else found[0].segment
