"""Frames of the 2025 edition whose data is encrypted."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import hj212
from ingest.hj212 import Frame, FrameError, build, parse
from ingest.sm4 import device_of, encrypted, in_clear

pytest.importorskip("cryptography")

KEY = b"0" * 16
HEAD = (
    b"QN=20240520210700000;ST=31;CN=2051;PW=123456;MN=010000A8900016F000169DC0;Flag=9;CP=&&"
    b"DataTime=20240520210600;a01011-Min=1.35,a01011-Avg=1.35,a01011-Max=1.35,a01011-Flag=N;"
)
WHOLE = (
    b"##0295" + HEAD + b"a01012-Min=9.3,a01012-Avg=9.3,a01012-Max=9.3,a01012-Flag=N;"
    b"a01014-Min=3.20,a01014-Avg=3.211,a01014-Max=3.212,a01014-Flag=N&&2200"
)
PART = b"##0234" + HEAD + b"a01014-Min=3.20,a01014-Avg=3.20,a01014-Max=3.20,a01014-Flag=N&&B541"
WHOLE_REGION = bytes.fromhex(
    "E43E159ACFAB242CB53155FB8B9281A1A242577ABFAED881BE88B72D69FC55ED1A80119FAAC8B3CD33D285CC"
    "76F57F2CA7F88B9573C6647E0F07E24609BD6B63EB20C5B9784F28E71D2F4994FF61D9E1C2B3075592B4D1E0"
    "9C4D8BB27BE97B559E3DA6643781A6F477769DEEB009B10DFFF3426922725D607DC4480F0CAC5F70DB2587B1"
    "24BCB281592721D6E4BC180A97E5E111499CBE822E31C8D7761553543AA24207C290997BBDE64F9266BC5F52"
    "9A172E381C1D898CA1A0D771A914A7B2D7467C70B94F1D4A7B0350A48DBF8B41"
)
PART_REGION = bytes.fromhex(
    "E43E159ACFAB242CB53155FB8B9281A1A242577ABFAED881BE88B72D69FC55ED1A80119FAAC8B3CD33D285CC"
    "76F57F2CA7F88B9573C6647E0F07E24609BD6B63EB20C5B9784F28E71D2F4994FF61D9E13B391A1D2A454B65"
    "388D5D9435DBF021528C7BF9755EF16518710C0CAC0ADEF9C5156CD0A5A17674AC0ED2ABC40023E9EF701285"
    "54B82438E91ADCE98A0D03A4"
)
"""The blocks of both, as HJ 212-2025 prints them in Annex A.2, examples 2 and 4."""


def printed(clear: bytes, region: bytes) -> bytes:
    """The standard's encrypted frame: its blocks, and in clear what is no whole block."""
    begin = clear.index(b"&&") + 2
    return clear[:begin] + region + clear[begin + len(region) :]


@pytest.mark.parametrize(("clear", "region"), [(WHOLE, WHOLE_REGION), (PART, PART_REGION)])
def test_the_standards_examples(clear: bytes, region: bytes) -> None:
    """Both printed frames, one of whole blocks and one that leaves three characters, byte for
    byte in both directions."""
    assert encrypted(clear, KEY) == printed(clear, region)
    assert in_clear(printed(clear, region), KEY) == clear
    assert parse(in_clear(printed(clear, region), KEY)).value("DataTime") == "20240520210600"
    assert device_of(printed(clear, region)) == "010000A8900016F000169DC0"


def test_a_frame_in_clear_stays() -> None:
    """A logger that has a key and sends in clear is read as well."""
    assert in_clear(WHOLE, KEY) == WHOLE


def test_another_key() -> None:
    """With another key nothing fits, and the frame is refused for its CRC."""
    with pytest.raises(FrameError) as refused:
        in_clear(printed(WHOLE, WHOLE_REGION), b"1" * 16)
    assert refused.value.reason == "crc"


@given(st.text(st.sampled_from("abc0123.-"), max_size=80), st.binary(min_size=16, max_size=16))
def test_round_trip(value: str, key: bytes) -> None:
    """Of any length and with any key, what is encrypted is read again."""
    raw = build(Frame(st=22, cn=2011, mn="A", body=((("a34002-Rtd", value),),))).rstrip()
    assert in_clear(encrypted(raw, key), key) == raw


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Whatever comes, nothing is raised but the codec's own error."""
    segment = b"ST=22;CN=2011;MN=A;CP=&&" + raw
    for candidate in (raw, b"##%04d%s0000" % (len(segment), segment)):
        with contextlib.suppress(FrameError):
            in_clear(candidate, KEY)
        device_of(candidate)


def test_a_key_of_another_length() -> None:
    """A key that is none is a mistake of ours and not of the frame."""
    with pytest.raises(ValueError, match="16 bytes"):
        encrypted(WHOLE, b"short")


def test_the_crc_is_that_of_the_frame_in_clear() -> None:
    """An encrypted frame by itself looks damaged, which is how it is known."""
    with pytest.raises(hj212.FrameError) as refused:
        parse(printed(WHOLE, WHOLE_REGION))
    assert refused.value.reason == "crc"
