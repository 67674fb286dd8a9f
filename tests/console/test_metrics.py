"""What Prometheus reads is what the database says, and the dashboards ask for nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from geo.district import District
from ingest.gateway.counters import Counters
from ingest.gateway.vendorcounters import VendorCounters
from roaddust.gatewaymetrics import GatewayCollector
from store.database import connect
from tests.console import plausible
from tests.console.conftest import Hands, Running

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
OF_PROMETHEUS = {"up"}
"""Made by Prometheus itself for every target."""

Sample = tuple[str, frozenset[tuple[str, str]]]


def scraped(running: Running, **headers: str) -> dict[Sample, float]:
    with running.as_(None) as client:
        answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def named(samples: dict[Sample, float], name: str, **labels: str) -> float:
    return samples[f"roaddust_{name}", frozenset(labels.items())]


def test_figures_are_those_of_the_database(still_console: Running, district: District) -> None:
    """Each figure by a statement of its own."""
    samples = scraped(still_console)
    with connect(still_console.dsn, name="test") as conn:

        def asked(statement: str) -> Any:
            return conn.execute(statement.encode(), {"now": plausible.NOW}).fetchall()

        for state, level, count in asked(
            "SELECT state, level, count(*) FROM episodes WHERE state <> 'closed' GROUP BY 1, 2"
        ):
            assert named(samples, "episodes_open", state=state, level=str(level)) == count
        ((unseen,),) = asked(
            "SELECT count(*) FROM episodes WHERE state IN ('active', 'recovering')"
            " AND acknowledged_by IS NULL"
            " AND coalesce(shelved_until, '-infinity') <= %(now)s::timestamptz"
        )
        assert named(samples, "episodes_unacknowledged") == unseen > 0
        for state, count in asked(
            "SELECT state, count(*) FROM orders WHERE ended_at IS NULL"
            " AND state IN ('sent', 'accepted', 'started') GROUP BY 1"
        ):
            assert named(samples, "orders", state=state) == count
        assert named(samples, "outbox_messages") == asked("SELECT count(*) FROM outbox")[0][0]
        for station, age_s in asked(
            "SELECT station, extract(epoch FROM %(now)s::timestamptz - max(ts))::float8"
            " FROM readings GROUP BY 1"
        ):
            assert named(samples, "station_age_seconds", station=station) == pytest.approx(age_s)
        ((newest,),) = asked(
            "SELECT extract(epoch FROM %(now)s::timestamptz - max(ts))::float8 FROM readings"
        )
        assert named(samples, "newest_reading_age_seconds") == pytest.approx(newest)
        ((issued,),) = asked(
            "SELECT extract(epoch FROM %(now)s::timestamptz - max(issued_at))::float8 FROM plans"
        )
        assert named(samples, "plan_age_seconds") == pytest.approx(issued)
    segments = sum(v for (name, _), v in samples.items() if name == "roaddust_segments")
    assert segments == sum(segment.treat for segment in district.segments.values())
    assert named(samples, "database_up") == 1
    assert named(samples, "stored_rows_lately", kind="readings") == 28


def test_dead_letters_and_trouble(console: Running) -> None:
    """What was refused within a day, by reason; what stands, by kind."""
    with connect(console.dsn, name="test") as conn:
        for i, (reason, hours) in enumerate((("json", 1), ("json", 2), ("time", 3), ("crc", 30))):
            conn.execute(
                "INSERT INTO dead_letters (topic, payload, digest, received_at, reason, detail)"
                " VALUES ('up/x', '', %s, %s::timestamptz - make_interval(hours => %s), %s, '')",
                [bytes([i]), plausible.NOW, hours, reason],
            )
        conn.execute(
            "INSERT INTO concerns (kind, subject, why, also, since, opened_at)"
            " VALUES ('crew', 'W1', 'x', 'x', %(at)s, %(at)s)",
            {"at": plausible.NOW},
        )
        conn.commit()
    samples = scraped(console)
    assert named(samples, "dead_letters_day", reason="json") == 2
    assert named(samples, "dead_letters_day", reason="time") == 1
    assert ("roaddust_dead_letters_day", frozenset({("reason", "crc")})) not in samples
    assert named(samples, "concerns_open", kind="crew") == 1


def test_requests_are_measured_by_route(still_console: Running) -> None:
    """By route and not by path: nobody can make a label, and the process is there too."""
    with still_console.as_("watcher") as client:
        for segment in ("XH07N", "XH09N"):
            client.get(f"/api/v1/segments/{segment}/history")
        for path in ("/no/such/page", "/no/such/other", "/static/main.js", "/static/none.js"):
            client.get(path)
        client.request("PROPFIND", "/")
    samples = scraped(still_console)
    counted = {
        labels: value for (name, labels), value in samples.items()
        if name == "roaddust_request_seconds_count"
    }  # fmt: skip
    by_route: dict[str, float] = {}
    for labels, value in counted.items():
        by_route[dict(labels)["route"]] = by_route.get(dict(labels)["route"], 0) + value
    assert by_route["/api/v1/segments/{segment}/history"] == 2
    assert by_route["other"] >= 2
    assert by_route["/static"] >= 2
    assert not any("such" in route or "XH07N" in route for route in by_route)
    assert {dict(labels)["method"] for labels in counted} <= {"GET", "POST", "other"}
    assert samples["process_resident_memory_bytes", frozenset()] > 1e6
    assert samples["process_cpu_seconds_total", frozenset()] > 0


def test_open_pages_are_counted(console: Running) -> None:
    """A page that follows the state is one browser."""
    with console.as_("watcher") as client, client.stream("GET", "/api/v1/live") as stream:
        lines = stream.iter_lines()
        assert any(line == "event: snapshot" for line in lines)
        assert named(scraped(console), "browsers") == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:9999"}, 200),
        ({"Host": "evil.example"}, 401),  # a page elsewhere, under a name that leads here
        ({"X-Forwarded-For": "203.0.113.9"}, 401),  # through a proxy on this machine
        ({"X-Forwarded-For": "127.0.0.1"}, 401),
        ({"Forwarded": "for=203.0.113.9"}, 401),
        ({"X-Real-IP": "203.0.113.9"}, 401),
    ],
)
def test_who_may_scrape(still_console: Running, headers: dict[str, str], status: int) -> None:
    """This machine itself; through a proxy only with a token."""
    with still_console.as_(None) as client:
        assert client.get("/metrics", headers=headers).status_code == status


def test_scraping_with_a_token(console: Running) -> None:
    """From elsewhere a token with the scope `metrics`, and no other; people by their role."""
    elsewhere = {"X-Forwarded-For": "203.0.113.9"}
    with console.as_("boss") as boss, console.as_(None) as client:
        for scope, status in (("metrics", 200), ("read", 403)):
            body = {"name": scope, "scopes": [scope]}
            token = boss.post("/api/v1/tokens", json=body).json()["token"]
            headers = elsewhere | {"Authorization": f"Bearer {token}"}
            assert client.get("/metrics", headers=headers).status_code == status
        assert boss.get("/metrics", headers=elsewhere).status_code == 200
        with console.as_("operator") as operator:
            assert operator.get("/metrics", headers=elsewhere).status_code == 403


def test_before_the_first_tick(empty_console: Running) -> None:
    """Nobody has told the time: the process is measured all the same."""
    samples = scraped(empty_console)
    assert named(samples, "database_up") == 1
    assert "process_cpu_seconds_total" in {name for name, _ in samples}


# Dashboards -----------------------------------------------------------------------------------


def expressions(dashboard: dict[str, Any]) -> list[str]:
    panels = dashboard["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def metrics_of(expression: str) -> set[str]:
    """Names of metrics: words before a selector, a range, an end; not functions or labels."""
    plain = re.sub(r'"[^"]*"', '""', expression)
    plain = re.sub(r"\{[^}]*\}", "{}", plain)
    plain = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", plain)
    words = re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\()\b", re.sub(r"\[[^\]]*\]", "", plain))
    known = {
        "by",
        "without",
        "on",
        "group_left",
        "group_right",
        "and",
        "or",
        "unless",
        "bool",
        "offset",
        "inf",
        "nan",
    }
    calls = set(re.findall(r"([a-z_]+)\s*\(", plain))
    return {word for word in words if word not in known | calls}


def test_there_are_dashboards() -> None:
    """One of the platform's health, one of the street."""
    assert {file.stem for file in DASHBOARDS} == {"platform", "street"}


