"""Makers' dialects to sightings, and what a district's table makes of them."""

import contextlib
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.refusals import Refusal
from ingest.vendors import dji, hikvision
from ingest.vendors.flat import flat_json, flat_xml
from ingest.vendors.repeats import Repeats
from ingest.vendors.sighting import Sighting
from ingest.vendors.table import HERE, Table, TableError, load_table

SHANGHAI = ZoneInfo("Asia/Shanghai")
MULTIPART = 'multipart/form-data; boundary="edge"'
JPEG = b"\xff\xd8\r\n--edg\r\n\x00\xff\xd9"


def alert(kind: str = "AID", state: str = "active", inner: str = "", **fields: str) -> bytes:
    """An EventNotificationAlert with the fields that its page names."""
    said = {
        "ipAddress": "10.10.10.20",
        "portNo": "80",
        "protocol": "HTTP",
        "macAddress": "68:6D:BC:00:00:01",
        "channelID": "1",
        "dateTime": "2026-03-01T16:00:00+08:00",
        "activePostCount": "1",
        "eventType": kind,
        "eventState": state,
        "eventDescription": f"{kind} alarm",
    } | fields
    body = "".join(f"<{name}>{text}</{name}>\n" for name, text in said.items() if text)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<EventNotificationAlert version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">\n'
        f"{body}{inner}</EventNotificationAlert>\n"
    ).encode()


def multipart(*parts: tuple[str, bytes]) -> bytes:
    body = b"".join(
        b'--edge\r\nContent-Disposition: form-data; name="x"\r\nContent-Type: '
        + kind.encode()
        + b"\r\nContent-Length: %d\r\n\r\n" % len(data)
        + data
        + b"\r\n"
        for kind, data in parts
    )
    return body + b"--edge--\r\n"


def uploaded(**metadata: Any) -> dict[str, Any]:
    """A file_upload_callback with the fields that its page names."""
    return {
        "tid": "t1",
        "bid": "b1",
        "timestamp": 1772352060000,
        "gateway": "DOCK01",
        "need_reply": 1,
        "method": "file_upload_callback",
        "data": {
            "result": 0,
            "file": {
                "object_key": "media/1.jpeg",
                "path": "裸土巡查/2026",
                "name": "1.jpeg",
                "ext": {"flight_id": "F1", "drone_model_key": "0-67-0", "is_original": True},
                "metadata": {
                    "shoot_position": {"lat": 22.48, "lng": 113.887},
                    "gimbal_yaw_degree": -91.4,
                    "absolute_altitude": 56.3,
                    "relative_altitude": 41.1,
                    "created_time": "2026-03-01 16:00:00",
                }
                | metadata,
            },
        },
    }


def encoded(message: Any) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()


PARKING = "<AID><illegalTrafficEvent>illegalParking</illegalTrafficEvent></AID>"


def test_an_alert() -> None:
    """Who saw it, most exactly first; when; and what it says, by path."""
    (seen,) = hikvision.sightings(alert(inner=PARKING), "application/xml", SHANGHAI)
    assert seen.senders == (
        "68:6d:bc:00:00:01#1",
        "68:6d:bc:00:00:01",
        "10.10.10.20#1",
        "10.10.10.20",
    )
    assert seen.ts == "2026-03-01T16:00:00+08:00"
    assert seen.facts["AID.illegalTrafficEvent"] == "illegalParking"
    assert seen.media == []


def test_an_alert_with_pictures(tmp_path: Path) -> None:
    """Pictures come byte for byte, empty ones are none, and the event names their digests."""
    kept = {}

    def save(picture: bytes, digest: str) -> str:
        kept[digest] = picture
        return f"{digest}.jpg"

    body = multipart(("text/xml", alert()), ("image/pjpeg", JPEG), ("image/jpeg", b""))
    (seen,) = hikvision.sightings(body, MULTIPART, SHANGHAI, save)
    ((digest, picture),) = kept.items()
    assert picture == JPEG
    assert seen.media == [
        {"type": "image/pjpeg", "bytes": len(JPEG), "sha256": digest, "file": f"{digest}.jpg"}
    ]


def test_a_heartbeat_is_no_event() -> None:
    """Cameras say every few seconds that nothing is."""
    body = alert("videoloss", "inactive")
    assert hikvision.sightings(body, "application/xml", SHANGHAI) == []


