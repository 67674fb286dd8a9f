"""The page, the CSV and the table of an evaluation."""

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from evaluation.figures import CATALOGUE, number
from evaluation.page import write_page
from evaluation.result import Result, result_of
from evaluation.table import figures_table
from geo.district import District
from simulators.scenario import Scenario
from tests.evaluation.made_up import record_of


def _results(district: District) -> list[Result]:
    """Two policies, two seeds, over half a day; the platform's dust is a third of the other's."""
    results = []
    for policy, share in (("timetable", 1.0), ("platform", 1 / 3)):
        for seed in (1, 2):
            increment = np.full((720, 7), 200.0 + 10.0 * seed) * share
            record = record_of(increment[:, :2], policy=policy, seed=seed, judges=False)
            result = result_of(record, district)
            results.append(
                Result(
                    policy,
                    seed,
                    result.start,
                    result.figures,
                    increment.mean(axis=0),
                    result.course,
                    result.background,
                )
            )
    return results


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [
            value or ""
            for name, value in attrs
            if name in ("src", "href", "xlink:href") and not (value or "").startswith("#")
        ]


def test_page_stands_alone(tmp_path: Path, district: District, scenario: Scenario) -> None:
    """The page has its three pictures in it, runs no script and loads nothing."""
    path = write_page(tmp_path / "new", _results(district), district, scenario, days=0.5)
    text = path.read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert page.tags.count("svg") == 3
    assert "script" not in page.tags
    assert all(link.startswith("data:") for link in page.links)
    assert not re.search(r"url\(\s*['\"]?http|@import", text)
    assert "$" not in re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)
    for word in ("策略对比", "Policies side by side", "platform", "timetable"):
        assert word in text


def test_same_results_same_bytes(tmp_path: Path, district: District, scenario: Scenario) -> None:
    """Pages of the same results are the same, byte for byte."""
    pages = [
        write_page(tmp_path / name, _results(district), district, scenario, days=0.5).read_bytes()
        for name in ("one", "two")
    ]
    assert pages[0] == pages[1]


def test_what_is_better_is_green(tmp_path: Path, district: District, scenario: Scenario) -> None:
    """Less dust than the baseline's, seed by seed, is marked as better."""
    text = write_page(tmp_path, _results(district), district, scenario, days=0.5).read_text()
    row = next(part for part in text.split("<tr>") if "人均扬尘剂量" in part)
    assert row.count('class="better"') == 1
    assert 'class="worse"' not in row


def test_csv_is_long(tmp_path: Path, district: District, scenario: Scenario) -> None:
    """The CSV has a row for each policy, seed and figure, empty where it does not apply."""
    results = _results(district)
    write_page(tmp_path, results, district, scenario, days=0.5)
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(result.figures) for result in results)
    one = {row["figure"]: row["value"] for row in rows if row["policy"] == "platform"}
    assert float(one["km"]) == 3.0
    assert one["episode_recall"] == ""


def test_every_figure_is_shown(district: District) -> None:
    """No figure that is worked out is missing from the catalogue, and none there is made up."""
    assert {entry.name for entry in CATALOGUE} == set(_results(district)[0].figures)


def test_table_has_a_column_for_each_policy(district: District) -> None:
    """The terminal's table shows means of both policies and no row of nothing."""
    Console(quiet=True).print(figures_table(_results(district)))
    table = figures_table(_results(district))
    assert [str(column.header) for column in table.columns] == ["", "unit", "timetable", "platform"]
    first = list(table.columns[0].cells)
    assert "Street dust per resident" in first
    assert "Episode recall" not in first


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1234.5, "1,234"), (56.78, "56.8"), (-3.14159, "−3.14")],
)
def test_numbers(value: float, text: str) -> None:
    """Three digits that count, and all of those before the point."""
    assert number(value) == text


def test_no_results_no_page(tmp_path: Path, district: District, scenario: Scenario) -> None:
    """Nothing to show is an error that says so."""
    with pytest.raises(ValueError, match="no results"):
        write_page(tmp_path, [], district, scenario, days=1.0)
