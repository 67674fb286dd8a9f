"""The gateway's judgement: frames in a stream, packets, clocks, gaps, who may enter."""

import contextlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.gateway.clockwatch import ClockWatch
from ingest.gateway.devices import Devices, Secret, load_secrets
from ingest.gateway.door import Door
from ingest.gateway.gaps import MIN_US, Asking, Gaps
from ingest.gateway.pace import Pace
from ingest.gateway.packets import Packets
from ingest.gateway.settings import GatewaySettings
from ingest.gateway.stream import FrameStream
from ingest.hj212 import Frame, FrameError, build, parse
from ingest.registry import Registry, StationFacts

texts = st.text(st.sampled_from("abcXYZ0123456789._+-#站"), max_size=30)
frames = st.builds(
    Frame,
    st=st.just(22),
    cn=st.just(2011),
    mn=st.from_regex(r"[A-Z0-9]{1,24}", fullmatch=True),
    body=st.lists(st.tuples(st.tuples(st.just("a34002-Rtd"), texts.map(str.strip)))).map(tuple),
)
GOOD = build(Frame(st=22, cn=2011, mn="A", body=((("DataTime", "20240101000000"),),)))


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """`data` cut at these places."""
    ends = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    for begin, end in pairwise(ends):
        yield data[begin:end]


@given(st.lists(frames, max_size=6), st.lists(st.integers(0, 10_000), max_size=12))
def test_frames_come_whole_however_they_are_cut(sent: list[Frame], cuts: list[int]) -> None:
    """Two frames in one packet or a frame in many: the same frames come out, and nothing stays."""
    stream = FrameStream(9999)
    data = b"".join(map(build, sent))
    got = [frame for piece in pieces(data, cuts) for frame in stream.feed(piece)]
    assert [parse(frame) for frame in got] == sent
    assert stream.give_up() is None


@given(st.lists(st.binary(max_size=200) | st.just(b"##0049") | st.just(b"##"), max_size=30))
def test_any_bytes_are_bounded(chunks: list[bytes]) -> None:
    """Whatever comes, no more than one unfinished frame is held, and frames begin as frames do."""
    stream = FrameStream(300)
    for chunk in chunks:
        for frame in stream.feed(chunk):
            assert frame.startswith(b"##")
            with contextlib.suppress(FrameError):
                parse(frame)
        assert stream.pending <= 300 + 10 + len(chunk)


@pytest.mark.parametrize(
    "broken",
    [
        GOOD.replace(b"##0053", b"##0044"),  # says too little
        GOOD.replace(b"##0053", b"##0080"),  # says too much, until the next one shows it
        GOOD.replace(b"##0053", b"##00x9"),
        GOOD.replace(b"##0053", b"##9999"),
        b"##junk\r\n",
        b"junk",
        b"#",
        b"###",
        GOOD[:20] + b"\r\n",
    ],
)
def test_a_broken_frame_does_not_take_its_neighbours(broken: bytes) -> None:
    """The frames before and after a broken one are read, at the latest with the one after."""
    stream = FrameStream(1024)
    got = stream.feed(GOOD + broken + GOOD + GOOD)
    assert got.count(GOOD.rstrip()) == 3


def test_junk_is_counted_until_a_frame_comes() -> None:
    """What is no frame counts, line ends and blanks do not, and a frame forgives it."""
    stream = FrameStream(1024)
    stream.feed(b"GET / HTTP/1.1\r\n\r\n ")
    assert stream.junk == len(b"GET/HTTP/1.1")
    stream.feed(GOOD)
    assert stream.junk == 0


def packet(place: int, number: int = 2, qn: str = "1") -> tuple[Frame, bytes]:
    raw = build(Frame(st=22, cn=2011, mn="A", qn=qn, flag=7, pnum=number, pno=place)).rstrip()
    return parse(raw), raw


