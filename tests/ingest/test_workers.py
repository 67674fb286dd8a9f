"""Several workers share the messages, and what they store is what one would."""

from collections.abc import Callable

import pytest

from ingest.runner import Ingest
from ingest.settings import IngestSettings
from tests.ingest.conftest import NOW_MS, Devices, Store
from tests.services import Mosquitto
from tests.services.waiting import wait_until

NewIngest = Callable[..., Ingest]
NewDevices = Callable[[str], Devices]
EVERYTHING = "SELECT station, ts, pm10, status, late FROM readings ORDER BY station, ts"
SENT = 600


def send(devices: Devices, first: int, count: int) -> None:
    """Readings of two stations, every tenth in mg/m3, every twentieth twice, every fiftieth bad."""
    for n in range(first, first + count):
        station = "S2" if n % 10 == 0 else "S1"
        reading = {"ts": NOW_MS + n, "pm10": None if n % 50 == 0 else n}
        devices.send(f"stations/{station}/readings", reading)
        if n % 20 == 0:
            devices.send(f"stations/{station}/readings", reading)
    devices.flush()


def settled(*workers: Ingest) -> int:
    assert not [one.failure for one in workers if one.failure is not None]
    return sum(one.counters.messages for one in workers)


def test_two_workers_store_what_one_does(
    migrated_timescale_db: str,
    migrated_embedded_db: str,
    new_mosquitto: Callable[..., Mosquitto],
    new_ingest: NewIngest,
    new_devices: NewDevices,
) -> None:
    """The same messages by one worker and by two: the same readings and dead letters, each of the
    two has had its share, and both know what was sent twice."""
    alone, shared = Store(migrated_embedded_db), Store(migrated_timescale_db)
    messages = SENT + SENT // 20
    first, second = new_mosquitto(), new_mosquitto()
    one = new_ingest(alone.dsn, first.url)
    two = [new_ingest(shared.dsn, second.url, workers=2, worker=n) for n in (1, 2)]
    for url in (first.url, second.url):
        send(new_devices(url), 0, SENT)
    wait_until(lambda: settled(one) == messages, lambda: f"{one.counters}", 60)
    wait_until(lambda: settled(*two) == messages, lambda: f"{[w.counters for w in two]}", 60)
    assert shared.rows(EVERYTHING) == alone.rows(EVERYTHING)
    assert shared.letters() == alone.letters() == ["empty"] * (SENT // 50)
    assert min(worker.counters.messages for worker in two) > SENT // 4
    assert sum(worker.counters.stored["readings"] for worker in two) == SENT - SENT // 50
    assert [worker.version for worker in two] == ["5", "5"]


def test_from_one_worker_to_two_and_back(
    migrated_embedded_db: str,
    mosquitto: Mosquitto,
    new_ingest: NewIngest,
    new_devices: NewDevices,
) -> None:
    """With each change every message is stored, and none is sent to two of them: the session that
    had all gives that up, and the one that is taken away hands in what it still holds."""
    store, devices = Store(migrated_embedded_db), new_devices(mosquitto.url)
    dsn, url = store.dsn, mosquitto.url
    taken = 0

    def sends(first: int, *workers: Ingest) -> None:
        """A hundred messages of which none is bad or sent twice."""
        nonlocal taken
        taken = settled(*workers)
        for n in range(first, first + 100):
            devices.send("stations/S1/readings", {"ts": NOW_MS + n, "pm10": n})
        devices.flush()

    def come(count: int, *workers: Ingest) -> None:
        wait_until(
            lambda: settled(*workers) - taken == count,
            lambda: f"{settled(*workers) - taken} of {count}",
            60,
        )

    alone = new_ingest(dsn, url)
    sends(0, alone)
    come(100, alone)
    alone.stop()

    first, second = (new_ingest(dsn, url, workers=2, worker=n) for n in (1, 2))
    sends(100, first, second)
    come(100, first, second)
    second.stop()
    sends(200, first)
    come(50, first)  # the other half waits for the second
    first.stop()

    leaving = new_ingest(dsn, url, workers=2, worker=2, leaves=True)
    taken = 0
    come(50, leaving)
    alone = new_ingest(dsn, url)
    sends(300, alone, leaving)
    come(100, alone, leaving)
    assert leaving.counters.messages == 50
    assert store.readings() == [(n / 1000, n) for n in range(400)]
    everyone = (first, second, leaving, alone)
    assert sum(one.counters.duplicates.total() for one in everyone) == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"workers": 0}, r"workers is 0: give 1 or more"),
        ({"workers": 2, "worker": 3}, r"worker is 3 of 2: number"),
        ({"worker": 0}, r"worker is 0 of 1"),
        ({"workers": 2, "mqtt5": False}, r"need MQTT 5"),
        ({"workers": 2, "client_id": "a/b"}, r"letters, digits"),
        ({"session_days": 0}, r"session_days is 0"),
    ],
)
def test_workers_that_cannot_be(given: dict[str, int], said: str) -> None:
    """Settings under which workers could not share are refused with what to give."""
    with pytest.raises(ValueError, match=said):
        IngestSettings(**given)  # type: ignore[arg-type]


def test_each_worker_has_a_session() -> None:
    """The first keeps the name that it has alone, so that its session goes on."""
    assert [IngestSettings(workers=3, worker=n).session for n in (1, 2, 3)] == [
        "roaddust-ingest",
        "roaddust-ingest-2",
        "roaddust-ingest-3",
    ]
