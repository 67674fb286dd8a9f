"""Messages to batches: routes, dead letters, lateness, times ahead of the clock."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.arrivals import Arrival, InHand
from ingest.batch import Batch
from ingest.registry import Registry, StationFacts
from ingest.settings import IngestSettings
from ingest.topics import Topics

NOW_MS = 1_772_352_000_000
MIN_MS, H_MS = 60_000, 3_600_000
REGISTRY = Registry(
    stations={"S1": StationFacts(mn="A"), "S2": StationFacts(pm_unit="mg/m3")},
    cameras=frozenset({"C1"}),
    crews=frozenset({"K1"}),
    segments=frozenset({"XH01"}),
)
SETTINGS = IngestSettings(payload_kib=1)
READINGS = "up/stations/S1/readings"


def new_batch(*, lockstep: bool = False) -> Batch:
    return Batch(Topics(REGISTRY, SETTINGS.items), SETTINGS, NOW_MS * 1000, lockstep=lockstep)


def arrival(topic: str, payload: bytes | dict[str, Any] | list[Any]) -> Arrival:
    if not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    return Arrival(topic, payload, 1, 1, 1)


def added(topic: str, payload: bytes | dict[str, Any] | list[Any]) -> Batch:
    batch = new_batch()
    batch.add(arrival(topic, payload))
    return batch


def reasons(batch: Batch) -> list[str]:
    return [letter.reason for letter in batch.letters]


@pytest.mark.parametrize(
    ("topic", "payload", "kind"),
    [
        (READINGS, {"ts": NOW_MS, "pm10": 1}, "readings"),
        (READINGS, [{"n": "pm10", "v": 1, "t": NOW_MS // 1000}], "readings"),
        ("up/cameras/C1/events", {"ts": NOW_MS, "kind": "mud_on_road"}, "events"),
        ("up/drones/any-drone/events", {"ts": NOW_MS, "kind": "mud_on_road"}, "events"),
        ("up/crews/K1/position", {"ts": NOW_MS, "lon": 1, "lat": 2}, "positions"),
        ("up/crews/K1/progress", {"ts": NOW_MS, "order": "O", "event": "done"}, "progress"),
        ("up/reports/any-channel", {"ts": NOW_MS, "text": "x"}, "reports"),
    ],
)
def test_routes(topic: str, payload: Any, kind: str) -> None:
    """Each topic of the contract leads to its table."""
    batch = added(topic, payload)
    assert not batch.letters
    assert {kind: len(rows.rows) for kind, rows in batch.tables.items()} == {kind: 1}


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("up/stations/S9/readings", "unknown_id"),
        ("up/stations//readings", "unknown_id"),
        ("up/cameras/C9/events", "unknown_id"),
        ("up/crews/K9/position", "unknown_id"),
        ("up/crews/K9/progress", "unknown_id"),
        ("up/drones/a b/events", "unknown_id"),
        ("up/reports/" + "x" * 65, "unknown_id"),
        ("up/reports/灰", "unknown_id"),
        ("up/stations/S1", "topic"),
        ("up/stations/S1/readings/more", "topic"),
        ("up/stations/S1/Readings", "topic"),
        ("up", "topic"),
        ("up/", "topic"),
        ("down/status", "topic"),
        ("", "topic"),
    ],
)
def test_strange_topics(topic: str, reason: str) -> None:
    """A topic or an id that is not ours is a dead letter, whatever it brings."""
    batch = added(topic, {"ts": NOW_MS, "pm10": 1})
    assert reasons(batch) == [reason]
    assert not batch.tables


def test_too_long_a_payload() -> None:
    """One byte over the limit and it is kept whole, unread."""
    body = json.dumps({"ts": NOW_MS, "pm10": 1}).encode()
    assert not added(READINGS, body.ljust(1024)).letters
    batch = added(READINGS, body.ljust(1025))
    assert reasons(batch) == ["size"]
    assert batch.letters[0].payload == body.ljust(1025)


def test_late_readings_are_stored_and_marked() -> None:
    """Older than `lateness` is stored, marked, and no reason to work the past out again."""
    oldest = NOW_MS - 48 * H_MS
    batch = added(READINGS, [{"ts": oldest + n, "pm10": 1} for n in (-2, -1, 0, 1)])
    rows = batch.tables["readings"]
    assert [row[-1] for row in rows.rows] == [True, True, False, False]
    assert (rows.earliest_us, rows.in_time) == (oldest * 1000, 2)


def test_a_time_ahead_of_the_clock() -> None:
    """Ten minutes ahead is stored; any more is a dead letter with its item."""
    limit = NOW_MS + 10 * MIN_MS
    batch = added(READINGS, [{"ts": limit, "pm10": 1}, {"ts": limit + 1, "pm10": 2}])
    assert len(batch.tables["readings"].rows) == 1
    (letter,) = batch.letters
    assert (letter.reason, letter.part) == ("ahead", 1)
    assert json.loads(letter.payload) == {"ts": limit + 1, "pm10": 2}


def test_in_lockstep_the_tick_judges() -> None:
    """What is ahead of the last tick is judged by the next one, which says what time it is."""
    batch = new_batch(lockstep=True)
    batch.add(arrival(READINGS, [{"ts": NOW_MS + n * H_MS, "pm10": n} for n in (0, 1, 2)]))
    assert (len(batch.tables["readings"].rows), len(batch.early), batch.letters) == (1, 2, [])
    batch.judge_early((NOW_MS + H_MS) * 1000, batch.early, told=False)
    assert [row[2] for row in batch.tables["readings"].rows] == [0, 1]
    assert reasons(batch) == ["ahead"]


def test_what_the_tick_finds_too_late_is_forgiven() -> None:
    """Committed before its tick, an early record is a letter, and stored once the tick has come."""
    batch = new_batch(lockstep=True)
    batch.add(arrival(READINGS, [{"ts": NOW_MS + n * H_MS, "pm10": n} for n in (1, 2)]))
    told = batch.refuse_early()
    assert reasons(batch) == ["ahead", "ahead"]
    following = new_batch(lockstep=True)
    following.judge_early((NOW_MS + H_MS) * 1000, told, told=True)
    assert [row[2] for row in following.tables["readings"].rows] == [1]
    assert following.forgiven == [batch.letters[0].digest]
    assert not following.letters


def test_letters_of_redeliveries_are_one() -> None:
    """The digest is of topic, item and payload: the same for a repeat, else another."""
    payload = b'[{"ts": 1}, {"ts": 1}]'
    first, again = added(READINGS, payload), added(READINGS, payload)
    assert [letter.digest for letter in first.letters] == [x.digest for x in again.letters]
    assert len({letter.digest for letter in first.letters}) == 2
    elsewhere = added("up/stations/S2/readings", payload)
    assert not {x.digest for x in first.letters} & {x.digest for x in elsewhere.letters}


def test_a_fault_of_ours_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """When an adapter fails on a message, that message is kept and the next one is read."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    batch = new_batch()
    with monkeypatch.context() as patched:
        patched.setattr("ingest.readings.instant", broken)
        batch.add(arrival(READINGS, {"ts": NOW_MS, "pm10": 1}))
    batch.add(arrival(READINGS, {"ts": NOW_MS, "pm10": 1}))
    assert reasons(batch) == ["error"]
    assert len(batch.tables["readings"].rows) == 1


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["ts", "kind", "id", "pm10", "lon", "lat", "order", "event", "media", "n", "v", "x"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)
payloads = st.binary(max_size=100) | json_values.map(lambda value: json.dumps(value).encode())
topics = st.sampled_from(
    [
        READINGS,
        "up/stations/S2/readings",
        "up/cameras/C1/events",
        "up/drones/D/events",
        "up/crews/K1/position",
        "up/crews/K1/progress",
        "up/reports/app",
    ]
) | st.text(max_size=30)


