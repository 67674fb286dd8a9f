"""What comes next, and what a treatment now would change: the members lived on for three hours.

Steps of a quarter of an hour. Traffic keeps its hours and how busy it is, the wind wanders from
where it is, each group of members with a wind of its own. The same three hours are lived once for
every treatment of every segment, which costs no more than one: a street's dust is its own, and what
residents breathe of it is linear in it. What is foreseen is a future of its own beside those: one
in which crews go on coming as they lately have, at random.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from analytics.street import traffic
from analytics.street.inputs import quarter_inputs
from analytics.street.members import TREATMENTS, normals
from analytics.street.model import (
    HALF_SOILED,
    HOLDS_MM,
    MIST,
    MIST_MIN,
    SPRAY,
    WETS,
    Model,
    Street,
    split_renewal,
)
from analytics.street.weather import Weather, drying_mm_h

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

STEP_MIN = 15
STEPS = 12
HORIZONS_MIN = (15, 60, 180)
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
WINDS = 5


@dataclass(frozen=True, slots=True)
class Outlook:
    """From `minute` on. quantiles: (horizons, Q, M) of the mean increment over the hour that ends
    at each horizon, the quarter for the first, µg/m³; chance: (horizons, limits, M) of passing each
    limit of the hourly rule by then; both if crews go on as they lately have. worth: (treatments,
    M) mean of the person-hours times µg/m³ that a treatment now would spare within three hours, and
    worth_sd its spread over members; dose: (M,) the same of all that each segment will give off.
    lying: what lies on each segment at `minute`."""

    minute: int
    quantiles: Floats
    chance: Floats
    worth: Floats
    worth_sd: Floats
    dose: Floats
    lying: "Lying"


@dataclass(frozen=True, slots=True)
class Lying:
    """On each of M segments: silt (3, M) g/m², 5 %, 50 % and 95 % of the members; tracked (M,) the
    share of it that sites' trucks brought; film_mm (M,) of water; wet (M,) the share of the dust
    that the water holds back."""

    silt: Floats
    tracked: Floats
    film_mm: Floats
    wet: Floats


def outlook(
    model: Model,
    street: Street,
    weather: Weather,
    limits: tuple[float, ...],
    zone: ZoneInfo,
) -> Outlook:
    """Live three hours on from `street`, `weather` being that of its last minute."""
    ground, parts, settings = model.ground, model.parts, model.settings
    # Every second member will do for what nobody knows to a tenth, and takes half the time.
    street = replace(street, x=street.x[:, ::2], film=street.film[:, ::2])
    n, m = street.x.shape[1], len(ground.segments)
    lies = lying(model, street)
    rng = np.random.Generator(np.random.SFC64((settings.seed, street.minute, 1)))
    x, film = street.x.copy(), street.film.copy()
    busy = traffic.activity(street.counted, street.expected, street.seen_at, street.minute)
    turns = _spread(rng, WINDS)
    gusts = _spread(rng, WINDS)
    ends = np.linspace(0, n, WINDS + 1).astype(int)
    groups = [slice(*pair) for pair in pairwise(ends.tolist())]

    load0 = model.total(x)
    kinds = len(TREATMENTS)
    water = np.where(WETS, _usual_water_mm(model), 0.0).astype(np.float32)
    # The futures: one with each treatment now, the last with crews as usual.
    treated_load = np.stack(
        [load0 * (1 - model.removal(x, kind, load0)) for kind in range(kinds)] + [load0]
    )
    treated_film = np.minimum(
        film[None] + np.append(water, np.float32(0))[:, None, None], np.float32(HOLDS_MM)
    )
    fog = np.array([name == "fog" for name in TREATMENTS] + [False])

    mended = np.float32(-np.expm1(-STEP_MIN / settings.mended_min))
    means = np.empty((STEPS, m, n), np.float32)
    spared, dose = np.zeros((kinds, m, n), np.float32), np.zeros((m, n), np.float32)
    for step in range(1, STEPS + 1):
        now = quarter_inputs(street.minute + STEP_MIN * step, STEP_MIN, weather, ground, zone)
        driven = model.traffic(now, busy)
        dries = STEP_MIN * drying_mm_h(now.weather) / 60 * np.exp(x[parts.theta][0])
        sprays = np.exp(-SPRAY * STEP_MIN * driven.heavy).astype(np.float32)[:, None]
        lay = model.loads(x)
        # A wash that fails is mended some time.
        x[parts.soil] += mended * (model.soil_clean[:, None] - x[parts.soil])
        wet = model.lets_through(x, film)
        rate, wander = model.renew(x, rng, wet, driven, now, STEP_MIN)
        after = model.total(x)
        wanders, comes = split_renewal(lay, after, rate, wander)
        wets = model.lets_through(x, treated_film)
        dry_rate = rate / np.maximum(wet, np.float32(1e-6))
        _serve(model, street, x, treated_load[-1], treated_film[-1], water, rng)
        treated_load = treated_load * np.exp(-dry_rate * wets) * wanders + comes
        bursts = driven.bursts[:, None] / np.float32(np.sqrt(STEP_MIN))
        x[parts.burst] = bursts * normals(rng, (m, n))
        mist = street.mist * np.exp(-STEP_MIN * step / MIST_MIN)
        held = (driven.stirs * (1 - mist)).astype(np.float32)[:, None]
        strength = model.strengths(x, after, held * wet)
        plumes = model.plumes(x, now)
        fogged = (1 - MIST * np.exp(-STEP_MIN * (step - 0.5) / MIST_MIN) * fog).astype(np.float32)
        ratio = (treated_load / after) ** np.float32(0.91) * wets
        ratio *= fogged[:, None, None] / np.maximum(wet, np.float32(1e-6))
        hours = STEP_MIN * step / 60.0
        breathed = np.empty((m, n), np.float32)
        for group, turn, gust in zip(groups, turns, gusts, strict=True):
            table = _table(model, now.weather, hours, turn, gust)[len(ground.own) :]
            own = strength[:, group]
            means[step - 1][:, group] = np.float32(1e6) * (
                table[:, :m] @ (own * ratio[-1][:, group]) + table[:, m:] @ plumes[:, group]
            )
            felt = ground.residents.astype(np.float32) @ table[:, :m]
            breathed[:, group] = (np.float32(1e6 * STEP_MIN / 60.0) * felt)[:, None] * own
        dose += breathed
        spared += breathed * (1 - ratio[:-1])
        film = np.maximum(film * sprays - dries, np.float32(0))
        treated_film = np.maximum(treated_film * sprays - dries, np.float32(0))
    quantiles, chance = _foretell(model, street, means, limits, rng)
    return Outlook(
        street.minute,
        quantiles,
        chance,
        spared.mean(axis=2, dtype=np.float64),
        spared.std(axis=2, dtype=np.float64),
        dose.mean(axis=1, dtype=np.float64),
        lies,
    )


def lying(model: Model, street: Street) -> Lying:
    """What lies on the road, told by the members of `street`."""
    silt, tracked = model.loads(street.x)
    total = silt + tracked
    return Lying(
        np.quantile(total, (0.05, 0.5, 0.95), axis=1).astype(np.float64),
        (tracked / total).mean(axis=1, dtype=np.float64),
        np.median(street.film, axis=1).astype(np.float64),
        1 - model.lets_through(street.x, street.film).mean(axis=1, dtype=np.float64),
    )


def _serve(
    model: Model,
    street: Street,
    x: Rows,
    load: Rows,
    film: Rows,
    water: Rows,
    rng: np.random.Generator,
) -> None:
    """What crews do in a step who come as often as they lately have: off load, onto film (M, N)."""
    if street.lived <= 0 or not street.served.any():
        return
    often = STEP_MIN * street.served / street.lived
    # Which treatment it is in each member, one beyond the last for none.
    upto = np.cumsum(often, axis=0) * (-np.expm1(-often.sum(axis=0)) / often.sum(axis=0).clip(1e-9))
    kind = (rng.random(load.shape)[None] >= upto[:, :, None]).sum(axis=0)
    segment, member = np.nonzero(kind < len(upto))
    which = kind[segment, member]
    there = load[segment, member]
    takes = model.removes(x)[which, member] * there / (there + np.float32(HALF_SOILED))
    load[segment, member] = there * (1 - takes)
    film[segment, member] = np.minimum(film[segment, member] + water[which], np.float32(HOLDS_MM))


def _usual_water_mm(model: Model) -> float:
    """What a crew leaves on a street of usual width."""
    litres = list(model.ground.water_l_per_m.values()) or [1.0]
    return float(np.median(litres) / np.median(model.ground.width_m))


def _spread(rng: np.random.Generator, count: int) -> Floats:
    """Standard normal numbers, one in each part of the distribution, in a random order."""
    return np.asarray(ndtri((rng.permutation(count) + rng.random(count)) / count))


def _table(model: Model, weather: Weather, hours: float, turn: float, gust: float) -> Rows:
    settings, root = model.settings, float(np.sqrt(hours))
    if np.isnan(weather.wind_from_deg):
        return model.table(weather)
    return model.table(
        replace(
            weather,
            wind_from_deg=weather.wind_from_deg + settings.turn_deg * root * turn,
            wind_ms=weather.wind_ms * float(np.exp(settings.gust * root * gust)),
        )
    )


def _foretell(
    model: Model, street: Street, means: Rows, limits: tuple[float, ...], rng: np.random.Generator
) -> tuple[Floats, Floats]:
    n = means.shape[2]
    past = street.recent.reshape(4, STEP_MIN, -1).mean(axis=1)
    error = model.settings.kerb_error
    missed = np.exp(np.float32(error) * normals(rng, means.shape[1:]) - np.float32(error**2 / 2))
    path = np.concatenate((np.repeat(past[:, :, None], n, axis=2), means * missed))
    hourly = (path[4:] + path[3:-1] + path[2:-2] + path[1:-3]) / 4
    quantiles, chance = [], []
    for horizon in HORIZONS_MIN:
        last = horizon // STEP_MIN - 1
        value = path[4 + last] if horizon < 60 else hourly[last]
        quantiles.append(np.quantile(value, QUANTILES, axis=1))
        highest = hourly[: last + 1].max(axis=0)
        chance.append([(highest >= limit).mean(axis=1) for limit in limits])
    shape = (len(HORIZONS_MIN), len(limits), means.shape[1])
    return np.array(quantiles, np.float64), np.array(chance, np.float64).reshape(shape)
