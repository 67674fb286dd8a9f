"""A minute of the street: the physics moves every member on, then the stations correct them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from analytics.street import traffic
from analytics.street.dispersion import stability
from analytics.street.ground import Ground
from analytics.street.members import THETA, TREATMENTS, Parts, heed, mean_of, moments, normals
from analytics.street.settings import StreetSettings
from analytics.street.watches import Effect, Watches
from analytics.street.weather import Weather, drying_mm_h

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

K_PM10, K_SILT = 0.62, 3.23
"""g per vehicle-km of PM10, and of everything up to 75 µm (AP-42 13.2.1, table 1)."""
ESCAPE = 0.6
"""Of the dust raised, the share that leaves the street."""
TYRES = 0.0006
"""Of a street's silt, what one heavy truck carries away."""
SPRAY = 0.003
"""Of a film, what one heavy truck sprays away."""
HOLDS_MM = 1.0
RAIN_SHARE = 0.2
"""Of the silt, what a millimetre of rain flushes away."""
HALF_SOILED = 0.35
"""g/m² at which a treatment takes half of the share that it takes off a soiled street."""
WETS = np.array([True, False, True, True, True])
"""Treatments, in their order, whose water stays on the street."""
MIST_MIN = 25.0
MIST = 0.3
"""Of the dust, what a fog cannon's mist holds down; it fades over MIST_MIN (ACP 23:6775)."""
SWEEPING = 1.3
"""Sweeping raises dust while it lasts (Huang 2014)."""
LEAST_READ = np.float32(0.5)
DIGITS = 0.7
SERVED_MIN = 480.0
"""How often crews come is a fading mean over this time: a shift."""
SLOW_MIN = 10
"""What takes days to change is moved on every so many minutes."""
LEAST_SILT = np.float32(np.log(1e-3))
LEAST_TRACKED = np.float32(np.log(1e-4))


