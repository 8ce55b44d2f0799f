"""A second of something that costs a codec what speech does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def speech(rate_hz: int) -> NDArray[np.int16]:
    """A voice of 120 Hz with three moving formants, four syllables, and a little breath."""
    times = np.arange(rate_hz) / rate_hz
    rng = np.random.default_rng(1)
    pitch = np.cumsum(120 + 20 * np.sin(2 * np.pi * 1.5 * times)) / rate_hz
    wave = np.zeros(rate_hz)
    for harmonic in range(1, 30):
        hz = 120.0 * harmonic
        weight = sum(np.exp(-(((hz - centre) / 180) ** 2)) for centre in (600, 1_500, 2_600))
        wave += (0.05 + weight) / harmonic * np.sin(2 * np.pi * harmonic * pitch)
    wave *= np.clip(np.sin(2 * np.pi * 4 * times) + 0.6, 0, None)
    wave += rng.normal(size=rate_hz) * 0.02
    loud: NDArray[np.int16] = (wave / np.abs(wave).max() * 12_000).astype(np.int16)
    return loud
