"""The items that analytics is scored by, on one recording at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analytics.fold import Minutes, State, advance
from analytics.layout import Layout
from analytics.minutes import MILLI
from analytics.readings import Readings
from analytics.settings import AnalyticsSettings
from bench import ahead, blame, helped, plain, scores
from bench.faults import fault_figures
from bench.plain import Said
from bench.recorded import Recorded, effects
from geo.district import District
from geo.graph import RoadGraph

BLOCK_MIN = 60
"""Minutes worked out at once: analytics looks ahead from the end of each block."""

Figures = dict[tuple[str, str], float | None]
"""By the figure's name and the method's."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Run:
    """Analytics and the plain methods over one recording, on the segments of the layout.

    rows: which minutes count, those after the warm-up; kerb: (T, G) true increment; felt: (T, G)
    what the segment's own stations truly had in their air over the background, NaN without one.
    """

    recorded: Recorded
    layout: Layout
    rows: slice
    minutes: list[Minutes]
    methods: list[Said]
    kerb: Floats
    felt: Floats
    measured: Bools
    settings: AnalyticsSettings


def run(
    recorded: Recorded,
    district: District,
    settings: AnalyticsSettings,
    warm_min: int,
    on_block: Callable[[], None] = lambda: None,
) -> Run:
    """Work a recording through, block by block."""
    layout = Layout.of(district, settings)
    after, upto = recorded.first - 1, recorded.first - 1 + recorded.minutes
    state, blocks = State.start(after, layout, settings), []
    while state.minute < upto:
        began, block = state.minute, min(upto, state.minute + BLOCK_MIN)
        state, minutes = advance(
            state,
            block,
            recorded.readings(layout, began, block),
            recorded.happenings(began, block),
            layout,
            settings,
        )
        blocks.append(minutes)
        on_block()
    readings = recorded.readings(layout, after, upto)
    plainly = [
        method(readings, layout, after, upto)
        for method in (plain.fixed, plain.rolling, plain.today)
    ]
    column = _columns(recorded, layout)
    station = [recorded.stations.index(name) for name in layout.stations]
    own = layout.reach.own
    above = recorded.truth.station_pm10[:, station] - recorded.truth.background[:, None]
    count = own.sum(axis=1)
    felt = (above.astype(np.float64) @ own.T.astype(np.float64)) / np.maximum(count, 1)
    return Run(
        recorded=recorded,
        layout=layout,
        rows=slice(warm_min, None),
        minutes=blocks,
        methods=[*model_said(recorded, layout, blocks), *plainly],
        kerb=recorded.truth.increment[:, column].astype(np.float64),
        felt=np.where(count > 0, felt, np.nan),
        measured=count > 0,
        settings=settings,
    )


def model_said(recorded: Recorded, layout: Layout, blocks: Sequence[Minutes]) -> list[Said]:
    """What analytics says of segments, with the interval of its model where it has one; and
    beside it the model alone, which on measured segments may say something else."""
    increment = np.concatenate([block.increment for block in blocks]) / MILLI
    known = np.concatenate([block.increment_known for block in blocks])
    level = np.concatenate([block.level for block in blocks])
    said = Said("analytics", np.where(known, increment, np.nan), level >= 2)
    estimates = [getattr(block, "estimate", None) for block in blocks]
    if any(each is None for each in estimates):
        return [said]
    column = _columns(recorded, layout)
    kerb, low, high = (
        np.where(
            known, np.concatenate([getattr(each, name) for each in estimates])[:, column], np.nan
        )
        for name in ("increment", "low", "high")
    )
    alone = Said("model alone", kerb, scores.over_limits(kerb), low, high)
    return [replace(said, low=low, high=high), alone]


