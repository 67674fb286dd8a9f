"""Complaints by GeoReport v2: in as any other, out as the specification names things."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from console.open311 import is_closed, status_notes
from console.open311_models import ServiceRequest
from console.texts import LANGUAGES, texts
from geo.district import District
from geo.places import PlaceIndex
from store.database import connect
from tests.console import plausible
from tests.console.conftest import Running

SERVICE = {"service_code", "service_name", "description", "metadata", "type", "keywords", "group"}
REQUEST = {
    "service_request_id", "status", "status_notes", "service_name", "service_code", "description",
    "agency_responsible", "service_notice", "requested_datetime", "updated_datetime",
    "expected_datetime", "address", "address_id", "zipcode", "lat", "long", "media_url",
}  # fmt: skip
"""As the specification lists them."""


@pytest.fixture
def hotline(console: Running) -> Iterator[httpx.Client]:
    """A city's hotline with a token for complaints and nothing else."""
    with console.as_("boss") as boss, console.as_(None) as client:
        body = {"name": "hotline", "scopes": ["complaints"]}
        client.headers["X-Key"] = boss.post("/api/v1/tokens", json=body).json()["token"]
        yield client


def middle(district: District, segment: str) -> dict[str, float]:
    point = district.segments[segment].line.interpolate(0.5, normalized=True)
    return {"lat": round(point.y, 6), "long": round(point.x, 6)}


def complain(client: httpx.Client, form: str = "json", **fields: Any) -> httpx.Response:
    data = {"api_key": client.headers["X-Key"], "service_code": "dust"} | fields
    return client.post(f"/open311/v2/requests.{form}", data=data)


def asked(console: Running, statement: str) -> list[tuple[Any, ...]]:
    with connect(console.dsn, name="test") as conn:
        return conn.execute(statement.encode()).fetchall()


def the(client: httpx.Client, id_: str, **query: str) -> dict[str, Any]:
    query["api_key"] = client.headers["X-Key"]
    answer = client.get(f"/open311/v2/requests/{id_}.json", params=query)
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()
    return dict(found)


def test_services(still_console: Running) -> None:
    """Anybody may know what can be complained of, in JSON and in XML, in both languages."""
    with still_console.as_(None) as client:
        services = client.get("/open311/v2/services.json", params={"lang": "en"}).json()
        assert [one["service_code"] for one in services] == ["dust", "noise", "other"]
        assert all(set(one) == SERVICE for one in services)
        answer = client.get("/open311/v2/services.xml")
        assert answer.headers["content-type"] == "text/xml; charset=utf-8"
        root = ET.fromstring(answer.content)
        assert root.tag == "services"
        assert [one.findtext("service_name") for one in root.findall("service")] == [
            "道路扬尘", "噪声", "其他",
        ]  # fmt: skip
        assert root[0].findtext("metadata") == "false"
        definition = client.get("/open311/v2/services/dust.xml")
        assert ET.fromstring(definition.content).tag == "service_definition"
        assert client.get("/open311/v2/services/dust.json").json() == {
            "service_code": "dust", "attributes": [],
        }  # fmt: skip
        missing = client.get("/open311/v2/services/potholes.xml")
        assert missing.status_code == 404
        assert ET.fromstring(missing.content).findtext("error/code") == "404"


def test_discovery(still_console: Running) -> None:
    """A client finds the endpoint and its formats."""
    with still_console.as_(None) as client:
        told = client.get("/open311/discovery.json").json()
        root = ET.fromstring(client.get("/open311/discovery.xml").content)
    (endpoint,) = told["endpoints"]
    assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert endpoint["url"] == f"{still_console.address}/open311/v2"
    assert root.findtext("endpoints/endpoint/formats/format") == "text/xml"


