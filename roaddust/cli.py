"""`roaddust COMMAND`: exit status 0 done, 1 failed, 2 used wrongly."""

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console as Terminal
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Dust control for truck roads: readings in, crews out, proof back. 道路扬尘治理。",
)
dead_letters = typer.Typer(no_args_is_help=True, help="What was refused, and why. 死信。")
app.add_typer(dead_letters, name="dead-letters")
quality = typer.Typer(no_args_is_help=True, help="Of the stations and their tests. 质控。")
app.add_typer(quality, name="quality")
gateway = typer.Typer(no_args_is_help=True, help="For devices without MQTT. 协议网关。")
app.add_typer(gateway, name="gateway")
override = typer.Typer(no_args_is_help=True, help="What people decide against a plan. 人工干预。")
app.add_typer(override, name="override")

terminal = Terminal(stderr=True, highlight=False)

_BAR = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
XINGHAI = Path(__file__).parent.parent / "geo" / "data" / "xinghai"


def _above_0(value: float | None) -> float | None:
    if value is not None and not 0 < value < float("inf"):
        raise typer.BadParameter(f"{value:g}: a number above 0")
    return value


DistrictFolder = Annotated[
    Path, typer.Option("--district", help="District folder.", exists=True, file_okay=False)
]
Config = Annotated[Path | None, typer.Option("--config", help="TOML file of settings.")]
Mqtt = Annotated[
    str | None, typer.Option("--mqtt", help="Broker: mqtt://user:password@host:port, or mqtts://.")
]
Db = Annotated[str | None, typer.Option("--db", help="Database: a PostgreSQL address.")]
ScenarioName = Annotated[str, typer.Option("--scenario", help="A scenario's name, or a TOML file.")]
Table = Annotated[Path | None, typer.Option("--table", help="What a maker's events mean: TOML.")]
Metrics = Annotated[
    str | None, typer.Option(help="HOST:PORT for Prometheus; nowhere when left out.")
]
Seed = Annotated[int, typer.Option(help="Of every random choice of the world.")]
From = Annotated[
    str,
    typer.Option("--from", help="RFC 3339 time; the district's own time without an offset."),
]
To = Annotated[str, typer.Option("--to", help="The end, likewise.")]


