import csv
import re
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from roaddust import trials
from roaddust.cli import app
from roaddust.settings import Settings
from simulators.scenario import load_scenario

runner = CliRunner()

XINGHAI = Path(__file__).parents[2] / "geo" / "data" / "xinghai"


def rows(folder: Path) -> dict[tuple[str, str], str]:
    """(policy, figure) to value of the first seed."""
    with (folder / "results.csv").open(encoding="utf-8") as file:
        return {(row["policy"], row["figure"]): row["value"] for row in csv.DictReader(file)}


def test_the_platform_is_judged_beside_the_others(tmp_path: Path) -> None:
    """All stages in lockstep and a policy of the same process live through the same hours; the
    page has both, the platform has sent its crews and leaves less dust than doing nothing."""
    done = runner.invoke(
        app,
        [
            *("evaluate", "--policies", "nothing,platform", "--days", "0.1", "--seeds", "1"),
            *("--jobs", "2", "--out", str(tmp_path / "out"), "--data", str(tmp_path / "data")),
        ],
    )
    assert done.exit_code == 0, done.output
    assert "resident" in done.stdout.lower()
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "<svg" in page
    # It needs nothing from elsewhere.
    wanted = re.findall(r"(?:src|href)\s*=\s*[\"']([^\"']+)", page)
    assert all(target.startswith(("#", "data:")) for target in wanted)
    found = rows(tmp_path / "out")
    assert float(found["nothing", "orders"]) == 0
    assert float(found["platform", "treatments_done"]) > 0
    assert float(found["platform", "water_m3"]) > 0
    dose = "resident_dose_ug_m3_h"
    assert 0 < float(found["platform", dose]) < float(found["nothing", dose])
    # Nothing of the services is left.
    assert not list((tmp_path / "data" / "evaluate").iterdir())


def test_no_trial_begins_once_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool hands out a trial more than can be cancelled: it ends before it starts services."""
    stopped = threading.Event()
    stopped.set()
    monkeypatch.setattr(trials, "_stop", stopped)
    folder = tmp_path / "evaluate"
    wanted = trials.Wanted(
        district=XINGHAI,
        settings=Settings(),
        scenario=load_scenario("ordinary"),
        policy=trials.PLATFORM,
        seed=1,
        days=0.1,
        folder=folder,
    )
    with pytest.raises(trials.GivenUp):
        trials.run(wanted)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--policies", "nothing,magic"], "magic"),
        (["--scenario", "no_such"], "no_such"),
        (["--seeds", "0"], "seeds"),
    ],
)
def test_wrong_use_is_said(arguments: list[str], words: str) -> None:
    """A policy or scenario that is not there is wrong use: status 2, and what there is."""
    done = runner.invoke(app, ["evaluate", *arguments])
    assert done.exit_code == 2
    assert words in done.output
