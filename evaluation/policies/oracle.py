"""Greedy, but knowing: the treatment that spares people most dust for a minute of a crew's time."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from evaluation.desk import TREATS, CrewSeen, Desk, Job
from evaluation.policies.policy import Order
from evaluation.policies.rain import Rain
from evaluation.witness import Witness
from geo.district import Crew, District
from simulators.devices.scene import Scene
from simulators.dispersion import LineSources, WindTable
from simulators.emission import K_PM10, line_strength
from simulators.message import Message
from simulators.silt import Passing
from simulators.treatment import EFFECTS, HALF_LOAD_G_M2, MIST_MINUTES
from simulators.weather import Air
from simulators.wetness import WetnessPhysics, after_minutes, drying_mm_h, let_through

Floats = NDArray[np.float64]

HORIZON_MIN = 180
STEP_MIN = 10

# Traffic that is expected is that of the last half hour.
TRAFFIC_MIN = 30

# The wind that carries the dust is looked at so often, and so exactly.
WIND_MIN = 15
WIND_DEG = 10.0

# How long it takes until a cleaned street is again as much soiled as it would have been, to 1/e.
RESOILED_MIN = 360.0

# Of the best treatments, how many are tried for one that fits into the shift.
TRIES = 5

REASON = "按路面真实积尘和居民受益选择"


class Oracle:
    """Takes for every idle crew, one step at a time, the treatment that is worth most.

    Worth is what residents are expected to be spared of dust in the next 3 hours, for each
    minute of driving, filling up and working. It knows the silt and the film on each street, the
    weather, and the traffic of the last half hour as they truly are, and how a street's dust
    gets to each kerb; it does not know what comes, and it does not look beyond its next step.
    Nobody goes out in rain.
    """

    def __init__(self, district: District, witness: Witness) -> None:
        self._witness = witness
        self._desk = Desk(district, "oracle")
        self._rain = Rain()
        self._district = district
        self._traffic: deque[Passing] = deque(maxlen=TRAFFIC_MIN)
        streets = witness.dust.streets
        self._streets = streets
        self._winds = WindTable(LineSources(streets.lines, streets.width_m, streets.kerbs()))
        self._treatable = np.flatnonzero(streets.treatable)
        self._names = [streets.ids[at] for at in self._treatable]
        self._wetness = WetnessPhysics()
        self._people: Floats | None = None
        self._people_at = 0
        self._minute = 0

    def step(self, now: datetime, messages: Sequence[Message], scene: Scene) -> list[Order]:
        """Send idle crews on."""
        self._desk.hear(messages)
        self._minute += 1
        self._traffic.append(self._witness.last.traffic.passing())
        if self._rain.step(scene.rain):
            return []
        answer: list[Order] = []
        idle = [seen for seen in self._desk.ready(now) if not seen.busy]
        if not idle:
            return answer
        future = self._future()
        taken = {
            segment
            for seen in self._desk.crews.values()
            for segment in self._names
            if self._desk.treats(seen, segment)
        }
        for seen in idle:
            plan = self._send(seen, future, taken, now)
            if plan is not None:
                answer.append((seen.crew.id, plan))
        return answer

    def _send(
        self, seen: CrewSeen, future: "_Future", taken: set[str], now: datetime
    ) -> bytes | None:
        free = np.array([name not in taken for name in self._names])
        per_minute = future.spared(seen.crew)[self._treatable] / self._minutes(seen)
        for best in np.argsort(-np.where(free, per_minute, -np.inf), kind="stable")[:TRIES]:
            if not (free[best] and per_minute[best] > 0.0):
                return None
            segment = self._names[best]
            plan = self._desk.plan(seen, now, [Job(segment, REASON, 2)], home=False)
            if self._desk.treats(seen, segment):
                taken.add(segment)
                return plan
        return None

    def _minutes(self, seen: CrewSeen) -> Floats:
        """(treatable,) minutes until a crew would have done each segment."""
        work_s = np.array([self._desk.work_s(seen.crew, name) for name in self._names])
        seconds = self._desk.drive_s(seen, self._names) + work_s
        dry = np.array([self._desk.is_dry(seen, name) for name in self._names])
        if dry.any():
            seconds = np.where(dry, self._desk.refill_s(seen) + seconds, seconds)
        return np.asarray(seconds / 60.0, np.float64)

    def _future(self) -> "_Future":
        was = self._witness.last
        air = was.air
        if self._people is None or self._minute - self._people_at >= WIND_MIN:
            self._people, self._people_at = self._felt_by_people(air), self._minute
        return _Future(
            self._people,
            was.silt_g_m2,
            was.film_mm,
            self._streets.width_m,
            _mean(self._traffic),
            drying_mm_h(self._wetness, air.temp_c, air.rh_pct, air.wind_m_s, air.sun) / 60.0,
            self._wetness,
        )

    def _felt_by_people(self, air: Air) -> Floats:
        """(segment,) what all residents together get of each street's dust, relative."""
        unit = np.eye(len(self._streets.ids))
        turn = WIND_DEG * round(air.wind_from_deg / WIND_DEG)
        kerbs = self._winds.concentrations(unit, turn % 360.0, air.wind_m_s, air.stability)
        return np.asarray(self._streets.residents @ kerbs.reshape(2, len(unit), -1).mean(axis=0))


