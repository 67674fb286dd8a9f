"""Dead letters: what was refused, and why."""

import sys
from typing import Annotated, Any

import typer

from roaddust.cli.given import database, prepare, zone_and_now
from roaddust.cli.options import XINGHAI, Config, Db, DistrictFolder
from roaddust.cli.plainly import said_plainly

commands = typer.Typer(no_args_is_help=True, help="What was refused, and why. 死信。")


@commands.command("list")
def list_letters(
    db: Db = None,
    reason: Annotated[str | None, typer.Option(help="Only of this reason.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    config: Config = None,
) -> None:
    """The newest, one a line."""
    from roaddust.deadletters import newest

    with said_plainly(), database(db, config) as conn:
        for number, at, why, topic, part, detail, retried_at in newest(
            conn, reason=reason, limit=limit
        ):
            where = topic if part is None else f"{topic} [{part}]"
            again = "  (retried)" if retried_at else ""
            sys.stdout.write(
                f"{number}  {at:%Y-%m-%dT%H:%M:%SZ}  {why}  {where}  {detail}{again}\n"
            )


@commands.command("show")
def show_letter(
    number: Annotated[int, typer.Argument(help="Of the letter.")],
    db: Db = None,
    config: Config = None,
) -> None:
    """One, whole, as it came."""
    from roaddust.deadletters import letter

    with said_plainly(), database(db, config) as conn:
        found = letter(conn, number)
        for name in ("topic", "part", "received_at", "reason", "detail", "retried_at"):
            sys.stdout.write(f"{name}: {getattr(found, name)}\n")
        sys.stdout.flush()
        sys.stdout.buffer.write(found.payload + b"\n")


@commands.command("retry")
def retry_letters(
    wanted: Annotated[
        list[int] | None, typer.Argument(metavar="[NUMBER]...", help="Of the letters.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="All of this reason.")] = None,
    topic: Annotated[
        str | None, typer.Option(help="All whose topic begins so: up/stations/ST01/, say.")
    ] = None,
    district: DistrictFolder = XINGHAI,
    db: Db = None,
    config: Config = None,
) -> None:
    """Take them in again, after what was wrong has been put right. Exit status 1 if any stays."""
    from roaddust.deadletters import Retry, numbers
    from roaddust.registry import registry

    if not wanted and reason is None and topic is None:
        raise typer.BadParameter("which ones? Give numbers, --reason or --topic")
    with said_plainly():
        loaded, settings = prepare(district, config, {"db": db})
        stay = 0
        with database(db, config) as conn:
            _, now = zone_and_now(district, conn)
            again = Retry(registry(loaded), settings.ingest)
            which = wanted or numbers(conn, reason=reason, topic=topic)
            for one in again.each(conn, which, now):
                stay += one.refused
                sys.stdout.write(f"{one.id}  {_became(one)}\n")
        if stay:
            raise typer.Exit(1)


def _became(one: Any) -> str:
    """What became of a dead letter, in both languages."""
    match one.became:
        case "stored":
            late = f", 迟到 late {one.late}" if one.late else ""
            return f"入库 stored {one.stored}{late}"
        case "duplicate":
            return "已在库 a duplicate: it is stored already"
        case "refused":
            return f"仍被拒 refused again: {one.reason}: {one.detail}"
    return (
        f"入库 stored {one.stored}, 重复 duplicates {one.duplicates}, "
        f"仍被拒 refused {one.refused}: letters of their own now"
    )
