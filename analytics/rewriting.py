"""Replace what is stored of a span by what is found in it now, so that live analytics goes on.

Live analytics may still work out again what lies within `lateness` of the newest reading, and
what its newest checkpoint leaves open. A span that ends before that is settled: nobody else touches
it. One that reaches into it is replaced only while live analytics does not run; a checkpoint at its
end then makes live analytics work out from there on anew.
"""

from datetime import datetime

import numpy as np

from analytics.fold import State
from analytics.foreseen import forget_foreseen
from analytics.history import Block, store
from analytics.layout import Layout
from analytics.moments import minute_at, time_of
from analytics.results import Results
from analytics.rules import NONE, may_return
from analytics.runner import COLD_MIN
from analytics.settings import AnalyticsSettings
from analytics.story import episode_id
from store.database import Connection
from store.episodes import publish
from store.leadership import Leadership
from store.statements import statements

SQL = statements("history")
ANALYTICS = statements("analytics")

HOUR = 60


class Refused(Exception):
    """The span cannot be replaced as it was asked for; the message says what to ask for."""


class Rewriting:
    """One transaction: `prepare`, `begin` with the state at the start of the span, `store` for
    each block, `finish`. `rollback` of the connection undoes all of it."""

    def __init__(
        self,
        conn: Connection,
        layout: Layout,
        settings: AnalyticsSettings,
        after: int,
        upto: int,
        now: datetime,
    ) -> None:
        self._conn, self._layout, self._settings = conn, layout, settings
        self._after, self._upto, self._now = after, upto, now
        self._results = Results(layout, settings)
        self._touched: set[str] = set()
        self._doubted: set[str] = set()
        self._closed: dict[str, datetime] = {}
        self._settled = False

    def prepare(self) -> None:
        """Make sure that nobody else writes there, and that nothing runs across the ends of the
        span. Commits; raises Refused."""
        if not Leadership("backtest").take(self._conn):
            raise Refused("another backtest is writing: wait for its end")
        frontier = self._frontier()
        self._settled = self._upto <= frontier
        if not self._settled and not Leadership("analytics").take(self._conn):
            raise Refused(
                f"live analytics is running and may still change what lies after "
                f"{self._words(frontier)}: stop it, or give that as --to or earlier"
            )
        for id_, kind, started, _ in self._across(self._after):
            if kind == "notice":
                raise Refused(
                    f"{id_} lasts across --from: give {self._words(minute_at(started) - 1)} "
                    "or earlier"
                )
        ending = self._across(self._upto) if self._settled else []
        if ending:
            id_, _, started, ended = ending[-1]
            later = "a time after its end" if ended is None else self._words(minute_at(ended))
            raise Refused(
                f"{id_} lasts across --to: give {self._words(minute_at(started) - 1)} or {later}"
            )

    def begin(self, state: State) -> None:
        """Take back what was said of the span; `state` is that of its start. Raises Refused."""
        stored = {id_: started for id_, _, started, _ in self._across(self._after)}
        under_way = self._open(state)
        resting = {
            self._id(state, int(p), int(r))
            for p, r in np.argwhere(may_return(state.machine, state.minute, self._settings))
        }
        strange = sorted((stored.keys() - under_way - resting) | (under_way - stored.keys()))
        if strange:
            begun = [minute_at(stored[id_]) for id_ in strange if id_ in stored]
            begun += [
                int(state.machine.started[p, r])
                for p, r in np.argwhere(state.machine.phase != NONE)
                if self._id(state, int(p), int(r)) in strange
            ]
            raise Refused(
                f"{', '.join(strange)} began before --from and would not be the same: "
                f"give {self._words(min(begun) - 1)} or earlier as --from"
            )
        span = {"after": time_of(self._after), "upto": time_of(self._upto)}
        for statement in (SQL.forget_minutes, SQL.forget_flags, SQL.forget_notices):
            self._conn.execute(statement, span)
        forget_foreseen(self._conn, self._after, self._upto)
        self._conn.execute(SQL.forget_checkpoints, span | {"also_later": not self._settled})
        self._doubted = {row[0] for row in self._conn.execute(SQL.doubt_episodes, span)}
        for p, r in np.argwhere(state.machine.phase != NONE):
            self._results.put_open(self._conn, state, int(p), int(r), self._now)
        self._closed = self._results.close_again(self._conn, state, self._now)
        self._results.recall_treatments(self._conn, state.minute)
        self._keep(state)

    def store(self, block: Block) -> None:
        """The results of the next block."""
        self._touched |= store(self._conn, self._results, block, self._now, self._doubted)
        self._keep(block.state)

    def finish(self, state: State) -> None:
        """Commit; `state` is that of the end of the span. Raises Refused."""
        under_way = sorted(self._open(state))
        if self._settled and under_way:
            raise Refused(
                f"{', '.join(under_way)} would still last at --to, and results after it are not "
                "worked out again: give a later time"
            )
        self._touched |= self._results.withdraw(self._conn, self._doubted, self._now)
        self._results.log_still_closed(self._conn, self._closed, self._now)
        if not self._settled:
            publish(self._conn, self._touched | self._doubted | self._closed.keys())
        self._conn.commit()

    def _frontier(self) -> int:
        """The minute up to which live analytics has said its last."""
        row = self._conn.execute(SQL.frontier, {"fingerprint": self._layout.fingerprint}).fetchone()
        self._conn.commit()
        assert row is not None
        newest, checkpoint = row
        reach = max(round(self._settings.lateness_h * HOUR), COLD_MIN) + HOUR
        frontier = minute_at(newest) - reach if newest else self._upto
        return frontier if checkpoint is None else min(frontier, minute_at(checkpoint))

    def _across(self, minute: int) -> list[tuple[str, str, datetime, datetime | None]]:
        return self._conn.execute(SQL.across, {"at": time_of(minute)}).fetchall()

    def _open(self, state: State) -> set[str]:
        return {
            self._id(state, int(p), int(r)) for p, r in np.argwhere(state.machine.phase != NONE)
        }

    def _id(self, state: State, p: int, r: int) -> str:
        rule = tuple(self._settings.rules)[r]
        return episode_id(self._layout.places[p].id, rule, int(state.machine.started[p, r]))

    def _keep(self, state: State) -> None:
        """What live analytics may come back to."""
        if not self._settled:
            self._conn.execute(
                ANALYTICS.save_checkpoint,
                {
                    "ts": time_of(state.minute),
                    "fingerprint": self._layout.fingerprint,
                    "state": state.to_bytes(),
                },
            )

    def _words(self, minute: int) -> str:
        return time_of(minute).isoformat()
