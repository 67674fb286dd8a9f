"""The world in lockstep with a platform, over real brokers."""

import csv
import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from broker.connection import Address
from roaddust.embedded import EmbeddedBroker
from simulators.link import Arrived
from simulators.lockstep import BrokerLost, PlatformSilent, Published, simulate
from simulators.message import Message
from simulators.scenario import Scenario
from simulators.world import World
from tests.dispatch.towns import NOON, block
from tests.services import Mosquitto
from tests.services.waiting import wait_until
from tests.simulators.fake_platform import PREFIX, FakePlatform, platform
from tests.simulators.fake_scene import MINUTE, FakePhysics, scene
from tests.simulators.test_crews import TO_D, order

QUIET = Scenario("quiet", "nothing goes wrong", NOON, 1.0)
FAULTY = replace(
    QUIET,
    spikes_per_day=20.0,
    dropouts_per_day=10.0,
    crew_refusal_rate=0.3,
    camera_false_alarms_per_day=50.0,
)


def world(url: str, **changes: Any) -> Published:
    """Run the block for ten minutes, unless said otherwise."""
    district = block()
    settings: dict[str, Any] = {
        "seed": 1,
        "duration": timedelta(minutes=10),
        "stop": threading.Event(),
        "physics": FakePhysics(scene(district)),
        "patience_s": 30.0,
    }
    return simulate(district, Address.parse(url), PREFIX, QUIET, **(settings | changes))


def plan_to_wash(it: FakePlatform, now: str) -> None:
    """At the third tick, order the crew to wash D."""
    if now == (NOON + 3 * MINUTE).isoformat().replace("+00:00", "Z"):
        orders = [order("O1", TO_D, segment="D", direction="forward")]
        plan = {"plan": "P1", "crew": "W1", "issued_at": now, "orders": orders}
        it.publish("down/crews/W1/orders", plan, retain=True)


def test_each_step_is_published_before_its_clock(any_broker: EmbeddedBroker | Mosquitto) -> None:
    """The start, then ten ticks, each after all of its own minute and before any of the next."""
    with platform(any_broker.url) as it:
        published = world(any_broker.url)
    assert it.of("up/clock") == [{"now": f"2026-03-02T04:{minute:02d}:00Z"} for minute in range(11)]
    clock = NOON
    for topic, payload in it.said:
        body = json.loads(payload)
        if topic == "up/clock":
            clock = datetime.fromisoformat(body["now"])
        else:
            ts = datetime.fromisoformat(body["ts"])
            assert clock < ts <= clock + MINUTE
    assert published == Published(10, 0, 10, 0, 0, timedelta(minutes=10), {})
    assert len(it.of("/readings")) == len(it.of("/position")) == 10


def test_an_order_is_carried_out(any_broker: EmbeddedBroker | Mosquitto) -> None:
    """A plan that the platform publishes before its answer is acted on in the next minute."""
    street = FakePhysics(scene(block()))
    with platform(any_broker.url, plan_to_wash) as it:
        published = world(any_broker.url, physics=street)
    events = [(said["event"], said["ts"]) for said in it.of("/progress")]
    assert [event for event, _ in events] == ["accepted", "started", "done"]
    assert events[0][1] == "2026-03-02T04:03:00Z"
    assert published.progress == 3
    assert sum(one[2] for one in street.treated) == pytest.approx(1.0)
    assert it.of("/position")[-1]["water_l"] == pytest.approx(12_000 - 360, abs=0.5)


def test_the_same_seed_publishes_the_same_bytes(nats: EmbeddedBroker) -> None:
    """Two runs with one seed and the same orders are the same; another seed is not."""

    def said(seed: int) -> list[tuple[str, bytes]]:
        district = block()
        with platform(nats.url, plan_to_wash) as it:
            simulate(
                district,
                Address.parse(nats.url),
                PREFIX,
                FAULTY,
                seed=seed,
                duration=timedelta(minutes=30),
                stop=threading.Event(),
                physics=FakePhysics(scene(district)),
            )
            # The next run begins without an order.
            it.publish(
                "down/crews/W1/orders", {"plan": "", "crew": "W1", "orders": []}, retain=True
            )
        return it.said

    first = said(1)
    assert len(first) > 60
    assert said(1) == first
    assert said(2) != first


def test_the_world_alone_is_a_matter_of_its_seed() -> None:
    """Without any broker the same seed gives the same messages."""

    def messages(seed: int) -> list[Message]:
        district = block()
        it = World(district, FakePhysics(scene(district)), FAULTY, seed)
        steps = ((NOON + n * MINUTE, NOON + (n + 1) * MINUTE) for n in range(60))
        return [message for began, now in steps for message in it.step(began, now, 60.0)]

    assert messages(3) == messages(3)
    assert messages(3) != messages(4)


def test_readings_are_counted_as_published(nats: EmbeddedBroker) -> None:
    """The count is that of distinct readings on the broker, outages and back-fill included."""
    district = block()
    faulty = replace(QUIET, dropouts_per_day=30.0)
    with platform(nats.url) as it:
        published = simulate(
            district,
            Address.parse(nats.url),
            PREFIX,
            faulty,
            seed=4,
            duration=timedelta(hours=8),
            stop=threading.Event(),
            physics=FakePhysics(scene(district)),
        )
    found = [
        one["ts"]
        for body in it.of("/readings")
        for one in (body if isinstance(body, list) else [body])
    ]
    assert len(found) == len(set(found)) == published.readings
    assert any(isinstance(body, list) for body in it.of("/readings"))


