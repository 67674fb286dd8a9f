"""What was: stored history by other rules, why a place was treated, what a day or week came to."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from roaddust.cli.given import database, day_of, prepare, settings_of, span, time_of, zone_and_now
from roaddust.cli.options import XINGHAI, Config, Db, DistrictFolder, From, To
from roaddust.cli.plainly import said_plainly
from roaddust.cli.stopping import stop_on_signals
from roaddust.cli.telling import clock_bar, complain, page, pretty, say_rows, terminal


def backtest(
    first: From,
    last: To,
    rules: Annotated[
        Path | None,
        typer.Option(help="TOML file of rules to try, with the keys of district.toml."),
    ] = None,
    district: DistrictFolder = XINGHAI,
    db: Db = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for a page and CSV tables of the outcome.")
    ] = None,
    operators: Annotated[int, typer.Option(help="On duty at a time.", min=1)] = 1,
    write: Annotated[
        bool, typer.Option("--write", help="Replace the stored results of the span.")
    ] = False,
    config: Config = None,
) -> None:
    """The analytics over stored history: what these rules would have raised."""
    from roaddust.backtest.page import write_report
    from roaddust.backtest.run import Stopped, Wanted, run_backtest
    from roaddust.backtest.table import on_terminal, summary, tables
    from roaddust.clock import WallClock
    from store.database import connect

    if write and rules is not None:
        raise typer.BadParameter(
            "rules on trial are not written: put them into district.toml, then write without them",
            param_hint="--rules",
        )
    with said_plainly():
        loaded, settings = prepare(district, config, {"db": db}, rules)
        zone = loaded.timezone
        try:
            wanted = Wanted(loaded, settings.analytics, *span(first, last, zone), operators)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--from") from None
        stop = stop_on_signals()
        with connect(settings.db, name="backtest") as conn:
            try:
                with clock_bar(wanted.first.astimezone(zone), hours=0.0) as show:
                    found = run_backtest(
                        conn,
                        wanted,
                        stop,
                        lambda now, share: show(now.astimezone(zone), share),
                        write_at=WallClock().now() if write else None,
                    )
            except Stopped:
                complain("stopped before the end; nothing is written")
                raise typer.Exit(1) from None
        wide = page()
        for table in tables(found, loaded):
            wide.print(on_terminal(table))
        for line in summary(found):
            wide.print(line)
        if out is not None:
            facts = {
                "辖区 District": loaded.name,
                "从 From": wanted.first.astimezone(zone).isoformat(),
                "到 To": wanted.last.astimezone(zone).isoformat(),
                "规则 Rules": "现行 those in force" if rules is None else str(rules),
            }
            terminal.print(f"{write_report(out, found, loaded, facts)}")


def explain(
    place: Annotated[str, typer.Argument(help="Segment or site.")],
    at: Annotated[str | None, typer.Option(help="As of this time; now when left out.")] = None,
    district: DistrictFolder = XINGHAI,
    db: Db = None,
    config: Config = None,
) -> None:
    """Why a place is treated or not, in both languages, with its orders and their story."""
    from store.why import why

    with said_plainly(), database(db, config) as conn:
        zone, now = zone_and_now(district, conn)
        found = why(conn, place, now if at is None else time_of(at, zone, "--at"))
        sys.stdout.write(pretty(found))


def overnight(
    day: Annotated[str | None, typer.Option(help="Local day; today when left out.")] = None,
    district: DistrictFolder = XINGHAI,
    db: Db = None,
    config: Config = None,
) -> None:
    """What of a day was not made, or is open still. 事不过夜清单。"""
    from psycopg.rows import dict_row

    from store.statements import statements

    with said_plainly(), database(db, config) as conn:
        zone, now = zone_and_now(district, conn)
        wanted = now.astimezone(zone).date() if day is None else day_of(day, "--day")
        with conn.cursor(row_factory=dict_row) as cursor:
            say_rows(cursor.execute(statements("life").not_made, {"day": wanted}))


def report(
    kind: Annotated[str, typer.Option(help="day, week or month.")] = "week",
    day: Annotated[
        str | None, typer.Option("--date", help="Any day of it; the last that is over if left out.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for page, PDF, workbook and figures.")] = Path(
        "roaddust-report"
    ),
    lang: Annotated[str | None, typer.Option(help="zh-CN or en; both when left out.")] = None,
    district: DistrictFolder = XINGHAI,
    db: Db = None,
    config: Config = None,
) -> None:
    """A day, week or month in figures, as a page, a PDF and a workbook. 日报、周报、月报。"""
    from console.reports.period import KINDS, newest_over
    from console.texts import LANGUAGES
    from geo.district import load_district
    from roaddust.reporting import write_report
    from store.database import connect

    wanted = next((one for one in KINDS if one == kind), None)
    if wanted is None:
        raise typer.BadParameter(f"{kind!r}: write {', '.join(KINDS)}", param_hint="--kind")
    languages = [one for one in LANGUAGES if lang in (None, one)]
    if not languages:
        raise typer.BadParameter(f"{lang!r}: write {', '.join(LANGUAGES)}", param_hint="--lang")
    of = None if day is None else day_of(day, "--date")
    with said_plainly():
        dsn = settings_of({"db": db}, config).db
        loaded = load_district(district)
        with connect(dsn, name="report", autocommit=True) as conn:
            zone, now = zone_and_now(district, conn)
            today = now.astimezone(zone).date()
            first = of or newest_over(wanted, today).first
            for file in write_report(conn, loaded, wanted, first, now, languages, out):
                sys.stdout.write(f"{file}\n")
