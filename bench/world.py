"""How fast the simulated world lives, devices and crews included, without any platform.

    python -m bench.world [--days D] [--district xinghai|tenfold] [--scenario NAME] [--seed N]
                          [--memory-days 30]

One thread; messages are encoded and dropped. Prints simulated time over time taken beside the
limit it is measured against (2,000 for the shipped district, 200 for the ten-fold one), once by
processor time, which other programs on the machine do not touch, and once by the clock; the
shares of physics and devices; messages a day; resident memory at the end of each day; how well
the balance of silt closes; and trucks a day on the avenue by kind beside those wanted of it.
``--memory-days`` lives on beyond ``--days`` for the memory and the trucks alone; 0 leaves it.
"""

import argparse
import dataclasses
import os
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

import geo
from geo.data.draw_tenfold import draw
from geo.district import District, load_district
from simulators.dust import Dust
from simulators.physics import Street
from simulators.scenario import load_scenario
from simulators.world import World

LIMITS = {"xinghai": 2000.0, "tenfold": 200.0}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

# Trucks a day both ways on the avenue that this is all about; a segment is one carriageway.
WANTED = {"container": 2300.0, "muck": 1000.0}
CARRIAGEWAY_TRUCKS = 1650.0

MINUTES_A_DAY = 1440


class Ledger:
    """The dust of a street, with its silt and its traffic written down as it goes."""

    def __init__(self, dust: Dust) -> None:
        self._dust = dust
        self._began_g = float(np.sum(dust.silt_g))
        self._gained_g = self._lost_g = 0.0
        self.trucks = {kind: np.zeros(len(dust.streets.ids)) for kind in WANTED}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dust, name)

    def step(self, *said: Any, **named: Any) -> Any:
        minute = self._dust.step(*said, **named)
        self._gained_g += float(np.sum(minute.flows.gain))
        self._lost_g += float(np.sum(minute.flows.loss))
        for kind, passed in self.trucks.items():
            passed += getattr(minute.traffic, kind)
        return minute

    def missing_share(self) -> float:
        """What the balance misses, over all that has come and lain there."""
        held_g = float(np.sum(self._dust.silt_g))
        came_g = self._began_g + self._gained_g
        return abs(came_g - self._lost_g - held_g) / came_g


class Timed:
    """A street that knows how much processor time it has taken."""

    def __init__(self, street: Street) -> None:
        self._street = street
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._street, name)

    def step(self, now: datetime) -> Any:
        began = time.process_time()
        scene = self._street.step(now)
        self.seconds += time.process_time() - began
        return scene


def district_of(name: str) -> District:
    """Load the shipped district, or draw the ten-fold one."""
    if name == "xinghai":
        return load_district(Path(geo.__file__).parent / "data" / "xinghai")
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder))
        return load_district(Path(folder))


def main() -> None:
    """Run the bench from the command line."""
    parser = argparse.ArgumentParser(description="How fast the simulated world lives.")
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--district", choices=sorted(LIMITS), default="xinghai")
    parser.add_argument("--scenario", default="ordinary")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory-days", type=int, default=0, metavar="D")
    options = parser.parse_args()
    if options.days < 1:
        parser.error("--days must be at least 1")
    _on_one_thread()
    district = district_of(options.district)
    scenario = load_scenario(options.scenario)
    whole_days = max(options.days, options.memory_days)
    # Not a day of it without weather of its own.
    scenario = dataclasses.replace(scenario, days=float(max(whole_days, scenario.days)))
    began = time.process_time()
    street = Street(district, scenario, options.seed)
    ledger = Ledger(street.dust)
    street.dust = cast(Dust, ledger)
    physics = Timed(street)
    world = World(district, cast(Any, physics), scenario, options.seed)
    built_s = time.process_time() - began
    said: Counter[str] = Counter()
    memory_mb: list[float] = []
    process = psutil.Process()
    minute, now = timedelta(minutes=1), scenario.start
    taken: dict[str, float] = {}
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("living", total=whole_days * 24)
        wall, cpu = time.perf_counter(), time.process_time()
        for day in range(1, whole_days + 1):
            for at in range(1, MINUTES_A_DAY + 1):
                messages = world.step(now, now + minute, 60.0)
                now += minute
                if day <= options.days:
                    said.update(message.kind for message in messages)
                if at % 60 == 0:
                    progress.advance(task)
            memory_mb.append(process.memory_info().rss / 1e6)
            if day == options.days:
                taken = {
                    "processor": time.process_time() - cpu,
                    "clock": time.perf_counter() - wall,
                    "physics": physics.seconds,
                }
    print(f"{options.district}, {options.scenario}, seed {options.seed}, {options.days} d")
    _tell_speed(options.days, taken, built_s, LIMITS[options.district])
    per_day = {kind: round(count / options.days) for kind, count in sorted(said.items())}
    print(f"messages a day: {sum(per_day.values()):,} {per_day}")
    print(f"resident memory at the end of each day, MB: {[round(mb) for mb in memory_mb]}")
    print(f"balance of silt: misses {ledger.missing_share():.1e} of all that came")
    _tell_trucks(district, ledger, whole_days)


def _on_one_thread() -> None:
    """Start again with libraries that keep to one thread: they read this as they load."""
    if any(os.environ.get(name) != "1" for name in THREADS):
        alone = {**os.environ, **dict.fromkeys(THREADS, "1")}
        os.execve(sys.executable, [sys.executable, "-m", "bench.world", *sys.argv[1:]], alone)


def _tell_speed(days: int, taken: dict[str, float], built_s: float, limit: float) -> None:
    for clock in ("processor", "clock"):
        speed = days * 86400.0 / taken[clock]
        print(
            f"by {clock} time {taken[clock]:.1f} s: {speed:,.0f} x real time (limit {limit:,.0f})"
        )
    share = taken["physics"] / taken["processor"]
    print(f"physics {share:.0%}, devices and crews {1.0 - share:.0%}; built in {built_s:.1f} s")


def _tell_trucks(district: District, ledger: Ledger, days: int) -> None:
    on = np.array(
        [one.heavy_trucks_per_day == CARRIAGEWAY_TRUCKS for one in district.segments.values()]
    )
    for kind, wanted in WANTED.items():
        both_ways = 2.0 * ledger.trucks[kind][on] / days
        off = both_ways.mean() / wanted - 1.0
        print(
            f"{kind} trucks on the avenue over {days} d: {both_ways.mean():,.0f} a day "
            f"({off:+.1%} of {wanted:,.0f}); segments from {both_ways.min():,.0f} to "
            f"{both_ways.max():,.0f}"
        )


if __name__ == "__main__":
    main()
