"""A server process that never outlives the one that started it.

The server is the child of a small guard. When the owner closes its pipe to the guard, or
ends in any way at all, the guard shuts the server down in good order. If the guard itself
is killed, the kernel tells the server (``PR_SET_PDEATHSIG``). A guard is a process of its
own because the kernel's signal alone would fire when the *thread* that started the
server ends, and because Ctrl-C in a terminal must reach the owner first: it decides
the order in which things stop.

This file is also the guard's program, so it imports the standard library alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1

# SIGINT is the orderly stop of PostgreSQL ("fast"), of nats-server and of Mosquitto.
# SIGQUIT makes PostgreSQL end at once and repair itself on the next start.
STOP_LADDER = ((signal.SIGINT, 3.5), (signal.SIGQUIT, 0.5), (signal.SIGKILL, 5.0))


class Guarded:
    """A running server under guard.

    Parameters
    ----------
    command
        Program and arguments of the server.
    log
        File that the server's output is appended to.
    prefix
        Command that the guard itself is run by, such as ``setpriv …``.
    held_fds
        Descriptors that stay open as long as the guard lives (locks).
    env
        Environment of the server; by default that of this process.

    Raises
    ------
    OSError
        When the server's program cannot be run; the message ends with the log's.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        prefix: Sequence[str] = (),
        held_fds: Sequence[int] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.log = log
        self._guard = subprocess.Popen(
            [*prefix, sys.executable, "-I", "-S", __file__, str(os.getpid()), str(log), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=held_fds,
            env=None if env is None else dict(env),
        )
        assert self._guard.stdout is not None
        pid = self._guard.stdout.readline()
        if not pid:
            self.stop()
            raise OSError(f"cannot run {command[0]}: {self.log_tail(3)}")
        self.pid = int(pid)

    @property
    def guard_pid(self) -> int:
        """Process id of the guard, which is the server's parent."""
        return self._guard.pid

    def running(self) -> bool:
        """Tell whether the server runs."""
        return self._guard.poll() is None

    def stop(self) -> None:
        """Stop the server in good order, in at most 5 seconds; harmless when it has ended."""
        for pipe in (self._guard.stdin, self._guard.stdout):
            if pipe is not None:
                pipe.close()
        self._guard.wait()

    def kill(self) -> None:
        """End the server as a crash would: no last word, nothing flushed."""
        if self.running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def log_tail(self, lines: int = 20) -> str:
        """Give the last lines that the server wrote."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return f"(no log {self.log})"
        return "\n".join(text.splitlines()[-lines:])


def _watch(owner_pid: int, log: IO[bytes], command: Sequence[str]) -> int:
    """Run the server until it ends or its owner lets go; give its exit status."""
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    libc = ctypes.CDLL(None, use_errno=True)
    guard_pid = os.getpid()

    def die_with_the_guard() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != guard_pid:
            os._exit(1)

    try:
        # The guard has one thread, so the code between fork and exec cannot deadlock.
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_the_guard,  # noqa: PLW1509
        )
    except OSError as error:
        log.write(f"{error}\n".encode())
        return 127
    sys.stdout.write(f"{server.pid}\n")
    sys.stdout.flush()
    server_ended = os.pidfd_open(server.pid)
    news = select.poll()
    news.register(server_ended, select.POLLIN)
    news.register(sys.stdin.fileno(), select.POLLIN | select.POLLHUP)
    # A process that the owner forked may hold the pipe open after the owner's end.
    with contextlib.suppress(ProcessLookupError):
        news.register(os.pidfd_open(owner_pid), select.POLLIN)
    owner_lives = os.getppid() == owner_pid
    if not owner_lives or all(fd != server_ended for fd, _ in news.poll()):
        for stop_signal, patience_s in STOP_LADDER:
            server.send_signal(stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(patience_s)
                break
    return server.wait()


def main(arguments: Sequence[str]) -> int:
    """Guard a server; the arguments are its owner's pid, its log and its command."""
    owner_pid, log_path, *command = arguments
    with Path(log_path).open("ab", buffering=0) as log:
        return _watch(int(owner_pid), log, command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) and 1)
