"""The alarms as they stand, read for the snapshot."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from console.alarms import RETURNED_SHOWN, Alarm, alarms, silent_devices, with_marks
from console.pool import Conn, rows
from store.statements import statements

SQL = statements("alarms")
COMPLETENESS = statements("completeness")


async def read_returned(conn: Conn, before: datetime) -> list[dict[str, Any]]:
    """Episodes that were over before a time and nobody has seen."""
    return await rows(conn, SQL.returned_episodes, {"before": before, "limit": RETURNED_SHOWN})


async def read_alarms(
    conn: Conn, snapshot: Mapping[str, Mapping[str, Any]], segments: Collection[str]
) -> dict[str, Alarm]:
    """Every alarm by its id; `snapshot` holds the episodes and the stations."""
    overview = snapshot["overview"]
    concerns = await rows(conn, SQL.board_concerns, {})
    told = await rows(conn, COMPLETENESS.standing_silences, {"now": overview["now"]})
    habits = {row["station"]: row["since"] for row in told}
    silent = silent_devices(snapshot["stations"], overview["newest_reading"], habits)
    asked = {"alarms": [device["alarm"] for device in silent]}
    marks = await rows(conn, SQL.marks, asked) if silent else []
    out = await rows(conn, SQL.standing_out_of_service, {"now": overview["now"]})
    return alarms(
        snapshot["episodes"].values(),
        concerns,
        with_marks(silent, marks),
        out,
        overview["now"],
        segments=segments,
    )
