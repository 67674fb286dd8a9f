"""What people decide against a plan."""

import sys
from typing import Annotated

import typer

from roaddust.cli.given import database, time_of, zone_and_now
from roaddust.cli.options import XINGHAI, Config, Db, DistrictFolder, above_0
from roaddust.cli.plainly import said_plainly
from roaddust.cli.telling import complain, say_rows

commands = typer.Typer(no_args_is_help=True, help="What people decide against a plan. 人工干预。")


@commands.command("add")
def add_override(
    kind: Annotated[str, typer.Argument(help="pin, forbid, assign, hold or add.")],
    why: Annotated[str, typer.Option(help="The reason; it is told to whoever asks.")],
    by: Annotated[str, typer.Option(help="Who decides.")],
    hours: Annotated[float, typer.Option(help="For so long.", callback=above_0)] = 8.0,
    place: Annotated[str | None, typer.Option(help="Segment or site.")] = None,
    treatment: Annotated[str | None, typer.Option(help="wash, sweep, fog, ...")] = None,
    crew: Annotated[str | None, typer.Option()] = None,
    order: Annotated[str | None, typer.Option(help="Of an order to pin.")] = None,
    priority: Annotated[int | None, typer.Option(help="1 to 3, of an added order.")] = None,
    due: Annotated[str | None, typer.Option(help="When added work should have begun.")] = None,
    district: DistrictFolder = XINGHAI,
    db: Db = None,
    config: Config = None,
) -> None:
    """Record a decision, which every plan respects until it is over or withdrawn."""
    from datetime import timedelta

    from geo.district import load_district
    from store.overrides import BadOverride, Wish, check, record

    with said_plainly(), database(db, config) as conn:
        loaded = load_district(district)
        zone, now = zone_and_now(district, conn)
        places = [s.id for s in loaded.segments.values() if s.treat] + list(loaded.sites)
        wish = Wish(
            kind=kind, why=why, given_by=by, until=now + timedelta(hours=hours), place=place,
            treatment=treatment, crew=crew, order=order, priority=priority,
            due=None if due is None else time_of(due, zone, "--due"),
        )  # fmt: skip
        try:
            check(wish, now, places=places, crews=list(loaded.crews))
            number = record(conn, wish, now)
        except BadOverride as error:
            raise typer.BadParameter(str(error)) from None
        conn.commit()
        sys.stdout.write(f"{number}\n")


@commands.command("list")
def list_overrides(
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    db: Db = None,
    config: Config = None,
) -> None:
    """The newest, standing or over, one a line."""
    from psycopg.rows import dict_row

    from store.statements import statements

    with (
        said_plainly(),
        database(db, config) as conn,
        conn.cursor(row_factory=dict_row) as cursor,
    ):
        page = cursor.execute(statements("overrides").overrides_page, {"limit": limit})
        say_rows({key: its for key, its in row.items() if its is not None} for row in page)


@commands.command("withdraw")
def withdraw_override(
    number: Annotated[int, typer.Argument(help="Of the decision.")],
    why: Annotated[str, typer.Option(help="The reason.")],
    by: Annotated[str, typer.Option(help="Who decides.")],
    district: DistrictFolder = XINGHAI,
    db: Db = None,
    config: Config = None,
) -> None:
    """End a decision before its time."""
    from store.overrides import BadOverride, withdraw

    with said_plainly(), database(db, config) as conn:
        _, now = zone_and_now(district, conn)
        try:
            withdraw(conn, number, by, why, now)
        except BadOverride as error:
            complain(str(error))
            raise typer.Exit(1) from None
        conn.commit()
