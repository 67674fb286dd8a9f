"""What comes in, as Prometheus reads it."""

from datetime import datetime, timedelta
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from psycopg.types.json import Json

from geo.district import District
from store.database import connect
from store.statements import statements
from tests.console import plausible
from tests.console.conftest import Running

SQL = statements("completeness")
SILENT_SINCE = plausible.NOW - timedelta(minutes=20)
SPREAD = {"bounds": [1.0, 10.0], "counts": [2, 3, 1], "total": 40.0}


def told(console: Running, slow: str = "ST01") -> None:
    """Two workers have counted; one station is silent, and `slow` speaks by the hour."""
    row: dict[str, Any] = {
        "started_at": plausible.NOW, "said_at": plausible.NOW, "stopped": False, "mqtt": "5",
        "messages": 60, "batches": 6, "in_hand": 4,
        "stored": Json({"readings": 50, "events": 2}), "duplicates": Json({"readings": 3}),
        "dead": Json({"json": 5}),
        "spreads": Json({"batch_rows": SPREAD, "arrival_s": SPREAD, "ts_s": SPREAD}),
    }  # fmt: skip
    since = SILENT_SINCE
    with connect(console.dsn, name="test") as conn:
        for worker in ("a", "b"):
            conn.execute(SQL.put_worker, row | {"worker": worker})
        conn.execute(
            SQL.put_rhythms,
            {"now": plausible.NOW, "stations": [slow, "ST02"], "heard": [plausible.NOW, since],
             "newest": [plausible.NOW, since], "every": [3600.0, 60.0]},
        )  # fmt: skip
        silence = {"station": "ST02", "since": since, "every_s": 60.0, "now": plausible.NOW}
        conn.execute(SQL.begin_silence, silence)
        conn.commit()


def test_what_ingest_has_counted(console: Running) -> None:
    """Received, stored, duplicates and dead by reason, each worker apart; batches and latencies as
    histograms whose buckets add up; who is heard, and who is silent."""
    told(console)
    with console.as_(None) as client:
        text = client.get("/metrics").text
    found = {
        (sample.name.removeprefix("roaddust_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }

    def named(name: str, **labels: str) -> float:
        return found[name, tuple(sorted(labels.items()))]

    for worker in ("a", "b"):
        assert named("ingest_received_total", worker=worker) == 60
        assert named("ingest_stored_total", worker=worker, kind="readings") == 50
        assert named("ingest_duplicates_total", worker=worker, kind="readings") == 3
        assert named("ingest_dead_total", worker=worker, reason="json") == 5
        assert named("ingest_in_hand", worker=worker) == 4
        for name in ("batch_rows", "arrival_seconds", "ts_seconds"):
            assert named(f"ingest_{name}_bucket", worker=worker, le="1.0") == 2
            assert named(f"ingest_{name}_bucket", worker=worker, le="10.0") == 5
            assert named(f"ingest_{name}_bucket", worker=worker, le="+Inf") == 6
            assert named(f"ingest_{name}_sum", worker=worker) == 40
    assert named("station_silent", station="ST01") == 0
    assert named("station_silent", station="ST02") == 1
    assert named("station_heard_age_seconds", station="ST02") >= 1200


def test_a_silence_is_an_alarm(
    console: Running, operator: httpx.Client, district: District
) -> None:
    """A station whose habit is known calls when it is silent by its own interval, since its last
    word, and does not while it is not, however old its reading would be for another."""
    slow = list(district.stations)[5]

    def listed() -> dict[str, Any]:
        found = operator.get("/api/v1/alarms").json()["items"]
        return {one["id"]: one for one in found if one["source"] == "station"}

    before = listed()
    assert f"station:{slow}" in before
    assert "station:ST02" not in before
    told(console, slow)
    after = listed()
    assert f"station:{slow}" not in after
    assert datetime.fromisoformat(after["station:ST02"]["since"]) == SILENT_SINCE
