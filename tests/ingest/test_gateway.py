"""The HJ 212 gateway on real sockets and a real broker."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest import hj212, sm4
from ingest.hj212 import Frame, build
from tests.ingest.loggers import NOW, PASSWORD, SECRETS, Heard, Running, data
from tests.services import Mosquitto
from tests.services.waiting import wait_until

TOPIC = "up/stations/S1/readings"


@pytest.fixture
def new_gateway(mosquitto: Mosquitto) -> Iterator[Callable[..., Running]]:
    """Start a gateway; it stops at the end of the test."""
    with ExitStack() as running:

        def start(**settings: Any) -> Running:
            return running.enter_context(Running(mosquitto.url, **settings))

        yield start


@pytest.fixture
def heard(mosquitto: Mosquitto) -> Iterator[Heard]:
    """All that reaches the broker from the gateway's start on."""
    with Heard(mosquitto.url) as hearer:
        yield hearer


def closed(gateway: Running, why: str, number: int = 1) -> None:
    """Wait until so many connections have ended for this."""
    wait_until(lambda: gateway.counters.closed[why] >= number, lambda: str(gateway.counters))


def test_data_reaches_its_topic_as_it_came(
    new_gateway: Callable[..., Running], heard: Heard
) -> None:
    """The frame is published byte for byte, and answered with 9014 under its QN."""
    gateway = new_gateway()
    with gateway.logger() as logger:
        answer = logger.ask(data(0))
        assert heard.wait(1) == [(TOPIC, build(data(0)))]
    assert answer == Frame(st=91, cn=9014, mn="A1", pw=PASSWORD, qn="20260301160000000", flag=4)
    assert (gateway.counters.published, gateway.counters.answers[9014]) == (1, 1)


def test_frames_cut_and_joined_by_tcp(new_gateway: Callable[..., Running], heard: Heard) -> None:
    """Two frames in one packet are two, and a frame in many packets is one."""
    gateway = new_gateway()
    with gateway.logger() as logger:
        logger.send(data(0), data(1))
        assert [logger.hear().qn for _ in range(2)] == ["20260301160000000", "20260301160100000"]
        for byte in build(data(2)):
            logger.send(bytes([byte]))
        assert logger.hear().qn == "20260301160200000"
    assert [payload for _, payload in heard.wait(3)] == [build(data(n)) for n in range(3)]


def test_notices_are_answered(new_gateway: Callable[..., Running], heard: Heard) -> None:
    """A heartbeat is answered by 9013; who asks for the time is told it; neither is a reading."""
    gateway = new_gateway()
    with gateway.logger() as logger:
        assert logger.ask(Frame(st=39, cn=9015, mn="A1", pw=PASSWORD, qn="1", flag=8)).cn == 9013
        assert logger.ask(Frame(st=39, cn=1013, mn="A1", pw=PASSWORD, qn="2", flag=5)).cn == 9013
        request = logger.hear()
        assert (request.cn, request.wants_answer, request.mn) == (1012, True, "A1")
        assert request.value("SystemTime") == "20260301160000"
        logger.send(hj212.taken(request, hj212.READY), hj212.result_of(request, hj212.DONE))
        assert logger.ask(data(0)).cn == 9014
    assert len(heard.wait(1)) == 1
    assert gateway.counters.requests == {1012: 1}


def test_who_wants_no_answer_gets_none(new_gateway: Callable[..., Running], heard: Heard) -> None:
    """Data without the flag is published and not answered."""
    gateway = new_gateway()
    with gateway.logger() as logger:
        logger.send(data(0, flag=4))
        assert logger.ask(data(1)).qn == "20260301160100000"
    assert len(heard.wait(2)) == 2


def test_an_unknown_command(new_gateway: Callable[..., Running]) -> None:
    """What the platform does not know is told so."""
    with new_gateway().logger() as logger:
        answer = logger.ask(Frame(st=39, cn=4444, mn="A1", pw=PASSWORD, qn="1", flag=5))
    assert (answer.cn, answer.value("QnRtn")) == (9011, "8")


@pytest.mark.parametrize(
    ("wrong", "why"), [({"pw": "654321"}, "pw"), ({"pw": ""}, "pw"), ({"mn": "A9"}, "mn")]
)
def test_a_wrong_device_is_refused(
    new_gateway: Callable[..., Running], heard: Heard, wrong: dict[str, Any], why: str
) -> None:
    """A wrong number is answered as a wrong password is; nothing is published, both count."""
    gateway = new_gateway()
    with gateway.logger() as stranger, gateway.logger() as logger:
        stranger.send(data(0, **wrong))
        (answer,) = stranger.hears_end()
        assert (answer.cn, answer.value("QnRtn")) == (9011, "2")
        logger.ask(data(1))
        assert [payload for _, payload in heard.wait(1)] == [build(data(1))]
    assert gateway.counters.refused == {why: 1}


