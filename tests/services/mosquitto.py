"""Mosquitto on loopback: the machine's own, or else the one unpacked from Debian 13."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from roaddust.embedded.loopback import free_port, port_answers
from roaddust.guard import Guarded
from tests.services.trixie import inside, trixie_root, workplace
from tests.services.waiting import wait_until

# Debian installs it where only root's PATH looks.
ADMIN_PATH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin"


class Mosquitto:
    """A broker with a folder of its own, which lasts from the first start to `close`.

    Parameters
    ----------
    port
        Port on 127.0.0.1; 0 takes a free one, which later starts keep.
    persistence
        Save sessions, retained and queued messages at `stop`, and load them at `start`.
    max_inflight_messages
        Unacknowledged messages that a client may hold; None leaves Mosquitto's 20.
    max_queued_messages
        Messages kept for a client that is away; 0 has no limit, None leaves Mosquitto's
        1,000, beyond which it drops them.
    set_tcp_nodelay
        Send small packets at once.
    acl
        Text of an access list; implies nothing about logins.
    users
        Passwords by user; with them, a client without login is refused.
    extra
        More lines for the configuration.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        *,
        port: int = 0,
        persistence: bool = True,
        max_inflight_messages: int | None = None,
        max_queued_messages: int | None = 0,
        set_tcp_nodelay: bool = True,
        acl: str | None = None,
        users: Mapping[str, str] | None = None,
        extra: str = "",
    ) -> None:
        self.port = port or free_port()
        self.acl = acl
        self.users = dict(users or {})
        self.options = {
            "persistence": _word(persistence),
            "set_tcp_nodelay": _word(set_tcp_nodelay),
            "allow_anonymous": _word(not users),
            "max_inflight_messages": max_inflight_messages,
            "max_queued_messages": max_queued_messages,
        }
        self.extra = extra
        self._root = None if shutil.which("mosquitto", path=ADMIN_PATH) else trixie_root()
        self._holding = contextlib.ExitStack()
        self._folder: Path | None = None
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
    def url(self) -> str:
        """Address for MQTT clients."""
        return f"mqtt://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the broker."""
        assert self._server is not None, "the broker is not running"
        return self._server.pid

    @property
    def folder(self) -> Path:
        """Where the broker keeps its configuration, its data and its log."""
        assert self._folder is not None, "start() comes first"
        return self._folder

    def start(self) -> None:
        """Start the broker with what the last `stop` saved, and wait until it listens."""
        if self._folder is None:
            self._folder = self._holding.enter_context(
                workplace(self._root)
                if self._root
                else contextlib.nullcontext(
                    Path(
                        self._holding.enter_context(
                            tempfile.TemporaryDirectory(prefix="mosquitto-")
                        )
                    )
                )
            )
            self._configure()
        self._server = Guarded(
            self._command("mosquitto", "-c", self._seen(self.folder / "mosquitto.conf")),
            log=self.folder / "mosquitto.log",
        )
        wait_until(self._listens, self._log_tail)

    def stop(self) -> None:
        """Stop the broker in good order: it saves what it holds."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def kill(self) -> None:
        """End the broker as a crash would: it keeps only what it had saved."""
        if self._server is not None:
            self._server.kill()
            self._server = None

    def close(self) -> None:
        """Stop the broker and remove its folder."""
        self.stop()
        self._holding.close()
        self._folder = None

    def _configure(self) -> None:
        lines = [f"listener {self.port} {self.host}", "user root"]
        lines += [f"{key} {value}" for key, value in self.options.items() if value is not None]
        lines.append(f"persistence_location {self._seen(self.folder)}/")
        if self.acl is not None:
            access = self.folder / "access"
            access.write_text(self.acl)
            access.chmod(0o600)
            lines.append(f"acl_file {self._seen(access)}")
        if self.users:
            passwords = self.folder / "passwords"
            passwords.write_text("".join(f"{u}:{p}\n" for u, p in self.users.items()))
            passwords.chmod(0o600)
            # Turns the plain passwords of the file into hashes.
            subprocess.run(
                self._command("mosquitto_passwd", "-U", self._seen(passwords)),
                check=True,
                capture_output=True,
            )
            lines.append(f"password_file {self._seen(passwords)}")
        lines.append(self.extra)
        (self.folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    def _command(self, program: str, *arguments: str) -> list[str]:
        if self._root is not None:
            return ["chroot", str(self._root), program, *arguments]
        return [shutil.which(program, path=ADMIN_PATH) or program, *arguments]

    def _seen(self, path: Path) -> str:
        return inside(self._root, path) if self._root else str(path)

    def _listens(self) -> bool:
        assert self._server is not None
        if not self._server.running():
            raise RuntimeError(f"Mosquitto ended at once:\n{self._log_tail()}")
        return port_answers(self.host, self.port)

    def _log_tail(self) -> str:
        return "" if self._server is None else self._server.log_tail()


def _word(value: bool) -> str:
    return "true" if value else "false"
