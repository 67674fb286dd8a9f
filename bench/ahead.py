"""How good is a forecast of the increment, beside persistence and climatology?

What is forecast is the mean of the hour that ends so many minutes ahead, at the kerb: what the
rules judge. The plain methods know the plain increments of the day itself, and other days of the
same kind (the other seeds) for what is usual.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench import scores
from bench.scores import QUANTILES

__all__ = [
    "CHANCES_MIN",
    "HORIZONS_MIN",
    "LIMIT",
    "Day",
    "chance_figures",
    "chances",
    "forecast_figures",
    "passes",
    "usual",
]

Floats = NDArray[np.float64]

HORIZONS_MIN = (60, 180)
CHANCES_MIN = (15, 60, 180)
LIMIT = scores.LIMIT_60
WINDOW_MIN = 60


@dataclass(frozen=True, slots=True)
class Day:
    """Minutes of a world: their ends (T,) since 1970, the true increments (T, G) at the kerbs and
    what a plain method made of them, NaN where it said nothing; µg/m³."""

    minutes: NDArray[np.int64]
    kerb: Floats
    plain: Floats


@dataclass(frozen=True, slots=True)
class Usual:
    """What other days teach: quantiles of each hour of the week, and changes over an horizon."""

    climatology: scores.Climatology
    plain: Floats
    kerb: Floats


def usual(others: Sequence[Day]) -> Usual | None:
    """From the other days; None without any."""
    if not others:
        return None
    hour = [scores.trailing_mean(day.kerb, WINDOW_MIN) for day in others]
    rows = [~np.isnan(each).all(axis=1) for each in hour]
    kerb = np.concatenate([each[there] for each, there in zip(hour, rows, strict=True)])
    minutes = np.concatenate([day.minutes[there] for day, there in zip(others, rows, strict=True)])
    # A gap between days keeps changes from reaching from one into the next.
    gap = np.full((max(HORIZONS_MIN), kerb.shape[1]), np.nan)
    return Usual(
        scores.climatology(kerb, minutes),
        np.concatenate([part for day in others for part in (_now(day), gap)]),
        np.concatenate([part for each in hour for part in (each, gap)]),
    )


def forecast_figures(
    day: Day,
    known: Usual | None,
    said: Mapping[int, Floats],
    rows: slice,
    where: NDArray[np.bool_],
) -> dict[tuple[str, str], float | None]:
    """Pinball losses in µg/m³, skill and reliability.

    said: by horizon in minutes, (T, G, Q) quantiles of the hour that ends so long after each
    minute, NaN where there is no forecast: then nobody's counts. rows: minutes at which a forecast
    counts; where: (G,) segments that do.
    """
    figures: dict[tuple[str, str], float | None] = {}
    hour = scores.trailing_mean(day.kerb, WINDOW_MIN)
    now = _now(day)
    for ahead in HORIZONS_MIN:
        true = np.full_like(hour, np.nan)
        true[:-ahead] = hour[ahead:]
        if ahead in said:
            true[np.isnan(said[ahead]).any(axis=2)] = np.nan
        true = true[rows][:, where]
        point = np.repeat(now[:, :, None], len(QUANTILES), axis=2)
        methods = {"persistence, plain": point}
        if known is not None:
            methods["persistence"] = scores.dressed(now, ahead, known.plain, known.kerb)
            methods["hour of week"] = known.climatology.of(day.minutes + ahead)
        if ahead in said:
            methods = {"analytics": said[ahead], **methods}
        losses = {
            name: scores.pinball(quantiles[rows][:, where], true)
            for name, quantiles in methods.items()
        }
        figures |= {(f"{ahead} min: pinball loss", name): loss for name, loss in losses.items()}
        plain = [losses[name] for name in ("persistence", "hour of week") if name in losses]
        own, best = losses.get("analytics"), [loss for loss in plain if loss is not None]
        if own is not None and best:
            figures[f"{ahead} min: skill", "analytics"] = scores.skill(own, *best)
        for name in ("analytics", "persistence", "hour of week"):
            if name in methods:
                shares = scores.reliability(methods[name][rows][:, where], true)
                figures |= {
                    (f"{ahead} min: at or under its {tau:g} quantile", name): share
                    for tau, share in zip(QUANTILES, shares, strict=True)
                }
    return figures


def passes(kerb: Floats, ahead_min: int, limit: float = LIMIT) -> Floats:
    """(T, G) 1 where the 60-minute mean is at the limit or over it in any of the `ahead_min`
    minutes after each, or else 0; NaN where the world ended before."""
    over = scores.trailing_mean(kerb, WINDOW_MIN) >= limit
    count = np.cumsum(over, axis=0)
    found = np.full(kerb.shape, np.nan)
    found[:-ahead_min] = (count[ahead_min:] - count[:-ahead_min]) > 0
    return found


def chance_figures(
    day: Day,
    others: Sequence[Day],
    said: Mapping[int, Floats],
    rows: slice,
    where: NDArray[np.bool_],
) -> dict[tuple[str, str], float | None]:
    """Brier scores of the chance to pass the limit of level 2, beside who says that it stays as
    it is, and who knows how often it is passed in that hour of the week.

    said: by horizon in minutes, (T, G) probabilities, NaN where there is none.
    """
    figures: dict[tuple[str, str], float | None] = {}
    now = (_now(day) >= LIMIT).astype(np.float64)
    for ahead in CHANCES_MIN:
        true = passes(day.kerb, ahead)
        methods = {"persistence": now}
        if others:
            came = [passes(other.kerb, ahead) for other in others]
            usually = scores.climatology(
                np.concatenate(came), np.concatenate([other.minutes for other in others]), None
            )
            methods["hour of week"] = usually.of(day.minutes)[:, :, 0]
        if ahead in said:
            methods = {"analytics": said[ahead], **methods}
            true = np.where(np.isnan(said[ahead]), np.nan, true)
        losses = {
            name: scores.brier(chance[rows][:, where], true[rows][:, where])
            for name, chance in methods.items()
        }
        figures[f"{ahead} min: share that passes", "truth"] = _mean(true[rows][:, where])
        figures |= {(f"{ahead} min: Brier score", name): loss for name, loss in losses.items()}
        own, best = (
            losses.get("analytics"),
            min(
                (loss for name, loss in losses.items() if name != "analytics" and loss is not None),
                default=0.0,
            ),
        )
        if own is not None and best > 0.0:
            figures[f"{ahead} min: skill of the chance", "analytics"] = scores.skill(own, best)
    return figures


def chances(
    day: Day, said: Mapping[int, Floats], rows: slice, where: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """All probabilities that were said of passing the limit, and whether it came so."""
    stated, came = [np.empty(0)], [np.empty(0)]
    for ahead, chance in said.items():
        true = passes(day.kerb, ahead)[rows][:, where]
        told = chance[rows][:, where]
        there = ~(np.isnan(true) | np.isnan(told))
        stated.append(told[there])
        came.append(true[there])
    return np.concatenate(stated), np.concatenate(came) > 0


def _mean(values: Floats) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))


def _now(day: Day) -> Floats:
    """(T, G) the last hour's plain mean; 0 where the plain method says nothing at all."""
    return np.nan_to_num(scores.trailing_mean(day.plain, WINDOW_MIN))
