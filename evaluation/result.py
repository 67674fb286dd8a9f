"""A trial as it is kept for comparison: its figures, and the little that pictures need."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from evaluation.counterfactual import VerdictSaid
from evaluation.record import BLOCK_MIN, Record
from evaluation.scoring import Figures, score
from geo.district import District
from geo.graph import RoadGraph

__all__ = ["Result", "result_of"]


@dataclass(frozen=True)
class Result:
    """A policy's figures under one seed.

    mean_increment: (segment,) over the whole trial. course: (block,) resident-weighted mean of
    the true increment over blocks of `BLOCK_MIN` minutes; background: (block,). All in µg/m³ of
    PM10.
    """

    policy: str
    seed: int
    start: datetime
    figures: Figures
    mean_increment: NDArray[np.float64]
    course: NDArray[np.float64]
    background: NDArray[np.float64]


def result_of(
    record: Record,
    district: District,
    verdicts: Sequence[VerdictSaid] = (),
    *,
    graph: RoadGraph | None = None,
) -> Result:
    """Give what is kept of a trial; verdicts are those that the platform came to in it.

    graph: that of the trial, so that what it stands on is not worked out again.
    """
    weights = record.residents / max(float(record.residents.sum()), 1.0)
    return Result(
        policy=record.policy,
        seed=record.seed,
        start=record.start,
        figures=score(record, district, verdicts, graph=graph),
        mean_increment=record.increment.mean(axis=0, dtype=np.float64),
        course=_blocks(record.increment.astype(np.float64) @ weights),
        background=_blocks(record.background.astype(np.float64)),
    )


def _blocks(minutes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over blocks; a last short one is left out."""
    whole = len(minutes) // BLOCK_MIN
    return np.asarray(minutes[: whole * BLOCK_MIN].reshape(whole, BLOCK_MIN).mean(axis=1))
