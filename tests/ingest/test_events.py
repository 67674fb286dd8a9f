"""Events of cameras and drones, positions and progress of crews, reports of residents."""

import json
from typing import Any

import pytest

from ingest.crews import positions, progress
from ingest.events import events
from ingest.records import Decoded, Event, Position, Progress, Report
from ingest.registry import Registry
from ingest.reports import reports

EIGHT_MS = 1_772_352_000_000
EIGHT = EIGHT_MS * 1000
REGISTRY = Registry(
    stations={}, cameras=frozenset({"C1"}), segments=frozenset({"XH01"}), sites=frozenset({"SAND"})
)


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def event(**keys: Any) -> bytes:
    return encoded({"ts": EIGHT_MS, "kind": "truck_pass"} | keys)


def refusal(decoded: Decoded[Any]) -> str:
    assert not decoded.records
    (refused,) = decoded.refused
    assert refused.detail
    return refused.reason


def test_a_whole_event() -> None:
    """Every key has its place."""
    keys: dict[str, Any] = {
        "id": "E-1",
        "confidence": 0.9,
        "lon": 113.9,
        "lat": 22.5,
        "segment": "XH01",
        "site": "SAND",
        "truck": "muck",
        "plate": "粤B12345",
        "count": 3,
        "media": ["a.jpg"],
        "note": "wet",
    }
    (record,) = events(event(**keys), "C1", REGISTRY).records
    assert record == Event(EIGHT, kind="truck_pass", number=keys.pop("count"), **keys)


def test_an_event_without_an_id_has_the_same_one_again() -> None:
    """Its id comes from its content: a repeat is the same event, whatever the order of its keys."""
    one = events(event(count=3, note="x"), "C1", REGISTRY).records[0]
    other_order = b'{"note": "x", "kind": "truck_pass", "count": 3, "ts": 1772352000000}'
    again = events(other_order, "C1", REGISTRY).records[0]
    assert one.id == again.id
    assert one.id != events(event(count=4, note="x"), "C1", REGISTRY).records[0].id
    assert one.id != events(event(count=3, note="x"), "C2", REGISTRY).records[0].id


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (event(kind="meteor"), "kind"),
        (event(kind=None), "kind"),
        (encoded({"ts": EIGHT_MS}), "missing"),
        (encoded({"kind": "truck_pass"}), "missing"),
        (event(ts="8 o'clock"), "time"),
        (event(segment="NOWHERE"), "unknown_id"),
        (event(site="NOWHERE"), "unknown_id"),
        (event(id="a b"), "type"),
        (event(id="x" * 65), "type"),
        (event(id="x\n"), "type"),
        (event(truck="tank"), "type"),
        (event(count=2**31), "type"),
        (event(count=1.5), "type"),
        (event(count=True), "type"),
        (event(lon=113.9), "place"),
        (event(lon=113.9, lat=91), "place"),
        (event(lon=-181, lat=22), "place"),
        (event(note="a\0b"), "type"),
        (event(media={"a": ["\0"]}), "type"),
        (event(media=json.loads("[" * 300 + "]" * 300)), None),
        (event(media="\\u0000"), None),  # six characters, not NUL
        (event(media=10**30), None),
        (b'{"ts": 1772352000000, "kind": "truck_pass", "media": 1' + b"0" * 400 + b"}", None),
    ],
    ids=lambda v: repr(v)[:50],
)
def test_bad_events(payload: bytes, reason: str | None) -> None:
    """What cannot be kept is refused with its reason; what can be, is kept."""
    decoded = events(payload, "C1", REGISTRY)
    if reason is None:
        assert len(decoded.records) == 1
    else:
        assert refusal(decoded) == reason


def test_part_of_an_array_of_events() -> None:
    """The good events are kept and the bad ones refused."""
    decoded = events(
        b"[" + event(id="a") + b"," + event(kind="x") + b"," + event(id="b") + b"]", "C1", REGISTRY
    )
    assert [(e.id, part) for e, part in zip(decoded.records, decoded.parts, strict=True)] == [
        ("a", 0),
        ("b", 2),
    ]
    assert [(one.reason, one.part) for one in decoded.refused] == [("kind", 1)]


def test_a_position() -> None:
    """Where, how fast, how much water, in which state."""
    keys: dict[str, Any] = {"lon": 113.9, "lat": 22.5, "state": "working"}
    keys |= {"speed_kmh": 12.0, "water_l": 4000.0}
    assert positions(encoded({"ts": EIGHT_MS} | keys)).records == [Position(EIGHT, **keys)]


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"ts": EIGHT_MS, "lon": 1}, "missing"),
        ({"ts": EIGHT_MS, "lon": 181, "lat": 1}, "place"),
        ({"ts": EIGHT_MS, "lon": 1, "lat": "1"}, "type"),
        ({"ts": EIGHT_MS, "lon": 1, "lat": 1, "state": "asleep"}, "type"),
        ({"lon": 1, "lat": 1}, "missing"),
        ([{"ts": EIGHT_MS, "lon": 1, "lat": 1}], "type"),
    ],
)
def test_bad_positions(keys: Any, reason: str) -> None:
    """A position that is none is refused."""
    assert refusal(positions(encoded(keys))) == reason


def test_progress() -> None:
    """What the crew says of its order."""
    keys: dict[str, Any] = {"order": "O-1", "event": "failed", "reason": "坏了"}
    keys |= {"photos": ["a"], "water_l": 5.0}
    assert progress(encoded({"ts": EIGHT_MS} | keys)).records == [Progress(EIGHT, **keys)]


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"event": "done"}, "missing"),
        ({"order": "O-1", "event": "eaten"}, "type"),
        ({"order": "O 1", "event": "done"}, "type"),
        ({"order": "O-1", "event": "refused"}, "missing"),
        ({"order": "O-1", "event": "failed", "reason": "  "}, "missing"),
        ({"order": "O-1", "event": "done", "reason": "\0"}, "type"),
    ],
)
def test_bad_progress(keys: dict[str, Any], reason: str) -> None:
    """A refusal without a reason, or a word that is none, is refused."""
    assert refusal(progress(encoded({"ts": EIGHT_MS} | keys))) == reason


def test_a_report() -> None:
    """A complaint with its place; without an id it gets the same one each time."""
    keys: dict[str, Any] = {"id": "R-1", "text": "灰大", "segment": "XH01", "kind": "dust"}
    keys |= {"lon": 1.0, "lat": 2.0}
    payload = encoded({"ts": EIGHT_MS} | keys)
    assert reports(payload, "app", REGISTRY).records == [Report(EIGHT, **keys)]
    bare = encoded({"ts": EIGHT_MS, "text": "灰大"})
    first, again = (reports(bare, "app", REGISTRY).records[0] for _ in range(2))
    assert first == again
    assert first.kind == "other"


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"kind": "smell"}, "kind"),
        ({"segment": "NOWHERE"}, "unknown_id"),
        ({"text": 5}, "type"),
        ({"text": "\0"}, "type"),
        ({"lat": 5}, "place"),
    ],
)
def test_bad_reports(keys: dict[str, Any], reason: str) -> None:
    """A report that cannot be kept is refused."""
    assert refusal(reports(encoded({"ts": EIGHT_MS} | keys), "app", REGISTRY)) == reason
