"""Crews: they read plans, answer, drive the streets, work, use water and report."""

import logging
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from geo.district import Crew, District, Shift
from simulators.chance import Chance
from simulators.drive import Drive, Floats, NotDrivable, Streets, pulled_up
from simulators.message import Message, encode, rfc3339, shortened
from simulators.plan import Order, Plan, read_plan
from simulators.scenario import CrewTrouble, Scenario
from simulators.spells import Spell, Timeline, between, by_chance
from simulators.streams import stream

log = logging.getLogger(__name__)

State = Literal["idle", "driving", "working", "refilling", "off", "broken"]

# A path must begin this near to where the vehicle is, or was at one of its last reports, and end
# this near to the work.
AT_PLACE_M = 30.0
LAST_REPORTS = 3
NEAR_SITE_M = 500.0

# Litres that a gauge does not show: plans are rounded, tanks are not.
UNSEEN_L = 2.0

BREAKDOWN_MIN = (45.0, 180.0)
SILENCE_MIN = (15.0, 45.0)
LONG_SHIFT = timedelta(hours=6)

REFUSALS = (
    "前方道路施工，车辆无法进入",
    "路边停满集装箱车，无法作业",
    "驾驶员身体不适，需要换班",
    "高压水泵异常，先检查再作业",
)
OUT_OF_WATER = "水箱已空，作业未完成"
BROKEN = "车辆故障，无法作业"
MOVES = frozenset({"refill", "return"})


@dataclass(frozen=True, slots=True)
class CrewHabits:
    """How often crews do not do as told.

    refusal is the probability that an order is refused. silence is the probability that a plan
    with new orders finds the terminal out of reach, from then on for a quarter to three quarters
    of an hour. breakdowns are per crew and day on shift. break_min is the length of the break in
    the middle of each shift of six hours or more. troubles come on top, at their times.
    """

    refusal: float = 0.0
    silence: float = 0.0
    breakdowns: float = 0.0
    break_min: float = 0.0
    troubles: tuple[CrewTrouble, ...] = ()

    @classmethod
    def of(cls, scenario: Scenario) -> "CrewHabits":
        """Those of a scenario."""
        return cls(
            refusal=scenario.crew_refusal_rate,
            silence=scenario.crew_silence_rate,
            breakdowns=scenario.crew_breakdowns_per_day,
            break_min=scenario.crew_break_minutes,
            troubles=scenario.crew_troubles,
        )


@dataclass(frozen=True, slots=True)
class Treated:
    """What a crew did in a step to a segment or a site.

    share is that of the whole treatment; on a segment water_l_per_m2 is what the part that was
    treated got.
    """

    crew: str
    order: str
    treatment: str
    segment: str | None
    site: str | None
    share: float
    water_l_per_m2: float


@dataclass(slots=True)
class _Job:
    """An order that has been started: done so far of the total, in metres or seconds."""

    order: Order
    total: float
    line: tuple[Floats, Floats] | None
    done: float = 0.0


class _Step:
    """The seconds of one step as they are used up."""

    def __init__(self, began: datetime, now: datetime, step_s: float) -> None:
        self.began, self.now, self.step_s, self.left_s = began, now, step_s, step_s

    def at(self) -> datetime:
        """The time of what happens now: where in the step it is."""
        if self.left_s <= 0.0:
            return self.now
        share = (self.step_s - self.left_s) / self.step_s
        # Whole milliseconds, as messages carry them.
        micros = round((self.now - self.began).total_seconds() * 1000 * share) * 1000
        return self.began + timedelta(microseconds=micros)


class _Troubles:
    """Breakdowns and lost terminals that come to a crew whatever it does."""

    def __init__(self, crew: str, habits: CrewHabits, seed: int) -> None:
        rng = stream(seed, "crew", crew, "breakdown")
        self._chances = by_chance(rng, habits.breakdowns, between(*BREAKDOWN_MIN))
        self._next = next(self._chances, None)
        self._given = {
            kind: [
                Timeline(iter([Spell(60.0 * one.start_h, 60.0 * (one.start_h + one.hours))]))
                for one in habits.troubles
                if (one.crew, one.kind) == (crew, kind)
            ]
            for kind in ("broken", "silent")
        }
        self._on_shift_min = 0.0
        self._mended_min = 0.0

    def at(self, lived_min: float, step_s: float, on_shift: bool) -> tuple[bool, bool]:
        """Whether it is broken down, and out of reach, in the step that ends at a minute.

        Vehicles break down by chance on shift only, and are mended on and off it.
        """
        if on_shift:
            self._on_shift_min += step_s / 60.0
            if self._next is not None and self._on_shift_min > self._next.begin_min:
                length_min = self._next.end_min - self._next.begin_min
                self._mended_min = lived_min - step_s / 60.0 + length_min
                self._next = next(self._chances, None)
        broken, silent = (
            sum(timeline.at(lived_min) is not None for timeline in self._given[kind]) > 0
            for kind in ("broken", "silent")
        )
        return broken or lived_min <= self._mended_min, silent


