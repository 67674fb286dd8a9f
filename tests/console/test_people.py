"""People come and go, programs have tokens, and all of it is on record."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.api.audit import CALCULATES, harmless
from console.pace import Pace, neighbourhood
from console.passwords import one_time, weakness
from store.database import connect
from tests.console import plausible
from tests.console.conftest import PASSWORD, Running

EPISODE = "E-20260302-0149-XH07N-inc60"
OWN = "seven grey herons"


@contextmanager
def browser(
    console: Running, name: str, password: str = PASSWORD, **form: str
) -> Iterator[httpx.Client]:
    """Somebody who has signed in at the login."""
    with console.as_(None) as client:
        answer = client.post("/login", data={"name": name, "password": password} | form)
        client.headers["X-Landed"] = answer.headers.get("location", "")
        yield client


def status(client: httpx.Client, path: str = "/api/v1/me") -> int:
    return client.get(path).status_code


def crew_of(console: Running) -> str:
    with console.as_("watcher") as client:
        return str(client.get("/api/v1/crews").json()[0]["id"])


# Users ----------------------------------------------------------------------------------------


def test_one_time_password_must_be_changed(console: Running) -> None:
    """A new user's made-up password opens nothing but the page where it is changed."""
    with console.as_("boss") as boss:
        made = boss.post("/api/v1/users", json={"name": "li.na", "role": "operator"}).json()
    first = made["one_time_password"]
    assert made["must_change"]
    with browser(console, "li.na", first) as client:
        assert client.headers["X-Landed"] == "/me"
        assert client.get("/").headers["location"] == "/me"
        assert status(client, "/me") == 200
        assert status(client, "/api/v1/state") == 403
        assert client.get("/api/v1/me").json()["scopes"] == []
        body = {"current": first, "new": first}
        assert client.post("/api/v1/me/password", json=body).status_code == 422
        body["new"] = "li.na.li.na"
        assert client.post("/api/v1/me/password", json=body).status_code == 422
        body["new"] = OWN
        assert client.post("/api/v1/me/password", json=body).status_code == 204
        assert status(client) == 401
    with browser(console, "li.na", OWN) as client:
        assert status(client, "/api/v1/state") == 200
    with browser(console, "li.na", first) as client:
        assert status(client) == 401


def test_reset_password(console: Running) -> None:
    """A reset ends every session; the old password opens nothing, the new one must be changed."""
    with browser(console, "operator") as client, console.as_("boss") as boss:
        told = boss.post("/api/v1/users/operator/password").json()["one_time_password"]
        assert re.fullmatch(r"[a-z2-9]{5}(-[a-z2-9]{5}){2}", told)
        assert status(client) == 401
        assert boss.post("/api/v1/users/nobody/password").status_code == 404
    with browser(console, "operator") as client:
        assert status(client) == 401
    with browser(console, "operator", told) as client:
        assert client.get("/api/v1/me").json()["must_change"]


def test_disabled_user_is_out_at_once(console: Running) -> None:
    """Who is shut out loses every session, bearer and way in; and may be let in again."""
    with browser(console, "operator") as client, console.as_("operator") as program:
        with console.as_("boss") as boss:
            answer = boss.patch("/api/v1/users/operator", json={"disabled": True})
            assert answer.json()["disabled_at"] is not None
            assert status(client) == status(program) == 401
            with browser(console, "operator") as again:
                assert status(again) == 401
            answer = boss.patch("/api/v1/users/operator", json={"disabled": False})
            assert answer.json()["disabled_at"] is None
        assert status(client) == 401
    with browser(console, "operator") as again:
        assert status(again) == 200


def test_unlock(console: Running) -> None:
    """An administrator opens the lock of too many wrong passwords before its time."""
    with console.as_("boss") as boss:
        for _ in range(5):
            with browser(console, "operator", "a wrong guess"):
                pass
        with browser(console, "operator") as client:
            assert status(client) == 401
        assert boss.patch("/api/v1/users/operator", json={"unlock": True}).status_code == 200
        with browser(console, "operator") as client:
            assert status(client) == 200


def test_last_administrator_stays(console: Running) -> None:
    """The only administrator is neither shut out nor made something else; the second may be."""
    with console.as_("boss") as boss:
        for change in ({"disabled": True}, {"role": "viewer"}):
            assert boss.patch("/api/v1/users/boss", json=change).status_code == 409
        assert (
            boss.patch("/api/v1/users/watcher", json={"role": "administrator"}).status_code == 200
        )
        assert boss.patch("/api/v1/users/boss", json={"role": "viewer"}).status_code == 200
        assert status(boss) == 401
    with console.as_("boss") as boss:
        assert status(boss, "/api/v1/users") == 403


