"""Who may connect: not too many at once, not too many of one address, nobody who keeps guessing."""

from collections import Counter, OrderedDict, deque
from typing import Literal

Why = Literal["full", "address", "guessing"]

MOST_ADDRESSES = 10_000
GUESSING_S = 60.0


class Door:
    """Counts connections. `enter` says why not, or None; who has entered must `leave`."""

    def __init__(self, most: int, most_per_address: int, guesses_per_min: int) -> None:
        self._most, self._most_per_address = most, most_per_address
        self._guesses = guesses_per_min
        self._inside: Counter[str] = Counter()
        self._refused: OrderedDict[str, deque[float]] = OrderedDict()

    @property
    def inside(self) -> int:
        return self._inside.total()

    def enter(self, address: str, now_s: float) -> Why | None:
        if self.inside >= self._most:
            return "full"
        if self._inside[address] >= self._most_per_address:
            return "address"
        guesses = self._refused.get(address)
        if guesses is not None:
            while guesses and guesses[0] < now_s - GUESSING_S:
                guesses.popleft()
            if len(guesses) >= self._guesses:
                return "guessing"
        self._inside[address] += 1
        return None

    def leave(self, address: str) -> None:
        self._inside[address] -= 1
        if self._inside[address] <= 0:
            del self._inside[address]

    def was_refused(self, address: str, now_s: float) -> None:
        """A device of that address gave a wrong number or password."""
        guesses = self._refused.setdefault(address, deque(maxlen=self._guesses))
        guesses.append(now_s)
        self._refused.move_to_end(address)
        while len(self._refused) > MOST_ADDRESSES:
            self._refused.popitem(last=False)
