"""The figures of an evaluation as a table for a terminal."""

import itertools
from collections.abc import Sequence

from rich.table import Table

from evaluation.figures import CATALOGUE, number, spread
from evaluation.result import Result
from evaluation.statistics import against, by_policy

__all__ = ["figures_table"]

BETTER = {True: "green", False: "red"}


def figures_table(results: Sequence[Result], baseline: str = "timetable") -> Table:
    """Policies as columns, figures as rows: means over seeds with their 95 % intervals.

    Green and red stand where a policy is better or worse than the baseline on the same seeds,
    by an interval of the paired difference that leaves zero out.
    """
    means, differences = by_policy(results), against(results, baseline)
    table = Table(caption=f"mean ± 95 % over seeds; green, red: better, worse than {baseline}")
    table.add_column("")
    table.add_column("unit", style="dim")
    for policy in means:
        table.add_column(policy, justify="right")
    shown = [
        entry
        for entry in CATALOGUE
        if any(figures.get(entry.name) is not None for figures in means.values())
    ]
    for _, entries in itertools.groupby(shown, key=lambda entry: entry.group):
        for entry in entries:
            cells = []
            for policy, figures in means.items():
                found = figures.get(entry.name)
                if found is None:
                    cells.append("–")
                    continue
                text = f"{number(entry.scale * found.mean)} {spread(found, entry.scale)}".strip()
                difference = differences.get(policy, {}).get(entry.name)
                if entry.better and difference is not None and difference.parts_from_zero:
                    style = BETTER[(difference.mean < 0) == (entry.better == "less")]
                    text = f"[{style}]{text}[/{style}]"
                cells.append(text)
            table.add_row(entry.en, entry.unit, *cells)
        table.add_section()
    return table
