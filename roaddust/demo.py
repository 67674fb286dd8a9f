"""`roaddust demo`: everything on this machine, embedded services and a simulated street."""

import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from broker.connection import Address
from geo.district import District
from roaddust.embedded import EmbeddedBroker, EmbeddedPostgres, FolderLock
from roaddust.memory import resident_mb
from roaddust.platform import Platform, Started
from roaddust.settings import STAGES, Settings
from roaddust.summary import summary
from simulators.lockstep import simulate
from simulators.scenario import Scenario
from store.database import connect

Progress = Callable[[datetime, float], None]
"""Told the simulated time and the share of the run that is done."""

ENDLESS = timedelta(days=365)
PATIENCE_S = 600.0
"""For an answer to the clock: a plan for sixty crews may take a busy machine more than a minute."""


class NotOurs(OSError):
    """A folder that a demo did not make stands where the demo would begin afresh."""


@dataclass(frozen=True, slots=True)
class Demo:
    """One demo. `hours` None goes on until stopped; `speed` None is as fast as it can, else
    simulated seconds per second."""

    district: District
    settings: Settings
    scenario: Scenario
    seed: int
    hours: float | None
    speed: float | None
    console: bool


def run_demo(
    demo: Demo,
    stop: threading.Event,
    *,
    announce: Callable[[Started], None],
    progress: Progress,
) -> dict[str, Any]:
    """Start everything, let the world run, stop everything; returns the summary.

    The data folder is used afresh: a demo begins where its scenario begins. Raises AlreadyRunning
    when another demo has the folder.
    """
    folder = demo.settings.data
    stages = STAGES if demo.console else tuple(s for s in STAGES if s != "console")
    memory: list[float] = []
    with ExitStack() as open_:
        postgres, broker = fresh_services(folder, open_)
        settings = demo.settings.model_copy(
            update={"mqtt": broker.url, "db": postgres.dsn, "clock": "mqtt"}
        )
        # A platform that fails stops the world at once, which would wait for its answer.
        platform = open_.enter_context(Platform(demo.district, settings, stages, failed=stop))
        announce(platform.start())
        began = time.monotonic()
        duration = timedelta(hours=demo.hours) if demo.hours is not None else ENDLESS
        first = demo.scenario.start

        def on_tick(now: datetime) -> None:
            progress(now, (now - first) / duration)
            if now.minute == 0:
                memory.append(round(resident_mb(os.getpid(), postgres.pid, broker.pid), 1))

        try:
            published = simulate(
                demo.district,
                Address.parse(broker.url),
                settings.prefix,
                demo.scenario,
                seed=demo.seed,
                duration=duration,
                speed=demo.speed,
                on_tick=on_tick,
                stop=stop,
                patience_s=PATIENCE_S,
            )
        except ConnectionError:
            # A world that is not answered knows less of the reason than the platform does.
            platform.check()
            raise
        wall_s = time.monotonic() - began
        platform.check()
        with connect(settings.db, name="summary") as conn:
            figures = summary(conn)
    simulated_s = published.simulated.total_seconds()
    return {
        "district": demo.district.id,
        "scenario": demo.scenario.name,
        "seed": demo.seed,
        "simulated_hours": simulated_s / 3600,
        "wall_seconds": round(wall_s, 1),
        "times_real_time": round(simulated_s / wall_s, 1),
        "readings_published": published.readings,
        **figures,
        "dead_letters_planted": published.planted,
        "memory_mb": {"highest": max(memory, default=0.0), "by_hour": memory},
    }


def fresh_services(
    folder: Path, open_: ExitStack, *, user: str = "roaddust demo"
) -> tuple[EmbeddedPostgres, EmbeddedBroker]:
    """Servers that begin with nothing, in `folder`, which is this process's alone from here on.

    Raises AlreadyRunning when another process has the folder, NotOurs for one of somebody else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(folder, user)
    open_.callback(lock.release)
    for name in ("postgres", "broker"):
        _clear(folder / name)
    postgres = open_.enter_context(EmbeddedPostgres(folder / "postgres"))
    broker = open_.enter_context(EmbeddedBroker(folder / "broker"))
    return postgres, broker


def _clear(folder: Path) -> None:
    """Delete what a demo has left; raises NotOurs where somebody else's things may be."""
    if folder.is_symlink() or (folder.exists() and not (folder / "lock.json").is_file()):
        raise NotOurs(
            f"{folder} was not made by a demo, which would delete it: move it away, or choose "
            "another folder with --data"
        )
    if folder.exists():
        shutil.rmtree(folder)
