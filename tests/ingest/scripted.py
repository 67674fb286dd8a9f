"""A broker that answers what a test tells it to, byte for byte."""

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Self

CONNECT, SUBSCRIBE, UNSUBSCRIBE = 0x10, 0x80, 0xA0
Script = dict[int, Callable[[bytes], bytes | None]]


def connack(code: int = 0, properties: bytes = b"") -> bytes:
    """Of MQTT 5."""
    body = bytes([0, code, len(properties)]) + properties
    return bytes([0x20, len(body)]) + body


OLD_CONNACK = bytes([0x20, 2, 0, 0])
TOO_NEW = bytes([0x20, 2, 0, 1])


def suback(request: bytes, code: int, reason: str | None = None, *, five: bool = True) -> bytes:
    """The answer to a SUBSCRIBE of one topic."""
    words = b"" if reason is None else b"\x1f" + len(reason).to_bytes(2, "big") + reason.encode()
    body = request[2:4] + (bytes([len(words)]) + words if five else b"") + bytes([code])
    return bytes([0x90, len(body)]) + body


class ScriptedBroker:
    """Each connection has the next script: by kind of packet, what to answer; None closes.

    The last script serves all further connections too. versions: of MQTT, as asked for by each.
    """

    def __init__(self, *scripts: Script) -> None:
        self._scripts: Sequence[Script] = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"
        self.versions: list[int] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone would not wake `accept`.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _run(self) -> None:
        served = 0
        while True:
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts[min(served, len(self._scripts) - 1)]
            served += 1
            with conn, contextlib.suppress(OSError):
                self._serve(conn, script)

    def _serve(self, conn: socket.socket, script: Script) -> None:
        stream = conn.makefile("rb")
        while head := stream.read(2):
            # No packet of these tests is longer than 127 bytes.
            packet = head + stream.read(head[1])
            kind = packet[0] & 0xF0
            if kind == CONNECT:
                self.versions.append(packet[8])
            answer = script[kind](packet) if kind in script else b""
            if answer is None:
                return
            conn.sendall(answer)
