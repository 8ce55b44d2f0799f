"""G.711 code words against the values of the recommendation's tables."""

from __future__ import annotations

import struct

import pytest

from voice.audio import g711
from voice.audio.g711 import Law

LAWS: tuple[Law, ...] = ("pcmu", "pcma")


def pcm(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}h", *values)


@pytest.mark.parametrize(
    ("law", "code", "value"),
    [
        ("pcmu", 0x00, -32124),
        ("pcmu", 0x80, 32124),
        ("pcmu", 0x7F, 0),
        ("pcmu", 0xFF, 0),
        ("pcmu", 0x8F, 16764),
        ("pcmu", 0xFE, 8),
        ("pcma", 0x55, -8),
        ("pcma", 0xD5, 8),
        ("pcma", 0x2A, -32256),
        ("pcma", 0xAA, 32256),
        ("pcma", 0x80, 5504),
    ],
)
def test_code_words_stand_for_the_values_of_the_tables(law: Law, code: int, value: int) -> None:
    assert g711.expand(code, law) == value
    assert g711.decode(bytes([code]), law) == pcm(value)


@pytest.mark.parametrize("law", LAWS)
def test_every_code_word_comes_back_as_itself(law: Law) -> None:
    codes = bytes(code for code in range(256) if (law, code) != ("pcmu", 0x7F))  # minus zero has no PCM
    assert g711.encode(g711.decode(codes, law), law) == codes


@pytest.mark.parametrize("law", LAWS)
def test_no_sample_is_off_by_more_than_half_its_step(law: Law) -> None:
    values = list(range(-32768, 32768, 7))
    back = struct.unpack(f"<{len(values)}h", g711.decode(g711.encode(pcm(*values), law), law))
    for value, heard in zip(values, back, strict=True):
        step = max(16, 1 << max(abs(value).bit_length() - 4, 0))
        assert abs(value - heard) <= step // 2 + 4 or abs(value) > 32124


@pytest.mark.parametrize("law", LAWS)
def test_louder_never_becomes_quieter(law: Law) -> None:
    values = list(range(-32768, 32768))
    back = struct.unpack("<65536h", g711.decode(g711.encode(pcm(*values), law), law))
    assert list(back) == sorted(back)


def test_silence_is_the_code_word_that_the_formats_name() -> None:
    assert g711.encode(pcm(0), "pcmu") == b"\xff"
    assert g711.encode(pcm(0), "pcma") == b"\xd5"


@pytest.mark.parametrize("law", LAWS)
def test_nothing_in_nothing_out(law: Law) -> None:
    assert g711.decode(b"", law) == b""
    assert g711.encode(b"", law) == b""


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError):
        g711.encode(b"\0\0\0", "pcmu")
