"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

XINGHAI = Path(__file__).parents[2] / "geo" / "data" / "xinghai"


def above_0(value: float | None) -> float | None:
    """The callback of an option that is a number above 0."""
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
