"""The crew's page: its words arrive once and as said, its photos are pictures and nothing else."""

import io
import re
import struct
import uuid
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from PIL import Image

from console.photos import SIDE_MAX_PX, drawn_anew
from console.settings import DEFAULTS
from console.users import add_user
from geo.datum import gcj02_to_wgs84
from geo.district import District
from store.database import connect
from store.upkeep import clean
from tests.console import plausible
from tests.console.conftest import PASSWORD, Running

NOW = plausible.NOW


def at(minutes: float) -> str:
    """So many minutes after now."""
    return (NOW + timedelta(minutes=minutes)).isoformat()


def word(order: str = "O-1004", event: str = "started", **values: Any) -> dict[str, Any]:
    """What the page sends when a button is pressed."""
    whole = {"key": str(uuid.uuid4()), "order": order, "event": event, "at": at(-1)}
    return whole | values


def picture(form: str = "JPEG", size: tuple[int, int] = (640, 480), **options: Any) -> bytes:
    """A file with a picture in it."""
    file = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(file, form, **options)
    return file.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has so many pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99))


def _leaders(dsn: str) -> None:
    with connect(dsn, name="test") as conn:
        add_user(conn, "li", PASSWORD, "crew", NOW, crew="WATER-A")
        add_user(conn, "zhao", PASSWORD, "crew", NOW, crew="FOG-A")
        add_user(conn, "planner", PASSWORD, "dispatcher", NOW)


@pytest.fixture
def li(console: Running) -> Iterator[httpx.Client]:
    """The leader of WATER-A."""
    _leaders(console.dsn)
    with console.as_("li") as client:
        yield client


def rows(console: Running, query: str) -> list[Any]:
    """What a query finds."""
    with connect(console.dsn, name="test") as conn:
        return conn.execute(query).fetchall()


# Orders -------------------------------------------------------------------------------------


def test_a_leader_sees_the_orders_of_their_crew_and_no_others(
    li: httpx.Client, console: Running
) -> None:
    """In sequence, the one that is worked on first; nothing of anybody else's."""
    page = li.get("/api/v1/crew/orders").json()
    assert page["crew"] == "WATER-A"
    assert [order["id"] for order in page["orders"]] == ["O-1003", "O-1004", "O-1005", "O-1006"]
    assert [order["id"] for order in page["history"]] == ["O-1002", "O-1001"]
    for path in ("crew/orders", "crew/progress", "crew/position"):
        params = {"crew": "FOG-A"}
        body = word("O-1011") if path.endswith("progress") else {"at": at(0), "lon": 1, "lat": 1}
        answer = (
            li.get(f"/api/v1/{path}", params=params)
            if path.endswith("orders")
            else li.post(f"/api/v1/{path}", params=params, json=body)
        )
        assert answer.status_code == 403, path
    assert li.post("/api/v1/crew/progress", json=word("O-1011")).status_code == 403
    for path in ("state", "plan", "orders", "board", "overrides", "episodes", "live"):
        assert li.get(f"/api/v1/{path}").status_code == 403, path
    with console.as_("driver") as nobody:
        assert nobody.get("/api/v1/crew/orders").status_code == 403


def test_others_look_and_dispatchers_speak(li: httpx.Client, console: Running) -> None:
    """Whoever may look may look at any crew's page; a dispatcher may speak for it."""
    expected = {"watcher": (200, 403), "operator": (200, 403), "planner": (200, 200)}
    for name, (looks, speaks) in expected.items():
        with console.as_(name) as client:
            params = {"crew": "WATER-A"}
            assert client.get("/api/v1/crew/orders", params=params).status_code == looks
            said = client.post("/api/v1/crew/progress", params=params, json=word())
            assert said.status_code == speaks, name
            assert client.get("/api/v1/crew/orders").status_code == 422
            assert client.get("/api/v1/crew/orders?crew=NOBODY").status_code == 404
    assert rows(console, "SELECT actor FROM audit WHERE action = 'progress'") == [("planner",)]


