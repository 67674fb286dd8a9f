"""Readings as columns, in the order that every step works on: by station, then by time."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("pm10", "pm25", "tsp", "temp", "rh", "wind_speed", "wind_dir", "rain")
"""Columns of `Readings.values`."""

PM10, PM25, TSP, TEMP, RH, WIND_SPEED, WIND_DIR, RAIN = range(len(COLUMNS))

TAIL = 16
"""Readings per station that later ones are compared with: no test looks back further."""


@dataclass(frozen=True, slots=True)
class Readings:
    """`station` (n,) index, `ts_ms` (n,), `values` (n, len(COLUMNS)) with NaN where there is none,
    `status` (n,) the HJ 212 flag as a code point."""

    station: NDArray[np.int64]
    ts_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    status: NDArray[np.int64]

    @classmethod
    def none(cls) -> Self:
        return cls(
            np.empty(0, np.int64),
            np.empty(0, np.int64),
            np.empty((0, len(COLUMNS))),
            np.empty(0, np.int64),
        )

    def __len__(self) -> int:
        return len(self.ts_ms)

    def __getitem__(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> "Readings":
        return Readings(
            self.station[index], self.ts_ms[index], self.values[index], self.status[index]
        )

    def then(self, later: "Readings") -> "Readings":
        """Both, sorted by station and time."""
        both = Readings(
            np.concatenate((self.station, later.station)),
            np.concatenate((self.ts_ms, later.ts_ms)),
            np.concatenate((self.values, later.values)),
            np.concatenate((self.status, later.status)),
        )
        return both[np.lexsort((both.ts_ms, both.station))]

    def tail(self, count: int = TAIL) -> "Readings":
        """The last `count` of each station; self must be sorted."""
        return self[self.in_tail(count)]

    def in_tail(self, count: int = TAIL) -> NDArray[np.bool_]:
        """(n,) which are among the last `count` of their station; self must be sorted."""
        ends = np.searchsorted(self.station, self.station, side="right")
        within: NDArray[np.bool_] = ends - np.arange(len(self)) <= count
        return within

    def previous(self, steps: int) -> NDArray[np.bool_]:
        """(n,) whether the reading `steps` rows above is of the same station; self is sorted."""
        same = np.zeros(len(self), bool)
        same[steps:] = self.station[steps:] == self.station[: max(len(self) - steps, 0)]
        return same
