"""Writes an evaluation as one page that needs no other file, and as a table for programs."""

import csv
import itertools
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from evaluation.figures import CATALOGUE, Entry, number, spread
from evaluation.pictures import bars, colour, day, maps
from evaluation.result import Result
from evaluation.statistics import Interval, against, by_policy
from geo.district import District
from simulators.scenario import Scenario

__all__ = ["BASELINE", "write_page"]

BASELINE = "timetable"

Means = Mapping[str, Mapping[str, Interval | None]]


def write_page(
    folder: Path,
    results: Sequence[Result],
    district: District,
    scenario: Scenario,
    *,
    days: float,
    baseline: str = BASELINE,
) -> Path:
    """Write `index.html` and `results.csv` into a folder, which is made if need be.

    The page is one file with its pictures in it, in Chinese and English. The CSV has a row for
    each policy, seed and figure, in the units of `scoring.score`; a figure that does not apply
    is empty.

    Raises ValueError if there are no results.
    """
    if not results:
        raise ValueError("there are no results to write a page of; run a trial first")
    folder.mkdir(parents=True, exist_ok=True)
    means, differences = by_policy(results), against(results, baseline)
    template = Template(
        (files("evaluation") / "page.html").read_text(encoding="utf-8"),
    )
    page = template.substitute(
        style=(files("evaluation") / "page.css").read_text(encoding="utf-8"),
        title=escape(f"{scenario.name} · 策略对比 Policies side by side"),
        purpose=escape(scenario.purpose),
        facts=_facts(results, district, scenario, days),
        explained=_explained(baseline if differences and baseline in means else None),
        table=_table(means, differences),
        bars=bars(means),
        maps=maps(results, district),
        day=day(results, district),
    )
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    _write_csv(folder / "results.csv", results)
    return path


def _write_csv(path: Path, results: Sequence[Result]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["policy", "seed", "figure", "value"])
        for result in results:
            for figure, value in result.figures.items():
                rows.writerow(
                    [result.policy, result.seed, figure, "" if value is None else repr(value)]
                )


def _facts(results: Sequence[Result], district: District, scenario: Scenario, days: float) -> str:
    seeds = sorted({result.seed for result in results})
    start = scenario.start.astimezone(district.timezone)
    facts = (
        ("情景 Scenario", scenario.name),
        ("辖区 District", district.name),
        ("开始 Start", f"{start:%Y-%m-%d %H:%M %z}"),
        ("天数 Days", f"{days:g}"),
        ("种子 Seeds", ", ".join(map(str, seeds))),
    )
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)


def _explained(baseline: str | None) -> str:
    text = "均值 ± 95 % 置信区间。 Mean ± 95 % interval over seeds."
    if baseline is not None:
        text += (
            f" Δ 为与 {baseline} 的配对差值；绿色更好、红色更差（区间不含 0）。"
            f" Δ is the paired difference from {baseline}; green is better and red is worse, where"
            " its interval leaves zero out."
        )
    return escape(text)


def _table(means: Means, differences: Means) -> str:
    heads = "".join(
        f'<th style="border-color:{colour(policy)}">{escape(policy)}</th>' for policy in means
    )
    rows = []
    shown = [
        entry
        for entry in CATALOGUE
        if any(figures.get(entry.name) is not None for figures in means.values())
    ]
    for group, entries in itertools.groupby(shown, key=lambda entry: entry.group):
        rows.append(
            f'<tr class="group"><th colspan="{len(means) + 2}">{escape(" ".join(group))}</th></tr>'
        )
        for entry in entries:
            cells = "".join(
                _cell(entry, figures.get(entry.name), differences.get(policy, {}).get(entry.name))
                for policy, figures in means.items()
            )
            name = f"{escape(entry.zh)} <small>{escape(entry.en)}</small>"
            unit = f"<td class='unit'>{escape(entry.unit)}</td>"
            rows.append(f"<tr><th>{name}</th>{unit}{cells}</tr>")
    body = "".join(rows)
    return f"<table><thead><tr><th></th><th></th>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _cell(entry: Entry, found: Interval | None, difference: Interval | None) -> str:
    if found is None:
        return "<td>–</td>"
    text = escape(number(entry.scale * found.mean))
    if found.half is not None:
        text += f" <span>{escape(spread(found, entry.scale))}</span>"
    if difference is not None and difference.half is not None:
        sign = "+" if difference.mean > 0 else ""
        said = f"Δ {sign}{number(entry.scale * difference.mean)} {spread(difference, entry.scale)}"
        text += f'<small class="{_judged(entry, difference)}">{escape(said)}</small>'
    return f"<td>{text}</td>"


def _judged(entry: Entry, difference: Interval) -> str:
    if entry.better is None or not difference.parts_from_zero:
        return ""
    return "better" if (difference.mean < 0) == (entry.better == "less") else "worse"
