"""The HJ 212 codec: frames taken apart, checked, built and answered."""

import contextlib
import csv
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import hj212
from ingest.hj212 import Frame, FrameError, answer_to, build, crc, parse, split

FRAMES = Path(__file__).parents[3] / "shared" / "data" / "hj212" / "frames.csv"

STANDARD_ANSWER = (
    b"##0087QN=20160801085000001;ST=91;CN=9014;PW=123456;MN=010000A8900016F000169DC0;Flag=4;"
    b"CP=&&&&C241\r\n"
)
"""As HJ 212-2017 prints it in its annex."""


def framed(segment: bytes) -> bytes:
    return b"##%04d%s%04X" % (len(segment), segment, crc(segment))


def real_frames() -> list[tuple[str, str, bytes]]:
    if not FRAMES.exists():
        return []
    with FRAMES.open(encoding="utf-8", newline="") as file:
        return [(row["id"], row["verdict"], row["frame"].encode()) for row in csv.DictReader(file)]


def test_crc_of_the_check_string() -> None:
    """The checksum of 123456789 is 2F80, which tells it from Modbus (4B37)."""
    assert crc(b"123456789") == 0x2F80


def test_crc_by_table_is_crc_by_bits() -> None:
    """The table gives what the standard's loop over bits gives."""

    def by_bits(data: bytes) -> int:
        value = 0xFFFF
        for byte in data:
            value = (value >> 8) ^ byte
            for _ in range(8):
                low = value & 1
                value >>= 1
                if low:
                    value ^= 0xA001
        return value

    data = bytes(range(256)) * 3
    assert all(crc(data[:n]) == by_bits(data[:n]) for n in (0, 1, 2, 255, 768))


@pytest.mark.skipif(not FRAMES.exists(), reason="the folder of real frames is not beside")
@pytest.mark.parametrize(("name", "verdict", "raw"), real_frames(), ids=lambda v: str(v)[:3])
def test_real_frames(name: str, verdict: str, raw: bytes) -> None:
    """Frames of real loggers and of the standard are read, or refused for what is wrong."""
    if verdict == "ok":
        frame = parse(raw)
        assert frame.cn > 1000
        assert frame.mn
    else:
        with pytest.raises(FrameError) as refused:
            parse(raw)
        assert refused.value.reason == "crc"
        assert ("there is no CRC" in refused.value.detail) is (verdict == "no crc")


PRINTED = {"F01", "F02", "F03", "F04", "F27"}
"""Examples that the editions of 2017 and 2025 print in their annexes."""


@pytest.mark.skipif(not FRAMES.exists(), reason="the folder of real frames is not beside")
def test_the_standards_examples_byte_for_byte() -> None:
    """What the standard prints is built again as it stands there."""
    printed = [raw for name, _, raw in real_frames() if name in PRINTED]
    assert len(printed) == len(PRINTED)
    for raw in printed:
        assert build(parse(raw)) == raw + b"\r\n"


def test_a_frame_taken_apart() -> None:
    """Every field of the segment is where it belongs."""
    frame = parse(
        framed(
            b"QN=20240520210700123;ST=22;CN=2051;PW=123456;MN=A1;Flag=11;PNUM=2;PNO=1;RF=1;"
            b"CP=&&DataTime=20240520210600;a34002-Avg=1.5,a34002-Flag=N;LA-Avg=60&&"
        )
    )
    assert frame == Frame(
        st=22,
        cn=2051,
        mn="A1",
        pw="123456",
        qn="20240520210700123",
        flag=11,
        pnum=2,
        pno=1,
        rf=1,
        body=(
            (("DataTime", "20240520210600"),),
            (("a34002-Avg", "1.5"), ("a34002-Flag", "N")),
            (("LA-Avg", "60"),),
        ),
    )
    assert frame.wants_answer
    assert frame.version == 2
    assert frame.value("datatime") == "20240520210600"


@pytest.mark.parametrize(
    "segment",
    [
        b"ST=22;CN=2011;MN=A;CP=&&DataTime=20240101000000&&",  # no QN, PW, Flag: 2005
        b"st=22;cn=2011;mn=A;cp=&&datatime=20240101000000&&",  # lower case
        b"ST=22;CN=2011;MN=A;;CP=&&DataTime=20240101000000;&&",  # semicolons too many
        b" ST = 22 ; CN = 2011 ; MN = A ; CP = &&DataTime = 20240101000000 && ",  # blanks
        b"ST=22;CN=2011;MN=A;CP=&&DataTime=20240101000000&&;",  # semicolon after the body
        "ST=22;CN=2011;MN=A;Info=站;CP=&&DataTime=20240101000000&&".encode("gb18030"),
    ],
)
def test_small_sins_are_forgiven(segment: bytes) -> None:
    """What real loggers get wrong without harm is read as what they mean."""
    frame = parse(framed(segment) + b"\r\n")
    assert (frame.st, frame.cn, frame.mn) == (22, 2011, "A")
    assert frame.value("DataTime") == "20240101000000"