def model_foresees(run: Run) -> tuple[dict[int, Floats], dict[int, Floats]]:
    """By horizon in minutes, (T, G, Q) quantiles in µg/m³ and (T, G) chances of level 2.

    Taken from the `outlook` of blocks that have one: of one `minute`, with `quantiles`
    (horizons, Q, segments of the district) and `chance` (horizons, levels, segments); NaN at all
    other minutes.
    """
    found = [getattr(block, "outlook", None) for block in run.minutes]
    there = [each for each in found if each is not None]
    if not there:
        return {}, {}
    at = [each.minute - run.recorded.first for each in there]
    column = _columns(run.recorded, run.layout)
    quantiles, chance = {}, {}
    for number, horizon in enumerate(ahead.CHANCES_MIN):
        chance[horizon] = np.full(run.kerb.shape, np.nan)
        chance[horizon][at] = [each.chance[number, 1][column] for each in there]
        if horizon in ahead.HORIZONS_MIN:
            quantiles[horizon] = np.full((*run.kerb.shape, len(scores.QUANTILES)), np.nan)
            quantiles[horizon][at] = [each.quantiles[number].T[column] for each in there]
    return quantiles, chance


def _columns(recorded: Recorded, layout: Layout) -> list[int]:
    """Where the layout's segments are among all of the district."""
    return [recorded.segments.index(name) for name in layout.segments]


# Items --------------------------------------------------------------------------------------------


def quality(run: Run) -> Figures:
    """Faulty readings found, good ones flagged."""
    flagged = Readings.none()
    for block in run.minutes:
        flagged = flagged.then(block.flagged)
    found = fault_figures(run.recorded, run.layout.stations, flagged)
    return {(name, "analytics"): value for name, value in found.items()}


def increment(run: Run) -> Figures:
    """Errors against the truth, of minutes and of 60-minute means."""
    figures: Figures = {}
    kinds = {
        "measured, kerb": (run.kerb, run.measured),
        "measured, at the station": (run.felt, run.measured),
        "unmeasured": (run.kerb, ~run.measured),
    }
    for where, (truth, of) in kinds.items():
        for window, width in (("min", 1), ("60 min", 60)):
            true = _mean(truth[:, of], width)[run.rows]
            for method in run.methods:
                if method.increment is None:
                    continue
                said = _mean(method.increment[:, of], width)[run.rows]
                found = scores.error(said, true)
                if found is None:
                    continue
                figures[f"{where}: RMSE, {window}", method.name] = found.rmse
                figures[f"{where}: bias, {window}", method.name] = found.bias
                if width == 1:
                    figures[f"{where}: answered", method.name] = found.answered
                    figures[f"{where}: spread of the truth", "truth"] = found.spread
        for method in run.methods:
            if method.low is None or method.high is None:
                continue
            within = scores.intervals(
                method.low[run.rows][:, of], method.high[run.rows][:, of], truth[run.rows][:, of]
            )
            if within is not None:
                figures[f"{where}: 90 % interval covers", method.name] = within.coverage
                figures[f"{where}: width of the interval", method.name] = within.width
    return figures


def _mean(values: Floats, width: int) -> Floats:
    return values if width == 1 else scores.trailing_mean(values, width)


def exceedance(run: Run) -> Figures:
    """Minutes of exceedances, how late they are said, and how many are false.

    True is what is over the limit, and again what is at level 2 by the contract's rules, which
    hold a level for a while: so do those of analytics, and so does each plain method then. What
    the station itself truly felt is put beside the methods: no method that takes stations at
    their word can do better at the kerb.
    """
    figures: Figures = {}
    station = Said("station, true", run.felt, scores.over_limits(run.felt))
    kinds = {
        "measured, kerb": (run.kerb, run.measured, [*run.methods, station]),
        "measured, at the station": (run.felt, run.measured, run.methods),
        "unmeasured": (run.kerb, ~run.measured, run.methods),
    }
    for where, (truth, of, methods) in kinds.items():
        over = scores.over_limits(truth[:, of])[run.rows]
        held = scores.by_rules(truth[:, of])[run.rows]
        figures[f"{where}: share of minutes over", "truth"] = float(over.mean())
        for method in methods:
            said = method.exceeds[run.rows][:, of]
            figures |= _minutes(where, method.name, said, over, run)
        for method in methods:
            said = method.exceeds[:, of]
            if method.increment is not None and method is not run.methods[0]:
                said = scores.by_rules(method.increment[:, of])
            figures |= _minutes(f"{where}, by the rules", method.name, said[run.rows], held, run)
    return figures


