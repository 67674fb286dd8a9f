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

__all__ = ["HORIZONS_MIN", "Day", "forecast_figures", "usual"]

Floats = NDArray[np.float64]

HORIZONS_MIN = (60, 180)
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
    minute. rows: minutes at which a forecast counts; where: (G,) segments that do.
    """
    figures: dict[tuple[str, str], float | None] = {}
    hour = scores.trailing_mean(day.kerb, WINDOW_MIN)
    now = _now(day)
    for ahead in HORIZONS_MIN:
        true = np.full_like(hour, np.nan)
        true[:-ahead] = hour[ahead:]
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


def _now(day: Day) -> Floats:
    """(T, G) the last hour's plain mean; 0 where the plain method says nothing at all."""
    return np.nan_to_num(scores.trailing_mean(day.plain, WINDOW_MIN))
