"""A command that runs until it is told to end."""

import signal
import threading


def stop_on_signals() -> threading.Event:
    """Set by Ctrl-C or SIGTERM; a second Ctrl-C is as abrupt as ever."""
    stop = threading.Event()

    def on_signal(signum: int, _frame: object) -> None:
        stop.set()
        signal.signal(signum, signal.SIG_DFL)

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return stop
