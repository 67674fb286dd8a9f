"""What has arrived, out of the store, as the fold wants it."""

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.happenings import Event, Happenings, Work
from analytics.layout import Layout
from analytics.moments import minute_at, time_of
from analytics.readings import COLUMNS, Readings
from geo.district import District
from geo.places import PlaceIndex
from store.database import Connection
from store.statements import statements

SQL = statements("analytics")
HISTORY = statements("history")

HEADER = 19
"""Bytes before the first row of a binary COPY."""
EPOCH_2000_US = 946_684_800_000_000
"""The server counts from 2000."""
ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("station_length", ">i4"),
        ("station", ">i4"),
        ("ts_length", ">i4"),
        ("ts_us", ">i8"),
        ("values", [("length", ">i4"), ("value", ">f8")], len(COLUMNS)),
        ("status_length", ">i4"),
        ("status", ">i4"),
    ]
)
"""A row of `copy_readings` as the server writes it: nothing in it is of varying length."""

WORKS_BACK_MIN = 300
"""How far back treatments are looked for: the longest work, and the hour before it."""
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
        with (
            conn.cursor() as cursor,
            cursor.copy(
                HISTORY.copy_readings,
                span | {"stations": self._stations, "with_late": self._with_late},
            ) as copy,
        ):
            rows = _rows(b"".join(copy))
        readings = Readings(
            station=rows["station"].astype(np.int64) - 1,
            ts_ms=(rows["ts_us"].astype(np.int64) + EPOCH_2000_US) // 1000,
            values=rows["values"]["value"].astype(np.float64),
            status=rows["status"].astype(np.int64),
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


def _rows(copied: bytes) -> NDArray[np.void]:
    """What came by binary COPY, as rows of the type ROW, which are seen in place."""
    ends = HEADER + (len(copied) - HEADER) // ROW.itemsize * ROW.itemsize
    return np.frombuffer(copied[HEADER:ends], ROW)
