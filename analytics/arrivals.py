"""What has arrived, out of the store, as the fold wants it."""

from collections import deque
from typing import Any

import numpy as np

from analytics.happenings import SILENT_MIN, Event, Happenings, Work
from analytics.layout import Layout
from analytics.moments import minute_at, time_of
from analytics.readings import Readings
from geo.district import District
from geo.places import PlaceIndex
from store.arrays import EPOCH_2000_US, array_cursor
from store.database import Connection
from store.statements import statements

SQL = statements("analytics")
HISTORY = statements("history")

WORKS_BACK_MIN = SILENT_MIN
"""How far back treatments are looked for."""
FLAG_REACH_M = 100.0
"""A flag with no more than a position is of the segment this near."""


class Arrivals:
    """Readings and happenings of a span; the last hour of events is kept at hand.

    with_late: take also the readings that came too late for live results.
    """

    def __init__(self, district: District, layout: Layout, *, with_late: bool = False) -> None:
        self._stations = list(layout.stations)
        self._with_late = with_late
        self._district = district
        self._index = PlaceIndex(district)
        self._events: deque[Event] = deque()
        self._events_upto: int | None = None

    def forget(self) -> None:
        """Look everything up anew: the past has changed."""
        self._events_upto = None

    def readings(self, conn: Connection, after: int, upto: int) -> Readings:
        """Readings of the minutes after+1..upto, sorted; of stations that the district has."""
        span = {"after": time_of(after), "upto": time_of(upto)}
        with array_cursor(conn) as cursor:
            row = cursor.execute(
                HISTORY.readings,
                span | {"stations": self._stations, "with_late": self._with_late},
            ).fetchone()
        if row is None or row[0] is None:
            return Readings.none()
        station, ts_us, *values, status = row
        readings = Readings(
            station=station - 1,
            ts_ms=(ts_us + EPOCH_2000_US) // 1000,
            values=np.stack(values, axis=1),
            status=status,
        )
        return readings[np.lexsort((readings.ts_ms, readings.station))]

    def happenings(self, conn: Connection, after: int, upto: int) -> Happenings:
        """Flags, trucks and treatments from an hour before the minutes after+1..upto on."""
        since = after - 60
        if self._events_upto != after:
            self._events.clear()
            self._events_upto = since
        rows = conn.execute(
            SQL.events, {"after": time_of(self._events_upto or since), "upto": time_of(upto)}
        ).fetchall()
        self._events.extend(placed(row, self._district, self._index) for row in rows)
        self._events_upto = upto
        while self._events and self._events[0].minute <= since:
            self._events.popleft()
        works = conn.execute(
            SQL.works, {"after": time_of(after - WORKS_BACK_MIN), "upto": time_of(upto)}
        ).fetchall()
        return Happenings(
            list(self._events),
            [
                Work(
                    order,
                    crew,
                    treatment,
                    segment,
                    site,
                    minute_at(start),
                    None if end is None else minute_at(end),
                    done,
                )
                for order, crew, treatment, segment, site, start, end, done in works
                if start is not None
            ],
        )


def placed(row: tuple[Any, ...], district: District, index: PlaceIndex) -> Event:
    """An event as the query `events` gives it; one without a place is where its camera is, one
    with a position only on the nearest segment."""
    ts, kind, source, source_kind, segment, site, lon, lat, count = row
    if segment is None and site is None and lon is not None and lat is not None:
        nearest = index.nearest(lon, lat, within_m=FLAG_REACH_M)
        segment = nearest[0].segment if nearest else None
    elif segment is None and site is None and source_kind == "cameras":
        camera = district.cameras.get(source)
        if camera is not None:
            segment, site = camera.segment, camera.site
    return Event(minute_at(ts), kind, segment, site, count)
