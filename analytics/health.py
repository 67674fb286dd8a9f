"""How well is each station? Per station and day: what is missing, what is flagged and why, its
gain; and which of it asks for a visit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row

from store.database import Connection
from store.statements import statements

SQL = statements("health")

MISSING_TOO_MUCH = 0.25
FLAGGED_TOO_MUCH = 0.2
GAIN_OFF = 1.12


@dataclass(frozen=True, slots=True)
class StationDay:
    """Shares are of the day's readings, `missing` of the day itself; by_test: share by test;
    gain: against what the station used to read, None where it is not known."""

    station: str
    day: date
    readings: int
    last_seen: datetime
    every_min: float
    missing: float
    flagged: float
    by_test: Mapping[str, float]
    gain: float | None


def station_days(conn: Connection, first: datetime, last: datetime, zone: str) -> list[StationDay]:
    """Every station and local day of a span in which it was heard; zone: a time zone's name."""
    with conn.cursor(row_factory=class_row(StationDay)) as cursor:
        return cursor.execute(
            SQL.station_days, {"first": first, "last": last, "zone": zone}
        ).fetchall()


def complaints(day: StationDay, language: str) -> list[str]:
    """What of a day asks for a visit, in words; nothing if the station was well."""
    found = []
    if day.missing > MISSING_TOO_MUCH:
        found.append((f"缺失 {day.missing:.0%} 的数据", f"{day.missing:.0%} of the day is missing"))
    if day.flagged > FLAGGED_TOO_MUCH:
        test, share = max(day.by_test.items(), key=lambda item: (item[1], item[0]))
        found.append(
            (
                f"{day.flagged:.0%} 的读数可疑，主要是 {test}（{share:.0%}）",
                f"{day.flagged:.0%} of the readings are doubted, most for {test} ({share:.0%})",
            )
        )
    if day.gain is not None and not 1 / GAIN_OFF <= day.gain <= GAIN_OFF:
        found.append(
            (
                f"灵敏度为平时的 {day.gain:.2f} 倍，需校准",
                f"it reads {day.gain:.2f} times what it used to: calibrate it",
            )
        )
    return [en if language == "en" else zh for zh, en in found]