@app.command()
def demo(
    district: DistrictFolder = XINGHAI,
    config: Config = None,
    hours: Annotated[
        float | None,
        typer.Option(help="Simulated hours to run; until Ctrl-C when left out.", callback=_above_0),
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

    with _said_plainly():
        given = {"port": port, "data": data}
        world = _scenario(scenario)
        loaded, settings = _prepare(_ground(world, district, config, given), config, given)
        wanted = Demo(
            district=loaded,
            settings=settings,
            scenario=world,
            seed=seed,
            hours=hours,
            speed=_speed(speed),
            console=not no_console,
        )
        stop = _stop_on_signals()

        def announce(started: Started) -> None:
            terminal.print(f"数据 data      {settings.data.absolute()}")
            terminal.print(f"数据库 database {started.server}, 内嵌 embedded")
            if started.console:
                terminal.print(f"控制台 console  [bold]{started.console}[/bold]")
            if started.admin_password:
                terminal.print(f"登录 log in     admin / {started.admin_password}")
            terminal.print("停止 stop       Ctrl-C")

        with _clock_bar(wanted.scenario.start.astimezone(loaded.timezone), hours) as show:
            figures = run_demo(
                wanted,
                stop,
                announce=announce,
                progress=lambda now, share: show(now.astimezone(loaded.timezone), share),
            )
        text = msgspec.json.format(msgspec.json.encode(figures), indent=2)
        if summary:
            summary.write_bytes(text + b"\n")
        elif hours is not None:
            sys.stdout.write(text.decode() + "\n")


@app.command()
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

    with _said_plainly():
        loaded, settings = _prepare(
            district,
            config,
            {"mqtt": mqtt, "db": db, "clock": clock, "host": host, "port": port},
        )
        stages = _stages(only)
        stop = _stop_on_signals()
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


@app.command()
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


@app.command()
def simulate(
    district: DistrictFolder = XINGHAI,
    mqtt: Mqtt = None,
    scenario: ScenarioName = "ordinary",
    seed: Seed = 1,
    days: Annotated[float, typer.Option(help="Simulated days.", callback=_above_0)] = 1.0,
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

    pace = _speed(speed)
    if not lockstep and (pace is None or pace > MINUTE_S):
        raise typer.BadParameter(
            f"{speed}: without --lockstep 60 at most, so that minutes keep times of their own",
            param_hint="--speed",
        )
    with _said_plainly():
        world = _scenario(scenario)
        given = {"mqtt": mqtt}
        loaded, settings = _prepare(_ground(world, district, config, given), config, given)
        stop = _stop_on_signals()
        duration = timedelta(days=days)
        with _clock_bar(world.start.astimezone(loaded.timezone), days * 24) as show:
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


@app.command()
def evaluate(
    district: DistrictFolder = XINGHAI,
    scenario: ScenarioName = "ordinary",
    policies: Annotated[
        str | None,
        typer.Option(help="Some of nothing,timetable,nearest,oracle,platform; all if left out."),
    ] = None,
    days: Annotated[
        float | None,
        typer.Option(help="Simulated days; the scenario's own when left out.", callback=_above_0),
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

    with _said_plainly():
        world = _scenario(scenario)
        given = {"data": data}
        folder = _ground(world, district, config, given)
        loaded, settings = _prepare(folder, config, given)
        try:
            wanted = Evaluation(
                district=folder,
                settings=settings,
                scenario=world,
                policies=EVERY_POLICY if policies is None else _names(policies),
                seeds=seeds_from(first_seed, seeds),
                days=world.days if days is None else days,
                jobs=jobs or os.cpu_count() or 1,
            )
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--policies") from None
        stop = _stop_on_signals()
        try:
            with Progress(*_BAR, console=terminal, transient=True) as bar:
                task = bar.add_task(world.name, total=1.0)
                outcomes = run_evaluation(
                    wanted, stop, lambda share: bar.update(task, completed=share)
                )
        except Stopped:
            _complain("stopped before the end; nothing is written")
            raise typer.Exit(1) from None
        page = tell(wanted, loaded, outcomes, out)
        terminal.print(f"{page}")


@app.command()
def backtest(
    first: Annotated[
        str,
        typer.Option("--from", help="RFC 3339 time; the district's own time without an offset."),
    ],
    last: Annotated[str, typer.Option("--to", help="The end, likewise.")],
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
    with _said_plainly():
        loaded, settings = _prepare(district, config, {"db": db}, rules)
        zone = loaded.timezone
        try:
            wanted = Wanted(
                loaded,
                settings.analytics,
                _time(first, zone, "--from"),
                _time(last, zone, "--to"),
                operators,
            )
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--from") from None
        stop = _stop_on_signals()
        with connect(settings.db, name="backtest") as conn:
            try:
                with _clock_bar(wanted.first.astimezone(zone), hours=0.0) as show:
                    found = run_backtest(
                        conn,
                        wanted,
                        stop,
                        lambda now, share: show(now.astimezone(zone), share),
                        write_at=WallClock().now() if write else None,
                    )
            except Stopped:
                _complain("stopped before the end; nothing is written")
                raise typer.Exit(1) from None
        page = Terminal(width=max(Terminal().width, 110))
        for table in tables(found, loaded):
            page.print(on_terminal(table))
        for line in summary(found):
            page.print(line)
        if out is not None:
            facts = {
                "辖区 District": loaded.name,
                "从 From": wanted.first.astimezone(zone).isoformat(),
                "到 To": wanted.last.astimezone(zone).isoformat(),
                "规则 Rules": "现行 those in force" if rules is None else str(rules),
            }
            terminal.print(f"{write_report(out, found, loaded, facts)}")


@app.command()
def migrate(db: Db = None, config: Config = None) -> None:
    """Bring the schema up to date."""
    from store.migrate import migrate as bring_up

    with _said_plainly():
        applied = bring_up(_settings({"db": db}, config).db)
        sys.stdout.write("\n".join(applied or ["up to date"]) + "\n")


@app.command()
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

    with _said_plainly(), _database(db, config) as conn:
        zone, now = _zone_and_now(district, conn)
        found = look(conn, now, WallClock().now(), zone)
        if as_json:
            text = msgspec.json.format(msgspec.json.encode(as_dict(found)), indent=2)
            sys.stdout.write(text.decode() + "\n")
            return
        page = Terminal(width=max(Terminal().width, 150), highlight=False)
        for part in lines(found, zone):
            page.print(part)


@app.command("broker-users")
def broker_users(
    kind: Annotated[str, typer.Argument(help="mosquitto or nats.")],
    out: Annotated[Path, typer.Option(help="The broker's file of users; made or brought up.")],
    also: Annotated[
        list[str] | None, typer.Option(help="drones/ID or reports/CHANNEL; as often as needed.")
    ] = None,
    again: Annotated[
        list[str] | None, typer.Option(help="A user that gets a new password.")
    ] = None,
    district: DistrictFolder = XINGHAI,
    config: Config = None,
) -> None:
    """A password per device. New ones go to standard output, once. 为设备生成消息服务器账号。"""
    from roaddust.brokerusers import KINDS, BadUser, bring_up, users

    if kind not in KINDS:
        raise typer.BadParameter(f"{kind!r}: write {' or '.join(KINDS)}", param_hint="KIND")
    with _said_plainly():
        loaded, settings = _prepare(district, config, {})
        try:
            made = bring_up(kind, out, users(loaded, also or ()), settings.prefix, again or ())
        except BadUser as error:
            raise typer.BadParameter(str(error)) from None
        for user, password in made.fresh.items():
            sys.stdout.write(f"{user},{password}\n")
        for user in made.gone:
            terminal.print(f"已删除 taken out: {user}")


@app.command()
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

    with _said_plainly():
        settings = _settings({"mqtt": mqtt}, config)
        stop = _stop_on_signals()
        with Progress(*_BAR, console=terminal, transient=True) as bar:
            task = bar.add_task(files[0].name, total=1.0)
            sent = send(
                files,
                station=station,
                address=Address.parse(settings.mqtt),
                prefix=settings.prefix,
                speed=_speed(speed),
                own_times=own_times,
                columns=_column_map(columns),
                now=WallClock().now,
                stop=stop,
                progress=lambda share: bar.update(task, completed=share),
            )
        sys.stdout.write(
            f"{sent.rows} rows, {sent.published} published, {sent.skipped} without a value\n"
        )


@gateway.command("hj212")
def gateway_hj212(
    listen: Annotated[str, typer.Option(help="HOST:PORT for the loggers.")] = "127.0.0.1:9212",
    district: DistrictFolder = XINGHAI,
    mqtt: Mqtt = None,
    devices: Annotated[
        str | None, typer.Option(help="TOML file of the loggers' passwords and keys.")
    ] = None,
    any_password: Annotated[
        bool | None, typer.Option("--any-password", help="Take loggers without a known password.")
    ] = None,
    metrics: Metrics = None,
    config: Config = None,
) -> None:
    """Data loggers that speak HJ 212 over TCP. 数采仪。"""
    from roaddust.gateway import run_hj212

    with _said_plainly():
        host, port = _host_and_port(listen)
        loaded, settings = _prepare(district, config, {"mqtt": mqtt})
        given = {"devices": devices, "any_password": any_password, "metrics": metrics}
        known = {key: value for key, value in given.items() if value is not None}
        wanted = settings.model_copy(update={"gateway": replace(settings.gateway, **known)})
        counters = run_hj212(
            loaded,
            wanted,
            host,
            port,
            _stop_on_signals(),
            lambda got: terminal.print(f"HJ 212: [bold]{host}:{got}[/bold]  Ctrl-C"),
        )
        logging.getLogger(__name__).info("%s", counters)


@gateway.command("hikvision")
def gateway_hikvision(
    listen: Annotated[str, typer.Option(help="HOST:PORT for the cameras.")] = "127.0.0.1:9213",
    district: DistrictFolder = XINGHAI,
    mqtt: Mqtt = None,
    table: Table = None,
    metrics: Metrics = None,
    config: Config = None,
) -> None:
    """Alarms that Hikvision cameras post over HTTP. 海康摄像机。"""
    from roaddust.gateway import run_hikvision

    with _said_plainly():
        host, port = _host_and_port(listen)
        loaded, settings = _prepare(district, config, {"mqtt": mqtt})
        counters = run_hikvision(
            loaded,
            _of_vendor(settings, table, metrics),
            host,
            port,
            _stop_on_signals(),
            lambda got: terminal.print(f"http://{host}:{got}/hikvision/TOKEN  Ctrl-C"),
        )
        logging.getLogger(__name__).info("%s", counters)


@gateway.command("dji")
def gateway_dji(
    district: DistrictFolder = XINGHAI,
    mqtt: Mqtt = None,
    table: Table = None,
    metrics: Metrics = None,
    config: Config = None,
) -> None:
    """Events of DJI docks that are on the same broker. 大疆机场。"""
    from roaddust.gateway import run_dji

    with _said_plainly():
        loaded, settings = _prepare(district, config, {"mqtt": mqtt})
        counters = run_dji(loaded, _of_vendor(settings, table, metrics), _stop_on_signals())
        logging.getLogger(__name__).info("%s", counters)


@dead_letters.command("list")
def list_letters(
    db: Db = None,
    reason: Annotated[str | None, typer.Option(help="Only of this reason.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    config: Config = None,
) -> None:
    """The newest, one a line."""
    from roaddust.deadletters import newest

    with _said_plainly(), _database(db, config) as conn:
        for number, at, why, topic, part, detail, retried_at in newest(
            conn, reason=reason, limit=limit
        ):
            where = topic if part is None else f"{topic} [{part}]"
            again = "  (retried)" if retried_at else ""
            sys.stdout.write(
                f"{number}  {at:%Y-%m-%dT%H:%M:%SZ}  {why}  {where}  {detail}{again}\n"
            )


@dead_letters.command("show")
def show_letter(
    number: Annotated[int, typer.Argument(help="Of the letter.")],
    db: Db = None,
    config: Config = None,
) -> None:
    """One, whole, as it came."""
    from roaddust.deadletters import letter

    with _said_plainly(), _database(db, config) as conn:
        found = letter(conn, number)
        for name in ("topic", "part", "received_at", "reason", "detail", "retried_at"):
            sys.stdout.write(f"{name}: {getattr(found, name)}\n")
        sys.stdout.flush()
        sys.stdout.buffer.write(found.payload + b"\n")


@dead_letters.command("retry")
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
    with _said_plainly():
        loaded, settings = _prepare(district, config, {"db": db})
        stay = 0
        with _database(db, config) as conn:
            _, now = _zone_and_now(district, conn)
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


@quality.command("propose")
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

    with _said_plainly():
        loaded, settings = _prepare(district, config, {"db": db})
        since, until = (
            _time(text, loaded.timezone, option)
            for text, option in ((first, "--from"), (last, "--to"))
        )
        layout = Layout.of(loaded, settings.analytics)
        with connect(settings.db, name="quality") as conn:
            found = propose(history(conn, loaded, layout, since, until), layout.kinds)
        if not found:
            _complain("too few believed readings in that span to propose anything")
            raise typer.Exit(1)
        sys.stdout.write(as_toml(found, settings.analytics.quality))


@quality.command("stations")
def station_health(
    first: From,
    last: To,
    district: DistrictFolder = XINGHAI,
    db: Db = None,
    config: Config = None,
) -> None:
    """Per station and day: what is missing, what is doubted and why, its gain."""
    from rich.table import Table

    from analytics.health import complaints, station_days
    from store.database import connect

    with _said_plainly():
        loaded, settings = _prepare(district, config, {"db": db})
        zone = loaded.timezone
        with connect(settings.db, name="quality") as conn:
            days = station_days(
                conn, _time(first, zone, "--from"), _time(last, zone, "--to"), str(zone)
            )
        table = Table("站点 station", "日 day", "读数 readings", "最后 last", "缺失 missing",
                      "可疑 doubted", "灵敏度 gain", "备注 remarks")  # fmt: skip
        for day in days:
            table.add_row(
                day.station,
                f"{day.day}",
                f"{day.readings}",
                f"{day.last_seen.astimezone(zone):%H:%M}",
                f"{day.missing:.1%}",
                f"{day.flagged:.1%}",
                "" if day.gain is None else f"{day.gain:.2f}",
                "; ".join(complaints(day, settings.language)),
            )
        Terminal(width=max(Terminal().width, 110)).print(table)


@quality.command("silences")
def station_silences(
    first: From,
    last: To,
    district: DistrictFolder = XINGHAI,
    db: Db = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 200,
    config: Config = None,
) -> None:
    """Stations that said nothing for three of their usual intervals, the newest first. 静默。"""
    from rich.table import Table

    from geo.district import load_district
    from store.statements import statements

    with _said_plainly(), _database(db, config) as conn:
        zone = load_district(district).timezone
        span = {
            "first": _time(first, zone, "--from"),
            "last": _time(last, zone, "--to"),
            "limit": limit,
        }
        table = Table(
            "站点 station", "自 since", "至 until", "分钟 minutes", "平时间隔 usually every"
        )
        for station, since, every_s, _, ended_at in conn.execute(
            statements("completeness").silences_of, span
        ):
            minutes = "" if ended_at is None else f"{(ended_at - since).total_seconds() / 60:.0f}"
            until = (
                "仍静默 still" if ended_at is None else f"{ended_at.astimezone(zone):%m-%d %H:%M}"
            )
            began = f"{since.astimezone(zone):%m-%d %H:%M}"
            table.add_row(station, began, until, minutes, f"{every_s:g} s")
        Terminal(width=max(Terminal().width, 110)).print(table)


@app.command("why")
def explain(
    place: Annotated[str, typer.Argument(help="Segment or site.")],
    at: Annotated[str | None, typer.Option(help="As of this time; now when left out.")] = None,
    district: DistrictFolder = XINGHAI,
    db: Db = None,
    config: Config = None,
) -> None:
    """Why a place is treated or not, in both languages, with its orders and their story."""
    from store.why import why

    with _said_plainly(), _database(db, config) as conn:
        zone, now = _zone_and_now(district, conn)
        found = why(conn, place, now if at is None else _time(at, zone, "--at"))
        text = msgspec.json.format(msgspec.json.encode(found), indent=2)
        sys.stdout.write(text.decode() + "\n")


@app.command()
def overnight(
    day: Annotated[str | None, typer.Option(help="Local day; today when left out.")] = None,
    district: DistrictFolder = XINGHAI,
    db: Db = None,
    config: Config = None,
) -> None:
    """What of a day was not made, or is open still. 事不过夜清单。"""
    from datetime import date

    from psycopg.rows import dict_row

    from store.statements import statements

    with _said_plainly(), _database(db, config) as conn:
        zone, now = _zone_and_now(district, conn)
        try:
            wanted = now.astimezone(zone).date() if day is None else date.fromisoformat(day)
        except ValueError:
            raise typer.BadParameter(
                f"{day!r} is no day: write 2026-03-02", param_hint="--day"
            ) from None
        with conn.cursor(row_factory=dict_row) as cursor:
            for row in cursor.execute(statements("life").not_made, {"day": wanted}):
                sys.stdout.write(msgspec.json.encode(row).decode() + "\n")


@app.command()
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
    from datetime import date

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
    try:
        of = None if day is None else date.fromisoformat(day)
    except ValueError:
        raise typer.BadParameter(
            f"{day!r} is no day: write 2026-03-02", param_hint="--date"
        ) from None
    with _said_plainly():
        dsn = _settings({"db": db}, config).db
        loaded = load_district(district)
        with connect(dsn, name="report", autocommit=True) as conn:
            zone, now = _zone_and_now(district, conn)
            today = now.astimezone(zone).date()
            first = of or newest_over(wanted, today).first
            for file in write_report(conn, loaded, wanted, first, now, languages, out):
                sys.stdout.write(f"{file}\n")


@override.command("add")
def add_override(
    kind: Annotated[str, typer.Argument(help="pin, forbid, assign, hold or add.")],
    why: Annotated[str, typer.Option(help="The reason; it is told to whoever asks.")],
    by: Annotated[str, typer.Option(help="Who decides.")],
    hours: Annotated[float, typer.Option(help="For so long.", callback=_above_0)] = 8.0,
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

    with _said_plainly(), _database(db, config) as conn:
        loaded = load_district(district)
        zone, now = _zone_and_now(district, conn)
        places = [s.id for s in loaded.segments.values() if s.treat] + list(loaded.sites)
        wish = Wish(
            kind=kind, why=why, given_by=by, until=now + timedelta(hours=hours), place=place,
            treatment=treatment, crew=crew, order=order, priority=priority,
            due=None if due is None else _time(due, zone, "--due"),
        )  # fmt: skip
        try:
            check(wish, now, places=places, crews=list(loaded.crews))
            number = record(conn, wish, now)
        except BadOverride as error:
            raise typer.BadParameter(str(error)) from None
        conn.commit()
        sys.stdout.write(f"{number}\n")


@override.command("list")
def list_overrides(
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    db: Db = None,
    config: Config = None,
) -> None:
    """The newest, standing or over, one a line."""
    from psycopg.rows import dict_row

    from store.statements import statements

    with (
        _said_plainly(),
        _database(db, config) as conn,
        conn.cursor(row_factory=dict_row) as cursor,
    ):
        for row in cursor.execute(statements("overrides").overrides_page, {"limit": limit}):
            said = {key: value for key, value in row.items() if value is not None}
            sys.stdout.write(msgspec.json.encode(said).decode() + "\n")


@override.command("withdraw")
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

    with _said_plainly(), _database(db, config) as conn:
        _, now = _zone_and_now(district, conn)
        try:
            withdraw(conn, number, by, why, now)
        except BadOverride as error:
            _complain(str(error))
            raise typer.Exit(1) from None
        conn.commit()


# What the commands share ------------------------------------------------------------------------


def _prepare(
    folder: Path, config: Path | None, given: dict[str, Any], rules: Path | None = None
) -> tuple[Any, Any]:
    """The district and the settings with its overrides."""
    from geo.district import load_district

    _log_to_stderr()
    district = load_district(folder)
    return district, _settings(given, config, district.overrides, rules)


def _settings(
    given: dict[str, Any],
    config: Path | None,
    district: dict[str, Any] | None = None,
    rules: Path | None = None,
) -> Any:
    """The settings; what is wrong with an option is wrong use, elsewhere it is a failure."""
    from roaddust.settings import SettingsError, settings

    known = {key: value for key, value in given.items() if value is not None}
    try:
        return settings(given=known, config=config, district=district, rules=rules)
    except SettingsError as error:
        if error.names & known.keys():
            raise typer.BadParameter(str(error)) from None
        raise


def _ground(scenario: Any, folder: Path, config: Path | None, given: dict[str, Any]) -> Path:
    """The district folder for a scenario: its own, drawn, unless another one was given."""
    from roaddust.drawn import drawn_district

    if not scenario.district or folder != XINGHAI:
        return folder
    return drawn_district(scenario.district, _settings(given, config).data)


def _time(text: str, zone: tzinfo, option: str) -> datetime:
    """RFC 3339 or milliseconds since 1970; a date is its midnight; without an offset, local."""
    try:
        if text.isdecimal():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise typer.BadParameter(
            f"{text!r} is no time: write 2026-03-02, 2026-03-02T08:00 or 2026-03-02T08:00+08:00",
            param_hint=option,
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _zone_and_now(folder: Path, conn: Any) -> tuple[tzinfo, datetime]:
    """The district's time zone, and the platform's time: that of the last tick in lockstep."""
    from geo.district import load_district
    from roaddust.clock import WallClock
    from store.meta import get_meta

    reached = get_meta(conn, "now")
    now = WallClock().now() if reached is None else datetime.fromisoformat(reached["now"])
    return load_district(folder).timezone, now


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _scenario(name: str) -> Any:
    from simulators.scenario import load_scenario

    try:
        return load_scenario(name)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--scenario") from None


def _of_vendor(settings: Any, table: Path | None, metrics: str | None) -> Any:
    given = {"table": None if table is None else str(table), "metrics": metrics}
    known = {key: value for key, value in given.items() if value is not None}
    return settings.model_copy(update={"vendors": replace(settings.vendors, **known)})


def _host_and_port(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise typer.BadParameter(
            f"{text!r}: write host:port, 127.0.0.1:9212 say", param_hint="--listen"
        )
    return host.strip("[]"), int(port)


@contextmanager
def _database(db: str | None, config: Path | None) -> Iterator[Any]:
    from store.database import connect

    with connect(_settings({"db": db}, config).db, name="cli") as conn:
        yield conn


def _column_map(text: str | None) -> dict[str, str] | None:
    """`a=b,c=d` as a dict; a usage error where it is not of that form."""
    if text is None:
        return None
    pairs = [pair.split("=", 1) for pair in text.split(",")]
    if any(len(pair) != 2 for pair in pairs):
        raise typer.BadParameter(f"{text!r}: write column=name,column=name", param_hint="--columns")
    return {column.strip(): name.strip() for column, name in pairs}


def _stages(only: str | None) -> tuple[Any, ...]:
    from roaddust.settings import STAGES

    if only is None:
        return STAGES
    names = [name.strip() for name in only.split(",")]
    unknown = sorted(set(names) - set(STAGES))
    if unknown:
        raise typer.BadParameter(
            f"no such stage: {', '.join(unknown)}; there are {', '.join(STAGES)}",
            param_hint="--only",
        )
    return tuple(stage for stage in STAGES if stage in names)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise typer.BadParameter(f"{text!r}: a number above 0, or max", param_hint="--speed")
    return speed


def _stop_on_signals() -> threading.Event:
    """Set by Ctrl-C or SIGTERM; a second Ctrl-C is as abrupt as ever."""
    stop = threading.Event()

    def on_signal(signum: int, _frame: object) -> None:
        stop.set()
        signal.signal(signum, signal.SIG_DFL)

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return stop


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    logging.getLogger("yoyo").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Errors that a person can mend come out as one message: status 1, or 2 for wrong use."""
    import psycopg

    from analytics.rewriting import Refused
    from geo.problems import DistrictError
    from ingest.vendors.table import TableError
    from roaddust.backtest.run import NoHistory
    from roaddust.deadletters import NoSuchLetter
    from roaddust.embedded import AlreadyRunning, StartFailed
    from roaddust.gateway import MetricsPlaceError, PasswordsError
    from roaddust.platform import PlatformFailed, WrongUse
    from roaddust.settings import SettingsError
    from simulators.replay import BadRecord

    try:
        yield
    except (WrongUse, PasswordsError, MetricsPlaceError) as error:
        raise typer.BadParameter(str(error)) from None
    except psycopg.errors.UndefinedTable as error:
        _complain(
            f"the database does not have roaddust's tables ({str(error).splitlines()[0]}): "
            "run `roaddust migrate --db ...` first"
        )
        raise typer.Exit(1) from error
    except (
        DistrictError,
        SettingsError,
        PlatformFailed,
        TableError,
        AlreadyRunning,
        StartFailed,
        NoSuchLetter,
        NoHistory,
        Refused,
        BadRecord,
        psycopg.OperationalError,
        ConnectionError,
        FileNotFoundError,
        OSError,
    ) as error:
        _complain(str(error))
        raise typer.Exit(1) from error


def _complain(words: str) -> None:
    terminal.print("[red]roaddust:[/red]", end=" ")
    terminal.print(words, markup=False, soft_wrap=True)


@contextmanager
def _clock_bar(first: datetime, hours: float | None) -> Iterator[Callable[[datetime, float], None]]:
    """A bar with the simulated time, or the time alone where there is no end."""
    with Progress(*_BAR, console=terminal, transient=True) as bar:
        task = bar.add_task(f"{first:%Y-%m-%d %H:%M}", total=1.0 if hours is not None else None)

        def show(now: datetime, share: float) -> None:
            bar.update(
                task,
                description=f"{now:%Y-%m-%d %H:%M}",
                completed=share if hours is not None else 0.0,
            )

        yield show


if __name__ == "__main__":
    app()
