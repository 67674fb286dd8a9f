"""What each segment really felt, and from where, beside what the platform was told."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import numpy as np
from numpy.typing import NDArray

from simulators.street import Streets
from simulators.treatment import Work

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class TruthMinute:
    """One minute: ts in ms since 1970, the minute's end; PM10 at the kerbs in µg/m³.

    street: (segment,) from silt that no site brought; tracked: (segment, site) from soil and
    spill that each site brought onto the streets; plume: (segment, site) from the sites' own
    ground. Sites are the district's in order, then those that the scenario opens.
    """

    ts_ms: int
    background: float
    street: Floats
    tracked: Floats
    plume: Floats
    silt_g_m2: Floats
    film_mm: Floats
    failing: NDArray[np.bool_]

    @property
    def increment(self) -> Floats:
        """(segment,) what streets and sites add."""
        return np.asarray(
            self.street + self.tracked.sum(axis=1) + self.plume.sum(axis=1), np.float64
        )


_PER_SEGMENT = ("street", "silt_g_m2", "film_mm")
_PER_SITE = ("tracked", "plume")


@dataclass(slots=True)
class Truth:
    """The minutes of a run, in memory."""

    segments: tuple[str, ...]
    sites: tuple[str, ...]
    works: list[tuple[int, Work]] = field(default_factory=list, repr=False)
    _ts: list[int] = field(default_factory=list, repr=False)
    _background: list[float] = field(default_factory=list, repr=False)
    _arrays: dict[str, list[Rows]] = field(default_factory=dict, repr=False)
    _failing: list[NDArray[np.bool_]] = field(default_factory=list, repr=False)

    def add(self, minute: TruthMinute, works: Iterable[Work] = ()) -> None:
        """Keep a minute, and what crews did in it."""
        self._ts.append(minute.ts_ms)
        self._background.append(minute.background)
        for name in _PER_SEGMENT + _PER_SITE:
            self._arrays.setdefault(name, []).append(getattr(minute, name).astype(np.float32))
        self._failing.append(minute.failing)
        self.works += [(minute.ts_ms, work) for work in works]

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
        return np.asarray(
            self.of("street") + self.of("tracked").sum(axis=2) + self.of("plume").sum(axis=2),
            np.float32,
        )

    @property
    def failing(self) -> NDArray[np.bool_]:
        """(time, site) whether the gate lets trucks out unwashed."""
        return np.array(self._failing, bool).reshape(len(self._ts), len(self.sites))

    def of(self, name: str) -> Rows:
        """(time, segment) of `street`, `silt_g_m2`, `film_mm`; (…, site) of `tracked`, `plume`."""
        shape: tuple[int, ...] = (len(self._ts), len(self.segments))
        if name in _PER_SITE:
            shape += (len(self.sites),)
        return np.array(self._arrays.get(name, []), np.float32).reshape(shape)


class TruthFiles:
    """Writes the minutes of a run into a folder as they come; memory stays flat.

    ``segments-YYYY-MM-DD.csv`` (a file for each UTC day) has a row for each minute and segment:
    ts, segment, background, street, a column for each site (what it brought onto the streets
    and its own plume together), all µg/m³ of PM10, then silt_g_m2 and film_mm.
    ``gates.csv`` has the spells in which wheel washes failed, ``treatments.csv`` what crews did.
    """

    def __init__(self, folder: Path, streets: Streets, site_ids: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._segments = streets.ids
        self._sites = tuple(site_ids)
        # Of a cell's number four figures are kept.
        numbers = ",".join(["%.4g"] * (1 + len(self._sites) + 2))
        self._rows = "".join(f"%s,{_quoted(name)},%s,{numbers}\n" for name in self._segments)
        self._day = ""
        self._file: TextIO | None = None
        self._gates = (folder / "gates.csv").open("w", newline="", encoding="utf-8")
        self._gate_rows = csv.writer(self._gates)
        self._gate_rows.writerow(["site", "from", "to"])
        self._works = (folder / "treatments.csv").open("w", newline="", encoding="utf-8")
        self._work_rows = csv.writer(self._works)
        self._work_rows.writerow(
            ["ts", "crew", "order", "treatment", "segment", "site", "share", "water_l"]
        )
        self._failing_from: dict[int, int] = {}
        self._last_ms = 0

    def add(self, minute: TruthMinute, works: Iterable[Work] = ()) -> None:
        """Write a minute, and what crews did in it."""
        ts = _text(minute.ts_ms)
        # The minute that ends at midnight belongs to the day that ends then.
        self._open(_text(minute.ts_ms - 1)[:10])
        assert self._file is not None
        by_site = minute.tracked + minute.plume
        table = np.column_stack([minute.street, by_site, minute.silt_g_m2, minute.film_mm])
        background = f"{minute.background:.4g}"
        cells: list[object] = []
        for row in table.tolist():
            cells += (ts, background, *row)
        self._file.write(self._rows % tuple(cells))
        self._write_gates(minute)
        for work in works:
            self._work_rows.writerow(
                [ts, work.crew, work.order, work.treatment, work.segment or "", work.site or "",
                 f"{work.share:.4g}", f"{work.water_l:.4g}"]
            )  # fmt: skip
        self._last_ms = minute.ts_ms

    def close(self) -> None:
        """End what is still going on, and close the files."""
        for site, since in sorted(self._failing_from.items()):
            self._gate_rows.writerow([self._sites[site], _text(since), _text(self._last_ms)])
        self._failing_from.clear()
        for file in (self._file, self._gates, self._works):
            if file is not None:
                file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self, day: str) -> None:
        if day == self._day:
            return
        if self._file is not None:
            self._file.close()
        path = self._folder / f"segments-{day}.csv"
        self._file = path.open("w", newline="", encoding="utf-8")
        csv.writer(self._file, lineterminator="\n").writerow(
            ["ts", "segment", "background", "street", *self._sites, "silt_g_m2", "film_mm"]
        )
        self._day = day

    def _write_gates(self, minute: TruthMinute) -> None:
        began = minute.ts_ms - MINUTE_MS
        for site in np.flatnonzero(minute.failing).tolist():
            self._failing_from.setdefault(site, began)
        for site in [site for site in self._failing_from if not minute.failing[site]]:
            since = self._failing_from.pop(site)
            self._gate_rows.writerow([self._sites[site], _text(since), _text(began)])


def _text(ts_ms: int) -> str:
    """A time as messages have it."""
    at = datetime.fromtimestamp(ts_ms / 1000, UTC)
    return at.isoformat(timespec="auto").replace("+00:00", "Z")


def _quoted(name: str) -> str:
    """A name as a cell of a CSV file in a template for ``%``."""
    plain = name.replace("%", "%%")
    if any(mark in name for mark in ',"\n\r'):
        return '"' + plain.replace('"', '""') + '"'
    return plain
