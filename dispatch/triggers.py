"""When a plan is made anew: what the plan in force was made from, against what holds now."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dispatch.crews import Standing
from dispatch.facts import Present
from dispatch.settings import DispatchSettings

URGENT_LEVEL = 2
"""Episodes below it are weighed like any street, and wait for the next plan."""


@dataclass(frozen=True, slots=True)
class PlanInForce:
    """The newest plan: when it was issued, and the situation that it was made from."""

    id: str
    issued_at: datetime
    situation: Mapping[str, Any]


def situation(
    present: Present,
    standings: Mapping[str, Standing],
    orders: Mapping[str, int],
    weather: str | None,
) -> dict[str, Any]:
    """What a plan rests on and the clock does not change by itself, as plain JSON.

    `orders` are how many each crew has, `weather` is the code of what keeps water off the
    street.
    """
    return {
        "episodes": {
            episode.id: [
                episode.level,
                episode.state,
                episode.cause,
                episode.shelved_until is not None and episode.shelved_until > present.now,
            ]
            for episode in present.episodes
            if episode.state in ("active", "recovering")
        },
        "crews": {crew: standing.condition for crew, standing in standings.items()},
        "troubles": sorted(order for past in present.past.values() for order in past.troubles),
        "orders": dict(orders),
        "weather": weather,
        "overrides": [one.id for one in present.overrides.all],
        "complaints": sorted(present.complaints),
    }


def trigger(
    force: PlanInForce | None,
    present: Mapping[str, Any],
    now: datetime,
    settings: DispatchSettings,
) -> str | None:
    """Why a plan is to be made now, in a word; None if the one in force will do.

    A new or raised episode of level 2 or more, a complaint, a crew that comes or goes, weather that
    begins or ceases to keep water off the street, and what an operator decides are urgent.
    Everything else waits until the plan in force is `pause_min` old, and what a lesser episode does
    after it has been answered until it is `replan_min` old. An order done as planned is no reason,
    unless it was the crew's last: the crew knows its next one.
    """
    if force is None:
        return "first"
    before = force.situation
    if present["crews"] != before["crews"]:
        return "crew"
    if present["weather"] != before.get("weather"):
        return "weather"
    if present.get("overrides", []) != before.get("overrides", []):
        return "override"
    if set(present.get("complaints", ())) - set(before.get("complaints", ())):
        return "complaint"
    known = before["episodes"]
    if any(_worse(known.get(episode), state) for episode, state in present["episodes"].items()):
        return "episode"
    age = now - force.issued_at
    if age < timedelta(minutes=settings.pause_min):
        return None
    if _otherwise(known, present["episodes"]):
        return "episode_changed"
    if set(present["troubles"]) - set(before["troubles"]):
        return "order"
    if any(
        present["crews"][crew] == "ready" and before["orders"].get(crew, 0) and not count
        for crew, count in present["orders"].items()
    ):
        return "finished"
    if age >= timedelta(minutes=settings.replan_min):
        return "timer"
    return None


def _worse(before: Sequence[Any] | None, after: Sequence[Any]) -> bool:
    if after[0] < URGENT_LEVEL:
        return False
    if before is None or after[0] > before[0]:
        return True
    return bool(after[1] == "active" and before[1] == "recovering")


def _otherwise(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether an episode is new, or one that a crew is sent for in itself has changed or ended.

    A lesser one is weighed by what a treatment spares, which does not change with its state or
    cause: made anew for each of those, two plans in three found nothing else to do.
    """
    if after.keys() - before.keys():
        return True
    return any(
        known != after.get(episode)
        for episode, known in before.items()
        if max(known[0], after.get(episode, known)[0]) >= URGENT_LEVEL
    )


def gain_s(reason: str, settings: DispatchSettings) -> float:
    """By how much a plan for this reason must be better than going on as told, in seconds."""
    calm = reason in ("timer", "order", "episode_changed")
    return settings.replan_gain_s if calm else 0.0


def settled(force: PlanInForce, reason: str) -> Collection[tuple[str, str, int]] | None:
    """What the plan in force left out, where a plan for this reason may keep its order of work.

    None where crews have come, gone or run out of work, or an operator has decided something: then
    everything is weighed again.
    """
    if reason in ("crew", "finished", "override"):
        return None
    left_out = force.situation["left_out"]
    return {(place, treatment, priority) for place, treatment, priority in left_out}
