"""The platform itself: everything here, against given services, its schema, its health."""

import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from roaddust.cli.given import (
    database,
    ground,
    prepare,
    scenario_of,
    settings_of,
    speed_of,
    zone_and_now,
)
from roaddust.cli.options import (
    XINGHAI,
    Config,
    Db,
    DistrictFolder,
    Mqtt,
    ScenarioName,
    Seed,
    above_0,
)
from roaddust.cli.plainly import said_plainly
from roaddust.cli.stopping import stop_on_signals
from roaddust.cli.telling import clock_bar, page, pretty, terminal


def demo(
    district: DistrictFolder = XINGHAI,
    config: Config = None,
    hours: Annotated[
        float | None,
        typer.Option(help="Simulated hours to run; until Ctrl-C when left out.", callback=above_0),
    ] = None,
    speed: Annotated[str, typer.Option(help="Simulated seconds per second, or 'max'.")] = "60",
    scenario: ScenarioName = "ordinary",
    seed: Seed = 1,
    no_console: Annotated[bool, typer.Option("--no-console", help="Run unattended.")] = False,
    port: Annotated[int | None, typer.Option(help="Of the console.")] = None,
    summary: Annotated[
        Path | None, typer.Option(help="Write the run in figures to this JSON file.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder for everything it keeps.")] = None,
) -> None:
    """Everything on this machine: broker, database, all stages, console, simulated street."""
    from roaddust.demo import Demo, run_demo
    from roaddust.platform import Started

    with said_plainly():
        given = {"port": port, "data": data}
        world = scenario_of(scenario)
        loaded, settings = prepare(ground(world, district, config, given), config, given)
        wanted = Demo(
            district=loaded,
            settings=settings,
            scenario=world,
            seed=seed,
            hours=hours,
            speed=speed_of(speed),
            console=not no_console,
        )
        stop = stop_on_signals()

        def announce(started: Started) -> None:
            terminal.print(f"数据 data      {settings.data.absolute()}")
            terminal.print(f"数据库 database {started.server}, 内嵌 embedded")
            if started.console:
                terminal.print(f"控制台 console  [bold]{started.console}[/bold]")
            if started.admin_password:
                terminal.print(f"登录 log in     admin / {started.admin_password}")
            terminal.print("停止 stop       Ctrl-C")

        with clock_bar(wanted.scenario.start.astimezone(loaded.timezone), hours) as show:
            figures = run_demo(
                wanted,
                stop,
                announce=announce,
                progress=lambda now, share: show(now.astimezone(loaded.timezone), share),
            )
        if summary:
            summary.write_text(pretty(figures), encoding="utf-8")
        elif hours is not None:
            sys.stdout.write(pretty(figures))


def run(
    district: DistrictFolder = XINGHAI,
    only: Annotated[
        str | None,
        typer.Option(help="Some of ingest,analytics,dispatch,console; all when left out."),
    ] = None,
    mqtt: Mqtt = None,
    db: Db = None,
    clock: Annotated[str | None, typer.Option(help="'wall', or 'mqtt' for lockstep.")] = None,
    host: Annotated[str | None, typer.Option(help="Where the console listens.")] = None,
    port: Annotated[int | None, typer.Option(help="Of the console.")] = None,
    config: Config = None,
) -> None:
    """The platform against given services."""
    from roaddust.platform import Platform

    with said_plainly():
        loaded, settings = prepare(
            district,
            config,
            {"mqtt": mqtt, "db": db, "clock": clock, "host": host, "port": port},
        )
        stages = _stages(only)
        stop = stop_on_signals()
        with Platform(loaded, settings, stages) as platform:
            started = platform.start()
            logging.getLogger(__name__).info(
                "%s is served: %s on %s%s",
                loaded.id,
                ", ".join(stages),
                started.server,
                f", console at {started.console}" if started.console else "",
            )
            if started.admin_password:
                # To the terminal and not to the log, which others may read.
                terminal.print(f"登录 log in: admin / {started.admin_password}")
            while not stop.wait(0.2) and not platform.failed.is_set():
                pass
        platform.check()


def check(folder: Annotated[Path, typer.Argument(help="District folder.")]) -> None:
    """Say what is wrong with a district folder."""
    from geo.district import check_district, load_district
    from roaddust.settings import SettingsError
    from roaddust.settings import check_district as check_overrides

    problems = check_district(folder)
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    if not errors:
        try:
            check_overrides(load_district(folder).overrides)
        except SettingsError as error:
            sys.stdout.write(f"district.toml: {error}\n")
            errors += len(error.problems)
    sys.stdout.write(f"{errors} errors, {warnings} warnings\n")
    if errors:
        raise typer.Exit(1)


def migrate(db: Db = None, config: Config = None) -> None:
    """Bring the schema up to date."""
    from store.migrate import migrate as bring_up

    with said_plainly():
        applied = bring_up(settings_of({"db": db}, config).db)
        sys.stdout.write("\n".join(applied or ["up to date"]) + "\n")


def status(
    district: DistrictFolder = XINGHAI,
    db: Db = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: Config = None,
) -> None:
    """One page of health: what came in, who is heard, what waits, what was refused. 运行状况。"""
    from roaddust.clock import WallClock
    from roaddust.status import as_dict, lines
    from roaddust.status import status as look

    with said_plainly(), database(db, config) as conn:
        zone, now = zone_and_now(district, conn)
        found = look(conn, now, WallClock().now(), zone)
        if as_json:
            sys.stdout.write(pretty(as_dict(found)))
            return
        wide = page(150, highlight=False)
        for part in lines(found, zone):
            wide.print(part)


def _stages(only: str | None) -> tuple[Any, ...]:
    from roaddust.settings import STAGES

    if only is None:
        return STAGES
    wanted = [name.strip() for name in only.split(",")]
    unknown = sorted(set(wanted) - set(STAGES))
    if unknown:
        raise typer.BadParameter(
            f"no such stage: {', '.join(unknown)}; there are {', '.join(STAGES)}",
            param_hint="--only",
        )
    return tuple(stage for stage in STAGES if stage in wanted)