def test_crew_tie(console: Running) -> None:
    """A crew's leader is tied to a crew of the district; another role loses the tie."""
    crew = crew_of(console)
    with console.as_("boss") as boss:
        path = "/api/v1/users/driver"
        assert boss.patch(path, json={"crew": crew}).json()["crew"] == crew
        assert boss.patch(path, json={"crew": "NO-SUCH"}).status_code == 422
        assert boss.patch("/api/v1/users/operator", json={"crew": crew}).status_code == 422
        with console.as_("driver") as driver:
            assert driver.get("/api/v1/me").json()["crew"] == crew
        assert boss.patch(path, json={"role": "viewer"}).json()["crew"] is None
        assert boss.patch(path, json={"role": "crew", "crew": crew}).json()["crew"] == crew
        assert boss.patch(path, json={"crew": ""}).json()["crew"] is None
        assert boss.patch("/api/v1/users/nobody", json={}).status_code == 404


def test_names_differ_by_more_than_case(console: Running) -> None:
    """Nobody can be added who looks like somebody else, and no name can hold markup."""
    with console.as_("boss") as boss:
        for name, expected in (("BOSS", 409), ("<b>", 422), ("a b", 422), ("", 422), ("王伟", 201)):
            answer = boss.post("/api/v1/users", json={"name": name, "role": "viewer"})
            assert answer.status_code == expected, name


@pytest.mark.parametrize(
    "password",
    ["short", "aaaaaaaaaaaa", "ababababab", "operator123", "OPERATOR2026", "1234567890",
     "qwertyuiop", "poiuytrewq123", "password1234", "roaddustroaddust", "abcdefghijkl", "x" * 201],
)  # fmt: skip
def test_weak_passwords(password: str) -> None:
    """What anybody would try first is not kept."""
    assert weakness("operator", password) is not None


@pytest.mark.parametrize("password", [PASSWORD, OWN, "码头边七只灰鹭站成一排", "k9#Vt2!qLw"])
def test_strong_passwords(password: str) -> None:
    """A phrase, in whatever script, or ten random characters will do."""
    assert weakness("operator", password) is None


def test_one_time_passwords_are_strong_and_differ() -> None:
    """What is made up passes its own rules and is never the same."""
    made = {one_time() for _ in range(200)}
    assert len(made) == 200
    assert all(weakness("operator", password) is None for password in made)


# Sessions -------------------------------------------------------------------------------------


def test_sessions_are_listed_and_ended(console: Running) -> None:
    """Everybody sees where they are signed in and ends one, or all the others; not a stranger's."""
    with (
        browser(console, "operator") as here,
        browser(console, "operator") as there,
        console.as_("operator") as program,
        console.as_("watcher") as watcher,
    ):
        listed = here.get("/api/v1/me/sessions").json()
        assert sorted(one["kind"] for one in listed) == ["desk", "desk", "program"]
        assert sum(one["own"] for one in listed) == 1
        ids = {one["id"] for one in there.get("/api/v1/me/sessions").json() if one["own"]}
        assert watcher.delete(f"/api/v1/me/sessions/{min(ids)}").status_code == 404
        assert here.delete(f"/api/v1/me/sessions/{min(ids)}").status_code == 200
        assert status(there) == 401
        assert here.delete("/api/v1/me/sessions").json() == {"ended": 1}
        assert status(program) == 401
        assert status(here) == 200
        with console.as_("boss") as boss:
            assert len(boss.get("/api/v1/users/operator/sessions").json()) == 1
            assert boss.delete("/api/v1/users/operator/sessions").json() == {"ended": 1}
        assert status(here) == 401


def test_idle_session_ends(console: Running) -> None:
    """A desk that nobody has used for an hour has to sign in again; one in use goes on."""
    with browser(console, "operator") as used, browser(console, "operator") as left:
        for _ in range(3):
            console.wall.forward(minutes=40)
            assert status(used) == 200
        assert status(left) == 401


def test_wall_screen_only_looks(console: Running) -> None:
    """A wall screen stays for weeks whoever switched it on, and nobody before it can act."""
    with browser(console, "boss", wall="true") as wall:
        console.wall.forward(days=60)
        assert wall.get("/api/v1/me").json()["scopes"] == ["read"]
        assert status(wall, "/api/v1/state") == 200
        assert status(wall, "/api/v1/users") == 403
        assert wall.get("/people").headers["location"] == "/wall"
        assert wall.post(f"/api/v1/episodes/{EPISODE}/acknowledge").status_code == 403
        assert wall.post("/api/v1/token").status_code == 403
        assert status(wall, "/api/v1/me/sessions") == 403
        console.wall.forward(days=31)
        assert status(wall) == 401


