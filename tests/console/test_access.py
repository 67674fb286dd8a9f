"""Nobody comes in without a password, and a password that is guessed at shuts."""

import re
from datetime import timedelta

import httpx
import pytest

from console.access import COOKIE
from console.sessions import Sealer
from console.users import FAILURES_ALLOWED, ensure_admin
from store.database import connect
from tests.console import plausible
from tests.console.conftest import PASSWORD, Running

EPISODE = "E-20260302-0149-XH07N-inc60"


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD) -> httpx.Response:
    return client.post("/login", data={"name": name, "password": password})


@pytest.mark.parametrize(
    "path",
    ["/api/v1/state", "/api/v1/live", "/api/v1/district", "/api/v1/episodes", "/api/v1/health"],
)
def test_nothing_is_shown_to_strangers(still_console: Running, path: str) -> None:
    """Without credentials every path of the API is 401 with a challenge."""
    with still_console.as_(None) as stranger:
        answer = stranger.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Basic"


def test_page_sends_strangers_to_the_login(still_console: Running) -> None:
    """The page itself holds nothing for a stranger."""
    with still_console.as_(None) as stranger:
        answer = stranger.get("/")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login"


def test_login_opens_a_session_that_ends(console: Running) -> None:
    """The cookie opens the page, is out of reach of scripts and sites, and ends after 12 hours."""
    with console.as_(None) as client:
        answer = sign_in(client, "operator")
        assert answer.status_code == 303
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert client.get("/").status_code == 200
        assert client.get("/api/v1/me").json() == {
            "name": "operator", "role": "operator", "may_act": True,
            "scopes": ["act", "complaints", "read"], "crew": None, "must_change": False,
        }  # fmt: skip
        console.wall.forward(hours=12, seconds=1)
        assert client.get("/api/v1/me").status_code == 401


def test_name_and_password_do_for_programs(console: Running) -> None:
    """HTTP Basic with the right password is let in, with a wrong one it is not."""
    with console.as_(None) as client:
        assert client.get("/api/v1/me", auth=("watcher", PASSWORD)).status_code == 200
        assert client.get("/api/v1/me", auth=("watcher", "a guess")).status_code == 401


def test_logout(console: Running) -> None:
    """Signing out takes the cookie away."""
    with console.as_(None) as client:
        sign_in(client, "operator")
        client.post("/logout")
        assert client.get("/api/v1/me").status_code == 401


def test_lock_out_after_repeated_failures(console: Running) -> None:
    """After five wrong passwords the right one is refused too, for a quarter of an hour."""
    with console.as_(None) as client:
        for _ in range(FAILURES_ALLOWED):
            assert sign_in(client, "operator", "a guess").status_code == 401
        assert sign_in(client, "operator").status_code == 401
        assert client.get("/api/v1/me", auth=("operator", PASSWORD)).status_code == 401
        console.wall.forward(minutes=15, seconds=1)
        assert sign_in(client, "operator").status_code == 303
    with connect(console.dsn, name="test") as conn:
        locked = conn.execute("SELECT actor, action FROM audit").fetchall()
    assert ("operator", "locked_out") in locked


def test_success_clears_the_count(console: Running) -> None:
    """Four wrong passwords and a right one leave five more to miss."""
    with console.as_(None) as client:
        for _ in range(2):
            for _ in range(FAILURES_ALLOWED - 1):
                sign_in(client, "operator", "a guess")
            assert sign_in(client, "operator").status_code == 303


def test_refusals_do_not_tell_which_names_exist(console: Running) -> None:
    """A wrong password, an unknown name and a locked user get the same page."""
    with console.as_(None) as client:
        wrong = sign_in(client, "operator", "a guess").text
        unknown = sign_in(client, "nobody", "a guess").text
        for _ in range(FAILURES_ALLOWED):
            locked = sign_in(client, "operator", "a guess").text
    assert wrong == unknown == locked


def test_new_password_ends_sessions_and_tokens(console: Running) -> None:
    """Whoever has an old session or token is out once the password has changed."""
    with console.as_(None) as client, console.as_("operator") as program:
        sign_in(client, "operator")
        token = program.post("/api/v1/token", auth=("operator", PASSWORD)).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        assert client.get("/api/v1/me", headers=bearer).status_code == 200
        change = {"current": PASSWORD, "new": "another good password"}
        wrong = change | {"current": "a guess"}
        assert program.post("/api/v1/me/password", json=wrong).status_code == 403
        assert program.post("/api/v1/me/password", json=change).status_code == 204
        assert client.get("/api/v1/me").status_code == 401
        assert client.get("/api/v1/me", headers=bearer).status_code == 401
        assert sign_in(client, "operator", "another good password").status_code == 303


