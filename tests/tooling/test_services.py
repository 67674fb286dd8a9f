"""The servers that other tests rely on are what they claim to be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as mqtt
import psutil
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from roaddust.embedded import EmbeddedBroker, EmbeddedPostgres
from tests.services import Mosquitto, Timescale, fresh_database, mosquitto
from tests.services.trixie import trixie_root
from tests.services.waiting import wait_until

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


def scalar(dsn: str, query: str) -> object:
    """Give the single value that a query selects."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
    return None if row is None else row[0]


def test_any_db_is_empty_and_writable(any_db: str) -> None:
    """A test's database has no tables of anybody else, on either server."""
    assert scalar(any_db, TABLES) == 0
    with psycopg.connect(any_db) as connection:
        connection.execute("CREATE TABLE mine (id int)")
    assert scalar(any_db, TABLES) == 1


def test_timescale_db_makes_hypertables(timescale_db: str) -> None:
    """The database has a working TimescaleDB of the Apache edition."""
    with psycopg.connect(timescale_db) as connection:
        connection.execute("CREATE TABLE readings (ts timestamptz NOT NULL)")
        connection.execute("SELECT create_hypertable('readings', by_range('ts'))")
    hypertables = "SELECT count(*) FROM timescaledb_information.hypertables"
    assert scalar(timescale_db, hypertables) == 1
    assert scalar(timescale_db, "SHOW timescaledb.license") == "apache"


def test_prepared_databases_are_separate_copies(embedded_server: EmbeddedPostgres) -> None:
    """A template is prepared once, and what one copy changes the next does not see."""
    prepared: list[str] = []

    def prepare(dsn: str) -> None:
        prepared.append(dsn)
        with psycopg.connect(dsn) as connection:
            connection.execute("CREATE TABLE kept (id int)")

    for _ in range(2):
        with fresh_database(embedded_server, prepare) as dsn:
            assert scalar(dsn, "SELECT count(*) FROM kept") == 0
            with psycopg.connect(dsn) as connection:
                connection.execute("INSERT INTO kept VALUES (1)")
    assert len(prepared) == 1


def test_timescale_keeps_committed_rows_over_a_kill(timescale_server: Timescale) -> None:
    """A crash of TimescaleDB is a crash as in production: committed rows are there afterwards."""
    with Timescale() as server:
        with psycopg.connect(server.dsn_of("postgres")) as connection:
            connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 7)")
        server.kill()
        server.start()
        assert scalar(server.dsn_of("postgres"), "SELECT count(*) FROM kept") == 7
        pid, folder = server.pid, server.folder
    assert not psutil.pid_exists(pid)
    assert not folder.exists()


def answer_to_login(broker: Mosquitto | EmbeddedBroker, *login: str) -> str:
    """Connect and give what the broker answers."""
    answers: list[str] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    if login:
        client.username_pw_set(*login)
    client.on_connect = lambda _client, _data, _flags, code, _properties: answers.append(str(code))
    client.connect(broker.host, broker.port)
    client.loop_start()
    wait_until(lambda: bool(answers), lambda: "no answer to the connection")
    client.disconnect()
    client.loop_stop()
    return answers[0]


def test_any_broker_comes_back_on_its_port(any_broker: Mosquitto | EmbeddedBroker) -> None:
    """After a kill a broker starts again where its clients look for it."""
    port = any_broker.port
    assert answer_to_login(any_broker) == "Success"
    any_broker.kill()
    any_broker.start()
    assert any_broker.port == port
    assert answer_to_login(any_broker) == "Success"


def test_mosquitto_asks_for_logins(new_mosquitto: Callable[..., Mosquitto]) -> None:
    """With users given, only their passwords open the broker."""
    broker = new_mosquitto(users={"station": "secret"}, acl="user station\ntopic write up/#\n")
    assert answer_to_login(broker, "station", "secret") == "Success"
    assert answer_to_login(broker, "station", "wrong") != "Success"
    assert answer_to_login(broker) != "Success"


def test_mosquitto_writes_the_options_asked_for(new_mosquitto: Callable[..., Mosquitto]) -> None:
    """Options reach the configuration, and what is None is left to Mosquitto."""
    broker = new_mosquitto(max_inflight_messages=500, set_tcp_nodelay=False)
    lines = (broker.folder / "mosquitto.conf").read_text().splitlines()
    assert "max_inflight_messages 500" in lines
    assert "set_tcp_nodelay false" in lines
    plain = new_mosquitto(max_queued_messages=None)
    assert "max_queued_messages" not in (plain.folder / "mosquitto.conf").read_text()


def test_mosquitto_runs_from_the_unpacked_system(
    timescale_server: Timescale,
    new_mosquitto: Callable[..., Mosquitto],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine without a Mosquitto of its own uses the one unpacked beside TimescaleDB."""
    monkeypatch.setattr(mosquitto, "ADMIN_PATH", "")
    broker = new_mosquitto(users={"station": "secret"}, acl="user station\ntopic write up/#\n")
    assert broker.folder.is_relative_to(trixie_root())
    assert answer_to_login(broker, "station", "secret") == "Success"


@pytest.mark.parametrize("complete", ["0", "1"])
def test_missing_service_is_never_silent(
    pytester: pytest.Pytester, complete: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without a service names the tests left out; a complete run fails instead."""
    conftest = (Path(__file__).parents[1] / "conftest.py").read_text()
    pytester.makeconftest(conftest)
    pytester.makepyfile(
        """
        from tests.services import timescale
        from tests.services.missing import ServiceMissing

        def refuse():
            raise ServiceMissing("no such thing here")

        def test_one(monkeypatch, request):
            "One."
            monkeypatch.setattr(timescale, "trixie_root", refuse)
            request.getfixturevalue("timescale_db")
        """
    )
    monkeypatch.setenv("ROADDUST_TESTS_COMPLETE", complete)
    run = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    if complete == "1":
        run.assert_outcomes(failed=1)
    else:
        run.assert_outcomes(skipped=1)
        run.stdout.fnmatch_lines(["*TESTS LEFT OUT*", "1 left out, no such thing here"])
