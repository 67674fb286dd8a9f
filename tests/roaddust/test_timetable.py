import queue
import threading
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from roaddust.timetable import Job, Timetable

# Recurring, as every job of the platform: APScheduler takes a trigger's last firing for an unknown
# job when it is shut down at that instant (`remove_job` looks at the state outside its lock).
EVERY_SECOND = IntervalTrigger(seconds=1)


def test_a_job_is_due_once_a_day_whatever_the_steps() -> None:
    """Stepped by minutes or by days, a daily job runs once for each time that has come, and once
    for several missed ones."""
    start = datetime(2026, 3, 2, tzinfo=UTC)
    for step, expected in ((timedelta(minutes=1), 3), (timedelta(days=3), 1)):
        ran: list[datetime] = []
        table = Timetable([Job("nightly", CronTrigger(hour=3, timezone="UTC"), ran.append)])
        now = start
        while now <= start + timedelta(days=3):
            table.step(now)
            now += step
        assert len(ran) == expected


def test_the_wall_clock_scheduler_tells_the_job_the_platforms_time() -> None:
    """APScheduler fires the same jobs, with the time of the given clock."""
    told: list[datetime] = []
    fired = threading.Event()

    def action(now: datetime) -> None:
        told.append(now)
        fired.set()

    failures: list[BaseException] = []
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    scheduler = Timetable([Job("often", EVERY_SECOND, action)]).schedule(
        lambda: noon, failures.append
    )
    try:
        assert fired.wait(10)
    finally:
        scheduler.shutdown()
    assert set(told) == {noon}
    assert failures == []


def test_a_job_that_fails_is_told_of() -> None:
    """An error in a job does not vanish in the scheduler's log."""
    failures: queue.Queue[BaseException] = queue.Queue()

    def broken(_now: datetime) -> None:
        raise LookupError("no such street")

    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    scheduler = Timetable([Job("broken", EVERY_SECOND, broken)]).schedule(
        lambda: noon, failures.put
    )
    try:
        assert isinstance(failures.get(timeout=10), LookupError)
    finally:
        scheduler.shutdown()
