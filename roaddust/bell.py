"""A stage is woken when somebody waits for it, and need not sleep out its interval."""

import logging
import threading
from collections.abc import Callable

from roaddust.publisher import AWAY
from store.database import connect
from store.statements import statements

log = logging.getLogger(__name__)

LOOK_S = 0.5
RETRY_S = 1.0


def answer(dsn: str, wake: Callable[[], None], stop: threading.Event) -> None:
    """Call `wake` whenever a preview is asked for, until `stop`, and at first, for what was asked
    before. Blocks. While the database is away nobody can ask."""
    while not stop.is_set():
        try:
            with connect(dsn, name="bell", autocommit=True) as conn:
                conn.execute(statements("previews").listen)
                wake()
                while not stop.is_set():
                    if list(conn.notifies(timeout=LOOK_S, stop_after=1)):
                        wake()
        except AWAY as error:
            log.warning("bell: %s; trying again", error)
            stop.wait(RETRY_S)
