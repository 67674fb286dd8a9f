"""Pictures of an evaluation as SVG: bars, maps and a day's course."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from evaluation.exceedances import LIMIT
from evaluation.figures import CATALOGUE
from evaluation.record import BLOCK_MIN
from evaluation.result import Result
from evaluation.statistics import Interval
from geo.district import District

__all__ = ["COLOURS", "bars", "colour", "day", "maps"]

COLOURS: Mapping[str, str] = {
    "nothing": "#8d939c",
    "timetable": "#c9822b",
    "nearest": "#8566ad",
    "oracle": "#3a9a6e",
    "platform": "#1769aa",
}
_OTHERS = ("#b0485c", "#5c8a2f", "#3aa0b5")

BARS = ("resident_minutes_over_80", "resident_dose_ug_m3_h", "water_m3", "km")

# More maps than the first of these come in rows of the second.
MOST_MAPS, MAPS_IN_ROW = 4, 3

INK, FAINT = "#2b3038", "#d5d9df"
DAY_BLOCKS = 1440 // BLOCK_MIN

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    # Names in the file come from its contents, so that the same results give the same bytes.
    "svg.hashsalt": "roaddust",
    "font.size": 10.0,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.0,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "grid.color": "#eceef1",
    "axes.axisbelow": True,
}


def colour(policy: str) -> str:
    """The colour of a policy in every picture."""
    return COLOURS.get(policy) or _OTHERS[sum(policy.encode()) % len(_OTHERS)]


def bars(means: Mapping[str, Mapping[str, Interval | None]]) -> str:
    """A panel of bars with 95 % intervals for each of what counts most."""
    entries = [entry for name in BARS for entry in CATALOGUE if entry.name == name]
    with _drawing(12.0, 3.0) as figure:
        for axes, entry in zip(figure.subplots(1, len(entries)), entries, strict=True):
            for at, (policy, figures) in enumerate(means.items()):
                found = figures.get(entry.name)
                if found is None:
                    continue
                mean = entry.scale * found.mean
                axes.bar(at, mean, 0.64, color=colour(policy))
                if found.half is not None:
                    half = entry.scale * found.half
                    # None of these can be below zero, whatever Student says.
                    either = [[min(half, mean)], [half]]
                    axes.errorbar(at, mean, either, color=INK, capsize=3, linewidth=1)
            axes.set_title(f"{entry.en}\n{entry.unit}")
            axes.set_xticks(range(len(means)), list(means), rotation=28, ha="right")
            axes.tick_params(length=0)
            axes.grid(axis="y")
            axes.set_ylim(bottom=0.0)
            axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(5))
            axes.yaxis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:,.6g}"))
        return _svg(figure)


def maps(results: Sequence[Result], district: District) -> str:
    """A map for each policy of what each segment felt in the mean, on one scale of colours."""
    policies = list(dict.fromkeys(result.policy for result in results))
    felt = {
        policy: np.mean([r.mean_increment for r in results if r.policy == policy], axis=0)
        for policy in policies
    }
    scale = Normalize(0.0, max(float(np.max(list(felt.values()))), 1.0))
    lines = [
        np.asarray(district.projection.to_xy(segment.line).coords)
        for segment in district.segments.values()
    ]
    corners = np.vstack(lines)
    span_x, span_y = corners.max(axis=0) - corners.min(axis=0)
    columns = len(policies) if len(policies) <= MOST_MAPS else MAPS_IN_ROW
    rows = -(-len(policies) // columns)
    high = min(max((12.0 / columns - 0.3) * span_y / max(span_x, 1.0), 2.0), 7.0) + 0.5
    with _drawing(12.0, rows * high + 1.0) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels[len(policies) :]:
            axes.set_axis_off()
        for axes, policy in zip(panels, policies, strict=False):
            _map(axes, lines, felt[policy], scale)
            axes.set_title(policy, pad=10.0, fontweight="bold")
        bar = figure.colorbar(
            ScalarMappable(scale, "YlOrRd"),
            ax=list(panels),
            location="bottom",
            shrink=0.45,
            aspect=40,
            pad=0.02,
        )
        bar.set_label("mean increment, µg/m³ PM10")
        bar.outline.set_visible(False)
        return _svg(figure)


def _map(
    axes: Axes, lines: list[NDArray[np.float64]], felt: NDArray[np.float64], scale: Normalize
) -> None:
    # The dustiest on top.
    order = np.argsort(felt)
    axes.add_collection(LineCollection([lines[at] for at in order], colors=FAINT, linewidths=3.4))
    axes.add_collection(
        LineCollection(
            [lines[at] for at in order],
            array=felt[order],
            cmap="YlOrRd",
            norm=scale,
            linewidths=2.4,
            capstyle="round",
        )
    )
    axes.set_aspect("equal")
    axes.autoscale()
    axes.set_axis_off()


def day(results: Sequence[Result], district: District) -> str:
    """What residents feel through a day under each policy, over all days and seeds."""
    hours = (np.arange(DAY_BLOCKS) + 0.5) * BLOCK_MIN / 60.0
    with _drawing(12.0, 3.6) as figure:
        axes = figure.subplots()
        axes.axhline(LIMIT, color="#c23b3b", linewidth=1, linestyle=(0, (5, 3)))
        axes.annotate(
            f"{LIMIT:.0f} µg/m³",
            (24.0, LIMIT),
            (-2, 3),
            textcoords="offset points",
            ha="right",
            color="#c23b3b",
        )
        axes.plot(
            hours,
            _through_the_day([(r, r.background) for r in results], district),
            color=INK,
            linewidth=1,
            linestyle=":",
            label="background",
        )
        for policy in dict.fromkeys(result.policy for result in results):
            mine = [(r, r.course) for r in results if r.policy == policy]
            axes.plot(
                hours,
                _through_the_day(mine, district),
                color=colour(policy),
                linewidth=1.8,
                label=policy,
            )
        axes.set_xlim(0.0, 24.0)
        axes.set_ylim(bottom=0.0)
        axes.set_xticks(range(0, 25, 3), [f"{hour:02d}:00" for hour in range(0, 25, 3)])
        axes.set_ylabel("µg/m³ PM10")
        axes.grid(visible=True)
        axes.tick_params(length=0)
        axes.legend(
            ncols=6, frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2
        )
        return _svg(figure)


def _through_the_day(
    courses: Sequence[tuple[Result, NDArray[np.float64]]], district: District
) -> NDArray[np.float64]:
    """(block,) means by local time of day, nan where no trial has been."""
    total, count = np.zeros(DAY_BLOCKS), np.zeros(DAY_BLOCKS)
    for result, course in courses:
        local = result.start.astimezone(district.timezone)
        first = (60 * local.hour + local.minute) // BLOCK_MIN
        at = (first + np.arange(len(course))) % DAY_BLOCKS
        np.add.at(total, at, course)
        np.add.at(count, at, 1.0)
    return np.asarray(
        np.divide(total, count, out=np.full(DAY_BLOCKS, np.nan), where=count > 0), np.float64
    )


@contextmanager
def _drawing(width_in: float, height_in: float) -> Iterator[Figure]:
    with mpl.rc_context(_STYLE):
        yield Figure((width_in, height_in), layout=ConstrainedLayoutEngine(h_pad=0.12))


def _svg(figure: Figure) -> str:
    """The picture as an element to be put into a page."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    found = text.getvalue()
    return found[found.index("<svg") :]
