"""Sound that can be found again after Opus, and how to find it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float64]


def sweeps(seed: int, seconds: float, rate_hz: int) -> NDArray[np.int16]:
    """Sweeps between random pitches of speech, a quarter of a second each."""
    rng = np.random.default_rng(seed)
    count = int(rate_hz * 0.25)
    times = np.arange(count) / rate_hz
    pieces = []
    for _ in range(max(1, int(seconds * 4))):
        low, high = rng.uniform(250, 3_000, 2)
        pitch = low * times + (high - low) * times**2 / (2 * times[-1])
        pieces.append(np.hanning(count) * np.sin(2 * np.pi * pitch))
    return (np.concatenate(pieces) * 12_000).astype(np.int16)


def found(heard: NDArray[np.int16], said: NDArray[np.int16]) -> tuple[float, int]:
    """How well `said` is found in `heard` (1.0: the same wave), and the sample at which it begins there."""
    x, y = heard.astype(np.float64), said.astype(np.float64)
    if len(x) < len(y):
        x = np.pad(x, (0, len(y) - len(x)))
    size = 1 << (len(x) + len(y)).bit_length()
    cross = np.fft.irfft(np.fft.rfft(x, size) * np.conj(np.fft.rfft(y, size)), size)[: len(x) - len(y) + 1]
    total = np.concatenate(([0.0], np.cumsum(x**2)))
    energy = total[len(y) :] - total[: len(total) - len(y)]
    match = cross / np.sqrt(np.maximum(energy, 1.0) * np.sum(y**2))
    best = int(np.argmax(match))
    return float(match[best]), best
