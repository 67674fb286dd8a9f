"""`roaddust gateway`: devices that do not speak MQTT, brought to the contract's topics."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

from broker.connection import Address
from geo.datum import Pair, bd09_to_wgs84, gcj02_to_wgs84
from geo.district import District
from ingest import sm4
from ingest.gateway.counters import Counters
from ingest.gateway.devices import load_secrets
from ingest.gateway.dji import DjiBridge
from ingest.gateway.hikvision import HikvisionListener
from ingest.gateway.hj212 import Hj212Gateway
from ingest.gateway.outward import Outward
from ingest.gateway.vendorcounters import VendorCounters
from ingest.gateway.web import WebServer
from ingest.vendors.table import HERE, Shift, Table, load_table
from roaddust.clock import WallClock
from roaddust.gatewaymetrics import place, served
from roaddust.registry import registry
from roaddust.settings import Settings

LOOK_S = 0.2
FEWEST_TOKEN = 16
HTTP_CONNECTIONS = 200
SHIFTS: dict[str, Shift] = {
    "wgs84": lambda lon, lat: (lon, lat),
    "gcj02": lambda lon, lat: _shifted(gcj02_to_wgs84, lon, lat),
    "bd09": lambda lon, lat: _shifted(bd09_to_wgs84, lon, lat),
}
"""What brings a maker's places to WGS 84."""


class MetricsPlaceError(ValueError):
    """Where metrics are to be served cannot be read."""


class PasswordsError(ValueError):
    """A gateway has no way to know who may send, or its file of passwords cannot be used."""


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
        if any(secret.sm4 for secret in secrets.values()):
            sm4.check_library()
    except (ValueError, sm4.LibraryMissing) as error:
        raise PasswordsError(str(error)) from None

    metrics = _place(wanted.metrics)

    async def serve() -> Counters:
        gateway = Hj212Gateway(
            Address.parse(settings.mqtt),
            settings.prefix,
            registry(district),
            secrets,
            wanted,
            WallClock().now,
        )
        with served(metrics, "hj212", gateway.counters):
            await gateway.start(host, port)
            announce(gateway.port)
            while not stop.is_set():
                await asyncio.sleep(LOOK_S)
            await gateway.stop()
        return gateway.counters

    return asyncio.run(serve())


def run_hikvision(
    district: District,
    settings: Settings,
    host: str,
    port: int,
    stop: threading.Event,
    announce: Callable[[int], None],
) -> VendorCounters:
    """Take Hikvision cameras' alarms over HTTP until `stop`; announce is told the port.

    Raises PasswordsError without a token, TableError, ConnectionError, OSError.
    """
    wanted = settings.vendors
    if len(wanted.token) < FEWEST_TOKEN:
        raise PasswordsError(
            f"vendors.token is {'too short' if wanted.token else 'missing'}: set "
            f"ROADDUST_VENDORS__TOKEN to {FEWEST_TOKEN} letters and digits or more; cameras post "
            "to /hikvision/ and this"
        )
    table = _table(wanted.table, "hikvision")

    metrics = _place(wanted.metrics)

    async def serve() -> VendorCounters:
        outward = Outward(Address.parse(settings.mqtt), "roaddust-hikvision", wanted.in_hand)
        listener = HikvisionListener(outward, settings.prefix, table, district.timezone, wanted)
        web = WebServer(listener.app, HTTP_CONNECTIONS)
        with served(metrics, "hikvision", listener.counters):
            await outward.start()
            try:
                await web.start(host, port)
                announce(web.port)
                while not stop.is_set():
                    await asyncio.sleep(LOOK_S)
                await web.stop()
            finally:
                await outward.stop()
        return listener.counters

    return asyncio.run(serve())


def run_dji(district: District, settings: Settings, stop: threading.Event) -> VendorCounters:
    """Bring events of DJI docks to the contract's topics until `stop`.

    Raises TableError, ConnectionError, OSError, and what has stopped the bridge.
    """
    wanted = settings.vendors
    bridge = DjiBridge(
        Address.parse(settings.mqtt),
        settings.prefix,
        _table(wanted.table, "dji"),
        district.timezone,
        wanted,
        WallClock().now,
    )
    with served(_place(wanted.metrics), "dji", bridge.counters):
        bridge.start()
        try:
            while not stop.wait(LOOK_S):
                if bridge.failure is not None:
                    raise ConnectionError(f"the bridge has stopped: {bridge.failure}")
        finally:
            bridge.stop()
    return bridge.counters


def _place(text: str) -> tuple[str, int] | None:
    try:
        return place(text)
    except ValueError as error:
        raise MetricsPlaceError(str(error)) from None


def _table(file: str, vendor: str) -> Table:
    return load_table(Path(file) if file else HERE / f"{vendor}.toml", SHIFTS)


def _shifted(
    convert: Callable[[float, float], Pair], lon: float, lat: float
) -> tuple[float, float]:
    shifted_lon, shifted_lat = convert(lon, lat)
    return float(shifted_lon), float(shifted_lat)
