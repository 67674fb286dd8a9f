"""The simulated street: devices and crews, recorded readings, policies side by side."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from roaddust.cli.given import ground, names, prepare, scenario_of, settings_of, speed_of
from roaddust.cli.options import XINGHAI, Config, DistrictFolder, Mqtt, ScenarioName, Seed, above_0
from roaddust.cli.plainly import said_plainly
from roaddust.cli.stopping import stop_on_signals
from roaddust.cli.telling import clock_bar, complain, share_bar, terminal


def simulate(
    district: DistrictFolder = XINGHAI,
    mqtt: Mqtt = None,
    scenario: ScenarioName = "ordinary",
    seed: Seed = 1,
    days: Annotated[float, typer.Option(help="Simulated days.", callback=above_0)] = 1.0,
    speed: Annotated[str, typer.Option(help="Simulated seconds per second, or 'max'.")] = "1",
    lockstep: Annotated[
        bool, typer.Option("--lockstep", help="Publish the clock and wait for the platform.")
    ] = False,
    truth: Annotated[
        Path | None,
        typer.Option(help="Folder to write into what really happened; the platform never sees it."),
    ] = None,
    config: Config = None,
) -> None:
    """Devices, traffic, weather and crews."""
    from datetime import timedelta

    from broker.connection import Address
    from roaddust.clock import WallClock
    from simulators.lockstep import MINUTE_S
    from simulators.lockstep import simulate as run_world

    pace = speed_of(speed)
    if not lockstep and (pace is None or pace > MINUTE_S):
        raise typer.BadParameter(
            f"{speed}: without --lockstep 60 at most, so that minutes keep times of their own",
            param_hint="--speed",
        )
    with said_plainly():
        world = scenario_of(scenario)
        given = {"mqtt": mqtt}
        loaded, settings = prepare(ground(world, district, config, given), config, given)
        stop = stop_on_signals()
        duration = timedelta(days=days)
        with clock_bar(world.start.astimezone(loaded.timezone), days * 24) as show:
            published = run_world(
                loaded,
                Address.parse(settings.mqtt),
                settings.prefix,
                world,
                seed=seed,
                duration=duration,
                speed=pace,
                lockstep=lockstep,
                on_tick=lambda now: show(
                    now.astimezone(loaded.timezone), (now - world.start) / duration
                ),
                stop=stop,
                wall_now=WallClock().now,
                truth=truth,
            )
        terminal.print(f"{published}")


def replay(
    files: Annotated[list[Path], typer.Argument(help="CSV files of readings.")],
    station: Annotated[str, typer.Option(help="Station of the district that they are sent as.")],
    mqtt: Mqtt = None,
    speed: Annotated[str, typer.Option(help="Recorded seconds per second, or 'max'.")] = "max",
    own_times: Annotated[
        bool,
        typer.Option("--own-times", help="Keep the recorded times and publish the clock along."),
    ] = False,
    columns: Annotated[
        str | None, typer.Option(help="Columns by name: 'PM 10=pm10,wind=wind_speed'.")
    ] = None,
    config: Config = None,
) -> None:
    """Recorded readings as if they came in now, or at their own times."""
    from broker.connection import Address
    from roaddust.clock import WallClock
    from simulators.replay import replay as send

    with said_plainly():
        settings = settings_of({"mqtt": mqtt}, config)
        stop = stop_on_signals()
        with share_bar(files[0].name) as show:
            sent = send(
                files,
                station=station,
                address=Address.parse(settings.mqtt),
                prefix=settings.prefix,
                speed=speed_of(speed),
                own_times=own_times,
                columns=_column_map(columns),
                now=WallClock().now,
                stop=stop,
                progress=show,
            )
        sys.stdout.write(
            f"{sent.rows} rows, {sent.published} published, {sent.skipped} without a value\n"
        )


def evaluate(
    district: DistrictFolder = XINGHAI,
    scenario: ScenarioName = "ordinary",
    policies: Annotated[
        str | None,
        typer.Option(help="Some of nothing,timetable,nearest,oracle,platform; all if left out."),
    ] = None,
    days: Annotated[
        float | None,
        typer.Option(help="Simulated days; the scenario's own when left out.", callback=above_0),
    ] = None,
    seeds: Annotated[int, typer.Option(help="How many worlds; intervals need two.", min=1)] = 5,
    first_seed: Annotated[int, typer.Option(help="Of the first world.")] = 1,
    jobs: Annotated[
        int | None, typer.Option(help="Trials at a time; one per core when left out.", min=1)
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the page and the figures.")] = Path(
        "roaddust-evaluation"
    ),
    config: Config = None,
    data: Annotated[Path | None, typer.Option(help="Folder for the services.")] = None,
) -> None:
    """Policies side by side on simulated days, as a table and a page with pictures."""
    import os

    from roaddust.evaluate import (
        EVERY_POLICY,
        Evaluation,
        Stopped,
        run_evaluation,
        seeds_from,
        tell,
    )

    with said_plainly():
        world = scenario_of(scenario)
        given = {"data": data}
        folder = ground(world, district, config, given)
        loaded, settings = prepare(folder, config, given)
        try:
            wanted = Evaluation(
                district=folder,
                settings=settings,
                scenario=world,
                policies=EVERY_POLICY if policies is None else names(policies),
                seeds=seeds_from(first_seed, seeds),
                days=world.days if days is None else days,
                jobs=jobs or os.cpu_count() or 1,
            )
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--policies") from None
        stop = stop_on_signals()
        try:
            with share_bar(world.name) as show:
                outcomes = run_evaluation(wanted, stop, show)
        except Stopped:
            complain("stopped before the end; nothing is written")
            raise typer.Exit(1) from None
        page = tell(wanted, loaded, outcomes, out)
        terminal.print(f"{page}")


def _column_map(text: str | None) -> dict[str, str] | None:
    """`a=b,c=d` as a dict; a usage error where it is not of that form."""
    if text is None:
        return None
    pairs = [pair.split("=", 1) for pair in text.split(",")]
    if any(len(pair) != 2 for pair in pairs):
        raise typer.BadParameter(f"{text!r}: write column=name,column=name", param_hint="--columns")
    return {column.strip(): name.strip() for column, name in pairs}
