"""The loudness of sound in bands that are as wide as an ear's: rows of 32 ms, one every 16 ms."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from voice.audio.echo import HOP, RATE_HZ, WINDOW

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

BANDS = 26
LOWEST_HZ, HIGHEST_HZ = 80.0, 7_600.0
STEPS_DB = 90.3
"""A sound of 0 dBFS in PCM16 steps, in dB."""


def newest_rows(samples: NDArray[np.int16], rows: int) -> Rows:
    """The last rows of sound at 16 kHz in dB of PCM16 steps, shape (rows, BANDS). What is missing before a beginning
    is silence."""
    import numpy as np

    window, bands = _analysis()
    length = HOP * (rows - 1) + WINDOW
    wide = np.zeros(length, dtype=np.float32)
    newest = samples[-length:]
    wide[length - len(newest) :] = newest
    pieces = np.lib.stride_tricks.as_strided(wide, (rows, WINDOW), (HOP * wide.itemsize, wide.itemsize))
    spectrum = np.fft.rfft(pieces * window)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    found: Rows = 10 * np.log10(power @ bands + 1.0)
    return found


@cache
def centres_hz() -> Rows:
    """The middle of each band."""
    import numpy as np

    low, high = (2595 * np.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    middles: Rows = (700 * (10 ** (np.linspace(low, high, BANDS + 2)[1:-1] / 2595) - 1)).astype(np.float32)
    return middles


@cache
def _analysis() -> tuple[Rows, Rows]:
    """The Hann window, scaled so that a row is in PCM16 steps squared, and the share of each bin in each band:
    triangles that are even on the mel scale."""
    import numpy as np

    window = np.hanning(WINDOW + 1)[:WINDOW]
    window /= np.sqrt((window**2).sum() * WINDOW / 2)
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    edges_hz = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    hz = (np.arange(WINDOW // 2 + 1) * RATE_HZ / WINDOW)[:, None]
    rising = (hz - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
    falling = (edges_hz[2:] - hz) / (edges_hz[2:] - edges_hz[1:-1])
    bands = np.maximum(np.minimum(rising, falling), 0.0)
    return window.astype(np.float32), bands.astype(np.float32)
