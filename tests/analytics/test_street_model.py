"""The physics of a minute, and that stations bring it to where it has to be."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.street.members import TREATMENTS
from analytics.street.model import HALF_SOILED, HOLDS_MM, Model, Street, Treating
from analytics.street.weather import Weather
from tests.analytics.street_minutes import (
    CALM,
    NOON,
    errors,
    lived,
    minute_after,
    model_of,
    silence,
)

UNKNOWN_WIND = replace(CALM, wind_ms=float("nan"), wind_from_deg=float("nan"))
RAIN = replace(CALM, rain_mm=2.0)
STILL_ROAD = {"heavy": np.zeros(4), "light": np.zeros(4)}


@pytest.fixture(scope="module")
def model(street) -> Model:
    """Of four segments, one site with a camera, four road stations, a background and a fence."""
    return model_of(street)


def start(model, **changes) -> Street:
    return replace(Street.start(NOON, model.ground, model.settings), **changes)


def step(model, street, read=None, **changes):
    now = minute_after(model, street, **changes)
    said = silence(model) if read is None else read
    return model.step(street, now, said, errors(model), 0 * errors(model))


def with_rows(street, rows, value) -> Street:
    """The same with these rows of all members."""
    x = street.x.copy()
    x[rows] = value
    return replace(street, x=x)


def mean_load(model, street):
    return model.total(street.x).mean(axis=1)


# Physics --------------------------------------------------------------------------------------


def test_a_dry_street_emits_what_ap_42_says(model):
    """k sL^0.91 W^1.02 with k = 0.62 g/km: one truck of 26 t a minute on 1 g/m² is
    0.62 · 27.75 g/km over a minute, 0.287 mg/(m s); with nine cars of 1.8 t W is 4.22 t."""
    street = start(model)
    dry = np.ones((4, 20), np.float32)
    for light, per_km in ((0.0, 0.62 * 26**1.02), (9.0, 10 * 0.62 * 4.22**1.02)):
        now = minute_after(model, street, heavy=np.ones(4), light=np.full(4, light))
        driven = model.traffic(now, np.ones(4))
        held = (driven.stirs[:, None] * dry).astype(np.float32)
        x = street.x.copy()
        for load in (1.0, 0.2):
            got = model.strengths(x, load * dry, held)
            np.testing.assert_allclose(got, per_km * load**0.91 / 60_000, rtol=1e-4)
    busy = model.traffic(now, np.full(4, 2.0))
    assert busy.heavy == pytest.approx(2.0)


def test_an_empty_road_raises_nothing(model):
    """Without vehicles a street gives off no dust, and its silt stays but for its wandering."""
    street = with_rows(start(model), model.parts.tracked, np.log(1e-4))
    later, was = step(model, street, **STILL_ROAD)
    assert was.given[:, 0] == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(
        later.x[model.parts.silt], street.x[model.parts.silt], atol=6 * model.settings.silt_wander
    )


def test_water_binds(model):
    """A film so deep that 1/e goes through lets that through, a dry street all of it; a wet one
    brings less to its kerb."""
    street = with_rows(start(model), model.parts.theta, 0.0)
    film = np.full((4, 20), model.settings.binding_mm, np.float32)
    np.testing.assert_allclose(model.lets_through(street.x, film), np.exp(-1), rtol=1e-5)
    np.testing.assert_array_equal(model.lets_through(street.x, 0 * film), 1.0)
    _, dry = step(model, street)
    _, wet = step(model, replace(street, film=3 * film))
    assert (wet.given[:, 0] < 0.3 * dry.given[:, 0]).all()


def test_a_wet_street_dries(model):
    """In some hours of a mild day, at once it does not; traffic sprays water away, too."""
    street = start(model, film=np.full((4, 20), 0.5, np.float32))
    soon, later = lived(model, street, 10), lived(model, street, 300)
    assert (soon.film.mean(axis=1) > 0.2).all()
    assert (later.film == 0).all()
    quiet = lived(model, street, 10, **STILL_ROAD)
    assert (quiet.film > soon.film).all()


def test_rain_flushes_and_wets(model):
    """A fifth of the silt with each millimetre, beyond what goes anyhow; no film is deeper than a
    street holds."""
    street = start(model)
    after_rain, _ = step(model, street, weather=RAIN, **STILL_ROAD)
    without, _ = step(model, street, **STILL_ROAD)
    parts = model.parts
    np.testing.assert_allclose(
        after_rain.x[parts.silt] - without.x[parts.silt], -0.2 * 2.0, atol=1e-3
    )
    assert (without.film == 0).all()
    assert (after_rain.film > 0.9 * HOLDS_MM).all()
    assert (lived(model, street, 20, weather=RAIN).film <= HOLDS_MM).all()


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_a_treatment_takes_its_share(model, treatment):
    """full · load / (load + half) of what lies on its segment, half of it for half the length, and
    nothing elsewhere."""
    street = with_rows(start(model), model.parts.tracked, np.log(1e-4))
    kind = TREATMENTS.index(treatment)
    before, _ = step(model, street, **STILL_ROAD)
    lay = model.total(street.x)[2]
    full = model.removes(street.x)[kind]
    for share in (1.0, 0.5):
        work = Treating("O1", 2, kind, share, 0.0, ends=True)
        after, _ = step(model, street, works=(work,), **STILL_ROAD)
        ratio = np.exp(after.x[model.parts.silt] - before.x[model.parts.silt])
        want = (1 - full * lay / (lay + HALF_SOILED)) ** share
        np.testing.assert_allclose(ratio[2], want, rtol=1e-3)
        np.testing.assert_array_equal(ratio[[0, 1, 3]], 1.0)


def test_two_halves_of_a_wash_leave_as_little_as_the_whole(model):
    """However a work is cut into minutes, the silt after it is nearly the same."""
    street = start(model)

    def left(shares):
        now = street
        for share in shares:
            now, _ = step(model, now, works=(Treating("O1", 2, 0, share, 0.0, ends=False),))
        for _ in range(8 - len(shares)):
            now, _ = step(model, now)
        return mean_load(model, now)[2]

    assert left([0.25] * 4) == pytest.approx(left([1.0]), rel=0.15)
    assert left([0.25] * 4) < 0.8 * left([])


def test_silt_comes_back_after_a_wash(model):
    """A washed street is cleaner for hours and as dirty as the others a week of traffic later."""
    street = with_rows(start(model), model.parts.silt, np.log(1.5))
    washed, _ = step(model, street, works=(Treating("O1", 2, 0, 1.0, 0.0, ends=True),))
    other, _ = step(model, street)

    def ratio(minutes):
        return (
            mean_load(model, lived(model, washed, minutes))
            / mean_load(model, lived(model, other, minutes))
        )[2]

    soon, later = ratio(10), ratio(500)
    assert soon < 0.65
    assert later > soon + 0.1
    assert later < 1.001


def test_a_fog_cannon_holds_dust_down_for_a_while(model):
    """Of the dust, not of the silt; sweeping raises some while it lasts."""
    street = start(model)
    kinds = {name: TREATMENTS.index(name) for name in ("fog", "sweep")}
    _, usual = step(model, street)
    fogged, fog = step(model, street, works=(Treating("O1", 1, kinds["fog"], 1.0, 0.0, ends=True),))
    assert fog.given[1, 0] < 0.8 * usual.given[1, 0]
    assert fogged.mist[1] > 0.2
    assert (fogged.mist[[0, 2, 3]] == 0).all()
    assert lived(model, fogged, 60).mist[1] < 0.1 * fogged.mist[1]
    swept, _ = step(model, street, works=(Treating("O1", 1, kinds["sweep"], 1.0, 0.5, ends=True),))
    assert (swept.film == 0).all()


def test_a_gate_that_fails_is_seen_and_brings_soil(model):
    """Unwashed trucks at the gate raise the odds that its wash fails, an idle one more, and soil
    comes to lie about it; a watched gate without flags is taken to work."""
    street = start(model)
    trucks = {"busy_hour": 1 / 1440 * 1.5}
    dirty = lived(model, street, 60, dirty=np.array([1]), **trucks)
    idle, _ = step(model, street, idle=np.array([1]), **trucks)
    fine = lived(model, street, 60, **trucks)
    unseen = lived(model, street, 60, watched=np.array([False]), **trucks)
    assert dirty.failing[0] > 2 > -3 > fine.failing[0]
    assert idle.failing[0] > street.failing[0] + 1
    assert fine.failing[0] < unseen.failing[0] < dirty.failing[0]
    parts = model.parts
    assert dirty.x[parts.soil].mean() > fine.x[parts.soil].mean() + 1
    assert model.loads(dirty.x)[1].mean() > 2 * model.loads(fine.x)[1].mean()


def test_an_unwatched_gates_odds_settle(model):
    """Without a camera they go to where failing once a day for two hours puts them, from above and
    from below."""
    for odds in (-6.0, 4.0):
        later = lived(model, start(model, failing=np.array([odds])), 900, watched=np.array([False]))
        share = 1 / (1 + np.exp(-later.failing[0]))
        assert share == pytest.approx(120 / (1440 + 120), abs=0.015)


# Stations -------------------------------------------------------------------------------------

BACK_UG_M3 = 45.0


WEST = replace(CALM, wind_from_deg=270.0)
"""Stations stand on the lee side."""


def air_of(model, load_g_m2):
    """µg/m³ at stations and kerbs of a street of a uniform load, by the model's own air."""
    street = start(model)
    now = minute_after(model, street)
    stirs = model.traffic(now, np.ones(4)).stirs
    one = np.float32(0.62e6 * load_g_m2**0.91) * (model.table(WEST)[:, :4] @ stirs)
    stations = len(model.ground.own)
    return one[:stations], one[stations:]