@pytest.fixture(scope="module")
def families(still_console: Running) -> set[str]:
    """Every name that the console and the gateways give, also those without a sample now."""
    with still_console.as_(None) as client:
        client.get("/nothing")
        text = client.get("/metrics").text
    for counted in (Counters(), VendorCounters()):
        gateway = CollectorRegistry()
        gateway.register(GatewayCollector("any", counted))
        text += generate_latest(gateway).decode()
    declared = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    spread = re.findall(r"^# TYPE (\S+) histogram", text, re.MULTILINE)
    of_spread = {f"{name}_{part}" for name in spread for part in ("bucket", "sum", "count")}
    samples = set(re.findall(r"^([a-zA-Z_:][\w:]*)", text, re.MULTILINE))
    return declared | of_spread | samples


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_every_expression_names_metrics_that_exist(file: Path, families: set[str]) -> None:
    """No panel asks for what is not there; each panel has its own number and a title."""
    dashboard = json.loads(file.read_text("utf-8"))
    asked = expressions(dashboard)
    assert len(asked) >= 8
    for expression in asked:
        names = metrics_of(expression)
        assert names, expression
        assert names <= families | OF_PROMETHEUS, expression
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert all(panel["title"] for panel in dashboard["panels"])


def test_alerts_name_metrics_that_exist(families: set[str]) -> None:
    """The rules for Prometheus too."""
    text = (DEPLOY / "prometheus-alerts.yml").read_text("utf-8")
    asked = re.findall(r"^\s+expr: (.+)$", text, re.MULTILINE)
    assert len(asked) >= 5
    for expression in asked:
        assert metrics_of(expression) <= families | OF_PROMETHEUS, expression


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("roaddust_outbox_messages", {"roaddust_outbox_messages"}),
        ('sum by (state) (roaddust_orders{state=~"a|b"}) > 3', {"roaddust_orders"}),
        ("histogram_quantile(0.95, sum by (le, route) (rate(a_bucket[5m])))", {"a_bucket"}),
        ("rate(x_total[1m]) / on (job) group_left y", {"x_total", "y"}),
    ],
)
def test_names_in_an_expression(expression: str, names: set[str]) -> None:
    """What the test above reads out of an expression."""
    assert metrics_of(expression) == names


def test_away_database(district: District, console: Running) -> None:
    """A database that is away is a figure, not an error."""
    running = Running(district, "postgresql://127.0.0.1:1/none", now=Hands(plausible.NOW))
    try:
        assert named(scraped(running), "database_up") == 0
    finally:
        running.stop()