class _Position(msgspec.Struct):
    ts: str
    lon: float
    lat: float
    speed_kmh: float
    water_l: float
    state: State


@dataclass(slots=True)
class _Terminal:
    """What a crew has been told and has answered."""

    plan: Plan | None = None
    waiting: Plan | None = None
    agreed: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)
    unsent: list[Message] = field(default_factory=list)


class Crews:
    """All crews of a district, each with one vehicle.

    What befalls a crew does not depend on what it is told to do: it breaks down after so many
    hours on shift, and its n-th order is refused or finds it out of reach, whatever the order is.
    So plans can be held against each other under the same luck.

    Raises
    ------
    ValueError
        If the habits name a crew that the district has not.
    """

    def __init__(
        self, district: District, habits: CrewHabits, seed: int, streets: Streets | None = None
    ) -> None:
        for trouble in habits.troubles:
            if trouble.crew not in district.crews:
                raise ValueError(
                    f"a trouble names the crew {trouble.crew!r}, which district {district.id!r} "
                    f"has not; name one of {shortened(list(district.crews))}"
                )
        streets = streets or Streets(district)
        self._timezone = district.timezone
        self._streets = streets
        self._vehicles = {
            crew.id: Vehicle(crew, district, streets, habits, seed)
            for crew in district.crews.values()
        }

    def receive(self, crew: str, payload: bytes) -> None:
        """Take a message from `down/crews/{crew}/orders`; an empty or faulty one is passed over."""
        vehicle = self._vehicles.get(crew)
        if vehicle is None or not payload:
            return
        try:
            vehicle.terminal.waiting = read_plan(payload)
        except ValueError as error:
            log.warning("crew %s cannot read its plan: %s", crew, error)

    def step(
        self, began: datetime, now: datetime, step_s: float
    ) -> tuple[list[Message], list[Treated]]:
        """Live through `step_s` seconds of the world, which clocks show as `began` to `now`.

        Gives what the crews publish, and what they did to streets and sites.
        """
        local = began.astimezone(self._timezone)
        works: list[Treated] = []
        for vehicle in self._vehicles.values():
            vehicle.step(_Step(began, now, step_s), local)
            works += vehicle.take_works()
        moved = [vehicle for vehicle in self._vehicles.values() if vehicle.lonlat is None]
        places = self._streets.lonlats([vehicle.xy for vehicle in moved])
        for vehicle, lonlat in zip(moved, places, strict=True):
            vehicle.lonlat = lonlat
        messages: list[Message] = []
        ts = rfc3339(now)
        for vehicle in self._vehicles.values():
            messages += vehicle.report(ts, step_s)
        return messages, works


