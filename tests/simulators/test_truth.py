"""The truth beside everything: kept in memory, and written as it comes."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from geo.district import District
from geo.graph import RoadGraph
from simulators.street import Streets
from simulators.treatment import Work
from simulators.truth import Truth, TruthFiles, TruthMinute
from tests.dispatch.towns import block

NEAR_MIDNIGHT = datetime(2026, 3, 2, 23, 58, tzinfo=UTC)
SITES = ("X1", "NEW, with a comma")


@pytest.fixture(scope="module")
def town() -> District:
    return block()


@pytest.fixture(scope="module")
def streets(town: District) -> Streets:
    return Streets.of(town, RoadGraph(town))


def minute(number: int, *failing: bool) -> TruthMinute:
    """A minute of which every number says where it belongs."""
    segments = np.arange(5.0)
    by_site = segments[:, None] + np.array([0.1, 0.2])
    return TruthMinute(
        ts_ms=round((NEAR_MIDNIGHT + timedelta(minutes=number)).timestamp() * 1000),
        background=40.0 + number,
        street=100.0 + segments,
        tracked=200.0 + by_site,
        plume=0.5 * np.ones((5, 2)),
        silt_g_m2=0.25 * segments,
        film_mm=0.01 * segments,
        failing=np.array(failing or (False, False)),
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_increment_is_the_sum_of_its_sources() -> None:
    """Of a minute and of a run."""
    one = minute(1)
    expected = one.street + one.tracked[:, 0] + one.tracked[:, 1] + 1.0
    np.testing.assert_allclose(one.increment, expected)
    truth = Truth(tuple("ABCDE"), SITES)
    for number in range(3):
        truth.add(minute(number, number == 1, False))
    assert truth.increment.shape == (3, 5)
    np.testing.assert_allclose(truth.increment[2], expected, rtol=1e-6)
    assert truth.of("tracked").shape == truth.of("plume").shape == (3, 5, 2)
    assert truth.ts[0] == np.datetime64("2026-03-02T23:58:00")
    assert truth.failing.tolist() == [[False, False], [True, False], [False, False]]


def test_works_are_kept_with_their_minute() -> None:
    """What crews did stands beside what it changed."""
    work = Work("W1", "wash", "A", None, 0.5, 180.0, "ORDER-7")
    truth = Truth(tuple("ABCDE"), SITES)
    truth.add(minute(0), [work])
    truth.add(minute(1))
    assert truth.works == [(minute(0).ts_ms, work)]


def test_an_empty_truth_has_its_shape() -> None:
    """A run that was stopped at once has no minutes, and says so."""
    truth = Truth(("S1", "S2"), ("Q1",))
    assert truth.increment.shape == (0, 2)
    assert truth.of("tracked").shape == (0, 2, 1)
    assert truth.failing.shape == (0, 1)


def test_files_say_what_each_segment_felt_day_by_day(streets: Streets, tmp_path: Path) -> None:
    """A row for each minute and segment, in the file of the day that the minute belongs to."""
    with TruthFiles(tmp_path / "truth", streets, SITES) as files:
        for number in range(4):
            files.add(minute(number + 1))
    days = sorted(path.name for path in (tmp_path / "truth").glob("segments-*"))
    assert days == ["segments-2026-03-02.csv", "segments-2026-03-03.csv"]
    first, second = (rows(tmp_path / "truth" / day) for day in days)
    # The minute that ends at midnight is the old day's last.
    assert [len(first), len(second)] == [2 * 5, 2 * 5]
    assert first[-1]["ts"] == "2026-03-03T00:00:00Z"
    row = first[2]
    assert row["segment"] == streets.ids[2]
    assert row["ts"] == "2026-03-02T23:59:00Z"
    assert [row["background"], row["street"]] == ["41", "102"]
    # Tracked in and plume together.
    assert [row["X1"], row["NEW, with a comma"]] == ["202.6", "202.7"]
    assert [row["silt_g_m2"], row["film_mm"]] == ["0.5", "0.02"]


def test_files_say_when_gates_failed(streets: Streets, tmp_path: Path) -> None:
    """A row for each spell, from the start of its first minute to the end of its last."""
    with TruthFiles(tmp_path, streets, SITES) as files:
        for number, failing in enumerate([(0, 0), (1, 0), (1, 1), (0, 1), (1, 1)]):
            files.add(minute(number, *map(bool, failing)))
    spells = [
        (row["site"], row["from"][11:16], row["to"][11:16]) for row in rows(tmp_path / "gates.csv")
    ]
    assert spells == [
        ("X1", "23:58", "00:00"),
        ("X1", "00:01", "00:02"),
        ("NEW, with a comma", "23:59", "00:02"),
    ]


def test_files_say_what_crews_did(streets: Streets, tmp_path: Path) -> None:
    """A row for each work with its crew and order."""
    works = [
        Work("W1", "wash", "A", None, 0.25, 180.0, "ORDER-7"),
        Work("F1", "fog", None, "X1", 1.0, 0.0),
    ]
    with TruthFiles(tmp_path, streets, SITES) as files:
        files.add(minute(1), works)
    wash, fog = rows(tmp_path / "treatments.csv")
    assert list(wash.values()) == [
        "2026-03-02T23:59:00Z", "W1", "ORDER-7", "wash", "A", "", "0.25", "180",
    ]  # fmt: skip
    assert [fog["site"], fog["segment"], fog["order"]] == ["X1", "", ""]
