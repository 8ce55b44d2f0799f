"""How loud sound is, over what quiet, and whether a frame is worth listening to at all.

Three nouns: `Level` in dBFS (root mean square, a full-scale square wave is 0), `NoiseFloor` which follows the quiet
between words, and `LoudnessGate`, which answers for every frame and therefore only counts bytes. The first two want
samples and load numpy; the gate does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil, log10
from typing import TYPE_CHECKING, Any

from voice.audio.frames import AudioFormat, Encoding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SILENCE_DBFS = -96.0
"""What digital silence is said to be: one step of 16 bits."""

_FULL_SCALE = 32_768.0
_STEP = 256
"""The gate compares high bytes of PCM16, so its threshold is a multiple of this (QUIET_DBFS is the first)."""
_MOST_STEPS = 96
"""However loud the noise, a sample at -2.5 dBFS is above the threshold."""


def level_db(samples: NDArray[np.int16]) -> float:
    """dBFS of PCM16 samples."""
    return energy_db(mean_square(samples))


def mean_square(samples: NDArray[np.int16]) -> float:
    """Mean square in units of the PCM16 step; 0.0 of no samples."""
    if not len(samples):
        return 0.0
    wide: NDArray[np.float32] = samples.astype("f4")
    return float(wide.dot(wide)) / len(wide)


def energy_db(mean_square: float) -> float:
    """dBFS of a mean square."""
    return max(SILENCE_DBFS, 10 * log10(max(mean_square, 1e-9) / _FULL_SCALE**2))


def levels_db(samples: NDArray[np.int16], window_samples: int) -> NDArray[np.float64]:
    """dBFS of each whole window; what is left over at the beginning is not looked at."""
    import numpy as np

    count = len(samples) // window_samples
    windows = samples[len(samples) - count * window_samples :].reshape(count, window_samples).astype(np.float64)
    quiet = _FULL_SCALE**2 * 10 ** (SILENCE_DBFS / 10)
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum((windows**2).mean(axis=1), quiet) / _FULL_SCALE**2)
    return levels


@dataclass(slots=True)
class NoiseFloor:
    """The level of the quiet around speech, in dBFS.

    Falls at once, half-way for each window that is quieter; rises by `rise_db_per_s` in sound that is surely no
    speech, and by `creep_db_per_s` in sound that may be, so that a loud room cannot stay "speech" for ever.
    """

    level_db: float = -60.0
    rise_db_per_s: float = 20.0
    creep_db_per_s: float = 1.0

    def feed(self, level_db: float, duration_ms: float, *, speech: bool) -> float:
        """One more window; the floor after it."""
        above = max(level_db, SILENCE_DBFS) - self.level_db
        if above < 0:
            self.level_db += above / 2
        else:
            rate = self.creep_db_per_s if speech else self.rise_db_per_s
            self.level_db += min(above, rate * duration_ms / 1000)
        return self.level_db

    def learn_quiet(self, level_db: float) -> float:
        """Sound of this level is known to be the quiet itself."""
        self.level_db = max(level_db, SILENCE_DBFS)
        return self.level_db


class LoudnessGate:
    """Whether a frame of one format rises out of the noise. A microsecond for 20 ms: 8000 bytes a second are looked at.

    A frame is loud when more than one in fifty of its samples lie four times above the floor's root mean square:
    Gaussian noise has one in 16 000 there, speech 6 dB above the floor has seven in a hundred. Never below
    QUIET_DBFS (see `voice.audio.quiet`). Frames longer than 20 ms are held to the count of 20 ms, so a word at
    their end is enough.
    """

    __slots__ = ("_begin", "_encoding", "_few", "_quiet", "_steps", "_stride")

    def __init__(self, format: AudioFormat) -> None:
        self._encoding: Encoding = format.encoding
        wide = format.encoding == "pcm16"
        self._stride = format.sample_bytes * max(1, format.rate_hz // 8_000)
        self._begin = 1 if wide else 0  # PCM16 is little-endian: the high byte comes second
        looked_at_hz = format.rate_hz * format.sample_bytes / self._stride
        self._few = round(looked_at_hz * 0.020 / 50)
        self._steps = 1
        self._quiet = _quiet_bytes(self._encoding, 1)

    def follow(self, floor_db: float) -> None:
        """The floor is now there."""
        steps = min(max(1, ceil(4 * _FULL_SCALE * 10 ** (floor_db / 20) / _STEP)), _MOST_STEPS)
        if steps != self._steps:
            self._steps = steps
            self._quiet = _quiet_bytes(self._encoding, steps)

    @property
    def raised(self) -> bool:
        """Whether noise has lifted the gate above its least: then somebody must notice when the noise is gone."""
        return self._steps > 1

    def is_loud(self, data: bytes) -> bool:
        """`data`: the raw bytes of one frame."""
        heard = data[self._begin :: self._stride] if self._stride > 1 else data
        return len(heard.translate(None, self._quiet)) > self._few


@cache
def _quiet_bytes(encoding: Encoding, steps: int) -> bytes:
    """The high bytes (PCM16) or code words (G.711) of samples smaller than `steps * 256`."""
    if encoding == "pcm16":
        return bytes(range(steps)) + bytes(range(256 - steps, 256))
    from voice.audio.g711 import expand

    return bytes(code for code in range(256) if abs(expand(code, encoding)) < steps * _STEP)


def pcm_samples(pcm: Any) -> NDArray[np.int16]:
    """PCM16 bytes as an array, without a copy. Half a sample at the end is left out."""
    import numpy as np

    view = memoryview(pcm)
    samples: NDArray[np.int16] = np.frombuffer(view[: len(view) // 2 * 2], dtype="<i2")
    return samples
