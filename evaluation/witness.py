"""Sees a trial: the truth of every minute, and what crews, platform or policy say of it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from evaluation.crew_reports import Position, crew_reports
from evaluation.record import (
    BLOCK_MIN,
    STREET,
    Cause,
    EpisodeSaid,
    OrderSaid,
    ProgressSaid,
    Record,
    Rows,
    WorkDone,
)
from geo.district import District
from geo.graph import RoadGraph
from simulators import physics
from simulators.dust import Minute
from simulators.message import Message
from simulators.scenario import Scenario
from simulators.treatment import Work

__all__ = ["Heard", "Witness"]

EARTH_M_PER_DEG = 111_195.0


class Heard(Protocol):
    """A message to devices and people; the topic is without the prefix."""

    @property
    def topic(self) -> str: ...
    @property
    def payload(self) -> bytes: ...


class _Order(msgspec.Struct):
    order: str
    treatment: str
    segment: str | None = None
    site: str | None = None
    priority: int | None = None
    episode: str | None = None


class _Plan(msgspec.Struct):
    orders: list[_Order]


class _Cause(msgspec.Struct):
    kind: str
    probability: float
    site: str | None = None


class _Episode(msgspec.Struct):
    episode: str
    level: int
    state: str
    started_at: datetime
    segment: str | None = None
    site: str | None = None
    ended_at: datetime | None = None
    causes: list[_Cause] = []


_plan = msgspec.json.Decoder(_Plan)
_episode = msgspec.json.Decoder(_Episode)


class Witness(physics.Street):
    """A scenario's streets and air, for a world to be built on, that remember what happened.

    ``judges`` says whether the policy says episodes at all, so that none is a figure too;
    what the same ``graph`` saves is told at `physics.Street`.

    Attributes
    ----------
    scene
        What devices could see of the last minute.
    """

    scene: physics.Minute

    def __init__(
        self,
        district: District,
        scenario: Scenario,
        seed: int,
        policy: str,
        *,
        judges: bool = True,
        graph: RoadGraph | None = None,
    ) -> None:
        self._truth = _Truth()
        super().__init__(district, scenario, seed, graph=graph, record=self._truth.add)
        self._scenario = scenario
        self._seed = seed
        self._policy = policy
        self._judges = judges
        self._told = _Told()
        self._reports: dict[str, _Reports] = {crew: _Reports() for crew in district.crews}
        self._progress: list[ProgressSaid] = []

    # What is lived ------------------------------------------------------------------------------

    def step(self, now: datetime) -> physics.Minute:
        """Advance exactly one minute, the one that ends at `now`."""
        self.scene = super().step(now)
        return self.scene

    @property
    def last(self) -> Minute:
        """The minute that was lived last, with everything that went on in it.

        Raises LookupError before the first.
        """
        if self._truth.last is None:
            raise LookupError("no minute has been lived yet; call step first")
        return self._truth.last

    # What is said -------------------------------------------------------------------------------

    def said(self, now: datetime, messages: Iterable[Message]) -> None:  # noqa: ARG002
        """Take what devices and crews published in the step that ended at `now`."""
        for crew, report in crew_reports(messages):
            if isinstance(report, Position):
                self._reports[crew].add(report)
            else:
                if report.water_l is not None:
                    self._reports[crew].gauge(report.water_l)
                self._told.begun_or_over.add(report.order)
                if report.event == "accepted":
                    self._told.begun_or_over.discard(report.order)
                self._progress.append(
                    ProgressSaid(report.ts, crew, report.order, report.event, report.reason)
                )

    def heard(self, now: datetime, arrived: Iterable[Heard]) -> None:
        """Take what the platform or a policy published, its answer to the step up to `now`."""
        for one in arrived:
            parts = one.topic.split("/")
            if not one.payload or len(parts) < 3 or parts[0] != "down":
                continue
            if parts[1] == "crews" and parts[3:] == ["orders"]:
                self._told.plan(now, parts[2], _plan.decode(one.payload).orders)
            elif parts[1] == "episodes":
                self._told.episode(now, _episode.decode(one.payload))

    def record(self) -> Record:
        """Everything up to here."""
        streets, sites = self.dust.streets, self.dust.site_ids
        segments = len(streets.ids)
        return Record(
            policy=self._policy,
            judges=self._judges,
            scenario=self._scenario,
            seed=self._seed,
            start=self._scenario.start,
            segments=streets.ids,
            sources=(STREET, *sites),
            residents=streets.residents.copy(),
            increment=_stacked(self._truth.increment, (segments,)),
            background=np.array(self._truth.background, np.float32),
            by_source=_stacked(self._truth.blocks(), (segments, 1 + len(sites))),
            works=tuple(self._truth.works),
            orders=tuple(self._told.orders.values()),
            progress=tuple(self._progress),
            episodes=tuple(self._told.episodes),
            km={crew: reports.metres / 1000.0 for crew, reports in self._reports.items()},
            water_m3={crew: reports.used_l / 1000.0 for crew, reports in self._reports.items()},
        )


def _stacked(rows: Sequence[Rows], shape: tuple[int, ...]) -> Rows:
    return np.array(rows, np.float32).reshape(len(rows), *shape)


def _mean(rows: Sequence[NDArray[np.float64]]) -> Rows:
    return np.asarray(np.mean(rows, axis=0), np.float32)


class _Truth:
    """What the physics tells of every minute."""

    def __init__(self) -> None:
        self.increment: list[Rows] = []
        self.background: list[float] = []
        self.works: list[WorkDone] = []
        self.last: Minute | None = None
        self._whole: list[Rows] = []
        self._block: list[NDArray[np.float64]] = []

    def add(self, minute: Minute, works: Sequence[Work]) -> None:
        """Keep a minute and what crews did in it."""
        self.last = minute
        truth = minute.truth
        row = len(self.increment)
        self.works += [WorkDone(row, work) for work in works]
        self.increment.append(truth.increment.astype(np.float32))
        self.background.append(truth.background)
        self._block.append(np.column_stack([truth.street, truth.tracked + truth.plume]))
        if len(self._block) == BLOCK_MIN:
            self._whole.append(_mean(self._block))
            self._block = []

    def blocks(self) -> list[Rows]:
        """Means over blocks, the last of which may be short."""
        rest = [_mean(self._block)] if self._block else []
        return self._whole + rest


class _Reports:
    """A crew's own reports, added up."""

    def __init__(self) -> None:
        self.metres = 0.0
        self.used_l = 0.0
        self._last: Position | None = None
        self._water_l: float | None = None

    def add(self, now: Position) -> None:
        """Count the way and the water since the last report."""
        self.gauge(now.water_l)
        last, self._last = self._last, now
        seconds = 60.0 if last is None else (now.ts - last.ts).total_seconds()
        if last is None or seconds <= 60.0:
            self.metres += now.speed_kmh / 3.6 * seconds
        else:
            # Out of reach for a while: at least the straight line.
            east = (now.lon - last.lon) * np.cos(np.radians(now.lat))
            self.metres += EARTH_M_PER_DEG * float(np.hypot(east, now.lat - last.lat))

    def gauge(self, water_l: float) -> None:
        """Count what has gone from the tank; more than before is a refill."""
        if self._water_l is not None:
            self.used_l += max(self._water_l - water_l, 0.0)
        self._water_l = water_l


