"""Which faulty readings were found."""

from dataclasses import replace

import numpy as np
import pytest

from analytics.readings import COLUMNS, Readings
from bench.faults import fault_figures
from bench.recorded import Faulty, Recorded

MINUTE_MS = 60_000
Key = tuple[int, int]


def world(recorded: Recorded, faults: list[tuple[int, int, int, str]], gone: set[Key]) -> Recorded:
    """Ten minutes of two stations, a reading each; faults are (station, said, taken, kind) with
    the minutes counted from 1, and what is gone never came."""
    start_ms = (recorded.first - 1) * MINUTE_MS
    keys = [(s, m) for s in range(2) for m in range(1, 11) if (s, m) not in gone]
    rows = np.array(faults, object).reshape(-1, 4)
    truth = replace(recorded.truth, background=recorded.truth.background[:10])
    return replace(
        recorded,
        truth=truth,
        stations=("A", "B"),
        station=np.array([s for s, _ in keys]),
        ts_ms=np.array([start_ms + m * MINUTE_MS for _, m in keys]),
        values=np.full((len(keys), recorded.values.shape[1]), 50.0),
        faulty=Faulty(
            rows[:, 0].astype(np.int64),
            start_ms + rows[:, 1].astype(np.int64) * MINUTE_MS,
            start_ms + rows[:, 2].astype(np.int64) * MINUTE_MS,
            rows[:, 3].astype(np.str_),
        ),
    )


def flagged(recorded: Recorded, keys: list[Key]) -> Readings:
    """Readings of these stations and minutes, counted with station B before A."""
    start_ms = (recorded.first - 1) * MINUTE_MS
    return Readings(
        np.array([1 - s for s, _ in keys], np.int64),
        np.array([start_ms + m * MINUTE_MS for _, m in keys], np.int64),
        np.zeros((len(keys), len(COLUMNS))),
        np.zeros(len(keys), np.int64),
    )


def test_found_and_falsely_flagged_are_shares_of_faulty_and_of_good(recorded: Recorded) -> None:
    """Three of four stuck ones and the spike are found, and one good one of fifteen is flagged."""
    faults = [(0, m, m, "stuck") for m in (2, 3, 4, 5)] + [(1, 7, 7, "spikes")]
    lived = world(recorded, faults, set())
    said = flagged(lived, [(0, 3), (0, 4), (0, 5), (1, 7), (1, 8)])
    found = fault_figures(lived, ("B", "A"), said)
    assert found["found of stuck"] == 0.75
    assert found["found of spikes"] == 1.0
    assert found["found of all faulty"] == pytest.approx(0.8)
    assert found["good ones flagged"] == pytest.approx(1.0 / 15.0)
    assert found["found of drift"] is None


def test_what_came_late_or_twice_is_good(recorded: Recorded) -> None:
    """To flag a reading only because it came late is a false alarm."""
    lived = world(recorded, [(0, 2, 2, "outage"), (0, 3, 3, "duplicate")], set())
    found = fault_figures(lived, ("B", "A"), flagged(lived, [(0, 2)]))
    assert found["found of all faulty"] is None
    assert found["good ones flagged"] == pytest.approx(1.0 / 20.0)


def test_a_wrong_clock_counts_where_its_reading_was_kept(recorded: Recorded) -> None:
    """A reading moved to a time that nobody else has is faulty; one that met another is moot."""
    # Taken at 2 and 3, said to be 5 and 8; the reading of 8 is itself moved away, that of 5 is not.
    faults = [(0, 5, 2, "clock"), (0, 8, 3, "clock"), (0, 20, 8, "clock")]
    lived = world(recorded, faults, {(0, 2), (0, 3)})
    none = fault_figures(lived, ("B", "A"), flagged(lived, []))
    assert none["found of clock"] == 0.0
    found = fault_figures(lived, ("B", "A"), flagged(lived, [(0, 8)]))
    assert found["found of clock"] == 1.0
    assert found["faulty, share of all"] == pytest.approx(1.0 / 17.0)
    moot = fault_figures(lived, ("B", "A"), flagged(lived, [(0, 5)]))
    assert moot["found of clock"] == 0.0
    assert moot["good ones flagged"] == 0.0
