"""How loud, over what quiet, and which frames are worth a closer look."""

from __future__ import annotations

import numpy as np
import pytest

from voice.audio.convert import convert_whole
from voice.audio.frames import PCM_16K, PCM_24K, PCMA_8K, PCMU_8K, AudioFormat
from voice.audio.loudness import SILENCE_DBFS, LoudnessGate, NoiseFloor, level_db, levels_db, mean_square, pcm_samples

LINES = [PCM_16K, PCM_24K, AudioFormat("pcm16", 8_000), PCMU_8K, PCMA_8K]


def noise(level_db: float, ms: int, rate_hz: int = 16_000) -> bytes:
    """Gaussian noise of that root mean square, PCM16."""
    samples = np.random.default_rng(1).normal(size=ms * rate_hz // 1000) * 32768 * 10 ** (level_db / 20)
    return np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()


def frames(format: AudioFormat, *stretches: tuple[float, int], ms: int = 20) -> list[bytes]:
    """Noise of one level after noise of another, as a line carries it."""
    pcm = b"".join(noise(level_db, length_ms, format.rate_hz) for level_db, length_ms in stretches)
    data = convert_whole(pcm, AudioFormat("pcm16", format.rate_hz), format)
    size = format.size_bytes(ms)
    return [data[at : at + size] for at in range(0, len(data) - size + 1, size)]


def test_a_level_is_in_db_below_full_scale() -> None:
    square = np.array([16384, -16384] * 80, dtype="<i2")
    assert level_db(square) == pytest.approx(-6.02, abs=0.01)
    assert level_db(pcm_samples(noise(-30, 1000))) == pytest.approx(-30, abs=0.2)


def test_silence_and_nothing_have_a_level_too() -> None:
    assert level_db(np.zeros(160, dtype="<i2")) == SILENCE_DBFS
    assert mean_square(np.zeros(0, dtype="<i2")) == 0.0
    assert levels_db(np.zeros(320, dtype="<i2"), 160).tolist() == [SILENCE_DBFS] * 2


def test_windows_are_counted_from_the_newest_sample_back() -> None:
    sound = np.concatenate((np.full(100, 5000), np.zeros(160), np.full(160, 16384))).astype("<i2")
    assert levels_db(sound, 160) == pytest.approx([SILENCE_DBFS, -6.02], abs=0.01)


def test_half_a_sample_at_the_end_is_left_out() -> None:
    assert pcm_samples(b"\x01\x00\x02").tolist() == [1]


def test_the_floor_falls_fast_and_rises_slowly() -> None:
    floor = NoiseFloor(-50.0)
    assert floor.feed(-70.0, 32, speech=False) == -60.0
    before = floor.level_db
    for _ in range(10):
        floor.feed(-30.0, 100, speech=True)
    assert floor.level_db == pytest.approx(before + 1.0)
    for _ in range(10):
        floor.feed(-30.0, 100, speech=False)
    assert floor.level_db == pytest.approx(before + 21.0)


def test_the_floor_never_rises_above_what_was_heard() -> None:
    floor = NoiseFloor(-50.0)
    floor.feed(-49.5, 1000, speech=False)
    assert floor.level_db == -49.5


@pytest.mark.parametrize("format", LINES, ids=str)
def test_a_quiet_line_is_never_loud_and_a_voice_is(format: AudioFormat) -> None:
    gate = LoudnessGate(format)
    assert not any(gate.is_loud(frame) for frame in frames(format, (-56, 2000)))
    assert all(gate.is_loud(frame) for frame in frames(format, (-35, 400)))


@pytest.mark.parametrize("format", LINES, ids=str)
def test_steady_noise_lifts_the_gate_and_six_db_more_pass_it(format: AudioFormat) -> None:
    gate = LoudnessGate(format)
    gate.follow(-36.0)
    assert gate.raised
    steady = [gate.is_loud(frame) for frame in frames(format, (-36, 4000))]
    assert sum(steady) <= len(steady) // 100
    louder = [gate.is_loud(frame) for frame in frames(format, (-28.5, 2000))]
    assert sum(louder) > 0.9 * len(louder)
    gate.follow(-70.0)
    assert not gate.raised


def test_a_word_at_the_end_of_a_long_frame_is_enough() -> None:
    gate = LoudnessGate(PCM_24K)
    (long,) = frames(PCM_24K, (-60, 180), (-25, 20), ms=200)
    assert gate.is_loud(long)


def test_one_click_is_not_a_voice() -> None:
    frame = bytearray(PCM_16K.silence(20))
    frame[100:102] = (20_000).to_bytes(2, "little")
    assert not LoudnessGate(PCM_16K).is_loud(bytes(frame))


def test_the_gate_never_closes_for_good() -> None:
    gate = LoudnessGate(PCMU_8K)
    gate.follow(0.0)
    assert gate.is_loud(bytes([0x00, 0x80] * 80))
