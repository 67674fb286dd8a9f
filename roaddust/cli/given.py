"""What was given on the command line, as the values that are meant. Raises typer.BadParameter."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any

import typer

from roaddust.cli.options import XINGHAI


def prepare(
    folder: Path, config: Path | None, given: dict[str, Any], rules: Path | None = None
) -> tuple[Any, Any]:
    """The district and the settings with its overrides."""
    from geo.district import load_district

    log_to_stderr()
    district = load_district(folder)
    return district, settings_of(given, config, district.overrides, rules)


def settings_of(
    given: dict[str, Any],
    config: Path | None,
    district: dict[str, Any] | None = None,
    rules: Path | None = None,
) -> Any:
    """The settings; what is wrong with an option is wrong use, elsewhere it is a failure."""
    from roaddust.settings import SettingsError, settings

    known = only_given(**given)
    try:
        return settings(given=known, config=config, district=district, rules=rules)
    except SettingsError as error:
        if error.names & known.keys():
            raise typer.BadParameter(str(error)) from None
        raise


def only_given(**options: Any) -> dict[str, Any]:
    """Without those that were left out."""
    return {name: value for name, value in options.items() if value is not None}


def ground(scenario: Any, folder: Path, config: Path | None, given: dict[str, Any]) -> Path:
    """The district folder for a scenario: its own, drawn, unless another one was given."""
    from roaddust.drawn import drawn_district

    if not scenario.district or folder != XINGHAI:
        return folder
    return drawn_district(scenario.district, settings_of(given, config).data)


def scenario_of(name: str) -> Any:
    """A scenario by its name, or of a file."""
    from simulators.scenario import load_scenario

    try:
        return load_scenario(name)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--scenario") from None


def speed_of(text: str) -> float | None:
    """Simulated seconds per second; None for as fast as can be."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise typer.BadParameter(f"{text!r}: a number above 0, or max", param_hint="--speed")
    return speed


def names(text: str) -> tuple[str, ...]:
    """Of a list with commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def time_of(text: str, zone: tzinfo, option: str) -> datetime:
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


def span(first: str, last: str, zone: tzinfo) -> tuple[datetime, datetime]:
    """The times of `--from` and `--to`."""
    return time_of(first, zone, "--from"), time_of(last, zone, "--to")


def day_of(text: str, option: str) -> date:
    """A local day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no day: write 2026-03-02", param_hint=option
        ) from None


def zone_and_now(folder: Path, conn: Any) -> tuple[tzinfo, datetime]:
    """The district's time zone, and the platform's time: that of the last tick in lockstep."""
    from geo.district import load_district
    from roaddust.clock import WallClock
    from store.meta import get_meta

    reached = get_meta(conn, "now")
    now = WallClock().now() if reached is None else datetime.fromisoformat(reached["now"])
    return load_district(folder).timezone, now


@contextmanager
def database(db: str | None, config: Path | None) -> Iterator[Any]:
    """A connection to the platform's database."""
    from store.database import connect

    with connect(settings_of({"db": db}, config).db, name="cli") as conn:
        yield conn


def log_to_stderr() -> None:
    """Without what the libraries say of their own work."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    logging.getLogger("yoyo").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
