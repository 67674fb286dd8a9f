"""Analytics at work: take what has arrived, bring every result up to now, in one transaction."""

from collections import deque
from datetime import datetime, timedelta

import numpy as np

from analytics.arrivals import Arrivals
from analytics.fold import State
from analytics.foreseen import forget_foreseen
from analytics.history import BLOCK_MIN, block_of, store
from analytics.layout import Layout
from analytics.moments import minute_at, time_of
from analytics.results import Results
from analytics.rules import NONE
from analytics.settings import AnalyticsSettings
from geo.district import District
from store.database import Connection
from store.episodes import publish
from store.leadership import Leadership
from store.statements import statements

SQL = statements("analytics")
HEALTH = statements("health")

COLD_MIN = 1440
"""How much of the past is worked out where nothing is kept: after a change of settings."""
KEPT_STATES = 90
"""States of the last steps kept at hand, so that data a little late costs a little."""
KINDS = ["readings", "events", "progress"]


class Analytics:
    """Carries the street from minute to minute.

    Everything of importance is in the database; what an instance keeps is only nearer at hand.
    """

    def __init__(self, district: District, settings: AnalyticsSettings) -> None:
        self._settings = settings
        self._layout = Layout.of(district, settings)
        self._arrivals = Arrivals(district, self._layout)
        self._results = Results(self._layout, settings)
        self._states: deque[State] = deque(maxlen=KEPT_STATES)
        self._leadership = Leadership("analytics")

    def lead(self, conn: Connection) -> bool:
        """Try to become the one that writes results; holds until the session of `conn` ends."""
        if not self._leadership.held(conn):
            # Another may have gone on meanwhile, and what is kept at hand is of no use then.
            self._forget()
        return self._leadership.take(conn)

    def step(self, conn: Connection, now: datetime, *, settle_s: float = 0.0) -> None:
        """Bring every result up to the last whole minute before `now`; commits.

        Does nothing while another one leads. settle_s: how long a minute is left alone after its
        end, for readings under way.
        """
        if not self.lead(conn):
            return
        try:
            self._step(conn, now, settle_s)
            conn.commit()
        except BaseException:
            # What was kept at hand may be ahead of what is stored.
            conn.rollback()
            self._forget()
            raise

    def _step(self, conn: Connection, now: datetime, settle_s: float) -> None:
        upto = int((now.timestamp() - settle_s) // 60)
        changed = self._oldest_change(conn, now)
        doubted: set[str] = set()
        closed: dict[str, datetime] = {}
        resumed = not self._states
        state = self._states[-1] if self._states else self._load(conn, upto)
        if state is None:
            state, doubted = self._start_cold(conn, now, upto, changed)
        elif resumed or (changed is not None and changed <= state.minute):
            if changed is not None and changed <= state.minute:
                state = self._rewind(conn, changed)
            # A restart may find minutes stored that are younger than the newest checkpoint.
            doubted = self._doubt(conn, state)
            closed = self._results.close_again(conn, state, now)
            resumed = True
        if resumed:
            self._results.recall_treatments(conn, state.minute)

        touched: set[str] = set()
        minutes = None
        while state.minute < upto:
            block = min(upto, state.minute + BLOCK_MIN)
            if changed is not None and state.minute < changed < block:
                # Who is late once is late again: the next minute's change finds a state here.
                block = changed
            worked = block_of(conn, self._arrivals, state, block, self._layout, self._settings)
            touched |= store(conn, self._results, worked, now, doubted)
            self._keep(conn, state, worked.state)
            state, minutes = worked.state, worked.minutes
        touched |= doubted | self._results.withdraw(conn, doubted, now)
        self._results.log_still_closed(conn, closed, now)
        touched |= closed.keys() | self._results.expire_shelves(conn, now)
        publish(conn, touched)
        if minutes is not None:
            self._results.post_states(conn, minutes)

    # Where to begin ---------------------------------------------------------------------------

    def _oldest_change(self, conn: Connection, now: datetime) -> int | None:
        """The oldest minute that something has arrived for since the last step."""
        row = conn.execute(SQL.take_batches, {"kinds": KINDS}).fetchone()
        if row is None or row[0] is None:
            return None
        oldest = max(row[0], now - timedelta(hours=self._settings.lateness_h))
        return minute_at(oldest)

    def _load(self, conn: Connection, minute: int) -> State | None:
        row = conn.execute(
            SQL.newest_checkpoint,
            {"ts": time_of(minute), "fingerprint": self._layout.fingerprint},
        ).fetchone()
        if row is None:
            return None
        self._states.append(State.from_bytes(row[0]))
        return self._states[-1]

    def _start_cold(
        self, conn: Connection, now: datetime, upto: int, changed: int | None
    ) -> tuple[State, set[str]]:
        """Nothing is kept for this district and these settings: work the last day out again."""
        row = conn.execute(
            SQL.oldest_reading, {"after": now - timedelta(minutes=COLD_MIN)}
        ).fetchone()
        oldest = upto if row is None or row[0] is None else minute_at(row[0])
        state = self._begin(conn, min(upto, oldest, upto if changed is None else changed) - 1)
        doubted = self._doubt(conn, state)
        for (episode,) in conn.execute(
            SQL.close_orphans, {"ts": time_of(state.minute), "now": now}
        ).fetchall():
            self._results.log(conn, episode, now, "closed", {"why": "settings"})
            doubted.add(episode)
        return state, doubted

    def _begin(self, conn: Connection, minute: int) -> State:
        """A state that knows nothing, kept so that late data can come back to it."""
        state = State.start(minute, self._layout, self._settings)
        self._save(conn, state)
        self._states.append(state)
        return state

    def _rewind(self, conn: Connection, changed: int) -> State:
        """The newest state that the change does not touch."""
        self._arrivals.forget()
        while self._states and self._states[-1].minute >= changed:
            self._states.pop()
        state = self._states[-1] if self._states else self._load(conn, changed - 1)
        return state or self._begin(conn, changed - 1)

    def _doubt(self, conn: Connection, state: State) -> set[str]:
        """Take back what was said of the minutes after `state`."""
        since = {"ts": time_of(state.minute)}
        conn.execute(SQL.forget_minutes, since)
        forget_foreseen(conn, state.minute)
        conn.execute(SQL.forget_flags, since)
        conn.execute(HEALTH.forget_gains, since)
        conn.execute(SQL.forget_checkpoints, since)
        conn.execute(SQL.forget_notices, since)
        conn.execute(SQL.reopen_notices, since)
        doubted = {row[0] for row in conn.execute(SQL.doubt_episodes, since).fetchall()}
        for p, r in np.argwhere(state.machine.phase != NONE):
            self._results.put_open(conn, state, int(p), int(r), time_of(state.minute))
        return doubted

    def _keep(self, conn: Connection, before: State, state: State) -> None:
        self._states.append(state)
        if state.minute // 60 > before.minute // 60:
            self._save(conn, state)

    def _save(self, conn: Connection, state: State) -> None:
        conn.execute(
            SQL.save_checkpoint,
            {
                "ts": time_of(state.minute),
                "fingerprint": self._layout.fingerprint,
                "state": state.to_bytes(),
            },
        )

    def _forget(self) -> None:
        self._states.clear()
        self._arrivals.forget()
