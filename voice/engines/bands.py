"""The loudness of sound in bands that are as wide as an ear's."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from voice.audio.spectra import HOP, WINDOW, bins_hz, mel_edges_hz, power_rows, rows_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

BANDS = 26
LOWEST_HZ, HIGHEST_HZ = 80.0, 7_600.0
STEPS_DB = 90.3
"""A sound of 0 dBFS in PCM16 steps, in dB."""


def newest_rows(samples: NDArray[np.int16], rows: int | None = None) -> Rows:
    """The last rows of sound at 16 kHz in dB of PCM16 steps, shape (rows, BANDS); as many as there are, or so many:
    then what is missing before a beginning is silence."""
    import numpy as np

    rows = rows_in(len(samples)) if rows is None else rows
    length = HOP * (rows - 1) + WINDOW if rows else 0
    newest = samples[max(len(samples) - length, 0) :]
    if len(newest) < length:
        newest = np.concatenate((np.zeros(length - len(newest), dtype=np.int16), newest))
    found: Rows = 10 * np.log10(power_rows(newest) @ _shares() + 1.0)
    return found


def centres_hz() -> NDArray[np.float64]:
    """The middle of each band."""
    return mel_edges_hz(LOWEST_HZ, HIGHEST_HZ, BANDS + 2)[1:-1]


@cache
def _shares() -> Rows:
    """The share of each bin in each band: triangles that are even on the mel scale."""
    import numpy as np

    edges_hz = mel_edges_hz(LOWEST_HZ, HIGHEST_HZ, BANDS + 2)
    hz = bins_hz()[:, None]
    rising = (hz - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
    falling = (edges_hz[2:] - hz) / (edges_hz[2:] - edges_hz[1:-1])
    return np.maximum(np.minimum(rising, falling), 0.0).astype(np.float32)