GOOD = framed(b"ST=22;CN=2011;MN=A;CP=&&DataTime=20240101000000&&")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "frame"),
        (b"#" + GOOD, "length"),  # ### is ## and then no digits
        (GOOD[2:], "frame"),
        (b"##00x9" + GOOD[6:], "length"),
        (b"## 049" + GOOD[6:], "length"),
        (GOOD.replace(b"##0049", b"##0048"), "length"),
        (GOOD.replace(b"##0049", b"##0050"), "length"),
        (GOOD.replace(b"##0049", b"##9999"), "length"),
        (GOOD[:-1], "crc"),
        (GOOD[:-4], "crc"),
        (GOOD[:40], "crc"),
        (GOOD + b"1", "length"),
        (GOOD.replace(b"MN=A", b"MN=B"), "crc"),
        (framed(b""), "frame"),
        (framed(b"ST=22;CN=2011;MN=A"), "frame"),
        (framed(b"ST=22;CN=2011;MN=A;CP=&&x=1"), "frame"),
        (framed(b"CN=2011;MN=A;CP=&&&&"), "frame"),
        (framed(b"ST=22;CN=x;MN=A;CP=&&&&"), "frame"),
        (framed("ST=２２;CN=2011;CP=&&&&".encode()), "frame"),  # digits, but not of ASCII
        (framed(b"ST=22;CN=2011;Flag=99999999999999;CP=&&&&"), "frame"),
        (framed(b"ST=22;CN=2011;\xff\xff;CP=&&&&"), "frame"),
        (framed(b"ST=22;CN=2011;MN=A;MN=B;CP=&&&&"), "frame"),  # which device?
        (framed(b"ST=22;CN=2011;MN=A;mn=A;CP=&&&&"), "frame"),
        (framed(b"ST=22;CN=2011;MN=A;junk;CP=&&&&"), "frame"),
        (framed(b"ST=22;CN=2011;MN=A;CP=&&a-Rtd=1;junk&&"), "frame"),
        (framed(b"ST=22;CN=2011;MN=A;CP=&&a-Rtd=1,junk;b-Rtd=1&&"), "frame"),
        (framed(b"ST=22;CN=2011;MN=A;CP=&&=1&&"), "frame"),
        (framed(b"ST=22;CN=2011;MN=A;CP=&&a-Rtd=1&&b-Rtd=2&&"), "frame"),
        (framed(b"ST=22;CN=2011;MN=A;CP=&&a\0b-Rtd=1&&"), "frame"),
        (framed(b"ST=22;CN=2011;MN=A;CP=&&a\x1b-Rtd=1&&"), "frame"),
    ],
)
def test_wrong_frames_are_refused(raw: bytes, reason: str) -> None:
    """A wrong length or checksum, and what cannot be taken apart, is refused with its reason."""
    assert len(GOOD) == 2 + 4 + 49 + 4
    with pytest.raises(FrameError) as refused:
        parse(raw)
    assert refused.value.reason == reason
    assert refused.value.detail


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Whatever comes, the codec raises nothing but its own error."""
    for candidate in (raw, b"##" + raw, framed(raw), framed(b"ST=22;CN=2011;" + raw)):
        with contextlib.suppress(FrameError):
            answer_to(parse(candidate))


names = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzABC0123456789_-"), min_size=1)
texts = st.text(st.sampled_from("abcXYZ0123456789._+-站")).map(str.strip)
numbers = st.integers(0, 999_999_999)
frames = st.builds(
    Frame,
    st=numbers,
    cn=numbers,
    mn=texts,
    pw=texts,
    qn=st.none() | st.from_regex(r"[0-9]{17}", fullmatch=True),
    flag=st.none() | st.integers(0, 255),
    pnum=st.none() | numbers,
    pno=st.none() | numbers,
    rf=st.none() | st.integers(0, 1),
    body=st.lists(
        st.lists(st.tuples(names, texts), min_size=1, max_size=4).map(tuple), max_size=6
    ).map(tuple),
)


@given(frames)
def test_what_is_built_is_read_again(frame: Frame) -> None:
    """Building a frame and parsing it gives the frame."""
    assert parse(build(frame)) == frame


@given(st.lists(frames, max_size=5), st.sampled_from([b"", b"\r\n", b"\n"]))
def test_frames_in_one_payload_are_told_apart(several: list[Frame], between: bytes) -> None:
    """Frames one after another are found, whether or not line ends stand between them."""
    payload = between.join(build(frame).rstrip() for frame in several)
    assert [parse(raw) for raw in split(payload)] == several


@given(st.binary(max_size=200))
def test_splitting_loses_nothing(payload: bytes) -> None:
    """Whatever the payload, its parts together are the payload but for line ends and blanks."""
    blanks = bytes.maketrans(b"", b"")
    parts = list(split(payload))
    assert b"".join(parts).translate(blanks, b"\r\n ") == payload.translate(blanks, b"\r\n ")
    assert all(parts)


def test_a_broken_frame_does_not_take_its_neighbours() -> None:
    """After a frame with a wrong length the next one is found."""
    broken = GOOD.replace(b"##0049", b"##0044")
    assert list(split(GOOD + b"\r\n" + broken + b"\r\n" + GOOD)) == [GOOD, broken, GOOD]


def test_data_is_answered_as_the_standard_prints_it() -> None:
    """The answer to data that asks for one is the standard's example, byte for byte."""
    data = Frame(
        st=22, cn=2011, qn="20160801085000001", pw="123456", mn="010000A8900016F000169DC0", flag=5
    )
    answer = answer_to(data)
    assert answer is not None
    assert build(answer) == STANDARD_ANSWER


