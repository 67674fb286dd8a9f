"""What is due at which time of day, run by one leader and remembered in the database.

APScheduler's triggers say when. How far each job has been run stands in the table `timetable`, so
that another process that takes over the lead, or the same one after a restart, runs what was missed
once, and nothing twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from apscheduler.triggers.base import BaseTrigger

from store.database import Connection
from store.leadership import Leadership
from store.statements import statements

SQL = statements("reviews")


@dataclass(frozen=True, slots=True)
class Duty:
    """A named action with its trigger. It does not commit, or what it commits may be done again."""

    name: str
    trigger: BaseTrigger
    action: Callable[[Connection, datetime], object]


class Routine:
    """The duties of a platform, of which one process at a time has the lead."""

    def __init__(self, duties: Sequence[Duty]) -> None:
        self._duties = duties
        self._leadership = Leadership("routine")

    def step(self, conn: Connection, now: datetime) -> list[str]:
        """Run every duty whose time has come by `now`, once however much was missed; commits.

        Nothing while another process leads. Gives the names of what was run.
        """
        if not self._leadership.take(conn):
            return []
        ran = []
        for duty in self._duties:
            row = conn.execute(SQL.run_upto, {"job": duty.name}).fetchone()
            if row is None:
                # It has never been due: the past before the first start is nobody's duty.
                conn.execute(SQL.ran, {"job": duty.name, "upto": now})
                continue
            due = duty.trigger.get_next_fire_time(row[0], row[0])
            if due is not None and due <= now:
                duty.action(conn, now)
                conn.execute(SQL.ran, {"job": duty.name, "upto": now})
                ran.append(duty.name)
            conn.commit()
        conn.commit()
        return ran
