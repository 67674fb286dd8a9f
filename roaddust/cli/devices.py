"""For devices: gateways for those without MQTT, and a broker's users."""

import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from roaddust.cli.given import only_given, prepare
from roaddust.cli.options import XINGHAI, Config, DistrictFolder, Metrics, Mqtt, Table
from roaddust.cli.plainly import said_plainly
from roaddust.cli.stopping import stop_on_signals
from roaddust.cli.telling import terminal

commands = typer.Typer(no_args_is_help=True, help="For devices without MQTT. 协议网关。")


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
    with said_plainly():
        loaded, settings = prepare(district, config, {})
        try:
            made = bring_up(kind, out, users(loaded, also or ()), settings.prefix, again or ())
        except BadUser as error:
            raise typer.BadParameter(str(error)) from None
        for user, password in made.fresh.items():
            sys.stdout.write(f"{user},{password}\n")
        for user in made.gone:
            terminal.print(f"已删除 taken out: {user}")


@commands.command("hj212")
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

    with said_plainly():
        host, port = _host_and_port(listen)
        loaded, settings = prepare(district, config, {"mqtt": mqtt})
        known = only_given(devices=devices, any_password=any_password, metrics=metrics)
        wanted = settings.model_copy(update={"gateway": replace(settings.gateway, **known)})
        counters = run_hj212(
            loaded,
            wanted,
            host,
            port,
            stop_on_signals(),
            lambda got: terminal.print(f"HJ 212: [bold]{host}:{got}[/bold]  Ctrl-C"),
        )
        logging.getLogger(__name__).info("%s", counters)


@commands.command("hikvision")
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

    with said_plainly():
        host, port = _host_and_port(listen)
        loaded, settings = prepare(district, config, {"mqtt": mqtt})
        counters = run_hikvision(
            loaded,
            _of_vendor(settings, table, metrics),
            host,
            port,
            stop_on_signals(),
            lambda got: terminal.print(f"http://{host}:{got}/hikvision/TOKEN  Ctrl-C"),
        )
        logging.getLogger(__name__).info("%s", counters)


@commands.command("dji")
def gateway_dji(
    district: DistrictFolder = XINGHAI,
    mqtt: Mqtt = None,
    table: Table = None,
    metrics: Metrics = None,
    config: Config = None,
) -> None:
    """Events of DJI docks that are on the same broker. 大疆机场。"""
    from roaddust.gateway import run_dji

    with said_plainly():
        loaded, settings = prepare(district, config, {"mqtt": mqtt})
        counters = run_dji(loaded, _of_vendor(settings, table, metrics), stop_on_signals())
        logging.getLogger(__name__).info("%s", counters)


def _of_vendor(settings: Any, table: Path | None, metrics: str | None) -> Any:
    known = only_given(table=None if table is None else str(table), metrics=metrics)
    return settings.model_copy(update={"vendors": replace(settings.vendors, **known)})


def _host_and_port(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise typer.BadParameter(
            f"{text!r}: write host:port, 127.0.0.1:9212 say", param_hint="--listen"
        )
    return host.strip("[]"), int(port)