class _Future:
    """The next hours of all streets, as they are expected to be."""

    def __init__(
        self,
        people: Floats,
        silt_g_m2: Floats,
        film_mm: Floats,
        width_m: Floats,
        passing: Passing,
        dried_mm_min: float,
        wetness: WetnessPhysics,
    ) -> None:
        self._people = people
        self._silt = silt_g_m2
        self._film = film_mm
        self._width_m = width_m
        self._passing = passing
        self._dried_mm_min = dried_mm_min
        self._wetness = wetness
        self._left_alone = self._felt(np.zeros_like(silt_g_m2), film_mm, 0.0)
        self._spared: dict[tuple[str, float], Floats] = {}

    def spared(self, crew: Crew) -> Floats:
        """(segment,) what people would be spared of if a crew treated each now."""
        treatment = TREATS[crew.kind]
        key = (treatment, crew.water_l_per_m if crew.tank_m3 > 0.0 else 0.0)
        if key not in self._spared:
            effect = EFFECTS[treatment]
            soiled = self._silt / (self._silt + HALF_LOAD_G_M2)
            # A litre on a square metre is a millimetre.
            water_mm = key[1] / self._width_m if effect.wets else np.zeros_like(self._silt)
            film = np.minimum(self._film + water_mm, self._wetness.hold_mm)
            felt = self._felt(effect.removal * soiled, film, effect.air)
            self._spared[key] = self._left_alone - felt
        return self._spared[key]

    def _felt(self, removed: Floats, film: Floats, mist: float) -> Floats:
        """(segment,) what people feel of each street's dust, summed over the horizon."""
        total = np.zeros_like(self._silt)
        for minute in range(0, HORIZON_MIN, STEP_MIN):
            after = minute + STEP_MIN / 2.0
            silt = self._silt * (1.0 - removed * np.exp(-after / RESOILED_MIN))
            raised = line_strength(
                silt, self._passing.vehicles, self._passing.weight_short_tons, 60.0, K_PM10
            )
            held = 1.0 - mist * np.exp(-after / MIST_MINUTES)
            total += raised * let_through(self._wetness, film) * held
            film = after_minutes(
                self._wetness,
                film,
                np.zeros_like(film),
                self._dried_mm_min * STEP_MIN,
                self._passing.heavy * STEP_MIN,
            )
        return np.asarray(total * self._people, np.float64)


def _mean(minutes: Sequence[Passing]) -> Passing:
    """Vehicles in a mean minute."""
    heavy = np.mean([minute.heavy for minute in minutes], axis=0)
    light = np.mean([minute.light for minute in minutes], axis=0)
    tons = np.mean([minute.weight_short_tons * minute.vehicles for minute in minutes], axis=0)
    count = heavy + light
    return Passing(heavy, light, np.divide(tons, count, out=np.zeros_like(tons), where=count > 0))
