"""Why this crew, at this time, and why not another: out of what the plan saw when it was made.

Pure functions of rows. An answer is a word with figures, which the pages say in both languages.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import asin, cos, radians, sin, sqrt
from typing import Any

from console.models import Crew, LonLat

Row = Mapping[str, Any]

EARTH_M = 6_371_000.0
LANGUAGES = ("zh-CN", "en")


def by_language(row: Row | None) -> dict[str, str | None]:
    """A `reason` with `also`, kept in `language`, by language; empty where there is none."""
    if row is None:
        return {}
    mine = row["language"]
    return {language: row["reason"] if language == mine else row["also"] for language in LANGUAGES}


def distance_m(here: LonLat, there: LonLat) -> float:
    """As the crow flies, along the great circle."""
    lon1, lat1, lon2, lat2 = map(radians, (*here, *there))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_M * asin(sqrt(half))


def chosen(order: Row, plan: Row | None, away_m: float | None) -> dict[str, Any]:
    """How the crew of an order stood when it was planned: how far it was, as the crow flies, and
    what it had to do before."""
    told = (plan or {}).get("crews", {}).get(order["crew"], [])
    mine = next((i for i, one in enumerate(told) if one["order"] == order["id"]), None)
    return {
        "crew": order["crew"],
        "why": "chosen",
        "condition": (plan or {}).get("conditions", {}).get(order["crew"]),
        "away_m": away_m,
        "orders_before": mine,
        "before": told[:mine] if mine else [],
        "eta": told[mine]["eta"] if mine is not None else order["eta"],
    }


def rivals(
    order: Row,
    crews: Sequence[Crew],
    plan: Row | None,
    away_m: Mapping[str, float],
    troubles: Sequence[Row],
    overrides: Sequence[Row],
) -> list[dict[str, Any]]:
    """Every other crew with the first reason that holds against it: `other_kind` (its vehicle does
    other work), `held`, `off`, `broken`, `silent`, `refused`, `failed` or `no_answer` (this work,
    in the hours before), `unknown` (nothing is kept of it), `more_work` (it had more must work or
    was later free) or `planned_other` (the search over all routes together did better so).

    Those who could have done it come first.
    """
    kind = next((crew.kind for crew in crews if crew.id == order["crew"]), None)
    said = {row["crew"]: row for row in troubles}
    held = {row["crew"]: row for row in overrides if row["kind"] == "hold"}
    told: Mapping[str, Any] = (plan or {}).get("crews", {})
    conditions: Mapping[str, str] = (plan or {}).get("conditions", {})
    before = len(_before(told.get(order["crew"], []), order["eta"]))
    found = []
    for crew in crews:
        if crew.id == order["crew"]:
            continue
        ahead = _before(told.get(crew.id, []), order["eta"])
        found.append(
            {
                "crew": crew.id,
                "why": _against(
                    same_kind=crew.kind == kind,
                    condition=conditions.get(crew.id),
                    trouble=said.get(crew.id),
                    held=held.get(crew.id),
                    known=crew.id in told or crew.id in conditions,
                    busier=len(ahead) > before,
                ),
                "condition": conditions.get(crew.id),
                "away_m": away_m.get(crew.id),
                "orders_before": len(ahead) if crew.id in told else None,
                "free_at": _free_at(ahead),
                "outcome": said[crew.id]["outcome"] if crew.id in said else None,
                "outcome_also": said[crew.id].get("outcome_also") if crew.id in said else None,
                "override": held.get(crew.id),
            }
        )
    return sorted(found, key=lambda one: (one["why"] == "other_kind", one["away_m"] or 1e9))


_TROUBLE = {"refused": "refused", "failed": "failed", "silent": "no_answer"}


def _against(
    *,
    same_kind: bool,
    condition: str | None,
    trouble: Row | None,
    held: Row | None,
    known: bool,
    busier: bool,
) -> str:
    if not same_kind:
        return "other_kind"
    if held is not None or condition == "held":
        return "held"
    if condition in ("off", "broken", "silent"):
        return condition
    if trouble is not None:
        return _TROUBLE[trouble["state"]]
    if not known:
        return "unknown"
    return "more_work" if busier else "planned_other"


def _before(told: Sequence[Row], eta: datetime | str) -> list[Row]:
    """What a crew had to do that was to begin before a time."""
    limit = _time(eta)
    return [one for one in told if _time(one["eta"]) < limit]


def _free_at(ahead: Sequence[Row]) -> datetime | None:
    """When the last of it was to begin."""
    return _time(ahead[-1]["eta"]) if ahead else None


def _time(time: datetime | str) -> datetime:
    return time if isinstance(time, datetime) else datetime.fromisoformat(time)
