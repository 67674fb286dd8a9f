"""What the model stands on and no minute changes: streets, gates, traffic to expect, distances."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from analytics.street.dispersion import Dispersion
from analytics.street.settings import StreetSettings
from geo.district import District, Segment
from geo.graph import RoadGraph

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SOIL_HALVES_M = 300.0
"""Soil on the wheels of a truck that left a site halves over each such distance."""
SOIL_LEAST = 0.01
"""Segments that get less of a gate's soil than this share are left out."""
ALIKE_M = 400.0
"""Streets this far apart have 1/e of their silt's deviations in common."""
HEARD_M = 1500.0
"""And speaks for them at all."""

TRUCKS_A_DAY = {
    "spoil_site": 300.0,
    "sand_yard": 250.0,
    "mixing_plant": 250.0,
    "construction_site": 200.0,
    "port_yard": 600.0,
}
"""Out of a site of a kind; the model learns how much soil they bring, so this is a scale only."""
MUDDY = frozenset({"spoil_site", "sand_yard", "mixing_plant", "construction_site"})
"""Kinds of sites whose trucks carry soil and go through a wheel wash."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Arrays over all segments (M) of a district, its sites (K) and stations (S).

    heavy_per_day, light_per_day, length_m, area_m2, residents: (M,); own: (S,) the segment that a
    road station stands on, or -1; background, at_site: (S,) what the others measure; trucks_per_day
    and muddy: (K,); pair_site, pair_segment, pair_share: where soil from each gate falls, (pairs,);
    alike: (M, M) the root of how silt varies together; speaks: (S, M) and speaks_site: (S, K) how
    far a station's word reaches, heard: (S, M) how far it is a word at all, together: (S, S) the
    same between stations.
    """

    segments: tuple[str, ...]
    index: dict[str, int]
    heavy_per_day: Floats
    light_per_day: Floats
    length_m: Floats
    width_m: Floats
    area_m2: Floats
    residents: Floats
    own: Ints
    background: NDArray[np.bool_]
    at_site: NDArray[np.bool_]
    sites: tuple[str, ...]
    trucks_per_day: Floats
    muddy: NDArray[np.bool_]
    pair_site: Ints
    pair_segment: Ints
    pair_share: Floats
    alike: NDArray[np.float32]
    speaks: Floats
    speaks_site: Floats
    heard: Floats
    together: Floats
    water_l_per_m: dict[str, float]
    work_m_per_min: dict[str, float]
    lon_lat: tuple[float, float]
    dispersion: Dispersion

    @classmethod
    def of(cls, district: District, settings: StreetSettings) -> "Ground":
        segments = list(district.segments.values())
        stations = list(district.stations.values())
        sites = list(district.sites.values())
        to_xy = district.projection.to_xy
        lines = [to_xy(s.line) for s in segments]
        here = to_xy(np.array([(s.lon, s.lat) for s in stations]).reshape(-1, 2)).reshape(-1, 2)
        centres = to_xy(np.array([s.centre for s in sites]).reshape(-1, 2)).reshape(-1, 2)
        index = {s.id: i for i, s in enumerate(segments)}
        width = np.array([s.width_m for s in segments])
        length = np.array([s.length_m for s in segments])
        streets = np.array(lines, object)
        # Between middles: an exponential of plane distances is a covariance, one of gaps is not.
        middles = np.array(
            [shapely.get_coordinates(line.interpolate(0.5, normalized=True))[0] for line in lines]
        )
        apart = np.hypot(*np.moveaxis(middles[:, None] - middles[None], 2, 0))
        points = np.array([shapely.Point(xy) for xy in here], object)
        to_street = shapely.distance(points[:, None], streets[None, :])
        to_site = np.hypot(*np.moveaxis(here[:, None] - centres[None], 2, 0))
        to_station = np.hypot(*np.moveaxis(here[:, None] - here[None], 2, 0))
        pairs = [
            (k, g, share)
            for k, site in enumerate(sites)
            for g, share in _soil_falls(district, site.gates, index).items()
            if share >= SOIL_LEAST
        ]
        columns = np.array(pairs, np.float64).reshape(-1, 3)
        return cls(
            segments=tuple(index),
            index=index,
            heavy_per_day=np.array([s.heavy_trucks_per_day for s in segments]),
            light_per_day=np.array([settings.light_per_lane_day * s.lanes for s in segments]),
            length_m=length,
            width_m=width,
            area_m2=width * length,
            residents=np.array([s.residents for s in segments], np.float64),
            own=np.array(
                [index.get(s.segment or "", -1) if s.kind == "road" else -1 for s in stations],
                np.int64,
            ),
            background=np.array([s.kind == "background" for s in stations], bool),
            at_site=np.array([s.kind == "site" for s in stations], bool),
            sites=tuple(s.id for s in sites),
            trucks_per_day=np.array([TRUCKS_A_DAY[s.kind] for s in sites]),
            muddy=np.array([s.kind in MUDDY for s in sites], bool),
            pair_site=columns[:, 0].astype(np.int64),
            pair_segment=columns[:, 1].astype(np.int64),
            pair_share=columns[:, 2],
            alike=np.linalg.cholesky(
                np.exp(-apart / ALIKE_M) + 1e-3 * np.eye(len(segments))
            ).astype(np.float32),
            speaks=_fade(to_street / settings.speaks_m),
            speaks_site=_fade(to_site / (2 * settings.speaks_m)),
            heard=_fade(to_street / HEARD_M),
            together=_fade(to_station / settings.speaks_m),
            water_l_per_m={c.id: c.water_l_per_m for c in district.crews.values()},
            work_m_per_min={c.id: c.work_speed_kmh / 0.06 for c in district.crews.values()},
            lon_lat=_middle(district),
            dispersion=Dispersion(
                lines, width, here, np.array([s.height_m for s in stations]), centres
            ),
        )


