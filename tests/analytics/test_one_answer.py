"""However time is cut, and whoever is stopped and started again in between: one answer.

Pure: the fold alone, without a database. What a block is told of readings, events and treatments
is what would be known at its end, as `analytics.arrivals` finds it in the store.
"""

from dataclasses import fields, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.arrivals import WORKS_BACK_MIN
from analytics.fold import Minutes, State, advance
from analytics.happenings import Event, Happenings, Work
from analytics.layout import Layout
from analytics.readings import PM10, PM25, Readings
from analytics.street.estimate import Estimate
from tests.analytics.streets import SETTINGS as WHOLE
from tests.analytics.streets import START, made_up_day

SETTINGS = replace(WHOLE, street=replace(WHOLE.street, members=12))
"""Of a small ensemble: what it costs, and not what it is, depends on its size."""

KINDS = ("truck_pass", "unwashed_truck", "wash_bay_idle", "dust_plume", "mud_on_road")
OF_READINGS = ("flags", "numbers")


def days(layout: Layout, minutes: int) -> st.SearchStrategy[Readings]:
    """Made-up readings: of any rhythm, with gaps in which a station or all of them are silent,
    stuck sensors, and devices that say they are being calibrated."""

    @st.composite
    def draw_day(draw: st.DrawFn) -> Readings:
        readings = made_up_day(
            layout,
            minutes,
            draw(st.integers(0, 10_000), label="seed"),
            every=draw(st.sampled_from([1, 1, 1, 2, 5]), label="minutes between readings"),
            dropout=draw(st.sampled_from([0.0, 0.05, 0.4]), label="share lost"),
        )
        stations = st.sampled_from([None, *range(len(layout.stations))])
        minute = (readings.ts_ms // 60_000) - START
        for _ in range(draw(st.integers(0, 3), label="gaps")):
            first, lasts = draw(st.integers(0, minutes)), draw(st.integers(1, 150))
            who = draw(stations)
            gap = (minute >= first) & (minute < first + lasts)
            readings, minute = _without(readings, minute, gap, who)
        for _ in range(draw(st.integers(0, 2), label="stuck")):
            first, lasts = draw(st.integers(0, minutes)), draw(st.integers(5, 60))
            stuck = (minute >= first) & (minute < first + lasts)
            readings.values[stuck & (readings.station == draw(st.integers(0, 3))), PM10] = 212.0
        for _ in range(draw(st.integers(0, 2), label="leaps")):
            # Of a station without fine dust, which the model of the street alone can doubt.
            who, at = draw(st.integers(0, 3)), draw(st.integers(40, minutes))
            readings.values[readings.station == who, PM25] = np.nan
            readings.values[(readings.station == who) & (minute == at), PM10] += 280.0
        if draw(st.booleans(), label="calibrating"):
            readings.status[(minute % 97 < 6) & (readings.station == 0)] = ord("C")
        return readings

    return draw_day()


def _without(readings, minute, gap, who):
    kept = ~(gap & ((readings.station == who) if who is not None else True))
    return readings[kept], minute[kept]


def doings(layout: Layout, minutes: int) -> st.SearchStrategy[Happenings]:
    """Flags, counted trucks, and crews at work: some for hours, some without an end."""
    minute = st.integers(START + 1, START + minutes)
    segment = st.sampled_from(layout.segments)
    event = st.builds(
        Event,
        minute,
        st.sampled_from(KINDS),
        st.none() | segment,
        st.none() | st.sampled_from(layout.sites),
        st.integers(1, 80),
    )
    work = st.builds(
        lambda n, start, lasts, segment: Work(
            f"O{n}", "W1", "wash", segment, None, start, lasts and start + lasts, lasts is not None
        ),
        st.integers(0, 999),
        minute,
        st.none() | st.integers(1, 30) | st.integers(200, 500),
        segment,
    )
    return st.builds(
        lambda events, works: Happenings(
            sorted(events, key=lambda event: event.minute),
            sorted(works, key=lambda work: (work.start, work.order)),
        ),
        st.lists(event, max_size=12),
        st.lists(work, max_size=6, unique_by=lambda work: work.order),
    )


def known(all_of_it: Happenings, after: int, upto: int) -> Happenings:
    """What is in the store at the end of minute `upto`, as far back as the minutes after `after`
    look."""
    works = []
    for work in all_of_it.works:
        ended = work.end is not None and work.end <= upto
        said = [work.start, *([work.end] if ended else [])]
        if work.start <= upto and any(after - WORKS_BACK_MIN < at <= upto for at in said):
            works.append(work if ended else replace(work, end=None, done=False))
    return Happenings([e for e in all_of_it.events if after - 60 < e.minute <= upto], works)


def run(
    layout: Layout,
    readings: Readings,
    happenings: Happenings,
    ends: list[int],
    restarts: frozenset[int] = frozenset(),
) -> tuple[State, list[Minutes]]:
    """Fold block by block; after those that end in `restarts` only the checkpoint is left."""
    state, parts = State.start(START, layout, SETTINGS), []
    minute = -(-readings.ts_ms // 60_000)
    for end in ends:
        after = state.minute
        arrived = readings[(minute > after) & (minute <= end)]
        state, minutes = advance(
            state, end, arrived, known(happenings, after, end), layout, SETTINGS
        )
        parts.append(minutes)
        if end in restarts:
            state = State.from_bytes(state.to_bytes())
    return state, parts


def told(parts: list[Minutes]) -> dict[str, object]:
    """All that blocks say, whatever their number: every field of `Minutes` is in it."""
    there = {
        "background": np.concatenate([part.background_known for part in parts]),
        "increment": np.concatenate([part.increment_known for part in parts]),
    }
    found: dict[str, object] = {}
    for name in (field.name for field in fields(Minutes)):
        columns = [getattr(part, name) for part in parts]
        if name in there:
            found[name] = np.where(there[name], np.concatenate(columns), 0).tolist()
        elif name == "flagged":
            found[name] = sorted(row for part in parts for row in _flagged(part))
        elif name in OF_READINGS:
            continue
        elif name == "estimate":
            found |= _estimated(columns)
        elif name == "outlook":
            # The newest there is: a block gives one at most.
            newest = [column for column in columns if column is not None]
            found[name] = repr(newest[-1:])
        elif name == "hourly":
            found[name] = repr([hour for column in columns for hour in column])
        elif isinstance(columns[0], np.ndarray):
            found[name] = np.concatenate(columns).tolist()
        elif isinstance(columns[0], list):
            found[name] = [change for column in columns for change in column]
        else:
            assert name == "first"
    return found


def _estimated(parts: list[Estimate]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in (field.name for field in fields(Estimate)):
        columns = [getattr(part, name) for part in parts]
        if name not in ("given", "given_at", "effects", "hourly", "outlook"):
            found[f"estimate {name}"] = np.concatenate(columns).tobytes()
    rows = [part.given[at].tobytes() for part in parts for at in part.given_at]
    return found | {"estimate given": rows}


def _flagged(part: Minutes) -> list[tuple[object, ...]]:
    return [
        (
            int(part.flagged.station[i]),
            int(part.flagged.ts_ms[i]),
            *(repr(getattr(part, name)[i]) for name in OF_READINGS),
        )
        for i in range(len(part.flagged))
    ]


def same_state(one: State, other: State) -> bool:
    """To the last bit, NaN where NaN."""
    return one.to_bytes() == other.to_bytes()


MINUTES = 200
HOURS = 420


@settings(max_examples=30)
@given(data=st.data())
def test_cuts_and_restarts_leave_no_trace(street, data):
    """Two hours in one block, or cut anywhere, with the state written out and read
    back after any of the cuts: the same minutes, flags, episodes with ids, times, peaks, levels
    and causes, and the same state at the end, to the last bit."""
    layout = Layout.of(street, SETTINGS)
    readings = data.draw(days(layout, MINUTES), label="readings")
    happenings = data.draw(doings(layout, MINUTES), label="happenings")
    cuts = data.draw(st.sets(st.integers(START + 1, START + MINUTES - 1), max_size=9), label="cuts")
    ends = [*sorted(cuts), START + MINUTES]
    restarts = data.draw(st.frozensets(st.sampled_from(ends)), label="restarts")
    state, parts = run(layout, readings, happenings, [START + MINUTES])
    cut_state, cut_parts = run(layout, readings, happenings, ends, restarts)
    assert told(cut_parts) == told(parts)
    assert same_state(cut_state, state)


@settings(max_examples=6)
@given(data=st.data())
def test_minute_by_minute_is_as_good_as_in_one_go(street, data):
    """Live's way, a minute at a time and read back from a checkpoint each hour, beside
    history's."""
    layout = Layout.of(street, SETTINGS)
    readings = data.draw(days(layout, MINUTES), label="readings")
    happenings = data.draw(doings(layout, MINUTES), label="happenings")
    ends = list(range(START + 1, START + MINUTES + 1))
    state, parts = run(layout, readings, happenings, [START + MINUTES])
    live_state, live_parts = run(layout, readings, happenings, ends, frozenset(ends[59::60]))
    assert told(live_parts) == told(parts)
    assert same_state(live_state, state)


def test_made_up_days_have_something_to_agree_on(street):
    """The days above do raise episodes, some of them still open at a cut."""
    layout = Layout.of(street, SETTINGS)
    _, parts = run(
        layout, made_up_day(layout, HOURS, 3), Happenings(), [START + 200, START + HOURS]
    )
    changes = [change for part in parts for change in part.episodes]
    assert {change.transition.change for change in changes} >= {"opened", "activated", "closed"}
    at_cut = {change.id: change.transition.phase for change in parts[0].episodes}
    assert any(at_cut.values())


def test_who_never_says_done_is_forgotten_at_one_time(street):
    """Crews that begin on every street and are not heard of again: whether that is still work
    under way hours later depends on the hours, not on where a block began."""
    layout = Layout.of(street, SETTINGS)
    works = [
        Work(f"O{g}", "W1", "wash", segment, None, START + 1 + 7 * g, None, False)
        for g, segment in enumerate(layout.segments)
    ]
    readings, happenings = made_up_day(layout, HOURS, 3), Happenings((), works)
    _, whole = run(layout, readings, happenings, [START + HOURS])
    _, parts = run(layout, readings, happenings, list(range(START + 30, START + HOURS + 1, 30)))
    assert told(parts) == told(whole)
    blamed = {cause["kind"] for change in told(whole)["episodes"] for cause in change.causes}
    assert "treatment" in blamed
