"""WAV files of every usual kind in, clear words for the others."""

from __future__ import annotations

import contextlib
import math
import struct
import wave
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.audio import g711
from voice.audio.wav import WavSound, read_wav, write_wav
from voice.errors import AudioFileError

SAMPLES = [0, 1000, -1000, 32767, -32768, 12345]
PCM = struct.pack("<6h", *SAMPLES)


def wav(kind: int, bits: int, body: bytes, *, channels: int = 1, rate_hz: int = 16_000, extra: bytes = b"") -> bytes:
    block = channels * bits // 8
    description = struct.pack("<HHIIHH", kind, channels, rate_hz, rate_hz * block, block, bits)
    chunks = b"fmt " + struct.pack("<I", 16) + description + extra + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_what_is_written_can_be_read_by_everybody() -> None:
    data = write_wav(PCM, 24_000)
    assert read_wav(data) == WavSound(24_000, PCM)
    with wave.open(BytesIO(data)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert file.readframes(99) == PCM


@pytest.mark.parametrize(
    ("kind", "bits", "body"),
    [
        (1, 8, bytes((sample >> 8) + 128 for sample in SAMPLES)),
        (1, 24, b"".join((sample << 8).to_bytes(3, "little", signed=True) for sample in SAMPLES)),
        (1, 32, struct.pack("<6i", *(sample << 16 for sample in SAMPLES))),
        (3, 32, struct.pack("<6f", *(sample / 32768 for sample in SAMPLES))),
        (3, 64, struct.pack("<6d", *(sample / 32768 for sample in SAMPLES))),
        (7, 8, g711.encode(PCM, "pcmu")),
        (6, 8, g711.encode(PCM, "pcma")),
    ],
)
def test_every_kind_of_sample_becomes_16_bits(kind: int, bits: int, body: bytes) -> None:
    sound = read_wav(wav(kind, bits, body))
    tolerance = {8: 1100 if kind in (6, 7) else 255}.get(bits, 0)
    heard = struct.unpack("<6h", sound.pcm)
    assert all(abs(a - b) <= tolerance for a, b in zip(heard, SAMPLES, strict=True))
    assert sound.sample_bits == bits


def test_channels_are_averaged() -> None:
    stereo = struct.pack("<6h", 100, 300, -5, -7, 32767, 32767)
    sound = read_wav(wav(1, 16, stereo, channels=2, rate_hz=44_100))
    assert struct.unpack("<3h", sound.pcm) == (200, -6, 32767)
    assert (sound.rate_hz, sound.channels, sound.samples) == (44_100, 2, 3)


def test_the_extensible_header_and_foreign_chunks_are_understood() -> None:
    guid = struct.pack("<H", 1) + bytes.fromhex("000000001000800000aa00389b71")
    description = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 48_000, 96_000, 2, 16, 22, 16, 4) + guid
    chunks = b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"fmt " + struct.pack("<I", 40) + description
    chunks += b"data" + struct.pack("<I", len(PCM)) + PCM
    data = b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
    assert read_wav(data) == WavSound(48_000, PCM)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_stream_that_could_not_say_its_length_is_read_to_the_end(size: int) -> None:
    data = wav(1, 16, PCM).replace(b"data" + struct.pack("<I", len(PCM)), b"data" + struct.pack("<I", size))
    assert read_wav(data).pcm == PCM


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"ID3\x03 an mp3 file, this is", "not a WAV"),
        (b"RIFF", "not a WAV"),
        (wav(1, 16, b""), "length is zero"),
        (wav(1, 16, PCM)[:-3], "cut short"),
        (wav(1, 16, PCM)[:30], "cut short"),
        (wav(1, 16, PCM)[:12], "no sound"),
        (wav(85, 16, PCM), "cannot be read"),
        (wav(1, 12, PCM), "cannot be read"),
        (wav(1, 16, PCM, rate_hz=0), "makes no sense"),
        (wav(1, 16, PCM, channels=0), "makes no sense"),
        (b"RIFF\x20\0\0\0WAVEdata" + struct.pack("<I", 12) + PCM, "before it says"),
    ],
)
def test_what_cannot_be_read_is_named(data: bytes, says: str) -> None:
    with pytest.raises(AudioFileError, match=says) as caught:
        read_wav(data)
    assert caught.value.fix


def test_not_a_number_is_silence() -> None:
    body = struct.pack("<3f", math.nan, math.inf, -math.inf)
    assert struct.unpack("<3h", read_wav(wav(3, 32, body)).pcm) == (0, 32767, -32768)


@given(st.binary(max_size=80), st.integers(0, 60))
def test_junk_is_refused_and_never_a_crash(junk: bytes, place: int) -> None:
    whole = wav(1, 16, PCM)
    data = whole[:place] + junk + whole[place + len(junk) :]
    with contextlib.suppress(AudioFileError):
        read_wav(data)