@pytest.mark.parametrize(
    ("frame", "command"),
    [
        (Frame(st=22, cn=2011, flag=4), None),  # asks for none
        (Frame(st=22, cn=2011), None),  # an old logger that has no Flag
        (Frame(st=22, cn=2051, flag=5), 9014),
        (Frame(st=22, cn=2061, flag=9), 9014),
        (Frame(st=22, cn=2031, flag=1), 9014),
        (Frame(st=22, cn=2081, flag=5), 9014),  # when the logger was switched on
        (Frame(st=22, cn=9015, flag=8), 9013),  # heartbeat
        (Frame(st=22, cn=1013), 9013),  # what time is it?
        (Frame(st=22, cn=9011, flag=5), None),  # an answer is not answered
        (Frame(st=91, cn=9014, flag=5), None),
    ],
)
def test_who_is_answered(frame: Frame, command: int | None) -> None:
    """Data is answered when it asks for it, a heartbeat always, an answer never."""
    answer = answer_to(frame)
    assert (answer and answer.cn) == command


def test_an_answer_keeps_the_edition() -> None:
    """A logger of 2025 is answered in the edition of 2025, and the answer asks for none."""
    answer = answer_to(Frame(st=22, cn=2011, flag=2 << 2 | 1))
    assert answer is not None
    assert (answer.version, answer.wants_answer) == (2, False)


def test_packets_are_answered_one_by_one() -> None:
    """The answer to a packet says which one it answers, and that it is one of several."""
    answer = answer_to(Frame(st=22, cn=2061, mn="A", qn="1", flag=11, pnum=2, pno=1))
    assert answer == Frame(st=91, cn=9014, mn="A", qn="1", flag=10, pnum=2, pno=1)


def test_who_asks_for_the_time_is_noted() -> None:
    """CN 1013 is a notice, like the heartbeat."""
    answer = answer_to(Frame(st=22, cn=1013, mn="A", qn="1", flag=5))
    assert answer == Frame(st=91, cn=9013, mn="A", qn="1", flag=4)


DEVICE = Frame(st=39, cn=2011, mn="A1", pw="123456", qn="20260301160000000", flag=5, rf=1)
QN = "20260301160001000"


def test_setting_a_clock() -> None:
    """CN 1012 with the time in full seconds, in the device's edition, and it wants an answer."""
    request = hj212.set_clock(DEVICE, QN, datetime(2026, 3, 1, 16, 0, 1))  # noqa: DTZ001 - local
    assert (
        build(request)
        == framed(
            b"QN=20260301160001000;ST=39;CN=1012;PW=123456;MN=A1;Flag=5;"
            b"CP=&&SystemTime=20260301160001&&"
        )
        + b"\r\n"
    )


@pytest.mark.parametrize("command", [2051, 2061, 2031])
def test_asking_for_data_again(command: int) -> None:
    """A span of minutes, hours or days by the times of its first and last."""
    first = datetime(2026, 3, 1, 15, 4)  # noqa: DTZ001 - the device's own
    last = datetime(2026, 3, 1, 15, 6)  # noqa: DTZ001
    assert (
        build(hj212.ask_for(DEVICE, command, QN, first, last))
        == framed(
            b"QN=20260301160001000;ST=39;CN=%d;PW=123456;MN=A1;Flag=5;"
            b"CP=&&BeginTime=20260301150400;EndTime=20260301150600&&" % command
        )
        + b"\r\n"
    )


def test_what_a_device_says_to_a_request() -> None:
    """9011 takes it on or says why not, 9012 says what came of it, both under its QN."""
    request = hj212.set_clock(DEVICE, QN, datetime(2026, 3, 1))  # noqa: DTZ001 - local
    assert (
        build(hj212.taken(request, hj212.READY))
        == framed(b"QN=20260301160001000;ST=91;CN=9011;PW=123456;MN=A1;Flag=4;CP=&&QnRtn=1&&")
        + b"\r\n"
    )
    assert (
        build(hj212.result_of(request, hj212.NO_DATA))
        == framed(b"QN=20260301160001000;ST=91;CN=9012;PW=123456;MN=A1;Flag=4;CP=&&ExeRtn=100&&")
        + b"\r\n"
    )


def test_too_long_a_segment_is_not_built() -> None:
    """Four digits say at most 9,999 characters."""
    with pytest.raises(ValueError, match="several packets"):
        build(Frame(st=22, cn=2011, body=((("a", "1" * 9999),),)))


def test_the_codec_needs_nothing_but_itself() -> None:
    """A refusal of the codec says its reason and its words."""
    assert str(hj212.FrameError("crc", "wrong")) == "crc: wrong"
