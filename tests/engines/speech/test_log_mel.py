"""The spectrogram against what is known of it."""

from __future__ import annotations

import numpy as np
import pytest

from voice.engines.speech.log_mel import FRAMES, HOP, MELS, RATE_HZ, SAMPLES, log_mel


def tone(hz: float, seconds: float = 8.0, loud: float = 8_000) -> bytes:
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (loud * np.sin(2 * np.pi * hz * at)).astype(np.int16).tobytes()


@pytest.mark.parametrize(("hz", "band"), [(200, 4), (500, 12), (1_000, 25), (2_000, 43), (4_000, 61), (7_500, 77)])
def test_a_tone_is_loudest_in_its_band(hz: float, band: int) -> None:
    """Bands are 200/3 Hz apart on the linear part for 24.7 of 80 steps; above, 27 steps are a factor of 6.4."""
    loudest = log_mel(tone(hz))[:, FRAMES // 2].argmax()
    assert abs(int(loudest) - band) <= 1


def test_its_form_and_range() -> None:
    bands = log_mel(tone(440))
    assert bands.shape == (MELS, FRAMES)
    assert bands.dtype == np.float32
    assert bands.max() - bands.min() == pytest.approx(2.0, abs=1e-6), "80 dB are two"


def test_what_is_short_stands_at_the_end() -> None:
    bands = log_mel(tone(440, seconds=1.0))
    middle = bands[5:20].max(axis=0)
    assert (middle[: FRAMES - RATE_HZ // HOP - 3] < middle[-50]).all()


def test_of_what_is_long_the_end_is_heard() -> None:
    assert np.array_equal(log_mel(tone(300, 3) + tone(900)), log_mel(tone(900)))


def test_loudness_does_not_matter() -> None:
    noise = np.random.default_rng(1).normal(0, 1, SAMPLES)
    soft, loud = (log_mel((noise * gain).astype(np.int16).tobytes()) for gain in (400, 6_000))
    assert np.abs(soft - loud).max() < 0.02


@pytest.mark.parametrize("pcm", [b"", b"\0\0" * 100, b"\0\0" * SAMPLES])
def test_silence_is_no_trouble(pcm: bytes) -> None:
    assert np.isfinite(log_mel(pcm)).all()