def test_a_time_without_an_offset() -> None:
    """It is the district's."""
    body = alert(dateTime="2026-03-01T16:00:00")
    (seen,) = hikvision.sightings(body, "application/xml", SHANGHAI)
    assert seen.ts == "2026-03-01T16:00:00+08:00"


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    b'<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>'
    b"<EventNotificationAlert><eventType>&lol2;</eventType></EventNotificationAlert>"
)
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    b"<EventNotificationAlert><eventType>&e;</eventType></EventNotificationAlert>"
)


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (BOMB, "application/xml", "type"),
        (OUTSIDE, "application/xml", "type"),
        (multipart(("text/xml", BOMB)), MULTIPART, "type"),
        (b"<!DOCTYPE x SYSTEM 'http://127.0.0.1/x'><x/>", "application/xml", "type"),
        (b"<a>" * 100_000, "application/xml", "size"),
        (b"<r><a>1</a></r>", "application/xml", "type"),
        (
            b"<EventNotificationAlert>"
            + b"".join(b"<a%d>1</a%d>" % (n, n) for n in range(5000))
            + b"</EventNotificationAlert>",
            "application/xml",
            "size",
        ),
        (b"", "application/xml", "type"),
        (b"\xff\xfe\x00", "application/xml", "type"),
        (b"<EventNotificationAlert>", "application/xml", "type"),
        (b'<?xml version="1.0" encoding="x-none"?><a/>', "application/xml", "type"),
        (alert(dateTime="yesterday"), "application/xml", "time"),
        (alert(dateTime=""), "application/xml", "missing"),
        (alert(""), "application/xml", "missing"),
        (multipart(("image/jpeg", JPEG)), MULTIPART, "missing"),
        (multipart(*[("image/jpeg", JPEG)] * 30), MULTIPART, "size"),
        (b"no parts", MULTIPART, "type"),
        (alert(), "multipart/form-data", "type"),
        (multipart(("text/xml", alert()))[:-60], MULTIPART, "type"),
    ],
)
def test_hostile_requests(body: bytes, content_type: str, reason: str) -> None:
    """An entity bomb, a file from outside, too much of anything, and what is no alert: each is
    refused, and nothing is opened or blown up."""
    with pytest.raises(Refusal) as refused:
        hikvision.sightings(body, content_type, SHANGHAI)
    assert refused.value.reason == reason
    assert "root:" not in refused.value.detail


@given(st.binary(max_size=300), st.sampled_from(["application/xml", MULTIPART, ""]))
def test_any_request_is_read_or_refused(body: bytes, content_type: str) -> None:
    """Whatever is posted, nothing is raised but a refusal."""
    for candidate in (body, b"--edge\r\n" + body, alert().replace(b"AID", body)):
        with contextlib.suppress(Refusal):
            hikvision.sightings(candidate, content_type, SHANGHAI)


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
    ).map(lambda value: json.dumps({"method": "file_upload_callback", "data": value}).encode())
)
def test_any_message_of_a_dock_is_read_or_refused(payload: bytes) -> None:
    """Whatever is published, nothing is raised but a refusal."""
    for read in (
        lambda: dji.sightings(payload, SHANGHAI),
        lambda: dji.place(payload),
        lambda: dji.aboard(payload),
        lambda: dji.reply_to(payload, 0),
    ):
        with contextlib.suppress(Refusal):
            read()


def test_a_photo_of_a_drone() -> None:
    """An uploaded file is seen when and where it was shot, and is its own medium."""
    (seen,) = dji.sightings(encoded(uploaded()), SHANGHAI)
    assert seen.senders == ("DOCK01",)
    assert seen.ts == "2026-03-01T16:00:00+08:00"
    assert seen.media == [
        {
            "source": "dji",
            "object_key": "media/1.jpeg",
            "name": "1.jpeg",
            "path": "裸土巡查/2026",
            "flight": "F1",
            "yaw_deg": -91.4,
            "height_m": 41.1,
        }
    ]


@pytest.mark.parametrize(
    ("metadata", "ts"),
    [
        (
            {"created_time": None, "create_time": "2026-03-01T16:00:01+08:00"},
            "2026-03-01T16:00:01+08:00",
        ),
        ({"created_time": None}, 1772352060000),
    ],
)
def test_times_of_photos(metadata: dict[str, Any], ts: str | int) -> None:
    """Later editions name the time otherwise; without one that of the message holds."""
    (seen,) = dji.sightings(encoded(uploaded(**metadata)), SHANGHAI)
    assert seen.ts == ts