def test_login_takes_no_session_from_the_browser(console: Running) -> None:
    """A cookie that somebody else has planted is not made valid by the login, and one that was
    valid ends."""
    with console.as_(None) as client:
        planted = {"Cookie": "roaddust_session=chosen-by-somebody-else"}
        form = {"name": "operator", "password": PASSWORD}
        client.post("/login", data=form, headers=planted)
        assert client.get("/api/v1/me", headers=planted).status_code == 401
        before = client.cookies["roaddust_session"]
        client.post("/login", data=form)
        assert client.cookies["roaddust_session"] != before
        client.cookies.clear()
        old = {"Cookie": f"roaddust_session={before}"}
        assert client.get("/api/v1/me", headers=old).status_code == 401


def test_copy_of_a_cookie_ends_with_the_logout(console: Running) -> None:
    """Signing out ends the session itself, so that a stolen cookie is worth nothing."""
    with browser(console, "operator") as client:
        cookie = {"Cookie": f"roaddust_session={client.cookies['roaddust_session']}"}
        assert client.post("/logout").status_code == 303
        client.cookies.clear()
        assert client.get("/api/v1/me", headers=cookie).status_code == 401


def test_secure_connection_has_a_cookie_of_its_own(console: Running) -> None:
    """Behind a proxy with TLS the cookie is one that no other host and no plain page can set, and
    browsers are told to come back by TLS only."""
    with console.as_(None) as client:
        tls = {"X-Forwarded-Proto": "https"}
        answer = client.post("/login", data={"name": "boss", "password": PASSWORD}, headers=tls)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-roaddust_session=")
        assert {"secure", "httponly", "path=/", "samesite=lax"} <= {
            part.strip().lower() for part in cookie.split(";")
        }
        assert "domain" not in cookie.lower()
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        text = cookie.partition("=")[2].partition(";")[0]
        planted = {"Cookie": f"roaddust_session={text}"} | tls
        assert client.get("/api/v1/me", headers=planted).status_code == 401
        own = {"Cookie": f"__Host-roaddust_session={text}"} | tls
        assert client.get("/api/v1/me", headers=own).status_code == 200
        plain = client.get("/login")
    assert "strict-transport-security" not in plain.headers


def test_stream_ends_with_the_session(console: Running) -> None:
    """Who is signed out elsewhere is not told of what changes any more."""
    with (
        browser(console, "operator") as client,
        console.as_("operator") as other,
        client.stream("GET", "/api/v1/live") as stream,
    ):
        lines = stream.iter_lines()
        assert any(line == "event: snapshot" for line in lines)
        assert other.delete("/api/v1/me/sessions").json() == {"ended": 1}
        console.wall.forward(minutes=2)
        other.post(f"/api/v1/episodes/{EPISODE}/acknowledge")
        assert "event: change" not in list(lines)


# Programs -------------------------------------------------------------------------------------


def new_token(boss: httpx.Client, *scopes: str, name: str = "a program", **more: int) -> str:
    answer = boss.post("/api/v1/tokens", json={"name": name, "scopes": list(scopes)} | more)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def test_token_may_what_it_was_given(console: Running) -> None:
    """A token reads with `read`, and does nothing else; refusals name the scope that is missing."""
    with console.as_("boss") as boss, console.as_(None) as program:
        program.headers["Authorization"] = f"Bearer {new_token(boss, 'read')}"
        assert status(program, "/api/v1/state") == 200
        for method, path in (
            ("POST", f"/api/v1/episodes/{EPISODE}/acknowledge"),
            ("GET", "/api/v1/users"),
            ("POST", "/api/v1/tokens"),
            ("POST", "/api/v1/token"),
            ("GET", "/api/v1/me/sessions"),
        ):
            answer = program.request(method, path, json={})
            assert answer.status_code == 403, path
        assert "`admin`" in program.get("/api/v1/users").json()["detail"]
        assert program.get("/api/v1/me").json()["name"] == "token:a program"


def test_act_of_a_program_bears_its_name(console: Running) -> None:
    """What a program does is on record under its token."""
    with console.as_("boss") as boss, console.as_(None) as program:
        program.headers["Authorization"] = f"Bearer {new_token(boss, 'act')}"
        url = f"/api/v1/episodes/{EPISODE}/acknowledge"
        assert program.post(url).json()["acknowledged_by"] == "token:a program"
        lines = boss.get("/api/v1/audit", params={"actor": "token:a program"}).json()["items"]
        assert [line["action"] for line in lines] == ["acknowledged"]


