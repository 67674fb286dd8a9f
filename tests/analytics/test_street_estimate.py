"""A span of minutes through the model: intervals, confidence, and what is carried on."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.happenings import Event, Happenings, Work
from analytics.layout import Layout
from analytics.minutes import minute_means, minute_of
from analytics.readings import PM10, PM25, TSP, Readings
from analytics.street.estimate import HEARD_MIN, Carried, Estimate, Estimator
from tests.analytics.street_minutes import model_of
from tests.analytics.streets import SETTINGS, START, made_up_day

LIMITS = (40.0, 80.0)
SPAN = 75
DOINGS = Happenings(
    [
        Event(START + 9, "unwashed_truck", None, "Q1", 3),
        Event(START + 12, "truck_pass", "S2", None, 40),
    ],
    [
        Work("O1", "W1", "wash", "S2", None, START + 5, START + 9, True),
        Work("O2", "W1", "sweep", "S4", None, START + 70, None, False),
    ],
)


@pytest.fixture(scope="module")
def estimator(street) -> Estimator:
    """Of twelve members."""
    return Estimator(street, model_of(street, 12), LIMITS)


@pytest.fixture(scope="module")
def layout(street) -> Layout:
    """Of the same stations."""
    return Layout.of(street, SETTINGS)


@pytest.fixture(scope="module")
def day(layout) -> Readings:
    """Two hours and a half of readings."""
    return made_up_day(layout, 150, 4)


def run(estimator, readings, upto, carried=None, happenings=DOINGS):
    """On to `upto` with what had arrived by then, PM as it was read; out of range is not
    believed."""
    carried = carried or Carried.start(START, estimator.model)
    after = carried.street.minute
    minute = minute_of(readings.ts_ms)
    readings = readings[minute <= upto]
    pm = readings.values[:, [PM10, PM25, TSP]]
    good = (pm > 0) & (pm < 5000)
    means, known = minute_means(
        readings, pm, good, after=after, upto=upto, n=len(estimator.model.ground.own)
    )
    nowhere = np.full(upto - after, np.nan)
    begun = [work for work in happenings.works if work.start <= upto]
    told = [
        replace(work, end=None, done=False) if work.end and work.end > upto else work
        for work in begun
    ]
    return estimator.run(
        carried, upto, readings, means, known, nowhere, Happenings(happenings.events, told)
    )


def rows(estimates: list[Estimate]) -> dict[str, bytes]:
    """Everything that is told minute by minute, put together."""
    whole = {}
    for name in (field.name for field in fields(Estimate)):
        columns = [getattr(estimate, name) for estimate in estimates]
        if name == "given":
            kept = [e.given[at] for e in estimates for at in e.given_at]
            whole[name] = np.array(kept).tobytes()
        elif name in ("effects", "hourly"):
            whole[name] = repr([entry for column in columns for entry in column])
        elif name not in ("given_at", "outlook"):
            whole[name] = np.concatenate(columns).tobytes()
    return whole


def as_kept(carried: Carried) -> dict[str, tuple[object, ...]]:
    return {
        name: (np.asarray(part).dtype, np.shape(part), np.asarray(part).tobytes())
        for name, part in carried.arrays().items()
    }


@settings(max_examples=10)
@given(
    cuts=st.sets(st.integers(1, SPAN - 1), max_size=6).map(sorted),
    restarts=st.booleans(),
    seed=st.integers(0, 99),
)
def test_cuts_and_restarts_leave_no_trace(estimator, layout, cuts, restarts, seed):
    """In one span or many, read back from a checkpoint at each cut or not: the same minutes,
    effects, hours and state, to the last bit."""
    readings = made_up_day(layout, SPAN, seed, dropout=0.3)
    state, whole = run(estimator, readings, START + SPAN)
    carried, parts = None, []
    for end in [*cuts, SPAN]:
        carried, part = run(estimator, readings, START + end, carried)
        parts.append(part)
        if restarts:
            carried = Carried.of(carried.arrays())
    assert rows(parts) == rows([whole])
    assert as_kept(carried) == as_kept(state)


def test_what_is_kept_comes_back_bit_for_bit(estimator, day):
    """Before the first minute, and with an order being watched: state, sky and all."""
    state, _ = run(estimator, day, START + 30)
    assert len(state.street.watches) == 1
    for carried in (Carried.start(START, estimator.model), state):
        back = Carried.of(carried.arrays())
        assert as_kept(back) == as_kept(carried)
        assert back.street.minute == carried.street.minute
        assert back.sky == carried.sky
        assert back.street.watches.orders == carried.street.watches.orders


@pytest.mark.parametrize("seed", [1, 5])
def test_the_estimate_lies_in_its_interval(estimator, layout, seed):
    """Low, increment, high; nothing negative; nothing that is no number."""
    _, told = run(estimator, made_up_day(layout, 100, seed), START + 100)
    assert told.increment.shape == (100, 4)
    assert (told.low >= 0).all()
    assert (told.low <= told.increment).all()
    assert (told.increment <= told.high).all()
    for name in ("background", "background_sd", "expected", "spread", "reads", "failing"):
        assert np.isfinite(getattr(told, name)).all()
    assert ((told.failing >= 0) & (told.failing <= 1)).all()
    assert (told.background > 0).all()


def test_who_has_not_been_heard_for_an_hour_is_not_trusted(estimator, day):
    """Confidence is within 0 and 1 while stations speak and for an hour after, then 0."""
    early = day[minute_of(day.ts_ms) <= START + 30]
    _, told = run(estimator, early, START + 120)
    last = int(minute_of(early.ts_ms).max()) - START
    silent = last + HEARD_MIN - 1
    assert (told.confidence[1:silent] > 0).all()
    assert (told.confidence <= 1).all()
    assert (told.confidence[silent + 1 :] == 0).all()


def test_a_background_station_alone_makes_no_street_sure(estimator, layout, day):
    """It says nothing of what a street adds."""
    alone = day[layout.background[day.station]]
    _, told = run(estimator, alone, START + 40)
    assert (told.confidence == 0).all()
    assert told.background[-1] == pytest.approx(45, rel=0.3)


def test_confidence_fades_away_from_who_speaks(estimator, day):
    """Nowhere does it exceed how far the word of the one that speaks is heard, which is 1 on its
    own street and less down the road."""
    _, told = run(estimator, day[day.station == 0], START + 60)
    heard = estimator.model.ground.heard[0]
    assert heard[0] > 0.99
    assert (np.diff(heard) < 0).all()
    assert (told.confidence[-1] > 0).all()
    assert (told.confidence <= heard).all()


def test_what_still_stands_is_not_heeded_twice(estimator, layout):
    """A reading every five minutes holds for five and moves the model once: to the last bit as if
    nobody had spoken in between."""
    readings = made_up_day(layout, 60, 2, every=5, dropout=0.0)
    _, told = run(estimator, readings, START + 60)
    minute = minute_of(readings.ts_ms) - START - 1
    pm = readings.values[:, [PM10, PM25, TSP]]
    good = (pm > 0) & (pm < 5000)
    means, known = minute_means(
        readings, pm, good, after=START, upto=START + 60, n=len(layout.stations)
    )
    spoke = np.zeros(known.shape[:2], bool)
    spoke[minute, readings.station] = True
    once = known & spoke[:, :, None]
    assert once.sum() < known.sum() / 4
    _, want = estimator.run(
        Carried.start(START, estimator.model), START + 60, readings, means, once,
        np.full(60, np.nan), DOINGS,
    )  # fmt: skip
    np.testing.assert_array_equal(told.increment, want.increment)
    np.testing.assert_array_equal(told.background, want.background)


def test_hours_and_the_newest_quarter_are_looked_ahead_from(estimator, day):
    """Each whole hour once, with what treatments take; the newest quarter of an hour."""
    _, told = run(estimator, day, START + 130)
    assert [hour.outlook.minute for hour in told.hourly] == [START + 60, START + 120]
    assert told.outlook.minute == START + 120
    for hour in told.hourly:
        assert hour.removes.shape == (5, 3)
        assert ((hour.removes > 0) & (hour.removes < 1)).all()
        assert (np.diff(hour.removes, axis=1) >= 0).all()
    _, short = run(estimator, day, START + 10)
    assert short.outlook is None
    assert short.hourly == []


def test_an_order_comes_to_its_effect(estimator, day):
    """Told in the minute in which its hour is over, with the minute of its end."""
    _, told = run(estimator, day, START + 100)
    ((minute, effect),) = told.effects
    assert (minute, effect.order, effect.end) == (START + 9 + 65, "O1", START + 9)
    assert effect.low <= effect.reduction_pct <= effect.high


@pytest.mark.parametrize(
    "lacks",
    [
        {"stations": {}},
        {"cameras": {}},
        {"sites": {}, "cameras": {}},
        {"stations": {}, "sites": {}, "cameras": {}, "crews": {}},
    ],
)
def test_a_bare_district_is_estimated(street, day, lacks):
    """Nobody who measures, films, builds or cleans: estimates without confidence."""
    bare = Estimator(replace(street, **lacks), model_of(replace(street, **lacks), 12), LIMITS)
    said = Readings.none() if "stations" in lacks else day
    state, told = run(bare, said, START + 62)
    assert np.isfinite(told.increment).all()
    assert (told.low <= told.increment).all()
    assert (told.increment <= told.high).all()
    if "stations" in lacks:
        assert (told.confidence == 0).all()
    assert len(told.hourly) == 1
    assert as_kept(Carried.of(state.arrays())) == as_kept(state)
