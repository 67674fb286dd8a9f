import numpy as np
import pytest

from analytics.gains import GainState, gains
from analytics.settings import GainSettings

SETTINGS = GainSettings()
MINUTES, STATIONS = 900, 6


def air(seed=1, *, gain=None, street=None):
    """PM10 and PM2.5 (T, S) of stations with the gain (T, S) and the street's dust (T, S)."""
    rng = np.random.default_rng(seed)
    shape = (MINUTES, STATIONS)
    blown10 = 50 + 10 * np.sin(np.arange(MINUTES) / 200)
    blown25 = 0.55 * blown10
    own = np.exp(rng.normal(0, 0.08, STATIONS))
    dust = rng.gamma(1.0, 8.0, shape) if street is None else street
    noise = 1 + rng.normal(0, 0.03, (2, *shape))
    factor = own * (1.0 if gain is None else gain)
    pm10 = factor * (blown10[:, None] + dust) * noise[0]
    pm25 = factor * (blown25[:, None] + 0.24 * dust) * noise[1]
    return pm10, pm25, blown10, blown25


def judged(*args, **kwargs):
    return gains(GainState.start(STATIONS), *air(*args, **kwargs), SETTINGS)[1:]


def test_own_gains_and_dust_are_no_drift():
    """Stations that always read a little more or less, beside a dusty street, are believed."""
    assert not judged()[0].any()


def test_a_failing_gate_is_no_drift():
    """Four times as much dust beside one station for hours is the street's."""
    street = np.random.default_rng(2).gamma(1.0, 8.0, (MINUTES, STATIONS))
    street[300:700, 2] += 160.0
    assert not judged(street=street)[0].any()


@pytest.mark.parametrize("by", [0.7, 1.4])
def test_a_gain_that_drifts_is_found_and_named(by):
    """A gain that goes to 0.7 or 1.4 of what it was is off before it is there, and by about how
    much is said; no other station is blamed."""
    gain = np.ones((MINUTES, STATIONS))
    gain[300:700, 4] = np.linspace(1.0, by, 400)
    gain[700:, 4] = by
    off, factor = judged(gain=gain)
    assert not off[:300].any()
    assert off[700:, 4].all()
    assert not np.delete(off, 4, axis=1).any()
    assert factor[-1, 4] == pytest.approx(by, rel=0.1)


def test_haze_that_is_misjudged_blames_nobody():
    """Where all stations read a third more than what is said to blow in, none has drifted."""
    gain = np.ones((MINUTES, STATIONS))
    gain[400:] = 1.33
    off, _ = judged(gain=gain)
    assert not off.any()


def test_without_fine_dust_in_the_air_nothing_is_said():
    """Where what blows in is as coarse as the street's dust, no gain can be told."""
    pm10, pm25, blown10, _ = air()
    off, factor = gains(
        GainState.start(STATIONS), pm10, pm25, blown10, 0.25 * blown10, SETTINGS
    )[1:]  # fmt: skip
    assert not off.any()
    assert (factor == 1.0).all()
