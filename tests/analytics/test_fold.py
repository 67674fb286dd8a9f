import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.fold import State, advance
from analytics.happenings import Event, Happenings, Work
from analytics.layout import Layout
from analytics.minutes import minute_of
from analytics.readings import COLUMNS, PM10, Readings
from tests.analytics.streets import SETTINGS, START, district, made_up_day

LAYOUT = Layout.of(district(), SETTINGS)
LENGTH = 400
READINGS = {
    seed: made_up_day(LAYOUT, LENGTH, seed, every=every)
    for seed, every in ((1, 1), (2, 5), (3, 60))
}
HAPPENINGS = Happenings(
    events=[
        Event(START + m, kind, LAYOUT.segments[m % 7], LAYOUT.sites[m % 3])
        for m in range(0, LENGTH, 3)
        for kind in ("truck_pass", "unwashed_truck")
    ],
    works=[Work("O1", "W1", "wash", LAYOUT.segments[3], None, START + 100, START + 110, True)],
)


def fold(readings, cuts):
    """State, episodes and rows after working the whole time out in blocks that end at `cuts`."""
    minute = minute_of(readings.ts_ms)
    state = State.start(START, LAYOUT, SETTINGS)
    episodes, rows = [], []
    for end in sorted({*cuts, LENGTH}):
        block = readings[(minute > state.minute) & (minute <= START + end)]
        state, minutes = advance(state, START + end, block, HAPPENINGS, LAYOUT, SETTINGS)
        episodes += minutes.episodes
        rows.append((minutes.increment, minutes.level, minutes.cause, minutes.background))
    return state.to_bytes(), episodes, [np.concatenate(part) for part in zip(*rows, strict=True)]


WHOLE = {seed: fold(readings, []) for seed, readings in READINGS.items()}


@settings(max_examples=25, deadline=None)
@given(
    seed=st.sampled_from(sorted(READINGS)),
    cuts=st.sets(st.integers(1, LENGTH - 1), max_size=40),
)
def test_how_time_is_cut_does_not_matter(seed, cuts):
    """Any cutting into blocks gives the same state, episodes, levels and causes, bit for bit."""
    state, episodes, rows = fold(READINGS[seed], cuts)
    assert episodes == WHOLE[seed][1]
    assert state == WHOLE[seed][0]
    for row, whole in zip(rows, WHOLE[seed][2], strict=True):
        assert (row == whole).all()


def test_the_made_up_day_is_worth_folding():
    """The days above open episodes of every level, so that equality says something."""
    assert {change.transition.top for change in WHOLE[1][1]} == {0, 1, 2, 3}


def test_a_state_survives_being_stored():
    """A checkpoint gives back the state that went in."""
    kept = WHOLE[1][0]
    assert State.from_bytes(kept).to_bytes() == kept


def hours_of(pm10_of, hours=4):
    """Readings each minute, PM10 by `pm10_of(minutes, station index)`."""
    at, stations = np.arange(1, hours * 60 + 1), len(LAYOUT.stations)
    minute, station = np.meshgrid(at, np.arange(stations), indexing="xy")
    values = np.full((*minute.shape, len(COLUMNS)), np.nan)
    values[..., PM10] = pm10_of(minute, station)
    return Readings(
        station.ravel(),
        (START + minute.ravel()) * 60_000,
        values.reshape(-1, len(COLUMNS)),
        np.full(minute.size, ord("N")),
    )


def work_out(readings, happenings=HAPPENINGS):
    end = int(minute_of(readings.ts_ms).max())
    state = State.start(START, LAYOUT, SETTINGS)
    return advance(state, end, readings, happenings, LAYOUT, SETTINGS)[1]


def test_haze_is_told_from_dust():
    """Four hours at 285 µg/m³ everywhere: the capped rule is broken, as the standard wants it, but
    the first cause is the region, and no other rule is broken."""
    found = work_out(hours_of(lambda minute, station: 280.0 + minute % 9))
    opened = [c for c in found.episodes if c.transition.change == "activated"]
    assert {list(SETTINGS.rules)[c.transition.rule] for c in opened} == {"inc60"}
    assert {c.causes[0]["kind"] for c in opened} == {"regional"}


def test_pm10_is_judged_unless_the_background_is_the_larger_part():
    """An hour's mean over 250 counts where the background is 100, and does not where it is 200."""
    rule = list(SETTINGS.rules).index("pm10_60")

    def broken(background):
        found = work_out(
            hours_of(
                lambda minute, station: (
                    np.where(LAYOUT.background[station], background, 300.0) + minute % 9
                )
            )
        )
        return any(
            c.transition.rule == rule and c.transition.change == "activated" for c in found.episodes
        )

    assert broken(100.0)
    assert not broken(200.0)


def test_a_guess_is_never_worse_than_the_station_it_rests_on():
    """Segments without a station take at most the level of the one they are told of by."""
    found = work_out(made_up_day(LAYOUT, LENGTH, 1))
    heard = np.flatnonzero(LAYOUT.speaker >= 0)
    told_by = LAYOUT.place_segment[LAYOUT.speaker[heard]]
    assert (found.level[:, heard] <= found.level[:, told_by]).all()
    assert found.level[:, heard].max() > 0


def test_our_answer_to_an_episode_is_not_its_cause():
    """A crew that comes because of the dust is not blamed for it; one that was there before is."""
    place = LAYOUT.places[0]
    dusty = hours_of(
        lambda minute, station: (
            40.0 + minute % 9 + np.where((station == place.stations[0]) & (minute > 60), 200.0, 0.0)
        )
    )

    def kinds(start):
        work = Work("O1", "S1", "sweep", place.segment, place.site, start, None, False)
        found = work_out(dusty, Happenings(works=[work]))
        return {cause["kind"] for change in found.episodes for cause in change.causes}

    assert "treatment" in kinds(START + 55)
    assert "treatment" not in kinds(START + 90)