def test_packets_in_any_order() -> None:
    """A message is whole when its last packet is there, in the order of its numbers."""
    packets = Packets()
    (first, raw1), (second, raw2) = packet(1), packet(2)
    assert packets.add(second, raw2, 0) == (None, [])
    assert packets.add(second, raw2, 0) == (None, [])  # again: its answer was lost
    whole, overdue = packets.add(first, raw1, 0)
    assert whole is not None
    assert whole.payload() == raw1 + b"\r\n" + raw2 + b"\r\n"
    assert (overdue, len(packets)) == ([], 0)
    packets.finished(first, whole)
    assert packets.is_finished(second, raw2)
    assert not packets.is_finished(*packet(2, 2, "other"))


def test_packets_are_bounded_in_number_and_time() -> None:
    """Of many unfinished messages the oldest go as they are; so do those that wait too long."""
    packets = Packets(most_messages=3)
    gone = []
    for n in range(10):
        whole, overdue = packets.add(*packet(1, 2, str(n)), now_s=n)
        assert whole is None
        gone += overdue
    assert len(packets) == 3
    assert len(gone) == 7
    assert len(packets.overdue(8.5)) == 2
    assert len(packets) == 1
    assert packets.overdue(8.5) == []


@pytest.mark.parametrize(("place", "number"), [(0, 2), (3, 2), (1, 100_000), (999_999_999, 2)])
def test_impossible_packets_stand_alone(place: int, number: int) -> None:
    """A packet whose number cannot be is a message by itself, and nothing waits for others."""
    packets = Packets()
    frame, raw = packet(place, number)
    whole, _ = packets.add(frame, raw, 0)
    assert whole is not None
    assert whole.payload() == raw + b"\r\n"
    assert len(packets) == 0


S_US = 1_000_000


def test_a_wrong_clock_is_set_once() -> None:
    """Two frames that agree set a clock, and then it has an hour to follow."""
    watch = ClockWatch(60)
    assert not watch.is_wrong(1000 * S_US, 1200 * S_US, 0)
    assert watch.is_wrong(1030 * S_US, 1230 * S_US, 30)
    assert not any(watch.is_wrong((1060 + n) * S_US, (1260 + n) * S_US, 60 + n) for n in range(99))
    assert not watch.is_wrong(4400 * S_US, 4600 * S_US, 3600)
    assert watch.is_wrong(4500 * S_US, 4700 * S_US, 3700)


@pytest.mark.parametrize(
    "ahead_s",
    [
        [0, 0, 0],
        [-59, -59, -59],
        [-200, 0, 0],  # a frame that waited on the way
        [-200, -100, -300],  # several, from a broken line
    ],
)
def test_a_right_clock_is_left_alone(ahead_s: list[int]) -> None:
    """A frame that comes late says nothing of the clock."""
    watch = ClockWatch(60)
    for n, ahead in enumerate(ahead_s):
        now_s = 10_000 + 30 * n
        assert not watch.is_wrong((now_s + ahead) * S_US, now_s * S_US, now_s)


def test_the_same_frame_again_says_nothing_of_the_clock() -> None:
    """A repeat has the time of its first try, and would agree with itself."""
    watch = ClockWatch(60)
    assert not any(watch.is_wrong(1000 * S_US, (1200 + n) * S_US, n) for n in range(4))


def minutes(*numbers: int) -> list[int]:
    return [n * MIN_US for n in numbers]