class Vehicle:
    """One crew and its vehicle."""

    def __init__(
        self, crew: Crew, district: District, streets: Streets, habits: CrewHabits, seed: int
    ) -> None:
        self.crew = crew
        self.terminal = _Terminal()
        self._district = district
        self._streets = streets
        self._habits = habits
        self._home = streets.depot(crew.depot)
        self.xy = self._home
        self.lonlat: tuple[float, float] | None = None
        self._tank_l = crew.tank_m3 * 1000.0
        self._water_l = self._tank_l
        self._state: State = "off"
        self._job: _Job | None = None
        self._drive: tuple[Order | None, Drive] | None = None
        self._driven_s = 0.0
        # The order before this one was not done where the plan thought, so the vehicle is not
        # where the next path begins.
        self._astray = False
        self._reported: deque[tuple[float, float]] = deque([self._home], maxlen=LAST_REPORTS)
        self._moved_m = 0.0
        self._works: list[Treated] = []
        self._topic = f"up/crews/{crew.id}"
        self._lived_min = 0.0
        self._troubles = _Troubles(crew.id, habits, seed)
        self._broken = self._silent = False
        self._refusals = Chance(seed, "crew", crew.id, "refusal")
        self._silences = Chance(seed, "crew", crew.id, "silence")
        self._given = 0
        self._silence_drawn = -1
        self._silent_until_min = 0.0
        self._rested: datetime | None = None
        self._rest_s = 0.0

    def take_works(self) -> list[Treated]:
        """What was done to streets and sites since this was asked last."""
        works, self._works = self._works, []
        return works

    def step(self, step: _Step, local: datetime) -> None:
        """Live through a step that begins at a local time."""
        before = self.xy
        self._moved_m = 0.0
        shift = shift_at(self.crew.shifts, local)
        self._lived_min += step.step_s / 60.0
        broken, silent = self._troubles.at(self._lived_min, step.step_s, shift is not None)
        if broken and not self._broken:
            self._break_down(step)
        self._broken = broken
        self._silent = silent or self._lived_min <= self._silent_until_min
        if shift is not None and not self._silent:
            self._read_plan(step)
        if self._broken:
            self._state = "broken"
        else:
            self._look_at_the_clock(shift, local)
            self._act(step, shift is not None)
        if self.xy != before:
            self.lonlat = None

    def _break_down(self, step: _Step) -> None:
        if self._job is not None:
            self._end(step, self._job.order, "failed", BROKEN)
        self._drive = None
        self._astray = True

    def _read_plan(self, step: _Step) -> None:
        terminal = self.terminal
        if terminal.waiting is None:
            return
        plan = terminal.waiting
        fresh = [
            order
            for order in plan.orders
            if order.order not in terminal.agreed
            and order.order not in terminal.over
            and not self._in_hand(order)
        ]
        if fresh and self._falls_silent():
            return
        terminal.plan, terminal.waiting = plan, None
        terminal.agreed &= {order.order for order in plan.orders}
        self._astray = False
        for order in fresh:
            self._answer(step, order)

    def _falls_silent(self) -> bool:
        """Whether the next order finds the terminal out of reach; each is asked about once."""
        nth = self._given
        if nth == self._silence_drawn or self._silences.at(nth, 0) >= self._habits.silence:
            return False
        self._silence_drawn = nth
        shortest, longest = SILENCE_MIN
        minutes = shortest + (longest - shortest) * self._silences.at(nth, 1)
        self._silent_until_min = self._lived_min + minutes
        self._silent = True
        return True

    def _answer(self, step: _Step, order: Order) -> None:
        if order.treatment not in MOVES:
            nth, self._given = self._given, self._given + 1
            if self._broken:
                return self._end(step, order, "refused", BROKEN)
            if self._refusals.at(nth, 0) < self._habits.refusal:
                reason = REFUSALS[self._refusals.pick(len(REFUSALS), nth, 1)]
                return self._end(step, order, "refused", reason)
        self.terminal.agreed.add(order.order)
        return self._say(step.at(), order.order, "accepted")

    def _look_at_the_clock(self, shift: tuple[datetime, timedelta] | None, local: datetime) -> None:
        """A break is due in the middle of a long shift, and is over with the shift."""
        if shift is None:
            self._rest_s = 0.0
            return
        began, length = shift
        half = timedelta(minutes=self._habits.break_min / 2.0)
        if not half or length < LONG_SHIFT or self._rested == began:
            return
        if -half <= local.replace(tzinfo=None) - (began + length / 2) < half:
            self._rested = began
            self._rest_s = 60.0 * self._habits.break_min

    def _in_hand(self, order: Order) -> bool:
        return self._job is not None and self._job.order.order == order.order

    # What it does -------------------------------------------------------------------------------

    def _act(self, step: _Step, on_shift: bool) -> None:
        while step.left_s > 1e-9:
            if self._job is not None:
                self._work(step, self._job)
                continue
            if self._rest_s > 0.0:
                self._rest(step)
                continue
            order = self._next(on_shift)
            if order is None:
                self._wait(step, on_shift)
                return
            drive = self._drive_to(step, order)
            if drive is not None and self._go_on(step, drive):
                self._begin(step, order)

    def _rest(self, step: _Step) -> None:
        seconds = min(step.left_s, self._rest_s)
        step.left_s -= seconds
        self._rest_s -= seconds
        self._state = "idle"

    def _next(self, on_shift: bool) -> Order | None:
        terminal = self.terminal
        if terminal.plan is None or self._silent:
            return None
        for order in terminal.plan.orders:
            if order.order in terminal.agreed and order.order not in terminal.over:
                return order if on_shift or order.treatment == "return" else None
        return None

    def _wait(self, step: _Step, on_shift: bool) -> None:
        if on_shift:
            if self._drive is not None:
                self._drive = None
            self._state = "idle"
            return
        if self._apart(self._home) < 1.0:
            if self._district.depots[self.crew.depot].kind == "both":
                self._water_l = self._tank_l
            self._state, self._drive = "off", None
            return
        if self._drive is None or self._drive[0] is not None:
            self._set_off(None, self._own_way(self._home))
        assert self._drive is not None
        self._go_on(step, self._drive[1])

    def _drive_to(self, step: _Step, order: Order) -> Drive | None:
        """The drive to an order's work, begun or gone on with; None when it is refused."""
        if self._drive is not None:
            headed, drive = self._drive
            if headed is not None and (headed.order, headed.path) == (order.order, order.path):
                return drive
        try:
            return self._set_off(order, self._way(order))
        except NotDrivable as reason:
            self._end(step, order, "refused", str(reason))
            return None

    def _set_off(self, order: Order | None, drive: Drive) -> Drive:
        drive = pulled_up(self.xy, drive, self.crew.drive_speed_kmh)
        self._drive, self._driven_s = (order, drive), 0.0
        return drive

    def _way(self, order: Order) -> Drive:
        first, last = self._streets.ends(order.path) if order.path else (self.xy, self.xy)
        self._check_end(order, last)
        speed_kmh = self.crew.drive_speed_kmh
        drive = self._streets.follow(order.path, speed_kmh) if order.path else None
        away_m = self._apart(first)
        if away_m <= AT_PLACE_M:
            return drive or self._own_way(last)
        if self._astray or any(_apart(first, was) <= AT_PLACE_M for was in self._reported):
            return self._own_way(last)
        raise NotDrivable(f"路线起点离车辆{away_m:.0f}米，不是车辆所在位置")

    def _check_end(self, order: Order, end: tuple[float, float]) -> None:
        if order.segment is not None:
            if order.segment not in self._district.segments:
                raise NotDrivable(f"本辖区没有路段{order.segment}")
            if order.direction is None:
                return
            if not self._streets.may(order.segment, order.direction):
                raise NotDrivable(f"{order.segment}是单行路，不能反向作业")
            x, y = self._streets.line(order.segment, order.direction)[0]
            there, what = (float(x), float(y)), "路段起点"
        elif order.depot is not None:
            if order.depot not in self._district.depots:
                raise NotDrivable(f"本辖区没有停车场或取水点{order.depot}")
            there, what = self._streets.depot(order.depot), "停车场或取水点"
        else:
            if order.site not in self._district.sites:
                raise NotDrivable(f"本辖区没有工地{order.site}")
            return
        if _apart(end, there) > AT_PLACE_M:
            raise NotDrivable(f"路线终点离{what}{_apart(end, there):.0f}米")

    def _own_way(self, there: tuple[float, float]) -> Drive:
        return self._streets.own_way(self.xy, there, self.crew.drive_speed_kmh)

    def _go_on(self, step: _Step, drive: Drive) -> bool:
        """Drive on; True at the end of the drive."""
        self._state = "driving"
        rest_s = drive.seconds - self._driven_s
        seconds = min(step.left_s, rest_s)
        before = self.xy
        self._driven_s += seconds
        step.left_s -= seconds
        self.xy = drive.place(self._driven_s)
        self._moved_m += _apart(before, self.xy)
        if seconds < rest_s:
            return False
        self._drive = None
        return True

    def _begin(self, step: _Step, order: Order) -> None:
        line = None
        total = 60.0 * (order.minutes or 0.0)
        if order.depot is not None:
            total = 0.0
            if order.treatment == "refill":
                total = 60.0 * self._district.depots[order.depot].refill_minutes
        elif order.segment is not None and order.direction is not None:
            xy = self._streets.line(order.segment, order.direction)
            along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
            line, total = (xy, along), float(along[-1])
        self._job = _Job(order, total, line)
        self._say(step.at(), order.order, "started")

    def _work(self, step: _Step, job: _Job) -> None:
        order = job.order
        self._state = "refilling" if order.treatment == "refill" else "working"
        per_s = self.crew.work_speed_kmh / 3.6 if job.line is not None else 1.0
        amount = min(job.total - job.done, per_s * step.left_s)
        per_unit_l = self._water_per_unit(job)
        # What the gauge does not show is there or is not missed.
        dry = per_unit_l * amount > self._water_l + UNSEEN_L
        if dry:
            amount = max(self._water_l, 0.0) / per_unit_l
        share = amount / job.total if job.total > 0.0 else 1.0
        used_l = min(per_unit_l * amount, self._water_l)
        self._water_l -= used_l
        job.done += amount
        step.left_s -= amount / per_s
        if order.depot is None:
            self._works.append(self._treated(order, share, used_l))
        if job.line is not None:
            xy, along = job.line
            before = self.xy
            self.xy = (
                float(np.interp(job.done, along, xy[:, 0])),
                float(np.interp(job.done, along, xy[:, 1])),
            )
            self._moved_m += _apart(before, self.xy)
        if dry:
            self._end(step, order, "failed", OUT_OF_WATER)
        elif job.total - job.done < 1e-6:
            if order.treatment == "refill":
                self._water_l = self._tank_l
            self._end(step, order, "done")

    def _treated(self, order: Order, share: float, used_l: float) -> Treated:
        per_m2 = 0.0
        if order.segment is not None and share > 0.0:
            segment = self._district.segments[order.segment]
            per_m2 = used_l / (share * segment.length_m * segment.width_m)
        return Treated(
            self.crew.id, order.order, order.treatment, order.segment, order.site, share, per_m2
        )

    def _water_per_unit(self, job: _Job) -> float:
        """Litres per metre, or per second where it stands still."""
        if job.line is not None:
            return self.crew.water_l_per_m if self._tank_l > 0.0 else 0.0
        if job.order.depot is not None or job.total == 0.0:
            return 0.0
        return job.order.water_l / job.total

    # What it says -------------------------------------------------------------------------------

    def _end(self, step: _Step, order: Order, event: str, reason: str | None = None) -> None:
        self.terminal.over.add(order.order)
        self.terminal.agreed.discard(order.order)
        if self._in_hand(order):
            self._job = None
        if event != "done":
            self._astray = True
            self._drive = None
        self._say(step.at(), order.order, event, reason)

    def _say(self, at: datetime, order: str, event: str, reason: str | None = None) -> None:
        said: dict[str, Any] = {"ts": rfc3339(at), "order": order, "event": event}
        if reason is not None:
            said["reason"] = reason
        if event == "done":
            said["photos"] = [f"{self.crew.id}/{order}-after.jpg"]
        said["water_l"] = round(self._water_l, 1)
        self.terminal.unsent.append(Message(f"{self._topic}/progress", encode(said), "progress"))

    def report(self, ts: str, step_s: float) -> list[Message]:
        """What the crew publishes at the end of a step; `lonlat` must be that of `xy`."""
        if self._silent:
            return []
        assert self.lonlat is not None
        self._reported.append(self.xy)
        said = _Position(
            ts,
            *self.lonlat,
            round(self._moved_m / step_s * 3.6, 1),
            round(self._water_l, 1),
            self._state,
        )
        position = Message(f"{self._topic}/position", encode(said), "positions")
        messages = [*self.terminal.unsent, position]
        self.terminal.unsent = []
        return messages

    def _apart(self, there: tuple[float, float]) -> float:
        return _apart(self.xy, there)


def shift_on(shifts: Sequence[Shift], timezone: ZoneInfo, at: datetime) -> bool:
    """Whether a time lies in one of the local shifts."""
    return shift_at(shifts, at.astimezone(timezone)) is not None


def shift_at(shifts: Sequence[Shift], local: datetime) -> tuple[datetime, timedelta] | None:
    """When the shift that a local time lies in began, without zone, and its length; or None.

    The end of a shift is outside it. A shift that ends at or before its start goes on until the
    next day.
    """
    clock = local.time()
    for shift in shifts:
        today = shift.start <= clock and (clock < shift.end or shift.end <= shift.start)
        if today or (shift.end <= shift.start and clock < shift.end):
            day = local.date() if today else local.date() - timedelta(days=1)
            began = datetime.combine(day, shift.start)
            end = datetime.combine(day, shift.end)
            return began, end - began + timedelta(days=shift.end <= shift.start)
    return None


def _apart(a: tuple[float, float], b: tuple[float, float]) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])
