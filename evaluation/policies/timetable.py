"""What a subdistrict does without a system: each crew goes its fixed rounds, all shift long."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from evaluation.desk import CrewSeen, Desk, Job, shift_end
from evaluation.policies.policy import Order
from evaluation.policies.rain import Rain
from geo.district import Crew, District, Shift
from geo.graph import RoadGraph
from simulators.devices.scene import Scene
from simulators.message import Message

REASON = "定时巡回作业"

# Kinds that go round all streets, and kinds that stay where the dust comes from.
EVERYWHERE = frozenset({"water_truck", "sweeper"})
BUSY = frozenset({"heavy_cleaner"})
BUSY_TREATMENTS = 2.0

# Of a round past the gates, the streets this near to one, counted in junctions.
NEAR_GATE = 1


@dataclass(slots=True)
class _Round:
    """A crew's round and how far it has got: ``planned`` are the plan's treatments."""

    segments: list[str]
    at: int = 0
    shift_ends: datetime | None = None
    planned: set[str] = field(default_factory=set)


class Timetable:
    """Fixed rounds.

    Water trucks and sweepers go round all treatable streets, heavy cleaners round the busy ones,
    fog cannons and hand-washing teams past the gates of sites. Crews of a kind that work at the
    same time share the streets out; each goes on in its next shift where it left off in the one
    before. A street that wants several treatments a day (`min_treatments_per_day`) comes as many
    times in a round. A crew that could not finish is sent on anew from where that left it. In
    rain all go home, and out again after it. Of the scene it takes the rain alone.
    """

    def __init__(self, district: District) -> None:
        self._district = district
        self._desk = Desk(district, "timetable")
        self._rain = Rain()
        self._rounds = {
            crew: _Round(segments) for crew, segments in _rounds(district, self._desk.graph).items()
        }

    def step(self, now: datetime, messages: Sequence[Message], scene: Scene) -> list[Order]:
        """Give the crews whose shift begins, or whose round is over, the next ones."""
        for ended in self._desk.hear(messages):
            turn = self._rounds.get(ended.crew)
            if turn is None:
                continue
            broken = self._desk.crews[ended.crew].state == "broken"
            if ended.event == "failed" or broken:
                # The rest of the plan counts on water and a place that are not there any more.
                turn.shift_ends = None
            elif ended.order in turn.planned:
                turn.at += 1
        rained, rains = self._rain.on, self._rain.step(scene.rain)
        answer: list[Order] = []
        for seen in self._desk.ready(now):
            turn = self._rounds.get(seen.crew.id)
            if turn is None or not turn.segments:
                continue
            if rains:
                if not rained and seen.busy:
                    answer.append((seen.crew.id, self._desk.nothing(seen, now)))
                    turn.planned = set()
                # After the rain as at the beginning of a shift.
                turn.shift_ends = None
                continue
            ends = shift_end(seen.crew.shifts, self._district.timezone, now)
            if turn.shift_ends != ends or (turn.planned and not seen.busy):
                answer.append((seen.crew.id, self._set_out(seen, turn, now)))
                turn.shift_ends = ends
        return answer

    def _set_out(self, seen: CrewSeen, turn: _Round, now: datetime) -> bytes:
        jobs = (
            Job(turn.segments[at % len(turn.segments)], REASON) for at in itertools.count(turn.at)
        )
        plan = self._desk.plan(seen, now, itertools.islice(jobs, 10 * len(turn.segments)))
        turn.planned = {
            order
            for order, stands in seen.orders.items()
            if stands == "said" and self._desk.segment_of(order) is not None
        }
        return plan


def _rounds(district: District, graph: RoadGraph) -> dict[str, list[str]]:
    """The round of each crew."""
    rounds: dict[str, list[str]] = {}
    by_kind: dict[str, list[Crew]] = {}
    for crew in district.crews.values():
        by_kind.setdefault(crew.kind, []).append(crew)
    gates = _near_gates(district, graph)
    for kind, crews in by_kind.items():
        treated = [segment for segment in district.segments.values() if segment.treat]
        if kind in BUSY:
            busy = [s for s in treated if s.min_treatments_per_day >= BUSY_TREATMENTS]
            treated = busy or treated
        elif kind not in EVERYWHERE:
            treated = [segment for segment in treated if segment.id in gates] or treated
        wanted = {segment.id: max(1, round(segment.min_treatments_per_day)) for segment in treated}
        depot = crews[0].depot
        order = _in_driving_order(graph, depot, list(wanted), crews[0].drive_speed_kmh)
        for together in _same_hours(crews):
            for share, crew in zip(_shares(order, len(together), district), together, strict=True):
                rounds[crew.id] = list(_often(share, wanted))
    return rounds


def _often(segments: list[str], wanted: dict[str, int]) -> Iterator[str]:
    """A round in which a segment comes as often as it is wanted, spread out over turns."""
    for turn in range(max((wanted[segment] for segment in segments), default=0)):
        yield from (segment for segment in segments if wanted[segment] > turn)


def _shares(order: list[str], count: int, district: District) -> list[list[str]]:
    """Pieces of about the same length of a round."""
    along_m = np.cumsum([district.segments[segment].length_m for segment in order])
    which = np.minimum((count * along_m / along_m[-1] * (1 - 1e-12)).astype(int), count - 1)
    return [
        [segment for segment, of in zip(order, which, strict=True) if of == share]
        for share in range(count)
    ]


def _in_driving_order(
    graph: RoadGraph, depot: str, segments: list[str], speed_kmh: float
) -> list[str]:
    """From a depot always on to the segment that is nearest to begin with."""
    seconds, _ = graph.node_times(speed_kmh)
    place = graph.depot_place(depot)
    ways = [
        (segment, *graph.treat_ends(segment, way))
        for segment in segments
        for way in graph.directions(segment)
    ]
    starts = np.array([start for _, start, _ in ways])
    open_ = np.ones(len(ways), bool)
    from_s = graph.travel([place], [int(node) for node in starts], speed_kmh).seconds[0]
    order: list[str] = []
    while open_.any():
        best = int(np.argmin(np.where(open_, from_s, np.inf)))
        if not np.isfinite(from_s[best]) or not open_[best]:
            # What cannot be reached from here is left to the end, in the district's order.
            best = int(np.flatnonzero(open_)[0])
        segment, _, end = ways[best]
        order.append(segment)
        open_ &= np.array([name != segment for name, _, _ in ways])
        from_s = seconds[end, starts]
    return order


def _near_gates(district: District, graph: RoadGraph) -> set[str]:
    """Segments that site gates lie on, and those that meet them."""
    near = {gate for site in district.sites.values() for gate in site.gates}
    for _ in range(NEAR_GATE):
        nodes = {
            node for name in near for node in (graph.node_of_start(name), graph.node_of_end(name))
        }
        near |= {edge.segment for edge in graph.edges if edge.tail in nodes or edge.head in nodes}
    return near


def _same_hours(crews: list[Crew]) -> list[list[Crew]]:
    """Crews in groups of those whose shifts overlap; they share the streets out."""
    groups: list[list[Crew]] = []
    for crew in crews:
        for group in groups:
            if any(_overlap(a, b) for other in group for a in crew.shifts for b in other.shifts):
                group.append(crew)
                break
        else:
            groups.append([crew])
    return groups


def _overlap(a: Shift, b: Shift) -> bool:
    first, second = _minutes(a), _minutes(b)
    return any(
        first[0] < second[1] + day and second[0] + day < first[1] for day in (-1440, 0, 1440)
    )


def _minutes(shift: Shift) -> tuple[int, int]:
    start = 60 * shift.start.hour + shift.start.minute
    end = 60 * shift.end.hour + shift.end.minute
    return start, end if end > start else end + 1440
