"""A backtest as one page that needs no other file, and as tables for programs."""

import csv
from collections.abc import Iterable
from datetime import date, datetime
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from analytics.moments import time_of
from geo.district import District
from roaddust.backtest.account import Raised
from roaddust.backtest.comparison import Comparison, Pair, minutes_of
from roaddust.backtest.table import WORDS, Table, summary, tables

MOST_LISTED = 500
"""Episodes on the page; the CSV has them all."""

HOW = {
    "longer": ("更长", "longer"),
    "shorter": ("更短", "shorter"),
    "moved": ("时间移动", "moved"),
    "higher": ("级别更高", "higher"),
    "lower": ("级别更低", "lower"),
}


def write_report(
    folder: Path, found: Comparison, district: District, facts: dict[str, str]
) -> Path:
    """Write `index.html`, `episodes.csv`, `minutes.csv` and `alarms.csv` into a folder, which is
    made if need be; gives the page.

    facts: what was asked for, by bilingual name. Times in the CSV are UTC, PM in µg/m³.
    """
    folder.mkdir(parents=True, exist_ok=True)
    differ = [pair for pair in found.pairs if pair.fate != "same"]
    listed = f"共 {len(differ)} 起。 {len(differ)} in all."
    if len(differ) > MOST_LISTED:
        listed += (
            f" 此处列前 {MOST_LISTED} 起。 The first {MOST_LISTED} are here, all in episodes.csv."
        )
    page = Template(
        (files("roaddust.backtest") / "page.html").read_text(encoding="utf-8")
    ).substitute(
        # One look with the page of an evaluation.
        style=(files("evaluation") / "page.css").read_text(encoding="utf-8"),
        title=escape(f"{district.name} · 历史回测 Backtest"),
        facts="".join(
            f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items()
        ),
        summary="<br>".join(escape(line) for line in summary(found)),
        bars=_bars(found),
        tables="".join(_table(table) for table in tables(found, district)),
        listed=escape(listed),
        differences=_differences(differ[:MOST_LISTED], found, district),
    )
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    _write_episodes(folder / "episodes.csv", found)
    _write_minutes(folder / "minutes.csv", found)
    _write_alarms(folder / "alarms.csv", found)
    return path


def _table(table: Table) -> str:
    heads = "".join(f"<th>{escape(zh)}<small>{escape(en)}</small></th>" for zh, en in table.heads)
    rows = "".join(
        f"<tr><th>{escape(row[0])}</th>"
        f"{''.join(f'<td>{escape(cell)}</td>' for cell in row[1:])}</tr>"
        for row in table.rows
    )
    zh, en = table.title
    return (
        f"<h2>{escape(zh)}<span>{escape(en)}</span></h2>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _bars(found: Comparison) -> str:
    """Two bars a day, each with its numbers to be read by pointing at it."""
    before, after = found.raised_by_day("stored"), found.raised_by_day("found")
    days = found.days
    top = max([*before.values(), *after.values(), 1])
    width, height, foot = 1140.0, 160.0, 18.0
    step = width / len(days)
    parts = [f'<text x="0" y="11" font-size="11" fill="#6b7280">{top}</text>']
    for n, day in enumerate(days):
        for side, counts, at in (("stored", before, 0.1), ("found", after, 0.5)):
            tall = (height - 16) * counts[day] / top
            parts.append(
                f'<rect class="{side}" x="{(n + at) * step:.2f}" y="{height - tall:.2f}" '
                f'width="{0.4 * step:.2f}" height="{tall:.2f}">'
                f"<title>{day}: {before[day]} → {after[day]}</title></rect>"
            )
        if n % max(len(days) // 12, 1) == 0:
            parts.append(
                f'<text x="{n * step:.2f}" y="{height + 14:.0f}" font-size="11" fill="#6b7280">'
                f"{day:%m-%d}</text>"
            )
    return f'<svg viewBox="0 0 {width:.0f} {height + foot:.0f}" role="img">{"".join(parts)}</svg>'


def _differences(pairs: Iterable[Pair], found: Comparison, district: District) -> str:
    zone = district.timezone

    def at(minute: int | None) -> str:
        return "…" if minute is None else f"{time_of(minute).astimezone(zone):%m-%d %H:%M}"

    def words(one: Raised | None) -> str:
        if one is None:
            return "–"
        return (
            f"{at(one.started)} – {at(one.ended)}, {minutes_of(one, found.span)} min, "
            f"L{one.level}, {one.peak:.0f} µg/m³"
        )

    rows = "".join(
        f'<tr><th class="{pair.fate}">{" ".join(WORDS[pair.fate])}'
        f"{''.join(f'<br>{zh} {en}' for zh, en in map(HOW.__getitem__, pair.how))}</th>"
        f"<td>{escape(pair.either.place)}</td><td>{escape(pair.either.rule)}</td>"
        f"<td>{words(pair.stored)}</td><td>{words(pair.found)}</td></tr>"
        for pair in pairs
    )
    heads = (
        ("", ""),
        ("地点", "place"),
        ("规则", "rule"),
        ("库中", "stored"),
        ("回测", "backtest"),
    )
    head = "".join(f'<th style="text-align:left">{zh}<small>{en}</small></th>' for zh, en in heads)
    return (
        f'<table class="list"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        if rows
        else ""
    )


def _write_episodes(path: Path, found: Comparison) -> None:
    columns = ("episode", "started_at", "ended_at", "minutes", "level", "peak", "cause")

    def cells(one: Raised | None) -> list[object]:
        if one is None:
            return [""] * len(columns)
        ended = "" if one.ended is None else _iso(time_of(one.ended))
        minutes = minutes_of(one, found.span)
        return [one.id, _iso(time_of(one.started)), ended, minutes, one.level, one.peak, one.cause]

    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        sides = [f"{side}_{column}" for side in ("stored", "backtest") for column in columns]
        rows.writerow(["fate", "how", "segment", "site", "rule", *sides])
        for pair in found.pairs:
            one = pair.either
            rows.writerow(
                [
                    *(pair.fate, " ".join(pair.how), one.segment, one.site, one.rule),
                    *cells(pair.stored),
                    *cells(pair.found),
                ]
            )


def _write_minutes(path: Path, found: Comparison) -> None:
    """Minutes at exactly a level."""
    keys: list[tuple[date, str, int]] = sorted({*found.stored.minutes, *found.found.minutes})
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["day", "segment", "level", "stored", "backtest"])
        for key in keys:
            rows.writerow([*key, found.stored.minutes[key], found.found.minutes[key]])


def _write_alarms(path: Path, found: Comparison) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["side", "at"])
        for side, account in (("stored", found.stored), ("backtest", found.found)):
            rows.writerows([side, _iso(time_of(minute))] for minute in account.alarms)


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
