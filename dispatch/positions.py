"""Positions out of the tables, held against the work that was done and the plans that hold."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import shapely
from psycopg.types.json import Jsonb

from dispatch.crews import Standing
from dispatch.facts import Order
from dispatch.service import Fix, Proof, Task, prove, prove_standing, proven
from dispatch.settings import WET, DispatchSettings
from dispatch.troubles import Astray, Unproven
from dispatch.watch import astray
from geo.district import District
from store.database import Connection
from store.statements import statements

SQL = statements("life")

_MARGIN = timedelta(seconds=150)
_MEMORY = timedelta(hours=24)

LogLine = tuple[str, datetime, str, str, dict[str, Any]]


class Positions:
    """For one district."""

    def __init__(self, district: District, settings: DispatchSettings) -> None:
        self._district = district
        self._limits = settings.limits
        self._fastest_kmh = max((s.speed_kmh for s in district.segments.values()), default=0.0)
        self._lines: dict[str, shapely.LineString] = {
            segment.id: district.projection.to_xy(segment.line)
            for segment in district.segments.values()
        }

    def judge(self, conn: Connection, now: datetime) -> list[LogLine]:
        """Prove what has been over for a while; gives the lines for the orders' log."""
        wait = timedelta(minutes=self._limits.proof_wait_min)
        lines: list[LogLine] = []
        due = conn.execute(
            SQL.unjudged_services, {"since": now - _MEMORY, "until": now - wait}
        ).fetchall()
        for order, crew, treatment, segment, site, direction, stop, minutes, water_l, *rest in due:
            began, ended, state = rest
            fixes = self._fixes(conn, crew, began - _MARGIN, ended + _MARGIN)
            if segment in self._lines:
                span = {"crew": crew, "order": order, "since": began - _MARGIN,
                        "until": ended + _MARGIN}  # fmt: skip
                others = conn.execute(SQL.other_work, span).fetchall()
                task = self._task(crew, segment, direction, began, ended, others)
                proof = prove(task, fixes, self._limits)
            else:
                proof = self._stood(site, stop, began, ended, minutes, fixes,
                                    water_l if treatment in WET else 0.0)  # fmt: skip
            enough = proven(proof, self._limits)
            self._keep(conn, order, now, proof, proven=enough)
            if proof is not None and enough is not None and state == "done":
                event = "proven" if enough else "unproven"
                detail = {"share": round(proof.share, 3), "worked_m": round(proof.worked_m, 1)}
                lines.append((order, now, "dispatch", event, detail))
        return lines

    def unproven(self, conn: Connection, now: datetime) -> list[Unproven]:
        """Work of late that is said to be done and was not seen."""
        since = now - timedelta(hours=self._limits.unproven_h)
        values = {"since": since, "ended": since - _MEMORY}
        return [Unproven(*row) for row in conn.execute(SQL.unproven, values)]

    def astray(
        self, conn: Connection, crews: Mapping[str, Standing], now: datetime
    ) -> list[Astray]:
        """Crews that are not as their plan has them."""
        current = {
            crew: order
            for crew, standing in crews.items()
            if standing.condition == "ready" and (order := _current(standing))
        }
        if not current:
            return []
        span = max(self._limits.standing_min, self._limits.off_route_min, 10.0)
        found = conn.execute(
            SQL.latest_fixes,
            {"crews": list(current), "since": now - timedelta(minutes=span + 5), "now": now},
        ).fetchall()
        fixes = {
            crew: self._projected([row[1:] for row in rows])
            for crew, rows in groupby(found, key=itemgetter(0))
        }
        ids = [order.id for crew, order in current.items() if crew in fixes]
        ways: dict[str, Any] = dict(conn.execute(SQL.ways, {"ids": ids}).fetchall()) if ids else {}
        return [
            one
            for crew, order in current.items()
            for one in astray(
                crews[crew], order, self._way(order, ways.get(order.id)), fixes.get(crew, ()), now,
                self._limits,
            )
        ]  # fmt: skip

    def _task(
        self,
        crew: str,
        segment: str,
        direction: str | None,
        began: datetime,
        ended: datetime,
        others: Sequence[tuple[datetime, datetime]],
    ) -> Task:
        who = self._district.crews[crew]
        return Task(
            line=self._lines[segment],
            backward=direction == "backward",
            drive_mps=max(who.drive_speed_kmh, self._fastest_kmh) / 3.6,
            work_mps=who.work_speed_kmh / 3.6,
            rate_l_m=who.water_l_per_m if who.tank_m3 > 0 else 0.0,
            tank_l=who.tank_m3 * 1000,
            began=began,
            ended=ended,
            others=others,
        )

    def _stood(
        self,
        site: str | None,
        stop: Sequence[float] | None,
        began: datetime,
        ended: datetime,
        minutes: float,
        fixes: Sequence[Fix],
        water_l: float,
    ) -> Proof | None:
        if stop is None and site in self._district.sites:
            stop = self._district.sites[site].centre
        if stop is None:
            return None
        x, y = self._district.projection.to_xy([tuple(stop)])[0]
        return prove_standing(
            float(x), float(y), began, ended, minutes, fixes, self._limits, water_l
        )

    def _way(self, order: Order, path: Sequence[Sequence[float]] | None) -> shapely.Geometry | None:
        parts: list[shapely.Geometry] = []
        if path and len(path) > 1:
            parts.append(shapely.LineString(self._district.projection.to_xy(path)))
        if order.segment in self._lines:
            parts.append(self._lines[order.segment])
        return shapely.union_all(parts) if parts else None

    def _fixes(
        self, conn: Connection, crew: str, since: datetime, until: datetime
    ) -> Sequence[Fix]:
        rows = conn.execute(SQL.fixes, {"crew": crew, "since": since, "until": until}).fetchall()
        return self._projected(rows)

    def _projected(self, rows: Sequence[Sequence[Any]]) -> Sequence[Fix]:
        if not rows:
            return ()
        xy = self._district.projection.to_xy([(row[1], row[2]) for row in rows])
        return [
            Fix(at, float(x), float(y), water_l, state)
            for (at, _, _, water_l, state), (x, y) in zip(rows, xy, strict=True)
        ]

    def _keep(
        self, conn: Connection, order: str, now: datetime, proof: Proof | None, *,
        proven: bool | None,
    ) -> None:  # fmt: skip
        values: dict[str, Any] = {
            "order": order, "at": now, "proven": proven, "positions": 0, "share": None,
            "worked_m": None, "driven_m": None, "water_l": None, "spans": Jsonb([]),
        }  # fmt: skip
        if proof is not None:
            values |= {
                "positions": proof.positions, "share": proof.share, "worked_m": proof.worked_m,
                "driven_m": proof.driven_m, "water_l": proof.water_l,
                "spans": Jsonb([list(span) for span in proof.spans]),
            }  # fmt: skip
        conn.execute(SQL.add_service, values)


def _current(standing: Standing) -> Order | None:
    """What a crew works on, or should be driving to."""
    begun = next((order for order in standing.orders if order.state == "started"), None)
    first = standing.orders[0] if standing.orders else None
    if begun is not None:
        return begun
    return first if first is not None and first.state == "accepted" else None
