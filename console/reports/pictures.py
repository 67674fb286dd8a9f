"""Pictures of a report as SVG: shapes with classes, coloured by the page's style sheet or by the
PDF's palette. Texts are escaped; sizes are in the picture's own units."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from html import escape
from math import ceil, cos, floor, log10, radians

from console.models import District
from console.reports.estimate import Estimate

Pieces = list[str]

PALETTE: Mapping[str, str] = {
    "ink": "fill:#14232e",
    "quiet": "fill:#5d707c",
    "axis": "stroke:#d8e0e6;stroke-width:1;fill:none",
    "zero": "stroke:#8b9aa5;stroke-width:1;fill:none",
    "bar": "fill:#0b6a94",
    "bar-2": "fill:#dd4f14",
    "bar-soft": "fill:#a9c7d6",
    "whisker": "stroke:#14232e;stroke-width:1.4;fill:none",
    "line-1": "stroke:#b3470f;stroke-width:1.8;fill:none;stroke-linejoin:round",
    "line-2": "stroke:#7a8c99;stroke-width:1.4;fill:none;stroke-dasharray:4 3",
    "dot": "fill:#b3470f",
    "bed": "stroke:#c3ced6;stroke-width:2.2;fill:none;stroke-linecap:round",
    "way": "stroke:#e2e8ec;stroke-width:1.6;fill:none;stroke-linecap:round",
    "s0": "stroke:#1a9b6c;stroke-width:3;fill:none;stroke-linecap:round",
    "s1": "stroke:#e9b800;stroke-width:4.5;fill:none;stroke-linecap:round",
    "s2": "stroke:#dd4f14;stroke-width:6.5;fill:none;stroke-linecap:round",
    "s3": "stroke:#8e1c63;stroke-width:8.5;fill:none;stroke-linecap:round",
    "site": "fill:#c9b48a;fill-opacity:.45;stroke:#9c8450;stroke-width:1",
    "site-dot": "fill:#9c8450;stroke:#ffffff;stroke-width:1.2",
    "episode": "fill:#dd4f14;fill-opacity:.75",
    "flag": "fill:#6a4c93",
    "work": "fill:#2b8fd0",
    "mark": "fill:#14232e",
    "leader": "stroke:#5d707c;stroke-width:0.8;fill:none",
    "none": "fill:#f4f7f9",
    "frame": "fill:none;stroke:#14232e;stroke-width:1.6",
}  # fmt: skip
"""What a class looks like on paper; `static/report.css` has the same for both themes."""

FONTS = "Inter, 'Noto Sans SC', 'Noto Sans CJK SC'"


def coloured(svg: str) -> str:
    """With the palette inside, for where no style sheet reaches."""
    rules = "".join(f".{name}{{{style}}}" for name, style in PALETTE.items())
    style = f"<style>text{{font-family:{FONTS}}}{rules}</style>"
    head, end, rest = svg.partition(">")
    return head + end + style + rest


def _svg(width: float, height: float, pieces: Pieces, alt: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(alt)}">{"".join(pieces)}</svg>'
    )


def _text(
    x: float, y: float, words: str, *, size: float = 11, look: str = "ink", anchor: str = "start",
    bold: bool = False,
) -> str:  # fmt: skip
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" class="{look}" '
        f'text-anchor="{anchor}"{weight}>{escape(words)}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, look: str) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" class="{look}"/>'


def _rect(x: float, y: float, width: float, height: float, look: str, title: str = "") -> str:
    said = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" '
        f'class="{look}">{said}</rect>'
    )


def steps(most: float, count: int = 4) -> list[float]:
    """Round numbers from 0 to at least `most`."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / count
    unit = 10.0 ** floor(log10(rough))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= rough * 0.999)
    return [step * i for i in range(ceil(most / step * 0.999) + 1)]


