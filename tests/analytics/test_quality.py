import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.quality import (
    FAIL,
    GOOD,
    MISSING,
    SUSPECT,
    TESTS,
    QualityState,
    check,
    reason,
)
from analytics.readings import COLUMNS, PM10, PM25, TEMP, TSP, WIND_DIR, WIND_SPEED, Readings
from analytics.settings import STATION_KINDS, QualitySettings

SETTINGS = QualitySettings()
NAN = float("nan")
MINUTE_MS = 60_000
ROAD, SITE, AWAY = range(len(STATION_KINDS))


def readings(pm10, pm25=None, tsp=None, status="N", station=None, every_min=1, after=0):
    """One reading a minute of one station, unless told otherwise."""
    n = len(pm10)
    values = np.full((n, len(COLUMNS)), NAN)
    values[:, PM10] = pm10
    if pm25 is not None:
        values[:, PM25] = pm25
    if tsp is not None:
        values[:, TSP] = tsp
    return Readings(
        np.zeros(n, np.int64) if station is None else np.array(station),
        (after + 1 + np.arange(n, dtype=np.int64)) * every_min * MINUTE_MS,
        values,
        np.array([ord(c) for c in status * n][:n], np.int64),
    )


def checked(given, stations=1, kinds=None, cuts=(), upto=None):
    """Flags (n, 3, tests) and numbers of all readings, worked out in blocks that end at `cuts`."""
    minute = -(-given.ts_ms // MINUTE_MS)
    last = int(minute.max()) if upto is None else upto
    state, tail, after = QualityState.start(stations), Readings.none(), 0
    kinds = np.full(stations, ROAD) if kinds is None else np.array(kinds)
    flags = np.ones((len(given), 3, len(TESTS)), np.int8)
    flags[np.isnan(given.values[:, (PM10, PM25, TSP)])] = MISSING
    numbers = np.full(flags.shape, NAN, np.float32)
    for end in sorted({*cuts, last}):
        block = given[(minute > after) & (minute <= end)]
        state, found = check(state, tail, block, kinds, SETTINGS, after=after, upto=end)
        tail, after = found.readings.tail(), end
        for one in range(len(found.flagged)):
            row = (given.station == found.flagged.station[one]) & (
                given.ts_ms == found.flagged.ts_ms[one]
            )
            flags[row], numbers[row] = found.flags[one], found.numbers[one]
    return state, flags, numbers


def flags(test, *args, quantity=0, **kwargs):
    """Flags of one quantity by one test."""
    return checked(readings(*args, **kwargs))[1][:, quantity, TESTS.index(test)].tolist()


def steady(n, level=60.0, seed=1):
    """Values as a monitor gives them, with a tenth's resolution."""
    return np.round(level + np.random.default_rng(seed).normal(0, 3, n), 1)


def test_range_fails_what_no_monitor_can_mean():
    """Negative values, the end of the range and loggers' markers fail; large true ones pass."""
    assert flags("range", [-1, 0, 4999, 5000, 9999, -999, 999]) == [
        FAIL, GOOD, GOOD, FAIL, FAIL, FAIL, FAIL,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "flag"),
    [("N", GOOD), ("S", GOOD), ("F", FAIL), ("M", FAIL), ("D", FAIL), ("C", FAIL), ("T", FAIL),
     ("B", FAIL)],
)  # fmt: skip
def test_status_of_the_device_is_believed(status, flag):
    """Only normal and manual readings count."""
    assert flags("status", [50.0], status=status) == [flag]


def test_order_of_sizes_flags_both_of_a_contradiction():
    """PM2.5 clearly above PM10 makes both suspect, PM10 above TSP makes PM10 and TSP suspect."""
    found = checked(readings([50, 50, 300], [60, 51, 20], [90, 90, 200]))[1]
    order = found[:, :, TESTS.index("order")]
    assert order.tolist() == [
        [SUSPECT, SUSPECT, GOOD],
        [GOOD, GOOD, GOOD],
        [SUSPECT, GOOD, SUSPECT],
    ]


def test_order_blames_the_one_that_left_its_usual_value():
    """PM2.5 that jumps over a steady PM10 is suspect alone."""
    pm10, pm25 = [50, 52, 49, 51, 50, 52], [25, 26, 24, 25, 26, 80]
    assert flags("order", pm10, pm25) == [GOOD] * 6
    assert flags("order", pm10, pm25, quantity=1) == [GOOD] * 5 + [SUSPECT]


