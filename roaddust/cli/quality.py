"""The stations and the tests of their readings."""

import sys
from typing import Annotated

import typer

from roaddust.cli.given import database, prepare, span
from roaddust.cli.options import XINGHAI, Config, Db, DistrictFolder, From, To
from roaddust.cli.plainly import said_plainly
from roaddust.cli.telling import complain, print_table

commands = typer.Typer(no_args_is_help=True, help="Of the stations and their tests. 质控。")


@commands.command("propose")
def propose_thresholds(
    first: From,
    last: To,
    district: DistrictFolder = XINGHAI,
    db: Db = None,
    config: Config = None,
) -> None:
    """Thresholds of the tests out of stored history, as TOML to put into district.toml."""
    from analytics.layout import Layout
    from analytics.thresholds import as_toml, history, propose
    from store.database import connect

    with said_plainly():
        loaded, settings = prepare(district, config, {"db": db})
        since, until = span(first, last, loaded.timezone)
        layout = Layout.of(loaded, settings.analytics)
        with connect(settings.db, name="quality") as conn:
            found = propose(history(conn, loaded, layout, since, until), layout.kinds)
        if not found:
            complain("too few believed readings in that span to propose anything")
            raise typer.Exit(1)
        sys.stdout.write(as_toml(found, settings.analytics.quality))


@commands.command("stations")
def station_health(
    first: From,
    last: To,
    district: DistrictFolder = XINGHAI,
    db: Db = None,
    config: Config = None,
) -> None:
    """Per station and day: what is missing, what is doubted and why, its gain."""
    from analytics.health import complaints, station_days
    from store.database import connect

    with said_plainly():
        loaded, settings = prepare(district, config, {"db": db})
        zone = loaded.timezone
        with connect(settings.db, name="quality") as conn:
            days = station_days(conn, *span(first, last, zone), str(zone))
        print_table(
            ("站点 station", "日 day", "读数 readings", "最后 last", "缺失 missing",
             "可疑 doubted", "灵敏度 gain", "备注 remarks"),
            (
                (
                    day.station,
                    f"{day.day}",
                    f"{day.readings}",
                    f"{day.last_seen.astimezone(zone):%H:%M}",
                    f"{day.missing:.1%}",
                    f"{day.flagged:.1%}",
                    "" if day.gain is None else f"{day.gain:.2f}",
                    "; ".join(complaints(day, settings.language)),
                )
                for day in days
            ),
        )  # fmt: skip


@commands.command("silences")
def station_silences(
    first: From,
    last: To,
    district: DistrictFolder = XINGHAI,
    db: Db = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 200,
    config: Config = None,
) -> None:
    """Stations that said nothing for three of their usual intervals, the newest first. 静默。"""
    from geo.district import load_district
    from store.statements import statements

    with said_plainly(), database(db, config) as conn:
        zone = load_district(district).timezone
        since, until = span(first, last, zone)
        told = []
        for station, began, every_s, _, ended_at in conn.execute(
            statements("completeness").silences_of,
            {"first": since, "last": until, "limit": limit},
        ):
            ended, minutes = "仍静默 still", ""
            if ended_at is not None:
                ended = f"{ended_at.astimezone(zone):%m-%d %H:%M}"
                minutes = f"{(ended_at - began).total_seconds() / 60:.0f}"
            at = f"{began.astimezone(zone):%m-%d %H:%M}"
            told.append((station, at, ended, minutes, f"{every_s:g} s"))
        print_table(
            ("站点 station", "自 since", "至 until", "分钟 minutes", "平时间隔 usually every"), told
        )
