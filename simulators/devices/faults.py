"""Faults of stations: when each is stuck, off its clock, out of reach or worse."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import NamedTuple

import numpy as np

from geo.district import District
from simulators.message import rfc3339, shortened
from simulators.scenario import FaultKind, Scenario, StationFault
from simulators.spells import (
    MINUTES_A_DAY,
    Draw,
    Spell,
    Timeline,
    always,
    between,
    between_by_ratio,
    by_chance,
    within,
)
from simulators.streams import stream

CLOCK_OFF_MIN = (3, 40)
LONGEST_OUTAGE_MIN = 360.0

# A spike reads so many times what is in the air, and then some.
SPIKE_TIMES = (4.0, 12.0)

# How far below nothing a slipped zero reads, µg/m³.
BELOW_ZERO = (0.5, 6.0)
USUALLY_BELOW_ZERO = 3.0


class FaultyReading(NamedTuple):
    """A reading and one thing that was wrong with it; one with two faults has two of these.

    ts is the time it was given, true_ts when it was taken. Of the kinds of the scenario, `outage`
    is a reading that was sent late, `garbled` one that never arrived, `duplicate` one that was
    sent twice, `over_range` one beyond the device's range, `drift` one off by a tenth or more.
    """

    station: str
    ts: datetime
    true_ts: datetime
    fault: FaultKind

    def row(self) -> tuple[str, str, str, str]:
        """The fields as text, in the order of FAULT_COLUMNS."""
        return self.station, rfc3339(self.ts), rfc3339(self.true_ts), self.fault


FAULT_COLUMNS = FaultyReading._fields


@dataclass(slots=True)
class Faults:
    """All that will ever be wrong with one station, spell by spell.

    clock_off_min is the most that its clock is ever off, either way.
    """

    timelines: list[tuple[FaultKind, Timeline]]
    clock_off_min: float

    def at(self, minute: float) -> dict[FaultKind, Spell]:
        """What is wrong in the step that ends at a minute; of one kind, all sizes together."""
        found: dict[FaultKind, Spell] = {}
        for kind, timeline in self.timelines:
            spell = timeline.at(minute)
            if spell is None:
                continue
            size = _grown(spell, minute) if kind == "drift" else spell.size
            if kind in found:
                size += found[kind].size
            found[kind] = spell._replace(size=size)
        return found


def faults_of(scenario: Scenario, seed: int, station: str) -> Faults:
    """What the scenario does to a station, each kind with luck of its own."""
    timelines = [
        (kind, Timeline(by_chance(stream(seed, "station", station, name), rate, length, size)))
        for name, kind, rate, length, size in _by_rate(scenario)
        if rate > 0.0
    ]
    off_min = float(CLOCK_OFF_MIN[1]) if scenario.clock_faults_per_day > 0.0 else 0.0
    numbers = count()
    for fault in scenario.station_faults:
        if fault.station == station:
            spells = _given(fault, stream(seed, "station", station, "given", str(next(numbers))))
            timelines.append((fault.kind, Timeline(spells)))
            off_min += abs(fault.size) if fault.kind == "clock" else 0.0
    return Faults(timelines, off_min)


def check_names(scenario: Scenario, district: District) -> None:
    """Raise ValueError where the scenario speaks of a station that the district has not."""
    known = shortened(list(district.stations))
    for fault in scenario.station_faults:
        if fault.station not in district.stations:
            raise ValueError(
                f"scenario {scenario.name!r}: a fault names the station {fault.station!r}, which "
                f"district {district.id!r} has not; name one of {known}"
            )


def _by_rate(
    scenario: Scenario,
) -> Iterator[tuple[str, FaultKind, float, Draw, Draw | None]]:
    """Name of the stream, kind, spells a day, their minutes and sizes."""
    yield "stuck", "stuck", scenario.stuck_per_day, between(30.0, 180.0), None
    yield "spikes", "spikes", scenario.spikes_per_day, always(1.0), between(*SPIKE_TIMES)
    outage = between_by_ratio(5.0, LONGEST_OUTAGE_MIN)
    yield "dropouts", "outage", scenario.dropouts_per_day, outage, None
    yield "late", "outage", scenario.late_per_day, between(2.0, 10.0), None
    below = between(*BELOW_ZERO)
    yield "negatives", "negative", scenario.negatives_per_day, between(3.0, 20.0), below
    yield "over ranges", "over_range", scenario.over_ranges_per_day, between(3.0, 10.0), None
    yield "clock", "clock", scenario.clock_faults_per_day, between(60.0, 360.0), _minutes_off


def _given(fault: StationFault, rng: np.random.Generator) -> Iterator[Spell]:
    begin = 60.0 * fault.start_h
    spell = Spell(begin, begin + 60.0 * fault.hours, fault.size)
    if fault.kind == "spikes":
        return within(spell, by_chance(rng, 24.0 * fault.size, always(1.0), between(*SPIKE_TIMES)))
    if fault.kind == "negative":
        spell = spell._replace(size=USUALLY_BELOW_ZERO)
    return iter([spell])


def _minutes_off(rng: np.random.Generator) -> float:
    """Whole minutes either way: loggers write readings at the minutes of their own clock."""
    least, most = CLOCK_OFF_MIN
    off_min = float(rng.integers(least, most + 1))
    return off_min if rng.random() < 0.5 else -off_min


def _grown(spell: Spell, minute: float) -> float:
    """Percent that a drift has come to."""
    return spell.size * (minute - spell.begin_min) / MINUTES_A_DAY
