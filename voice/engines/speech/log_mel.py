"""The log-mel spectrogram that Whisper and its relatives listen to: 80 bands, one frame for each 10 ms, of 8 s.

Definition: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (2022), section 2.2; windows of
25 ms (Hann, periodic) about each frame's middle, the power in mel bands (Slaney's scale, each band of equal area), its
logarithm to the base of 10 cut off 80 dB below the loudest, moved to about -1..1.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
SAMPLES = 8 * RATE_HZ
HOP = 160
WINDOW = 400
MELS = 80
FRAMES = SAMPLES // HOP

Floats = NDArray[np.float64]


def log_mel(pcm: bytes) -> NDArray[np.float32]:
    """PCM16 at 16 kHz to a matrix of (MELS, FRAMES). What is shorter than 8 s gets silence before it; of what is longer
    the end is taken. The loudness of the whole does not matter."""
    samples = np.zeros(SAMPLES)
    heard = np.frombuffer(pcm, np.int16)[-SAMPLES:] / 32_768
    if len(heard):
        samples[-len(heard) :] = heard
    samples = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    power = _power(samples)
    logs = np.log10(np.maximum(_bands() @ power, 1e-10))
    scaled: Floats = (np.maximum(logs, logs.max() - 8.0) + 4.0) / 4.0
    return scaled.astype(np.float32)


def _power(samples: Floats) -> Floats:
    """The power spectrum of each frame: (WINDOW // 2 + 1, FRAMES)."""
    around = np.pad(samples, WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(around, WINDOW)[:SAMPLES:HOP][:FRAMES]
    spectrum = np.fft.rfft(frames * _window(), axis=1)
    power: Floats = (spectrum.real**2 + spectrum.imag**2).T
    return power


@cache
def _window() -> Floats:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)


@cache
def _bands() -> Floats:
    """Triangles between neighbours on the mel scale: (MELS, WINDOW // 2 + 1)."""
    edges = _hz(np.linspace(_mel(0.0), _mel(RATE_HZ / 2), MELS + 2))
    bins = np.fft.rfftfreq(WINDOW, 1 / RATE_HZ)
    below, middle, above = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - below) / (middle - below), (above - bins) / (above - middle)
    triangles: Floats = np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (above - below)
    return triangles


# Slaney's mel scale: even below 1 kHz, logarithmic above.
_LINEAR_HZ = 200.0 / 3
_BREAK_HZ = 1_000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_STEP = np.log(6.4) / 27.0


def _mel(hz: float) -> float:
    return hz / _LINEAR_HZ if hz < _BREAK_HZ else float(_BREAK_MEL + np.log(hz / _BREAK_HZ) / _STEP)


def _hz(mels: Floats) -> Floats:
    above: Floats = _BREAK_HZ * np.exp(_STEP * (mels - _BREAK_MEL))
    return np.where(mels < _BREAK_MEL, mels * _LINEAR_HZ, above)
