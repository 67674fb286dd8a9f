"""From a logger's socket to the table: gateway, broker, ingest and database together."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from ingest.hj212 import build
from ingest.registry import Registry, StationFacts
from ingest.runner import Ingest
from tests.ingest.conftest import Store, wait_for
from tests.ingest.loggers import Running, data
from tests.services import Mosquitto

NewIngest = Callable[..., Ingest]
REGISTRY = Registry({"S1": StationFacts(), "S2": StationFacts(mn="A1", pm_unit="mg/m3")})


@pytest.fixture
def store(migrated_embedded_db: str) -> Store:
    return Store(migrated_embedded_db)


def test_from_socket_to_table(mosquitto: Mosquitto, store: Store, new_ingest: NewIngest) -> None:
    """Real-time data, a back-fill, a split message and a damaged frame: each is stored once in the
    station's unit, or is a dead letter; and what is old wakes the analytics from there on."""
    ingest = new_ingest(store.dsn, mosquitto.url)
    old = datetime(2026, 3, 1, 4, tzinfo=UTC)
    with Running(mosquitto.url, registry=REGISTRY, ask_again=False, clock_off_s=0) as gateway:
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
