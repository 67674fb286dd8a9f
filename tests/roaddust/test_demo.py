"""The demo as its user starts it: a process with everything in it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.services.waiting import wait_until

DEMO = [sys.executable, "-m", "roaddust.cli", "demo"]
UNATTENDED = ["--speed", "max", "--no-console"]


def summary_of(folder: Path, *, hours: float, seed: int) -> dict[str, Any]:
    """Run unattended and give its summary."""
    file = folder / f"{seed}.json"
    subprocess.run(
        [*DEMO, *UNATTENDED, "--hours", str(hours), "--seed", str(seed),
         "--summary", str(file), "--data", str(folder / "data")],
        check=True,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(file.read_bytes())
    return found


@pytest.mark.parametrize("hours", [2.5])
def test_the_same_seed_gives_the_same_day(tmp_path: Path, hours: float) -> None:
    """Everything published is stored, crews are sent and their work is judged; a second run with
    the seed gives the same episodes and plans, byte for byte, and another seed does not."""
    first = summary_of(tmp_path, hours=hours, seed=1)
    assert first["readings_stored"] == first["readings_published"] > 0
    assert first["dead_letters"] == 0
    assert first["episodes"]
    assert first["orders"]["done"] > 0
    assert sum(first["verdicts"].values()) > 0
    assert first["episodes_without_order_or_reason_in_5_min"] == 0
    assert summary_of(tmp_path, hours=hours, seed=1)["digests"] == first["digests"]
    other = summary_of(tmp_path, hours=hours, seed=2)["digests"]
    assert other["episodes"] != first["digests"]["episodes"]
    assert other["plans"] != first["digests"]["plans"]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_all_of_it(tmp_path: Path, signum: signal.Signals) -> None:
    """With the console up, a second demo on the folder says what is running; a signal then ends
    the first cleanly and leaves no process behind."""
    command = [*DEMO, "--speed", "600", "--port", "0", "--data", str(tmp_path / "data")]
    log = tmp_path / "demo.log"
    with log.open("wb") as file:
        demo = subprocess.Popen(command, stderr=file)
    try:
        wait_until(lambda: "Ctrl-C" in log.read_text() or demo.poll() is not None, log.read_text)
        family = psutil.Process(demo.pid).children(recursive=True)
        assert family
        second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert second.returncode == 1
        assert f"process {demo.pid}" in second.stderr
        demo.send_signal(signum)
        began = time.monotonic()
        assert demo.wait(30) == 0, log.read_text()
        print(f"ended in {time.monotonic() - began:.1f} s")
    finally:
        demo.kill()
        demo.wait()
    wait_until(lambda: not any(member.is_running() for member in family), lambda: str(family))
