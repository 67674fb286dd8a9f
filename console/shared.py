"""Answers that are the same for everybody: made once, however many browsers ask at the same moment.

A page asks for the plan anew whenever orders have changed, and so do all the others. What is kept
is good for as long as the feed has seen no change in what it is made of; nobody watching, nothing
is known to be unchanged, and every answer is made anew.
"""

import asyncio
from collections.abc import Awaitable, Callable

from console.feed import Feed

Make = Callable[[], Awaitable[bytes]]


class Shared:
    """Kept answers by name; `feed` says what has changed."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._kept: dict[str, tuple[int, asyncio.Task[bytes]]] = {}

    async def answer(self, name: str, section: str, make: Make) -> bytes:
        """What `make` gives, once for each change of a section of the state."""
        version = self._feed.changed(section)
        if version is None:
            return await make()
        kept = self._kept.get(name)
        if kept is None or kept[0] != version or _failed(kept[1]):
            kept = (version, asyncio.ensure_future(make()))
            self._kept[name] = kept
        # Whoever leaves takes nothing away from those who wait for the same.
        return await asyncio.shield(kept[1])


def _failed(task: asyncio.Task[bytes]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
