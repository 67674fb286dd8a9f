"""From a logger's socket to the table: gateway, broker, ingest and database together."""

import csv
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest import hj212
from ingest.gateway.devices import Secret
from ingest.hj212 import FrameError, build, parse
from ingest.registry import Registry, StationFacts
from ingest.runner import Ingest
from tests.ingest import loggers
from tests.ingest.conftest import Store, wait_for
from tests.ingest.loggers import Running, data
from tests.ingest.test_hj212 import FRAMES
from tests.services import Mosquitto

NewIngest = Callable[..., Ingest]
REGISTRY = Registry({"S1": StationFacts(), "S2": StationFacts(mn="A1", pm_unit="mg/m3")})


@pytest.fixture
def store(migrated_embedded_db: str) -> Store:
    return Store(migrated_embedded_db)


def test_from_socket_to_table(
    monkeypatch: pytest.MonkeyPatch, mosquitto: Mosquitto, store: Store, new_ingest: NewIngest
) -> None:
    """Real-time data, a back-fill, a split message and a damaged frame: each is stored once in the
    station's unit, or is a dead letter; and what is old wakes the analytics from there on."""
    ingest = new_ingest(store.dsn, mosquitto.url)
    monkeypatch.setattr(loggers, "REGISTRY", REGISTRY)
    old = datetime(2026, 3, 1, 4, tzinfo=UTC)
    with Running(mosquitto.url, ask_again=False, clock_off_s=0) as gateway:
        with gateway.logger() as logger:
            assert logger.ask(data(0, 0.05)).cn == 9014
            assert logger.ask(data(0, 0.05)).cn == 9014  # its answer was lost
            mean = (("a34002-Avg", "0.07"), ("a34002-Cou", "12"), ("a34002-Flag", "N"))
            late = (("DataTime", "20260301120000"),), mean
            assert logger.ask(data(0, cn=2051, rf=1, qn="1", body=late)).cn == 9014
            for place, code in ((1, "a34002"), (2, "a34004")):
                part = (("DataTime", "20260301160200"),), ((f"{code}-Rtd", f"0.0{place}"),)
                assert logger.ask(data(2, flag=7, pnum=2, pno=place, body=part)).pno == place
            logger.send(build(data(3)).replace(b"a34002-Rtd=1", b"a34002-Rtd=2"))
            assert logger.ask(data(4, 0.04)).cn == 9014
        wait_for(ingest, 6)
    rows = store.rows("SELECT ts, pm10, pm25, extra FROM readings ORDER BY ts")
    now = old + timedelta(hours=4)
    assert rows == [
        (old, 70, None, {"CN": 2051, "a34002-Cou": 12}),
        (now, 50, None, None),
        (now + timedelta(minutes=2), 10, 20, None),
        (now + timedelta(minutes=4), 40, None, None),
    ]
    assert store.letters() == ["crc"]
    assert ingest.counters.duplicates["readings"] == 1
    assert store.one("SELECT min(min_ts) FROM batches WHERE kind = 'readings'") == old


@pytest.mark.skipif(not FRAMES.exists(), reason="the folder of real frames is not beside")
def test_real_frames_by_tcp(monkeypatch: pytest.MonkeyPatch, mosquitto: Mosquitto) -> None:
    """Every good frame of real loggers that wants an answer gets it, whoever sends it; a bad one
    gets none; and the gateway outlives them all."""
    with FRAMES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = {match[1] for row in rows if (match := re.search(r"MN=([^;]*)", row["frame"]))}
    stations = {f"S{n}": StationFacts(mn=mn) for n, mn in enumerate(sorted(numbers))}
    monkeypatch.setattr(loggers, "REGISTRY", Registry(stations))
    monkeypatch.setattr(loggers, "SECRETS", dict[str, Secret]())
    with Running(mosquitto.url, any_password=True, clock_off_s=0, ask_again=False) as gateway:
        for row in rows:
            raw = row["frame"].encode()
            _check(gateway, raw, row["verdict"] == "ok")
    assert gateway.counters.bad.total() == sum(row["verdict"] != "ok" for row in rows)


def _check(gateway: Running, raw: bytes, good: bool) -> None:
    beat = b"QN=1;ST=22;CN=9015;PW=x;MN=%s;Flag=8;CP=&&&&"
    mn = re.search(rb"MN=([^;]*)", raw)
    assert mn is not None
    segment = beat % mn[1]
    beat = b"##%04d%s%04X\r\n" % (len(segment), segment, hj212.crc(segment))
    with gateway.logger() as logger:
        logger.send(raw + b"\r\n", beat)
        heard = [logger.hear()]
        while heard[-1].cn != 9013:
            heard.append(logger.hear())
    answers: list[Any] = [frame for frame in heard if frame.cn != 9013]
    if not good:
        with pytest.raises(FrameError):
            parse(raw)
        assert answers == []
        return
    frame = parse(raw)
    due = hj212.answer_to(frame)
    if due is not None:
        assert answers == [due]
    elif frame.wants_answer and frame.cn not in (9011, 9012, 9013, 9014):
        assert [(one.cn, one.value("QnRtn")) for one in answers] == [(9011, "8")]
    else:
        assert answers == []
