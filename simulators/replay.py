"""Recorded readings from CSV files, as if they came in now or at their own times."""

import csv
import io
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import Any

from broker.connection import Address
from simulators.link import Link, Stopped
from simulators.message import encode, rfc3339

BATCH = 500

# A platform refuses what is ten minutes ahead of its clock.
AHEAD = timedelta(minutes=5)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
APART = timedelta(milliseconds=1)

DEFAULT_COLUMNS: Mapping[str, str] = {
    "date": "ts",
    "time": "ts",
    "ts": "ts",
    "pm10": "pm10",
    "pm25": "pm25",
    "pm2.5": "pm25",
    "tsp": "tsp",
    "ws": "wind_speed",
    "wd": "wind_dir",
    "wind_speed": "wind_speed",
    "wind_dir": "wind_dir",
    "temp": "temp",
    "rh": "rh",
    "pressure": "pressure",
    "rain": "rain",
    "noise": "noise",
    "status": "status",
}
GAPS = frozenset({"", "na", "nan", "null", "none", "-"})


class BadRecord(ValueError):
    """A file cannot be read as readings; the message says where and what to do."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """Rows read, readings published, and rows skipped because nothing known was in them."""

    rows: int
    published: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file: its time, and its values by the contract's names (none: a gap).

    share is how much of all files has been read.
    """

    at: datetime
    values: dict[str, float | str]
    share: float


def replay(
    files: Sequence[Path],
    *,
    station: str,
    address: Address,
    prefix: str,
    speed: float | None,
    own_times: bool,
    columns: Mapping[str, str] | None = None,
    now: Callable[[], datetime],
    stop: threading.Event,
    progress: Callable[[float], None] | None = None,
    tick: timedelta | None = None,
    patience_s: float = 600.0,
) -> Replayed:
    """Publish the rows of CSV files as readings of a station.

    Parameters
    ----------
    speed
        Recorded seconds per second; None is as fast as it goes.
    own_times
        Readings carry their own times, and `up/clock` is published along: rows up to t, the
        clock t, and on when the platform has answered. Otherwise they carry the time of
        sending.
    columns
        Column to name in the contract, beside `DEFAULT_COLUMNS`.
    now
        The wall clock.
    progress
        Told the share of the files that has been published, 0 to 1.
    tick
        Between two clocks with `own_times`; a day, or an hour where a speed is given.

    Raises
    ------
    BadRecord
        If a file has no time or no known column, or a cell is no number.
    PlatformSilent, BrokerLost
        The message says what to do.
    """
    if speed is not None and not speed > 0.0:
        raise ValueError(f"the speed must be above 0, not {speed}")
    tick = tick or (timedelta(days=1) if speed is None else timedelta(hours=1))
    if not tick > timedelta(0):
        raise ValueError(f"the time between two clocks must be above 0, not {tick}")
    rows = read(files, columns)
    sender = _Sender(f"up/stations/{station}/readings", progress)
    try:
        with Link(
            address,
            prefix,
            f"roaddust-replay-{station}"[:64],
            "down/clock" if own_times else None,
            stop=stop,
            patience_s=patience_s,
        ) as link:
            if own_times:
                _at_own_times(link, sender, rows, tick, speed)
            else:
                _as_if_now(link, sender, rows, speed, now)
            link.settle()
    except Stopped:
        pass
    return Replayed(sender.rows, sender.published, sender.rows - sender.taken)


def read(files: Iterable[Path], columns: Mapping[str, str] | None = None) -> Iterator[Row]:
    """The rows of CSV files with a header, in order.

    Raises BadRecord as `replay` does.
    """
    files = list(files)
    sizes = [path.stat().st_size for path in files]
    total = max(sum(sizes), 1)
    before = 0
    for path, size in zip(files, sizes, strict=True):
        with path.open("rb") as raw:
            text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
            lines = csv.reader(text)
            names = _names(path, next(lines, []), columns or {})
            for cells in lines:
                if cells:
                    at, values = _row(path, lines.line_num, names, cells)
                    yield Row(at, values, (before + raw.tell()) / total)
        before += size


def _names(path: Path, header: Sequence[str], columns: Mapping[str, str]) -> list[str | None]:
    wanted = {**DEFAULT_COLUMNS, **{column.lower(): name for column, name in columns.items()}}
    found = [column.strip().lower() for column in header]
    for column in columns:
        if column.lower() not in found:
            raise BadRecord(f"{path} has no column {column!r}; its columns are {', '.join(header)}")
    names = [wanted.get(column) for column in found]
    for name in names:
        if name is not None and names.count(name) > 1:
            raise BadRecord(
                f"{path} has {names.count(name)} columns for {name!r}; rename all but one of them"
            )
    if "ts" not in names:
        raise BadRecord(
            f"{path} has no column of times (date, time or ts); name it with --columns COLUMN=ts"
        )
    if not any(name not in (None, "ts", "status") for name in names):
        raise BadRecord(
            f"{path} has no column that is known as a quantity; name one with --columns, such as "
            "COLUMN=pm10"
        )
    return names