def _middle(district: District) -> tuple[float, float]:
    ends = np.concatenate([np.array(s.line.coords)[:, :2] for s in district.segments.values()])
    lon, lat = ends.mean(axis=0)
    return float(lon), float(lat)


def _fade(distance: Floats) -> Floats:
    """Gaspari and Cohn's fifth-order piecewise function: 1 at 0, 0 from 2 on."""
    r = np.minimum(np.abs(distance), 2.0)
    near = 1 - 5 / 3 * r**2 + 5 / 8 * r**3 + 1 / 2 * r**4 - 1 / 4 * r**5
    safe = np.maximum(r, 1e-9)
    far = 4 - 5 * r + 5 / 3 * r**2 + 5 / 8 * r**3 - 1 / 2 * r**4 + 1 / 12 * r**5 - 2 / (3 * safe)
    # At 2 the polynomial leaves a rounding error, which is no word at all.
    return np.asarray(np.where(r <= 1, near, np.where(r < 2, np.maximum(far, 0.0), 0.0)))


def _soil_falls(
    district: District, gates: tuple[str, ...], index: dict[str, int]
) -> dict[int, float]:
    """Segment by segment, the share of a gate's soil that trucks lose there.

    Trucks leave a gate both ways where they may; at a junction they go on as the streets' own
    trucks do. Followed until a hundredth is left.
    """
    graph = RoadGraph(district)
    leaving: dict[int, list[tuple[Segment, int]]] = {}
    for edge in graph.edges:
        leaving.setdefault(edge.tail, []).append((district.segments[edge.segment], edge.head))
    fallen: dict[int, float] = {}

    def lose(segment: Segment, mass: float, metres: float) -> float:
        left: float = mass * 0.5 ** (metres / SOIL_HALVES_M)
        at = index[segment.id]
        fallen[at] = fallen.get(at, 0.0) + mass - left
        return left

    front: list[tuple[int, str, float]] = []
    for gate in gates:
        segment = district.segments[gate]
        ways = graph.directions(gate)
        for way in ways:
            # A gate lies somewhere along its segment: half of it, on the mean.
            mass = lose(segment, 1.0 / len(gates) / len(ways), segment.length_m / 2)
            front.append((graph.treat_ends(gate, way)[1], gate, mass))
    for _ in range(40):
        ahead: dict[tuple[int, str], float] = {}
        for node, came, mass in front:
            ways_on = [(s, head) for s, head in leaving.get(node, []) if s.id != came]
            weight = np.array([max(s.heavy_trucks_per_day, 1.0) for s, _ in ways_on])
            for (segment, head), share in zip(ways_on, weight / max(weight.sum(), 1), strict=True):
                left = lose(segment, mass * float(share), segment.length_m)
                ahead[head, segment.id] = ahead.get((head, segment.id), 0.0) + left
        front = [(node, came, mass) for (node, came), mass in ahead.items() if mass > 0.002]
    return fallen
