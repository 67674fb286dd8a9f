"""`roaddust gateway` as a person starts it."""

import re
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import fields
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from geo.district import load_district
from ingest.gateway.counters import Counters
from ingest.gateway.vendorcounters import VendorCounters
from ingest.hj212 import Frame
from roaddust.cli import app
from roaddust.embedded.loopback import free_port
from roaddust.gatewaymetrics import GatewayCollector, place
from tests.ingest.loggers import Heard, Logger
from tests.services import Mosquitto

XINGHAI = Path(__file__).parents[2] / "geo" / "data" / "xinghai"
COMMAND = (str(Path(sys.executable).parent / "roaddust"), "gateway")


def test_a_gateway_serves_and_stops(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """It says where it listens, takes a logger by its password, and ends by SIGTERM with 0."""
    station = next(iter(load_district(XINGHAI).stations.values()))
    secrets = tmp_path / "loggers.toml"
    secrets.write_text(f'[{station.mn}]\npw = "geheim"\n', encoding="utf-8")
    command = [*COMMAND, "hj212", "--listen", "127.0.0.1:0", "--mqtt", mosquitto.url]
    metrics = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [*command, "--devices", str(secrets), "--metrics", metrics],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        said = ""
        while not (found := re.search(r"HJ 212: 127\.0\.0\.1:(\d+)", said)):
            line = process.stderr.readline()
            assert line, said
            said += line
        with Heard(mosquitto.url) as heard, Logger(int(found[1])) as logger:
            body = (("DataTime", "20260301160000"),), (("a34002-Rtd", "1"),)
            frame = Frame(
                st=39, cn=2011, mn=station.mn or "", pw="geheim", qn="1", flag=5, body=body
            )
            assert logger.ask(frame).cn == 9014
            assert heard.wait(1)[0][0] == f"up/stations/{station.id}/readings"
            scraped = httpx.get(f"http://{metrics}/metrics", trust_env=False).text
        process.send_signal(signal.SIGTERM)
        said += process.stderr.read()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.stderr.close()
    assert "geheim" not in said
    assert "answers=Counter({9014: 1})" in said
    for line in (
        'roaddust_gateway_connections{gateway="hj212"} 1.0',
        'roaddust_gateway_frames_total{gateway="hj212"} 1.0',
        'roaddust_gateway_published_total{gateway="hj212"} 1.0',
        'roaddust_gateway_answers_total{command="9014",gateway="hj212"} 1.0',
    ):
        assert line in scraped


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["hj212"], 2, "no passwords of loggers"),
        (["hj212", "--listen", "9212", "--any-password"], 2, "write host:port"),
        (["hj212", "--any-password", "--metrics", "9214"], 2, "write host:port"),
        (["hj212", "--devices", "/nowhere.toml"], 1, "/nowhere.toml"),
        (["hj212", "--any-password", "--mqtt", "mqtt://127.0.0.1:9"], 1, "no broker at"),
        (["hikvision"], 2, "vendors.token is missing"),
        (["dji", "--mqtt", "mqtt://127.0.0.1:9"], 1, "no broker at"),
        (["dji", "--table", "/nowhere.toml"], 1, "/nowhere.toml"),
    ],
)
def test_what_a_gateway_cannot_do(
    arguments: list[str], status: int, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is said in a sentence, with status 2 for wrong use and 1 for a failure."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ended = CliRunner().invoke(app, ["gateway", *arguments])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert ended.exit_code == status, repr(ended.exception)
    said = re.sub(r"[\s│]+", " ", ended.stderr + capfd.readouterr().err)
    assert says in said, repr(ended.exception)
    assert "Traceback" not in said


@pytest.mark.parametrize("counted", [Counters(), VendorCounters()])
def test_every_counter_is_told(counted: Counters | VendorCounters) -> None:
    """Whatever a gateway counts has a family with words of its own, and keeps what it counted."""
    for field in fields(counted):
        value = getattr(counted, field.name)
        setattr(counted, field.name, Counter({"x": 3}) if isinstance(value, Counter) else 3)
    told = list(GatewayCollector("g", counted).collect())
    assert len({family.documentation for family in told}) == len(fields(counted))
    assert {sample.value for family in told for sample in family.samples} == {3}


def test_where_metrics_are_served() -> None:
    """Nowhere unless it is said where."""
    assert place("") is None
    assert place("127.0.0.1:9214") == ("127.0.0.1", 9214)
    assert place("[::1]:9214") == ("::1", 9214)
    for wrong in ("9214", "host:", "host:x", "host:99999"):
        with pytest.raises(ValueError, match="host:port"):
            place(wrong)
