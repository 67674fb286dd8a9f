"""Every scenario to its end under the platform: nothing lost, and no dead letter but the planted.

    python -m bench.scenarios [NAME ...] [--jobs 2] [--seed 1] [--data FOLDER] [--out FILE]

Each runs as `roaddust demo --speed max --no-console` with services of its own. Exit status 1 when
a run fails, a reading is missing, or a dead letter is not one that the devices' faults must lead
to (the ledger of the simulated devices, by the contract's table).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from simulators.scenario import load_scenario, scenario_names

ROADDUST = (sys.executable, "-m", "roaddust.cli")


@dataclass(frozen=True, slots=True)
class Ran:
    """A scenario that was run: its summary, or what it said when it failed."""

    name: str
    days: float
    summary: dict[str, Any] | None
    wall_s: float
    words: str

    @property
    def lost(self) -> int:
        """Readings that should be in the store and are not (below 0: more than should be)."""
        assert self.summary is not None
        return int(self.summary["readings_published"]) - int(self.summary["readings_stored"])

    @property
    def fine(self) -> bool:
        """Whether it came to its end with nothing lost and nothing refused without need."""
        summary = self.summary
        return summary is not None and (
            summary["simulated_hours"] == self.days * 24.0
            and self.lost == 0
            and summary["dead_letters_by_reason"] == summary["dead_letters_planted"]
        )


def run(name: str, seed: int, data: Path) -> Ran:
    """Run a scenario to its end."""
    scenario = load_scenario(name)
    summary = data / f"{name}.json"
    began = time.monotonic()
    ended = subprocess.run(
        [
            *(*ROADDUST, "demo", "--no-console", "--speed", "max"),
            *("--scenario", name, "--seed", str(seed), "--hours", str(scenario.days * 24.0)),
            *("--data", str(data / name), "--summary", str(summary)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    wall_s = time.monotonic() - began
    if ended.returncode != 0:
        return Ran(name, scenario.days, None, wall_s, ended.stderr[-2000:])
    return Ran(name, scenario.days, json.loads(summary.read_text("utf-8")), wall_s, "")


def show(results: list[Ran]) -> None:
    """A line for each."""
    table = Table(title="Scenarios under the platform")
    columns = (
        "days", "published", "lost", "dead letters", "planted", "episodes", "orders done",
        "wall s", "x real time",
    )  # fmt: skip
    table.add_column("scenario")
    for column in (*columns, "fine"):
        table.add_column(column, justify="right")
    for ran in results:
        summary = ran.summary
        if summary is None:
            table.add_row(ran.name, f"{ran.days:g}", *[""] * (len(columns) - 1), "FAILED")
            continue
        episodes = sum(
            count
            for state, levels in summary["episodes"].items()
            if state not in ("lapsed", "withdrawn", "pending")
            for count in levels.values()
        )
        cells = (
            f"{ran.days:g}",
            f"{summary['readings_published']}",
            f"{ran.lost}",
            _counts(summary["dead_letters_by_reason"]),
            _counts(summary["dead_letters_planted"]),
            f"{episodes}",
            f"{summary['orders'].get('done', 0)}",
            f"{ran.wall_s:.0f}",
            f"{summary['times_real_time']:.0f}",
        )
        table.add_row(ran.name, *cells, "yes" if ran.fine else "NO")
    Console(width=160).print(table)
    for ran in results:
        if ran.words:
            sys.stdout.write(f"\n{ran.name}:\n{ran.words}\n")


def _counts(by_reason: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in sorted(by_reason.items())) or "0"


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description="Every scenario to its end under the platform.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios; all when left out")
    parser.add_argument("--jobs", type=int, default=2, help="at a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="where services keep their data")
    parser.add_argument("--out", type=Path, help="JSON file for every summary")
    args = parser.parse_args()
    names = args.names or scenario_names()
    # The longest first, so that none is left alone at the end.
    names.sort(key=lambda name: -load_scenario(name).days)
    with tempfile.TemporaryDirectory() as folder, Progress(transient=True) as bar:
        task = bar.add_task("scenarios", total=sum(load_scenario(n).days for n in names))
        data = args.data or Path(folder)
        data.mkdir(parents=True, exist_ok=True)

        def one(name: str) -> Ran:
            ran = run(name, args.seed, data)
            bar.advance(task, ran.days)
            bar.console.print(f"{name}: {'fine' if ran.fine else 'NOT FINE'}, {ran.wall_s:.0f} s")
            return ran

        with ThreadPoolExecutor(args.jobs) as pool:
            results = list(pool.map(one, names))
    show(results)
    if args.out:
        args.out.write_text(
            json.dumps({ran.name: ran.summary for ran in results}, indent=2), encoding="utf-8"
        )
    raise SystemExit(0 if all(ran.fine for ran in results) else 1)


if __name__ == "__main__":
    main()
