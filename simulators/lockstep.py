"""Runs the world against a platform: step by step with its clock, or at the wall clock's pace."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from broker.connection import Address
from geo.district import District
from simulators.chronicle import Chronicle
from simulators.link import Arrived, BrokerLost, Link, PlatformSilent, Stopped
from simulators.message import Message
from simulators.physics import Street
from simulators.scenario import Scenario
from simulators.world import Physics, World

MINUTE_S = 60

__all__ = ["BrokerLost", "PlatformSilent", "Published", "Watch", "simulate"]


class Watch(Protocol):
    """Looks on at everything that is said."""

    def said(self, now: datetime, messages: Sequence[Message]) -> None:
        """What the world published of the minute that ended at `now`."""

    def heard(self, now: datetime, arrived: Sequence[Arrived]) -> None:
        """What the platform published by `now`."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a run has published.

    readings: those that are to be stored, each (station, ts) once. planted: dead letters that the
    faults of devices must lead to, by reason.
    """

    readings: int
    events: int
    positions: int
    progress: int
    reports: int
    simulated: timedelta
    planted: dict[str, int]

    def __str__(self) -> str:
        hours = self.simulated.total_seconds() / 3600.0
        return (
            f"{hours:.1f} h simulated: {self.readings} readings, {self.events} events, "
            f"{self.positions} positions, {self.progress} progress messages, "
            f"{self.reports} complaints"
        )


def simulate(
    district: District,
    address: Address,
    prefix: str,
    scenario: Scenario,
    *,
    seed: int,
    duration: timedelta,
    speed: float | None = None,
    lockstep: bool = True,
    step_s: int = 60,
    on_tick: Callable[[datetime], None] | None = None,
    stop: threading.Event,
    patience_s: float = 60.0,
    wall_now: Callable[[], datetime] | None = None,
    physics: Physics | None = None,
    watch: Watch | None = None,
    truth: Path | None = None,
) -> Published:
    """Run a world of this scenario until `duration` is over or `stop` is set.

    Parameters
    ----------
    speed
        Simulated seconds per second; None is as fast as the platform answers.
    lockstep
        Whether to publish the clock and wait for the platform after each step (contract
        section 5), beginning with that of the start. Without it what happens carries the time of
        the wall clock.
    step_s
        Simulated seconds in a step, whole minutes.
    on_tick
        Told the time after each step.
    patience_s
        How long to wait for the platform or the broker.
    wall_now
        The wall clock, needed without lockstep.
    physics
        Streets and air; those of the scenario when left out.
    watch
        Looks on at what the world and the platform say.
    truth
        Folder to write into what really happened, in the scenario's own physics.

    Raises
    ------
    PlatformSilent, BrokerLost
        The message says what to do.
    ValueError
        If the speed makes no sense.
    """
    if speed is not None and not speed > 0.0:
        raise ValueError(f"the speed must be above 0, not {speed}")
    if step_s < MINUTE_S or step_s % MINUTE_S:
        raise ValueError(f"a step must be whole minutes, so a multiple of 60 s, not {step_s}")
    pace = _Lockstep(scenario.start)
    if not lockstep:
        if wall_now is None:
            raise ValueError("without lockstep the world needs the wall clock")
        if speed is None or speed > MINUTE_S:
            raise ValueError(
                "without lockstep a simulated minute must take a second or more, for times to "
                "differ: give a speed of 60 at most, or --lockstep"
            )
        start = wall_now().astimezone(UTC).replace(microsecond=0)
        scenario = replace(scenario, start=start)
        pace = _Wall(start, speed)
    chronicle = None if truth is None else Chronicle(truth, district, scenario, seed)
    if chronicle is not None:
        physics = chronicle.street
    world = World(district, physics or Street(district, scenario, seed), scenario, seed)
    link = Link(
        address,
        prefix,
        f"roaddust-world-{district.id}"[:64],
        # One subscription: NATS keeps the order of messages within each, not between two, and a
        # plan has to be heard before the answer to the clock.
        "down/#" if lockstep else "down/crews/+/orders",
        stop=stop,
        patience_s=patience_s,
    )
    counted: Counter[str] = Counter()

    def hear(now: datetime, arrived: Sequence[Arrived]) -> None:
        _hear(world, arrived)
        if watch is not None:
            watch.heard(now, arrived)

    steps, minutes = 0, step_s // MINUTE_S
    try:
        with link, chronicle or nullcontext():
            if lockstep:
                # The platform's clock has to stand where the world begins: what is far ahead of
                # it would be refused.
                hear(pace.shown(0), link.tick(pace.shown(0)))
            base = time.monotonic()
            while (steps + 1) * step_s <= duration.total_seconds():
                if speed is not None:
                    base = _wait_for_turn(link, base, (steps + 1) * step_s / speed, lockstep)
                link.check()
                hear(pace.shown(steps * minutes), link.take())
                for minute in range(steps * minutes, (steps + 1) * minutes):
                    began, now = pace.shown(minute), pace.shown(minute + 1)
                    messages = world.step(began, now, MINUTE_S, pace.own(minute + 1))
                    _publish(link, messages, counted)
                    if watch is not None:
                        watch.said(now, messages)
                    if chronicle is not None:
                        chronicle.faulty(world.faulty)
                steps += 1
                if lockstep:
                    hear(now, link.tick(now))
                if on_tick is not None:
                    on_tick(now)
            link.settle()
    except Stopped:
        pass
    return Published(
        readings=counted["readings"],
        events=counted["events"],
        positions=counted["positions"],
        progress=counted["progress"],
        reports=counted["reports"],
        simulated=timedelta(seconds=steps * step_s),
        planted=dict(sorted(world.planted.items())),
    )


@dataclass(frozen=True, slots=True)
class _Lockstep:
    """Clocks show the world's own time."""

    start: datetime

    def own(self, minute: int) -> datetime:
        return self.start + timedelta(minutes=minute)

    def shown(self, minute: int) -> datetime:
        return self.own(minute)


@dataclass(frozen=True, slots=True)
class _Wall(_Lockstep):
    """Clocks show the wall's time, in which a world at speed 60 lives an hour in a minute."""

    speed: float

    def shown(self, minute: int) -> datetime:
        at = self.start + timedelta(minutes=minute) / self.speed
        # HJ 212 writes whole seconds.
        return at.replace(microsecond=0)


def _wait_for_turn(link: Link, base: float, after_s: float, lockstep: bool) -> float:
    """Rest until a step is due, `after_s` after `base`; gives the base for the next ones.

    A world that has fallen behind in lockstep goes on from where it is instead of hurrying.
    """
    late_s = time.monotonic() - (base + after_s)
    if late_s > 1.0 and lockstep:
        return base + late_s
    # Even a late step lets `stop` be seen and the broker be heard.
    link.rest(base + after_s)
    return base


def _hear(world: World, arrived: Sequence[Arrived]) -> None:
    for one in arrived:
        parts = one.topic.split("/")
        if len(parts) == 4 and parts[1] == "crews" and parts[3] == "orders":
            world.receive(parts[2], one.payload)


def _publish(link: Link, messages: Sequence[Message], counted: Counter[str]) -> None:
    for message in messages:
        link.publish(message.topic, message.payload)
        counted[message.kind] += message.count