@dataclass(frozen=True, slots=True)
class Treating:
    """What a crew does to a street in a minute: a share of its length, litres on each m²; `ends`
    is the minute in which the order was reported done."""

    order: str
    segment: int
    treatment: int
    share: float
    water_mm: float
    ends: bool


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a minute brings besides readings.

    heavy, light: (M,) vehicles to expect; busy_hour: trucks in a minute for one a day; counted:
    (M,) trucks that cameras saw; dirty, idle: (K,) flags of unwashed trucks and idle wheel washes;
    watched: (K,) whether somebody watches the gate; mud: segments reported as muddy.
    """

    minute: int
    weather: Weather
    heavy: Floats
    light: Floats
    busy_hour: float
    counted: NDArray[np.int64]
    dirty: NDArray[np.int64]
    idle: NDArray[np.int64]
    watched: NDArray[np.bool_]
    mud: tuple[int, ...]
    works: tuple[Treating, ...]


@dataclass(frozen=True, slots=True)
class Street:
    """The state after `minute`; rows of `x` as `Parts` says, `film` (M, N) mm.

    counted, expected: (M,) fading sums of trucks at cameras, seen_at their last word; failing: (K,)
    log-odds that a wheel wash fails; mist: (M,) share of dust held down; recent: (60, M) µg/m³ that
    the model gave for each kerb in the last hour, the newest last; served: (treatments, M) how
    often a minute crews have lately come, and lived, the share of that memory that is filled;
    watches: orders whose effect is being followed.
    """

    minute: int
    x: Rows
    film: Rows
    counted: Floats
    expected: Floats
    seen_at: Ints
    failing: Floats
    mist: Floats
    recent: Rows
    served: Floats
    lived: float
    watches: Watches

    @classmethod
    def start(cls, minute: int, ground: Ground, settings: StreetSettings) -> "Street":
        """Nothing known before `minute` but what is usual elsewhere."""
        parts, n = Parts.of(ground), settings.members
        rng = np.random.default_rng((settings.seed, 0))
        x = rng.standard_normal((parts.count, n)).astype(np.float32)
        m = len(ground.segments)
        usual = np.log(settings.silt_g_m2) + settings.silt_spread * (ground.alike @ x[parts.usual])
        x[parts.usual] = usual
        x[parts.silt] = usual + 0.3 * (ground.alike @ x[parts.silt])
        x[parts.soil] = _soil_clean(ground, settings)[:, None] + 0.6 * x[parts.soil]
        x[parts.haul] *= np.float32(settings.haul_spread)
        x[parts.tracked] = LEAST_TRACKED + 3 + 0.5 * x[parts.tracked]
        x[parts.plume] = np.log(settings.plume_g_s) + 0.8 * x[parts.plume]
        x[parts.burst] = 0.0
        x[parts.gain] *= settings.gain_spread
        x[parts.swell] = settings.swell + settings.swell_spread * x[parts.swell]
        x[parts.local] *= settings.local_spread
        x[parts.theta] = theta_prior(settings)[0][:, None] + (
            theta_prior(settings)[1][:, None] * x[parts.theta]
        )
        x[parts.back] = np.log(settings.background_ug_m3) + 0.7 * x[parts.back]
        _centre(x, parts)
        return cls(
            minute=minute,
            x=x,
            film=np.zeros((m, n), np.float32),
            counted=np.zeros(m),
            expected=np.zeros(m),
            seen_at=np.full(m, -(10**9), np.int64),
            failing=np.full(len(ground.sites), -3.0),
            mist=np.zeros(m),
            recent=np.zeros((60, m), np.float32),
            served=np.zeros((len(TREATMENTS), m)),
            lived=0.0,
            watches=Watches.none(n),
        )


def _centre(x: Rows, parts: Parts) -> None:
    """Instruments are right on the mean before anything is known."""
    for part in (parts.gain, parts.local):
        x[part] -= x[part].mean(axis=1, keepdims=True)


def theta_prior(settings: StreetSettings) -> tuple[Rows, Rows]:
    """Means and standard deviations of the shared parameters."""
    share = np.array([settings.removes[name] for name in TREATMENTS])
    mean = np.concatenate((np.zeros(len(THETA) - len(TREATMENTS)), np.log(share / (1 - share))))
    spread = np.concatenate((np.array([0.4, 0.3, 0.3]), np.full(len(TREATMENTS), 0.5)))
    return mean.astype(np.float32), spread.astype(np.float32)


def _soil_clean(ground: Ground, settings: StreetSettings) -> Floats:
    return np.log(np.where(ground.muddy, settings.soil_clean_g, settings.soil_paved_g))


def split_renewal(
    lay: tuple[Rows, Rows], after: Rows, rate: Rows, wander: Rows
) -> tuple[Rows, Rows]:
    """(…, N) of a renewal, the factor by which all that lay there wandered and the g/m² that came,
    for a street that differs by a treatment alone: it has the same luck and the same new dust.

    lay: silt and what gates brought, before; after: both together; rate, wander: of the renewal.
    """
    silt, tracked = lay
    total = silt + tracked
    wanders: Rows = (silt * np.exp(wander) + tracked) / total
    return wanders, np.maximum(after - total * wanders * np.exp(-rate), 0)


@dataclass(frozen=True, slots=True)
class Minute:
    """What a minute came to.

    back: (N,) µg/m³ of PM10 that blows in; kerb: (M, N) what streets and sites add at each kerb;
    given: (M, 1 + K) the mean of that by who brought the dust, the streets themselves and each
    site; load: (M, N) g/m² of silt;
    expected, spread: (S,) log PM10 as foreseen before the stations spoke, and its standard
    deviation; reads: (S,) log factor by which each instrument is taken to read high; sees: (S,)
    what a station on a segment feels of the street against what its kerbs do, as the wind stands,
    NaN for the others; effects: of orders whose hour of watching has ended.
    """

    back: Rows
    kerb: Rows
    load: Rows
    given: Floats
    expected: Floats
    spread: Floats
    reads: Floats
    sees: Floats
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Traffic:
    """(M,) heavy trucks in a minute; stirs: g/(m s) of PM10 for 1 g/m² of silt and k = 1; bursts:
    standard deviation of a minute's traffic, relative."""

    heavy: Floats
    stirs: Floats
    bursts: Rows


