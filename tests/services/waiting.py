"""Waiting for a condition, with an end."""

from __future__ import annotations

from collections.abc import Callable

from roaddust.embedded.starting import until


def wait_until(
    condition: Callable[[], bool], failure: Callable[[], str], patience_s: float = 30.0
) -> None:
    """Return as soon as the condition holds.

    Raises
    ------
    TimeoutError
        With the text of ``failure()`` when it does not hold in time.
    """
    if not until(condition, patience_s):
        raise TimeoutError(failure())
