"""Crews that are not as their plan has them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import shapely

from dispatch.crews import Condition, Standing
from dispatch.facts import Order
from dispatch.limits import Limits
from dispatch.service import Fix
from dispatch.watch import astray
from tests.dispatch.towns import NOON, crew

LIMITS = Limits()
WAY = shapely.LineString([(0, 0), (1000, 0)])
NOW = NOON + dt.timedelta(minutes=12)


def order(**changes: object) -> Order:
    """A wash that W1 has accepted at noon and should begin at 12:10."""
    made = Order(
        id="O-1", crew="W1", plan="P-1", seq=1, treatment="wash", segment="B", site=None,
        depot=None, direction="forward", path=(), eta=NOON + dt.timedelta(minutes=10), due=None,
        minutes=3, water_l=360, priority=3, episode=None, reason="", state="accepted",
        issued_at=NOON, accepted_at=NOON,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def fixes(*xy: tuple[float, float], state: str = "driving", water_l: float = 9000.0) -> list[Fix]:
    """One position a minute, the last one now."""
    first = NOW - dt.timedelta(minutes=len(xy) - 1)
    return [
        Fix(first + dt.timedelta(minutes=n), x, y, water_l, state) for n, (x, y) in enumerate(xy)
    ]


def kinds(
    current: Order, seen: Sequence[Fix], condition: Condition = "ready", now: dt.datetime = NOW
) -> list[str]:
    """What is wrong."""
    standing = Standing(
        crew("W1"), condition, NOW + dt.timedelta(hours=3), None, None, NOON, (current,)
    )
    return [one.kind for one in astray(standing, current, WAY, seen, now, LIMITS)]


def test_on_its_way_in_time_nothing_is_wrong() -> None:
    """A crew that drives along its way."""
    assert kinds(order(), fixes(*((n * 80.0, 10.0) for n in range(12)))) == []


def test_off_its_route() -> None:
    """Every position of the last minutes is far from its way and its street."""
    away = [(n * 80.0, 400.0) for n in range(12)]
    assert kinds(order(), fixes(*away)) == ["off_route"]
    back = [*away[:-1], (900.0, 20.0)]
    assert kinds(order(), fixes(*back)) == []


def test_one_position_is_no_proof() -> None:
    """One stray position is nothing."""
    assert kinds(order(), fixes((0, 900))) == []


def test_standing_still_with_work_to_do() -> None:
    """Ten minutes in one place; but not where it is to stand, and not before it has had time."""
    still = fixes(*[(300.0, 0.0)] * 13)
    assert kinds(order(), still) == ["standing"]
    fog = order(treatment="fog", segment=None, site="X1", state="started", started_at=NOON)
    assert kinds(fog, still) == []
    assert kinds(order(accepted_at=NOON + dt.timedelta(minutes=8)), still) == []
    assert kinds(order(state="sent"), still) == []
    assert kinds(order(), still, condition="off") == []


def test_late() -> None:
    """Not begun a quarter of an hour after its arrival was announced."""
    moving = fixes(*((n * 80.0, 0.0) for n in range(12)))
    at = NOON + dt.timedelta(minutes=25)
    assert kinds(order(), moving, now=at) == []
    assert kinds(order(), moving, now=at + dt.timedelta(seconds=1)) == ["late"]
    begun = order(state="started", started_at=NOON + dt.timedelta(minutes=20))
    assert kinds(begun, moving, now=at + dt.timedelta(seconds=1)) == []


def test_dry() -> None:
    """An empty tank at wet work, or water that does not go down while it moves."""
    begun = order(state="started", started_at=NOON + dt.timedelta(minutes=6))
    along = [(n * 150.0, 0.0) for n in range(6)]
    assert kinds(begun, fixes(*along, state="working")) == ["dry"]
    flowing = [
        replace(one, water_l=9000.0 - 180 * n)
        for n, one in enumerate(fixes(*along, state="working"))
    ]
    assert kinds(begun, flowing) == []
    assert kinds(begun, fixes(*along[:2], state="working", water_l=100.0)) == ["dry"]
    sweep = replace(begun, treatment="sweep")
    assert kinds(sweep, fixes(*along, state="working")) == []