def test_flat_line_is_found_sooner_where_values_never_repeat():
    """After a day of tenths that move, three equal readings of all channels are too many."""
    moving, stuck = 1200, [70.0] * 5
    pm10, pm25, tsp = (
        np.append(steady(moving, level, seed), np.array(stuck) * level / 60)
        for seed, level in ((1, 60.0), (2, 30.0), (3, 120.0))
    )
    found = flags("flat", pm10, pm25, tsp)
    assert found == [GOOD] * 1202 + [FAIL] * 3


def test_flat_line_waits_where_values_often_repeat():
    """Whole numbers of calm air repeat by chance: six equal ones pass, thirty do not."""
    rng = np.random.default_rng(5)
    calm = 12 + rng.integers(0, 3, 600)
    run = np.append(calm, [20] * 30)
    found = flags("flat", run)
    assert found[:606] == [GOOD] * 606
    assert found[-1] == FAIL


def test_being_stuck_for_long_does_not_become_usual():
    """A second stuck spell is found as soon as the first."""
    spell, moving = [70.0] * 200, steady(100)
    pm10 = np.concatenate((moving, spell, moving[::-1], spell))
    found = np.array(flags("flat", pm10, pm10 / 2, pm10 * 2))
    first, second = np.flatnonzero(found[:300] == FAIL)[0], np.flatnonzero(found[400:] == FAIL)[0]
    assert second <= first - 100
    assert (found[100 + 5 : 300] == FAIL).all()


def test_zeros_and_other_stations_are_not_stuck():
    """Zero may last in clean air, and a run does not go over from one station to the next."""
    assert flags("flat", [0.0] * 40) == [GOOD] * 40
    both = readings([70.0] * 4, station=[0] * 2 + [1] * 2)
    assert (checked(both, stations=2)[1][:, 0, TESTS.index("flat")] == GOOD).all()


def test_zero_beside_dust_is_a_dead_channel():
    """PM2.5 of zero for hours in which PM10 is high fails, PM10 does not."""
    pm10 = steady(60)
    dead = np.append(steady(30, 30.0, 2), np.zeros(30))
    assert flags("flat", pm10, dead, quantity=1)[45:] == [FAIL] * 15
    assert flags("flat", pm10, dead) == [GOOD] * 60


def test_spike_is_a_jump_that_no_fine_dust_bears_out():
    """A jump of PM10 and TSP without PM2.5 is suspect, what follows is not, and PM2.5 stays."""
    pm10, pm25 = [60, 62, 61, 63, 60, 900, 64], [30, 31, 30, 32, 30, 31, 32]
    tsp = [120, 124, 122, 126, 120, 1260, 128]
    assert flags("spike", pm10, pm25, tsp) == [GOOD] * 5 + [SUSPECT, GOOD]
    assert flags("spike", pm10, pm25, tsp, quantity=2) == [GOOD] * 5 + [SUSPECT, GOOD]
    assert flags("spike", pm10, pm25, tsp, quantity=1) == [GOOD] * 7


def test_a_plume_is_no_spike():
    """A jump that PM2.5 shares passes, and so does the second reading of a lasting one."""
    assert flags("spike", [60, 62, 61, 63, 60, 500, 400], [30, 31, 30, 32, 30, 110, 90]) == (
        [GOOD] * 7
    )
    assert flags("spike", [60, 62, 61, 63, 60, 900, 800, 850]) == (
        [GOOD] * 5 + [SUSPECT, GOOD, GOOD]
    )


def test_an_hour_may_jump():
    """Hourly means rise tenfold where there are road works, and are believed without PM2.5 too."""
    assert flags("spike", [20, 31, 26, 20, 31, 801, 220], every_min=60) == [GOOD] * 7


def test_what_all_stations_see_at_once_is_air():
    """The same jump at five stations in one minute passes."""
    pm10 = np.array([60, 62, 61, 63, 60, 500.0, 64])
    one = readings(np.tile(pm10, 5), station=np.repeat(np.arange(5), 7))
    one.ts_ms[:] = np.tile((1 + np.arange(7)) * MINUTE_MS, 5)
    spikes = checked(one, stations=5)[1][:, 0, TESTS.index("spike")]
    assert (spikes == GOOD).all()


def test_rate_knows_the_kind_of_station():
    """Air away from streets does not rise by 900 in a minute; beside a road it may."""
    given = readings([60, 62, 61, 1000, 64])
    column = TESTS.index("rate")
    assert checked(given, kinds=[AWAY])[1][:, 0, column].tolist() == [GOOD] * 3 + [SUSPECT, GOOD]
    assert checked(given, kinds=[ROAD])[1][:, 0, column].tolist() == [GOOD] * 5


def two_days(replay):
    """Two days of one station; of the second, the hours `replay` (from, to) are the first's."""
    pm10 = steady(2880)
    begin, end = (1440 + 60 * hour for hour in replay)
    pm10[begin:end] = pm10[begin - 1440 : end - 1440]
    return pm10, begin, end