def intervals(
    rows: Sequence[tuple[str, Estimate]],
    say: Callable[[float], str],
    alt: str,
    *,
    width: float = 400,
    label: float = 120,
    look: str = "bar",
    points: bool = False,
) -> str:
    """A bar, or a point, with its 90 % for each row."""
    high = 24.0
    height = high * len(rows) + 26
    values = [part for _, e in rows for part in (e.low, e.high)]
    least, most = min([0.0, *values]), max([0.0, *values])
    if least < 0:
        unit = steps(max(most, -least))[1]
        ticks = [unit * i for i in range(floor(least / unit), ceil(most / unit) + 1)]
    else:
        ticks = steps(most)
    room = width - label - 58
    span = (ticks[-1] - ticks[0]) or 1.0

    def at(value: float) -> float:
        return label + room * (value - ticks[0]) / span

    pieces: Pieces = []
    for tick in ticks:
        pieces.append(_line(at(tick), 4, at(tick), height - 20, "zero" if tick == 0 else "axis"))
        pieces.append(
            _text(at(tick), height - 6, say(tick), size=10, look="quiet", anchor="middle")
        )
    for i, (name, e) in enumerate(rows):
        y = 6 + high * i
        pieces.append(_text(label - 8, y + 14, _short(name, label - 10), anchor="end"))
        if points:
            pieces.append(
                f'<circle cx="{at(e.value):.1f}" cy="{y + 10:.1f}" r="4.2" class="{look}"/>'
            )
        else:
            left = at(min(e.value, 0.0))
            pieces.append(_rect(left, y + 3, at(max(e.value, 0.0)) - left, 14, look))
        if e.high > e.low:
            pieces.append(_line(at(e.low), y + 10, at(e.high), y + 10, "whisker"))
            for end in (e.low, e.high):
                pieces.append(_line(at(end), y + 7, at(end), y + 13, "whisker"))
        pieces.append(_text(width - 4, y + 14, say(e.value), anchor="end", bold=True))
    return _svg(width, height, pieces, alt)


def _wide(words: str) -> float:
    """How wide a text of 11 units is; a Chinese sign is as wide as two letters."""
    return sum(11.0 if ord(sign) > 0x2E7F else 6.3 for sign in words)


def _short(name: str, room: float) -> str:
    """As much of a name as has room at 11 units."""
    if _wide(name) <= room:
        return name
    kept = name
    while len(kept) > 1 and _wide(kept) > room - 11:
        kept = kept[:-1]
    return kept + "…"


def street_hours(
    hours: Sequence[tuple[datetime, float | None, float | None, int]],
    zone: tzinfo,
    names: tuple[str, str, str],
    alt: str,
    *,
    width: float = 780,
    height: float = 200,
) -> str:
    """What the street adds, what blows in, and below how many minutes were over the limit.

    hours: (time, increment, background, minutes over); names: of the three.
    """
    if not hours:
        return _svg(width, 40, [], alt)
    left, right, top, foot = 46.0, 12.0, 24.0, 74.0
    first, last = hours[0][0], hours[-1][0]
    span = max((last - first).total_seconds() + 3600, 3600.0)
    values = [v for _, a, b, _ in hours for v in (a, b) if v is not None]
    ticks = steps(max([1.0, *values]))
    low = height - foot

    def x(time: datetime) -> float:
        return left + (width - left - right) * (time - first).total_seconds() / span

    def y(value: float) -> float:
        return low - (low - top) * max(value, 0.0) / ticks[-1]

    pieces: Pieces = []
    for tick in ticks:
        pieces.append(_line(left, y(tick), width - right, y(tick), "zero" if not tick else "axis"))
        pieces.append(
            _text(left - 6, y(tick) + 4, f"{tick:g}", size=10, look="quiet", anchor="end")
        )
    one_day = span <= 36 * 3600
    for time, *_ in hours:
        local = time.astimezone(zone)
        if local.hour % (3 if one_day else 24) == 0:
            pieces.append(_line(x(time), top, x(time), height - 20, "axis"))
            said = f"{local:%H:%M}" if one_day else f"{local:%m-%d}"
            if one_day or span < 9 * 86_400 or local.day % 3 == 1:
                pieces.append(_text(x(time) + 3, height - 6, said, size=10, look="quiet"))
    for column, look in ((2, "line-2"), (1, "line-1")):
        pieces.append(f'<path d="{_path(hours, column, x, y)}" class="{look}"/>')
    most = max(over for *_, over in hours) or 1
    wide = max((width - left - right) * 3600 / span - 0.6, 0.8)
    for time, _, _, over in hours:
        tall = 30.0 * over / most
        pieces.append(_rect(x(time), height - 24 - tall, wide, tall, "bar-2"))
    pieces.append(_text(left - 6, height - 26, f"{most:g}", size=9, look="quiet", anchor="end"))
    spot = left
    for name, look in zip(names, ("line-1", "line-2", "bar-2"), strict=True):
        if look == "bar-2":
            pieces.append(_rect(spot, 6, 12, 9, look))
        else:
            pieces.append(_line(spot, 11, spot + 18, 11, look))
        pieces.append(_text(spot + 23, 15, name, size=11, look="quiet"))
        spot += 44 + _wide(name)
    return _svg(width, height, pieces, alt)


