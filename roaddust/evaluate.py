"""`roaddust evaluate`: policies on the same seeds and days, several at a time."""

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from queue import Empty

from rich.console import Console

from evaluation.page import write_page
from evaluation.policies import POLICIES
from evaluation.result import Result
from evaluation.table import figures_table
from geo.district import District
from roaddust.settings import Settings
from roaddust.trials import PLATFORM, Wanted, begin, run
from simulators.scenario import Scenario

LOOK_UP_S = 0.2

# Columns that the table needs where nobody looks, as in a file.
WIDE = 140

EVERY_POLICY = (*POLICIES, PLATFORM)


class Stopped(Exception):
    """Somebody stopped the evaluation before its end."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What to compare. `jobs` trials run at a time; `data` is for the platforms' services."""

    district: Path
    settings: Settings
    scenario: Scenario
    policies: tuple[str, ...]
    seeds: tuple[int, ...]
    days: float
    jobs: int

    def __post_init__(self) -> None:
        unknown = [policy for policy in self.policies if policy not in EVERY_POLICY]
        if unknown:
            raise ValueError(
                f"there is no policy {', '.join(unknown)}; there are {', '.join(EVERY_POLICY)}"
            )


def run_evaluation(
    wanted: Evaluation, stop: threading.Event, progress: Callable[[float], None]
) -> list[Result]:
    """Run every policy with every seed; in the order of policies, then seeds.

    progress: told the share of the simulated minutes that is done. Raises Stopped.
    """
    # Numpy's own threads would take the cores from the other trials.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("spawn")
    told, given_up = context.Queue(), context.Event()
    # The longest first, so that none is left alone at the end.
    order = sorted(wanted.policies, key=lambda policy: policy != PLATFORM)
    minutes: dict[tuple[str, int], float] = {}
    with ProcessPoolExecutor(
        wanted.jobs, mp_context=context, initializer=begin, initargs=(told, given_up)
    ) as pool:
        trials = {
            pool.submit(run, _trial(wanted, policy, seed)): (policy, seed)
            for policy in order
            for seed in wanted.seeds
        }
        try:
            left: set[Future[Result]] = set(trials)
            while left:
                if stop.is_set():
                    raise Stopped
                done, left = wait(left, timeout=LOOK_UP_S, return_when=FIRST_COMPLETED)
                for trial in done:
                    trial.result()
                    minutes[trials[trial]] = wanted.days * 1440.0
                _take(told, minutes)
                progress(sum(minutes.values()) / (len(trials) * wanted.days * 1440.0))
        except BaseException:
            given_up.set()
            for trial in trials:
                trial.cancel()
            raise
    by_key = {key: trial.result() for trial, key in trials.items()}
    return [by_key[policy, seed] for policy in wanted.policies for seed in wanted.seeds]


def _trial(wanted: Evaluation, policy: str, seed: int) -> Wanted:
    return Wanted(
        district=wanted.district,
        settings=wanted.settings,
        scenario=wanted.scenario,
        policy=policy,
        seed=seed,
        days=wanted.days,
        folder=wanted.settings.data / "evaluate",
    )


def _take(
    told: "multiprocessing.Queue[tuple[str, int, float]]", minutes: dict[tuple[str, int], float]
) -> None:
    while True:
        try:
            policy, seed, so_far = told.get_nowait()
        except Empty:
            return
        minutes[policy, seed] = max(minutes.get((policy, seed), 0.0), so_far)


def tell(wanted: Evaluation, district: District, results: list[Result], folder: Path) -> Path:
    """Print the table, and write the page and its figures into a folder; returns the page."""
    Console(width=max(Console().width, WIDE)).print(figures_table(results))
    return write_page(folder, results, district, wanted.scenario, days=wanted.days)


def seeds_from(first: int, count: int) -> tuple[int, ...]:
    """So many seeds in a row."""
    return tuple(range(first, first + count))