def test_a_replayed_day_is_found_within_a_quarter_hour_or_two():
    """Yesterday's values at yesterday's minutes are suspect until they end, others never."""
    pm10, begin, end = two_days((5, 9))
    found = np.array(flags("repeat", pm10))
    assert (found[:begin] == GOOD).all()
    assert (found[begin + 30 : end] == SUSPECT).all()
    assert (found[end + 15 :] == GOOD).all()


def test_a_dead_channel_is_told_from_clean_air():
    """A channel far under what blows in is suspect after ten minutes; clean air everywhere is
    not."""
    n, stations = 60, 6
    rng = np.random.default_rng(3)
    level = np.round(50 + rng.normal(0, 2, (stations, n)), 1)
    dead = level.copy()
    dead[2, 20:] = np.round(3 + rng.normal(0, 0.5, n - 20), 1)
    clean = level.copy()
    clean[:, 20:] = np.round(3 + rng.normal(0, 0.5, (stations, n - 20)), 1)

    def low(values):
        given = readings(values.ravel(), station=np.repeat(np.arange(stations), n))
        given.ts_ms[:] = np.tile((1 + np.arange(n)) * MINUTE_MS, stations)
        kinds = [ROAD] * 4 + [AWAY] * 2
        return checked(given, stations, kinds)[1][:, 0, TESTS.index("low")].reshape(stations, n)

    found = low(dead)
    assert (found[2, 30:] == SUSPECT).all()
    assert (np.delete(found, 2, axis=0) == GOOD).all()
    assert (found[2, :29] == GOOD).all()
    assert (low(clean) == GOOD).all()


def weathered(n, stations, seed, off=None):
    """Minutes of stations that share the wind; `off` (station, from, to, minutes ahead)."""
    rng = np.random.default_rng(seed)
    wander, gust = np.zeros(n), np.zeros(n)
    for t in range(1, n):
        wander[t] = 0.8 * wander[t - 1] + rng.normal(0, 9)
        gust[t] = 0.98 * gust[t - 1] + rng.normal(0, 0.07)
    shape = (stations, n)
    values = np.full((*shape, len(COLUMNS)), NAN)
    values[..., PM10] = np.round(60 + rng.normal(0, 3, shape), 1)
    values[..., PM25] = np.round(values[..., PM10] * rng.uniform(0.45, 0.5, shape), 1)
    # Each vane is turned, each cup has its own friction.
    turned, friction = rng.uniform(-40, 40, (stations, 1)), rng.uniform(0.5, 1.0, (stations, 1))
    values[..., WIND_DIR] = np.round(90 + wander + turned + rng.normal(0, 5, shape)) % 360
    values[..., WIND_SPEED] = np.round(
        friction * 3 * np.exp(gust) * (1 + rng.normal(0, 0.06, shape)), 1
    )
    values[..., TEMP] = np.round(20 + rng.normal(0, 0.1, shape), 1)
    minute = np.tile(np.arange(1, n + 1), (stations, 1))
    if off is not None:
        station, begin, end, ahead = off
        minute[station, begin:end] += ahead
    given = Readings(
        np.repeat(np.arange(stations), n),
        minute.ravel() * MINUTE_MS,
        values.reshape(-1, len(COLUMNS)),
        np.full(stations * n, ord("N")),
    )
    # Of two readings for one time the store keeps the first that came.
    _, first = np.unique(given.station * 10**12 + given.ts_ms, return_index=True)
    taken = np.tile(np.arange(1, n + 1), stations)
    wrong = minute.ravel() != taken
    return given[first], wrong[first]


@pytest.mark.parametrize("ahead", [-33, -18, -4, 5, 9])
def test_a_wrong_clock_is_told_from_a_right_one(ahead):
    """Nine tenths of what a clock 4 to 33 minutes off stamps are suspect, one in 200 of the rest
    at most, and by how much it is off is named."""
    given, wrong = weathered(900, 8, 2, off=(3, 400, 650, ahead))
    _, found, numbers = checked(given, stations=8, upto=900)
    column = TESTS.index("clock")
    suspect = found[:, 0, column] == SUSPECT
    assert suspect[wrong].mean() > 0.9
    assert suspect[~wrong].mean() < 0.01
    named = numbers[wrong & suspect, 0, column]
    assert np.nanmedian(named) == ahead