def test_several_minutes_to_a_tick(nats: EmbeddedBroker) -> None:
    """With a longer step there are fewer clocks and no fewer readings."""
    with platform(nats.url) as it:
        published = world(nats.url, step_s=300)
    assert [body["now"][14:16] for body in it.of("up/clock")] == ["00", "05", "10"]
    assert published.readings == len(it.of("/readings")) == 10


def test_a_silent_platform_is_named(nats: EmbeddedBroker) -> None:
    """A world that gets no answer gives up and says how to start the platform."""
    with platform(nats.url) as it:
        it.answers = False
        with pytest.raises(PlatformSilent, match="roaddust run --clock mqtt"):
            world(nats.url, patience_s=0.5)


def test_no_broker_is_named(nats: EmbeddedBroker) -> None:
    """A broker that is not there is said to be missing, with its address."""
    nats.stop()
    with pytest.raises(BrokerLost, match=str(nats.port)):
        world(nats.url)


def test_a_broker_that_comes_back_loses_nothing(nats: EmbeddedBroker) -> None:
    """The world goes on where it was after the broker's restart."""
    ticks = []

    def restart_once(now: datetime) -> None:
        ticks.append(now)
        if len(ticks) == 3:
            nats.stop()
            nats.start()

    with platform(nats.url) as it:
        published = world(nats.url, on_tick=restart_once)
        assert published.readings == 10
        stamps = {body["ts"] for body in it.of("/readings")}
    assert len(stamps) == 10
    assert ticks == [NOON + n * MINUTE for n in range(1, 11)]


@pytest.mark.parametrize("speed", [None, 1.0], ids=["waiting for an answer", "paced"])
def test_stop_ends_the_run(nats: EmbeddedBroker, speed: float | None) -> None:
    """Whatever it is waiting for, the world ends when told to, and says what it has done."""
    stop = threading.Event()
    results: list[Published] = []
    with platform(nats.url) as it:
        it.answers = speed is not None
        runner = threading.Thread(
            target=lambda: results.append(world(nats.url, stop=stop, speed=speed)), daemon=True
        )
        runner.start()
        if speed is None:
            wait_until(lambda: bool(it.of("up/clock")), lambda: "no tick came")
        stop.set()
        runner.join(30.0)
    assert not runner.is_alive()
    assert results[0].simulated == (timedelta(0))


def test_without_lockstep_times_are_those_of_the_wall_clock(nats: EmbeddedBroker) -> None:
    """No clock is published, and a simulated minute takes a second of the wall clock at 60."""
    began = datetime(2026, 5, 1, 2, 0, 0, 250_000, tzinfo=UTC)
    with platform(nats.url) as it:
        published = world(
            nats.url,
            lockstep=False,
            speed=60.0,
            duration=timedelta(minutes=2),
            wall_now=lambda: began,
        )
        wait_until(lambda: len(it.of("/readings")) == 2, lambda: f"{it.said}")
    assert published.readings == 2
    assert it.of("up/clock") == []
    assert [b["ts"] for b in it.of("/readings")] == ["2026-05-01T02:00:01Z", "2026-05-01T02:00:02Z"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"speed": 0.0}, "above 0"),
        ({"step_s": 90}, "whole minutes"),
        ({"step_s": 0}, "whole minutes"),
        # Times would not differ by a second.
        ({"lockstep": False, "speed": 61.0, "wall_now": lambda: NOON}, "60 at most"),
        ({"lockstep": False, "speed": None, "wall_now": lambda: NOON}, "60 at most"),
        # Only the composition root has the wall clock.
        ({"lockstep": False, "speed": 1.0}, "wall clock"),
    ],
)
def test_settings_that_make_no_sense(changes: dict[str, Any], says: str) -> None:
    """A run that cannot be is refused before anything is published."""
    with pytest.raises(ValueError, match=says):
        world("mqtt://127.0.0.1:1", **changes)


def test_a_watch_sees_both_sides(nats: EmbeddedBroker) -> None:
    """What the world publishes, minute by minute, and the plan that the platform answers with."""

    class Watch:
        def __init__(self) -> None:
            self.said_at: list[tuple[datetime, int]] = []
            self.plans: list[tuple[datetime, str]] = []

        def said(self, now: datetime, messages: Sequence[Message]) -> None:
            self.said_at.append((now, len(messages)))

        def heard(self, now: datetime, arrived: Sequence[Arrived]) -> None:
            self.plans += [
                (now, one.topic) for one in arrived if one.payload and one.topic.endswith("/orders")
            ]

    watch = Watch()
    with platform(nats.url, plan_to_wash) as it:
        world(nats.url, watch=watch)
        it.publish("down/crews/W1/orders", {"plan": "", "crew": "W1", "orders": []}, retain=True)
    assert [now for now, _ in watch.said_at] == [NOON + n * MINUTE for n in range(1, 11)]
    assert all(count >= 2 for _, count in watch.said_at)
    assert (NOON + 3 * MINUTE, "down/crews/W1/orders") in watch.plans


def test_what_truly_happened_is_written_beside(nats: EmbeddedBroker, tmp_path: Path) -> None:
    """A folder of truth: every minute of each segment, and each reading that was faulty."""
    faulty = replace(QUIET, spikes_per_day=300.0)
    district = block()
    with platform(nats.url):
        simulate(
            district,
            Address.parse(nats.url),
            PREFIX,
            faulty,
            seed=1,
            duration=timedelta(minutes=30),
            stop=threading.Event(),
            truth=tmp_path,
        )
    with (tmp_path / "segments-2026-03-02.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30 * len(district.segments)
    assert {row["segment"] for row in rows} == set(district.segments)
    assert all(float(row["silt_g_m2"]) > 0 for row in rows)
    with (tmp_path / "faults.csv").open(encoding="utf-8") as file:
        assert {row["fault"] for row in csv.DictReader(file)} == {"spikes"}