def test_a_gap_is_asked_for_and_filled() -> None:
    """Missing minutes are asked for with growing patience, until they have come."""
    gaps = Gaps(Asking(most_asked=3, first_wait_s=60))
    for ts_us in minutes(1, 2, 3, 4, 8):
        gaps.came(ts_us)
    now_us = 8 * MIN_US
    assert gaps.due(now_us, 0) == (5 * MIN_US, 7 * MIN_US)
    assert gaps.due(now_us, 59) is None
    assert gaps.due(now_us, 60) == (5 * MIN_US, 7 * MIN_US)
    assert gaps.due(now_us, 179) is None
    gaps.came(6 * MIN_US)
    assert [(span.first_us, span.last_us) for span in gaps.spans] == [
        (5 * MIN_US, 5 * MIN_US),
        (7 * MIN_US, 7 * MIN_US),
    ]
    gaps.came(5 * MIN_US)
    assert gaps.due(now_us, 180) == (7 * MIN_US, 7 * MIN_US)
    gaps.came(7 * MIN_US)
    assert gaps.due(now_us, 9999) is None
    assert gaps.spans == []


def test_a_gap_is_not_asked_for_for_ever() -> None:
    """After some tries, or once the device says it has nothing, a gap is left as it is."""
    gaps = Gaps(Asking(most_asked=3, first_wait_s=60))
    for ts_us in minutes(1, 2, 3, 4, 8):
        gaps.came(ts_us)
    asked = [gaps.due(8 * MIN_US, now_s) for now_s in range(0, 100_000, 10)]
    assert sum(one is not None for one in asked) == 3
    assert gaps.spans == []
    gaps.came(12 * MIN_US)
    assert gaps.due(12 * MIN_US, 200_000) == (9 * MIN_US, 11 * MIN_US)
    gaps.has_none(9 * MIN_US)
    assert gaps.due(12 * MIN_US, 300_000) is None


def test_long_gaps_are_asked_for_piece_by_piece() -> None:
    """One request asks for an hour; what is older than a day is not asked for at all."""
    gaps = Gaps(Asking(most_min=60, keep_h=24, first_wait_s=60))
    for ts_us in minutes(1, 2, 3, 4, 2000):
        gaps.came(ts_us)
    now_us, now_s = 2000 * MIN_US, 0.0
    pieces = []
    while (span := gaps.due(now_us, now_s)) is not None:
        pieces.append(span)
        for ts_us in range(span[0], span[1] + 1, MIN_US):
            gaps.came(ts_us)
        now_s += 60
    assert pieces[0][0] == (2000 - 24 * 60) * MIN_US
    assert pieces[-1][1] == 1999 * MIN_US
    assert all(last - first == 59 * MIN_US for first, last in pieces[:-1])
    assert len(pieces) == 24


@pytest.mark.parametrize(
    "times_s",
    [
        [0, 30, 60, 90, 120, 150],  # twice a minute
        [0, 300, 600, 900, 1200],  # every five minutes
        [0, 60, 120, 180, 240, 300, 250, 360],  # one of them late
        [0, 4000],  # nothing is usual yet
        [0, 61, 119, 181, 240],  # not quite on the minute
    ],
)
def test_no_gap_where_none_is(times_s: list[int]) -> None:
    """A station's usual distance, once it is known, is no gap."""
    gaps = Gaps(Asking())
    for time_s in times_s:
        gaps.came(time_s * S_US)
    assert gaps.spans == []


@given(st.lists(st.integers(0, 3000), max_size=200))
def test_gaps_are_bounded(times_min: list[int]) -> None:
    """However times come, few spans are remembered, each in order, and none holds a time that
    has come since it was found."""
    gaps = Gaps(Asking(most_spans=8))
    for n in times_min:
        gaps.came(n * MIN_US)
        assert len(gaps.spans) <= 9
        assert all(span.first_us <= span.last_us for span in gaps.spans)
        assert not any(span.first_us <= n * MIN_US <= span.last_us for span in gaps.spans)


def test_the_pace() -> None:
    """A burst goes through at once, what is more waits, and a rest fills the bucket again."""
    pace = Pace(rate_per_s=2, burst=3)
    assert [pace.wait_s(0) for _ in range(5)] == [0, 0, 0, 0.5, 1.0]
    assert pace.wait_s(100) == 0


