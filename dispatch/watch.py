"""Whether a crew is as its plan has it: on its way, moving, in time, with water."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import shapely

from dispatch.crews import Standing
from dispatch.facts import Order
from dispatch.limits import Limits
from dispatch.service import Fix
from dispatch.settings import WET
from dispatch.troubles import Astray

_ENOUGH = 2
"""One position is no proof of anything."""

_DRY_MIN = 3.0


def astray(
    standing: Standing,
    current: Order | None,
    way: shapely.Geometry | None,
    fixes: Sequence[Fix],
    now: datetime,
    limits: Limits,
) -> list[Astray]:
    """What is wrong with a crew at `now`.

    `current` is the order that it works on or drives to, `way` its drive and its street in the
    district's metres, `fixes` its latest positions in time order.
    """
    if standing.condition != "ready" or current is None or current.state == "sent":
        return []
    found = []
    crew, place = standing.crew.id, current.place
    if (metres := _off_route_m(way, fixes, now, limits)) is not None:
        found.append(Astray(crew, "off_route", current.id, place, now, metres))
    elif (minutes := _standing_min(standing, current, fixes, now, limits)) is not None:
        found.append(Astray(crew, "standing", current.id, place, now, minutes))
    late = timedelta(minutes=limits.late_min)
    begins = standing.turn_at or current.issued_at
    if current.state == "accepted" and now > max(current.eta, begins) + late:
        found.append(Astray(crew, "late", current.id, place, now, eta=current.eta))
    if _dry(standing, current, fixes, limits):
        found.append(Astray(crew, "dry", current.id, place, now))
    return found


def _off_route_m(
    way: shapely.Geometry | None, fixes: Sequence[Fix], now: datetime, limits: Limits
) -> float | None:
    since = now - timedelta(minutes=limits.off_route_min)
    lately = [fix for fix in fixes if fix.at > since and fix.state in ("driving", "working")]
    if way is None or len(lately) < _ENOUGH:
        return None
    points = shapely.points([(fix.x, fix.y) for fix in lately])
    away_m = float(shapely.distance(way, points).min())
    return away_m if away_m > limits.off_route_m else None


def _standing_min(
    standing: Standing, current: Order, fixes: Sequence[Fix], now: datetime, limits: Limits
) -> float | None:
    if current.state == "started" and current.segment is None:
        return None  # it is to stand there
    limit = timedelta(minutes=limits.standing_min)
    began = max(at for at in (standing.turn_at, current.accepted_at, current.started_at,
                              current.issued_at) if at is not None)  # fmt: skip
    lately = [fix for fix in fixes if fix.at >= now - limit]
    if now - began < limit or len(lately) < _ENOUGH:
        return None
    if lately[-1].at - lately[0].at < limit * 0.8:
        return None
    xy = np.array([(fix.x, fix.y) for fix in lately])
    moved_m = float(np.hypot(*(xy - xy[0]).T).max())
    return (now - began) / timedelta(minutes=1) if moved_m < limits.standing_m else None


def _dry(standing: Standing, current: Order, fixes: Sequence[Fix], limits: Limits) -> bool:
    tank_l = standing.crew.tank_m3 * 1000
    wet = current.treatment in WET and current.segment is not None
    if current.state != "started" or not wet or tank_l <= 0 or standing.crew.water_l_per_m <= 0:
        return False
    assert current.started_at is not None
    lately = [
        fix for fix in fixes
        if fix.at >= current.started_at and fix.water_l is not None and fix.state == "working"
    ]  # fmt: skip
    if not lately or lately[-1].water_l is None:
        return False
    if lately[-1].water_l <= limits.dry_share * tank_l:
        return True
    if len(lately) < _ENOUGH or lately[-1].at - lately[0].at < timedelta(minutes=_DRY_MIN):
        return False
    moved_m = float(np.hypot(lately[-1].x - lately[0].x, lately[-1].y - lately[0].y))
    gone_l = (lately[0].water_l or 0.0) - lately[-1].water_l
    return gone_l < limits.water_share * standing.crew.water_l_per_m * min(moved_m, 50.0)