def _row(
    path: Path, line: int, names: Sequence[str | None], cells: Sequence[str]
) -> tuple[datetime, dict[str, float | str]]:
    at: datetime | None = None
    values: dict[str, float | str] = {}
    for name, cell in zip(names, cells, strict=False):
        if name is None:
            continue
        cell = cell.strip()
        if name == "ts":
            at = _time(path, line, cell)
        elif cell.lower() not in GAPS:
            values[name] = cell if name == "status" else _number(path, line, name, cell)
    if at is None:
        raise BadRecord(f"{path}, line {line}: the row ends before its time")
    return at, values if values.keys() - {"status"} else {}


def _time(path: Path, line: int, cell: str) -> datetime:
    at: datetime | None = None
    try:
        if cell.lstrip("-").isdigit() and len(cell) > 8:
            return EPOCH + timedelta(milliseconds=int(cell))
        at = datetime.fromisoformat(cell)
    except (ValueError, OverflowError):
        pass
    if at is None or at.utcoffset() is None:
        raise BadRecord(
            f"{path}, line {line}: {cell!r} is no time with an offset; write it like "
            "1998-01-01T00:00:00Z, or in milliseconds since 1970"
        )
    return at.astimezone(UTC)


def _number(path: Path, line: int, name: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise BadRecord(
            f"{path}, line {line}: {cell!r} for {name} is no number; correct it, or leave it "
            "empty for a gap"
        )
    return value


class _Sender:
    """Collects readings and publishes them in arrays."""

    def __init__(self, topic: str, progress: Callable[[float], None] | None) -> None:
        self._topic = topic
        self._progress = progress
        self._batch: list[dict[str, Any]] = []
        self._share = 0.0
        self.rows = self.taken = self.published = 0

    def count(self, row: Row) -> bool:
        """Whether there is anything in a row."""
        self.rows += 1
        self.taken += bool(row.values)
        self._share = row.share
        return bool(row.values)

    def add(self, link: Link, at: datetime, row: Row) -> None:
        """Publish a row's values as of `at`, soon."""
        self._batch.append({"ts": rfc3339(at), **row.values})
        if len(self._batch) >= BATCH:
            self.flush(link)

    def flush(self, link: Link) -> None:
        """Publish what has been collected."""
        if self._batch:
            link.publish(self._topic, encode(self._batch))
            self.published += len(self._batch)
            self._batch.clear()
        if self._progress is not None:
            self._progress(self._share)


def _at_own_times(
    link: Link, sender: _Sender, rows: Iterable[Row], tick: timedelta, speed: float | None
) -> None:
    clock: datetime | None = None
    began, first = time.monotonic(), None
    for row in rows:
        first = first or row.at
        if clock is None:
            # On the hour or at midnight, so that the same file has the same ticks from any row
            # on; the first puts the platform's clock where the record begins.
            clock = _next_tick(row.at, tick)
            link.tick(clock - tick)
        if row.at > clock:
            sender.flush(link)
            _pace(link, began, clock - first, speed)
            link.tick(clock)
            clock = _next_tick(row.at, tick)
        if sender.count(row):
            sender.add(link, row.at, row)
    sender.flush(link)
    if clock is not None and first is not None:
        _pace(link, began, clock - first, speed)
        link.tick(clock)


def _as_if_now(
    link: Link,
    sender: _Sender,
    rows: Iterable[Row],
    speed: float | None,
    now: Callable[[], datetime],
) -> None:
    began, first = time.monotonic(), None
    stamp: datetime | None = None
    for row in rows:
        first = first or row.at
        if not sender.count(row):
            continue
        if speed is not None:
            sender.flush(link)
        _pace(link, began, row.at - first, speed)
        at = now().astimezone(UTC)
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        # Two readings of a station never have the same time.
        stamp = at if stamp is None else max(at, stamp + APART)
        if stamp - at > AHEAD:
            sender.flush(link)
            link.rest(time.monotonic() + (stamp - at - AHEAD / 2).total_seconds())
        sender.add(link, stamp, row)
    sender.flush(link)


def _next_tick(at: datetime, tick: timedelta) -> datetime:
    """The first whole multiple of `tick` since 1970 that is not before `at`."""
    return EPOCH + -((EPOCH - at) // tick) * tick


def _pace(link: Link, began: float, passed: timedelta, speed: float | None) -> None:
    if speed is not None:
        link.rest(began + passed.total_seconds() / speed)
    else:
        link.check()