class _Told:
    """What crews and people have been told."""

    def __init__(self) -> None:
        self.orders: dict[str, OrderSaid] = {}
        self.episodes: list[EpisodeSaid] = []
        self.begun_or_over: set[str] = set()
        self._plans: dict[str, set[str]] = {}

    def plan(self, now: datetime, crew: str, orders: Sequence[_Order]) -> None:
        """A crew's whole plan, which replaces the one before."""
        here = {order.order for order in orders}
        for gone in self._plans.get(crew, set()) - here - self.begun_or_over:
            self.orders[gone] = replace(self.orders[gone], withdrawn_at=now)
        for order in orders:
            before = self.orders.get(order.order)
            self.orders[order.order] = OrderSaid(
                order=order.order,
                crew=crew,
                treatment=order.treatment,
                segment=order.segment,
                site=order.site,
                priority=order.priority,
                episode=order.episode,
                said_at=now if before is None else before.said_at,
            )
        self._plans[crew] = here

    def episode(self, now: datetime, said: _Episode) -> None:
        """An episode at one of its changes."""
        self.episodes.append(
            EpisodeSaid(
                heard_at=now,
                episode=said.episode,
                segment=said.segment,
                site=said.site,
                level=said.level,
                state=said.state,
                started_at=said.started_at,
                ended_at=said.ended_at,
                causes=tuple(
                    Cause(cause.kind, cause.site, cause.probability) for cause in said.causes
                ),
            )
        )