def test_token_ends(console: Running) -> None:
    """A token is over when it expires, and at once when it is revoked."""
    with console.as_("boss") as boss, console.as_(None) as program:
        program.headers["Authorization"] = f"Bearer {new_token(boss, 'read', days=1)}"
        assert status(program) == 200
        console.wall.forward(days=1, seconds=1)
        assert status(program) == 401
    with console.as_("boss") as boss, console.as_(None) as program:
        program.headers["Authorization"] = f"Bearer {new_token(boss, 'read', name='other')}"
        number = boss.get("/api/v1/tokens").json()[0]["id"]
        assert boss.delete(f"/api/v1/tokens/{number}").status_code == 204
        assert status(program) == 401
        assert boss.delete(f"/api/v1/tokens/{number}").status_code == 404
        revoked = next(one for one in boss.get("/api/v1/tokens").json() if one["id"] == number)
        assert revoked["revoked_by"] == "boss"


def test_token_is_told_once_and_not_stored(console: Running) -> None:
    """The text of a token and of a session is nowhere in the database, nor in any later answer."""
    with console.as_("boss") as boss, browser(console, "operator") as client:
        token = new_token(boss, "read")
        cookie = client.cookies["roaddust_session"]
        listed = boss.get("/api/v1/tokens").text
        assert token not in listed
        assert (
            boss.post("/api/v1/tokens", json={"name": "a program", "scopes": ["read"]}).status_code
            == 409
        )
        seen = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert seen.status_code == 200
        used = boss.get("/api/v1/tokens").json()[0]
        assert used["used_at"] is not None
        assert used["used_from"] == "127.0.0.1"
    with connect(console.dsn, name="test") as conn:
        whole = "".join(
            str(conn.execute(f"SELECT * FROM {table}".encode()).fetchall())
            for table in ("tokens", "sessions", "audit", "users")
        )
    for secret in (token, token.removeprefix("roaddust_"), cookie, PASSWORD):
        assert secret not in whole


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["crew"]},
        {"name": "x", "scopes": ["everything"]},
        {"name": "  \n ", "scopes": ["read"]},
        {"name": "x", "scopes": ["read"], "days": 0},
        {"name": "x", "scopes": ["read"], "days": 10_000},
    ],
)
def test_tokens_that_are_not_made(still_console: Running, body: dict[str, object]) -> None:
    """A token without a name, without a scope, with one that programs cannot have, or for ever."""
    with still_console.as_("boss") as boss:
        assert boss.post("/api/v1/tokens", json=body).status_code == 422


# The record -----------------------------------------------------------------------------------


def test_everything_is_on_record(console: Running) -> None:
    """Logins, wrong passwords and acts each leave a line with who, when and from where."""
    with console.as_("boss") as boss, browser(console, "operator") as client:
        with browser(console, "operator", "a wrong guess"), browser(console, "a secret", "x"):
            pass
        client.post(f"/api/v1/episodes/{EPISODE}/comment", json={"text": plausible.HOSTILE})
        boss.post("/api/v1/users", json={"name": "li.na", "role": "viewer"})
        boss.patch("/api/v1/users/li.na", json={"disabled": True})
        new_token(boss, "read")
        client.post("/logout")
        page = boss.get("/api/v1/audit").json()
    told = [(line["actor"], line["action"]) for line in reversed(page["items"])]
    assert told == [
        ("boss", "login"),
        ("operator", "login"),
        ("operator", "login_failed"),
        ("?", "login_failed"),  # what was no name may have been a password
        ("operator", "comment"),
        ("boss", "add_user"),
        ("boss", "change_user"),
        ("boss", "add_token"),
        ("operator", "logout"),
    ]
    failed = next(line for line in page["items"] if line["action"] == "login_failed")
    assert failed["detail"] == {"address": "127.0.0.1"}
    assert "a secret" not in str(page)


def test_record_is_filtered_and_paged(console: Running) -> None:
    """By actor, action and time; pages neither overlap nor leave anything out."""
    with console.as_("boss") as boss:
        for i in range(7):
            boss.post("/api/v1/users", json={"name": f"user{i}", "role": "viewer"})
        whole = boss.get("/api/v1/audit", params={"action": "add_user"}).json()["items"]
        assert len(whole) == 7
        pages, before = [], None
        while True:
            query = {"action": "add_user", "limit": 3} | ({"before": before} if before else {})
            page = boss.get("/api/v1/audit", params=query).json()
            pages += page["items"]
            before = page["next"]
            if before is None:
                break
        assert pages == whole
        assert boss.get("/api/v1/audit", params={"actor": "nobody"}).json()["items"] == []
        later = (console.wall() + timedelta(seconds=1)).isoformat()
        assert boss.get("/api/v1/audit", params={"since": later}).json()["items"] == []
        words = boss.get("/api/v1/audit/words").json()
        assert words["actors"] == ["boss"]
        assert {"add_user", "login"} <= set(words["actions"])