def settled(model, read, minutes=120):
    """The state and last minute after so many of the same readings."""
    street = start(model)
    for _ in range(minutes):
        street, was = step(model, street, read, weather=WEST)
    return street, was


@pytest.mark.parametrize("load_g_m2", [0.15, 0.6, 3.0])
def test_stations_bring_the_street_to_what_physics_needs(street, load_g_m2):
    """Two hours of readings as a street of that load gives them: the kerbs' increment comes within
    a third of its, and the background within a tenth."""
    many = model_of(street, 100)
    many = Model(
        replace(many.ground, pair_site=many.ground.pair_site[:0],
                pair_segment=many.ground.pair_segment[:0],
                pair_share=many.ground.pair_share[:0]),
        many.settings,
    )  # fmt: skip
    stations, kerbs = air_of(many, load_g_m2)
    _, was = settled(many, BACK_UG_M3 + stations.astype(np.float64))
    np.testing.assert_allclose(was.kerb.mean(axis=1), kerbs, rtol=0.35)
    assert float(was.back.mean()) == pytest.approx(BACK_UG_M3, rel=0.1)


def test_what_stations_say_is_foreseen_in_the_end(model):
    """After two hours of the same the next minute is expected as it comes, within what the model
    says it is unsure by."""
    stations, _ = air_of(model, 0.6)
    read = BACK_UG_M3 + stations.astype(np.float64)
    _, was = settled(model, read)
    assert (np.abs(was.expected - np.log(read + 0.5)) < 2 * was.spread).all()


