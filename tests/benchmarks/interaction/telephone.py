"""What a telephone line carries of a sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.interaction.clips import RATE_HZ

if TYPE_CHECKING:
    from tests.benchmarks.interaction.clips import Samples

BAND_HZ = (300, 3_400)


def telephone_band(samples: Samples) -> Samples:
    """Only what a telephone lets through."""
    import numpy as np

    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    low, high = BAND_HZ
    spectrum *= 1 / np.sqrt((1 + (low / np.maximum(hz, 1)) ** 8) * (1 + (hz / high) ** 16))
    band: Samples = np.fft.irfft(spectrum, len(samples)).astype(np.float32)
    return band
