"""Formats converted as streams, and left alone where both ends speak the same."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from voice.audio.convert import Converter, convert_whole
from voice.audio.frames import PCM_16K, PCM_24K, PCMA_8K, PCMU_8K, AudioFormat

PCM_8K = AudioFormat("pcm16", 8_000)
FORMATS = (PCM_8K, PCM_16K, PCM_24K, PCMU_8K, PCMA_8K, AudioFormat("pcm16", 48_000), AudioFormat("pcm16", 44_100))


def voice_like(format: AudioFormat, seconds: float = 0.3) -> bytes:
    time_s = np.arange(int(format.rate_hz * seconds)) / format.rate_hz
    pcm = np.rint(9000 * np.sin(2 * np.pi * 500 * time_s)).astype("<i2").tobytes()
    plain = AudioFormat("pcm16", format.rate_hz)
    return convert_whole(pcm, plain, format)


def test_the_same_format_costs_nothing() -> None:
    data = b"\x01\x02\x03"
    converter = Converter(PCMU_8K, PCMU_8K)
    assert converter.identity
    assert converter.convert(data) is data
    assert converter.flush() == b""


@pytest.mark.parametrize("source", FORMATS, ids=str)
@pytest.mark.parametrize("target", FORMATS, ids=str)
def test_any_format_becomes_any_other_and_lasts_as_long(source: AudioFormat, target: AudioFormat) -> None:
    data = voice_like(source)
    out = convert_whole(data, source, target)
    assert abs(target.duration_ms(len(out)) - source.duration_ms(len(data))) < 0.2


@pytest.mark.parametrize("target", [PCMU_8K, PCMA_8K, PCM_16K, PCM_24K], ids=str)
def test_a_telephone_call_is_still_the_same_tone_in_the_other_format(target: AudioFormat) -> None:
    back = convert_whole(convert_whole(voice_like(PCM_8K), PCM_8K, target), target, PCM_8K)
    heard = np.frombuffer(back, dtype="<i2").astype(float)[80:-80]
    meant = np.frombuffer(voice_like(PCM_8K), dtype="<i2").astype(float)[80:-80]
    assert np.sum(meant**2) > 1000 * np.sum((heard - meant) ** 2)  # 30 dB


def test_half_a_sample_waits_for_its_other_half() -> None:
    data = voice_like(PCM_24K)
    converter = Converter(PCM_24K, PCM_16K)
    odd = b"".join(converter.convert(data[at : at + 333]) for at in range(0, len(data), 333)) + converter.flush()
    assert odd == convert_whole(data, PCM_24K, PCM_16K)


def test_a_converter_is_new_after_flush_and_after_reset() -> None:
    data = voice_like(PCMU_8K)
    converter = Converter(PCMU_8K, PCM_24K)
    first = converter.convert(data) + converter.flush()
    converter.convert(data)
    converter.reset()
    assert converter.convert(data) + converter.flush() == first


def test_what_is_held_back_is_said() -> None:
    assert Converter(PCMU_8K, PCMA_8K).held_back_ms == 0
    assert 0 < Converter(PCMU_8K, PCM_24K).held_back_ms <= 2


def test_numpy_is_not_loaded_before_a_conversion_needs_it() -> None:
    script = (
        "import sys; from voice.audio.convert import Converter; from voice.audio.frames import PCMU_8K, PCM_24K;"
        "Converter(PCMU_8K, PCMU_8K).convert(b'x'); assert 'numpy' not in sys.modules;"
        "Converter(PCMU_8K, PCM_24K); assert 'numpy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(sys.path)})
