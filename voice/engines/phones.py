"""Which sounds of a language a moment is made of: the acoustic model of a recogniser, without the recogniser.

Ten milliseconds of sound become cepstra and their slopes; each of 42 phones (and silence, breath, noise among them) has
a mixture of Gaussians for them, learned by others from hundreds of hours of many people. What comes out says little by
itself, but it says the same of everybody's "stop".

The model is the context-independent part of CMU Sphinx' en-us (BSD, `data/phones.txt`). Front end and features are
those that it was made with (`feat.params`: 25 mel filters of 130 to 6800 Hz, 13 liftered cepstra, 1s_c_d_dd).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

PHONES = 42
ROWS = 3
"""Rows of 10 ms that one answer is the mean of: about a moment of 32 ms."""
STEP, FRAME, SPECTRUM = 160, 410, 512
AROUND = 3
"""Rows on both sides of one that its slopes are taken from: an answer is 30 ms late."""
HEARD = FRAME + (ROWS + 2 * AROUND - 1) * STEP
"""Samples that an answer rests on."""
FILTERS, CEPSTRA, STREAMS = 25, 13, 3
LOWEST_HZ, HIGHEST_HZ, RATE_HZ = 130.0, 6_800.0, 16_000
LEVEL_DB = -26.0
"""How loud speech is taken to be, dBFS."""
_PER_DB = 0.2302585 * FILTERS**0.5
"""What a decibel adds to the first cepstrum."""
_SOFTER = 0.3
"""Neighbouring rows and the three streams say the same again and again: nobody is as sure as their product."""
_USUAL = (41.00, -5.29, -0.12, 5.09, 2.48, -4.07, -1.37, -1.78, -5.08, -2.05, -6.45, -1.42, 1.17)
"""Mean cepstra of speech, which are taken off."""


@dataclass(frozen=True, slots=True)
class PhoneModel:
    """`terms`: for each stream a matrix from (squares, values, 1) to the logarithm of every Gaussian, shape
    (STREAMS, 2 * CEPSTRA + 1, PHONES * mixtures); `weights` of the three states of each phone, shape
    (STREAMS, PHONES, mixtures, 3)."""

    terms: Array
    weights: Array

    @classmethod
    def of(cls, data: dict[str, Any]) -> PhoneModel:
        """From `means` and `deviations`, both (PHONES, STREAMS, mixtures, CEPSTRA), and `weights` as they are kept."""
        import numpy as np

        means = np.asarray(data["means"], dtype=np.float64).transpose(1, 0, 2, 3).reshape(STREAMS, -1, CEPSTRA)
        deviations = np.asarray(data["deviations"], dtype=np.float64).transpose(1, 0, 2, 3).reshape(means.shape)
        half = 0.5 / deviations**2
        constant = -(means**2 * half).sum(axis=-1) - np.log(deviations).sum(axis=-1)
        terms = np.concatenate((-half, 2 * means * half, constant[..., None]), axis=-1).transpose(0, 2, 1)
        return cls(np.ascontiguousarray(terms, dtype=np.float32), np.asarray(data["weights"], dtype=np.float32))

    def judge(self, samples: NDArray[np.int16], usual_db: float) -> Array:
        """How probable each phone is in the newest rows. `samples`: the newest HEARD ones at 16 kHz, fewer at a
        beginning; `usual_db`: how loud this person speaks, dBFS."""
        import numpy as np

        if len(samples) < HEARD:
            samples = np.concatenate((np.zeros(HEARD - len(samples), dtype=np.int16), samples))
        heard = _slopes(_cepstra(samples[-HEARD:], usual_db))
        likelihood = np.zeros((PHONES, ROWS, 3), dtype=np.float32)
        for stream in range(STREAMS):
            values = heard[:, stream]
            squares = np.concatenate((values**2, values, np.ones((ROWS, 1), dtype=np.float32)), axis=1)
            logs = (squares @ self.terms[stream]).reshape(ROWS, PHONES, -1).transpose(1, 0, 2)
            most = logs.max(axis=-1, keepdims=True)
            likelihood += np.log(np.exp(logs - most) @ self.weights[stream] + 1e-30) + most
        scores = _SOFTER * likelihood.max(axis=-1)
        odds = np.exp(scores - scores.max(axis=0))
        found: Array = (odds / odds.sum(axis=0)).mean(axis=1)
        return found


@cache
def shipped() -> PhoneModel:
    """The model that comes with the program."""
    import numpy as np

    file = resources.files("voice.engines").joinpath("data/phones.npz")
    with np.load(BytesIO(file.read_bytes())) as arrays:
        return PhoneModel.of(dict(arrays))


def _cepstra(samples: NDArray[np.int16], usual_db: float) -> Array:
    """(ROWS + 2 * AROUND, CEPSTRA), freed of what is usual."""
    import numpy as np

    window, filters, to_cepstra, usual = _front_end()
    wide = samples.astype(np.float32)
    wide[1:] = wide[1:] - 0.97 * wide[:-1]
    rows = ROWS + 2 * AROUND
    pieces = np.lib.stride_tricks.as_strided(wide, (rows, FRAME), (STEP * wide.itemsize, wide.itemsize))
    spectrum = np.fft.rfft(pieces * window, SPECTRUM)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    cepstra: Array = np.log(power @ filters + 1e-5) @ to_cepstra - usual
    cepstra[:, 0] -= _PER_DB * (usual_db - LEVEL_DB)
    return cepstra


def _slopes(cepstra: Array) -> Array:
    """Cepstra, how they change, and how that changes; (ROWS, STREAMS, CEPSTRA)."""
    import numpy as np

    def at(shift: int) -> Array:
        return cepstra[AROUND + shift : AROUND + shift + ROWS]

    return np.stack((at(0), at(2) - at(-2), (at(3) - at(-1)) - (at(1) - at(-3))), axis=1)


@cache
def _front_end() -> tuple[Array, Array, Array, Array]:
    """Hamming window, filters of unit area at whole bins, liftered cosine transform, usual cepstra."""
    import numpy as np

    low, high = (2595 * np.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    bin_hz = RATE_HZ / SPECTRUM
    edges_hz = 700 * (10 ** (np.linspace(low, high, FILTERS + 2) / 2595) - 1)
    edges_hz = np.round(edges_hz / bin_hz) * bin_hz
    hz = (np.arange(SPECTRUM // 2 + 1) * bin_hz)[:, None]
    rising = (hz - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
    falling = (edges_hz[2:] - hz) / (edges_hz[2:] - edges_hz[1:-1])
    filters = np.maximum(np.minimum(rising, falling), 0) * 2 / (edges_hz[2:] - edges_hz[:-2])
    number, place = np.arange(CEPSTRA)[:, None], np.arange(FILTERS) + 0.5
    transform = np.cos(np.pi * number * place / FILTERS) * np.sqrt(2 / FILTERS)
    transform[0] *= np.sqrt(0.5)
    lifter = 1 + 11 * np.sin(np.arange(CEPSTRA) * np.pi / 22)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(FRAME) / (FRAME - 1))
    made = (window, filters, (transform * lifter[:, None]).T, np.array(_USUAL))
    first, second, third, fourth = (array.astype(np.float32) for array in made)
    return first, second, third, fourth
