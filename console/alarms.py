"""The alarms: what calls an operator, and the state of each after ANSI/ISA-18.2.

Episodes of the street, concerns of the dispatch, stations that have fallen silent and the platform
itself stand in one list. Pure functions of rows and the platform's time.

| state            | ISA-18.2                     | what it means                                |
| ---------------- | ---------------------------- | -------------------------------------------- |
| `unacknowledged` | B unacknowledged             | stands, and nobody has said that they saw it |
| `acknowledged`   | C acknowledged               | stands, and somebody has seen it             |
| `returned`       | D returned, unacknowledged   | is over, and nobody has seen it              |
| `shelved`        | E shelved                    | put aside until a time                       |
| `out_of_service` | G out of service             | its place or station is out of service       |

A (normal) has no row; F (suppressed by design) calls nobody and is in no queue: a value that has
not held long enough, trouble that the platform has yet a few minutes to mend, the early warning
while a notice of haze or sand dust holds. `GET /api/v1/alarms/suppressed` lists it.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from console.texts import in_both

Row = Mapping[str, Any]
Alarm = dict[str, Any]
State = Literal["unacknowledged", "acknowledged", "returned", "shelved", "out_of_service"]

READINGS = "platform:readings"
"""The alarm that nothing is measured any more."""
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""When a station that was never heard of fell silent."""
RETURNED_SHOWN = 100
"""How many episodes are shown that are over and unseen; the newest."""

CONCERN_LEVEL = {"unproven": 1}
OTHER_CONCERN_LEVEL = 2
LAST_ROLE = "duty_manager"
"""What has gone up to the last role is of the highest level."""


def alarms(
    episodes: Iterable[Row],
    concerns: Iterable[Row],
    silent: Iterable[Row],
    out: Iterable[Row],
    now: datetime,
    *,
    segments: Collection[str],
) -> dict[str, Alarm]:
    """Every alarm by its id, as of `now`.

    `episodes` and `concerns` are rows of `console.sql` and `alarms.sql`; `silent` those of
    `silent_devices` with their marks; `out` what is out of service; `segments` tells a concern's
    place from a site.
    """
    told = {episode["id"]: episode for episode in episodes if _calls(episode)}
    found = {f"episode:{id_}": _of_episode(episode) for id_, episode in told.items()}
    for concern in concerns:
        found[f"concern:{concern['id']}"] = _of_concern(concern, told, segments)
    for device in silent:
        found[device["alarm"]] = _of_device(device)
    service = {row["subject"]: row for row in out}
    for alarm in found.values():
        subject = next((p for p in _subjects(alarm) if p in service), None)
        alarm["state"] = _state(alarm, now, out_of_service=subject is not None)
        alarm["out_until"] = service[subject]["until"] if subject else None
        alarm["out_why"] = service[subject]["why"] if subject else None
    return found


def silent_devices(
    stations: Mapping[str, Row],
    newest: datetime | None,
    habits: Mapping[str, datetime | None] | None = None,
) -> list[Alarm]:
    """Stations that have fallen silent, and the platform when there is none that has not.

    `stations` are those of the snapshot: each with `freshness` and `ts`. `habits`: since when each
    is silent by its own usual interval, None while it is not; a station whose habit nobody knows is
    judged by how fresh its reading is.
    """
    if not stations:
        return []
    known = habits or {}
    dark = {
        id_: known.get(id_) or entry["ts"]
        for id_, entry in stations.items()
        if (known[id_] is not None if id_ in known else entry["freshness"] != "live")
    }
    everything = len(dark) == len(stations)
    found = [
        {
            "alarm": f"station:{id_}",
            "station": id_,
            "since": ts or ALWAYS,
            "group": READINGS if everything else "stations",
        }
        for id_, ts in sorted(dark.items())
    ]
    if everything:
        found.append(
            {"alarm": READINGS, "station": None, "since": newest or ALWAYS, "group": READINGS}
        )
    return found


def with_marks(devices: Iterable[Alarm], marks: Iterable[Row]) -> list[Alarm]:
    """Devices with what people have said of this very silence of theirs."""
    said = {(mark["alarm"], mark["since"]): mark for mark in marks}
    return [
        device
        | {
            name: mark[name] if mark else None
            for mark in [said.get((device["alarm"], device["since"]))]
            for name in ("acknowledged_by", "acknowledged_at", "shelved_until")
        }
        for device in devices
    ]