def test_a_reduced_copy_and_a_failed_upload_are_none() -> None:
    """Only the original counts, and only once it is there."""
    copy, failed = uploaded(), uploaded()
    copy["data"]["file"]["ext"]["is_original"] = False
    failed["data"]["result"] = 1
    assert dji.sightings(encoded(copy), SHANGHAI) == []
    assert dji.sightings(encoded(failed), SHANGHAI) == []


def test_replies() -> None:
    """Who waits for a reply gets one under its own numbers; a dock that comes online always."""
    assert dji.reply_to(encoded(uploaded()), 5) == {
        "tid": "t1",
        "bid": "b1",
        "method": "file_upload_callback",
        "timestamp": 5,
        "data": {"result": 0},
    }
    assert dji.reply_to(encoded(uploaded() | {"need_reply": 0}), 5) is None
    online = {
        "tid": "t",
        "bid": "b",
        "method": "update_topo",
        "timestamp": 1,
        "data": {"type": 98, "sub_devices": [{"sn": "DRONE01", "type": 116, "index": "A"}]},
    }
    assert dji.reply_to(encoded(online), 5) == {
        "tid": "t",
        "bid": "b",
        "method": "update_topo",
        "timestamp": 5,
        "data": {"result": 0},
    }
    assert dji.aboard(encoded(online)) == ["DRONE01"]


def test_where_a_drone_is() -> None:
    """From its fixed-rate properties; a receiver that has not found itself says nothing."""
    osd = {"data": {"latitude": 22.48, "longitude": 113.887, "height": 60.0}}
    assert dji.place(encoded(osd)) == (113.887, 22.48)
    assert dji.place(encoded({"data": {"latitude": 0, "longitude": 0}})) is None
    assert dji.place(encoded({"data": {"mode_code": 0}})) is None


def test_nesting_is_bounded() -> None:
    """Neither depth nor number of values is the sender's to choose."""
    with pytest.raises(Refusal):
        flat_json(b'{"a":' * 100 + b"1" + b"}" * 100)
    with pytest.raises(Refusal):
        flat_json(encoded({"a": list(range(10_000))}))
    assert flat_json(b'{"a":{"b":[1,{"c":true}]},"d":null}') == {"a.b.0": "1", "a.b.1.c": "true"}
    assert flat_xml(b"<r><a>1</a><a>2</a><b><c> x </c></b></r>") == ("r", {"a": "1", "b.c": "x"})


# Tables -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", ["hikvision", "dji"])
def test_the_shipped_tables_are_good(vendor: str) -> None:
    """What ships can be used as it is."""
    assert load_table(HERE / f"{vendor}.toml").rules


def meaning(body: bytes) -> Any:
    table = load_table(HERE / "hikvision.toml")
    (seen,) = hikvision.sightings(body, "application/xml", SHANGHAI)
    return table.meaning(seen)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (alert(inner=PARKING), "illegal_parking"),
        (alert(inner=PARKING.replace("illegalParking", "abandonedObject")), "mud_on_road"),
        (alert(inner=PARKING.replace("illegalParking", "congestion")), None),
        (alert("linedetection"), None),
        (alert("videoloss"), None),
        (
            alert(
                "ANPR",
                inner="<ANPR><licensePlate>粤B12345</licensePlate>"
                "<vehicleType>largeTruck</vehicleType></ANPR>",
            ),
            "truck_pass",
        ),
        (alert("ANPR", inner="<ANPR><vehicleType>vehicle</vehicleType></ANPR>"), None),
        (alert("AIOPVideo", eventDescription="渣土车未覆盖"), "uncovered_truck"),
    ],
)
def test_what_the_shipped_table_makes_of_alerts(body: bytes, kind: str | None) -> None:
    """What is of use to the district becomes an event, the rest is passed over."""
    meant = meaning(body)
    assert (meant and meant.event.kind) == kind
    if kind == "truck_pass":
        assert meant.event.plate == "粤B12345"


TABLE = """
datum = "gcj02"
[names]
DOCK01 = "DOCK-1"
[paths]
lon = "data.file.metadata.shoot_position.lng"
lat = "data.file.metadata.shoot_position.lat"
note = "data.file.name"
[[rule]]
when = { method = "file_upload_callback", "data.file.name" = "skip.*" }
kind = "none"
[[rule]]
when = { method = "file_upload_callback" }
kind = "exposed_pile"
confidence = 0.2
again_s = 0
"""