def test_complaint_becomes_a_report(
    console: Running, hotline: httpx.Client, district: District
) -> None:
    """A complaint is stored as one that came by the broker, on the segment nearest to it, wakes the
    later stages, and is on record under the token; who complained is not kept."""
    place = middle(district, "XH07N")
    answer = complain(
        hotline, **place, description=plausible.HOSTILE, first_name="Wang", phone="13800000000",
        email="wang@example.com",
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    (accepted,) = answer.json()
    assert set(accepted) == {"service_request_id", "service_notice", "account_id"}
    id_ = accepted["service_request_id"]
    assert re.fullmatch(r"20260302-[A-Z2-7]{8}", id_)
    assert asked(console, "SELECT channel, id, ts, text, lon, lat, segment, kind FROM reports") == [
        ("open311", id_, plausible.NOW, plausible.HOSTILE, place["long"], place["lat"], "XH07N",
         "dust")
    ]  # fmt: skip
    assert asked(console, "SELECT rows FROM batches WHERE kind = 'reports'") == [(1,)]
    assert asked(console, "SELECT actor, detail FROM audit WHERE action = 'complaint'") == [
        ("token:hotline", {"ref": f"open311/{id_}"})
    ]
    found = the(hotline, id_)
    assert set(found) == REQUEST
    assert found["status"] == "open"
    assert found["description"] == plausible.HOSTILE
    assert "13800000000" not in str(found)


def test_complaint_in_xml(hotline: httpx.Client, district: District) -> None:
    """In and out in XML: markup stays text, and what XML cannot hold is left out."""
    text = plausible.HOSTILE + "\x01\x0c ]]> &amp;"
    answer = complain(hotline, "xml", **middle(district, "XH07N"), description=text)
    assert answer.status_code == 201
    id_ = ET.fromstring(answer.content).findtext("request/service_request_id")
    key = {"api_key": hotline.headers["X-Key"]}
    found = hotline.get(f"/open311/v2/requests/{id_}.xml", params=key)
    root = ET.fromstring(found.content)
    assert root.tag == "service_requests"
    assert {child.tag for child in root[0]} == REQUEST
    assert root.findtext("request/description") == text.replace("\x01\x0c", "")


def test_what_dispatch_answers_is_told(
    console: Running, hotline: httpx.Client, district: District
) -> None:
    """Received; then why not, or the order; then closed, with what was measured."""
    id_ = complain(hotline, **middle(district, "XH07N")).json()[0]["service_request_id"]
    en = texts("en")["open311"]
    assert the(hotline, id_, lang="en")["status_notes"] == en["waiting"]
    with connect(console.dsn, name="test") as conn:
        conn.execute(
            "INSERT INTO matters (ref, day, kind, place, level, since, opened_at, seen_at, due,"
            " ends_at, answered_at, answer) SELECT %s, '2026-03-02', 'complaint', 'XH07N', 0, ts,"
            " ts, ts, ts + interval '1 hour', ts + interval '13 hours', ts, 'rain' FROM reports",
            [f"open311/{id_}"],
        )
        conn.commit()
        assert the(hotline, id_, lang="en")["status_notes"] == en["reason_rain"]
        done = "SELECT order_id, treatment FROM verdicts WHERE effective LIMIT 1"
        order, treatment = conn.execute(done).fetchall()[0]
        conn.execute("UPDATE orders SET state = 'started' WHERE id = %s", [order])
        conn.execute("UPDATE matters SET answer = %s", [order])
        conn.commit()
        work = texts("en")["treatment"][treatment]
        found = the(hotline, id_, lang="en")
        assert found["status_notes"] == en["begun"].format(work=work)
        assert found["status"] == "open"
        assert found["expected_datetime"] is not None
        conn.execute("UPDATE orders SET state = 'done' WHERE id = %s", [order])
        conn.execute("UPDATE matters SET ended_at = since, outcome = 'treated'")
        conn.commit()
    found = the(hotline, id_, lang="en")
    assert found["status"] == "closed"
    assert re.search(r"\d+ % less dust", found["status_notes"])
    assert re.search(r"下降 \d+%", the(hotline, id_)["status_notes"])
    assert found["updated_datetime"] >= found["requested_datetime"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("outcome", [None, "treated", "reason", "nowhere", "not_made"])
@pytest.mark.parametrize("answer", [None, "rain", "something new", "nowhere"])
def test_every_standing_has_its_words(
    language: Any, outcome: str | None, answer: str | None
) -> None:
    """Whatever became of a complaint, there is a sentence for it; what was not made stays open."""
    found: dict[str, Any] = dict.fromkeys(
        ("treatment", "order_state", "started_at", "effective", "reduction_pct", "place")
    )
    ended = plausible.NOW if outcome else None
    found |= {"kind": "dust", "outcome": outcome, "answer": answer, "ended_at": ended}
    assert status_notes(found, texts(language)["open311"], texts(language)["treatment"])
    assert is_closed(found) == (outcome not in (None, "not_made"))


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"lat": "39.9", "long": "116.4"}, 400),  # another city
        ({"lat": "nan", "long": "113.9"}, 400),
        ({"lat": "95", "long": "113.9"}, 400),
        ({"lat": ""}, 400),
        ({"service_code": "potholes"}, 400),
        ({"service_code": ""}, 400),
        ({"description": "x" * 4001}, 400),
        ({"media_url": "javascript:alert(1)"}, 400),
        ({"jurisdiction_id": "elsewhere"}, 404),
        ({"api_key": "roaddust_wrong"}, 401),
        ({"api_key": ""}, 401),
    ],
)
def test_complaints_that_are_refused(
    console: Running, hotline: httpx.Client, district: District, fields: dict[str, str], status: int
) -> None:
    """What cannot be used is refused in GeoReport's own words, in the form asked for; nothing is
    stored."""
    place = {key: str(value) for key, value in middle(district, "XH07N").items()}
    for form in ("json", "xml"):
        answer = complain(hotline, form, **(place | fields))
        assert answer.status_code == status, answer.text
        if form == "json":
            assert all(set(one) == {"code", "description"} for one in answer.json())
            assert answer.json()[0]["code"] == status
        else:
            root = ET.fromstring(answer.content)
            assert root.tag == "errors"
            assert root.findtext("error/code") == str(status)
    assert asked(console, "SELECT count(*) FROM reports WHERE channel = 'open311'") == [(0,)]


