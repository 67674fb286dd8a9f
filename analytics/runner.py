"""Analytics at work: take what has arrived, bring every result up to now, in one transaction."""

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from psycopg.types.json import Jsonb

from analytics.fold import Minutes, State, advance, episode_id
from analytics.happenings import Event, Happenings, Work
from analytics.judging import due, judge
from analytics.layout import Layout
from analytics.minutes import MILLI, minute_of
from analytics.quality import GOOD, MISSING, PM, PM_NAMES, TESTS, reason
from analytics.readings import COLUMNS, Readings
from analytics.rules import NONE, STATES
from analytics.settings import AnalyticsSettings
from geo.district import District
from geo.places import PlaceIndex
from store.database import Connection
from store.episodes import publish
from store.outbox import post
from store.statements import statements

SQL = statements("analytics")

BLOCK_MIN = 1440
"""Minutes worked out at once when catching up: a day of 100 stations takes some 100 MB."""
WORKS_BACK_MIN = 300
"""How far back treatments are looked for: the longest work, and the hour before it."""
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
        self._station = {name: i for i, name in enumerate(self._layout.stations)}
        self._district = district
        self._index = PlaceIndex(district)
        self._states: deque[State] = deque(maxlen=KEPT_STATES)
        self._events: deque[Event] = deque()
        self._events_upto: int | None = None
        self._treated: dict[str, datetime] = {}

    def step(self, conn: Connection, now: datetime, *, settle_s: float = 0.0) -> None:
        """Bring every result up to the last whole minute before `now`; commits.

        settle_s: how long a minute is left alone after its end, for readings under way.
        """
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
        resumed = not self._states
        state = self._states[-1] if self._states else self._load(conn, upto)
        if state is None:
            state, doubted = self._start_cold(conn, now, upto, changed)
        elif resumed or (changed is not None and changed <= state.minute):
            if changed is not None and changed <= state.minute:
                state = self._rewind(conn, changed)
            # A restart may find minutes stored that are younger than the newest checkpoint.
            doubted = self._doubt(conn, state)
            resumed = True
        if resumed:
            self._recall_treatments(conn, state.minute)

        touched: set[str] = set()
        minutes = None
        while state.minute < upto:
            block = min(upto, state.minute + BLOCK_MIN)
            happenings = self._happenings(conn, state.minute, block)
            before = state
            state, minutes = advance(
                state,
                block,
                self._readings(conn, state.minute, block),
                happenings,
                self._layout,
                self._settings,
            )
            self._store_minutes(conn, minutes, happenings)
            self._store_flags(conn, minutes)
            touched |= self._store_episodes(conn, minutes, state, now)
            self._store_dust(conn, minutes)
            touched |= self._judge(conn, before.minute, state.minute, happenings, now)
            self._keep(conn, before, state)
        touched |= doubted | self._withdraw(conn, doubted, now)
        publish(conn, touched)
        if minutes is not None:
            self._post_states(conn, minutes)

    # Where to begin ---------------------------------------------------------------------------

    def _oldest_change(self, conn: Connection, now: datetime) -> int | None:
        """The oldest minute that something has arrived for since the last step."""
        row = conn.execute(SQL.take_batches, {"kinds": KINDS}).fetchone()
        if row is None or row[0] is None:
            return None
        oldest = max(row[0], now - timedelta(hours=self._settings.lateness_h))
        return minute_of(_milliseconds(oldest))

    def _load(self, conn: Connection, minute: int) -> State | None:
        row = conn.execute(
            SQL.newest_checkpoint,
            {"ts": _time(minute), "fingerprint": self._layout.fingerprint},
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
        oldest = upto if row is None or row[0] is None else _minute(row[0])
        state = self._begin(conn, min(upto, oldest, upto if changed is None else changed) - 1)
        doubted = self._doubt(conn, state)
        for (episode,) in conn.execute(
            SQL.close_orphans, {"ts": _time(state.minute), "now": now}
        ).fetchall():
            self._log(conn, episode, now, "closed", {"why": "settings"})
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
        self._events_upto = None
        while self._states and self._states[-1].minute >= changed:
            self._states.pop()
        state = self._states[-1] if self._states else self._load(conn, changed - 1)
        return state or self._begin(conn, changed - 1)

    def _doubt(self, conn: Connection, state: State) -> set[str]:
        """Take back what was said of the minutes after `state`."""
        since = {"ts": _time(state.minute)}
        conn.execute(SQL.forget_minutes, since)
        conn.execute(SQL.forget_flags, since)
        conn.execute(SQL.forget_checkpoints, since)
        conn.execute(SQL.forget_notices, since)
        conn.execute(SQL.reopen_notices, since)
        doubted = {row[0] for row in conn.execute(SQL.doubt_episodes, since).fetchall()}
        for p, r in np.argwhere(state.machine.phase != NONE):
            self._put_open(conn, state, int(p), int(r), _time(state.minute))
        return doubted

    def _keep(self, conn: Connection, before: State, state: State) -> None:
        self._states.append(state)
        if state.minute // 60 > before.minute // 60:
            self._save(conn, state)

    def _save(self, conn: Connection, state: State) -> None:
        conn.execute(
            SQL.save_checkpoint,
            {
                "ts": _time(state.minute),
                "fingerprint": self._layout.fingerprint,
                "state": state.to_bytes(),
            },
        )

    def _forget(self) -> None:
        self._states.clear()
        self._events_upto = None

    # What arrived -----------------------------------------------------------------------------

    def _readings(self, conn: Connection, after: int, upto: int) -> Readings:
        rows = conn.execute(SQL.readings, {"after": _time(after), "upto": _time(upto)}).fetchall()
        rows = [row for row in rows if row[0] in self._station]
        if not rows:
            return Readings.none()
        n = len(rows)
        readings = Readings(
            station=np.fromiter((self._station[row[0]] for row in rows), np.int64, n),
            ts_ms=np.fromiter((_milliseconds(row[1]) for row in rows), np.int64, n),
            values=np.array([row[2 : 2 + len(COLUMNS)] for row in rows], np.float64),
            status=np.fromiter((ord(row[-1]) for row in rows), np.int64, n),
        )
        return readings[np.lexsort((readings.ts_ms, readings.station))]

    def _happenings(self, conn: Connection, after: int, upto: int) -> Happenings:
        since = after - 60
        if self._events_upto != after:
            self._events.clear()
            self._events_upto = since
        rows = conn.execute(
            SQL.events, {"after": _time(self._events_upto or since), "upto": _time(upto)}
        ).fetchall()
        self._events.extend(self._placed(row) for row in rows)
        self._events_upto = upto
        while self._events and self._events[0].minute <= since:
            self._events.popleft()
        works = conn.execute(
            SQL.works, {"after": _time(after - WORKS_BACK_MIN), "upto": _time(upto)}
        ).fetchall()
        return Happenings(
            list(self._events),
            [
                Work(order, crew, treatment, segment, site, _minute(start), _minute(end), done)
                for order, crew, treatment, segment, site, start, end, done in works
                if start is not None
            ],
        )

    def _placed(self, row: tuple[Any, ...]) -> Event:
        """An event without a place is where its camera is; with a position only, on the nearest
        segment."""
        ts, kind, source, source_kind, segment, site, lon, lat, count = row
        if segment is None and site is None and lon is not None and lat is not None:
            nearest = self._index.nearest(lon, lat, within_m=100.0)
            segment = nearest[0].segment if nearest else None
        elif segment is None and site is None and source_kind == "cameras":
            camera = self._district.cameras.get(source)
            if camera is not None:
                segment, site = camera.segment, camera.site
        return Event(_minute(ts), kind, segment, site, count)

    def _recall_treatments(self, conn: Connection, minute: int) -> None:
        rows = conn.execute(SQL.treated_before, {"before": _time(minute)}).fetchall()
        self._treated = {segment: _time(_minute(ts)) for segment, ts in rows}

    # What came of it --------------------------------------------------------------------------

    def _store_minutes(self, conn: Connection, minutes: Minutes, happenings: Happenings) -> None:
        """Rows for segments that somebody measures or near which a station stands."""
        ends = [_time(minutes.first + t) for t in range(len(minutes.background))]
        treated = self._treated_at(minutes, happenings)
        where_t, where_g = np.nonzero(minutes.increment_known)
        segments = self._layout.segments
        background = minutes.background / MILLI
        increment = minutes.increment / MILLI
        with (
            conn.cursor() as cursor,
            cursor.copy(SQL.copy_minutes) as copy,
        ):
            copy.set_types(
                ["text", "timestamptz", "float8", "float8", "float8", "int2", "float4", "text",
                 "timestamptz"]
            )  # fmt: skip
            for t, g in zip(where_t.tolist(), where_g.tolist(), strict=True):
                b, i = float(background[t]), float(increment[t, g])
                copy.write_row(
                    (
                        segments[g],
                        ends[t],
                        round(b + i, 3),
                        b,
                        i,
                        int(minutes.level[t, g]),
                        float(minutes.confidence[t, g]),
                        minutes.cause[t, g],
                        treated[t].get(segments[g]),
                    )
                )

    def _treated_at(self, minutes: Minutes, happenings: Happenings) -> list[dict[str, datetime]]:
        """Per minute, when each segment was last treated."""
        ended: dict[int, list[str]] = {}
        for work in happenings.works:
            if work.done and work.end is not None and work.segment:
                ended.setdefault(work.end, []).append(work.segment)
        out = []
        for t in range(len(minutes.background)):
            now_done = ended.get(minutes.first + t)
            if now_done:
                at = _time(minutes.first + t)
                self._treated = self._treated | dict.fromkeys(now_done, at)
            out.append(self._treated)
        return out

    def _store_flags(self, conn: Connection, minutes: Minutes) -> None:
        rows = []
        for i, q, test in np.argwhere((minutes.flags != GOOD) & (minutes.flags != MISSING)):
            value = float(minutes.flagged.values[i, PM[q]])
            rows.append(
                {
                    "station": self._layout.stations[minutes.flagged.station[i]],
                    "ts": datetime.fromtimestamp(minutes.flagged.ts_ms[i] / 1000, UTC),
                    "quantity": PM_NAMES[q],
                    "test": TESTS[test],
                    "flag": int(minutes.flags[i, q, test]),
                    "reason": reason(TESTS[test], value, self._settings.language),
                }
            )
        if rows:
            with conn.cursor() as cursor:
                cursor.executemany(SQL.add_flags, rows)

    def _store_episodes(
        self, conn: Connection, minutes: Minutes, state: State, now: datetime
    ) -> set[str]:
        touched = set()
        names = tuple(self._settings.rules)
        for change in minutes.episodes:
            moved = change.transition
            place = self._layout.places[moved.place]
            touched.add(change.id)
            conn.execute(
                SQL.put_episode,
                {
                    "id": change.id,
                    "segment": place.segment,
                    "site": place.site,
                    "rule": names[moved.rule],
                    "level": max(moved.top, 1),
                    "state": STATES[moved.phase],
                    "started_at": _time(moved.started),
                    "peak_at": _time(moved.peak_at),
                    "peak": moved.peak / MILLI,
                    "ended_at": _time(moved.minute) if moved.phase == NONE else None,
                    "causes": Jsonb(change.causes),
                    "now": now,
                },
            )
            event = "lapsed" if moved.change == "closed" and moved.top == 0 else moved.change
            detail = {"value": moved.value / MILLI, "level": moved.level}
            self._log(conn, change.id, _time(moved.minute), event, detail)
        for p, r in np.argwhere(state.machine.phase != NONE):
            conn.execute(
                SQL.raise_peak,
                {
                    "id": self._open_id(state, int(p), int(r)),
                    "peak": int(state.machine.peak[p, r]) / MILLI,
                    "peak_at": _time(int(state.machine.peak_at[p, r])),
                },
            )
        return touched

    def _put_open(self, conn: Connection, state: State, p: int, r: int, now: datetime) -> None:
        """An open episode as the state has it."""
        machine, place = state.machine, self._layout.places[p]
        episode = self._open_id(state, p, r)
        conn.execute(
            SQL.put_episode,
            {
                "id": episode,
                "segment": place.segment,
                "site": place.site,
                "rule": tuple(self._settings.rules)[r],
                "level": max(int(machine.top[p, r]), 1),
                "state": STATES[machine.phase[p, r]],
                "started_at": _time(int(machine.started[p, r])),
                "peak_at": _time(int(machine.peak_at[p, r])),
                "peak": int(machine.peak[p, r]) / MILLI,
                "ended_at": None,
                "causes": Jsonb(state.causes.get(episode, [])),
                "now": now,
            },
        )

    def _open_id(self, state: State, p: int, r: int) -> str:
        return episode_id(
            self._layout.places[p].id,
            tuple(self._settings.rules)[r],
            int(state.machine.started[p, r]),
        )

    def _withdraw(self, conn: Connection, doubted: set[str], now: datetime) -> set[str]:
        withdrawn = set()
        for episode in sorted(doubted):
            if conn.execute(SQL.withdraw_episode, {"id": episode, "now": now}).rowcount:
                withdrawn.add(episode)
                self._log(conn, episode, now, "withdrawn", {})
        return withdrawn

    def _store_dust(self, conn: Connection, minutes: Minutes) -> None:
        for minute, begins in minutes.dust:
            at = _time(minute)
            if begins:
                background = int(minutes.background[minute - minutes.first]) / MILLI
                conn.execute(
                    SQL.open_notice,
                    {
                        "id": f"N-{at:%Y%m%dT%H%MZ}-sand-dust",
                        "ts": at,
                        "detail": Jsonb({"background": background}),
                    },
                )
            else:
                conn.execute(SQL.close_notice, {"ts": at})

    def _judge(
        self, conn: Connection, after: int, upto: int, happenings: Happenings, now: datetime
    ) -> set[str]:
        """Verdicts on treatments whose time has come."""
        touched: set[str] = set()
        settings = self._settings.verdict
        for work in due(happenings.works, after, upto, settings):
            assert work.end is not None
            first = work.start - settings.before_min
            last = work.end + settings.skip_min + settings.after_min
            rows = conn.execute(
                SQL.measured_minutes, {"after": _time(first), "upto": _time(last)}
            ).fetchall()
            found, controls = judge(work, rows, happenings.works, self._layout, settings)
            judged = {
                "effective": found.effective,
                "reduction_pct": found.reduction_pct,
                "low": found.low,
                "high": found.high,
            }
            conn.execute(
                SQL.put_verdict,
                judged
                | {
                    "order_id": work.order,
                    "segment": work.segment,
                    "treatment": work.treatment,
                    "done_at": _time(work.end),
                    "judged_at": _time(last),
                    "method": "difference in differences",
                    "detail": Jsonb({"controls": controls, "why": found.why}),
                },
            )
            if found.effective is not None:
                detail = judged | {"order": work.order}
                for (episode,) in conn.execute(
                    SQL.episode_verdict,
                    {"order_id": work.order, "verdict": Jsonb(judged), "now": now},
                ).fetchall():
                    touched.add(episode)
                    self._log(conn, episode, _time(last), "verdict", detail)
        return touched

    def _log(
        self, conn: Connection, episode: str, at: datetime, event: str, detail: dict[str, Any]
    ) -> None:
        conn.execute(
            SQL.log_episode,
            {"episode": episode, "at": at, "event": event, "detail": Jsonb(detail)},
        )

    def _post_states(self, conn: Connection, minutes: Minutes) -> None:
        """The contract's SegmentState of every segment, for the newest minute."""
        ts = _time(minutes.first + len(minutes.background) - 1).isoformat()
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
                "treated_at": treated.isoformat() if treated else None,
            }
            messages.append((f"down/segments/{segment}/state", msgspec.json.encode(body), True))
        post(conn, messages)


def _time(minute: int) -> datetime:
    """The end of a minute."""
    return datetime.fromtimestamp(minute * 60, UTC)


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _minute(at: datetime | None) -> Any:
    return None if at is None else minute_of(_milliseconds(at))
