"""What an ingest has counted, kept in the store: for `roaddust status` and whoever scrapes.

The console, or another process, says how it goes; it cannot look into this one.
"""

import logging
import threading
from datetime import datetime

from psycopg.types.json import Json

from ingest.runner import Ingest
from roaddust.clock import WallClock
from roaddust.publisher import AWAY
from store.database import connect
from store.statements import statements

log = logging.getLogger(__name__)

SQL = statements("completeness")
EVERY_S = 5.0


class IngestFigures:
    """Writes the row of one worker now and then; a database that is away is waited out."""

    def __init__(self, dsn: str, ingest: Ingest, worker: str) -> None:
        self._dsn, self._ingest, self._worker = dsn, ingest, worker
        self._now = WallClock().now
        self._started_at = self._now()

    def run(self, stop: threading.Event) -> None:
        """Until `stop`."""
        while not stop.is_set():
            try:
                self.say(stopped=False)
            except AWAY as error:
                log.debug("what was counted cannot be kept: %s", error)
            stop.wait(EVERY_S)

    def last(self) -> None:
        """After the ingest has ended. What was counted matters less than to end."""
        try:
            self.say(stopped=True)
        except AWAY as error:
            log.warning("what was counted is not kept: %s", error)

    def say(self, *, stopped: bool) -> None:
        """Write what is counted by now."""
        with connect(self._dsn, name="figures", autocommit=True) as conn:
            conn.execute(SQL.put_worker, self._row(self._now(), stopped=stopped))

    def _row(self, now: datetime, *, stopped: bool) -> dict[str, object]:
        counted = self._ingest.counters
        spreads = {
            name: getattr(counted, name).as_json() for name in ("batch_rows", "arrival_s", "ts_s")
        }
        return {
            "worker": self._worker,
            "started_at": self._started_at,
            "said_at": now,
            "stopped": stopped,
            "mqtt": self._ingest.version,
            "messages": counted.messages,
            "batches": counted.batches,
            "in_hand": self._ingest.in_hand,
            "stored": Json(dict(counted.stored)),
            "duplicates": Json(dict(counted.duplicates)),
            "dead": Json(dict(counted.dead)),
            "spreads": Json(spreads),
        }