def test_token_and_cookie_do_not_stand_for_each_other(console: Running) -> None:
    """A token in the cookie, a cookie as the token, and a forged one are all refused."""
    with connect(console.dsn, name="test") as conn:
        # Whoever can write the table, but has not the key, cannot make a session that they know.
        forged, digest = Sealer("x" * 40).new("cookie")
        conn.execute(
            "INSERT INTO sessions (digest, kind, user_name, opened_at, seen_at, ends_at, address,"
            " agent) VALUES (%s, 'desk', 'boss', %s, %s, %s, '', '')",
            (digest, *[console.wall()] * 2, console.wall() + timedelta(hours=1)),
        )
        conn.commit()
    with (
        console.as_(None) as client,
        console.as_("operator") as program,
        console.as_("boss") as boss,
    ):
        sign_in(client, "operator")
        session = client.cookies[COOKIE]
        bearer = program.headers["Authorization"].removeprefix("Bearer ")
        new = {"name": "a program", "scopes": ["read"]}
        token = boss.post("/api/v1/tokens", json=new).json()["token"]
        client.cookies.clear()
        for cookie in (bearer, token, forged, "rubbish", "\xff", "a" * 9000):
            headers = {"Cookie": f"{COOKIE}={cookie}".encode("latin-1")}
            assert client.get("/api/v1/me", headers=headers).status_code == 401
        for text in (session, forged, token.removeprefix("roaddust_"), f"roaddust_{bearer}"):
            headers = {"Authorization": f"Bearer {text}"}
            assert client.get("/api/v1/me", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_other_sites_cannot_act_in_my_name(console: Running, headers: dict[str, str]) -> None:
    """With the cookie of a session, a request that another site sent changes nothing."""
    with console.as_(None) as client:
        sign_in(client, "operator")
        url = f"/api/v1/episodes/{EPISODE}/acknowledge"
        assert client.post(url, headers=headers).status_code == 403
        form = {"name": "operator", "password": PASSWORD}
        assert client.post("/login", data=form, headers=headers).status_code == 403
        assert client.post(url, headers={"Origin": console.address}).status_code == 200


def test_crew_has_no_business_here_yet(still_console: Running) -> None:
    """The role of a crew neither sees the state nor acts; it may say who it is."""
    with still_console.as_("driver") as driver:
        assert driver.get("/api/v1/state").status_code == 403
        assert driver.post(f"/api/v1/episodes/{EPISODE}/acknowledge").status_code == 403
        assert driver.get("/api/v1/me").json()["may_act"] is False


def test_only_administrators_manage_users(console: Running) -> None:
    """An administrator adds a user, once; an operator may not; short passwords are refused."""
    user = {"name": "new.one", "password": "long enough here", "role": "viewer"}
    with console.as_("operator") as operator:
        assert operator.post("/api/v1/users", json=user).status_code == 403
        assert operator.get("/api/v1/users").status_code == 403
    with console.as_("boss") as boss:
        assert boss.post("/api/v1/users", json=user | {"password": "short"}).status_code == 422
        assert boss.post("/api/v1/users", json=user).status_code == 201
        assert boss.post("/api/v1/users", json=user).status_code == 409
        users = boss.get("/api/v1/users").json()
        assert "new.one" in {row["name"] for row in users}
        assert all("password" not in key for row in users for key in row)
    with console.as_("new.one", "long enough here") as viewer:
        assert viewer.get("/api/v1/me").json()["role"] == "viewer"


def test_first_admin_is_made_once(migrated_embedded_db: str) -> None:
    """The first start makes an administrator with a password of its own; the second makes none."""
    with connect(migrated_embedded_db, name="test") as conn:
        password = ensure_admin(conn, plausible.NOW)
        assert password is not None
        assert len(password) >= 16
        assert ensure_admin(conn, plausible.NOW) is None
        stored = conn.execute("SELECT name, role, password_hash FROM users").fetchall()
    ((name, role, hashed),) = stored
    assert (name, role) == ("admin", "administrator")
    assert hashed.startswith("$argon2id$")
    assert password not in hashed


def test_every_answer_forbids_foreign_code(still_console: Running) -> None:
    """Pages, files and the API say that only our own scripts run and nobody may frame us."""
    with still_console.as_(None) as client:
        for path in ("/login", "/static/main.js", "/api/v1/me", "/nothing"):
            policy = client.get(path).headers["content-security-policy"]
            assert "script-src 'self' 'sha256-" in policy
            assert "frame-ancestors 'none'" in policy
        page = client.get("/login").text
    assert not re.search(r"<script(?![^>]*\bsrc=)", page), "no script inside the page"


def test_short_secret_is_refused() -> None:
    """A secret that can be guessed is refused when the console is made."""
    with pytest.raises(ValueError, match="32 or more"):
        Sealer("short")
