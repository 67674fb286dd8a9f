"""Waiting for a condition, with an end."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL_S = 0.01


def wait_until(
    condition: Callable[[], bool], failure: Callable[[], str], patience_s: float = 30.0
) -> None:
    """Return as soon as the condition holds.

    Raises
    ------
    TimeoutError
        With the text of ``failure()`` when it does not hold in time.
    """
    deadline_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError(failure())
        time.sleep(POLL_S)