@dataclass(frozen=True, slots=True)
class Done:
    """What crews and rain did: film (M, N) mm, mist and sweeping (M,); of each watched order, the
    film without it, and the logarithm (N,) of what others left of the silt."""

    film: Rows
    mist: Floats
    sweeping: Floats
    films: Rows
    left: Rows


class Model:
    """The physics and the filter over one district."""

    def __init__(self, ground: Ground, settings: StreetSettings) -> None:
        self.ground, self.settings = ground, settings
        self.parts = Parts.of(ground)
        self._reach = self.parts.reach(ground, settings.theta_reach)
        pairs = len(ground.pair_segment)
        self._gather = csr_array(
            (np.ones(pairs, np.float32), (ground.pair_segment, np.arange(pairs))),
            shape=(len(ground.segments), pairs),
        )
        self._slow = self._drifts()
        self._bounds = self._limits()
        self.soil_clean = _soil_clean(ground, settings).astype(np.float32)
        self._per_area = (ground.pair_share / ground.area_m2[ground.pair_segment]).astype(
            np.float32
        )

    def step(
        self,
        street: Street,
        now: Inputs,
        read: Floats,
        error: Floats,
        swells: Floats,
        plain_background: float = float("nan"),
        anchored: bool = True,
    ) -> tuple[Street, Minute]:
        """The street after minute `now.minute`, which must follow `street.minute`.

        read: (S,) PM10 in µg/m³ of stations that spoke, NaN for the others; error: (S,) relative
        standard deviation of each; swells: (S,) how far humidity lets fine dust swell;
        plain_background: µg/m³ by a plain method; anchored: whether a background station has spoken
        lately: if none has, streets and the plain method tell what blows in.
        """
        parts = self.parts
        x = street.x.copy()
        rng = np.random.Generator(np.random.SFC64((self.settings.seed, now.minute)))
        counted, expected, seen_at = self._count(street, now)
        traffic_now = self.traffic(now, traffic.activity(counted, expected, seen_at, now.minute))
        failing = self._gates(street.failing, now)
        watches = self._watch(street, x, now)
        done = self._treat(street, x, now, watches)
        wet = self.lets_through(x, done.film)
        lay = self.loads(x)
        rate, wander = self.renew(x, rng, wet, traffic_now, now, 1.0)
        watches = self._renew_watches(watches, done, lay, rate, wander, x, traffic_now)
        self.wander(x, rng, failing, now.minute)
        x[parts.burst] = traffic_now.bursts[:, None] * normals(rng, x[parts.burst].shape)
        held = (traffic_now.stirs * (1 - done.mist) * done.sweeping).astype(np.float32)
        table = self.table(now.weather)
        foreseen, by_back = self._foresee(x, table, held[:, None] * wet, now, swells)
        expected_log, differ = moments(foreseen)
        spread = np.hypot(differ, error)
        before = self._watched_load(x, watches)
        spoke = np.flatnonzero(~np.isnan(read))
        if len(spoke):
            self._heed(x, foreseen, by_back, read, error, spoke)
        if not anchored:
            self._anchor(x, plain_background)
        for g in sorted(set(now.mud)):
            self._see_mud(x, g)
        # What the stations teach of a street holds for it without the order, too.
        loads = self.loads(x)
        total = loads[0] + loads[1]
        if len(watches):
            learnt: Rows = total[watches.segment] / before
            watches = replace(watches, load=watches.load * learnt)
        strength = self.strengths(x, total, held[:, None] * wet)
        plumes = self.plumes(x, now)
        stations, segments = len(self.ground.own), len(self.ground.segments)
        kerb = np.float32(1e6) * (
            table[stations:, :segments] @ strength + table[stations:, segments:] @ plumes
        )
        watches, effects = self._felt(watches, x, total, table, kerb, strength, wet, now.minute)
        new = Street(
            minute=now.minute,
            x=x,
            film=done.film,
            counted=counted,
            expected=expected,
            seen_at=seen_at,
            failing=failing,
            mist=done.mist * np.exp(-1 / MIST_MIN),
            recent=np.concatenate((street.recent[1:], mean_of(kerb)[None])),
            served=self._served(street, now),
            lived=1 - (1 - street.lived) * np.exp(-1 / SERVED_MIN),
            watches=watches,
        )
        given = self._given(table[stations:], x, loads, strength, plumes)
        back = np.exp(x[parts.back])
        sees = self._sees(table)
        reads = mean_of(x[parts.gain]).astype(np.float64)
        reads += mean_of(x[parts.swell]) * swells
        return new, Minute(back, kerb, total, given, expected_log, spread, reads, sees, effects)

    def _heed(
        self,
        x: Rows,
        foreseen: Rows,
        by_back: Rows,
        read: Floats,
        error: Floats,
        who: NDArray[np.intp],
    ) -> None:
        """Correct the members by what some stations said."""
        # A monitor's last digit counts where there is hardly any dust.
        digits = DIGITS / np.maximum(np.exp(mean_of(foreseen[who]).astype(np.float64)), 3.0)
        every = len(who) == len(read)
        heed(
            x,
            foreseen[who],
            by_back[who],
            np.log(np.maximum(read[who], 1.0) + LEAST_READ),
            np.hypot(error[who], digits),
            self._reach if every else np.take(self._reach, who, axis=1),
            self.ground.together if every else self.ground.together[np.ix_(who, who)],
            self.parts.back,
            self.ground.background[who],
            # An instrument changes within weeks: what moves faster is the air.
            [
                (self.parts.gain.start + who, self.settings.gain_reach),
                (self.parts.swell.start + who, self.settings.gain_reach),
                (self.parts.local.start + who, 1.0),
            ],
        )
        self._bound(x)

    def _foresee(
        self, x: Rows, table: Rows, held: Rows, now: Inputs, swells: Floats
    ) -> tuple[Rows, Rows]:
        """(S, N) log PM10 that each member foresees at each station, and the background's part of
        its deviation."""
        parts, stations, segments = self.parts, len(self.ground.own), len(self.ground.segments)
        loads = self.loads(x)
        strength = self.strengths(x, loads[0] + loads[1], held)
        local = np.float32(1e6) * (
            table[:stations, :segments] @ strength
            + table[:stations, segments:] @ self.plumes(x, now)
        )
        local *= np.exp(x[parts.local])
        back = np.exp(x[parts.back])
        log_pm10 = np.log(back + local + LEAST_READ) + x[parts.gain]
        log_pm10 += x[parts.swell] * swells[:, None].astype(np.float32)
        share = mean_of(back / (back + local))
        return log_pm10, share[:, None] * (x[parts.back] - x[parts.back].mean())

    def _anchor(self, x: Rows, plain_background: float) -> None:
        """Where only streets are measured, their dust and the background look alike: the plain
        background holds the model's, with the weight of one unsure reading."""
        if np.isnan(plain_background):
            return
        back = x[self.parts.back]
        mean, variance = float(back.mean()), float(back.var())
        said = np.log(max(plain_background, 1.0))
        gain = variance / (variance + self.settings.plain_error**2)
        x[self.parts.back] += np.float32(gain * (said - mean)) - np.float32(gain / 2) * (
            back - np.float32(mean)
        )

    def _see_mud(self, x: Rows, g: int) -> None:
        """Somebody reports mud on a street: at least so much must lie there, and it is asked of the
        silt and of each gate's soil by how unsure they are. Heeded as in `heed`."""
        parts, settings = self.parts, self.settings
        load = np.log(self._load_of(x, g)).astype(np.float64)
        mean, variance = float(load.mean()), float(load.var())
        innovation = np.log(settings.mud_g_m2) - mean
        if innovation <= 0 or variance <= 0:
            return
        pairs = np.flatnonzero(self.ground.pair_segment == g)
        rows = np.append(parts.silt.start + g, parts.tracked.start + pairs)
        away = load - mean
        gain = (x[rows] - mean_of(x[rows])[:, None]) @ away / (len(away) - 1)
        gain /= variance + settings.mud_error**2
        x[rows] += (gain[:, None] * (innovation - 0.5 * away)).astype(np.float32)
        self._bound(x)

    def _sees(self, table: Rows) -> Floats:
        """(S,) what a unit off its own street gives a station over what it gives the kerbs."""
        own, stations = self.ground.own, len(self.ground.own)
        here = np.flatnonzero(own >= 0)
        sees = np.full(stations, np.nan)
        kerb = table[stations + own[here], own[here]]
        sees[here] = table[here, own[here]] / np.maximum(kerb, np.float32(1e-9))
        return sees

    # What happens in the minute ---------------------------------------------------------------

    def _count(self, street: Street, now: Inputs) -> tuple[Floats, Floats, Ints]:
        fade = np.exp(-1 / traffic.MEMORY_MIN)
        seen_at = np.where(now.counted > 0, now.minute, street.seen_at)
        alive = now.minute - seen_at < traffic.ALIVE_MIN
        expected = street.expected * fade + np.where(alive, now.heavy, 0.0)
        return street.counted * fade + now.counted, expected, seen_at

    def _served(self, street: Street, now: Inputs) -> Floats:
        fade = np.exp(-1 / SERVED_MIN)
        served: Floats = street.served * fade
        for work in now.works:
            served[work.treatment, work.segment] += (1 - fade) * work.share
        return served

    def _gates(self, odds: Floats, now: Inputs) -> Floats:
        """Log-odds that each wheel wash fails: it does at times, and cameras tell."""
        settings = self.settings
        p = 1 / (1 + np.exp(-odds))
        p = p + (1 - p) * settings.fails_per_day / 1440 - p / settings.fails_min
        odds = np.log(p / (1 - p))
        trucks = self.ground.trucks_per_day * now.busy_hour
        fine = trucks * 0.04 * settings.recall + 0.001
        bad = trucks * 0.8 * settings.recall + 0.001
        told = now.dirty * np.log(bad / fine) - (bad - fine) + 2.5 * now.idle
        # What one camera says is not independent from minute to minute.
        odds = odds + np.where(now.watched, settings.camera_trust * told, 0.0)
        return np.asarray(np.clip(odds, -6.0, 5.0))

    def traffic(self, now: Inputs, busy: Floats) -> "Traffic":
        """What drives by in a minute, `busy` (M,) times as much as the timetable has."""
        heavy, light = now.heavy * busy, now.light
        tons = traffic.HEAVY_TONS * heavy + traffic.LIGHT_TONS * light
        vehicles = heavy + light
        weight = np.divide(tons, vehicles, out=np.zeros_like(tons), where=vehicles > 0)
        stirs = vehicles * weight**1.02 / 60_000.0
        bursts = traffic.HEAVY_TONS * np.sqrt(heavy) / np.maximum(tons, 1e-9)
        return Traffic(heavy, stirs, np.minimum(bursts, 1.0).astype(np.float32))

    def lets_through(self, x: Rows, film: Rows) -> Rows:
        """What a film leaves of the dust; film (…, N)."""
        through: Rows = np.exp(-film / (self.settings.binding_mm * np.exp(x[self.parts.theta][1])))
        return through

    def removal(self, x: Rows, kind: int, load: Rows) -> Rows:
        """(…, N) share of the silt that a whole treatment takes off load (…, N) g/m²."""
        full = self.removes(x)[kind]
        taken: Rows = full * load / (load + np.float32(HALF_SOILED))
        return taken

    def removes(self, x: Rows) -> Rows:
        """(treatments, N) share of the silt that a whole treatment takes off a soiled street."""
        logit = x[self.parts.theta][len(THETA) - len(TREATMENTS) :]
        full: Rows = np.float32(1) / (np.float32(1) + np.exp(-logit))
        return full

    def _watch(self, street: Street, x: Rows, now: Inputs) -> Watches:
        """Those of before, and the streets where a crew begins, as they are before it does."""
        if not now.works:
            return street.watches
        fresh = {work.order: work for work in now.works if work.order not in street.watches.orders}
        segment = [work.segment for work in fresh.values()]
        watches = street.watches.begin(
            list(fresh),
            segment,
            [work.treatment for work in fresh.values()],
            now.minute,
            self.total(x)[segment],
            street.film[segment],
        )
        return watches.ended({work.order for work in now.works if work.ends}, now.minute)

    def _treat(self, street: Street, x: Rows, now: Inputs, watches: Watches) -> "Done":
        """What crews and rain do to silt, film and air; takes the silt off x."""
        m = len(street.mist)
        added, mist, sweeping = (
            np.full(m, now.weather.rain_mm), street.mist.copy(), np.ones(m),
        )  # fmt: skip
        others = np.full(len(watches), now.weather.rain_mm)
        left = np.zeros_like(watches.load)
        for work in now.works:
            g, name = work.segment, TREATMENTS[work.treatment]
            water = work.water_mm * work.share if WETS[work.treatment] else 0.0
            added[g] += water
            if name == "fog":
                mist[g] = min(mist[g] + MIST * work.share, 0.6)
            if name == "sweep":
                sweeping[g] = SWEEPING
            share = np.float32(work.share)
            gone = np.log1p(-self.removal(x, work.treatment, self._load_of(x, g))) * share
            x[self.parts.silt][g] += gone
            x[self.parts.tracked][self.ground.pair_segment == g] += gone
            for j in np.flatnonzero(watches.segment == g):
                if watches.orders[j] != work.order:
                    others[j] += water
                    left[j] += gone
        dries = np.float32(drying_mm_h(now.weather) / 60.0) * np.exp(x[self.parts.theta][0])
        sprays = np.exp(-SPRAY * now.heavy).astype(np.float32)
        film = self._dried(street.film, added, sprays, dries)
        films = self._dried(watches.film, others, sprays[watches.segment], dries)
        if now.weather.rain_mm > 0:
            washed = np.float32(RAIN_SHARE * now.weather.rain_mm)
            x[self.parts.silt] -= washed
            x[self.parts.tracked] -= washed
            left -= washed
        np.maximum(x[self.parts.silt], LEAST_SILT, out=x[self.parts.silt])
        return Done(film, mist, sweeping, films, left)

    def _dried(self, film: Rows, added: Floats, sprays: Rows, dries: Rows) -> Rows:
        """(…, N) films after a minute in which so much came on, was sprayed away and dried."""
        full = np.minimum(film + added[:, None].astype(np.float32), np.float32(HOLDS_MM))
        film_left: Rows = np.maximum(full * sprays[:, None] - dries, np.float32(0))
        return film_left

    def _watched_load(self, x: Rows, watches: Watches) -> Rows:
        """(J, N) g/m² on each watched segment, with its order."""
        load: Rows = self.total(x)[watches.segment] if len(watches) else watches.load
        return load

    def total(self, x: Rows) -> Rows:
        """(M, N) g/m² on every segment."""
        silt, tracked = self.loads(x)
        total: Rows = silt + tracked
        return total

    def _renew_watches(
        self,
        watches: Watches,
        done: "Done",
        lay: tuple[Rows, Rows],
        rate: Rows,
        wander: Rows,
        x: Rows,
        now: "Traffic",
    ) -> Watches:
        """The watched segments without their orders: what comes is the same, what goes goes by
        what lies there and how wet it is."""
        if not len(watches):
            return watches
        g = watches.segment
        lay = lay[0][g], lay[1][g]
        wanders, comes = split_renewal(lay, self.total(x)[g], rate[g], wander[g])
        dry = self._goes(now)[g, None] * np.exp(x[self.parts.theta][2])
        goes = np.exp(done.left - dry * self.lets_through(x, done.films))
        return replace(watches, load=watches.load * goes * wanders + comes, film=done.films)

    def _felt(
        self,
        watches: Watches,
        x: Rows,
        total: Rows,
        table: Rows,
        kerb: Rows,
        strength: Rows,
        wet: Rows,
        minute: int,
    ) -> tuple[Watches, tuple[Effect, ...]]:
        if not len(watches):
            return watches, ()
        g = watches.segment
        ratio = (watches.load / total[g]) ** np.float32(0.91)
        ratio *= self.lets_through(x, watches.film) / np.maximum(wet[g], np.float32(1e-6))
        own = np.float32(1e6) * table[len(self.ground.own) + g, g][:, None] * strength[g]
        return watches.felt(minute, kerb[g], own, ratio).settle(minute, self.settings.effect_error)

    def _load_of(self, x: Rows, g: int) -> Rows:
        """(N,) g/m² on one segment."""
        load: Rows = np.exp(x[self.parts.silt][g])
        pairs = np.flatnonzero(self.ground.pair_segment == g)
        if len(pairs):
            load = load + np.exp(x[self.parts.tracked][pairs]).sum(axis=0)
        return load

    def _goes(self, now: "Traffic") -> Rows:
        """(M,) of a dry street's silt, the share that goes in a minute: dust that goes up is silt
        that is gone."""
        blown = ESCAPE * K_SILT * now.stirs * 60.0 / self.ground.width_m
        return (blown + TYRES * now.heavy).astype(np.float32)

    def renew(
        self,
        x: Rows,
        rng: np.random.Generator,
        wet: Rows,
        driven: "Traffic",
        now: Inputs,
        minutes: float,
    ) -> tuple[Rows, Rows]:
        """Silt goes with traffic and comes back to what is usual; soil comes out of the gates.

        Gives (M, N) what of the silt goes, as a rate, and the logarithm by which silt wandered.
        """
        ground, parts, settings = self.ground, self.parts, self.settings
        span = np.float32(minutes)
        rate: Rows = span * self._goes(driven)[:, None] * wet * np.exp(x[parts.theta][2])
        silt, tracked = x[parts.silt], x[parts.tracked]
        # Plain exponentials: those that are exact near 0 take five times as long, and what they
        # would save is far below what the silt wanders by.
        back_to = np.exp(np.minimum(np.maximum(x[parts.usual] - silt, -3), 5)) - 1
        silt += np.log((1 - np.exp(-rate)) * back_to + 1)
        wander: Rows = np.float32(settings.silt_wander * np.sqrt(minutes)) * (
            ground.alike @ normals(rng, silt.shape)
        )
        silt += wander
        per_truck = np.exp((x[parts.soil] + x[parts.haul])[ground.pair_site])
        trucks = (ground.trucks_per_day * now.busy_hour)[ground.pair_site].astype(np.float32)
        brought = span * per_truck * (trucks * self._per_area)[:, None]
        np.log(np.exp(tracked - rate[ground.pair_segment]) + brought, out=tracked)
        np.maximum(tracked, LEAST_TRACKED, out=tracked)
        return rate, wander

    def wander(self, x: Rows, rng: np.random.Generator, failing: Floats, minute: int) -> None:
        """What is not known drifts, so that the filter stays awake."""
        parts, settings = self.parts, self.settings
        p = (1 / (1 + np.exp(-failing))).astype(np.float32)
        dirty = np.float32(np.log(settings.soil_dirty_g)) - self.soil_clean
        target = self.soil_clean + np.where(self.ground.muddy, dirty * p, 0)
        spread = np.float32(settings.soil_spread) + np.sqrt(p * (1 - p))
        for part, mean, spread_of, memory_min in (
            (parts.soil, target[:, None], spread[:, None], settings.soil_memory_min),
            (parts.plume, np.float32(np.log(settings.plume_g_s)), np.float32(0.9), 120.0),
            (parts.local, np.float32(0), np.float32(settings.local_spread),
             settings.local_memory_min),
        ):  # fmt: skip
            x[part] += np.float32(1 / memory_min) * (mean - x[part])
            noise = normals(rng, x[part].shape)
            noise *= spread_of * np.float32(np.sqrt(2 / memory_min))
            x[part] += noise
        x[parts.back] += np.float32(settings.background_wander) * normals(rng, x.shape[1:])
        if minute % SLOW_MIN == 0:
            slow = x[parts.slow]
            noise = normals(rng, slow.shape)
            alike = self.ground.alike
            noise[: len(alike)] = alike @ noise[: len(alike)]
            keep, mean, spread_of = self._slow
            slow += keep * (mean - slow)
            slow += spread_of * noise

    def _drifts(self) -> tuple[Rows, Rows, Rows]:
        """Columns for the rows that drift slowly: the share that goes back to the mean in SLOW_MIN,
        the mean, and by how much they spread in that time."""
        parts, settings = self.parts, self.settings
        keep, mean, spread = (np.zeros((self.parts.count, 1), np.float32) for _ in range(3))
        of_theta, spread_theta = theta_prior(settings)
        for part, mean_of_part, spread_of, memory_min in (
            (parts.usual, np.log(settings.silt_g_m2), settings.silt_spread,
             settings.usual_memory_min),
            (parts.haul, 0.0, settings.haul_spread, 5 * 1440.0),
            (parts.theta, of_theta[:, None], spread_theta[:, None], 10 * 1440.0),
            (parts.gain, 0.0, settings.gain_spread, 30 * 1440.0),
            (parts.swell, settings.swell, settings.swell_spread, 30 * 1440.0),
        ):  # fmt: skip
            keep[part] = SLOW_MIN / memory_min
            mean[part] = mean_of_part
            spread[part] = spread_of * np.sqrt(2 * SLOW_MIN / memory_min)
        return keep[parts.slow], mean[parts.slow], spread[parts.slow]

    # What it gives ----------------------------------------------------------------------------

    def table(self, weather: Weather) -> Rows:
        wind = 2.0 if np.isnan(weather.wind_ms) else weather.wind_ms
        cls = stability(wind, weather.sun)
        if np.isnan(weather.wind_from_deg):
            return self.ground.dispersion.from_all_sides(wind, cls)
        return self.ground.dispersion.at(weather.wind_from_deg, wind, cls)

    def loads(self, x: Rows) -> tuple[Rows, Rows]:
        """(M, N) g/m² that no site brought, and that sites did."""
        tracked = self._gather @ np.exp(x[self.parts.tracked])
        return np.exp(x[self.parts.silt]), np.asarray(tracked, np.float32)

    def strengths(self, x: Rows, load: Rows, held: Rows) -> Rows:
        """(M, N) g/(m s) of PM10 off each segment."""
        burst = np.maximum(1 + x[self.parts.burst], np.float32(0.05))
        return np.float32(K_PM10) * load ** np.float32(0.91) * held * burst

    def plumes(self, x: Rows, now: Inputs) -> Rows:
        """(K, N) g/s off each site: more by day, and in strong wind."""
        wind = 0.0 if np.isnan(now.weather.wind_ms) else now.weather.wind_ms
        blows = 1 + 8 * max(wind / 4.0 - 1, 0.0)
        works = 0.2 + 0.8 * min(now.busy_hour * 1440, 1.0)
        dry = 0.2 if now.weather.rain_mm > 0 else 1.0
        return np.exp(x[self.parts.plume]) * np.float32(blows * works * dry)

    def _limits(self) -> tuple[Rows, Rows]:
        """Columns with the least and the most that each row can be."""
        parts = self.parts
        least, most = (np.zeros((parts.count, 1), np.float32) for _ in range(2))
        for part, low, high in (
            (parts.silt, LEAST_SILT, 3.0), (parts.tracked, LEAST_TRACKED, 3.0),
            (parts.usual, -4.0, 2.5), (parts.soil, 0.0, 9.0), (parts.haul, -2.0, 2.0),
            (parts.plume, -9.0, 1.0), (parts.burst, -np.inf, np.inf), (parts.gain, -0.5, 0.5),
            (parts.swell, -0.02, 0.12), (parts.local, -1.5, 1.5), (parts.theta, -4.0, 4.0),
            (parts.back, 0.0, 8.0),
        ):  # fmt: skip
            least[part], most[part] = low, high
        return least, most

    def _bound(self, x: Rows) -> None:
        """No correction leads out of what can be."""
        least, most = self._bounds
        np.maximum(x, least, out=x)
        np.minimum(x, most, out=x)

    def _given(
        self, table: Rows, x: Rows, loads: tuple[Rows, Rows], strength: Rows, plumes: Rows
    ) -> Floats:
        """(M, 1 + K) µg/m³ on the mean: by the streets themselves, by each site."""
        ground = self.ground
        segments, sites = len(ground.segments), len(ground.sites)
        mean = mean_of(strength)
        tracked = mean_of(np.exp(x[self.parts.tracked]))
        load = np.zeros((segments, 1 + sites), np.float32)
        load[:, 0] = mean_of(loads[0])
        load[ground.pair_segment, 1 + ground.pair_site] = tracked
        share = load / load.sum(axis=1, keepdims=True)
        given = table[:, :segments] @ (share * mean[:, None])
        given[:, 1:] += table[:, segments:] * mean_of(plumes)
        return np.asarray(1e6 * given, np.float64)
