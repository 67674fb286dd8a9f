"""Three hours on: quantiles, chances, and what a treatment now would spare."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.street.members import TREATMENTS
from analytics.street.model import HOLDS_MM, Street
from analytics.street.outlook import HORIZONS_MIN, QUANTILES, Outlook, outlook
from tests.analytics.street_minutes import CALM, NOON, lived, model_of

LIMITS = (20.0, 80.0, 160.0)
WEST = replace(CALM, wind_from_deg=270.0)


def with_trucks(district, per_day=2000.0, residents=100):
    """The same with trucks and people on every segment."""
    return replace(
        district,
        segments={
            name: replace(s, heavy_trucks_per_day=per_day, residents=residents)
            for name, s in district.segments.items()
        },
    )


@pytest.fixture(scope="module")
def busy(street):
    """A street with trucks and people on every segment."""
    return with_trucks(street)


@pytest.fixture(scope="module")
def model(busy):
    """Of thirty members."""
    return model_of(busy, 30)


def start(model, load_g_m2=None):
    street = Street.start(NOON, model.ground, model.settings)
    if load_g_m2 is None:
        return street
    x = street.x.copy()
    for rows in (model.parts.silt, model.parts.usual):
        x[rows] = np.log(load_g_m2)
    return replace(street, x=x)


def ahead(model, street, district, weather=WEST, limits=LIMITS) -> Outlook:
    return outlook(model, street, weather, limits, district.timezone)


def parts(of: Any) -> Iterator[Any]:
    """Every number and array of an outlook, those of what lies on the street too."""
    for field in fields(of):
        part = getattr(of, field.name)
        if is_dataclass(part):
            yield from parts(part)
        else:
            yield part


weathers = st.builds(
    lambda wind, deg: replace(CALM, wind_ms=wind, wind_from_deg=deg),
    st.floats(0, 12) | st.just(float("nan")),
    st.floats(0, 360) | st.just(float("nan")),
)


@settings(max_examples=15)
@given(
    load=st.floats(0.01, 15.0),
    film=st.floats(0, HOLDS_MM),
    weather=weathers,
    lately=st.floats(0, 300),
    limits=st.lists(st.floats(1, 500), max_size=4, unique=True).map(sorted),
)
def test_quantiles_are_ordered_and_chances_are_chances(
    model, busy, load, film, weather, lately, limits
):
    """Of any street: quantiles rise, chances fall with the limit and rise with the horizon, and
    nothing spares more dust than there is."""
    street = start(model, load)
    street = replace(
        street,
        film=np.full_like(street.film, film),
        recent=np.full_like(street.recent, lately),
    )
    got = ahead(model, street, busy, weather, tuple(limits))
    assert got.minute == NOON
    assert got.quantiles.shape == (len(HORIZONS_MIN), len(QUANTILES), 4)
    assert got.chance.shape == (len(HORIZONS_MIN), len(limits), 4)
    assert got.worth.shape == got.worth_sd.shape == (len(TREATMENTS), 4)
    assert all(np.isfinite(part).all() for part in parts(got))
    assert (got.quantiles >= 0).all()
    assert (np.diff(got.quantiles, axis=1) >= 0).all()
    assert ((got.chance >= 0) & (got.chance <= 1)).all()
    assert (np.diff(got.chance, axis=1) <= 0).all()
    assert (np.diff(got.chance, axis=0) >= 0).all()
    assert (got.dose >= 0).all()
    assert (got.worth <= got.dose + 1e-9).all()
    assert (got.worth_sd >= 0).all()


@pytest.mark.parametrize("weather", [WEST, replace(CALM, wind_from_deg=float("nan"))])
def test_the_same_state_has_one_outlook_and_keeps_it(model, busy, weather):
    """Asked twice, the answer is the same to the last bit, and the state is as it was."""
    street = lived(model, start(model), 3)
    before = {
        name: np.copy(getattr(street, name)) for name in Street.__slots__ if name != "watches"
    }
    first, second = ahead(model, street, busy, weather), ahead(model, street, busy, weather)
    for one, other in zip(parts(first), parts(second), strict=True):
        np.testing.assert_array_equal(one, other)
    for name, part in before.items():
        np.testing.assert_array_equal(getattr(street, name), part)


def test_what_comes_next_goes_on_from_what_is(model, busy):
    """A dustier street is dustier for the hours to come."""
    low, high = (ahead(model, start(model, load), busy) for load in (0.2, 2.0))
    assert (high.quantiles[:, 2] > 2 * low.quantiles[:, 2]).all()
    assert (high.chance >= low.chance).all()
    assert (high.dose > low.dose).all()


def test_an_hour_ahead_has_the_dust_of_the_minutes_before(model, busy):
    """A street that goes on as it is has the increment that its minutes have."""
    street = start(model, 1.0)
    lately = lived(model, street, 60, heavy=model.ground.heavy_per_day * 1.3 / 1440)
    got = ahead(model, lately, busy, CALM)
    now = lately.recent[-30:].mean(axis=0)
    assert (got.quantiles[1, 0] < 1.5 * now).all()
    assert (got.quantiles[1, -1] > now / 1.5).all()


def test_the_hour_behind_counts_for_the_hour_ahead(model, busy):
    """What three quarters of the hour were already raises the odds that it passes, in the first
    quarter most."""
    street = start(model, 0.4)
    loud = replace(street, recent=np.full_like(street.recent, 200.0))
    quiet = replace(street, recent=np.zeros_like(street.recent))
    was_loud, was_quiet = (ahead(model, s, busy, limits=(120.0,)) for s in (loud, quiet))
    assert (was_loud.chance[0] > 0.9).all()
    assert (was_quiet.chance[0] < 0.1).all()
    np.testing.assert_allclose(was_loud.quantiles[[0, 1, 2]], was_quiet.quantiles[[0, 1, 2]])


def test_a_wash_of_a_dusty_street_beside_homes_is_worth_it(model, busy):
    """More than of a clean one and less than all of its dust; each treatment that takes more is
    worth more, and a wet street gains less by water."""
    dusty, clean = (ahead(model, start(model, load), busy) for load in (3.0, 0.05))
    wash = TREATMENTS.index("wash")
    assert (dusty.worth[wash] > 0.1 * dusty.dose).all()
    assert (dusty.worth[wash] < dusty.dose).all()
    assert (dusty.worth[wash] > 5 * clean.worth[wash]).all()
    assert (dusty.worth[TREATMENTS.index("heavy_clean")] > dusty.worth[wash]).all()
    assert (dusty.worth[wash] > dusty.worth[TREATMENTS.index("sweep")]).all()
    street = start(model, 3.0)
    wet = replace(street, film=np.full_like(street.film, HOLDS_MM))
    assert (ahead(model, wet, busy).worth[wash] < dusty.worth[wash]).all()


def test_where_nobody_lives_nothing_is_worth_anything(street):
    """Dust that no resident breathes."""
    empty = with_trucks(street, residents=0)
    model = model_of(empty, 20)
    got = ahead(model, start(model, 3.0), empty)
    assert (got.worth == 0).all()
    assert (got.dose == 0).all()
    assert (got.quantiles[0, 2] > 0).all()


def test_twice_the_homes_twice_the_worth(street):
    """Person-hours are linear in persons."""
    one, two = (
        ahead(model, start(model, 1.0), district)
        for district in (with_trucks(street, residents=50), with_trucks(street, residents=100))
        for model in [model_of(district, 20)]
    )
    np.testing.assert_allclose(two.worth, 2 * one.worth, rtol=1e-4)


def test_where_nothing_lies_a_sweep_spares_nothing(street):
    """Without silt and trucks that bring some."""
    deserted = with_trucks(replace(street, sites={}, cameras={}))
    model = model_of(deserted, 20)
    clean, dusty = (ahead(model, start(model, load), deserted) for load in (0.001, 1.0))
    assert (clean.dose < 0.02 * dusty.dose).all()
    assert (clean.worth < 0.02 * dusty.worth[0]).all()
    sweep = TREATMENTS.index("sweep")
    assert (np.abs(clean.worth[sweep]) < 0.02 * clean.dose).all()


def test_an_empty_road_gives_off_nothing(street):
    """No vehicles, no dust of the street's own to come, and nothing to spare."""
    silent = with_trucks(street, per_day=0.0)
    model = model_of(silent, 20, light_per_lane_day=0.0)
    got = ahead(model, start(model, 3.0), silent)
    assert got.dose == pytest.approx(0.0)
    assert got.worth == pytest.approx(0.0)


BARE = {
    "no stations": {"stations": {}},
    "no crews": {"crews": {}},
    "no sites": {"sites": {}, "cameras": {}},
    "nothing but streets": {"stations": {}, "sites": {}, "cameras": {}, "crews": {}},
}


@pytest.mark.parametrize("lacks", BARE)
def test_a_bare_district_has_an_outlook(busy, lacks):
    """Whatever a district lacks."""
    bare = replace(busy, **BARE[lacks])
    model = model_of(bare, 20)
    got = ahead(model, start(model), bare)
    assert all(np.isfinite(part).all() for part in parts(got))
    assert (got.worth[0] > 0).all()


def test_too_few_members_for_all_winds_are_enough(street):
    """An ensemble smaller than the number of winds it is spread over has an outlook, too."""
    model = model_of(with_trucks(street), 3)
    got = ahead(model, start(model), street)
    assert np.isfinite(got.quantiles).all()