def test_passwords_are_not_logged(
    new_gateway: Callable[..., Running], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the right one nor a wrong one is in the log."""
    caplog.set_level(0)
    with new_gateway().logger() as stranger:
        stranger.send(data(0, pw="geheim99"))
        stranger.hears_end()
    assert "geheim99" not in caplog.text
    assert PASSWORD not in caplog.text


def test_who_keeps_guessing_is_kept_out(new_gateway: Callable[..., Running]) -> None:
    """After some wrong passwords of an address nobody of it is let in for a while."""
    gateway = new_gateway(guesses_per_min=3)
    for _ in range(3):
        with gateway.logger() as stranger:
            stranger.send(data(0, pw="x"))
            stranger.hears_end()
    closed(gateway, "refused", 3)
    with gateway.logger() as stranger:
        assert stranger.hears_end() == []
    assert gateway.counters.turned_away == {"guessing": 1}


def test_too_many_connections(new_gateway: Callable[..., Running]) -> None:
    """Beyond the limit of an address nobody is let in; who goes makes room."""
    gateway = new_gateway(connections_per_address=2)
    with gateway.logger() as one, gateway.logger() as two:
        one.ask(data(0))
        two.ask(data(0, mn="A2"))
        with gateway.logger() as three:
            assert three.hears_end() == []
        assert gateway.counters.turned_away == {"address": 1}
        one.close()
        closed(gateway, "ended")
        with gateway.logger() as three:
            assert three.ask(data(1)).cn == 9014


def test_a_damaged_frame_is_kept_and_not_answered(
    new_gateway: Callable[..., Running], heard: Heard
) -> None:
    """Of a known logger it becomes a dead letter downstream; the logger sends it again."""
    gateway = new_gateway()
    bad = build(data(1)).replace(b"Rtd=1&", b"Rtd=2&")
    with gateway.logger() as logger:
        logger.ask(data(0))
        logger.send(bad)
        assert logger.ask(data(1)).qn == "20260301160100000"
        assert [payload for _, payload in heard.wait(3)] == [build(data(0)), bad, build(data(1))]
    assert gateway.counters.bad == {"crc": 1}


def test_a_frame_that_says_too_much(new_gateway: Callable[..., Running], heard: Heard) -> None:
    """A wrong length is told by the line end once nothing follows, and the connection lives."""
    gateway = new_gateway(frame_s=0.2)
    with gateway.logger() as logger:
        logger.ask(data(0))
        wrong = build(data(1)).replace(b"##0", b"##1", 1)
        logger.send(wrong)
        assert [payload for _, payload in heard.wait(2)][1] == wrong
        assert logger.ask(data(2)).qn == "20260301160200000"
    assert gateway.counters.bad == {"length": 1}


def test_strangers_and_slow_ones(new_gateway: Callable[..., Running]) -> None:
    """Who never says who it is, who dribbles a frame, and who falls silent: each is closed."""
    gateway = new_gateway(login_s=0.2, frame_s=0.2, idle_s=0.4)
    with gateway.logger() as silent:
        assert silent.hears_end() == []
    closed(gateway, "login")
    with gateway.logger() as idle:
        idle.ask(data(0))
        assert idle.hears_end() == []
    closed(gateway, "idle")
    with gateway.logger() as slow:
        slow.ask(data(1))
        ended = threading.Event()

        def dribble() -> None:
            for byte in build(data(2))[:-6] * 100:
                try:
                    slow.send(bytes([byte]))
                except OSError:
                    return
                if ended.wait(0.01):
                    return

        dribbling = threading.Thread(target=dribble)
        dribbling.start()
        slow.hears_end()
        ended.set()
        dribbling.join()
    closed(gateway, "slow")


@pytest.mark.parametrize(
    ("flood", "why"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000, "junk"),
        (b"\0" * 100_000, "junk"),
        (b"##0010abcdefghij0000\r\n" * 100, "bad"),
        (b"##" * 30_000, "junk"),
        (b"##9999" + b"a" * 200_000, "junk"),
    ],
)
def test_floods_of_junk(new_gateway: Callable[..., Running], flood: bytes, why: str) -> None:
    """What is no HJ 212 is thrown out soon, and a logger beside it is served."""
    gateway = new_gateway()
    with gateway.logger() as stranger, gateway.logger() as logger:
        with contextlib.suppress(ConnectionError):
            stranger.send(flood)
        assert logger.ask(data(0)).cn == 9014
        stranger.hears_end()
    closed(gateway, why)


def test_a_flood_of_frames_is_slowed(new_gateway: Callable[..., Running], heard: Heard) -> None:
    """A logger that sends faster than it may loses nothing: it waits."""
    gateway = new_gateway(frames_per_s=200, burst=5)
    with gateway.logger() as logger:
        logger.send(*(data(n) for n in range(60)))
        assert len({logger.hear().qn for _ in range(60)}) == 60
    assert len(heard.wait(60)) == 60


def test_a_logger_that_comes_back(new_gateway: Callable[..., Running]) -> None:
    """A second connection of the same logger takes the place of the first."""
    gateway = new_gateway()
    with gateway.logger() as before, gateway.logger() as now:
        before.ask(data(0))
        now.ask(data(1))
        assert before.hears_end() == []
        assert now.ask(data(2)).cn == 9014
    closed(gateway, "told")


def test_several_devices_behind_one_socket(
    new_gateway: Callable[..., Running], heard: Heard
) -> None:
    """A concentrator sends for several stations; each is checked, and goes to its own topic."""
    with new_gateway().logger() as logger:
        assert logger.ask(data(0)).mn == "A1"
        assert logger.ask(data(0, mn="A2")).mn == "A2"
        assert {topic for topic, _ in heard.wait(2)} == {TOPIC, "up/stations/S2/readings"}


def test_a_wrong_clock_is_set(new_gateway: Callable[..., Running]) -> None:
    """A logger that is an hour slow is told the time, once."""
    gateway = new_gateway(now=lambda: NOW + timedelta(hours=1))
    with gateway.logger() as logger:
        assert logger.ask(data(0)).cn == 9014
        assert logger.ask(data(0, qn="20260301160001000")).cn == 9014
        request = logger.hear()
        assert (request.cn, request.value("SystemTime")) == (1012, "20260301170000")
        assert logger.ask(data(1, qn="20260301160002000")).cn == 9014
    assert gateway.counters.requests == {1012: 1}


def test_missing_minutes_are_asked_for(new_gateway: Callable[..., Running], heard: Heard) -> None:
    """A gap is asked for by CN 2051 with its span; what comes is published and answered."""
    gateway = new_gateway(now=lambda: NOW + timedelta(minutes=8), clock_off_s=0.0)
    with gateway.logger() as logger:
        for minute in (0, 1, 2, 3, 7):
            assert logger.ask(data(minute)).cn == 9014
        request = logger.hear()
        assert (request.cn, request.st, request.mn, request.pw) == (2051, 39, "A1", PASSWORD)
        assert request.value("BeginTime") == "20260301160400"
        assert request.value("EndTime") == "20260301160600"
        logger.send(hj212.taken(request, hj212.READY))
        for minute in (4, 5, 6):
            body = data(minute).body[0], (("a34002-Avg", "5"),)
            sent = data(minute, cn=2051, qn=request.qn, rf=1, body=body)
            assert logger.ask(sent).cn == 9014
        logger.send(hj212.result_of(request, hj212.DONE))
        assert logger.ask(data(8)).cn == 9014
    assert len(heard.wait(9)) == 9
    assert gateway.counters.requests == {2051: 1}


def test_encrypted_frames(new_gateway: Callable[..., Running], heard: Heard) -> None:
    """A logger with a key may encrypt; the platform gets its frames in clear."""
    pytest.importorskip("cryptography")
    key = SECRETS["A3"].sm4
    assert key is not None
    sent = data(0, mn="A3", flag=9)
    with new_gateway().logger() as logger:
        assert logger.ask(sm4.encrypted(build(sent), key) + b"\r\n").cn == 9014
    assert heard.wait(1) == [("up/stations/S3/readings", build(sent))]


def part(place: int, minute: int = 0) -> Frame:
    """A packet of two, with a value of its own."""
    value = (("a34002-Rtd", "7"),) if place == 1 else (("a34004-Rtd", "3"),)
    return data(minute, flag=7, pnum=2, pno=place, body=(data(minute).body[0], value))


def test_a_message_in_packets(new_gateway: Callable[..., Running], heard: Heard) -> None:
    """Each packet is answered, the whole goes out as one, and a repeat adds nothing."""
    gateway = new_gateway()
    with gateway.logger() as logger:
        answers = [logger.ask(part(n)) for n in (1, 2, 2)]
        assert [(a.cn, a.flag, a.pnum, a.pno) for a in answers] == [
            (9014, 6, 2, 1),
            (9014, 6, 2, 2),
            (9014, 6, 2, 2),
        ]
        logger.ask(data(1))
        assert [payload for _, payload in heard.wait(2)] == [
            build(part(1)) + build(part(2)),
            build(data(1)),
        ]


def test_packets_outlast_the_gateway(any_broker: Mosquitto) -> None:
    """A packet that was answered is not lost with the gateway: the next one finds it, on either
    broker, and leaves nothing behind."""
    with Heard(any_broker.url) as heard:
        with Running(any_broker.url) as first, first.logger() as logger:
            assert logger.ask(part(1)).pno == 1
        assert heard.messages == []
        with Running(any_broker.url) as second, second.logger() as logger:
            assert logger.ask(part(2)).pno == 2
            assert heard.wait(1) == [(TOPIC, build(part(1)) + build(part(2)))]
    with Running(any_broker.url) as third, third.logger() as logger:
        before = third.gateway.unfinished
        assert logger.ask(part(1, 1)).pno == 1
        assert (before, third.gateway.unfinished) == (0, 1)


def test_a_broker_that_is_away(mosquitto: Mosquitto) -> None:
    """No answer without the broker; once it is back, what is sent again is kept and answered."""
    with Running(mosquitto.url, hold_s=0.5) as gateway:
        with gateway.logger() as logger:
            assert logger.ask(data(0)).cn == 9014
            mosquitto.stop()
            logger.send(data(1))
            assert logger.hears_end() == []
        assert gateway.counters.answers[9014] == 1
        closed(gateway, "broker")
        mosquitto.start()
        with Heard(mosquitto.url) as heard:
            with Running(mosquitto.url) as other, other.logger() as logger:
                assert logger.ask(data(1)).cn == 9014
            assert (TOPIC, build(data(1))) in heard.wait(1)


def test_a_broker_that_comes_back_in_time(mosquitto: Mosquitto) -> None:
    """A frame waits for the broker, and is answered once it is there; nothing before."""
    with Running(mosquitto.url, hold_s=60.0) as gateway, gateway.logger() as logger:
        logger.ask(data(0))
        mosquitto.stop()
        logger.send(data(1))
        wait_until(lambda: gateway.counters.frames == 2, lambda: str(gateway.counters))
        assert logger.hears_nothing()
        mosquitto.start()
        assert logger.hear().qn == "20260301160100000"


def test_a_clean_stop(mosquitto: Mosquitto) -> None:
    """Connections end in good order, what was answered is on the broker, and it does not hang."""
    with Heard(mosquitto.url) as heard:
        gateway = Running(mosquitto.url)
        loggers = [gateway.logger() for _ in range(3)]
        for logger, mn in zip(loggers, ("A1", "A2", "A3"), strict=True):
            logger.ask(data(0, mn=mn))
        gateway.stop()
        assert [logger.hears_end() for logger in loggers] == [[], [], []]
        assert gateway.counters.closed == {"stopped": 3}
        assert len(heard.wait(3)) == 3
        for logger in loggers:
            logger.close()


def test_a_stop_while_the_broker_is_away(mosquitto: Mosquitto) -> None:
    """What waits for the broker is given up, unanswered."""
    gateway = Running(mosquitto.url)
    with gateway.logger() as logger:
        logger.ask(data(0))
        mosquitto.stop()
        logger.send(data(1))
        wait_until(lambda: gateway.counters.frames == 2, lambda: str(gateway.counters))
        gateway.stop()
        assert logger.hears_end() == []


def test_no_broker_at_the_start() -> None:
    """A gateway that cannot publish does not listen."""
    with pytest.raises(ConnectionError, match="no broker at"):
        Running("mqtt://127.0.0.1:9")


def test_the_end_of_a_logger_in_mid_frame(new_gateway: Callable[..., Running]) -> None:
    """Half a frame and a broken line leave nothing behind."""
    gateway = new_gateway()
    logger = gateway.logger()
    logger.send(build(data(0))[:30])
    logger.close()
    closed(gateway, "ended")
    wait_until(lambda: gateway.counters.connections == 0, lambda: str(gateway.counters))


def test_time_is_the_platforms(new_gateway: Callable[..., Running]) -> None:
    """A right clock is not set: what is right is said by the platform's clock alone."""
    gateway = new_gateway(now=lambda: datetime(2026, 3, 1, 8, 0, 30, tzinfo=UTC))
    with gateway.logger() as logger:
        for n in range(4):
            assert logger.ask(data(0, qn=f"2026030116003{n}000")).cn == 9014
    assert gateway.counters.requests == {}
