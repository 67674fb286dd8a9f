"""How episodes and orders were at a moment, from their rows of now and what the logs had said.

Pure functions of rows. Measurements need none of this: the newest minute before a moment is how it
was. Where the past was worked out again after late data, it is shown as it is known today.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

Entry = dict[str, Any]
Row = Mapping[str, Any]

STATE_AFTER = {
    "activated": "active",
    "reopened": "active",
    "recovering": "recovering",
    "closed": "closed",
    "lapsed": "closed",
}
"""What an episode is after a line of its story; other lines leave it as it was."""
SAID_STATES = frozenset(
    {"sent", "accepted", "refused", "started", "done", "failed", "silent", "withdrawn"}
)
OPEN_ORDER = frozenset({"sent", "accepted", "started"})
SHOWN_ENDED = frozenset({"done", "failed", "refused", "silent"})


def episode_then(episode: Row, story: Sequence[Row], at: datetime) -> Entry | None:
    """An episode as it was at `at`; None when it had not begun, or had lapsed before it held.

    `story`: its log until then, in order. What has not changed since is as its columns say; an
    episode without any line of analytics, as of an import, is told by them alone.
    """
    if episode["started_at"] > at:
        return None
    then = {name: value for name, value in episode.items() if name != "updated_at"}
    then |= _last_reason(story)
    if episode["updated_at"] <= at and (episode["peak_at"] or at) <= at:
        return None if any(line["event"] == "lapsed" for line in story) else then
    _as_its_columns_say(then, at)
    if not any(line["actor"] == "analytics" for line in story):
        _hear_people(then, story)
        return then
    then |= {"state": "pending", "level": 0, "ended_at": None, "causes": [], "verdict": None}
    causes: list[Row] = []
    gone = False
    for line in story:
        event, detail = line["event"], line["detail"]
        if event == "lapsed":
            return None
        if event == "opened" and detail.get("level"):
            then["state"] = "active"
        if event in STATE_AFTER:
            then["state"] = STATE_AFTER[event]
            then["ended_at"] = line["at"] if event == "closed" else None
        if event in ("opened", "activated", "level", "reopened"):
            then["level"] = max(then["level"], detail.get("level") or 0)
        if "measured" in detail:
            then["measured"] = detail["measured"]
        if event == "cause" and "kind" in detail:
            causes.append(detail)
        if event == "verdict":
            then["verdict"] = detail
        if event in ("withdrawn", "restored"):
            gone = event == "withdrawn"
    if gone:
        return None
    then["causes"] = _causes_then(episode, causes)
    if episode["peak_at"] is not None and episode["peak_at"] > at:
        then |= _highest_said(story)
    _hear_people(then, story)
    return then


def _as_its_columns_say(then: Entry, at: datetime) -> None:
    """Take back what the columns say of later."""
    if then["ended_at"] is not None and then["ended_at"] > at:
        then |= {"state": "active", "ended_at": None}
    if then["acknowledged_at"] is not None and then["acknowledged_at"] > at:
        then |= {"acknowledged_by": None, "acknowledged_at": None}


def _hear_people(then: Entry, story: Sequence[Row]) -> None:
    """Who had seen it, and until when it was put aside."""
    if any(line["event"] in ("acknowledged", "unacknowledged", "unshelved") for line in story):
        then |= {"acknowledged_by": None, "acknowledged_at": None}
    then["shelved_until"] = None
    for line in story:
        event, detail = line["event"], line["detail"]
        if event == "acknowledged":
            then |= {"acknowledged_by": line["actor"], "acknowledged_at": line["at"]}
        elif event == "unacknowledged":
            then |= {"acknowledged_by": None, "acknowledged_at": None}
        elif event == "shelved":
            until = detail.get("until")
            then["shelved_until"] = datetime.fromisoformat(until) if until else None
        elif event == "unshelved":
            then["shelved_until"] = None
            if detail.get("why") == "expired":
                then |= {"acknowledged_by": None, "acknowledged_at": None}


def _last_reason(story: Sequence[Row]) -> Entry:
    """What dispatch said last, and the same in the other language."""
    told: list[Row] = [line["detail"] for line in story if line["event"] == "reason"]
    return {name: told[-1].get(name) if told else None for name in ("reason", "also")}


def _causes_then(episode: Row, said: Sequence[Row]) -> list[Any]:
    """The causes with their evidence where they have not changed since; else the first as said."""
    causes: list[Any] = episode["causes"]
    if not said:
        return causes
    first = causes[0] if causes else {}
    last = said[-1]
    if (first.get("kind"), first.get("site")) == (last.get("kind"), last.get("site")):
        return causes
    return [{"evidence": None} | dict(last)]


def _highest_said(story: Sequence[Row]) -> Entry:
    """The highest value that the story had told, for a peak that came later."""
    told = [line for line in story if isinstance(line["detail"].get("value"), int | float)]
    if not told:
        return {"peak": None, "peak_at": None}
    highest = max(told, key=lambda line: float(line["detail"]["value"]))
    return {"peak": float(highest["detail"]["value"]), "peak_at": highest["at"]}


def order_then(order: Row, told: Mapping[str, Row], at: datetime) -> Entry | None:
    """An order as the board showed it at `at`; None when it was not on the board.

    `order` has `said`, the last word on it until then. `told`: orders by id as the plan of then
    told them to the crews.
    """
    then = {name: value for name, value in order.items() if name != "said"}
    then["state"] = _state_then(order, at)
    for time in ("accepted_at", "started_at", "ended_at"):
        if then[time] is not None and then[time] > at:
            then[time] = None
    if then["ended_at"] is None:
        then |= {"outcome": None, "outcome_also": None}
    del then["accepted_at"]
    if then["state"] in OPEN_ORDER:
        plan = told.get(order["id"], {})
        if "eta" in plan:
            then["eta"] = datetime.fromisoformat(plan["eta"])
        if "seq" in plan:
            then["seq"] = plan["seq"]
        return then
    return then if then["state"] in SHOWN_ENDED else None


def _state_then(order: Row, at: datetime) -> str:
    if order["said"] in SAID_STATES:
        return str(order["said"])
    if order["ended_at"] is not None and order["ended_at"] <= at:
        return str(order["state"])
    if order["started_at"] is not None and order["started_at"] <= at:
        return "started"
    if order["accepted_at"] is not None and order["accepted_at"] <= at:
        return "accepted"
    # Before there was a log, rows without a time for it can only be believed as they stand.
    return str(order["state"]) if order["state"] in OPEN_ORDER else "sent"


def told_by(body: Mapping[str, Any] | None) -> dict[str, Row]:
    """Orders by id out of a plan's body, {crew: Plan of the contract}."""
    found: dict[str, Row] = {}
    for plan in (body or {}).values():
        for order in plan.get("orders", ()):
            found[order["order"]] = order
    return found


def under_way(
    spans: Iterable[tuple[datetime, datetime | None]], steps: Sequence[datetime]
) -> list[int]:
    """How many of the spans each step lies in; a span without an end lasts."""
    known = [(begun, ended) for begun, ended in spans if ended is None or ended > begun]
    begun = sorted(begun for begun, _ in known)
    over = sorted(ended for _, ended in known if ended is not None)
    return [bisect_right(begun, step) - bisect_right(over, step) for step in steps]
