"""Records written by hand, for what has to come out of them."""

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from evaluation.record import BLOCK_MIN, STREET, EpisodeSaid, OrderSaid, ProgressSaid, Record
from simulators.scenario import DustSpell, Scenario

START = datetime(2026, 3, 2, tzinfo=UTC)


def record_of(
    increment: NDArray[np.float64],
    *,
    site_share: float = 0.0,
    orders: tuple[OrderSaid, ...] = (),
    progress: tuple[ProgressSaid, ...] = (),
    episodes: tuple[EpisodeSaid, ...] = (),
    dust: tuple[DustSpell, ...] = (),
    judges: bool = True,
    policy: str = "platform",
    seed: int = 1,
) -> Record:
    """A trial of segments A1 and C2 whose minutes had these increments, (time, segment)."""
    minutes = len(increment)
    blocks = increment[: minutes - minutes % BLOCK_MIN]
    blocks = blocks.reshape(-1, BLOCK_MIN, increment.shape[1]).mean(axis=1)
    return Record(
        policy=policy,
        judges=judges,
        scenario=Scenario(name="made up", purpose="-", start=START, days=1.0, dust=dust),
        seed=seed,
        start=START,
        segments=("A1", "C2")[: increment.shape[1]],
        sources=(STREET, "Q1"),
        residents=np.array([900.0, 100.0])[: increment.shape[1]],
        increment=increment.astype(np.float32),
        background=np.full(minutes, 40.0, np.float32),
        by_source=np.stack([(1.0 - site_share) * blocks, site_share * blocks], axis=2).astype(
            np.float32
        ),
        works=(),
        orders=orders,
        progress=progress,
        episodes=episodes,
        km={"W1": 3.0},
        water_m3={"W1": 2.0},
    )
