"""Ports of this machine that only this machine reaches."""

from __future__ import annotations

import socket


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
