"""Which faulty readings were found, and which good ones were flagged."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analytics.readings import Readings
from bench.recorded import Recorded
from ingest.records import QUANTITIES

__all__ = ["WRONG", "WRONG_IN_VALUE", "fault_figures"]

WRONG_IN_VALUE = ("stuck", "spikes", "negative", "over_range", "drift")
WRONG = (*WRONG_IN_VALUE, "clock")
"""Faults that make a reading's value or time wrong. What came late (`outage`), twice
(`duplicate`) or never (`garbled`) is as good as any other once it is there. `drift` counts from a
gain off by a tenth on; of a stuck spell the first reading counts too, though it is still right."""

MINUTE_MS = 60_000

Ints = NDArray[np.int64]


def fault_figures(
    recorded: Recorded, stations: Sequence[str], flagged: Readings
) -> dict[str, float | None]:
    """Shares of a recording's readings; `stations` are those that `flagged` counts by."""
    index = np.array([stations.index(name) for name in recorded.stations], np.int64)
    faulty = recorded.faulty

    def keys(station: Ints, ts_ms: Ints) -> Ints:
        return np.asarray(ts_ms * len(stations) + station, np.int64)

    said = keys(index[recorded.station], recorded.ts_ms)
    told = keys(index[faulty.station], faulty.ts_ms)
    was_flagged = np.isin(said, keys(flagged.station, flagged.ts_ms))
    counts = recorded.ts_ms > (recorded.first - 1) * MINUTE_MS
    counts &= recorded.ts_ms <= (recorded.first - 1 + recorded.minutes) * MINUTE_MS
    # A logger that sends no number for what is over its range leaves nothing to be believed.
    counts &= np.isfinite(recorded.values[:, QUANTITIES.index("pm10")])
    counts &= ~np.isin(
        said, _moot(recorded, index, keys(index[faulty.station], faulty.true_ms), told)
    )

    def found(kinds: Sequence[str]) -> tuple[float | None, NDArray[np.bool_]]:
        which = np.isin(said, told[np.isin(faulty.kind, kinds)])
        return _share(was_flagged[which & counts]), which

    figures: dict[str, float | None] = {f"found of {kind}": found([kind])[0] for kind in WRONG}
    figures["found of wrong values"] = found(WRONG_IN_VALUE)[0]
    figures["found but for drift"] = found([kind for kind in WRONG if kind != "drift"])[0]
    figures["found of all faulty"], wrong = found(WRONG)
    figures["good ones flagged"] = _share(was_flagged[~wrong & counts])
    figures["faulty, share of all"] = _share(wrong[counts])
    return figures


def _moot(recorded: Recorded, index: Ints, taken: Ints, told: Ints) -> Ints:
    """Keys that two readings laid claim to because of a wrong clock: which one was kept is moot.

    taken, told: keys of when each faulty reading was taken, and of when it says it was.
    """
    ends = (recorded.first + np.arange(recorded.minutes)) * MINUTE_MS
    every = np.tile(ends, len(index)) * len(index) + np.repeat(index, len(ends))
    moved = np.unique(told[told != taken])
    left = np.unique(taken[told != taken])
    return np.asarray(np.intersect1d(moved, np.setdiff1d(every, left)), np.int64)


def _share(which: NDArray[np.bool_]) -> float | None:
    return float(which.mean()) if len(which) else None
