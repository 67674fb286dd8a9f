from dataclasses import replace

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


def work_out(readings, happenings=HAPPENINGS, rules=SETTINGS):
    end = int(minute_of(readings.ts_ms).max())
    state = State.start(START, LAYOUT, rules)
    return advance(state, end, readings, happenings, LAYOUT, rules)[1]


def of_the_air(found):
    """Episodes but for those that a camera alone tells: the made-up day has unwashed trucks."""
    gate = list(SETTINGS.rules).index("gate")
    return [change for change in found.episodes if change.transition.rule != gate]


def test_haze_is_told_once_and_not_on_every_street():
    """Five hours at 285 µg/m³ everywhere: one notice of haze and no episode. To the letter of the
    standard the capped rule is broken everywhere, and the first cause is the region."""
    haze = hours_of(lambda minute, station: 280.0 + minute % 9, hours=5)
    found = work_out(haze)
    assert [(n.kind, n.change) for n in found.notices] == [("haze", "begins")]
    assert not of_the_air(found)

    letter = replace(SETTINGS, regional_explains=False)
    found = work_out(haze, rules=letter)
    opened = [c for c in of_the_air(found) if c.transition.change == "activated"]
    assert {list(SETTINGS.rules)[c.transition.rule] for c in opened} == {"inc60"}
    assert {c.causes[0]["kind"] for c in opened} == {"regional"}


def test_dust_on_a_hazy_day_is_still_an_episode():
    """One street 150 µg/m³ over a hazy background is that street's, and no other's."""
    place = next(p for p in LAYOUT.places if p.stations)
    found = work_out(
        hours_of(
            lambda minute, station: (
                200.0 + minute % 9 + np.where(station == place.stations[0], 150.0, 0.0)
            )
        )
    )
    raised = {LAYOUT.places[c.transition.place] for c in of_the_air(found) if c.measured}
    assert raised == {place}


def test_sand_dust_is_told_once():
    """A day that quadruples within two hours is a notice of sand dust and no episode, though the
    background is a median over an hour and comes late to every rise."""
    found = work_out(
        hours_of(
            lambda minute, station: 60.0 + minute % 9 + np.clip(minute - 180.0, 0, 120.0) * 2.0,
            hours=7,
        )
    )
    assert [(n.kind, n.change) for n in found.notices] == [("sand_dust", "begins")]
    assert not [c for c in of_the_air(found) if c.transition.top > 0]


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


def test_a_street_without_a_station_is_judged_by_estimate():
    """Its episodes say that they are estimated, in their evidence too, and with what confidence."""
    found = work_out(made_up_day(LAYOUT, LENGTH, 1))
    told = [c for c in found.episodes if not c.measured and c.causes and c.transition.level > 0]
    # Where a station has fallen silent, its street is estimated like the others.
    assert any(not LAYOUT.places[change.transition.place].stations for change in told)
    for change in told:
        if LAYOUT.places[change.transition.place].stations:
            continue
        assert SETTINGS.estimate_confidence <= change.confidence < 1
        evidence = {cause["kind"]: cause["evidence"] for cause in change.causes}
        assert "推算值" in evidence.get("road", "推算值")
    assert any(cause["kind"] == "road" for change in told for cause in change.causes)


def test_an_estimate_of_little_confidence_is_not_judged():
    """Where nobody would bet on the number, no rule does."""
    sure = replace(SETTINGS, estimate_confidence=1.0)
    found = work_out(made_up_day(LAYOUT, LENGTH, 1), rules=sure)
    assert found.episodes
    assert all(LAYOUT.places[c.transition.place].stations for c in found.episodes)


def test_our_answer_to_an_episode_is_not_its_cause():
    """A crew that comes because of the dust is not blamed for it; one that was there before is."""
    place = next(p for p in LAYOUT.places if p.stations)
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
