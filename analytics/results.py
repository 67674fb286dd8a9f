"""What came of it, into the store: minutes, flags, episodes, notices, verdicts, and messages."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from analytics.fold import Minutes, State
from analytics.foreseen import store_foreseen
from analytics.gains import apart
from analytics.happenings import Happenings, Work
from analytics.judging import due, judge
from analytics.layout import Layout
from analytics.minutes import MILLI, Ints
from analytics.moments import minute_at, time_of
from analytics.quality import GOOD, MISSING, PM, PM_NAMES, TESTS, reason
from analytics.rules import NONE, STATES, may_return
from analytics.settings import AnalyticsSettings
from analytics.story import CauseChange, EpisodeChange, episode_id
from analytics.street.watches import UPTO_MIN
from analytics.verdicts import Interval, verdict
from store.arrays import FLOAT4, FLOAT8, INT2, TIME, Column, Words, binary_rows, since_2000_us
from store.database import Connection
from store.outbox import post
from store.statements import statements

SQL = statements("analytics")
HEALTH = statements("health")

NEVER = -1
CAUSES = ("road", "site", "regional", "treatment", "sensor")
"""The contract's kinds."""


class Results:
    """Writes in the caller's transaction; keeps when each segment was last treated."""

    def __init__(self, layout: Layout, settings: AnalyticsSettings) -> None:
        self._layout, self._settings = layout, settings
        self._treated: dict[str, int] = {}
        stands = layout.reach.own.any(axis=1)
        self._measured = {layout.segments[g] for g in np.flatnonzero(stands)}

    def recall_treatments(self, conn: Connection, minute: int) -> None:
        """Know again when each segment was last treated, as of the end of `minute`."""
        rows = conn.execute(SQL.treated_before, {"before": time_of(minute)}).fetchall()
        self._treated = {segment: minute_at(ts) for segment, ts in rows}

    def store_minutes(self, conn: Connection, minutes: Minutes, happenings: Happenings) -> None:
        """Rows for segments that somebody measures or near which a station stands."""
        treated = self._treated_at(minutes, happenings)
        t, g = np.nonzero(minutes.increment_known)
        background, increment = minutes.background[t], minutes.increment[t, g]
        estimate, there = minutes.estimate, (t, self._layout.in_model[g])
        last = treated[t, g]
        columns: list[Column | Words] = [
            Words(g, self._layout.segments),
            Column(since_2000_us(minutes.first + t), TIME),
            Column((background + increment) / MILLI, FLOAT8),
            Column(background / MILLI, FLOAT8),
            Column(increment / MILLI, FLOAT8),
            Column(minutes.level[t, g], INT2),
            Column(minutes.confidence[t, g], FLOAT4),
            Words(_which(minutes.cause[t, g], CAUSES), CAUSES),
            Column(since_2000_us(last), TIME, last == NEVER),
            Column(estimate.increment[there], FLOAT4),
            Column(estimate.low[there], FLOAT4),
            Column(estimate.high[there], FLOAT4),
        ]
        with conn.cursor() as cursor, cursor.copy(SQL.copy_minutes) as copy:
            copy.write(binary_rows(columns))

    def store_foreseen(self, conn: Connection, minutes: Minutes) -> None:
        """Forecasts, what treatments are worth now, and what was learnt of them."""
        store_foreseen(conn, minutes, self._layout, self._settings)

    def _treated_at(self, minutes: Minutes, happenings: Happenings) -> Ints:
        """(T, G) the minute in which each segment was last treated, or NEVER."""
        index = {segment: g for g, segment in enumerate(self._layout.segments)}
        count = len(minutes.background)
        treated = np.tile(
            np.array([self._treated.get(segment, NEVER) for segment in index], np.int64), (count, 1)
        )
        done = [
            (work.end, work.segment)
            for work in happenings.works
            if work.done and work.end is not None and work.segment in index
        ]
        for end, segment in sorted(done):
            if 0 <= end - minutes.first < count:
                treated[end - minutes.first :, index[segment]] = end
                self._treated[segment] = end
        return treated

    def store_gains(self, conn: Connection, state: State) -> None:
        """What each station's gain has come to, as far as it is known."""
        gain, settings = state.quality.gain, self._settings.quality.gain
        factors = np.exp(apart(gain, settings))
        rows = [
            {
                "station": self._layout.stations[s],
                "ts": time_of(state.minute),
                "gain": round(float(factors[s]), 4),
            }
            for s in np.flatnonzero(gain.minutes >= settings.learn_min)
        ]
        if rows:
            with conn.cursor() as cursor:
                cursor.executemany(HEALTH.put_gain, rows)

    def store_flags(self, conn: Connection, minutes: Minutes) -> None:
        """Every test that did not pass, with its reason in words."""
        rows = []
        for i, q, test in np.argwhere((minutes.flags != GOOD) & (minutes.flags != MISSING)):
            value = float(minutes.flagged.values[i, PM[q]])
            number = float(minutes.numbers[i, q, test])
            rows.append(
                {
                    "station": self._layout.stations[minutes.flagged.station[i]],
                    "ts": datetime.fromtimestamp(minutes.flagged.ts_ms[i] / 1000, UTC),
                    "quantity": PM_NAMES[q],
                    "test": TESTS[test],
                    "flag": int(minutes.flags[i, q, test]),
                    "reason": reason(TESTS[test], value, number, self._settings.language),
                }
            )
        if rows:
            with conn.cursor() as cursor:
                cursor.executemany(SQL.add_flags, rows)

    def store_episodes(
        self,
        conn: Connection,
        minutes: Minutes,
        state: State,
        now: datetime,
        doubted: AbstractSet[str] = frozenset(),
    ) -> set[str]:
        """Episodes and their log by what happened to them; gives the ids of those that changed.

        doubted: those that are only waiting to be found again.
        """
        # What a block tells is stored in the order in which it came to be: the last word stands.
        told: list[tuple[int, EpisodeChange | CauseChange]] = [
            *((change.transition.minute, change) for change in minutes.episodes),
            *((change.minute, change) for change in minutes.recaused),
        ]
        touched = set()
        for _, change in sorted(told, key=itemgetter(0)):
            touched.add(change.id)
            if isinstance(change, EpisodeChange):
                self._put_change(conn, change, now, doubted)
            else:
                self._put_causes(conn, change, now)
        for _, episode, group in minutes.groups:
            conn.execute(SQL.set_group, {"id": episode, "group": group, "now": now})
        machine = state.machine
        open_ = np.argwhere(machine.phase != NONE)
        if len(open_):
            conn.execute(
                SQL.raise_peaks,
                {
                    "ids": [self._id(state, int(p), int(r)) for p, r in open_],
                    "peaks": [int(machine.peak[p, r]) / MILLI for p, r in open_],
                    "peaks_at": [time_of(int(machine.peak_at[p, r])) for p, r in open_],
                },
            )
        return touched

    def _put_change(
        self, conn: Connection, change: EpisodeChange, now: datetime, doubted: AbstractSet[str]
    ) -> None:
        moved = change.transition
        place, at = self._layout.places[moved.place], time_of(moved.minute)
        row = conn.execute(
            SQL.put_episode,
            {
                "id": change.id,
                "segment": place.segment,
                "site": place.site,
                "rule": tuple(self._settings.rules)[moved.rule],
                "level": moved.top,
                "state": STATES[moved.phase],
                "started_at": time_of(moved.started),
                "peak_at": time_of(moved.peak_at),
                "peak": moved.peak / MILLI,
                "ended_at": at if moved.phase == NONE else None,
                "causes": Jsonb(change.causes),
                "group": None,
                "measured": change.measured,
                "now": now,
            },
        ).fetchone()
        if row is not None and row[0] and change.id not in doubted:
            self.log(conn, change.id, now, "restored", {})
        event = "lapsed" if moved.change == "closed" and moved.top == 0 else moved.change
        detail: dict[str, Any] = {
            "value": moved.value / MILLI,
            "level": moved.level,
            "measured": change.measured,
        }
        if not change.measured:
            detail["confidence"] = round(change.confidence, 2)
        if moved.change == "reopened":
            detail["from"] = "closed" if moved.reopened else "recovering"
        self.log(conn, change.id, at, event, detail)
        if moved.reopened or moved.risen:
            self._renew(conn, change.id, at, now, "reopened" if moved.reopened else "level")

    def _put_causes(self, conn: Connection, change: CauseChange, now: datetime) -> None:
        """Another first cause than before."""
        conn.execute(SQL.set_causes, {"id": change.id, "causes": Jsonb(change.causes), "now": now})
        first = {name: change.causes[0][name] for name in ("kind", "site", "probability")}
        self.log(conn, change.id, time_of(change.minute), "cause", first)

    def _renew(self, conn: Connection, episode: str, at: datetime, now: datetime, why: str) -> None:
        """As ISA-18.2 has it: what an operator acknowledged was another annunciation."""
        if conn.execute(SQL.renew, {"id": episode, "at": at, "now": now}).rowcount:
            self.log(conn, episode, at, "unacknowledged", {"why": why})

    def expire_shelves(self, conn: Connection, now: datetime) -> set[str]:
        """Bring back what was put aside until now or earlier; gives the ids."""
        back = {row[0] for row in conn.execute(SQL.expire_shelves, {"now": now}).fetchall()}
        for episode in sorted(back):
            self.log(conn, episode, now, "unshelved", {"why": "expired"})
        return back

    def put_open(self, conn: Connection, state: State, p: int, r: int, now: datetime) -> None:
        """An open episode as the state has it."""
        machine, place = state.machine, self._layout.places[p]
        episode = self._id(state, p, r)
        conn.execute(
            SQL.put_episode,
            {
                "id": episode,
                "segment": place.segment,
                "site": place.site,
                "rule": tuple(self._settings.rules)[r],
                "level": int(machine.top[p, r]),
                "state": STATES[machine.phase[p, r]],
                "started_at": time_of(int(machine.started[p, r])),
                "peak_at": time_of(int(machine.peak_at[p, r])),
                "peak": int(machine.peak[p, r]) / MILLI,
                "ended_at": None,
                "causes": Jsonb(state.causes.get(episode, [])),
                "group": state.groups.get(episode),
                "measured": bool(state.measured.get(episode, True)),
                "now": now,
            },
        )

    def close_again(self, conn: Connection, state: State, now: datetime) -> dict[str, datetime]:
        """Close what the state has as closed and may have come back after it; gives ids and
        when they were closed."""
        closed = {}
        machine = state.machine
        for p, r in np.argwhere(may_return(machine, state.minute, self._settings)):
            episode, at = self._id(state, int(p), int(r)), time_of(int(machine.closed_at[p, r]))
            found = conn.execute(
                SQL.close_again,
                {
                    "id": episode,
                    "ended_at": at,
                    "level": int(machine.top[p, r]),
                    "peak_at": time_of(int(machine.peak_at[p, r])),
                    "peak": int(machine.peak[p, r]) / MILLI,
                    "causes": Jsonb(state.causes.get(episode, [])),
                    "now": now,
                },
            ).fetchone()
            if found:
                closed[episode] = at
        return closed

    def log_still_closed(
        self, conn: Connection, closed: Mapping[str, datetime], now: datetime
    ) -> None:
        """Late data showed that these did not come back."""
        if closed:
            both = {"ids": list(closed), "ended_at": list(closed.values())}
            for (episode,) in conn.execute(SQL.still_closed, both).fetchall():
                self.log(conn, episode, now, "closed", {"why": "late"})

    def _id(self, state: State, p: int, r: int) -> str:
        return episode_id(
            self._layout.places[p].id,
            tuple(self._settings.rules)[r],
            int(state.machine.started[p, r]),
        )

    def withdraw(self, conn: Connection, doubted: set[str], now: datetime) -> set[str]:
        """Close the doubted episodes that were not found again; gives their ids."""
        withdrawn = set()
        for episode in sorted(doubted):
            if conn.execute(SQL.withdraw_episode, {"id": episode, "now": now}).rowcount:
                withdrawn.add(episode)
                self.log(conn, episode, now, "withdrawn", {})
        return withdrawn

    def store_notices(self, conn: Connection, minutes: Minutes) -> None:
        """The one district-wide notice of sand-dust weather or haze: begun, eased, ended."""
        for change in minutes.notices:
            at = time_of(change.minute)
            if change.change == "begins":
                conn.execute(
                    SQL.open_notice,
                    {
                        "id": f"N-{at:%Y%m%dT%H%MZ}-{change.kind.replace('_', '-')}",
                        "kind": change.kind,
                        "ts": at,
                        "detail": Jsonb({"background": change.background}),
                    },
                )
            else:
                statement = SQL.ease_notice if change.change == "eases" else SQL.close_notice
                conn.execute(statement, {"ts": at, "kind": change.kind})

    def judge_works(
        self, conn: Connection, minutes: Minutes, happenings: Happenings, now: datetime
    ) -> set[str]:
        """Verdicts on treatments whose hour of watching ends in these minutes."""
        touched: set[str] = set()
        effects = {
            effect.order: Interval(effect.reduction_pct, effect.low, effect.high)
            for _, effect in minutes.effects
        }
        for work in due(happenings.works, minutes.first, len(minutes.background)):
            assert work.end is not None
            differences, detail = self._differences(conn, work, happenings)
            found = verdict(effects.get(work.order), differences)
            judged_at = time_of(work.end + UPTO_MIN)
            conn.execute(
                SQL.put_verdict,
                found.told()
                | found.sources()
                | {
                    "order_id": work.order,
                    "segment": work.segment,
                    "treatment": work.treatment,
                    "done_at": time_of(work.end),
                    "judged_at": judged_at,
                    "method": found.method,
                    "detail": Jsonb(detail),
                },
            )
            if found.interval is None:
                continue
            for (episode,) in conn.execute(
                SQL.episode_verdict,
                {"order_id": work.order, "verdict": Jsonb(found.told()), "now": now},
            ).fetchall():
                touched.add(episode)
                said = found.told() | found.sources() | {"order": work.order}
                self.log(conn, episode, judged_at, "verdict", said)
        return touched

    def _differences(
        self, conn: Connection, work: Work, happenings: Happenings
    ) -> tuple[Interval | None, dict[str, Any]]:
        """What a work did by difference in differences, and how that was come by."""
        if work.segment not in self._measured:
            return None, {"controls": [], "why": "unmeasured"}
        assert work.end is not None
        settings = self._settings.verdict
        span = {
            "after": time_of(work.start - settings.before_min),
            "upto": time_of(work.end + settings.skip_min + settings.after_min),
        }
        rows = conn.execute(SQL.measured_minutes, span).fetchall()
        found = judge(work, rows, happenings.works, self._layout, settings)
        return found.interval, {"controls": found.controls, "why": found.why}

    def log(
        self, conn: Connection, episode: str, at: datetime, event: str, detail: dict[str, Any]
    ) -> None:
        """One line of an episode's story; the same line again is not repeated."""
        conn.execute(
            SQL.log_episode,
            {"episode": episode, "at": at, "event": event, "detail": Jsonb(detail)},
        )

    def post_states(self, conn: Connection, minutes: Minutes) -> None:
        """The contract's SegmentState of every segment, for the newest minute."""
        ts = time_of(minutes.first + len(minutes.background) - 1).isoformat()
        background = int(minutes.background[-1]) / MILLI if minutes.background_known[-1] else None
        messages = []
        for g, segment in enumerate(self._layout.segments):
            known = bool(minutes.increment_known[-1, g])
            increment = int(minutes.increment[-1, g]) / MILLI if known else None
            treated = self._treated.get(segment)
            body = {
                "ts": ts,
                "segment": segment,
                "pm10": None if increment is None else round(increment + (background or 0), 3),
                "background": background,
                "increment": increment,
                "level": int(minutes.level[-1, g]),
                "confidence": round(float(minutes.confidence[-1, g]), 3),
                "cause": minutes.cause[-1, g],
                "treated_at": None if treated is None else time_of(treated).isoformat(),
            }
            messages.append((f"down/segments/{segment}/state", msgspec.json.encode(body), True))
        post(conn, messages)


def _which(words: NDArray[np.object_], texts: tuple[str, ...]) -> Ints:
    """(n,) the number of each word in `texts`, -1 for None."""
    which = np.full(len(words), -1, np.int64)
    for number, text in enumerate(texts):
        which[words == text] = number
    return which