def test_nothing_new_costs_nothing(li: httpx.Client) -> None:
    """The tag holds until something changes; the platform's time is told all the same."""
    first = li.get("/api/v1/crew/orders")
    tag = {"If-None-Match": first.headers["ETag"]}
    again = li.get("/api/v1/crew/orders", headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    assert datetime.fromisoformat(again.headers["Roaddust-Now"]) == NOW
    assert li.post("/api/v1/crew/progress", json=word()).status_code == 200
    changed = li.get("/api/v1/crew/orders", headers=tag)
    assert changed.status_code == 200
    said = {order["id"]: order["said"] for order in changed.json()["orders"]}
    assert said["O-1004"] == ["started"]


def test_goals_are_given_in_the_datum_of_the_maps(li: httpx.Client) -> None:
    """Navigation apps get GCJ-02, hundreds of metres from WGS 84, where the work starts."""
    order = li.get("/api/v1/crew/orders").json()["orders"][1]
    assert order["goal"] == order["path"][-1]
    lon, lat = (float(x) for x in gcj02_to_wgs84(*order["goal_gcj"]))
    assert (lon, lat) == pytest.approx(tuple(order["goal"]), abs=2e-6)
    assert abs(order["goal_gcj"][0] - order["goal"][0]) > 0.003


# Words --------------------------------------------------------------------------------------


def test_a_word_is_stored_as_ingest_stores_one(li: httpx.Client, console: Running) -> None:
    """The row of the progress table, the batch that wakes the stages, and the audit."""
    sent = word(event="failed", reason="道路封闭", at=at(-3))
    assert li.post("/api/v1/crew/progress", json=sent).json() == {
        "key": sent["key"], "repeat": False,
    }  # fmt: skip
    assert rows(console, "SELECT crew, order_id, event, reason, ts, applied FROM progress") == [
        ("WATER-A", "O-1004", "failed", "道路封闭", NOW - timedelta(minutes=3), False)
    ]
    assert rows(console, "SELECT min_ts, rows FROM batches WHERE kind = 'progress'") == [
        (NOW - timedelta(minutes=3), 1)
    ]
    assert rows(console, "SELECT actor, detail->>'event' FROM audit WHERE action = 'progress'") == [
        ("li", "failed")
    ]


def test_a_repeat_is_taken_once(li: httpx.Client, console: Running) -> None:
    """However often a word is sent, even after the clock has gone on, it is one row."""
    sent = word()
    answers = []
    for _ in range(3):
        answers.append(li.post("/api/v1/crew/progress", json=sent).json()["repeat"])
        assert console.now is not None
        console.now.forward(minutes=1)
    assert answers == [False, True, True]
    assert len(rows(console, "SELECT 1 FROM progress")) == 1
    assert len(rows(console, "SELECT 1 FROM audit WHERE action = 'progress'")) == 1
    with console.as_("zhao") as other:
        stolen = word("O-1011", key=sent["key"])
        assert other.post("/api/v1/crew/progress", json=stolen).status_code == 403


@pytest.mark.parametrize(("said_at", "kept_at"), [(at(90), 0), (at(-600), -7), (at(-2), -2)])
def test_a_phone_with_a_wrong_clock(
    li: httpx.Client, console: Running, said_at: str, kept_at: float
) -> None:
    """Nothing was done before it was ordered, nor after now."""
    li.post("/api/v1/crew/progress", json=word(at=said_at))
    ((ts,),) = rows(console, "SELECT ts FROM progress")
    assert abs(ts - (NOW + timedelta(minutes=kept_at))) < timedelta(seconds=61)


BAD_WORDS: list[tuple[dict[str, Any], int]] = [
    (word(event="refused"), 422),
    (word(event="failed", reason="   "), 422),
    (word(event="sent"), 422),
    (word(key="1"), 422),
    (word(at="2026-03-02T10:00:00"), 422),
    (word(order="O-9999"), 404),
    (word(order="O'; --"), 422),
    (word(reason="x" * 501), 422),
    (word(water_l=-1), 422),
]


@pytest.mark.parametrize(("sent", "status"), BAD_WORDS, ids=range(len(BAD_WORDS)))
def test_words_that_mean_nothing_are_refused(
    li: httpx.Client, console: Running, sent: dict[str, Any], status: int
) -> None:
    """With a problem that says why, and nothing is stored."""
    answer = li.post("/api/v1/crew/progress", json=sent)
    assert answer.status_code == status
    assert rows(console, "SELECT 1 FROM progress") == []
    assert rows(console, "SELECT 1 FROM crew_words") == []


def test_a_position_is_one_of_the_vehicles(li: httpx.Client, console: Running) -> None:
    """It is where the crew is, for everybody; a repeat changes nothing."""
    assert console.now is not None
    console.now.forward(minutes=2)
    place = {"at": at(1), "lon": 113.9, "lat": 22.5, "speed_kmh": 12}
    for _ in range(2):
        assert li.post("/api/v1/crew/position", json=place).status_code == 204
    page = li.get("/api/v1/crew/orders").json()
    assert (page["position"]["lon"], page["position"]["lat"]) == (113.9, 22.5)
    assert rows(console, "SELECT ts, speed_kmh FROM positions WHERE lon = 113.9") == [
        (NOW + timedelta(minutes=1), 12)
    ]
    assert rows(console, "SELECT rows FROM batches WHERE kind = 'positions'") == [(1,)]
    for bad in ({"lon": 200}, {"lat": -91}, {"at": at(-60 * 72)}, {"speed_kmh": -1}):
        assert li.post("/api/v1/crew/position", json=place | bad).status_code == 422


# Photos -------------------------------------------------------------------------------------


def send(client: httpx.Client, body: bytes, **params: str) -> httpx.Response:
    """A photo as the page sends one."""
    whole = {"key": str(uuid.uuid4()), "order": "O-1004", "at": at(0)} | params
    kind = {"Content-Type": "image/jpeg"}
    return client.post("/api/v1/crew/photos", params=whole, content=body, headers=kind)


def test_a_photo_is_in_the_order_s_story(li: httpx.Client, console: Running) -> None:
    """It is drawn anew, listed with its order, and served as a download that nobody sniffs."""
    key = str(uuid.uuid4())
    secret = Image.Exif()
    secret[0x010E] = "<script>alert(1)</script>"
    body = picture("JPEG", (3000, 2000), exif=secret, quality=40)
    assert send(li, body, key=key).json() == {"key": key, "repeat": False}
    assert send(li, body, key=key).json()["repeat"] is True
    with console.as_("watcher") as watcher:
        (listed,) = watcher.get("/api/v1/photos", params={"order": "O-1004"}).json()
        assert (listed["id"], listed["width_px"], listed["height_px"]) == (key, 1600, 1067)
        served = watcher.get(f"/api/v1/photos/{key}")
    assert served.headers["content-type"] == "image/jpeg"
    assert served.headers["x-content-type-options"] == "nosniff"
    assert served.headers["content-disposition"].startswith("attachment")
    assert b"script" not in served.content
    assert Image.open(io.BytesIO(served.content)).size == (1600, 1067)
    assert li.get(f"/api/v1/photos/{key}").status_code == 200
    with console.as_("zhao") as other:
        assert other.get(f"/api/v1/photos/{key}").status_code == 403
        assert other.get("/api/v1/photos", params={"order": "O-1004"}).status_code == 403
        assert other.get(f"/api/v1/photos/{uuid.uuid4()}").status_code == 403
        assert send(other, body).status_code == 403
    with httpx.Client(base_url=console.address) as stranger:
        assert stranger.get(f"/api/v1/photos/{key}").status_code == 401
        assert send(stranger, body).status_code == 401


ATTACKS = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "html named jpg": b"<!doctype html><script>alert(1)</script>",
    "empty": b"",
    "gif": picture("GIF"),
    "bmp": picture("BMP"),
    "tiff": picture("TIFF"),
    "a jpeg's head and a page": picture("JPEG")[:30] + b"<script>alert(1)</script>",
    "half a png": picture("PNG")[:2000],
    "bomb": claiming(50_000, 50_000),
    "bomb within the sides": claiming(SIDE_MAX_PX, SIDE_MAX_PX),
    "one side": claiming(SIDE_MAX_PX + 1, 2),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_no_photo_is_refused(li: httpx.Client, console: Running, attack: str) -> None:
    """Whatever it is called; nothing is stored."""
    answer = send(li, ATTACKS[attack])
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]
    assert rows(console, "SELECT 1 FROM photos") == []


