"""Errors that a person can mend come out as one message: status 1, or 2 for wrong use."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from roaddust.cli.telling import complain

# By name: to import them all would load every stage before any command.
WRONG_USE = frozenset(
    {
        "roaddust.gateway.MetricsPlaceError",
        "roaddust.gateway.PasswordsError",
        "roaddust.platform.WrongUse",
    }
)
NO_TABLES = "psycopg.errors.UndefinedTable"
FAILED = frozenset(
    {
        "analytics.rewriting.Refused",
        "builtins.OSError",
        "geo.problems.DistrictError",
        "ingest.vendors.table.TableError",
        "psycopg.OperationalError",
        "roaddust.backtest.run.NoHistory",
        "roaddust.deadletters.NoSuchLetter",
        "roaddust.embedded.folder_lock.AlreadyRunning",
        "roaddust.embedded.starting.StartFailed",
        "roaddust.platform.PlatformFailed",
        "roaddust.settings.SettingsError",
        "simulators.replay.BadRecord",
    }
)


@contextmanager
def said_plainly() -> Iterator[None]:
    """Say what a person can mend; anything else is a fault and keeps its traceback."""
    try:
        yield
    except Exception as error:
        kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
        if kinds & WRONG_USE:
            raise typer.BadParameter(str(error)) from None
        if NO_TABLES in kinds:
            complain(
                f"the database does not have roaddust's tables ({str(error).splitlines()[0]}): "
                "run `roaddust migrate --db ...` first"
            )
        elif kinds & FAILED:
            complain(str(error))
        else:
            raise
        raise typer.Exit(1) from error
