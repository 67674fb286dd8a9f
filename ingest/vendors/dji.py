"""DJI Cloud API over MQTT: events of docks and remote controllers, where drones are, who is there.

Topics and field names: DJI Cloud API, "Topic Definition", "Device Management" and "Media
Management". Places are those of the aircraft's GNSS receiver, WGS 84.
"""

from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from ingest.refusals import Refusal
from ingest.vendors.flat import flat_json
from ingest.vendors.sighting import Facts, Sighting

FILE_UPLOADED = "file_upload_callback"
TOPICS = ("thing/product/+/events", "thing/product/+/osd", "sys/product/+/status")

_SHOT = "data.file.metadata."
_WHEN = (f"{_SHOT}created_time", f"{_SHOT}create_time")
"""The first edition of the dock's page says created_time, later ones create_time."""


class Place(NamedTuple):
    """Where a device is, WGS 84."""

    lon: float
    lat: float


def sightings(payload: bytes, zone: tzinfo) -> list[Sighting]:
    """What a message on `thing/product/{gateway}/events` tells of.

    Of an uploaded file the time is when it was shot, else that of the message; zone: of a time
    that has no offset. A file that is a reduced copy is none. Raises Refusal.
    """
    facts = flat_json(payload)
    method = facts.get("method")
    if method is None:
        raise Refusal("missing", "the message has no `method`")
    media: list[dict[str, Any]] = []
    if method == FILE_UPLOADED:
        if facts.get("data.file.ext.is_original", "true") in ("false", "0"):
            return []
        if facts.get("data.result", "0") != "0":
            return []  # the upload has failed
        media = [_file(facts)]
    senders = tuple(facts[key] for key in ("gateway",) if key in facts)
    return [Sighting(senders, _time(facts, zone), facts, media)]


def place(payload: bytes) -> Place | None:
    """Where a device says it is on `thing/product/{device}/osd`; None where it says none."""
    facts = flat_json(payload)
    try:
        lon, lat = float(facts["data.longitude"]), float(facts["data.latitude"])
    except (KeyError, ValueError):
        return None
    return Place(lon, lat) if (lon, lat) != (0.0, 0.0) else None


def aboard(payload: bytes) -> list[str]:
    """Serial numbers of what is connected to a gateway, from `sys/product/{gateway}/status`."""
    facts = flat_json(payload)
    return [
        value
        for path, value in facts.items()
        if path.startswith("data.sub_devices.") and path.endswith(".sn")
    ]


def reply_to(payload: bytes, now_ms: int) -> dict[str, Any] | None:
    """The reply that a message on `events` or `status` waits for, for its topic with `_reply`."""
    facts = flat_json(payload)
    status = facts.get("method") == "update_topo"
    if not status and facts.get("need_reply") != "1":
        return None
    names = ("tid", "bid", "method")
    said: dict[str, Any] = {name: facts[name] for name in names if name in facts}
    return said | {"timestamp": now_ms, "data": {"result": 0}}


def _file(facts: Facts) -> dict[str, Any]:
    said: dict[str, Any] = {"source": "dji"}
    for name, path in (
        ("object_key", "data.file.object_key"),
        ("name", "data.file.name"),
        ("path", "data.file.path"),
        ("flight", "data.file.ext.flight_id"),
    ):
        if path in facts:
            said[name] = facts[path]
    for name, path in (
        ("yaw_deg", f"{_SHOT}gimbal_yaw_degree"),
        ("height_m", f"{_SHOT}relative_altitude"),
    ):
        try:
            said[name] = float(facts[path])
        except (KeyError, ValueError):
            continue
    return said


def _time(facts: Facts, zone: tzinfo) -> str | int:
    shot = next((facts[path] for path in _WHEN if path in facts), None)
    if shot is not None:
        try:
            time = datetime.fromisoformat(shot)
        except ValueError:
            raise Refusal("time", f"{shot[:40]!r} is no time of a file") from None
        return (time if time.tzinfo else time.replace(tzinfo=zone)).isoformat()
    # The printed example has a colon too many in the name.
    stamp = facts.get("timestamp") or facts.get("timestamp:")
    if stamp is None or not stamp.isdecimal() or len(stamp) > 16:
        raise Refusal("missing", "the message has no `timestamp` in milliseconds")
    return int(stamp)
