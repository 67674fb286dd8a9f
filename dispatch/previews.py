"""What a decision would change, before it is made: two plans from one situation, neither kept.

Both are searched as after a decision, so they differ by it alone, and the second is the plan that
the next step makes if the decision is kept and nothing else happens meanwhile. Only the question's
own row is written.
"""

import logging
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import psycopg
from psycopg.types.json import Jsonb

from dispatch import tables
from dispatch.crews import Standing, standings
from dispatch.facts import Facts, Order, Present
from dispatch.overrides import Override, Overrides
from dispatch.planning import Plan, Planner
from dispatch.settings import DispatchSettings
from dispatch.triggers import PlanInForce
from dispatch.wants import Exclusion, Wishes
from dispatch.words import other, plain
from geo.district import District
from store.database import Connection
from store.statements import statements

log = logging.getLogger(__name__)

SQL = statements("previews")
OVERRIDES = statements("overrides")

ANSWERED_A_STEP = 3
"""Each takes as long as two plans: more would hold up the plan in force."""
MOVED_FROM_MIN = 1.0
"""An arrival that shifts by less is not told."""
MUST = 3
"""Lowest priority of a must."""
_NEWEST = 2**62
"""The number of a decision that has none yet: newer than all."""


class CannotAnswer(ValueError):
    """There is nothing to plan for; the message says why."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan that nobody has been told of, and what it was made from."""

    plan_id: str
    facts: Facts
    wished: Wishes
    plan: Plan

    @property
    def exclusions(self) -> tuple[Exclusion, ...]:
        return (*self.wished.exclusions, *self.plan.exclusions)


Drafting = Callable[[Connection, Present, Mapping[str, Standing], PlanInForce | None, str], Draft]
"""How the dispatcher plans: from the situation, the crews, the plan in force and the trigger."""

Pair = dict[str, Any]
Key = tuple[str, str]


def answer_waiting(conn: Connection, now: datetime, planner: Planner, draft: Drafting) -> None:
    """Answer the oldest questions, each in a transaction of its own; commits.

    An answer that fails says so in its row, and harms nothing else.
    """
    waiting = conn.execute(SQL.waiting, {"most": ANSWERED_A_STEP}).fetchall()
    conn.commit()
    for number, by, wish in waiting:
        values: dict[str, Any] = {"id": number, "at": now, "plan": None, "answer": None}
        try:
            found, plan = _answer(conn, now, planner, draft, by, wish)
            values |= {"answer": _json(found), "plan": plan, "problem": None}
        except CannotAnswer as problem:
            values |= {"problem": str(problem)}
        except psycopg.OperationalError:
            raise
        except Exception as error:
            log.exception("preview %s has no answer", number)
            values |= {"problem": f"{type(error).__name__}: {error}"}
        conn.rollback()
        conn.execute(SQL.answer, values)
        conn.commit()


def _answer(
    conn: Connection,
    now: datetime,
    planner: Planner,
    draft: Drafting,
    by: str,
    wish: Mapping[str, Any],
) -> tuple[dict[str, Any], str | None]:
    force = tables.load_plan_in_force(conn)
    present = tables.load_present(conn, planner.district, now)
    changed = replace(present, overrides=decided(conn, present.overrides, wish, by, now))
    before, after = (
        draft(conn, one, standings(one, planner.district, planner.settings), force, "override")
        for one in (present, changed)
    )
    found = effect(before, after, planner.district, planner.settings)
    if reason := _unmet(changed.overrides, wish, after):
        found["unmet"] = {"text": reason, "also": other(reason)}
    return found, force.id if force else None


def decided(
    conn: Connection, standing: Overrides, wish: Mapping[str, Any], by: str, now: datetime
) -> Overrides:
    """What would hold at `now` were `wish` granted. Raises CannotAnswer for a pin or a withdrawal
    of what is over."""
    if wish["kind"] == "withdraw":
        left = tuple(one for one in standing.all if one.id != wish["override"])
        if len(left) == len(standing.all):
            raise CannotAnswer(f"there is no override {wish['override']} that still holds")
        return Overrides(left)
    crew, place = wish.get("crew"), wish.get("place")
    treatment, priority = wish.get("treatment"), wish.get("priority")
    due = _time(wish.get("due"))
    if wish["kind"] == "pin":
        row = conn.execute(OVERRIDES.open_order, {"order": wish["order"]}).fetchone()
        if row is None:
            raise CannotAnswer(f"{wish['order']} is no open order: nothing to pin")
        crew, place, treatment, priority, due = row
    elif wish["kind"] == "add":
        priority = priority or 2
    until = _time(wish["until"])
    assert until is not None
    new = Override(
        _NEWEST, wish["kind"], place, treatment, crew, wish.get("order"), priority, due,
        wish["why"], by, now, until,
    )  # fmt: skip
    return Overrides((*standing.all, new))


