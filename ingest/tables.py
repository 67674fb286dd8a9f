"""How records lie in their tables: the columns of each COPY, and a record as a row of them.

Rows hold what goes over the wire with the least work: times as PostgreSQL's own microseconds,
which are the bytes of a `timestamptz`; JSON as the bytes of a `jsonb`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from ingest.instants import POSTGRES_EPOCH_US
from ingest.records import Event, Position, Progress, Reading, Report
from store.statements import statements

SQL = statements("ingest")

Kind = Literal["readings", "events", "positions", "progress", "reports"]
Row = tuple[Any, ...]

_TEXT, _TIME, _FLOAT, _JSON, _INT, _BOOL = "text", "int8", "float8", "bytea", "int4", "bool"
_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Table:
    """types: of the columns of `copy`, as they go over the wire. row: a record of `source` (and,
    for events, of the kind of source), stored at and marked late, as a row."""

    kind: Kind
    types: tuple[str, ...]
    row: Callable[[Any, str, str, int, bool], Row]

    @property
    def copy(self) -> bytes:
        return self._statement("copy")

    @property
    def stage(self) -> bytes:
        return self._statement("stage")

    @property
    def copy_staged(self) -> bytes:
        return self._statement("copy_staged")

    @property
    def clear_staged(self) -> bytes:
        return self._statement("clear_staged")

    @property
    def merge(self) -> bytes:
        return self._statement("merge")

    @property
    def conflicts(self) -> bytes:
        return self._statement("conflicts")

    def _statement(self, act: str) -> bytes:
        statement: bytes = getattr(SQL, f"{act}_{self.kind}")
        return statement


def _jsonb(value: Any) -> bytes | None:
    return None if value is None else b"\x01" + _json(value)


def _reading(record: Reading, station: str, form: str, stored_us: int, late: bool) -> Row:
    return (
        station,
        record[0] - POSTGRES_EPOCH_US,
        *record[1:12],
        None if record[12] is None else _jsonb(record[12]),
        form,
        stored_us - POSTGRES_EPOCH_US,
        late,
    )


def _event(record: Event, source: str, source_kind: str, stored_us: int, _late: bool) -> Row:
    return (
        source,
        record.id,
        source_kind,
        record.ts_us - POSTGRES_EPOCH_US,
        *record[2:11],
        _jsonb(record.media),
        record.note,
        stored_us - POSTGRES_EPOCH_US,
    )


def _position(record: Position, crew: str, _form: str, stored_us: int, _late: bool) -> Row:
    return (
        crew,
        record.ts_us - POSTGRES_EPOCH_US,
        *record[1:],
        stored_us - POSTGRES_EPOCH_US,
    )


def _progress(record: Progress, crew: str, _form: str, stored_us: int, _late: bool) -> Row:
    return (
        crew,
        record.order,
        record.event,
        record.ts_us - POSTGRES_EPOCH_US,
        record.reason,
        _jsonb(record.photos),
        record.water_l,
        stored_us - POSTGRES_EPOCH_US,
    )


def _report(record: Report, channel: str, _form: str, stored_us: int, _late: bool) -> Row:
    return (
        channel,
        record.id,
        record.ts_us - POSTGRES_EPOCH_US,
        *record[2:],
        stored_us - POSTGRES_EPOCH_US,
    )


TABLES: dict[Kind, Table] = {
    table.kind: table
    for table in (
        Table(
            "readings",
            (_TEXT, _TIME, *[_FLOAT] * 10, _TEXT, _JSON, _TEXT, _TIME, _BOOL),
            _reading,
        ),
        Table(
            "events",
            (
                *(_TEXT, _TEXT, _TEXT, _TIME, _TEXT, _FLOAT, _FLOAT, _FLOAT, _TEXT, _TEXT),
                *(_TEXT, _TEXT, _INT, _JSON, _TEXT, _TIME),
            ),
            _event,
        ),
        Table("positions", (_TEXT, _TIME, *[_FLOAT] * 4, _TEXT, _TIME), _position),
        Table(
            "progress",
            (_TEXT, _TEXT, _TEXT, _TIME, _TEXT, _JSON, _FLOAT, _TIME),
            _progress,
        ),
        Table(
            "reports",
            (_TEXT, _TEXT, _TIME, _TEXT, _FLOAT, _FLOAT, _TEXT, _TEXT, _TIME),
            _report,
        ),
    )
}
