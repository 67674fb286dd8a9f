"""Notices: sent from the table until they arrive, by one sender, with secrets kept."""

import base64
import datetime as dt
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from roaddust.notices import NoticeSettings, Notifier
from roaddust.settings import SettingsError, settings
from store.database import Connection, connect
from tests.services.waiting import wait_until

NOON = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)
SECRET = "hushhush"


class Post:
    """A local server that takes what Apprise posts, or refuses it while `broken`."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.broken = False
        post = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not post.broken:
                    post.got.append(json.loads(body))
                self.send_response(500 if post.broken else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"json://user:{SECRET}@127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def post() -> Iterator[Post]:
    """Such a server."""
    made = Post()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def conn(migrated_embedded_db: str) -> Iterator[Connection]:
    """A fresh database."""
    with connect(migrated_embedded_db, name="test") as connection:
        yield connection


def reach(**contacts: str) -> NoticeSettings:
    """One address each; a colon is written as two underscores."""
    return NoticeSettings(
        {name.replace("__", ":"): (SecretStr(address),) for name, address in contacts.items()}
    )


def wait_for(conn: Connection, recipient: str, body: str = "go", crew: str | None = None) -> None:
    """As dispatch writes it."""
    conn.execute(
        "INSERT INTO calls (at, recipient, crew, title, body, next_at)"
        " VALUES (%s, %s, %s, '请调度员处理', %s, %s)",
        (NOON, recipient, crew, body, NOON),
    )
    conn.commit()


def outcomes(conn: Connection) -> list[tuple[str | None, int]]:
    """What became of each, and how often it was tried."""
    return conn.execute("SELECT outcome, attempts FROM calls ORDER BY id").fetchall()


def test_a_notice_arrives_once(conn: Connection, post: Post) -> None:
    """With its title and its words; the next step has nothing to do."""
    notifier = Notifier(reach(dispatcher=post.address))
    wait_for(conn, "dispatcher", "兴海大道北段：5分钟内既无派单也无理由。")
    assert notifier.step(conn, NOON) == 1
    assert notifier.step(conn, NOON) == 0
    assert [(one["title"], one["message"]) for one in post.got] == [
        ("请调度员处理", "兴海大道北段：5分钟内既无派单也无理由。")
    ]
    assert outcomes(conn) == [("sent", 1)]


def test_what_does_not_arrive_is_tried_again_ever_later(
    conn: Connection, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a minute, a minute, two; and no log says the secret in the address."""
    caplog.set_level(logging.DEBUG)
    notifier = Notifier(reach(dispatcher=post.address))
    wait_for(conn, "dispatcher")
    post.broken = True
    tries = []
    for second in range(0, 300, 10):
        before = outcomes(conn)[0][1]
        notifier.step(conn, NOON + dt.timedelta(seconds=second))
        if outcomes(conn)[0][1] > before:
            tries.append(second)
    assert tries == [0, 30, 90, 210]
    post.broken = False
    notifier.step(conn, NOON + dt.timedelta(seconds=450))
    assert outcomes(conn) == [("sent", 5)]
    assert len(post.got) == 1
    assert "did not arrive" in caplog.text
    assert SECRET not in caplog.text


def test_what_is_too_old_is_given_up(conn: Connection, post: Post) -> None:
    """A call of yesterday would only confuse."""
    notifier = Notifier(reach(dispatcher=post.address))
    wait_for(conn, "dispatcher")
    notifier.step(conn, NOON + dt.timedelta(hours=13))
    assert outcomes(conn) == [("given_up", 0)]
    assert post.got == []


def test_the_leader_of_one_crew_comes_before_leaders_at_large(conn: Connection, post: Post) -> None:
    """Who is named for the crew hears of it; else who is named for all; else nobody, and it says
    so."""
    other = Post()
    wait_for(conn, "crew_leader", "W1", crew="W1")
    wait_for(conn, "crew_leader", "W2", crew="W2")
    wait_for(conn, "duty_manager")
    notifier = Notifier(reach(crew_leader__W1=post.address, crew_leader=post.address + "?x=1"))
    assert notifier.step(conn, NOON) == 2
    assert [one["message"] for one in post.got] == ["W1", "W2"]
    assert outcomes(conn)[2] == ("nobody", 0)
    other.server.server_close()


def test_one_sender_at_a_time(conn: Connection, post: Post, migrated_embedded_db: str) -> None:
    """While one process has the lead the other sends nothing, so nobody hears twice."""
    first, second = (Notifier(reach(dispatcher=post.address)) for _ in range(2))
    with connect(migrated_embedded_db, name="first") as leading:
        first.step(leading, NOON)
        wait_for(conn, "dispatcher")
        assert second.step(conn, NOON) == 0
    # The server ends the first one's session in its own time.
    wait_until(lambda: second.step(conn, NOON) == 1, lambda: "the second never led")


def test_addresses_come_from_the_settings_and_stay_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By file or by environment; neither the settings' own text nor a complaint shows them."""
    file = tmp_path / "roaddust.toml"
    file.write_text(f'[notices.contacts]\ndispatcher = ["json://u:{SECRET}@localhost/"]\n')
    found = settings(config=file)
    assert found.notices.addresses("dispatcher", None) == [f"json://u:{SECRET}@localhost/"]
    assert SECRET not in repr(found)
    contacts = json.dumps({"crew:W1": [f"json://{SECRET}@localhost"]})
    monkeypatch.setenv("ROADDUST_NOTICES__CONTACTS", contacts)
    assert settings().notices.addresses("crew:W1", "W1") == [f"json://{SECRET}@localhost"]
    monkeypatch.setenv(
        "ROADDUST_NOTICES__CONTACTS", json.dumps({"crew:W1": [f"carrier://{SECRET}"]})
    )
    with pytest.raises(SettingsError, match="address 1 of crew:W1") as refused:
        settings()
    assert SECRET not in str(refused.value)


def test_a_report_comes_with_its_file(conn: Connection, post: Post, tmp_path: Path) -> None:
    """The bytes of the PDF as they lie in the folder, by its name; where the file is gone the words
    come without it."""
    file = tmp_path / "roaddust-week-2026-03-02-zh-CN.pdf"
    body = b"%PDF-1.7\n" + bytes(range(256))
    file.write_bytes(body)
    for attachment in (file, tmp_path / "gone.pdf"):
        conn.execute(
            "INSERT INTO calls (at, recipient, title, body, next_at, attachment)"
            " VALUES (%s, 'reports', '周报', '一周要点', %s, %s)",
            (NOON, NOON, str(attachment)),
        )
    conn.commit()
    assert Notifier(reach(reports=post.address)).step(conn, NOON) == 2
    with_file, without = post.got
    (sent,) = with_file["attachments"]
    assert (sent["filename"], sent["mimetype"]) == (file.name, "application/pdf")
    assert base64.b64decode(sent["base64"]) == body
    assert (without["message"], without["attachments"]) == ("一周要点", [])
    assert outcomes(conn) == [("sent", 1), ("sent", 1)]