def test_a_vane_that_breaks_is_not_held_against_the_clock_for_long():
    """A vane that turns no more makes its station's readings suspect for little more than an
    hour a day."""
    given, _ = weathered(900, 8, 2)
    broken = (given.station == 3) & (given.ts_ms > 400 * MINUTE_MS)
    given.values[broken, WIND_DIR] = 12.0
    _, found, _ = checked(given, stations=8)
    suspect = found[:, 0, TESTS.index("clock")] == SUSPECT
    assert suspect.sum() <= 90
    assert not suspect[~broken].any()


def test_a_reading_between_two_times_lies_on_another_clock():
    """Once a minute, and suddenly one five seconds after another: one of them is wrong."""
    given = readings([60.0] * 8)
    given.ts_ms[-1] = given.ts_ms[-2] + 5_000
    found = checked(given)[1][:, 0, TESTS.index("clock")]
    assert found.tolist() == [GOOD] * 7 + [SUSPECT]


def test_readings_after_an_outage_lie_on_their_own_clock():
    """After hours of silence the next readings come as soon as ever."""
    given = readings([60.0] * 12)
    given.ts_ms[6:] += 600 * MINUTE_MS
    assert (checked(given)[1][:, 0, TESTS.index("clock")] == GOOD).all()


def test_what_is_missing_is_neither_good_nor_bad():
    """A quantity that was not sent is missing in every test."""
    assert set(checked(readings([50.0]))[1][0, 1].tolist()) == {MISSING}


def troubled(seed):
    """Five hours of six stations with every fault there is."""
    given, _ = weathered(300, 6, seed, off=(1, 120, 220, -7))
    rng = np.random.default_rng(seed)
    values = given.values
    values[:, TSP] = values[:, PM10] * 2
    stuck = (given.station == 2) & (given.ts_ms > 100 * MINUTE_MS) & (given.ts_ms < 140 * MINUTE_MS)
    values[stuck, PM10 : TSP + 1] = values[np.flatnonzero(stuck)[0], PM10 : TSP + 1]
    low = (given.station == 4) & (given.ts_ms > 200 * MINUTE_MS)
    values[low, PM10] /= 10
    spikes = rng.random(len(given)) < 0.01
    values[spikes, PM10] += 500
    return given[rng.random(len(given)) > 0.05]


TROUBLED = {seed: troubled(seed) for seed in (1, 2)}
WHOLE = {seed: checked(given, 6, upto=300) for seed, given in TROUBLED.items()}


def test_the_troubled_hours_are_worth_cutting():
    """Each test that looks back has something to find in them."""
    found = np.concatenate([flags for _, flags, _ in WHOLE.values()])
    seen = {TESTS[t] for t in np.unique(np.nonzero((found == SUSPECT) | (found == FAIL))[2])}
    assert {"flat", "spike", "low", "clock"} <= seen


@settings(max_examples=20, deadline=None)
@given(seed=st.sampled_from(sorted(TROUBLED)), cuts=st.sets(st.integers(1, 299), max_size=30))
def test_how_time_is_cut_does_not_matter(seed, cuts):
    """Any cutting into blocks gives the same flags, numbers and state, bit for bit."""
    state, flags, numbers = checked(TROUBLED[seed], 6, cuts=cuts, upto=300)
    assert (flags == WHOLE[seed][1]).all()
    assert np.array_equal(numbers, WHOLE[seed][2], equal_nan=True)
    whole = WHOLE[seed][0].arrays()
    for name, part in state.arrays().items():
        assert np.array_equal(part, whole[name], equal_nan=part.dtype.kind == "f"), name


@given(upto=st.integers(30, 299), seed=st.sampled_from(sorted(TROUBLED)))
@settings(max_examples=10, deadline=None)
def test_later_readings_change_no_flag(upto, seed):
    """What was said of a minute without knowing the next ones stays."""
    given = TROUBLED[seed]
    early = given.ts_ms <= upto * MINUTE_MS
    assert (checked(given[early], 6, upto=upto)[1] == WHOLE[seed][1][early]).all()


def test_a_state_survives_being_kept():
    """What a checkpoint gives back goes on as if nothing had been."""
    kept = WHOLE[1][0].arrays()
    again = QualityState.of({name: np.array(part) for name, part in kept.items()}).arrays()
    assert again.keys() == kept.keys()
    assert all((again[name] is not kept[name]) for name in kept)


@pytest.mark.parametrize("test", TESTS)
def test_every_reason_has_words_and_numbers(test):
    """Each flag is explained in both languages, with the value or the number behind it."""
    number = float(ord("D")) if test == "status" else 17.0
    zh, en = (reason(test, 812.5, number, language) for language in ("zh-CN", "en"))
    assert zh != en
    assert any(sign in en for sign in ("812.5", "17", " D"))
    assert any(sign in zh for sign in ("812.5", "17", " D"))
