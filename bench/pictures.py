"""Pictures of how analytics stands to the truth."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from bench import scores
from bench.items import Run

__all__ = ["calibration", "day", "reliability"]

MINUTES = 1440
SEGMENTS = 3
INK, TRUE, SAID = "#333333", "#111111", "#c2571a"


def day(run: Run, file: Path) -> None:
    """The last day of the segments with most dust, measured above and unmeasured below."""
    model = run.methods[0]
    assert model.increment is not None
    rows = slice(max(len(run.kerb) - MINUTES, 0), None)
    start = run.recorded.scenario.start
    ends = [start + timedelta(minutes=1 + t) for t in range(*rows.indices(len(run.kerb)))]
    picture = Figure(figsize=(13.0, 6.0), layout="constrained")
    axes = picture.subplots(2, SEGMENTS, sharex=True, squeeze=False)
    total = run.kerb[rows].mean(axis=0)
    for of, row in ((run.measured, axes[0]), (~run.measured, axes[1])):
        busiest = sorted(np.flatnonzero(of), key=lambda g: -total[g])[:SEGMENTS]
        for g, plot in zip(busiest, row, strict=False):
            kerb = scores.trailing_mean(run.kerb[:, g], 15)[rows]
            said = scores.trailing_mean(model.increment[:, g], 15)[rows]
            plot.plot(ends, kerb, color=TRUE, lw=1.0, label="true, kerb")
            if of is run.measured:
                felt = scores.trailing_mean(run.felt[:, g], 15)[rows]
                plot.plot(ends, felt, color=TRUE, lw=1.0, ls=":", label="true, at the station")
            plot.plot(ends, said, color=SAID, lw=1.0, label="said")
            if model.low is not None and model.high is not None:
                low, high = model.low[rows, g], model.high[rows, g]
                plot.fill_between(ends, low, high, color=SAID, alpha=0.2, lw=0, label="90 %")
            name = run.layout.segments[g]
            plot.set_title(name + (", measured" if of is run.measured else ", not measured"))
            plot.axhline(scores.LIMIT_60, color=INK, lw=0.5, ls="--")
            _plain(plot)
    axes[0][0].legend(frameon=False, fontsize=8)
    axes[1][0].set_ylabel("µg/m³ of PM10 that the street adds, 15 min")
    days = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes[0][0].xaxis.set_major_locator(days)
    axes[0][0].xaxis.set_major_formatter(
        ConciseDateFormatter(days)  # type: ignore[no-untyped-call]
    )
    picture.savefig(file, dpi=110)


def calibration(bins: Sequence[scores.Bin], of: str, file: Path) -> None:
    """What was said `of` something, and how often it was so; the larger the dot, the more
    statements."""
    picture = Figure(figsize=(5.0, 5.0), layout="constrained")
    plot = picture.subplots()
    plot.plot([0, 1], [0, 1], color=INK, lw=0.6, ls="--")
    if bins:
        size = [20.0 + 200.0 * each.of / max(other.of for other in bins) for each in bins]
        plot.scatter([each.said for each in bins], [each.came for each in bins], size, c=SAID)
    plot.set_xlabel(f"probability said of {of}")
    plot.set_ylabel("share of them that were so")
    plot.set_xlim(0, 1)
    plot.set_ylim(0, 1)
    _plain(plot)
    picture.savefig(file, dpi=110)


def reliability(rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Of the rows of the figures those that say how much came at or under each quantile, as means
    over the scenarios."""
    picture = Figure(figsize=(10.0, 5.0), layout="constrained")
    for plot, where in zip(picture.subplots(1, 2), ("measured", "unmeasured"), strict=True):
        plot.plot([0, 1], [0, 1], color=INK, lw=0.6, ls="--")
        lines: dict[tuple[str, str], dict[float, list[float]]] = {}
        for row in rows:
            if row["item"] == "forecast" and " at or under its " in row["figure"]:
                of, name = row["figure"].split(", ", 1)
                ahead, tau = name.split(": at or under its ")
                if of == where:
                    line = lines.setdefault((row["method"], ahead), {})
                    line.setdefault(float(tau.split()[0]), []).append(row["mean"])
        for (method, ahead), line in lines.items():
            shares = [float(np.mean(values)) for values in line.values()]
            plot.plot(list(line), shares, marker="o", ms=3, lw=1.0, label=f"{method}, {ahead}")
        plot.set_title(where)
        plot.set_xlabel("quantile of the forecast")
        plot.set_ylabel("share of the truth at or under it")
        if lines:
            plot.legend(frameon=False, fontsize=8)
        _plain(plot)
    picture.savefig(file, dpi=110)


def _plain(plot: Axes) -> None:
    plot.spines[["top", "right"]].set_visible(False)
    plot.grid(visible=True, lw=0.3)
