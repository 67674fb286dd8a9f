"""What is in hand between the broker and the commit, and no more of it than is allowed."""

import queue
from typing import NamedTuple


class Arrival(NamedTuple):
    """A message as it came. link: which connection brought it; its `mid` means nothing on another.

    topic: without the prefix. again: the broker says that it has sent it before. at_s: when it
    came, by a clock that never jumps.
    """

    topic: str
    payload: bytes
    qos: int
    mid: int
    link: int
    again: bool = False
    at_s: float = 0.0


class InHand:
    """Hand-over from the network thread, which puts, to the writer, which takes and settles.

    A message counts from `put` until `settle`, so the bound covers the batch being written too.
    Each count has one writing thread, so none needs a lock.
    """

    def __init__(self, most_messages: int, most_bytes: int) -> None:
        self.most_messages, self._most_bytes = most_messages, most_bytes
        self._queue: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
        self._put_messages = self._put_bytes = 0
        self._settled_messages = self._settled_bytes = 0

    @property
    def messages(self) -> int:
        """Put and not settled."""
        return self._put_messages - self._settled_messages

    def has_room(self) -> bool:
        return (
            self._put_messages - self._settled_messages < self.most_messages
            and self._put_bytes - self._settled_bytes < self._most_bytes
        )

    def is_taken(self) -> bool:
        """Whether the writer has taken all that was put."""
        return self._queue.empty()

    def put(self, arrival: Arrival) -> None:
        self._put_messages += 1
        self._put_bytes += len(arrival.payload)
        self._queue.put(arrival)

    def wake(self) -> None:
        """Make `take` return None."""
        self._queue.put(None)

    def take(self, timeout_s: float) -> Arrival | None:
        """The next message; None when none comes in time, or on `wake`."""
        try:
            return self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def settle(self, arrivals: list[Arrival]) -> None:
        """These are stored, or will come again: forget them."""
        self._settled_messages += len(arrivals)
        self._settled_bytes += sum(len(arrival.payload) for arrival in arrivals)