@given(topics, payloads)
def test_everything_is_accounted_for(topic: str, payload: bytes) -> None:
    """Whatever comes on whatever topic, nothing raises, and what is not stored is a letter."""
    batch = added(topic, payload)
    stored = sum(len(rows.rows) for rows in batch.tables.values())
    assert stored + len(batch.letters) >= 1
    assert batch.arrivals
    for letter in batch.letters:
        assert letter.detail
        assert "\0" not in letter.topic + letter.detail


@pytest.fixture
def in_hand() -> InHand:
    return InHand(3, 100)


def test_what_is_in_hand_is_bounded(in_hand: InHand) -> None:
    """By number and by bytes, from the hand-over until it is settled."""
    small = [Arrival("t", b"x", 1, mid, 1) for mid in range(3)]
    for one in small:
        assert in_hand.has_room()
        in_hand.put(one)
    assert not in_hand.has_room()
    taken = [in_hand.take(0.001) for _ in range(3)]
    assert taken == small
    assert not in_hand.has_room()
    in_hand.settle(small)
    assert in_hand.has_room()
    in_hand.put(Arrival("t", b"x" * 100, 1, 1, 1))
    assert not in_hand.has_room()


@pytest.mark.parametrize(
    "bad",
    [
        {"lateness_h": -1},
        {"batch_rows": 0},
        {"client_id": ""},
        {"in_hand_messages": 0},
        {"in_hand_messages": 60_000},
    ],
)
def test_settings_check_themselves(bad: dict[str, Any]) -> None:
    """A setting that cannot work is named when it is made."""
    with pytest.raises(ValueError, match=next(iter(bad))):
        IngestSettings(**bad)


@given(st.lists(st.integers(-3, 1), min_size=1, max_size=6))
def test_an_array_is_judged_item_by_item(days: list[int]) -> None:
    """An array's rows are those that its items give one by one, late and early ones among them."""
    items = [{"ts": NOW_MS + 24 * H_MS * day + n, "pm10": n} for n, day in enumerate(days)]
    together, apart = added(READINGS, items), new_batch()
    for item in items:
        apart.add(arrival(READINGS, item))
    assert reasons(together) == reasons(apart)
    assert together.tables.keys() == apart.tables.keys()
    for kind, rows in together.tables.items():
        other = apart.tables[kind]
        assert rows.rows == other.rows
        assert (rows.earliest_us, rows.in_time) == (other.earliest_us, other.in_time)
    assert together.size == apart.size
