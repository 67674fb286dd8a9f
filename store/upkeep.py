"""Our own upkeep jobs: retention on any server, whatever its licence."""

from datetime import datetime, timedelta

from store.database import Connection, abilities
from store.statements import statements

DECISIONS_KEPT = timedelta(days=31)


def clean(conn: Connection, now: datetime, *, keep: timedelta, lateness: timedelta) -> None:
    """Delete measurements with their flags, minutes, forecasts and photos older than `keep`, and
    working rows that nothing can ask for any more.

    `now` is the platform's time. Episodes, orders, verdicts, their logs, what was learnt of
    treatments and dead letters stay.
    Commits.
    """
    sql = statements("schema")
    before = {"before": now - keep}
    if abilities(conn).timescale:
        for table in ("readings", "segment_minutes", "segment_forecasts", "positions"):
            conn.execute(sql.drop_old_chunks, before | {"table": table})
    else:
        for statement in (
            sql.delete_old_readings,
            sql.delete_old_segment_minutes,
            sql.delete_old_segment_forecasts,
            sql.delete_old_positions,
        ):
            conn.execute(statement, before)
    conn.execute(sql.delete_old_flags, before)
    conn.execute(sql.delete_old_station_gains, before)
    working = {"before": now - lateness}
    conn.execute(sql.delete_old_batches, working)
    conn.execute(sql.delete_old_checkpoints, working)
    conn.execute(sql.delete_old_decisions, {"before": now - DECISIONS_KEPT})
    conn.execute(sql.delete_old_plans, {"before": now - DECISIONS_KEPT})
    crews = statements("crewpage")
    conn.execute(crews.delete_old_words, {"before": now - DECISIONS_KEPT})
    conn.execute(crews.delete_old_photos, before)
    conn.commit()
