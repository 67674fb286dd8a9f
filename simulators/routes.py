"""Trucks' ways through the streets: between sites and the ends of the map, fitted to counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import coo_array, csr_array, vstack

from geo.district import District, Site
from geo.graph import RoadGraph, Unreachable
from geo.places import Place
from simulators.ends import Ends, find_ends

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

CONTAINER, MUCK = 0, 1

TRUCK_KMH = 40.0
NO_SITE = -1

# Ends that routes are drawn between, the largest first, and how many each site drives to.
MOST_ENDS = 28
ENDS_PER_SITE = 8
HAULS_PER_SITE = 4

# Routes with fewer trucks a day are left out.
LEAST_PER_DAY = 0.05

# Where soil goes besides out of the district, by the kinds of the sites.
HAULS = frozenset(
    {
        ("construction_site", "spoil_site"),
        ("spoil_site", "construction_site"),
        ("sand_yard", "mixing_plant"),
        ("mixing_plant", "construction_site"),
    }
)


@dataclass(frozen=True, slots=True)
class Load:
    """Trucks that a site sends out in a day, and of which kind."""

    kind: int
    trucks_per_day: float


@dataclass(frozen=True, slots=True)
class Routes:
    """Ways through the streets; the passings of route r are ``first[r]:first[r + 1]``.

    kind (route,) is CONTAINER or MUCK; from_site and to_site (route,) are indices of sites or
    NO_SITE; per_day (route,) trucks that set out on it in a mean day. segment and minute
    (passing,) say which segment is passed how many minutes after setting out. A truck passes
    the segment of the gate that it leaves, and not the one of the gate at which it turns in.
    """

    kind: Ints
    from_site: Ints
    to_site: Ints
    per_day: Floats
    first: Ints
    segment: Ints
    minute: Ints

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def longest_min(self) -> int:
        """Minutes from setting out to the last segment, of the longest route."""
        return int(self.minute.max(initial=0))

    def incidence(self, segments: int) -> csr_array:
        """(segment, route): how often a truck on each route passes each segment."""
        route = np.repeat(np.arange(len(self)), np.diff(self.first))
        ones = np.ones(len(self.segment))
        return csr_array((ones, (self.segment, route)), shape=(segments, len(self)))

    def some(self, chosen: NDArray[np.bool_] | Ints) -> "Routes":
        """Those chosen, as a mask or in the order of their indices."""
        at = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        passings = spans(self.first[at], self.first[at + 1])
        return Routes(
            kind=self.kind[at],
            from_site=self.from_site[at],
            to_site=self.to_site[at],
            per_day=self.per_day[at],
            first=np.concatenate([[0], np.cumsum(np.diff(self.first)[at])]).astype(np.intp),
            segment=self.segment[passings],
            minute=self.minute[passings],
        )

    def at_rates(self, per_day: Floats) -> "Routes":
        """The same ways with other numbers of trucks."""
        return Routes(
            self.kind, self.from_site, self.to_site, per_day,
            self.first, self.segment, self.minute,
        )  # fmt: skip

    def __add__(self, other: "Routes") -> "Routes":
        def both(name: str) -> NDArray[np.generic]:
            return np.concatenate([getattr(self, name), getattr(other, name)])

        joined = {
            name: both(name)
            for name in ("kind", "from_site", "to_site", "per_day", "segment", "minute")
        }
        first = np.concatenate([self.first, self.first[-1] + other.first[1:]])
        return Routes(first=first, **joined)  # type: ignore[arg-type]


def spans(begin: Ints, end: Ints) -> Ints:
    """The numbers of all ranges ``begin:end`` one after another."""
    length = end - begin
    before = np.cumsum(length) - length
    return np.asarray(np.arange(length.sum()) + np.repeat(begin - before, length), np.intp)


class _Drawn:
    """Routes as they are found."""

    def __init__(self, district: District, graph: RoadGraph) -> None:
        self._graph = graph
        segments = district.segments.values()
        self._index = {segment.id: at for at, segment in enumerate(segments)}
        self._seconds = [
            segment.length_m * 3.6 / min(segment.speed_kmh, TRUCK_KMH) for segment in segments
        ]
        self.rows: list[tuple[int, int, int, float]] = []
        self.passings: list[list[tuple[int, int]]] = []

    def add(
        self,
        begin: Place | int,
        end: Place | int,
        kinds: Iterable[int],
        from_site: int = NO_SITE,
        to_site: int = NO_SITE,
        per_day: float = 0.0,
    ) -> bool:
        """Whether there is a way from one to the other that passes a segment."""
        try:
            steps = self._graph.path(begin, end, TRUCK_KMH).steps
        except Unreachable:
            return False
        if to_site != NO_SITE:
            steps = steps[:-1]
        if not steps:
            return False
        passings, seconds = [], 0.0
        for name, _ in steps:
            at = self._index[name]
            passings.append((at, int(seconds // 60.0)))
            seconds += self._seconds[at]
        for kind in kinds:
            self.rows.append((kind, from_site, to_site, per_day))
            self.passings.append(passings)
        return True

    def no_farther(self, gate: str, kind: int, from_site: int) -> None:
        """A truck that is seen on the segment of its gate alone."""
        self.rows.append((kind, from_site, NO_SITE, 0.0))
        self.passings.append([(self._index[gate], 0)])

    def routes(self) -> Routes:
        kind, from_site, to_site, per_day = np.array(self.rows, np.float64).reshape(-1, 4).T
        flat = [passing for passings in self.passings for passing in passings]
        segment, minute = np.array(flat, np.intp).reshape(-1, 2).T
        lengths = [len(passings) for passings in self.passings]
        return Routes(
            kind=kind.astype(np.intp),
            from_site=from_site.astype(np.intp),
            to_site=to_site.astype(np.intp),
            per_day=per_day,
            first=np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp),
            segment=segment,
            minute=minute,
        )


def routes_of_sites(
    district: District,
    graph: RoadGraph,
    sites: Sequence[Site],
    loads: Sequence[Load],
    ends: Ends,
    only: Iterable[int] | None = None,
) -> Routes:
    """Ways of each site's trucks out of its gates and back, to the nearest ends and other sites.

    only: indices of the sites whose ways are wanted, usually all. Ways between two sites lead
    from each to the others. per_day shares each site's trucks out evenly among its ways.
    """
    drawn = _Drawn(district, graph)
    gates = [_gates(district, graph, site) for site in sites]
    for at in range(len(sites)) if only is None else only:
        before = len(drawn.rows)
        kind = loads[at].kind
        for gate in gates[at]:
            out = graph.travel([gate], ends.leave.tolist(), TRUCK_KMH).seconds[0]
            for end in np.argsort(out, kind="stable")[:ENDS_PER_SITE]:
                if ends.leaves[end] > 0.0:
                    drawn.add(gate, int(ends.leave[end]), [kind], from_site=at)
            back = graph.travel(ends.enter.tolist(), [gate], TRUCK_KMH).seconds[:, 0]
            for end in np.argsort(back, kind="stable")[:ENDS_PER_SITE]:
                if ends.enters[end] > 0.0:
                    drawn.add(int(ends.enter[end]), gate, [kind], to_site=at)
            partners = [
                (other, place)
                for other in range(len(sites))
                if other != at and (sites[at].kind, sites[other].kind) in HAULS
                for place in gates[other]
            ]
            if partners:
                places = [place for _, place in partners]
                haul = graph.travel([gate], places, TRUCK_KMH).seconds[0]
                for pick in np.argsort(haul, kind="stable")[:HAULS_PER_SITE]:
                    other, place = partners[pick]
                    drawn.add(gate, place, [kind], from_site=at, to_site=other)
        if not any(row[1] == at for row in drawn.rows[before:]):
            for gate in gates[at]:
                drawn.no_farther(gate.segment, kind, at)
    found = drawn.routes()
    per_day = np.zeros(len(found))
    for at, load in enumerate(loads):
        for owned in (found.from_site == at, (found.to_site == at) & (found.from_site == NO_SITE)):
            per_day[owned] = load.trucks_per_day / max(int(owned.sum()), 1)
    return found.at_rates(per_day)


def _gates(district: District, graph: RoadGraph, site: Site) -> list[Place]:
    """The middles of the segments that a site's gates are on."""
    names = site.gates or (graph.site_access(site).segment,)
    return [Place(name, district.segments[name].length_m / 2.0) for name in names]