def test_the_debts_of_the_pace() -> None:
    """However often it comes while it should wait, a logger waits no longer than for a burst."""
    pace = Pace(rate_per_s=2, burst=3)
    assert max(pace.wait_s(0) for _ in range(1000)) == 1.5


def test_the_door() -> None:
    """Not too many, not too many of one address, and nobody who keeps guessing."""
    door = Door(most=4, most_per_address=2, guesses_per_min=2)
    assert [door.enter("a", 0) for _ in range(3)] == [None, None, "address"]
    assert [door.enter(name, 0) for name in "bcd"] == [None, None, "full"]
    door.leave("a")
    for _ in range(2):
        door.was_refused("x", 10)
    assert door.enter("x", 20) == "guessing"
    assert door.enter("x", 71) is None
    assert door.inside == 4


def test_the_door_forgets_addresses() -> None:
    """A stranger with many addresses fills no memory."""
    door = Door(5, 5, 2)
    for n in range(20_000):
        door.was_refused(str(n), 0)
    assert len(door._refused) == 10_000


REGISTRY = Registry(
    {"S1": StationFacts(mn="A1"), "S2": StationFacts(mn="A2"), "S3": StationFacts()}
)


def test_who_a_device_is() -> None:
    """A number and its password together are a device; a station without a number is none."""
    devices = Devices(REGISTRY, {"A1": Secret("123456")}, GatewaySettings())
    found = devices.find("A1", "123456")
    assert not isinstance(found, str)
    assert found.station == "S1"
    assert devices.find("A1", "123457") == "pw"
    assert devices.find("A1", "") == "pw"
    assert devices.find("A2", "") == "pw"  # none is known
    assert devices.find("A3", "123456") == "mn"
    assert devices.find("", "") == "mn"
    assert devices.find("A1", "站") == "pw"
    assert devices.without_password() == ["S2"]
    assert len(devices) == 2


def test_any_password() -> None:
    """Where it is said so, a device without a known password is taken; a known one still holds."""
    devices = Devices(REGISTRY, {"A1": Secret("x")}, GatewaySettings(any_password=True))
    assert not isinstance(devices.find("A2", "whatever"), str)
    assert devices.find("A1", "whatever") == "pw"
    assert devices.without_password() == []


def test_secrets_do_not_show() -> None:
    """Neither in the words of an object, nor in those of an error."""
    assert "123456" not in repr(Secret("123456", b"0" * 16))


@pytest.mark.parametrize(
    "text",
    [
        'A1 = "geheim"',
        "[A1]\npw = 12345678",
        '[A1]\npw = "geheim"\nsm4 = "geheim"',
        '[A1]\npw = "geheim"\nsm = "00"',
        '[A1]\npw = "geheim',
    ],
)
def test_a_bad_file_of_secrets(tmp_path: Path, text: str) -> None:
    """It is refused with its name, and what stands in it is not repeated."""
    file = tmp_path / "devices.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"devices\.toml") as refused:
        load_secrets(file)
    assert "geheim" not in str(refused.value)
    assert "12345678" not in str(refused.value)


def test_a_file_of_secrets(tmp_path: Path) -> None:
    """A table per device: its password, and its key where it encrypts."""
    file = tmp_path / "devices.toml"
    file.write_text(f'[A1]\npw = "x"\n[A2]\npw = "y"\nsm4 = "{"30" * 16}"\n', encoding="utf-8")
    assert load_secrets(file) == {"A1": Secret("x"), "A2": Secret("y", b"0" * 16)}


@pytest.mark.parametrize(
    "wrong", [{"connections": 0}, {"idle_s": -1.0}, {"frame_bytes": 10_000}, {"clock_off_s": -1.0}]
)
def test_wrong_settings(wrong: dict[str, float]) -> None:
    """A setting that cannot be is refused by its name."""
    with pytest.raises(ValueError, match=f"gateway.{next(iter(wrong))}"):
        GatewaySettings(**wrong)  # type: ignore[arg-type]