def test_record_cannot_be_changed(console: Running) -> None:
    """Not even by whoever holds the platform's own connection."""
    with console.as_("boss"), connect(console.dsn, name="test") as conn:
        for statement in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
            with pytest.raises(psycopg.Error, match="append-only"):
                conn.execute(statement.encode())
            conn.rollback()
        assert conn.execute("SELECT count(*) FROM audit").fetchall() == [(1,)]


def test_export_is_safe_in_a_spreadsheet(console: Running) -> None:
    """A text that begins like a formula is one no more; the table has every line, and that it was
    taken is a line too."""
    with console.as_("boss") as boss:
        new_token(boss, "act", name='=HYPERLINK("http://evil.example")')
        answer = boss.get("/api/v1/audit.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows[0] == ["id", "at", "actor", "action", "detail"]
    assert [row[3] for row in rows[1:]] == ["export_audit", "add_token", "login"]
    assert all(not cell.startswith(CALCULATES) for row in rows for cell in row)


@given(st.text())
def test_no_cell_is_calculated(text: str) -> None:
    """Whatever is written, no spreadsheet takes the cell for a formula, and nothing is lost."""
    assert not harmless(text).startswith(CALCULATES)
    assert harmless(text) in (text, f"'{text}")


# Pace -----------------------------------------------------------------------------------------

START = datetime(2026, 3, 2, tzinfo=UTC)


def test_pace_gives_tries_back() -> None:
    """Three at once, then one each ten seconds, each key for itself."""
    pace = Pace(3, timedelta(seconds=30))
    assert [pace.take("a", START) for _ in range(4)] == [0, 0, 0, 10]
    assert pace.take("b", START) == 0
    assert pace.take("a", START + timedelta(seconds=9)) == 1
    assert pace.take("a", START + timedelta(seconds=10)) == 0
    assert [pace.take("a", START + timedelta(hours=1)) for _ in range(4)] == [0, 0, 0, 10]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(-5, 60))))
def test_pace_is_bounded(takes: list[tuple[int, int]]) -> None:
    """However many keys come, however time runs, no more than so many are kept, and nobody gets
    more than the burst and what has come back since."""
    pace = Pace(3, timedelta(seconds=30), kept=10)
    now, newest, given_ = START, START, 0
    for key, step in takes:
        now += timedelta(seconds=step)
        newest = max(newest, now)
        given_ += pace.take("watched", now) == 0
        pace.take(str(key), now)
        assert len(pace) <= 10
    passed_s = sum(max(0, step) for _, step in takes)
    assert given_ <= 3 + passed_s / 10 + 1e-6


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("testclient", "testclient"),
    ],
)
def test_addresses_that_count_as_one(address: str, counted: str) -> None:
    """A customer's whole IPv6 network is one; everything else is itself."""
    assert neighbourhood(address) == counted


def test_wrong_passwords_from_one_address(console: Running) -> None:
    """After twenty, over whatever names, the address waits; the right password waits too."""
    with console.as_(None) as client:
        for i in range(20):
            form = {"name": f"user{i}", "password": "a guess"}
            assert client.post("/login", data=form).status_code == 401
        answer = client.post("/login", data={"name": "operator", "password": PASSWORD})
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert client.get("/api/v1/me", auth=("operator", PASSWORD)).status_code == 429
        console.wall.forward(minutes=15)
        form = {"name": "operator", "password": PASSWORD}
        assert client.post("/login", data=form).status_code == 303


def test_changes_are_counted(console: Running) -> None:
    """So many changes a minute, twice that in a burst; then 429 until some time has passed.
    Reading goes on."""
    with console.as_("operator") as client, console.as_("boss") as boss:
        url = "/api/v1/episodes/none/unshelve"
        answers = [client.post(url).status_code for _ in range(241)]
        assert set(answers[:239]) == {404}
        last = client.post(url)
        assert last.status_code == 429
        assert int(last.headers["retry-after"]) >= 1
        assert last.headers["content-type"] == "application/problem+json"
        assert status(client) == 200
        assert boss.post(url).status_code == 404
        console.wall.forward(seconds=2)
        assert client.post(url).status_code == 404