def routes_through(district: District, graph: RoadGraph, ends: Ends) -> Routes:
    """Ways of both kinds of trucks from each end of the map to each other."""
    drawn = _Drawn(district, graph)
    for begin, enters in zip(ends.enter.tolist(), ends.enters.tolist(), strict=True):
        for end, leaves in zip(ends.leave.tolist(), ends.leaves.tolist(), strict=True):
            if begin != end and enters > 0.0 and leaves > 0.0:
                drawn.add(begin, end, (CONTAINER, MUCK))
    return drawn.routes()


# Weights of the squares in the fit: trucks above a segment's count, above its share of a kind,
# and below the count; a site's trucks out and in.
OVER, OVER_KIND, UNDER, GATE = 100.0, 30.0, 1.0, 300.0
EVEN = 1e-3


def fitted(
    routes: Routes, heavy_per_day: Floats, muck_share: float, loads: Sequence[Load]
) -> Routes:
    """Give routes the rates at which segments have their counts and sites their trucks.

    heavy_per_day: (segment,) both directions together; 0 says that nobody counted. Non-negative
    least squares, in which too many trucks on a segment weigh more than too few: what is missing
    can be made up on the segment alone. In the end no counted segment has more than its count,
    which sites with more trucks than their streets have to yield to.
    """
    if not len(routes):
        return routes
    counted = heavy_per_day > 0.0
    want = heavy_per_day[counted]
    passes = routes.incidence(len(heavy_per_day))[np.flatnonzero(counted)]
    of_kind = [passes * (routes.kind == kind) for kind in (CONTAINER, MUCK)]
    share = [1.0 - muck_share, muck_share]
    rates = np.array([load.trucks_per_day for load in loads])
    sites = np.arange(len(loads))
    out = csr_array((routes.from_site == sites[:, None]).astype(np.float64))
    back = csr_array((routes.to_site == sites[:, None]).astype(np.float64))

    rows = vstack([passes, *of_kind, out, back], format="csr")
    columns = csr_array(rows.T)
    goal = np.concatenate([want, *(part * want for part in share), rates, rates])
    gates = np.full(2 * len(loads), GATE)
    kinds = np.full(2 * len(want), OVER_KIND)
    above = np.concatenate([np.full(len(want), OVER), kinds, gates])
    below = np.concatenate([np.full(len(want), UNDER), np.zeros_like(kinds), gates])

    def miss(per_day: Floats) -> tuple[float, Floats]:
        """The sum of weighted squares and its slope."""
        apart = rows @ per_day - goal
        weighted = np.where(apart > 0.0, above, below) * apart
        total = float(weighted @ apart + EVEN * per_day @ per_day)
        return total, 2.0 * (columns @ weighted + EVEN * per_day)

    start = np.zeros(len(routes))
    found = minimize(
        miss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(start),
        options={"maxiter": 2000, "maxfun": 3000, "ftol": 1e-7, "gtol": 1.0},
    )  # fmt: skip
    per_day = np.maximum(found.x, 0.0)
    # What is left over the counts is taken off every route that leads there.
    room = np.minimum(want / np.maximum(passes @ per_day, 1e-9), 1.0)
    scale = np.ones(len(routes))
    segment, route = passes.nonzero()
    np.minimum.at(scale, route, room[segment])
    return routes.at_rates(per_day * scale)


