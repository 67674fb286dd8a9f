"""`roaddust gateway`: devices that do not speak MQTT, brought to the contract's topics."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

from broker.connection import Address
from geo.district import District
from ingest.gateway.counters import Counters
from ingest.gateway.devices import load_secrets
from ingest.gateway.hj212 import Hj212Gateway
from roaddust.clock import WallClock
from roaddust.registry import registry
from roaddust.settings import Settings

LOOK_S = 0.2


class PasswordsError(ValueError):
    """The file of passwords cannot be used, or there is none and no word that none are wanted."""


def run_hj212(
    district: District,
    settings: Settings,
    host: str,
    port: int,
    stop: threading.Event,
    announce: Callable[[int], None],
) -> Counters:
    """Serve HJ 212 loggers until `stop`; announce is told the port.

    Raises PasswordsError, ConnectionError for a broker that is away, OSError for a port that is
    taken or a file that is not there.
    """
    wanted = settings.gateway
    if not wanted.devices and not wanted.any_password:
        raise PasswordsError(
            "no passwords of loggers: give a TOML file with --devices (a table per MN with "
            'pw = "…"), or say --any-password where the line itself is safe'
        )
    try:
        secrets = load_secrets(Path(wanted.devices)) if wanted.devices else {}
    except ValueError as error:
        raise PasswordsError(str(error)) from None

    async def serve() -> Counters:
        gateway = Hj212Gateway(
            Address.parse(settings.mqtt),
            settings.prefix,
            registry(district),
            secrets,
            wanted,
            WallClock().now,
        )
        await gateway.start(host, port)
        announce(gateway.port)
        while not stop.is_set():
            await asyncio.sleep(LOOK_S)
        await gateway.stop()
        return gateway.counters

    return asyncio.run(serve())
