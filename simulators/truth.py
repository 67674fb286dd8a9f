"""What each segment really felt, beside what the platform was told."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TruthMinute:
    """One minute: ts in ms since 1970, the minute's end; arrays (segment,) and (site,)."""

    ts_ms: int
    background: float
    road: Floats
    site: Floats
    silt_g_m2: Floats
    film_mm: Floats
    failing: NDArray[np.bool_]


@dataclass(slots=True)
class Truth:
    """The minutes of a run.

    `road` and `site` are what streets and sites add at the kerbs of each segment, in µg/m³ of
    PM10; both together are the true increment.
    """

    segments: tuple[str, ...]
    sites: tuple[str, ...]
    _ts: list[int] = field(default_factory=list, repr=False)
    _background: list[float] = field(default_factory=list, repr=False)
    _arrays: dict[str, list[Rows]] = field(default_factory=dict, repr=False)
    _failing: list[NDArray[np.bool_]] = field(default_factory=list, repr=False)

    def add(self, minute: TruthMinute) -> None:
        """Keep a minute."""
        self._ts.append(minute.ts_ms)
        self._background.append(minute.background)
        for name in ("road", "site", "silt_g_m2", "film_mm"):
            self._arrays.setdefault(name, []).append(getattr(minute, name).astype(np.float32))
        self._failing.append(minute.failing)

    @property
    def ts(self) -> NDArray[np.datetime64]:
        """(time,) the ends of the minutes, UTC."""
        return np.array(self._ts, "datetime64[ms]")

    @property
    def background(self) -> Floats:
        """(time,) regional PM10 in µg/m³."""
        return np.array(self._background)

    @property
    def increment(self) -> Rows:
        """(time, segment) what streets and sites add, µg/m³ of PM10."""
        return self.of("road") + self.of("site")

    @property
    def failing(self) -> NDArray[np.bool_]:
        """(time, site) whether the gate lets trucks out unwashed."""
        return np.array(self._failing).reshape(len(self._ts), len(self.sites))

    def of(self, name: str) -> Rows:
        """(time, segment) of `road`, `site`, `silt_g_m2` or `film_mm`."""
        shape = (len(self._ts), len(self.segments))
        return np.array(self._arrays.get(name, []), np.float32).reshape(shape)

    def write_csv(self, path: Path) -> None:
        """A row for each segment and minute."""
        columns = [self.of(name) for name in ("road", "site", "silt_g_m2", "film_mm")]
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["ts", "segment", "background", "road", "site", "silt_g_m2", "film_mm"])
            for at, (ts, background) in enumerate(zip(self.ts, self._background, strict=True)):
                for index, segment in enumerate(self.segments):
                    values = [f"{column[at, index]:.4g}" for column in columns]
                    rows.writerow([f"{ts}Z", segment, f"{background:.4g}", *values])
