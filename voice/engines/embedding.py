"""What the last three quarters of a second of sound are like, as 96 numbers in which words lie apart.

A network of others, learned from millions of short pieces of speech: "Training keyword spotters with limited and
synthesized speech data" (J. Lin et al., 2020), Google's speech_embedding (Apache-2.0, `data/embedding.txt`). Its
convolutions are of whole steps, so what was computed for the past stands: every 40 ms only four new rows of ten
milliseconds go through.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from io import BytesIO
from math import log
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

RATE_HZ = 16_000
STEP, WINDOW = 160, 512
"""Samples between rows, and in one."""
ROWS = 4
"""Rows that are taken at once: 40 ms."""
BANDS, SIZE, SHORT_SIZE = 32, 96, 96
LEVEL_DB = -26.0
"""How loud speech is made before it is judged, dBFS."""
_LOWEST_HZ, _HIGHEST_HZ, _HANN = 60.0, 3_800.0, 400
_LEAST_DB = 10.0
"""Of a band; speech has some 90."""
_SILENT_STEPS = 20
_LEAK, _FLOOR = 0.2, -0.4
_POOLS = {2: (2, 2), 6: (1, 2), 10: (2, 2), 14: (1, 2)}
"""After which layer how many steps and how many bands become one."""
_WIDE = 3
"""Every layer sees three steps or three bands."""


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """The layers, shape (3 * channels before, channels after) each but the first (9, 24), and their offsets. `silence`:
    what each of them knows after nothing was heard for long."""

    weights: tuple[Array, ...]
    offsets: tuple[Array, ...]
    silence: Past

    @classmethod
    def of(cls, data: dict[str, Any]) -> EmbeddingModel:
        """From `w0`, `b0` and so on."""
        import numpy as np

        count = sum(name.startswith("w") for name in data)
        weights = tuple(np.asarray(data[f"w{number}"], dtype=np.float32) for number in range(count))
        offsets = tuple(np.asarray(data[f"b{number}"], dtype=np.float32) for number in range(count))
        past = _nothing(weights)
        silent = np.full((ROWS, BANDS), _LEAST_DB / 10 + 2, dtype=np.float32)
        for _ in range(_SILENT_STEPS):
            past = _taken(weights, offsets, past, silent)
        return cls(weights, offsets, past)


@dataclass(frozen=True, slots=True)
class Past:
    """What was computed for the past: the newest steps before each layer that sees several, and before the last."""

    steps: tuple[Array, ...]
    last: Array


class Embedding:
    """Follows one stream."""

    __slots__ = ("_model", "_past", "_rest", "newest")

    def __init__(self, model: EmbeddingModel) -> None:
        self._model = model
        self.reset()

    def reset(self) -> None:
        """Silence was before."""
        import numpy as np

        self._past = self._model.silence
        self._rest = np.zeros(WINDOW - STEP, dtype=np.int16)
        self.newest = self._said()
        """Of the last 0.76 s; shape (SIZE,)."""

    def feed(self, samples: NDArray[np.int16], usual_db: float) -> None:
        """More sound at 16 kHz of somebody who speaks as loud as `usual_db`, dBFS."""
        import numpy as np

        model = self._model
        self._rest = np.concatenate((self._rest, samples))
        wanted = WINDOW + (ROWS - 1) * STEP
        if len(self._rest) < wanted:
            return
        while len(self._rest) >= wanted:
            bands = _bands(self._rest[:wanted], LEVEL_DB - usual_db)
            self._past = _taken(model.weights, model.offsets, self._past, bands)
            self._rest = self._rest[ROWS * STEP :]
        self.newest = self._said()

    @property
    def newest_short(self) -> Array:
        """What the layer below says of the last half a second; shape (SHORT_SIZE,)."""
        found: Array = self._past.last[-1]
        return found

    def _said(self) -> Array:
        import numpy as np

        last = self._past.last
        pairs = np.maximum(last[0::2], last[1::2])
        found: Array = pairs.ravel() @ self._model.weights[-1] + self._model.offsets[-1]
        return found


def _nothing(weights: tuple[Array, ...]) -> Past:
    import numpy as np

    bands = BANDS
    steps = [np.zeros((2, bands), dtype=np.float32)]
    for number in range(2, len(weights) - 1, 2):
        steps.append(np.zeros((2, bands, weights[number].shape[0] // _WIDE), dtype=np.float32))
        bands //= _POOLS.get(number, (1, 1))[1]
    return Past(tuple(steps), np.zeros((2 * _WIDE, weights[-1].shape[0] // _WIDE), dtype=np.float32))


def _taken(weights: tuple[Array, ...], offsets: tuple[Array, ...], past: Past, bands: Array) -> Past:
    """What is known after ROWS more rows; `bands` has shape (ROWS, BANDS)."""
    import numpy as np

    seen = np.concatenate((past.steps[0], bands))
    steps = [seen[ROWS:]]
    wide = np.zeros((len(seen), BANDS + 2), dtype=np.float32)
    wide[:, 1:-1] = seen
    near = [wide[step : step + ROWS, band : band + BANDS] for step in range(_WIDE) for band in range(_WIDE)]
    value = _bent(np.stack(near, axis=-1) @ weights[0] + offsets[0])
    for number in range(1, len(weights) - 1):
        if number % 2:
            wide = np.zeros((value.shape[0], value.shape[1] + 2, value.shape[2]), dtype=np.float32)
            wide[:, 1:-1] = value
            joined = np.concatenate((wide[:, :-2], wide[:, 1:-1], wide[:, 2:]), axis=-1)
        else:
            seen = np.concatenate((past.steps[number // 2], value))
            steps.append(seen[-2:])
            joined = np.concatenate((seen[:-2], seen[1:-1], seen[2:]), axis=-1)
        value = _bent(joined @ weights[number] + offsets[number])
        if number in _POOLS:
            value = _pooled(value, *_POOLS[number])
    return Past(tuple(steps), np.concatenate((past.last[1:], value.max(axis=1))))


def _bent(value: Array) -> Array:
    import numpy as np

    found: Array = np.maximum(np.maximum(value, _LEAK * value), _FLOOR)
    return found


def _pooled(value: Array, steps: int, bands: int) -> Array:
    value = value if steps == 1 else value.reshape(-1, steps, *value.shape[1:]).max(axis=1)
    found: Array = value.reshape(value.shape[0], -1, bands, value.shape[2]).max(axis=2)
    return found


def _bands(samples: NDArray[np.int16], louder_db: float) -> Array:
    """Shape (ROWS, BANDS), in tens of decibels."""
    import numpy as np

    window, filters = _front_end()
    wide = samples.astype(np.float32)
    pieces = np.lib.stride_tricks.as_strided(wide, (ROWS, WINDOW), (STEP * wide.itemsize, wide.itemsize))
    spectrum = np.fft.rfft(pieces * window)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    loudness = 10 * np.log10(power @ filters + 1e-10) + louder_db
    found: Array = np.maximum(loudness, _LEAST_DB).astype(np.float32) / 10 + 2
    return found


@cache
def _front_end() -> tuple[Array, Array]:
    """A Hann window of 25 ms in the middle of 32, and filters of unit area."""
    import numpy as np

    window = np.zeros(WINDOW)
    first = (WINDOW - _HANN) // 2
    window[first : first + _HANN] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_HANN) / _HANN)
    edges_hz = _hertz(np.linspace(_mels(_LOWEST_HZ), _mels(_HIGHEST_HZ), BANDS + 2))
    hz = (np.arange(WINDOW // 2 + 1) * RATE_HZ / WINDOW)[:, None]
    rising = (hz - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
    falling = (edges_hz[2:] - hz) / (edges_hz[2:] - edges_hz[1:-1])
    filters = np.maximum(np.minimum(rising, falling), 0) * 2 / (edges_hz[2:] - edges_hz[:-2])
    return window.astype(np.float32), filters.astype(np.float32)


def _mels(hz: float) -> float:
    """As M. Slaney's Auditory Toolbox has them: even up to 1 kHz, then logarithmic."""
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * log(hz / 1000) / log(6.4)


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    return np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * log(6.4) / 27))


@cache
def shipped() -> EmbeddingModel:
    """The model that comes with the program."""
    import numpy as np

    file = resources.files("voice.engines").joinpath("data/embedding.npz")
    with np.load(BytesIO(file.read_bytes())) as arrays:
        return EmbeddingModel.of(dict(arrays))