def test_a_districts_own_table(tmp_path: Path) -> None:
    """The first rule that fits holds; names, places, datum and notes are as it says."""
    file = tmp_path / "dji.toml"
    file.write_text(TABLE, encoding="utf-8")
    table = load_table(file, {"gcj02": lambda lon, lat: (lon - 1, lat - 2)})
    (seen,) = dji.sightings(encoded(uploaded()), SHANGHAI)
    meant = table.meaning(seen)
    assert meant is not None
    assert (meant.sender, meant.again_s) == ("DOCK-1", 0)
    event = meant.event
    assert (event.kind, event.confidence, event.note) == ("exposed_pile", 0.2, "1.jpeg")
    assert [event.lon, event.lat] == pytest.approx([112.887, 20.48])
    skipped = uploaded()
    skipped["data"]["file"]["name"] = "SKIP me.jpeg"
    assert table.meaning(dji.sightings(encoded(skipped), SHANGHAI)[0]) is None


@pytest.mark.parametrize(
    ("senders", "name"),
    [
        (("aa:bb#2", "aa:bb"), "CAM-2"),
        (("aa:bb#3", "aa:bb"), "CAM"),
        (("cc:dd#1",), "cc-dd-1"),  # unknown: ingest says so, and keeps it
        ((), "unknown"),
        (("../../up/clock",), "------up-clock"),
    ],
)
def test_names_of_senders(senders: tuple[str, ...], name: str) -> None:
    """The most exact name that the table knows; another is made harmless and goes as it is."""
    table = Table((), {"aa:bb#2": "CAM-2", "aa:bb": "CAM"})
    assert table.name(senders) == name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[rule]]\nkind = 'dust'\nwhen = {a = 'b'}", "kind 'dust'"),
        ("[[rule]]\nkind = 'dust_plume'", "when is a table"),
        ("[[rule]]\nkind = 'dust_plume'\nwhen = {}", "when is a table"),
        ("[[rule]]\nkind = 'dust_plume'\nwhen = {a = '('}", "when.a"),
        ("[[rule]]\nkind = 'dust_plume'\nwhen = {a = 1}", "when.a"),
        ("[[rule]]\nkind = 'dust_plume'\nwhen = {a = 'b'}\nconfidence = 2", "confidence"),
        ("[[rule]]\nkind = 'dust_plume'\nwhen = {a = 'b'}\nagain_s = -1", "again_s"),
        ("[[rule]]\nkind = 'dust_plume'\nwhen = {a = 'b'}\ntruck = 'car'", "truck"),
        ("[[rule]]\nkind = 'dust_plume'\nwhen = {a = 'b'}\nwhat = 1", "rule 1"),
        ("[names]\na = 'b/c'", "names.a"),
        ("[paths]\nplace = 'x'", "paths"),
        ("datum = 'mars'", "datum"),
        ("rules = 1", "rules"),
        ("= 1", "TOML"),
    ],
)
def test_a_bad_table(tmp_path: Path, text: str, says: str) -> None:
    """It is refused with the file, the rule and the key."""
    file = tmp_path / "table.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TableError) as refused:
        load_table(file)
    assert says in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_place_that_cannot_be() -> None:
    """No number is refused; the null island of a receiver without a fix is no place."""
    table = load_table(HERE / "dji.toml")
    for said, reason in (("x", "place"), ("nan", None), ("0", None)):
        facts = {
            "method": "file_upload_callback",
            "data.file.path": "pile",
            "data.file.metadata.shoot_position.lng": said,
            "data.file.metadata.shoot_position.lat": said,
        }
        seen = Sighting(("D",), 1, facts)
        if reason:
            with pytest.raises(Refusal):
                table.meaning(seen)
        else:
            meant = table.meaning(seen)
            assert meant is not None
            assert meant.event.lon is None


def test_the_same_thing_again() -> None:
    """What a camera repeats is one event while it lasts, and what was lost on the way is not."""
    repeats = Repeats()
    assert not repeats.is_again("C", "dust_plume", 60, 0)
    assert not repeats.is_again("C", "dust_plume", 60, 0)  # not safe yet
    repeats.seen("C", "dust_plume", 0)
    assert repeats.is_again("C", "dust_plume", 60, 59)
    repeats.seen("C", "dust_plume", 59)
    assert repeats.is_again("C", "dust_plume", 60, 118)
    assert not repeats.is_again("C", "dust_plume", 0, 59)
    assert not repeats.is_again("C", "mud_on_road", 60, 59)
    assert not repeats.is_again("D", "dust_plume", 60, 59)
    for n in range(20_000):
        repeats.seen(str(n), "dust_plume", 60)
    assert len(repeats._last) == 10_000