def test_a_photo_that_is_too_large_is_refused(li: httpx.Client, console: Running) -> None:
    """By the length it says, and by what comes where it says none; up to the limit it is taken."""
    most = int(DEFAULTS.photo_mib * 2**20)
    whole = picture("JPEG")
    assert send(li, whole + b"\0" * (most - len(whole))).status_code == 200
    assert len(rows(console, "DELETE FROM photos RETURNING 1")) == 1
    body = whole + b"\0" * (most - len(whole) + 1)
    refused = send(li, body)
    assert refused.status_code == 413
    assert "5 MiB" in refused.json()["detail"]

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    params = {"key": str(uuid.uuid4()), "order": "O-1004", "at": at(0)}
    assert li.post("/api/v1/crew/photos", params=params, content=pieces()).status_code == 413
    assert rows(console, "SELECT 1 FROM photos") == []


def test_an_order_has_a_dozen_photos_at_most(li: httpx.Client) -> None:
    """A phone that runs wild does not fill the disk."""
    body = picture(size=(8, 8))
    statuses = [send(li, body).status_code for _ in range(13)]
    assert statuses == [200] * 12 + [409]


def test_photos_live_as_long_as_measurements(li: httpx.Client, console: Running) -> None:
    """Upkeep lets go of photos with the readings, and of keys that no phone sends any more."""
    assert send(li, picture(size=(8, 8))).status_code == 200
    left = []
    for days in (40, 401):
        with connect(console.dsn, name="test") as conn:
            now = NOW + timedelta(days=days)
            clean(conn, now, keep=timedelta(days=400), lateness=timedelta(hours=48))
        left.append([len(rows(console, f"SELECT 1 FROM {t}")) for t in ("photos", "crew_words")])
    assert left == [[1, 0], [0, 0]]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_pictures_come_out_upright_and_no_larger(form: str) -> None:
    """Each form that is taken becomes a JPEG; a phone held upright gives a picture that is."""
    turned = Image.Exif()
    turned[0x0112] = 6
    made = drawn_anew(picture(form, (400, 300), exif=turned))
    assert (made.width_px, made.height_px) == (300, 400)
    assert Image.open(io.BytesIO(made.jpeg)).format == "JPEG"
    assert len(Image.open(io.BytesIO(made.jpeg)).getexif()) == 0


# Pages --------------------------------------------------------------------------------------


def test_the_worker_governs_the_crew_s_page_alone(console: Running) -> None:
    """It comes from the root, as a script, and is asked for anew each time."""
    answer = httpx.get(f"{console.address}/crew-worker.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"


def test_every_part_that_the_worker_keeps_is_there(
    li: httpx.Client, console: Running, district: District
) -> None:
    """A part that was renamed would be missing on the phone when the signal is."""
    worker = httpx.get(f"{console.address}/crew-worker.js").text
    listed = re.search(r"PARTS = \[(.*?)\]", worker, re.DOTALL)
    assert listed is not None
    parts = re.findall(r'"([^"]+)"', listed[1])
    assert len(parts) > 12
    for part in parts:
        answer = li.get(part) if part.startswith("/api") else httpx.get(console.address + part)
        assert answer.status_code in (200, 303), part
    assert len(li.get("/api/v1/crew/map").json()["segments"]) == len(district.segments)
