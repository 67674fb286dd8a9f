"""What the commands share."""

import subprocess
import sys
from importlib import import_module

import pytest
import typer

from roaddust.cli.plainly import FAILED, NO_TABLES, WRONG_USE, said_plainly


@pytest.mark.parametrize("name", sorted({*FAILED, NO_TABLES, *WRONG_USE}))
def test_every_error_that_is_said_plainly_is_there(name: str) -> None:
    """A name of an error is that of a class, as the class itself has it."""
    module, _, own = name.rpartition(".")
    kind = getattr(import_module(module), own)
    assert issubclass(kind, Exception)
    assert f"{kind.__module__}.{kind.__qualname__}" == name


def test_an_error_of_a_kind_is_said_as_the_kind_is(capsys: pytest.CaptureFixture[str]) -> None:
    """An error that descends from one that is said plainly is said so too: status 1."""
    with pytest.raises(typer.Exit) as left, said_plainly():
        raise ConnectionRefusedError("nobody is there")
    assert left.value.exit_code == 1
    assert "nobody is there" in capsys.readouterr().err


def test_a_fault_keeps_its_traceback() -> None:
    """What no person can mend goes on as it is."""
    with pytest.raises(ZeroDivisionError), said_plainly():
        raise ZeroDivisionError


def test_a_process_that_only_ingests_loads_no_other_stage() -> None:
    """No analytics, dispatch or console at work where only ingest was asked for."""
    asked = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "roaddust.cli", "run", "--only", "ingest",
         "--db", "postgresql://nobody@127.0.0.1:1/none", "--mqtt", "mqtt://127.0.0.1:1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in asked.stderr.splitlines()}
    assert asked.returncode == 1, asked.stderr[-2000:]
    assert "ingest.runner" in loaded
    assert not loaded & {"analytics.runner", "dispatch.runner", "console.app", "simulators.replay"}