def test_a_dustier_street_is_told_from_the_others(model):
    """Where one station reads 60 more than the rest, its segment has the most silt and dust."""
    read = np.full(6, BACK_UG_M3 + 10.0)
    read[model.ground.background] = BACK_UG_M3
    read[0] += 60.0
    street, was = settled(model, read)
    assert was.kerb.mean(axis=1).argmax() == 0
    assert was.kerb.mean(axis=1)[0] > 2 * was.kerb.mean(axis=1)[3]
    assert mean_load(model, street).argmax() == 0


def test_without_a_background_station_the_plain_one_holds(street):
    """Nobody anchors: the plain background draws the model's towards it, where it is known."""
    model = model_of(street)
    before = start(model)

    def after(plain):
        now = minute_after(model, before)
        quiet = 0 * errors(model)
        street, _ = model.step(before, now, silence(model), errors(model), quiet, plain, False)
        return float(np.exp(street.x[model.parts.back].mean()))

    assert after(20.0) < after(float("nan")) < after(200.0)


readings = st.lists(
    st.lists(st.none() | st.floats(0.1, 5000.0), min_size=6, max_size=6), min_size=1, max_size=12
)
weathers = st.builds(
    Weather,
    st.floats(0, 30) | st.just(float("nan")),
    st.floats(0, 360) | st.just(float("nan")),
    st.floats(-30, 45),
    st.floats(1, 100),
    st.just(0.0) | st.floats(0, 20),
    st.floats(0, 1),
)


