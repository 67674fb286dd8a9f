"""Does a logger replay what it sent a day before? Digests of quarter hours, not values, are kept.

A quarter hour's digest is a sum over its readings, so that it can be added up however time was
cut. Where quarter after quarter has the digest of the day before, and the values moved, the
readings from then on are repeated, until a quarter differs.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

SLOT_MIN = 15
SLOTS = 24 * 60 // SLOT_MIN

_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], np.uint64
)


@dataclass(frozen=True, slots=True)
class RepeatState:
    """digests: (SLOTS, S) of the last day, 0 where nothing was said; slot: (1,) the quarter hour
    under way since 1970, and (S,) its digest so far, its readings, those that moved; matched,
    moved: (S,) readings, and those that moved, that the day before had as well, running."""

    digests: NDArray[np.uint32]
    slot: NDArray[np.int64]
    digest: NDArray[np.uint64]
    count: NDArray[np.int64]
    moves: NDArray[np.int64]
    matched: NDArray[np.int64]
    moved: NDArray[np.int64]

    @classmethod
    def start(cls, stations: int) -> Self:
        """Nothing known."""
        return cls(
            np.zeros((SLOTS, stations), np.uint32),
            np.full(1, -1, np.int64),
            np.zeros(stations, np.uint64),
            *(np.zeros(stations, np.int64) for _ in range(4)),
        )


def repeats(
    state: RepeatState,
    station: NDArray[np.int64],
    minute: NDArray[np.int64],
    milli: NDArray[np.int64],
    moves: NDArray[np.bool_],
    *,
    upto: int,
    enough: int,
) -> tuple[RepeatState, NDArray[np.int64]]:
    """(n,) how many readings before each have repeated the day before, 0 while fewer than
    `enough` of them moved; and the state at the end of minute `upto`.

    milli: (n, k) values in thousandths, -1 where there is none; moves: (n,) which differ from the
    station's reading before.
    """
    slot = (minute - 1) // SLOT_MIN
    last = (upto - 1) // SLOT_MIN
    first = int(state.slot[0]) if state.slot[0] >= 0 else (int(slot.min()) if len(slot) else last)
    stations = len(state.count)
    shape = (last - first + 1, stations)
    digest = np.zeros(shape, np.uint64)
    count, moved = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    digest[0], count[0], moved[0] = state.digest, state.count, state.moves
    place = (slot - first, station)
    np.add.at(digest, place, _hash(milli, (minute - 1) % SLOT_MIN))
    np.add.at(count, place, 1)
    np.add.at(moved, place, moves.astype(np.int64))

    digests = state.digests.copy()
    matched, all_moved = state.matched.copy(), state.moved.copy()
    repeated = np.zeros(shape, np.int64)
    for i in range(len(digest)):
        if i:
            at = (first + i - 1) % SLOTS
            there = count[i - 1] > 0
            # Half of a digest is enough to tell by, and half as much to keep.
            short = (digest[i - 1] >> np.uint64(32)).astype(np.uint32)
            same = there & (short == digests[at])
            # Quarters without a reading say nothing either way.
            matched = np.where(same, matched + count[i - 1], np.where(there, 0, matched))
            all_moved = np.where(same, all_moved + moved[i - 1], np.where(there, 0, all_moved))
            digests[at] = np.where(there, short, 0)
        repeated[i] = np.where(all_moved >= enough, matched, 0)
    kept = RepeatState(
        digests, np.array([last]), digest[-1], count[-1], moved[-1], matched, all_moved
    )
    return kept, repeated[place]


def _hash(milli: NDArray[np.int64], position: NDArray[np.int64]) -> NDArray[np.uint64]:
    """(n,) of all values of a reading and of its minute within the quarter hour."""
    with np.errstate(over="ignore"):
        mixed = (position.astype(np.uint64) + np.uint64(1)) * _FACTORS[3]
        for column, factor in zip(milli.T, _FACTORS, strict=False):
            mixed = (mixed ^ column.astype(np.uint64)) * factor
            mixed ^= mixed >> np.uint64(29)
        return np.asarray(mixed | np.uint64(1), np.uint64)
