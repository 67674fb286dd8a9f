"""Thresholds of the quality tests out of history: what believed readings stay under.

Per kind of station the value that one believed reading in a hundred thousand passes, and a margin
over it, for the jump over the median of five, its ratio to that median, and the change a minute.
Where history is too short to tell, nothing is proposed and the default stands.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from analytics.arrivals import Arrivals
from analytics.layout import Layout
from analytics.minutes import minute_of
from analytics.moments import milliseconds, minute_at, time_of
from analytics.quality import Rows
from analytics.readings import Readings
from analytics.settings import STATION_KINDS, QualitySettings
from geo.district import District
from store.database import Connection
from store.statements import statements

SQL = statements("health")

RARE = 1e-5
MARGIN = 1.25
ENOUGH = 20_000
"""Believed readings of a kind without which nothing is proposed."""
CLOSE_MIN = 30.0
DAY_MIN = 1440

Believed = tuple[Readings, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Thresholds for one kind of station, out of so many believed readings."""

    kind: str
    readings: int
    values: dict[str, float]


def propose(days: Iterable[Believed], kinds: NDArray[np.int64]) -> list[Proposal]:
    """Thresholds that history can tell, by kind.

    days: sorted readings and (n,) which of them passed every test, block by block; kinds: (S,) as
    in STATION_KINDS.
    """
    seen: list[list[NDArray[np.float32]]] = [[] for _ in STATION_KINDS]
    for readings, believed in days:
        rows = Rows.of(readings, np.arange(len(readings)), minute_of(readings.ts_ms), kinds)
        jump = rows.pm[:, 0] - rows.usual[:, 0]
        times = rows.pm[:, 0] / np.maximum(rows.usual[:, 0], 1.0)
        rate = np.abs(rows.pm[:, 0] - rows.before[0][:, 0]) / np.maximum(rows.gap_min[:, 0], 1.0)
        known = believed & (rows.gap_min[:, 4] <= CLOSE_MIN) & np.isfinite(jump + rate)
        each = np.stack((jump, times, rate)).astype(np.float32)
        for kind, kept in enumerate(seen):
            kept.append(each[:, known & (rows.kind == kind)])
    return [
        Proposal(name, count, _thresholds(*np.concatenate(seen[kind], axis=1)))
        for kind, name in enumerate(STATION_KINDS)
        if (count := sum(part.shape[1] for part in seen[kind])) >= ENOUGH
    ]


def _thresholds(
    jump: NDArray[np.float32], times: NDArray[np.float32], rate: NDArray[np.float32]
) -> dict[str, float]:
    share = 1.0 - max(RARE, 1.0 / len(jump))
    # Many times next to nothing is no jump: the ratio counts where the jump is large as well.
    large = jump >= np.quantile(jump, 0.99)
    return {
        "spike_min": _tens(MARGIN * float(np.quantile(jump, share))),
        "spike_factor": round(max(MARGIN * float(np.quantile(times[large], 0.999)), 2.0), 1),
        "rate_max": _tens(MARGIN * float(np.quantile(rate, share))),
    }


def _tens(value: float) -> float:
    return float(max(np.ceil(value / 10.0) * 10.0, 10.0))


def as_toml(proposals: Iterable[Proposal], settings: QualitySettings) -> str:
    """Lines for district.toml, each with what is in force now."""
    lines = []
    for one in proposals:
        lines += [f"[analytics.quality.{one.kind}]", f"# of {one.readings:,} believed readings"]
        now = getattr(settings, one.kind)
        lines += [
            f"{key} = {value}  # now {getattr(now, key)}" for key, value in one.values.items()
        ]
        lines.append("")
    return "\n".join(lines)


def history(
    conn: Connection, district: District, layout: Layout, first: datetime, last: datetime
) -> Iterator[Believed]:
    """The readings of a span, a day at a time, and which of them no test has doubted."""
    arrivals = Arrivals(district, layout)
    index = {name: i for i, name in enumerate(layout.stations)}
    for after in range(minute_at(first), minute_at(last), DAY_MIN):
        upto = min(after + DAY_MIN, minute_at(last))
        readings = arrivals.readings(conn, after, upto)
        doubted = conn.execute(
            SQL.doubted_readings, {"first": time_of(after), "last": time_of(upto)}
        ).fetchall()
        keys = np.array(
            [milliseconds(ts) * len(index) + index[name] for name, ts in doubted if name in index],
            np.int64,
        )
        yield readings, ~np.isin(readings.ts_ms * len(index) + readings.station, keys)