# Two plans side by side ---------------------------------------------------------------------


def effect(
    before: Draft, after: Draft, district: District, settings: DispatchSettings
) -> dict[str, Any]:
    """What `after` does otherwise than `before`, as plain JSON; lengths in km, water in litres,
    what residents are spared in person-hours times µg/m³ (None where no model says it)."""
    old, new = _places(before.plan), _places(after.plan)
    crews: list[dict[str, Any]] = []
    for crew in after.plan.orders:
        gained = [o for o in _work(after.plan, crew) if _holder(old, o) != crew]
        lost = [o for o in _work(before.plan, crew) if _holder(new, o) != crew]
        shifts = [
            (order, _minutes(old[_key(order)].eta, order.eta))
            for order in _work(after.plan, crew)
            if _holder(old, order) == crew and order.state != "started"
        ]
        moved = [
            _entry(order) | {"by_min": round(minutes, 1)}
            for order, minutes in shifts
            if abs(minutes) >= MOVED_FROM_MIN
        ]
        figures = [_figures(draft.plan.orders.get(crew, ()), district) for draft in (before, after)]
        crews.append(
            {
                "crew": crew,
                "gained": [_entry(o) | {"from": _holder(old, o)} for o in gained],
                "lost": [_entry(o) | {"to": _holder(new, o)} for o in lost],
                "moved": moved,
                **{name: [figures[0][name], figures[1][name]] for name in figures[0]},
            }
        )
    late = [_late(draft.plan) for draft in (before, after)]
    left = [_left_out(draft) for draft in (before, after)]
    totals: dict[str, Any] = {
        name: [round(sum(crew[name][which] for crew in crews), 2) for which in (0, 1)]
        for name in ("orders", "km", "water_l", "work_min")
    }
    spared = [_spared(draft, settings) for draft in (before, after)]
    totals["spared"] = None if None in spared else spared
    found = {
        "crews": crews,
        "orders": {
            crew: [_entry(order) for order in orders] for crew, orders in after.plan.orders.items()
        },
        "late_before": [_entry(order) for order in late[0]],
        "late": [_entry(order) for order in late[1]],
        "left_out_before": left[0],
        "left_out": left[1],
        "totals": totals,
    }
    found["sentence"] = sentence(found)
    return found


def sentence(found: Mapping[str, Any]) -> dict[str, str]:
    """The effect in a sentence, in both languages."""
    crews, totals = found["crews"], found["totals"]
    gained = sum(len(crew["gained"]) for crew in crews)
    lost = sum(len(crew["lost"]) for crew in crews)
    handed = sum(entry["from"] is not None for crew in crews for entry in crew["gained"])
    moved = [entry["by_min"] for crew in crews for entry in crew["moved"]]
    new, dropped = gained - handed, lost - handed
    chinese, english = [], []
    for count, zh, en in (
        (handed, "{n}项改派", "{n} to another crew"),
        (new, "新增{n}项", "{n} more"),
        (dropped, "减少{n}项", "{n} fewer"),
    ):
        if count:
            chinese.append(zh.format(n=count))
            english.append(en.format(n=count))
    if moved:
        most = max(moved, key=abs)
        chinese.append(
            f"{len(moved)}项改时间（最多{'晚' if most > 0 else '早'}{abs(most):.0f}分钟）"
        )
        english.append(
            f"{len(moved)} at another time (by up to {abs(most):.0f} min "
            f"{'later' if most > 0 else 'earlier'})"
        )
    if not chinese:
        return {"zh-CN": "计划不变。", "en": "The plan stays as it is."}
    late = len(found["late"]) - len(found["late_before"])
    left = len(found["left_out"]) - len(found["left_out_before"])
    musts_zh, musts_en = [], []
    if late:
        musts_zh.append(f"必办延误{late:+d}项")
        musts_en.append(f"late musts {late:+d}")
    if left:
        musts_zh.append(f"排不上的必办{left:+d}项")
        musts_en.append(f"musts left out {left:+d}")
    km = totals["km"][1] - totals["km"][0]
    water_m3 = (totals["water_l"][1] - totals["water_l"][0]) / 1000
    figures_zh = [f"行驶{_signed(km)}公里", f"用水{_signed(water_m3)}立方米"]
    figures_en = [f"{_signed(km)} km", f"{_signed(water_m3)} m³ of water"]
    if totals["spared"]:
        spared = totals["spared"][1] - totals["spared"][0]
        less = spared >= 0
        figures_zh.append(f"居民{'少' if less else '多'}吸入{abs(spared):.0f}人·时·µg/m³")
        figures_en.append(
            f"residents breathe {abs(spared):.0f} person·h·µg/m³ {'less' if less else 'more'}"
        )
    musts = "、".join(musts_zh) or "必办不受影响"
    return {
        "zh-CN": f"{'、'.join(chinese)}；{musts}；{'，'.join(figures_zh)}。",
        "en": f"{', '.join(english)}; {', '.join(musts_en) or 'no must is touched'}; "
        f"{', '.join(figures_en)}.",
    }


