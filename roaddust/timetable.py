"""What is due at which time of day, the same on the wall clock and in lockstep.

APScheduler's triggers say when; on the wall clock its scheduler fires them, in lockstep each tick
asks which have come due.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from apscheduler.events import EVENT_JOB_ERROR
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger


@dataclass(slots=True)
class Job:
    """A named action with its trigger; `action` is told the time for which it runs."""

    name: str
    trigger: BaseTrigger
    action: Callable[[datetime], None]
    next_at: datetime | None = field(default=None)


class Timetable:
    """A list of jobs that any clock can step through."""

    def __init__(self, jobs: list[Job]) -> None:
        self._jobs = jobs
        self._began = False

    def step(self, now: datetime) -> list[str]:
        """Run every job whose time has come by `now`, once however much was missed."""
        ran = []
        for job in self._jobs:
            if not self._began:
                job.next_at = job.trigger.get_next_fire_time(None, now)
            elif job.next_at is not None and job.next_at <= now:
                job.action(now)
                ran.append(job.name)
                job.next_at = job.trigger.get_next_fire_time(now, now)
        self._began = True
        return ran

    def schedule(
        self, now: Callable[[], datetime], fail: Callable[[BaseException], None]
    ) -> BackgroundScheduler:
        """A running APScheduler that fires the jobs; `.shutdown()` waits for those at work.

        fail: told the error that a job raised.
        """
        scheduler = BackgroundScheduler(timezone="UTC")
        scheduler.add_listener(lambda event: fail(event.exception), EVENT_JOB_ERROR)
        for job in self._jobs:
            scheduler.add_job(
                _told(job.action, now),
                job.trigger,
                id=job.name,
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )
        scheduler.start()
        return scheduler


def wake(scheduler: BackgroundScheduler, name: str, now: datetime) -> None:
    """Let a job run at once; its interval begins anew. One that is running is not run twice."""
    scheduler.modify_job(name, next_run_time=now)


def _told(action: Callable[[datetime], None], now: Callable[[], datetime]) -> Callable[[], None]:
    def run() -> None:
        action(now())

    return run
