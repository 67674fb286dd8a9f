"""One policy, one seed, in a process of its own: what `roaddust evaluate` runs many of."""

import logging
import os
import shutil
import signal
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from broker.connection import Address
from evaluation.counterfactual import VerdictSaid
from evaluation.record import Record
from evaluation.result import Result, result_of
from evaluation.trial import run_trial
from evaluation.witness import Witness
from geo.district import District, load_district
from geo.graph import RoadGraph
from roaddust.demo import PATIENCE_S, fresh_services
from roaddust.platform import Platform
from roaddust.settings import Settings, Stage
from simulators.lockstep import simulate
from simulators.scenario import Scenario
from store.database import connect
from store.statements import statements

SQL = statements("summary")

JUDGED: tuple[Stage, ...] = ("ingest", "analytics", "dispatch")

PLATFORM = "platform"
"""The policy that this project is: all stages, in lockstep with the world."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A trial to be run. `folder` is for the services of the platform, and is deleted after."""

    district: Path
    settings: Settings
    scenario: Scenario
    policy: str
    seed: int
    days: float
    folder: Path


class GivenUp(Exception):
    """The trial was stopped."""


# Of this process, which runs one trial after the other: where to tell how far it is, and the
# event that stops it.
_told: Any = None
_stop: Any = None


def begin(told: Any, stop: Any) -> None:
    """Set up a process for trials: `told` is a queue for minutes lived through, `stop` an event.

    Ctrl-C in a terminal reaches this process too; it is the first one that decides.
    """
    global _told, _stop
    _told, _stop = told, stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING)


@lru_cache(maxsize=1)
def _streets(folder: Path) -> tuple[District, RoadGraph]:
    """A district and its graph, the same for all trials of this process."""
    district = load_district(folder)
    return district, RoadGraph(district)


def run(wanted: Wanted) -> Result:
    """Run a trial. Raises GivenUp when it was stopped."""
    # The pool hands out one more trial than can be cancelled.
    if _stop.is_set():
        raise GivenUp
    district, graph = _streets(wanted.district)
    first = wanted.scenario.start

    def on_minute(now: datetime) -> None:
        if _stop.is_set():
            raise GivenUp
        if now.minute == 0:
            _told.put((wanted.policy, wanted.seed, (now - first).total_seconds() / 60.0))

    verdicts: list[VerdictSaid] = []
    if wanted.policy == PLATFORM:
        record, verdicts = _platform(district, graph, wanted, on_minute)
    else:
        record = run_trial(
            district,
            wanted.scenario,
            wanted.seed,
            wanted.policy,
            wanted.days,
            graph=graph,
            on_minute=on_minute,
        )
    return result_of(record, district, verdicts, graph=graph)


def _platform(
    district: District, graph: RoadGraph, wanted: Wanted, on_minute: Any
) -> tuple[Record, list[VerdictSaid]]:
    """The platform with services of its own, and the verdicts that it has come to."""
    witness = Witness(district, wanted.scenario, wanted.seed, PLATFORM, graph=graph)
    folder = wanted.folder / f"{os.getpid()}-{wanted.seed}"
    try:
        with ExitStack() as open_:
            postgres, broker = fresh_services(folder, open_, user="roaddust evaluate")
            settings = wanted.settings.model_copy(
                update={"mqtt": broker.url, "db": postgres.dsn, "clock": "mqtt"}
            )
            platform = open_.enter_context(Platform(district, settings, JUDGED))
            platform.start()
            try:
                simulate(
                    district,
                    Address.parse(broker.url),
                    settings.prefix,
                    wanted.scenario,
                    seed=wanted.seed,
                    duration=timedelta(days=wanted.days),
                    on_tick=on_minute,
                    stop=platform.failed,
                    physics=witness,
                    watch=witness,
                    patience_s=PATIENCE_S,
                )
            except ConnectionError:
                platform.check()
                raise
            platform.check()
            with connect(settings.db, name="verdicts") as conn:
                rows = conn.execute(SQL.verdicts_told).fetchall()
            return witness.record(), [VerdictSaid(*row) for row in rows]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
