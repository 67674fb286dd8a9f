"""Recording and withdrawing what people decide against a plan; with who, why and until when."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from store.database import Connection
from store.statements import statements

SQL = statements("overrides")

KINDS = ("pin", "forbid", "assign", "hold", "add")
TREATMENTS = ("wash", "sweep", "fog", "heavy_clean", "hand_wash", "inspect")


class BadOverride(ValueError):
    """A decision that cannot be recorded; the message says what is missing or wrong."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody decides. Which fields a kind needs:

    pin: order. forbid: place, and treatment unless every one is meant. assign: place, treatment,
    crew. hold: crew. add: place, treatment; priority (2 if left out), due and crew may be given.
    """

    kind: str
    why: str
    given_by: str
    until: datetime
    place: str | None = None
    treatment: str | None = None
    crew: str | None = None
    order: str | None = None
    priority: int | None = None
    due: datetime | None = None


_NEEDS = {
    "pin": ("order",),
    "forbid": ("place",),
    "assign": ("place", "treatment", "crew"),
    "hold": ("crew",),
    "add": ("place", "treatment"),
}
_MAY = {
    "pin": ("order",),
    "forbid": ("place", "treatment"),
    "assign": ("place", "treatment", "crew"),
    "hold": ("crew",),
    "add": ("place", "treatment", "crew", "priority", "due"),
}


def check(wish: Wish, now: datetime, *, places: Sequence[str], crews: Sequence[str]) -> None:
    """Raises BadOverride unless `wish` is whole and names what the district has."""
    if wish.kind not in KINDS:
        raise BadOverride(f"{wish.kind!r} is no kind of override; choose from {', '.join(KINDS)}")
    for name in ("why", "given_by"):
        if not getattr(wish, name).strip():
            raise BadOverride(f"{wish.kind}: say {'who' if name == 'given_by' else 'why'}")
    if wish.until <= now:
        raise BadOverride(f"{wish.kind}: it would be over at {wish.until}, before it begins")
    named = ("place", "treatment", "crew", "order", "priority", "due")
    for name in _NEEDS[wish.kind]:
        if getattr(wish, name) is None:
            raise BadOverride(f"{wish.kind} needs a {name}")
    for name in named:
        if getattr(wish, name) is not None and name not in _MAY[wish.kind]:
            raise BadOverride(f"{wish.kind} takes no {name}")
    if wish.place is not None and wish.place not in places:
        raise BadOverride(f"{wish.place!r} is no segment that is treated and no site here")
    if wish.crew is not None and wish.crew not in crews:
        raise BadOverride(f"{wish.crew!r} is no crew; there are {', '.join(crews)}")
    if wish.treatment is not None and wish.treatment not in TREATMENTS:
        raise BadOverride(
            f"{wish.treatment!r} is no treatment; choose from {', '.join(TREATMENTS)}"
        )
    if wish.priority is not None and wish.priority not in (1, 2, 3):
        raise BadOverride(f"priority must be 1 to 3, not {wish.priority}")


def record(conn: Connection, wish: Wish, now: datetime) -> int:
    """Keep a checked decision and its line in the audit; its number. The caller commits.

    Raises BadOverride for a pin of an order that is not open.
    """
    values = asdict(wish) | {"given_at": now}
    if wish.kind == "pin":
        row = conn.execute(SQL.open_order, {"order": wish.order}).fetchone()
        if row is None:
            raise BadOverride(f"{wish.order} is no open order: nothing to pin")
        values |= dict(zip(("crew", "place", "treatment", "priority", "due"), row, strict=True))
    if wish.kind == "add":
        values["priority"] = wish.priority or 2
    row = conn.execute(SQL.add_override, values).fetchone()
    assert row is not None
    number = int(row[0])
    _audit(conn, now, wish.given_by, "override", {"override": number} | _said(wish))
    return number


def withdraw(conn: Connection, number: int, by: str, why: str, now: datetime) -> None:
    """End a decision before its time; the caller commits. Raises BadOverride if it is over."""
    row = conn.execute(SQL.end_override, {"id": number, "by": by, "why": why, "at": now}).fetchone()
    if row is None:
        raise BadOverride(f"there is no override {number} that still holds")
    _audit(conn, now, by, "override withdrawn", {"override": number, "why": why})


def _said(wish: Wish) -> dict[str, Any]:
    said = {key: value for key, value in asdict(wish).items() if value is not None}
    return (
        said
        | {"until": wish.until.isoformat()}
        | ({"due": wish.due.isoformat()} if wish.due else {})
    )


def _audit(conn: Connection, at: datetime, actor: str, action: str, detail: dict[str, Any]) -> None:
    conn.execute(SQL.audit, {"at": at, "actor": actor, "action": action, "detail": Jsonb(detail)})
