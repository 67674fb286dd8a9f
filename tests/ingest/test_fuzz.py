"""Whatever comes has an outcome, and stops nothing."""

import json
import random
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.fuzz_hj212 import FRAMES, hold, known_frames, payloads
from bench.odd_messages import MAKERS, NOW_MS, TOPICS, large, message
from ingest.arrivals import Arrival
from ingest.batch import Batch
from ingest.instants import microseconds
from ingest.settings import IngestSettings
from ingest.topics import Topics
from ingest.writing import write
from store.database import connect
from tests.ingest.conftest import REGISTRY

NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
SETTINGS = IngestSettings()
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OURS = st.sampled_from(
    ["up/stations/S1/readings", "up/stations/S2/readings", "up/cameras/C1/events",
     "up/drones/D1/events", "up/crews/K1/position", "up/crews/K1/progress", "up/reports/12345"]
)  # fmt: skip


def taken(*messages: tuple[str, bytes]) -> Batch:
    """A batch of these."""
    topics = Topics(REGISTRY, SETTINGS.items)
    batch = Batch(topics, SETTINGS, microseconds(NOW), lockstep=False)
    for n, (topic, payload) in enumerate(messages):
        before = batch.size
        batch.add(Arrival(topic, payload, 1, n, 1))
        assert batch.size > before, f"nothing became of {topic!r} {payload[:200]!r}"
    faults = [letter for letter in batch.letters if letter.reason == "error"]
    assert not faults, f"{faults[0].detail} {faults[0].payload[:300]!r}"
    rows = sum(len(table.rows) for table in batch.tables.values())
    assert rows + len(batch.letters) == batch.size
    return batch


@given(OURS | st.sampled_from(TOPICS) | st.text(max_size=80), st.binary(max_size=400))
@example("up/stations/S1/readings", b"[]")
@example("up/stations/S1/readings", b"")
@example("up/stations/S1/readings", b"##")
@example("up/clock", b"{}")
def test_any_bytes_have_an_outcome(topic: str, payload: bytes) -> None:
    """On any topic: a record or a dead letter, and never by a fault of ours."""
    taken((topic, payload))


@given(OURS, JSON)
def test_any_json_has_an_outcome(topic: str, value: object) -> None:
    """Also with what JSON has no words for, as Python writes it."""
    taken((topic, json.dumps(value).encode()))


@given(st.integers(0, 10**9))
@settings(max_examples=300)
def test_odd_messages_have_their_outcomes(seed: int) -> None:
    """As many as there are items, where that is known; each kind comes up."""
    one = message(random.Random(seed), "S1", without=(large,))
    batch = taken((one.topic, one.payload))
    if one.items is not None:
        assert batch.size == one.items, one


@pytest.mark.parametrize("maker", [maker for maker, _ in MAKERS], ids=lambda m: m.__name__)
def test_every_kind_is_made(maker: object) -> None:
    """Ten megabytes too: refused unread."""
    for seed in range(5):
        made = maker(random.Random(seed), "S1")  # type: ignore[operator]
        taken((made.topic, made.payload))


def test_what_is_decoded_can_be_written(migrated_embedded_db: str) -> None:
    """received = stored + duplicates + dead, and the tables have as many; the database stops at
    nothing that the decoding lets through."""
    rng = random.Random(7)
    messages = [message(rng, "S1", without=(large,)) for _ in range(400)]
    batch = taken(*((one.topic, one.payload) for one in messages))
    size = batch.size
    with connect(migrated_embedded_db, name="test") as conn:
        with conn.transaction():
            written = write(conn, batch)
        kept = conn.execute(
            b"SELECT (SELECT count(*) FROM readings) + (SELECT count(*) FROM events)"
            b" + (SELECT count(*) FROM reports) + (SELECT count(*) FROM positions)"
        ).fetchone()
    outcomes = written.stored + written.duplicates + written.dead
    assert sum(outcomes.values()) == size
    assert kept == (sum(written.stored.values()),)


@given(payloads(known_frames(FRAMES)), st.lists(st.integers(0, 5000), max_size=6))
def test_hj212_raises_nothing_but_its_own(payload: bytes, cuts: list[int]) -> None:
    """The whole way of a frame, from the stream to the reading; `bench.fuzz_hj212` goes on."""
    hold(payload, cuts, Counter())