def local_per_day(
    routes: Routes, heavy_per_day: Floats, muck_share: float
) -> tuple[Floats, Floats]:
    """(segment,) container and muck trucks a day that no route brings, and that were counted."""
    by_kind = [
        routes.incidence(len(heavy_per_day)) @ (routes.per_day * (routes.kind == kind))
        for kind in (CONTAINER, MUCK)
    ]
    missing = np.maximum(heavy_per_day - by_kind[CONTAINER] - by_kind[MUCK], 0.0)
    muck = np.clip(muck_share * heavy_per_day - by_kind[MUCK], 0.0, missing)
    return missing - muck, muck


def carried_on(routes: Routes, local_per_day: Floats, by_counts: csr_array) -> csr_array:
    """(segment, segment): to which others soil on the tyres of trucks goes on from each.

    Trucks on routes take it along their ways, and out of the district at the end; those on no
    route, local_per_day (segment,), as `by_counts` says.
    """
    segments = len(local_per_day)
    of_route = np.repeat(routes.per_day, np.diff(routes.first))
    goes_on = np.ones(len(routes.segment), bool)
    goes_on[routes.first[1:] - 1] = False
    here = np.flatnonzero(goes_on)
    onward = coo_array(
        (of_route[here], (routes.segment[here], routes.segment[here + 1])),
        shape=(segments, segments),
    )
    passing = np.bincount(routes.segment, of_route, segments) + local_per_day
    share = np.divide(1.0, passing, out=np.zeros(segments), where=passing > 0.0)
    return csr_array(onward.tocsr() * share[:, None] + by_counts * (share * local_per_day)[:, None])


def routes_of(
    district: District, graph: RoadGraph, heavy_per_day: Floats, muck_share: float,
    sites: Sequence[Site], loads: Sequence[Load],
) -> tuple[Routes, Ends]:  # fmt: skip
    """The ways of all trucks of a district at the rates that fit its counts, and its ends."""
    ends = find_ends(district, graph).largest(MOST_ENDS)
    all_ways = routes_of_sites(district, graph, sites, loads, ends)
    all_ways = all_ways + routes_through(district, graph, ends)
    rates = fitted(all_ways, heavy_per_day, muck_share, loads)
    return rates.some(rates.per_day > LEAST_PER_DAY), ends