def test_place_off_the_street(console: Running, hotline: httpx.Client, district: District) -> None:
    """Some way off every street a complaint is taken, with its place and without a segment."""
    places = PlaceIndex(district)
    at = middle(district, "XH07N")
    for step in range(400):
        lon = at["long"] + step * 0.0001
        found = places.nearest(lon, at["lat"], 500)
        assert found is not None, "the district has no such place to test with"
        treatable = places.nearest(lon, at["lat"], 150, treatable_only=True)
        if found[1] < 490 and treatable is None:
            break
    assert complain(hotline, lat=at["lat"], long=lon).status_code == 201
    assert asked(console, "SELECT segment FROM reports WHERE channel = 'open311'") == [(None,)]


def test_lists(console: Running, hotline: httpx.Client, district: District) -> None:
    """By id, service, time and status; pages; only what came in here; 90 days at most."""
    place = middle(district, "XH07N")
    ids = []
    for code in ("dust", "noise", "dust"):
        ids.append(complain(hotline, **place, service_code=code).json()[0]["service_request_id"])
        assert console.now is not None
        console.now.forward(minutes=1)
    with connect(console.dsn, name="test") as conn:
        conn.execute(
            "INSERT INTO reports VALUES ('other-hotline', 'R1', %(at)s, 'x', 1, 1, NULL, 'dust',"
            " %(at)s)",
            {"at": plausible.NOW},
        )
        conn.commit()

    def listed(**query: str) -> list[str]:
        query["api_key"] = hotline.headers["X-Key"]
        answer = hotline.get("/open311/v2/requests.json", params=query)
        assert answer.status_code == 200, answer.text
        return [one["service_request_id"] for one in answer.json()]

    assert listed() == ids[::-1]
    assert listed(service_code="noise") == [ids[1]]
    assert listed(service_request_id=f"{ids[0]}, {ids[2]},R1") == [ids[2], ids[0]]
    assert listed(status="open") == ids[::-1]
    assert listed(status="closed") == []
    assert listed(status="open,closed") == ids[::-1]
    assert listed(page="2", page_size="2") == [ids[0]]
    start = (plausible.NOW + timedelta(seconds=30)).isoformat()
    assert listed(start_date=start) == ids[:0:-1]
    for query in ({"status": "lost"}, {"start_date": "2020-01-01T00:00:00Z", "end_date": start},
                  {"start_date": "2026-03-01T00:00:00"}):  # fmt: skip
        key = {"api_key": hotline.headers["X-Key"]}
        assert hotline.get("/open311/v2/requests.json", params=query | key).status_code == 400


def test_key_does_one_thing(hotline: httpx.Client, console: Running, district: District) -> None:
    """The hotline's key opens complaints and nothing else; a key without that scope does not; and
    no cookie does, so that no page elsewhere can complain in somebody's name."""
    key = hotline.headers["X-Key"]
    assert (
        hotline.get("/api/v1/state", headers={"Authorization": f"Bearer {key}"}).status_code == 403
    )
    place = middle(district, "XH07N")
    with console.as_("boss") as boss, console.as_(None) as client:
        reading = boss.post("/api/v1/tokens", json={"name": "r", "scopes": ["read"]}).json()[
            "token"
        ]
        assert complain(hotline, **place, api_key=reading).status_code == 403
        client.post("/login", data={"name": "boss", "password": "correct horse battery"})
        form = {"service_code": "dust"} | {name: str(value) for name, value in place.items()}
        assert client.post("/open311/v2/requests.json", data=form).status_code == 401
    with console.as_("operator") as operator, console.as_("watcher") as watcher:
        operator.headers["X-Key"] = watcher.headers["X-Key"] = ""
        assert complain(operator, **place).status_code == 201
        assert complain(watcher, **place).status_code == 403


def test_model_is_the_specification() -> None:
    """Our model has the specification's fields, all of them and no other."""
    assert set(ServiceRequest.model_fields) == REQUEST
