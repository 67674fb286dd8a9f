"""One server per folder, and a word on who has it."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

from roaddust.embedded.starting import START_PATIENCE_S, until


class AlreadyRunning(RuntimeError):
    """A server runs on the same folder."""


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
        if not until(self._taken_or_owned, START_PATIENCE_S) or not self._taken:
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
