"""Who may speak to the broker: a user and a password per device of the district.

The user of a device is its kind and its id, as in its topics. Mosquitto's access file says by that
alone what it may; NATS knows no such pattern, so there each user has its own list.
"""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geo.district import District

PLATFORM, VIEWER = "platform", "viewer"
GATEWAYS = ("gateway-hj212", "gateway-hikvision", "gateway-dji")
OF_DISTRICT = ("stations", "cameras", "crews")
FREE = ("drones", "reports")
"""Kinds of devices whose ids the district folder does not list."""
PASSWORD_BYTES = 24
ITERATIONS = 101
"""Of Mosquitto's own tool. A password of 24 random bytes gains nothing by more."""


class BadUser(ValueError):
    """A user that no topic is for."""


@dataclass(frozen=True, slots=True)
class Made:
    """fresh: passwords by user, told this once. gone: users that were taken out."""

    fresh: Mapping[str, str]
    gone: tuple[str, ...]


def users(district: District, also: Iterable[str] = ()) -> list[str]:
    """All users of a district; also: drones and channels of complaints (drones/D1).

    Raises BadUser for one that is neither.
    """
    more = list(also)
    for one in more:
        kind, _, name = one.partition("/")
        if kind not in FREE or not name:
            raise BadUser(f"{one!r}: write drones/ID or reports/CHANNEL; the rest is known")
    return [
        PLATFORM,
        VIEWER,
        *GATEWAYS,
        *(f"stations/{id_}" for id_ in district.stations),
        *(f"cameras/{id_}" for id_ in district.cameras),
        *(f"crews/{id_}" for id_ in district.crews),
        *more,
    ]


def bring_up(
    kind: str, file: Path, wanted: Iterable[str], prefix: str, again: Iterable[str] = ()
) -> Made:
    """Write the broker's file of users: who is in it keeps the password, who is missing gets one.

    kind: `mosquitto` or `nats`. again: users that get a new one. Devices that the district does
    not have any more are taken out; drones and channels stay.
    """
    read, line, head, tail = _FORMS[kind]
    had = read(file.read_text(encoding="utf-8")) if file.exists() else {}
    anew = set(again)
    names = list(dict.fromkeys(wanted))
    free = [name for name in had if name.partition("/")[0] in FREE and name not in names]
    fresh: dict[str, str] = {}
    lines = []
    for name in [*names, *free]:
        if name not in had or name in anew:
            fresh[name] = secrets.token_urlsafe(PASSWORD_BYTES)
        lines.append(line(name, fresh.get(name), had.get(name), prefix))
    _write(file, head + "".join(lines) + tail)
    return Made(fresh, tuple(name for name in had if name not in names and name not in free))


def _write(file: Path, text: str) -> None:
    """Whole or not at all, and for its owner alone."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    if file.exists():
        kept = file.stat()
        new.chmod(kept.st_mode & 0o777)
        if os.geteuid() == 0:
            os.chown(new, kept.st_uid, kept.st_gid)
    new.replace(file)


# Mosquitto ---------------------------------------------------------------------------------------


def mosquitto_hash(password: str, salt: bytes) -> str:
    """As mosquitto_passwd writes it: PBKDF2 over SHA-512."""
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    salt_text, key_text = (base64.b64encode(raw).decode() for raw in (salt, key))
    return f"$7${ITERATIONS}${salt_text}${key_text}"


def _mosquitto_read(text: str) -> dict[str, str]:
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def _mosquitto_line(user: str, password: str | None, had: str | None, _prefix: str) -> str:
    kept = had if password is None else mosquitto_hash(password, secrets.token_bytes(12))
    return f"{user}:{kept}\n"


# NATS --------------------------------------------------------------------------------------------


def nats_permissions(user: str, prefix: str) -> dict[str, list[str]]:
    """What a user may publish and subscribe to, as subjects."""
    base = prefix.strip("/").replace("/", ".")
    up, down = f"{base}.up", f"{base}.down"
    status = f"{down}.status"
    kind = user.partition("/")[0]
    own = f"{up}.{user.replace('/', '.')}"
    if user == PLATFORM:
        return _may([f"{down}.>"], [up, f"{up}.>"])
    if user == VIEWER:
        return _may([], [f"{down}.segments.*.state", f"{down}.episodes.*", status])
    if user == "gateway-hj212":
        waiting = f"{base}.gateway"
        return _may([f"{up}.stations.*.readings", f"{waiting}.>"], [waiting, f"{waiting}.>"])
    if user == "gateway-hikvision":
        return _may([f"{up}.cameras.*.events"], [])
    if user == "gateway-dji":
        return _may(
            ["thing.product.*.events_reply", "sys.product.*.status_reply", f"{up}.drones.*.events"],
            ["thing.product.*.events", "thing.product.*.osd", "sys.product.*.status"],
        )
    if kind == "crews":
        orders = f"{down}.{user.replace('/', '.')}.orders"
        return _may([f"{own}.position", f"{own}.progress"], [orders, status])
    if kind == "stations":
        return _may([f"{own}.readings"], [status])
    return _may([own if kind == "reports" else f"{own}.events"], [status])


def _may(publish: list[str], subscribe: list[str]) -> dict[str, list[str]]:
    # By these subjects the server hands a QoS 1 subscriber its messages; they are per connection.
    own = ["$MQTT.sub.>", "$MQTT.deliver.>"] if subscribe else []
    return {"publish": publish, "subscribe": [*subscribe, *own]}


def _nats_read(text: str) -> dict[str, str]:
    lines = (line.strip().rstrip(",") for line in text.splitlines())
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return {one["user"]: one["password"] for one in found}


def _nats_line(user: str, password: str | None, had: str | None, prefix: str) -> str:
    entry: dict[str, Any] = {
        "user": user,
        "password": had if password is None else password,
        "allowed_connection_types": ["MQTT"],
        "permissions": {
            way: {"allow": may} if may else {"deny": [">"]}
            for way, may in nats_permissions(user, prefix).items()
        },
    }
    return f"    {json.dumps(entry)}\n"


_Form = tuple[
    Callable[[str], dict[str, str]],
    Callable[[str, str | None, str | None, str], str],
    str,
    str,
]
_FORMS: dict[str, _Form] = {
    "mosquitto": (_mosquitto_read, _mosquitto_line, "", ""),
    "nats": (_nats_read, _nats_line, "authorization {\n  timeout: 5\n  users: [\n", "  ]\n}\n"),
}
KINDS = tuple(_FORMS)
