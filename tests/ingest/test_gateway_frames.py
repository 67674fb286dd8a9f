"""Real frames over TCP: what reaches the broker, and what is answered, byte for byte."""

import re
from collections.abc import Iterator

import pytest

from ingest import hj212
from ingest.hj212 import Frame, build, parse
from ingest.registry import Registry, StationFacts
from tests.ingest.loggers import Heard, Running
from tests.ingest.test_hj212 import STANDARD_ANSWER, framed, real_frames
from tests.services import Mosquitto
from tests.services.waiting import wait_until

FRAMES = real_frames()
BY_NAME = {name: raw for name, _, raw in FRAMES}


def mn_of(raw: bytes) -> str:
    found = re.search(rb"MN=([^;]*)", raw)
    assert found
    return found[1].decode()


DEVICES = sorted({mn_of(raw) for _, _, raw in FRAMES})
STATIONS = {mn: f"S{n}" for n, mn in enumerate(DEVICES)}


@pytest.fixture
def gateway(mosquitto: Mosquitto) -> Iterator[Running]:
    """One that knows every device of the frames, by whatever password."""
    registry = Registry({station: StationFacts(mn=mn) for mn, station in STATIONS.items()})
    with Running(
        mosquitto.url,
        registry=registry,
        secrets={},
        any_password=True,
        clock_off_s=0,
        ask_again=False,
    ) as running:
        yield running


def beat(mn: str, n: int) -> Frame:
    """A heartbeat, which is always answered: what came before it has been worked on."""
    return Frame(st=22, cn=hj212.HEARTBEAT, mn=mn, pw="1", qn=f"{n:017d}", flag=9)


def answers_to(gateway: Running, raw: bytes) -> list[bytes]:
    """What a logger that has said who it is hears for a frame."""
    mn = mn_of(raw)
    heard = []
    with gateway.logger() as logger:
        assert logger.ask(beat(mn, 1)).cn == hj212.NOTED
        logger.send(raw + b"\r\n", beat(mn, 2))
        while (answer := logger.hear_raw()) != build(_noted(beat(mn, 2))).rstrip():
            heard.append(answer)
    return heard


def _noted(frame: Frame) -> Frame:
    answer = hj212.answer_to(frame)
    assert answer is not None
    return answer


@pytest.mark.skipif(not FRAMES, reason="the frames are not on this machine")
def test_each_real_frame(gateway: Running, mosquitto: Mosquitto) -> None:
    """Data reaches its station's topic as it came, a damaged frame too; data that asks for an
    answer gets 9014 once it is there, a request that no device may make 9011, the rest nothing."""
    reached: dict[str, bytes] = {}
    with Heard(mosquitto.url) as heard:
        for name, verdict, raw in FRAMES:
            before = len(heard.messages)
            published = gateway.counters.published
            answers = answers_to(gateway, raw)
            wait_until(
                lambda before=before, published=published: (  # type: ignore[misc]
                    len(heard.messages) - before == gateway.counters.published - published
                ),
                lambda name=name: f"{name}: {heard.messages[-1:]}",  # type: ignore[misc]
            )
            for topic, payload in heard.messages[before:]:
                assert topic == f"up/stations/{STATIONS[mn_of(raw)]}/readings"
                reached[name] = payload
            assert answers == _expected(raw, verdict), name
    split = {name for name, raw in BY_NAME.items() if b"PNUM=" in raw}
    damaged = {name for name, verdict, _ in FRAMES if verdict != "ok"}
    said = {
        name
        for name, verdict, raw in FRAMES
        if verdict == "ok" and parse(raw).cn in (hj212.TAKEN, hj212.RESULT, hj212.KEPT)
    }
    # A packet of a message waits for the others; what a device answers is no data.
    assert reached.keys() >= BY_NAME.keys() - split - said
    assert damaged - split <= reached.keys()
    assert not said & reached.keys()
    for name, payload in reached.items():
        assert payload == BY_NAME[name] + b"\r\n", name


def _expected(raw: bytes, verdict: str) -> list[bytes]:
    if verdict != "ok":
        return []
    frame = parse(raw)
    answer = hj212.answer_to(frame)
    if answer is None and frame.wants_answer and frame.cn < 9000:
        answer = hj212.taken(frame, hj212.UNKNOWN_COMMAND)
    return [] if answer is None else [build(answer).rstrip()]


def test_answers_as_the_standard_prints_them(gateway: Running) -> None:
    """The printed answer to a printed QN, and what a real platform answered to a real frame."""
    if not FRAMES:
        pytest.skip("the frames are not on this machine")
    mn = b"010000A8900016F000169DC0"
    data = (
        b"QN=20160801085000001;ST=22;CN=2011;PW=123456;MN=" + mn + b";Flag=5;"
        b"CP=&&DataTime=20160801085000;a34002-Rtd=81,a34002-Flag=N&&"
    )
    assert answers_to(gateway, framed(data)) == [STANDARD_ANSWER.rstrip()]
    assert STANDARD_ANSWER.rstrip() == BY_NAME["F27"]
    (answer,) = answers_to(gateway, BY_NAME["F20"])
    # That platform writes its CRC in small letters.
    assert answer[:-4] == BY_NAME["F21"][:-4]
    assert answer[-4:].lower() == BY_NAME["F21"][-4:]