def _minutes(where: str, name: str, said: Bools, true: Bools, run: Run) -> Figures:
    """What of the true minutes was said, and when."""
    days = (run.recorded.minutes - (run.rows.start or 0)) / 1440.0
    found = scores.hits(said, true)
    late = scores.delays(said, true)
    known = [delay for delay in late if delay is not None]
    return {
        (f"{where}: recall of minutes", name): found.recall,
        (f"{where}: precision of minutes", name): found.precision,
        (f"{where}: minutes late, median", name): float(np.median(known)) if known else None,
        (f"{where}: never said, share", name): 1.0 - len(known) / len(late) if late else None,
        (f"{where}: false spells a day", name): scores.false_runs(said, true) / days,
    }


def causes(run: Run) -> blame.Judged:
    """Who was named, and who it was; and again of measured segments alone."""
    told = blame.stories(run.recorded, run.layout, run.minutes)
    layout, since = run.layout, run.rows.start or 0
    everywhere = blame.judged(run.recorded, layout.segments, layout.sites, told, since)
    names = [layout.segments[g] for g in np.flatnonzero(run.measured)]
    there = [story for story in told if story.segment in names or story.segment is None]
    measured = blame.judged(run.recorded, names, layout.sites, there, since)
    both = everywhere.figures | {
        f"measured: {name}": value for name, value in measured.figures.items()
    }
    return replace(everywhere, figures=both)


@dataclass(frozen=True)
class Foreseen:
    """What forecasts are scored by: see `ahead.forecast_figures`."""

    day: ahead.Day
    said: Mapping[int, Floats]
    chance: Mapping[int, Floats]
    rows: slice
    measured: Bools


def foreseen(run: Run) -> Foreseen:
    """Of a run all that a forecast is held against, and what analytics foresaw."""
    plainly = next(each for each in run.methods if each.name == plain.TODAY)
    assert plainly.increment is not None
    ends = run.recorded.first + np.arange(run.recorded.minutes)
    day = ahead.Day(ends, run.kerb, plainly.increment)
    return Foreseen(day, *model_foresees(run), run.rows, run.measured)


def forecast(one: Foreseen, others: Sequence[Foreseen]) -> Figures:
    """The mean of the hour that ends so long ahead and the chance to pass level 2 by then, beside
    persistence and climatology, which know the others."""
    days = [each.day for each in others]
    known = ahead.usual(days)
    figures: Figures = {}
    for where, of in (("measured", one.measured), ("unmeasured", ~one.measured)):
        found = ahead.forecast_figures(one.day, known, one.said, one.rows, of)
        found |= ahead.chance_figures(one.day, days, one.chance, one.rows, of)
        figures |= {(f"{where}, {name}", method): value for (name, method), value in found.items()}
    return figures


def chances(one: Foreseen) -> tuple[Floats, Bools]:
    """All chances that were said of passing level 2, on any segment, and whether it came so."""
    return ahead.chances(one.day, one.chance, one.rows, np.ones(len(one.measured), bool))


def verdicts(run: Run, district: District, graph: RoadGraph, cache: Path, at_most: int) -> Figures:
    """Intervals of verdicts against what the orders truly changed."""
    plainly = helped.plain_verdicts(run.recorded, run.layout, run.minutes, run.settings.verdict)
    methods = {
        "differences": plainly,
        "analytics": helped.model_verdicts(run.recorded, run.minutes),
    }
    # Where all streets are treated all the time, differences have next to nothing to say.
    orders = helped.sample(run.recorded, run.layout, at_most)
    orders += helped.evenly([each.order for each in plainly], at_most // 2)
    true = effects(cache, district, run.recorded, orders, graph=graph)
    done = len(helped.treatments(run.recorded, run.layout))
    figures: Figures = {}
    for method, said in methods.items():
        found = helped.verdict_figures(said, true)
        found["treatments with a verdict, share"] = len(said) / done if done else None
        figures |= {(name, method): value for name, value in found.items() if said}
    return figures