@settings(max_examples=40)
@given(data=st.data())
def test_nothing_that_is_read_breaks_the_model(model, data):
    """0.1 to 5000 µg/m³, gaps, silence, gales and cloudbursts: every number stays one, within its
    bounds, and the same minutes come to the same."""
    rows = data.draw(readings)
    weather, trucks = data.draw(weathers), data.draw(st.sampled_from([0.0, 0.1, 40.0]))
    swells = data.draw(st.sampled_from([0.0, 30.0]))
    works = data.draw(st.booleans())

    def run():
        street = start(model)
        for t, row in enumerate(rows):
            read = np.array([np.nan if value is None else value for value in row])
            kind = t % len(TREATMENTS)
            now = minute_after(
                model,
                street,
                weather=weather,
                heavy=np.full(4, trucks),
                dirty=np.array([t % 3]),
                counted=np.array([0, 50 * (t % 2), 0, 0]),
                works=(Treating(f"O{kind}", t % 4, kind, 0.5, 0.4, ends=t % 2 == 1),)
                if works
                else (),
            )
            street, was = model.step(street, now, read, errors(model), np.full(6, swells))
        return street, was

    street, was = run()
    parts = model.parts
    for part in (street.x, street.film, street.failing, street.mist, street.recent, street.counted):
        assert np.isfinite(part).all()
    for part in (was.back, was.kerb, was.given, was.expected, was.spread, was.reads):
        assert np.isfinite(part).all()
    assert (was.kerb >= 0).all()
    assert (was.given >= 0).all()
    assert ((street.film >= 0) & (street.film <= HOLDS_MM)).all()
    assert ((street.mist >= 0) & (street.mist <= 0.6)).all()
    assert ((street.failing >= -6) & (street.failing <= 5)).all()
    if any(value is not None for value in rows[-1]):
        assert (street.x[parts.silt] <= 3.0).all()
        assert (np.abs(street.x[parts.gain]) <= 0.5).all()
        assert (np.abs(street.x[parts.local]) <= 1.5).all()
        assert ((street.x[parts.back] >= 0) & (street.x[parts.back] <= 8)).all()
    again, _ = run()
    assert again.x.tobytes() == street.x.tobytes()


def test_a_step_leaves_the_state_it_came_from(model):
    """Pure: what went in is as it was, watches and all."""
    street = start(model)
    before = {name: np.copy(getattr(street, name)) for name in ("x", "film", "mist", "recent")}
    work = Treating("O1", 1, 2, 1.0, 0.4, ends=True)
    step(model, street, np.full(6, 80.0), works=(work,), weather=RAIN)
    for name, part in before.items():
        np.testing.assert_array_equal(getattr(street, name), part)
    assert len(street.watches) == 0


BARE = {
    "no stations": {"stations": {}},
    "no cameras": {"cameras": {}},
    "no crews": {"crews": {}},
    "no sites": {"sites": {}, "cameras": {}},
    "nothing but streets": {"stations": {}, "sites": {}, "cameras": {}, "crews": {}},
}


@pytest.mark.parametrize("lacks", BARE)
@pytest.mark.parametrize("weather", [CALM, UNKNOWN_WIND], ids=["wind", "no wind"])
def test_a_bare_district_has_its_minutes_too(street, lacks, weather):
    """Whatever a district lacks, the model says something finite of every kerb."""
    model = model_of(replace(street, **BARE[lacks]))
    now = start(model)
    stations = len(model.ground.own)
    for _ in range(5):
        now, was = step(model, now, np.full(stations, 70.0), weather=weather)
    assert was.kerb.shape == (4, 20)
    assert was.given.shape == (4, 1 + len(model.ground.sites))
    assert np.isfinite(was.kerb).all()
    assert (was.kerb > 0).all()
    assert was.sees.shape == (stations,)


def test_who_brings_the_dust_adds_up(model):
    """The street's own and each site's, together what the kerb has."""
    later = lived(model, start(model), 30, dirty=np.array([2]))
    _, was = step(model, later)
    np.testing.assert_allclose(was.given.sum(axis=1), was.kerb.mean(axis=1), rtol=0.1)
    assert was.given[1, 1] > was.given[3, 1]


def test_mud_that_was_reported_is_believed_where_too_little_was_known(model):
    """The load rises towards what mud must be, by less where the model is sure, and on no other
    street; where more lies than that already, the report changes nothing."""
    clean = with_rows(start(model), model.parts.silt, np.log(0.2))
    clean.x[model.parts.silt][1] += np.linspace(-1, 1, clean.x.shape[1]).astype(np.float32)
    said, unsaid = (step(model, clean, mud=mud)[0] for mud in ((1,), ()))
    ratio = mean_load(model, said) / mean_load(model, unsaid)
    assert ratio[1] > 1.5
    assert ratio[[0, 2, 3]] == pytest.approx(1.0)
    soiled = with_rows(start(model), model.parts.silt, np.log(4.0))
    said, unsaid = (step(model, soiled, mud=mud)[0] for mud in ((1,), ()))
    assert np.array_equal(said.x, unsaid.x)


def test_how_often_crews_come_is_remembered_for_a_shift(model):
    """An order a minute is told as one, however long the memory has been filled; nobody comes in
    the end where nobody came for days."""
    work = Treating("O1", 2, 0, 1.0, 0.5, ends=False)
    state = start(model)
    for _ in range(30):
        state, _ = step(model, state, works=(work,))
    often = state.served / state.lived
    assert often[0, 2] == pytest.approx(1.0)
    assert often.sum() == pytest.approx(1.0)