def _path(
    hours: Sequence[tuple[datetime, float | None, float | None, int]],
    column: int,
    x: Callable[[datetime], float],
    y: Callable[[float], float],
) -> str:
    """Broken where nothing is known."""
    found, pen = [], "M"
    for hour in hours:
        value = hour[column]
        if not isinstance(value, int | float):
            pen = "M"
            continue
        found.append(f"{pen}{x(hour[0]):.1f} {y(value):.1f}")
        pen = "L"
    return "".join(found) or "M0 0"


def days(
    rows: Sequence[tuple[date, float | None]],
    say: Callable[[float], str],
    alt: str,
    *,
    width: float = 400,
    height: float = 144,
    look: str = "bar-2",
) -> str:
    """A column for each day, its figure above it; a dash where there is none."""
    pieces: Pieces = []
    most = steps(max([0.0, *(value for _, value in rows if value is not None)]))[-1]
    wide = (width - 20) / max(len(rows), 1)
    low = height - 24
    pieces.append(_line(10, low, width - 10, low, "zero"))
    for i, (day, value) in enumerate(rows):
        tall = (low - 24) * (value or 0.0) / most
        x = 10 + wide * i
        pieces.append(_rect(x + wide * 0.18, low - tall, wide * 0.64, tall, look))
        if len(rows) <= 10:
            said = "–" if value is None else say(value)
            pieces.append(
                _text(x + wide / 2, low - tall - 5, said, size=11, anchor="middle", bold=True)
            )
        if len(rows) <= 10 or day.day % 5 == 1:
            pieces.append(
                _text(
                    x + wide / 2, height - 8, f"{day:%m-%d}", size=10, look="quiet", anchor="middle"
                )
            )
    return _svg(width, height, pieces, alt)