def _signed(value: float) -> str:
    return f"{round(value, 1) + 0.0:+.1f}"


def _key(order: Order) -> Key:
    return order.place, order.treatment


def _places(plan: Plan) -> dict[Key, Order]:
    return {_key(o): o for orders in plan.orders.values() for o in orders if o.depot is None}


def _holder(places: Mapping[Key, Order], order: Order) -> str | None:
    found = places.get(_key(order))
    return None if found is None else found.crew


def _work(plan: Plan, crew: str) -> list[Order]:
    return [order for order in plan.orders.get(crew, ()) if order.depot is None]


def _minutes(before: datetime, after: datetime) -> float:
    return (after - before).total_seconds() / 60


def _entry(order: Order) -> dict[str, Any]:
    return {
        "treatment": order.treatment, "segment": order.segment, "site": order.site,
        "depot": order.depot, "eta": order.eta, "minutes": order.minutes, "due": order.due,
        "priority": order.priority, "crew": order.crew, "state": order.state,
    }  # fmt: skip


def _figures(orders: Sequence[Order], district: District) -> dict[str, float]:
    work = [order for order in orders if order.depot is None]
    metres = sum(_drive_m(order, district) for order in orders)
    metres += sum(district.segments[o.segment].length_m for o in work if o.segment)
    return {
        "orders": len(work),
        "km": round(metres / 1000, 2),
        "water_l": round(sum(order.water_l for order in work), 1),
        "work_min": round(sum(order.minutes for order in work), 1),
    }


def _drive_m(order: Order, district: District) -> float:
    if len(order.path) < 2 or order.state == "started":
        return 0.0
    xy = np.asarray(district.projection.to_xy(list(order.path)))
    return float(np.hypot(*np.diff(xy, axis=0).T).sum())


def _late(plan: Plan) -> list[Order]:
    return [
        order
        for orders in plan.orders.values()
        for order in orders
        if order.priority <= MUST and order.due is not None and order.eta > order.due
    ]


def _left_out(draft: Draft) -> list[dict[str, Any]]:
    planned = _places(draft.plan).keys()
    return [
        {
            "place": one.place, "treatment": one.treatment, "priority": one.priority,
            "reason": one.reason.text, "also": other(one.reason.text),
        }
        for one in draft.exclusions
        if one.priority is not None
        and one.priority <= MUST
        and (one.place, one.treatment) not in planned
    ]  # fmt: skip


def _spared(draft: Draft, settings: DispatchSettings) -> float | None:
    """What the treatments that are to come spare residents, begun when they will be."""
    if not draft.facts.worths:
        return None
    worth = {(one.segment, one.treatment): one.spared for one in draft.facts.worths}
    total = 0.0
    for orders in draft.plan.orders.values():
        for order in orders:
            wait_min = (order.eta - draft.facts.now).total_seconds() / 60
            share = settings.worth_fades[bisect_left(settings.worth_fades_min, wait_min)]
            total += share * max(worth.get(_key(order), 0.0), 0.0)
    return round(total)


def _unmet(overrides: Overrides, wish: Mapping[str, Any], after: Draft) -> str | None:
    """Why what is asked for does not come about, if it does not."""
    if wish["kind"] not in ("pin", "assign", "add"):
        return None
    new = overrides.all[-1]
    asked = (new.place, new.treatment)
    if asked in _places(after.plan):
        return None
    for one in after.exclusions:
        if one.place == new.place and one.treatment in (None, new.treatment):
            return one.reason.text
    return None


def _time(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _json(value: Any) -> Jsonb:
    return Jsonb(value, dumps=lambda found: msgspec.json.encode(found, enc_hook=plain))
