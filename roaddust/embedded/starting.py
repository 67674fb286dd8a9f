"""What the start of every server has in common: waiting, logs, and telling why it failed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from roaddust.guard import Guarded

START_PATIENCE_S = 60.0
POLL_S = 0.01


class StartFailed(RuntimeError):
    """A server could not be started; the message carries the end of its log."""


def until(condition: Callable[[], bool], patience_s: float) -> bool:
    """Wait for a condition; False when it did not come in time."""
    deadline_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(POLL_S)
    return True


def wait_for(server: Guarded, ready: Callable[[], bool], service: str, folder: Path) -> None:
    """Return when a server is ready; stop it and raise StartFailed when it cannot be."""
    answered = False

    def decided() -> bool:
        nonlocal answered
        answered = ready()
        return answered or not server.running()

    until(decided, START_PATIENCE_S)
    # A port answers to whoever holds it: only with our server alive is it ours.
    if not answered or not server.running():
        ended = not server.running()
        server.stop()
        what = "ended at once" if ended else f"does not answer after {START_PATIENCE_S:.0f} s"
        raise StartFailed(
            f"{service} on {folder} {what}. The end of its log {server.log}:\n{server.log_tail()}"
        )


def of_running(server: Guarded | None) -> Guarded:
    """Give the server; RuntimeError when it was not started."""
    if server is None:
        raise RuntimeError("the server is not running; call start() or use it in a with statement")
    return server


def rotate(log: Path) -> None:
    """Keep the log of the last run but one out of the way of the next."""
    with contextlib.suppress(FileNotFoundError):
        log.replace(log.with_suffix(".previous.log"))
