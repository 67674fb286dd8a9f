"""Which logger is which station, and how it shows that it is."""

import hmac
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ingest.gateway.clockwatch import ClockWatch
from ingest.gateway.gaps import Asking, Gaps
from ingest.gateway.pace import Pace
from ingest.gateway.packets import Packets
from ingest.gateway.settings import GatewaySettings
from ingest.registry import Registry

if TYPE_CHECKING:
    from ingest.gateway.connection import Connection


@dataclass(frozen=True, slots=True)
class Secret:
    """A logger's password, and its key where it encrypts. Neither shows in a log."""

    password: str | None = field(default=None, repr=False)
    sm4: bytes | None = field(default=None, repr=False)


@dataclass(slots=True)
class Device:
    """A logger, for as long as the gateway runs. connection: its present one."""

    station: str
    secret: Secret
    pace: Pace
    clock: ClockWatch
    gaps: Gaps
    packets: Packets = field(default_factory=Packets)
    connection: "Connection | None" = None


def load_secrets(file: Path) -> dict[str, Secret]:
    """Secrets by MN, from TOML: a table per MN with `pw` and, where the logger encrypts its data,
    `sm4` as 32 hexadecimal digits.

    Raises ValueError that names the table and never what stands in it.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # The library's words may repeat the line, and a password stands in it.
        raise ValueError(f"{file} is not valid TOML") from None
    return {mn: _secret(file, mn, table) for mn, table in tables.items()}


def _secret(file: Path, mn: str, table: Any) -> Secret:
    where = f"{file}: [{mn}]"
    if not isinstance(table, dict) or not table.keys() <= {"pw", "sm4"}:
        raise ValueError(f'{where}: a table with pw = "…" and perhaps sm4 = "…" is needed')
    password, key = table.get("pw"), table.get("sm4")
    if password is not None and not isinstance(password, str):
        raise ValueError(f"{where}: pw is a text, write it in quotation marks")
    if key is None:
        return Secret(password)
    try:
        sm4 = bytes.fromhex(key)
    except (TypeError, ValueError):
        sm4 = b""
    if len(sm4) != 16:
        raise ValueError(f"{where}: sm4 is a text of 32 hexadecimal digits")
    return Secret(password, sm4)


class Devices:
    """The loggers of a district."""

    def __init__(
        self, registry: Registry, secrets: Mapping[str, Secret], settings: GatewaySettings
    ) -> None:
        self._settings = settings
        self._any_password = settings.any_password
        self._devices = {
            facts.mn: Device(
                station,
                secrets.get(facts.mn, Secret()),
                Pace(settings.frames_per_s, settings.burst),
                ClockWatch(settings.clock_off_s),
                Gaps(Asking()),
            )
            for station, facts in registry.stations.items()
            if facts.mn
        }

    def __len__(self) -> int:
        return len(self._devices)

    def all(self) -> list[Device]:
        return list(self._devices.values())

    def without_password(self) -> list[str]:
        """Stations whose logger would be refused because no password is known."""
        if self._any_password:
            return []
        return [one.station for one in self._devices.values() if one.secret.password is None]

    def key(self, mn: str) -> bytes | None:
        device = self._devices.get(mn)
        return device.secret.sm4 if device else None

    def by_station(self, station: str) -> Device | None:
        return next((one for one in self._devices.values() if one.station == station), None)

    def find(self, mn: str, password: str) -> Device | Literal["mn", "pw"]:
        """The device, or what is wrong: its number or its password. Both take as long."""
        device = self._devices.get(mn)
        wanted = device.secret.password if device else None
        fits = hmac.compare_digest((wanted or "").encode(), password.encode())
        if device is None:
            return "mn"
        if wanted is None:
            return device if self._any_password else "pw"
        return device if fits else "pw"
