"""A real TimescaleDB (Apache edition, PostgreSQL 17) on a Unix socket."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import psycopg

from roaddust.embedded.postgres import SOCKET_NAME, SOCKET_PATH_LIMIT
from roaddust.guard import Guarded
from tests.services.trixie import UNPRIVILEGED, inside, trixie_root, workplace
from tests.services.waiting import wait_until

# Nothing of this machine's environment holds inside the chroot.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
PROGRAMS = "/usr/lib/postgresql/17/bin"
SETTINGS: Mapping[str, str] = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    # One scheduler runs per database that has the extension.
    "timescaledb.max_background_workers": "8",
    "max_worker_processes": "16",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "listen_addresses": "",
    "port": "5432",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


class Timescale:
    """A server with a data folder of its own, which lasts from the first start to `close`.

    Parameters
    ----------
    settings
        Server settings over `SETTINGS`.
    """

    user = "roaddust"

    def __init__(self, *, settings: Mapping[str, str] | None = None) -> None:
        self.settings = {**SETTINGS, **(settings or {})}
        self._root = trixie_root()
        self._holding = contextlib.ExitStack()
        self._folder: Path | None = None
        self._socket_folder = Path()
        self._server: Guarded | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def folder(self) -> Path:
        """Where the server keeps its data and its log, seen from outside."""
        assert self._folder is not None, "start() comes first"
        return self._folder

    @property
    def pid(self) -> int:
        """Process id of the server."""
        assert self._server is not None, "the server is not running"
        return self._server.pid

    def dsn_of(self, database: str) -> str:
        """Give the connection string of a database."""
        return psycopg.conninfo.make_conninfo(
            host=str(self._socket_folder), port=5432, user=self.user, dbname=database
        )

    def start(self) -> None:
        """Start the server, over the data of the last start if there was one; wait for it."""
        if self._folder is None:
            self._folder = self._holding.enter_context(workplace(self._root))
            self._socket_folder = self._holding.enter_context(_short_path(self._folder))
            self._initialise()
        where = inside(self._root, self.folder)
        options = {**self.settings, "unix_socket_directories": where}
        self._server = Guarded(
            [
                *self._command("postgres"),
                "-D",
                f"{where}/data",
                *(word for key, value in options.items() for word in ("-c", f"{key}={value}")),
            ],
            log=self.folder / "postgres.log",
            env=ENVIRONMENT,
        )
        wait_until(self._answers, lambda: f"TimescaleDB does not answer:\n{self._log_tail()}")

    def stop(self) -> None:
        """Stop the server in good order; the data stay for the next start."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def kill(self) -> None:
        """End the server as a crash would."""
        if self._server is not None:
            self._server.kill()
            self._server = None

    def close(self) -> None:
        """Stop the server and remove its data."""
        self.stop()
        self._holding.close()
        self._folder = None

    def _command(self, program: str) -> list[str]:
        return ["chroot", str(self._root), *UNPRIVILEGED, f"{PROGRAMS}/{program}"]

    def _initialise(self) -> None:
        done = subprocess.run(
            [
                *self._command("initdb"),
                f"--pgdata={inside(self._root, self.folder)}/data",
                f"--username={self.user}",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-sync",
            ],
            check=False,
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
        )
        if done.returncode:
            raise RuntimeError(f"initdb in {self._root} failed: {done.stderr}")

    def _answers(self) -> bool:
        assert self._server is not None
        if not self._server.running():
            raise RuntimeError(f"TimescaleDB ended at once:\n{self._log_tail()}")
        try:
            psycopg.connect(self.dsn_of("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _log_tail(self) -> str:
        return "" if self._server is None else self._server.log_tail()


@contextlib.contextmanager
def _short_path(folder: Path) -> Iterator[Path]:
    """Give a path to the folder that is short enough for a Unix socket in it."""
    if len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="roaddust-") as short:
        link = Path(short) / "s"
        link.symlink_to(folder)
        yield link
