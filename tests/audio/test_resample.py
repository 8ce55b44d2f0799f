"""Sample rates changed in pieces: the same however cut, in step with the original, and free of mirror tones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from voice.audio.resample import RATES_HZ, Resampler

PAIRS = list(itertools.permutations(RATES_HZ, 2))


def tone(rate_hz: int, pitch_hz: float, seconds: float = 0.5, peak: float = 12_000) -> bytes:
    time_s = np.arange(int(rate_hz * seconds)) / rate_hz
    return np.rint(peak * np.sin(2 * np.pi * pitch_hz * time_s)).astype("<i2").tobytes()


def samples(pcm: bytes) -> NDArray[np.float64]:
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64)


def whole(pcm: bytes, from_hz: int, to_hz: int) -> bytes:
    resampler = Resampler(from_hz, to_hz)
    return resampler.feed(pcm) + resampler.flush()


@settings(max_examples=60, deadline=None)
@given(
    pair=st.sampled_from(PAIRS),
    cuts=st.lists(st.integers(0, 2000), max_size=30),
    seed=st.integers(0, 1000),
)
def test_the_output_does_not_depend_on_how_the_stream_is_cut(pair: tuple[int, int], cuts: list[int], seed: int) -> None:
    sound = np.random.default_rng(seed).integers(-32768, 32768, 2000).astype("<i2").tobytes()
    resampler = Resampler(*pair)
    places = [0, *sorted(cuts), 2000]
    pieces = [resampler.feed(sound[2 * a : 2 * b]) for a, b in itertools.pairwise(places)]
    assert b"".join(pieces) + resampler.flush() == whole(sound, *pair)


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_a_tone_keeps_its_pitch_its_height_and_its_place(from_hz: int, to_hz: int) -> None:
    heard = samples(whole(tone(from_hz, 1000), from_hz, to_hz))
    meant = 12_000 * np.sin(2 * np.pi * 1000 * np.arange(len(heard)) / to_hz)
    middle = slice(200, -200)
    error = heard[middle] - meant[middle]
    assert 10 * np.log10(np.sum(meant[middle] ** 2) / np.sum(error**2)) > 70


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_a_recording_is_as_long_afterwards_as_before(from_hz: int, to_hz: int) -> None:
    for count in (1, 2, 333, 4410):
        assert len(whole(bytes(2 * count), from_hz, to_hz)) // 2 == -(-count * to_hz // from_hz)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(a, b) for a, b in PAIRS if a > 1.1 * b])
def test_what_is_too_high_for_the_lower_rate_does_not_come_back_mirrored(from_hz: int, to_hz: int) -> None:
    for pitch_hz in np.linspace(to_hz / 2 * 1.14, from_hz / 2 * 0.98, 5):
        heard = samples(whole(tone(from_hz, float(pitch_hz), peak=20_000), from_hz, to_hz))[200:-200]
        window = np.kaiser(len(heard), 14)
        highest = np.abs(np.fft.rfft(heard * window)).max() / (window.sum() / 2)
        assert 20 * np.log10(highest / 20_000 + 1e-9) < -70


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_at_most_two_milliseconds_are_held_back(from_hz: int, to_hz: int) -> None:
    resampler = Resampler(from_hz, to_hz)
    assert resampler.held_back_ms <= 2
    out = len(resampler.feed(bytes(from_hz // 10 * 2))) // 2
    assert out >= (100 - 2) * to_hz / 1000 - 1


def test_full_scale_is_clipped_and_not_wrapped_around() -> None:
    square = np.where(np.arange(4800) // 60 % 2, 32767, -32768).astype("<i2").tobytes()
    heard = samples(whole(square, 48_000, 16_000))
    assert heard.max() == 32767
    assert heard.min() == -32768
    assert (heard[5:15] < 0).all()


def test_after_a_reset_the_past_is_forgotten() -> None:
    resampler = Resampler(24_000, 16_000)
    resampler.feed(tone(24_000, 440))
    resampler.reset()
    assert set(resampler.feed(bytes(4800))) == {0}


def test_a_constant_stays_what_it_is() -> None:
    for pair in PAIRS:
        heard = samples(whole(np.full(3000, 1000, dtype="<i2").tobytes(), *pair))
        assert set(heard[100:-100]) == {1000}
