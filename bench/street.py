"""How well analytics knows the street: its answers beside the truth of simulated worlds.

    python -m bench.street [--scenario ordinary …] [--seeds 10] [--days 2]
                           [--items quality,increment,exceedance,causes,forecast,verdicts]
                           [--out FOLDER]

Each world is lived once and kept (`--cache`); analytics runs over what was said in it, and plain
methods beside it. Tables give means over seeds with their 95 % intervals. With `--out` the figures
are written there as JSON too, with pictures.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from analytics.settings import AnalyticsSettings
from bench import blame, items, pictures, scores
from bench.items import Figures
from bench.recorded import cached
from evaluation.statistics import Interval, mean_interval
from geo.district import load_district
from geo.graph import RoadGraph
from simulators.scenario import load_scenario

DISTRICT = Path(__file__).parent.parent / "geo" / "data" / "xinghai"
ITEMS = ("quality", "increment", "exceedance", "causes", "forecast", "verdicts")


def show(
    console: Console, item: str, found: Mapping[str, Sequence[Figures]]
) -> list[dict[str, Any]]:
    """A table of an item: a row for each scenario and figure, a column for each method."""
    methods = list(
        dict.fromkeys(name for runs in found.values() for each in runs for _, name in each)
    )
    table = Table(title=item, title_justify="left")
    table.add_column("scenario", no_wrap=True)
    table.add_column("figure", no_wrap=True)
    for name in methods:
        table.add_column(name, justify="right", no_wrap=True)
    rows = []
    for scenario, runs in found.items():
        for figure in dict.fromkeys(name for each in runs for name, _ in each):
            cells = []
            for method in methods:
                values = [each.get((figure, method)) for each in runs]
                interval = mean_interval([value for value in values if value is not None])
                cells.append(_words(interval))
                if interval is not None:
                    rows.append(
                        {
                            "item": item,
                            "scenario": scenario,
                            "figure": figure,
                            "method": method,
                            "mean": interval.mean,
                            "low": interval.low,
                            "high": interval.high,
                            "seeds": interval.count,
                        }
                    )
            table.add_row(scenario, figure, *cells)
        table.add_section()
    console.print(table)
    return rows


def show_calibration(console: Console, of: str, bins: Sequence[scores.Bin]) -> None:
    """What was said, and how often it was so."""
    table = Table(title=f"{of}: probabilities said", title_justify="left")
    for name in ("said, mean", "came true", "statements"):
        table.add_column(name, justify="right")
    for each in bins:
        table.add_row(f"{each.said:.2f}", f"{each.came:.2f}", str(each.of))
    console.print(table)


def _words(interval: Interval | None) -> str:
    if interval is None:
        return "–"
    half = "" if interval.half is None else f" ± {interval.half:.3g}"
    return f"{interval.mean:.3g}{half}"


def main() -> None:
    """Score the worlds that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--scenario", nargs="+", default=["ordinary"])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--days", type=float, default=2.0)
    parser.add_argument("--policy", default="timetable")
    parser.add_argument("--items", default=",".join(ITEMS))
    parser.add_argument("--warm-up-min", type=int, default=120, help="minutes that do not count")
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "roaddust-recordings"
    )
    parser.add_argument("--district", type=Path, default=DISTRICT)
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument(
        "--orders", type=int, default=20, help="of a world, held against their true effect"
    )
    asked = parser.parse_args()
    if asked.out is not None:
        asked.out.mkdir(parents=True, exist_ok=True)
    wanted = asked.items.split(",")
    unknown = sorted(set(wanted) - set(ITEMS))
    if unknown:
        parser.error(f"--items {','.join(unknown)}: there are {', '.join(ITEMS)}")
    district, settings = load_district(asked.district), AnalyticsSettings()
    graph = RoadGraph(district)
    # In a file no window says how wide a table may be.
    console = Console(width=None if sys.stdout.isatty() else 180)
    found: dict[str, dict[str, list[Figures]]] = {item: {} for item in wanted}
    judged: list[blame.Judged] = []
    stated, came = np.empty(0), np.empty(0, bool)
    seeds = range(1, asked.seeds + 1)
    with Progress(console=console) as progress:
        whole = progress.add_task("", total=len(asked.scenario) * len(seeds))
        lived = progress.add_task("living, minutes", total=None, visible=False)
        for name in asked.scenario:
            scenario, days = load_scenario(name), []
            for seed in seeds:
                progress.update(whole, description=f"{name}, seed {seed}")
                progress.reset(lived, total=round(asked.days * 1440), visible=False)
                recorded = cached(
                    asked.cache,
                    district,
                    scenario,
                    seed,
                    asked.days,
                    asked.policy,
                    graph=graph,
                    on_minute=lambda: progress.update(lived, advance=1, visible=True),
                )
                progress.update(lived, visible=False)
                ran = items.run(recorded, district, settings, asked.warm_up_min)
                figures: dict[str, Figures] = {}
                if "quality" in wanted:
                    figures["quality"] = items.quality(ran)
                if "increment" in wanted:
                    figures["increment"] = items.increment(ran)
                if "exceedance" in wanted:
                    figures["exceedance"] = items.exceedance(ran)
                if "causes" in wanted:
                    judged.append(items.causes(ran))
                    figures["causes"] = {
                        (figure, "analytics"): value for figure, value in judged[-1].figures.items()
                    }
                if "forecast" in wanted:
                    days.append(items.foreseen(ran))
                    said, so = items.chances(days[-1])
                    stated, came = np.append(stated, said), np.append(came, so)
                if "verdicts" in wanted:
                    figures["verdicts"] = items.verdicts(
                        ran, district, graph, asked.cache, asked.orders
                    )
                for item, of_item in figures.items():
                    found[item].setdefault(name, []).append(of_item)
                if asked.out is not None and seed == seeds[0]:
                    pictures.day(ran, asked.out / f"increments-{name}.png")
                progress.advance(whole)
            for at, one in enumerate(days):
                others = days[:at] + days[at + 1 :]
                found["forecast"].setdefault(name, []).append(items.forecast(one, others))
    rows = [row for item in wanted for row in show(console, item, found[item])]
    if judged:
        show_calibration(console, "causes", blame.pooled(judged))
    if len(stated):
        show_calibration(console, "level 2 ahead", scores.calibration(stated, came))
    if asked.out is not None:
        (asked.out / "street.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
        if judged:
            bins = blame.pooled(judged)
            pictures.calibration(bins, "a cause", asked.out / "causes-calibration.png")
        if "forecast" in wanted:
            pictures.reliability(rows, asked.out / "forecast-reliability.png")
            if len(stated):
                bins = scores.calibration(stated, came)
                pictures.calibration(bins, "passing the limit", asked.out / "forecast-chances.png")


if __name__ == "__main__":
    main()
