"""What truly happened, written down as it happens; the platform never sees it."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from geo.district import District
from simulators.devices.faults import FAULT_COLUMNS, FaultyReading
from simulators.dust import Minute
from simulators.physics import Street
from simulators.scenario import Scenario
from simulators.treatment import Work
from simulators.truth import TruthFiles


class Chronicle:
    """A folder of CSV files beside a run: those of `TruthFiles`, and `faults.csv`.

    Attributes
    ----------
    street
        The physics that is written down; the run has to be built on it.
    """

    def __init__(self, folder: Path, district: District, scenario: Scenario, seed: int) -> None:
        self.street = Street(district, scenario, seed, record=self._add)
        self._truth = TruthFiles(folder, self.street.dust.streets, self.street.dust.site_ids)
        self._faults = (folder / "faults.csv").open("w", newline="", encoding="utf-8")
        self._rows = csv.writer(self._faults)
        self._rows.writerow(FAULT_COLUMNS)

    def faulty(self, readings: Iterable[FaultyReading]) -> None:
        """Write what was wrong with readings."""
        self._rows.writerows(reading.row() for reading in readings)

    def close(self) -> None:
        """End what is still going on, and close the files."""
        self._truth.close()
        self._faults.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _add(self, minute: Minute, works: Sequence[Work]) -> None:
        self._truth.add(minute.truth, works)
