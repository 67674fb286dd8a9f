"""The ledger of planted dead letters: what a platform must refuse of what was published.

It keeps to the contract's table of bad input, so that a run can be held against it: letters that
are missing are bad input that was taken, letters too many are good input that was not.
"""

from collections import Counter, deque
from collections.abc import Iterable
from typing import NamedTuple

AHEAD_MS = 10 * 60_000


class Said(NamedTuple):
    """A reading as it arrives: when it truly was, the time it carries, and a mark of its values."""

    true_ms: int
    ts_ms: int
    mark: int


class _Memory:
    """The readings of one station that are stored and may still meet one of the same time.

    Two readings carry one time only if their clocks differed by as much as they lie apart, so
    what is older than the widest such gap is forgotten.
    """

    def __init__(self, widest_ms: int) -> None:
        self._widest_ms = widest_ms
        self._marks: dict[int, int] = {}
        self._order: deque[tuple[int, int]] = deque()
        self.stored = 0

    def __len__(self) -> int:
        return len(self._marks)

    def fits(self, one: Said) -> bool:
        """Store a reading; False where another is stored for its time."""
        order = self._order
        while order and order[0][0] < one.true_ms - self._widest_ms:
            del self._marks[order.popleft()[1]]
        mark = self._marks.get(one.ts_ms)
        if mark is None:
            self._marks[one.ts_ms] = one.mark
            order.append((one.true_ms, one.ts_ms))
            self.stored += 1
            return True
        return mark == one.mark


class Ledger:
    """Counts rows of the dead-letter table by their reason; a message sent twice leaves one row.

    Exact where the platform's clock is told of each minute, and no station writes local times
    that a change of the clocks repeats.
    """

    def __init__(self) -> None:
        self.planted: Counter[str] = Counter()
        self._memories: dict[str, _Memory] = {}

    def watch(self, station: str, most_off_min: float) -> None:
        """Expect of a station that its clock may be so far off, either way."""
        self._memories[station] = _Memory(round(2 * most_off_min * 60_000))

    def watches(self, station: str) -> bool:
        """Whether readings of a station need to be told."""
        return station in self._memories

    def tell(self, station: str, clock_ms: int, readings: Iterable[Said], *, whole: bool) -> int:
        """A message arrives when the platform's clock shows `clock_ms`.

        whole: its readings cannot be told from each other in the table, so it is one letter, and
        what is ahead of the clock is found before it is tried to be stored.

        Returns how many of its readings are to be stored that were not before.
        """
        memory = self._memories[station]
        before = memory.stored
        reasons = [
            reason for one in readings if (reason := _reason(memory, one, clock_ms)) is not None
        ]
        self.planted.update(sorted(reasons)[:1] if whole else reasons)
        return memory.stored - before

    def refused(self, reason: str) -> None:
        """A message is broken, in one place."""
        self.planted[reason] += 1

    def remembered(self) -> int:
        """How many readings are in memory."""
        return sum(map(len, self._memories.values()))


def _reason(memory: _Memory, one: Said, clock_ms: int) -> str | None:
    if one.ts_ms > clock_ms + AHEAD_MS:
        return "ahead"
    return None if memory.fits(one) else "conflict"
