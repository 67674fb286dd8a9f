"""What is committed together: rows for the tables and dead letters, and the messages they came in.

Pure: the time is an argument, no socket is touched.
"""

import logging
from dataclasses import dataclass, field
from typing import Any

from ingest.arrivals import Arrival
from ingest.deadletters import DeadLetter, dead_letter
from ingest.instants import aware
from ingest.records import Decoded
from ingest.refusals import Reason, Refusal
from ingest.settings import IngestSettings
from ingest.tables import TABLES, Kind, Row
from ingest.topics import Route, Topics

log = logging.getLogger(__name__)

Origin = tuple[Arrival, int | None]
"""A message, and which item of it."""

_H_US, _MIN_US = 3_600_000_000, 60_000_000


@dataclass(frozen=True, slots=True)
class Early:
    """A record ahead of the clock, which only the next tick can judge."""

    route: Route
    source: str
    record: Any
    origin: Origin


@dataclass(slots=True)
class Rows:
    """Rows of one table, and where each came from."""

    rows: list[Row] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    earliest_us: int | None = None
    "The earliest time in them that is not older than `lateness`."
    in_time: int = 0
    "How many are not older than that."


class Batch:
    """Messages until the next commit.

    now_us: the platform's time when the batch began. lockstep: times are judged when the tick
    comes, see `judge_early`.
    """

    def __init__(
        self, topics: Topics, settings: IngestSettings, now_us: int, *, lockstep: bool
    ) -> None:
        self._topics, self._settings, self._lockstep = topics, settings, lockstep
        self.now_us = now_us
        self.late_before_us = now_us - round(settings.lateness_h * _H_US)
        self._ahead_us = now_us + round(settings.ahead_min * _MIN_US)
        self.arrivals: list[Arrival] = []
        self.tables: dict[Kind, Rows] = {}
        self.letters: list[DeadLetter] = []
        self.early: list[Early] = []
        self.forgiven: list[bytes] = []
        "Digests of letters about records that turned out not to be early."
        self.size = 0

    def __bool__(self) -> bool:
        return bool(self.arrivals or self.forgiven)

    def add(self, arrival: Arrival) -> None:
        """Decode a message and add what it brings. Never raises: what is bad is a dead letter."""
        self.arrivals.append(arrival)
        try:
            self._check_size(arrival)
            route = self._topics.route(arrival.topic)
            decoded = route.decode(arrival.payload)
            self._add_records(arrival, route, decoded)
        except Refusal as refusal:
            self.refuse((arrival, None), refusal.reason, refusal.detail)
        except Exception as error:
            # One message must never stop all others; it is kept, and the fault is told of.
            log.exception("a message on %s could not be worked on", arrival.topic)
            self.refuse((arrival, None), "error", f"a fault of the platform: {error!r}")

    def refuse(
        self, origin: Origin, reason: Reason, detail: str, payload: bytes | None = None
    ) -> DeadLetter:
        """Add a dead letter."""
        letter = dead_letter(origin[0], reason, detail, origin[1], payload)
        self.letters.append(letter)
        self.size += 1
        return letter

    def judge_early(self, clock_us: int, early: list[Early], *, told: bool) -> None:
        """Store what is not ahead of the clock after all; the rest stays or becomes letters.

        told: they are dead letters already, which those that are good are no longer.
        """
        limit_us = clock_us + round(self._settings.ahead_min * _MIN_US)
        for one in early:
            if one.record.ts_us <= limit_us:
                self._add_row(one.route, one.source, one.record, one.origin)
                if told:
                    self.forgiven.append(self._ahead_letter(one, self.now_us).digest)
            elif not told:
                self.letters.append(self._ahead_letter(one, clock_us))

    def refuse_early(self) -> list[Early]:
        """The tick has not come yet: early records become dead letters, until it does."""
        early, self.early = self.early, []
        self.letters.extend(self._ahead_letter(one, self.now_us) for one in early)
        return early

    def _check_size(self, arrival: Arrival) -> None:
        most = self._settings.payload_kib * 1024
        if len(arrival.payload) > most:
            raise Refusal(
                "size",
                f"the payload has {len(arrival.payload)} bytes, at most {most} are taken",
            )

    def _add_records(self, arrival: Arrival, route: Route, decoded: Decoded[Any]) -> None:
        for refused in decoded.refused:
            self.refuse((arrival, refused.part), refused.reason, refused.detail, refused.payload)
        records, parts = decoded.records, decoded.parts
        if not records:
            return
        times = [record[0] for record in records]
        earliest_us = min(times)
        if earliest_us >= self.late_before_us and max(times) <= self._ahead_us:
            self._add_in_time(arrival, route, decoded, earliest_us)
            return
        for record, part in zip(records, parts, strict=True):
            if record[0] <= self._ahead_us:
                self._add_row(route, decoded.source, record, (arrival, part))
            else:
                self._add_early(Early(route, decoded.source, record, (arrival, part)))

    def _add_in_time(
        self, arrival: Arrival, route: Route, decoded: Decoded[Any], earliest_us: int
    ) -> None:
        """The fast path of `_add_row` for records of which none is late or early."""
        rows = self._rows(route.kind)
        row, source, now_us = TABLES[route.kind].row, route.source, self.now_us
        form = _form(route, decoded.source)
        rows.rows += [row(record, source, form, now_us, False) for record in decoded.records]
        rows.origins += [(arrival, part) for part in decoded.parts]
        rows.earliest_us = (
            earliest_us if rows.earliest_us is None else min(earliest_us, rows.earliest_us)
        )
        rows.in_time += len(decoded.records)
        self.size += len(decoded.records)

    def _rows(self, kind: Kind) -> Rows:
        rows = self.tables.get(kind)
        if rows is None:
            rows = self.tables[kind] = Rows()
        return rows

    def _add_early(self, one: Early) -> None:
        if self._lockstep:
            self.early.append(one)
            self.size += 1
        else:
            self.letters.append(self._ahead_letter(one, self.now_us))
            self.size += 1

    def _add_row(self, route: Route, source: str, record: Any, origin: Origin) -> None:
        table = self._rows(route.kind)
        ts_us = record[0]
        late = ts_us < self.late_before_us
        if not late:
            table.in_time += 1
            if table.earliest_us is None or ts_us < table.earliest_us:
                table.earliest_us = ts_us
        row = TABLES[route.kind].row
        table.rows.append(row(record, route.source, _form(route, source), self.now_us, late))
        table.origins.append(origin)
        self.size += 1

    def _ahead_letter(self, one: Early, clock_us: int) -> DeadLetter:
        ahead_min = (one.record.ts_us - clock_us) / _MIN_US
        return dead_letter(
            one.origin[0],
            "ahead",
            f"{aware(one.record.ts_us).isoformat()} is {ahead_min:.0f} minutes ahead of the clock: "
            "set the device's clock",
            one.origin[1],
        )


def _form(route: Route, source: str) -> str:
    """What a row says beside its sender: the format of a reading, the kind of an event's sender."""
    return source if route.kind == "readings" else route.source_kind
