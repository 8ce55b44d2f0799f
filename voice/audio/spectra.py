"""Short pieces of sound, taken apart by frequency: rows of 32 ms, one every 16 ms."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE_HZ = 16_000
HOP = 256
"""Samples between two rows, 16 ms."""
WINDOW = 512


def rows_in(samples: int) -> int:
    """How many rows so many samples hold."""
    return max((samples - WINDOW) // HOP + 1, 0)


def power_rows(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """The power in each bin in PCM16 steps squared, from the first sample on; shape (rows, WINDOW // 2 + 1)."""
    import numpy as np

    rows = rows_in(len(samples))
    wide = samples[: (rows - 1) * HOP + WINDOW].astype(np.float32) if rows else np.zeros(WINDOW, dtype=np.float32)
    pieces = np.lib.stride_tricks.as_strided(wide, (rows, WINDOW), (HOP * wide.itemsize, wide.itemsize))
    spectrum = np.fft.rfft(pieces * _hann())
    power: NDArray[np.float32] = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    return power


def bins_hz() -> NDArray[np.float64]:
    """The frequency of each bin."""
    import numpy as np

    return np.arange(WINDOW // 2 + 1) * RATE_HZ / WINDOW


def mel_edges_hz(lowest_hz: float, highest_hz: float, edges: int) -> NDArray[np.float64]:
    """So many frequencies from the lowest to the highest, even on the mel scale: close where speech has its harmonics
    (D. O'Shaughnessy, Speech Communication, 1987)."""
    import numpy as np

    low, high = (2595 * np.log10(1 + hz / 700) for hz in (lowest_hz, highest_hz))
    found: NDArray[np.float64] = 700 * (10 ** (np.linspace(low, high, edges) / 2595) - 1)
    return found


@cache
def _hann() -> NDArray[np.float32]:
    """Scaled so that a row is in PCM16 steps squared."""
    import numpy as np

    window = np.hanning(WINDOW + 1)[:WINDOW]
    window /= np.sqrt((window**2).sum() * WINDOW / 2)
    return window.astype(np.float32)