def urgency(alarm: Row) -> tuple[int, bool, datetime]:
    """What sorts first is the most urgent: by level, what nobody has seen, the oldest."""
    seen = alarm["state"] not in ("unacknowledged", "returned")
    return -alarm["level"], seen, alarm["since"]


def _calls(episode: Row) -> bool:
    """Whether an episode is an alarm: it has held, and it is not over and seen."""
    if episode["state"] == "pending" or episode["level"] < 1:
        return False
    return episode["state"] != "closed" or episode["acknowledged_by"] is None


_NOTHING: Alarm = dict.fromkeys(
    ("ended_at", "segment", "site", "crew", "station", "episode", "group", "acknowledged_by",
     "acknowledged_at", "taken_by", "taken_at", "shelved_until", "role", "said")
)  # fmt: skip


def _of_episode(episode: Row) -> Alarm:
    closed = episode["state"] == "closed"
    return _NOTHING | {
        "source": "episode",
        "kind": episode["rule"],
        "level": episode["level"],
        "since": episode["started_at"],
        "ended_at": episode["ended_at"] if closed else None,
        "segment": episode["segment"],
        "site": episode["site"],
        "episode": episode["id"],
        "group": _group_of(episode),
        "acknowledged_by": episode["acknowledged_by"],
        "acknowledged_at": episode["acknowledged_at"],
        "shelved_until": None if closed else episode["shelved_until"],
    }


def _of_concern(concern: Row, told: Mapping[str, Row], segments: Collection[str]) -> Alarm:
    level = CONCERN_LEVEL.get(concern["kind"], OTHER_CONCERN_LEVEL)
    about = told.get(concern["ref"]) if concern["ref"] else None
    group = f"crew:{concern['crew']}" if concern["crew"] else f"concern:{concern['kind']}"
    return _NOTHING | {
        "source": "concern",
        "kind": concern["kind"],
        "level": 3 if concern["role"] == LAST_ROLE else level,
        "since": concern["opened_at"],
        "ended_at": concern["resolved_at"],
        "segment": concern["place"] if concern["place"] in segments else None,
        "site": None if concern["place"] in segments else concern["place"],
        "crew": concern["crew"],
        "episode": concern["ref"] if about else None,
        "group": _group_of(about) if about else group,
        "acknowledged_by": concern["taken_by"] or concern["acknowledged_by"],
        "acknowledged_at": concern["taken_at"] or concern["acknowledged_at"],
        "taken_by": concern["taken_by"],
        "taken_at": concern["taken_at"],
        "shelved_until": None if concern["resolved_at"] else concern["shelved_until"],
        "role": concern["role"],
        "said": in_both(concern["why"], concern["also"]),
    }


def _of_device(device: Row) -> Alarm:
    whole = device["alarm"] == READINGS
    return _NOTHING | {
        "source": "platform" if whole else "station",
        "kind": "readings" if whole else "silent",
        "level": 3 if whole else 1,
        "since": device["since"],
        "station": device["station"],
        "group": device["group"],
        "acknowledged_by": device["acknowledged_by"],
        "acknowledged_at": device["acknowledged_at"],
        "shelved_until": device["shelved_until"],
    }


def _group_of(episode: Row) -> str:
    return episode["group"] or f"episode:{episode['id']}"


def _subjects(alarm: Row) -> list[str]:
    return [alarm[name] for name in ("station", "segment", "site") if alarm[name]]


def _state(alarm: Row, now: datetime, *, out_of_service: bool) -> State:
    if out_of_service:
        return "out_of_service"
    if alarm["shelved_until"] is not None and now < alarm["shelved_until"]:
        return "shelved"
    if alarm["acknowledged_by"] is not None:
        return "acknowledged"
    return "unacknowledged" if alarm["ended_at"] is None else "returned"


def merged(floods: Iterable[Row]) -> timedelta:
    """How long the floods lasted together."""
    return sum((flood["until"] - flood["since"] for flood in floods), timedelta())
