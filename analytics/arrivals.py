"""What has arrived, out of the store, as the fold wants it."""

from collections import deque
from typing import Any

import numpy as np

from analytics.happenings import Event, Happenings, Work
from analytics.layout import Layout
from analytics.moments import milliseconds, minute_at, time_of
from analytics.readings import COLUMNS, Readings
from geo.district import District
from geo.places import PlaceIndex
from store.database import Connection
from store.statements import statements

SQL = statements("analytics")

WORKS_BACK_MIN = 300
"""How far back treatments are looked for: the longest work, and the hour before it."""
FLAG_REACH_M = 100.0
"""A flag with no more than a position is of the segment this near."""


class Arrivals:
    """Readings and happenings of a span; the last hour of events is kept at hand."""

    def __init__(self, district: District, layout: Layout) -> None:
        self._station = {name: i for i, name in enumerate(layout.stations)}
        self._district = district
        self._index = PlaceIndex(district)
        self._events: deque[Event] = deque()
        self._events_upto: int | None = None

    def forget(self) -> None:
        """Look everything up anew: the past has changed."""
        self._events_upto = None

    def readings(self, conn: Connection, after: int, upto: int) -> Readings:
        """Readings of the minutes after+1..upto, sorted; of stations that the district has."""
        rows = conn.execute(
            SQL.readings, {"after": time_of(after), "upto": time_of(upto)}
        ).fetchall()
        rows = [row for row in rows if row[0] in self._station]
        if not rows:
            return Readings.none()
        n = len(rows)
        readings = Readings(
            station=np.fromiter((self._station[row[0]] for row in rows), np.int64, n),
            ts_ms=np.fromiter((milliseconds(row[1]) for row in rows), np.int64, n),
            values=np.array([row[2 : 2 + len(COLUMNS)] for row in rows], np.float64),
            status=np.fromiter((ord(row[-1]) for row in rows), np.int64, n),
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
        self._events.extend(self._placed(row) for row in rows)
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

    def _placed(self, row: tuple[Any, ...]) -> Event:
        """An event without a place is where its camera is; with a position only, on the nearest
        segment."""
        ts, kind, source, source_kind, segment, site, lon, lat, count = row
        if segment is None and site is None and lon is not None and lat is not None:
            nearest = self._index.nearest(lon, lat, within_m=FLAG_REACH_M)
            segment = nearest[0].segment if nearest else None
        elif segment is None and site is None and source_kind == "cameras":
            camera = self._district.cameras.get(source)
            if camera is not None:
                segment, site = camera.segment, camera.site
        return Event(minute_at(ts), kind, segment, site, count)