def street_map(
    district: District,
    grade: Mapping[str, int],
    labels: Sequence[tuple[str, str]],
    alt: str,
    *,
    width: float = 420,
    height: float = 470,
) -> str:
    """The district with each segment drawn by its grade (0 to 3, none where nothing is known);
    labels: (segment or site, words), written at the edge with a line to the place."""
    points = [point for segment in district.segments if segment.treat for point in segment.line]
    if not points:
        return _svg(width, 40, [], alt)
    west, east = min(p[0] for p in points), max(p[0] for p in points)
    south, north = min(p[1] for p in points), max(p[1] for p in points)
    flat = cos(radians((south + north) / 2))
    edge = 12.0
    aside = min(max((_wide(words) for _, words in labels), default=0.0) + 34.0, 0.45 * width)
    scale = min(
        (width - edge - aside) / max((east - west) * flat, 1e-9),
        (height - 2 * edge) / max(north - south, 1e-9),
    )
    left = top = edge
    height = (north - south) * scale + 2 * edge
    end = left + (east - west) * flat * scale

    def at(point: Sequence[float]) -> tuple[float, float]:
        return left + (point[0] - west) * flat * scale, top + (north - point[1]) * scale

    def drawn(line: Sequence[Sequence[float]]) -> str:
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in map(at, line))

    pieces: Pieces = []
    for site in district.sites:
        for ring in site.rings:
            pieces.append(f'<path d="{drawn(ring)}Z" class="site"/>')
        x, y = at(site.centre)
        if not site.rings:
            pieces.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="site-dot"/>')
    for segment in sorted(
        (s for s in district.segments if s.treat), key=lambda s: grade.get(s.id, -1)
    ):
        look = f"s{grade[segment.id]}" if segment.id in grade else "bed"
        pieces.append(
            f'<path d="{drawn(segment.line)}" class="{look}"><title>{escape(segment.name)}</title>'
            "</path>"
        )
    middles = {s.id: s.line[len(s.line) // 2] for s in district.segments}
    middles |= {s.id: s.centre for s in district.sites}
    spots = sorted(
        ((*at(middles[place]), words) for place, words in labels if place in middles),
        key=lambda spot: spot[1],
    )
    low = 14.0
    for x, y, words in spots:
        line = max(low, y)
        low = line + 17.0
        start = min(end + 14, width - aside + 10)
        pieces.append(
            f'<path d="M{x:.1f} {y:.1f}L{start - 3:.1f} {line - 4:.1f}" class="leader"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" class="ink"/>'
        )
        pieces.append(_text(start, line, _short(words, width - start), size=11, bold=True))
    return _svg(width, height, pieces, alt)


def calendar(
    rows: Sequence[tuple[str, Sequence[tuple[date, int, int]]]],
    alt: str,
    *,
    width: float = 400,
    label: float = 120,
) -> str:
    """On which days a site offended: the number that it led, framed where its wheel wash failed.

    rows: (site, [(day, led, failures)]).
    """
    high = 24.0
    height = high * len(rows) + 26
    count = max((len(days) for _, days in rows), default=0)
    wide = (width - label - 6) / max(count, 1)
    most = max((led for _, days in rows for _, led, _ in days), default=0) or 1
    pieces: Pieces = []
    for i, (name, days) in enumerate(rows):
        y = 6 + high * i
        pieces.append(_text(label - 8, y + 14, _short(name, label - 10), anchor="end"))
        for j, (day, led, failed) in enumerate(days):
            x = label + wide * j
            pieces.append(_rect(x + 1, y + 1, wide - 2, high - 4, "none"))
            if led:
                tall = (high - 4) * (0.25 + 0.75 * led / most)
                pieces.append(_rect(x + 1, y + 1 + high - 4 - tall, wide - 2, tall, "bar-2"))
            if failed:
                pieces.append(_rect(x + 1, y + 1, wide - 2, high - 4, "frame"))
            if led and wide > 16:
                pieces.append(
                    _text(
                        x + wide / 2,
                        y + 15,
                        f"{led}",
                        size=10,
                        look="mark",
                        anchor="middle",
                        bold=True,
                    )
                )
            if i == len(rows) - 1 and (count <= 8 or day.day % 5 == 1):
                said = f"{day:%m-%d}"
                pieces.append(
                    _text(x + wide / 2, height - 6, said, size=10, look="quiet", anchor="middle")
                )
    return _svg(width, height, pieces, alt)


def timeline(
    spans: Sequence[tuple[datetime, datetime]],
    flags: Sequence[datetime],
    works: Sequence[datetime],
    ends: tuple[datetime, datetime],
    names: tuple[str, str, str],
    zone: tzinfo,
    alt: str,
    *,
    width: float = 780,
) -> str:
    """Of a site: spells that it led, what cameras saw by the hour, and work ordered there."""
    left, right, height = 96.0, 14.0, 148.0
    first, last = ends
    span = max((last - first).total_seconds(), 1.0)

    def x(time: datetime) -> float:
        share = min(max((time - first).total_seconds() / span, 0.0), 1.0)
        return left + (width - left - right) * share

    pieces: Pieces = []
    rows = (22.0, 66.0, 106.0)
    for y, name in zip(rows, names, strict=True):
        pieces.append(_text(left - 10, y + 8, name, anchor="end"))
        pieces.append(_line(left, y + 14, width - right, y + 14, "axis"))
    for start, end in spans:
        pieces.append(_rect(x(start), rows[0] - 4, max(x(end) - x(start), 2.0), 18, "episode"))
    bins: dict[int, int] = {}
    wide = 8.0
    for time in flags:
        slot = int((x(time) - left) / wide)
        bins[slot] = bins.get(slot, 0) + 1
    most = max([1, *bins.values()])
    for slot, n in bins.items():
        tall = 30.0 * n / most
        pieces.append(_rect(left + wide * slot, rows[1] + 14 - tall, wide - 1, tall, "flag"))
    for time in works:
        pieces.append(f'<circle cx="{x(time):.1f}" cy="{rows[2] + 6:.1f}" r="4.5" class="work"/>')
    for i in range(8):
        time = first + (last - first) * i / 7
        anchor = "start" if i == 0 else "end" if i == 7 else "middle"
        local = time.astimezone(zone)
        said = f"{local:%m-%d}" if span > 8 * 86_400 else f"{local:%m-%d %H:%M}"
        pieces.append(_text(x(time), height - 8, said, size=10, look="quiet", anchor=anchor))
    return _svg(width, height, pieces, alt)
