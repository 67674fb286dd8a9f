"""A policy's days in a simulated world, without a broker: minute by minute in this process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from evaluation.policies import POLICIES
from evaluation.record import Record
from evaluation.witness import Witness
from geo.district import District
from geo.graph import RoadGraph
from simulators.scenario import Scenario
from simulators.world import World

__all__ = ["run_trial"]

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class _Plan:
    topic: str
    payload: bytes


def run_trial(
    district: District,
    scenario: Scenario,
    seed: int,
    policy: str,
    days: float,
    *,
    graph: RoadGraph | None = None,
    on_minute: Callable[[datetime], None] | None = None,
) -> Record:
    """Live through so many days of a scenario under one of `POLICIES`.

    Trials that are given the same graph of the district begin at once after the first.
    on_minute is told the time after each minute.

    Raises ValueError if there is no such policy.
    """
    make = POLICIES.get(policy)
    if make is None:
        raise ValueError(f"there is no policy {policy!r}; choose from {', '.join(POLICIES)}")
    witness = Witness(district, scenario, seed, policy, judges=False, graph=graph)
    world = World(district, witness, scenario, seed)
    sender = make(district, witness)
    began = scenario.start
    for _ in range(round(days * 1440.0)):
        now = began + timedelta(minutes=1)
        messages = world.step(began, now, MINUTE_S)
        witness.said(now, messages)
        plans = sender.step(now, messages, witness.scene)
        for crew, payload in plans:
            world.receive(crew, payload)
        witness.heard(now, [_Plan(f"down/crews/{crew}/orders", payload) for crew, payload in plans])
        began = now
        if on_minute is not None:
            on_minute(now)
    return witness.record()
