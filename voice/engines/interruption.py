"""What the first moment of a stretch sounds like: somebody taking the floor, agreeing, coughing, or talking elsewhere.

`features` draws a stretch as a few numbers; `InterruptionModel` weighs them. The weights and how good they are stand
in `data/interruption.json`, written by the script beside it.

Nothing decides by this model. On speakers that it did not learn from it is no better than duration and loudness alone:
the backchannels to be had are words read from a prompt, which differ from commands in wording and not in manner, and
nearly all coughs are synthetic. It is here to be learned anew from better recordings, with the same script.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

from voice.audio.echo import HOP, RATE_HZ, WINDOW, picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

Kind = Literal["interruption", "backchannel", "cough", "side"]
KINDS: tuple[Kind, ...] = ("interruption", "backchannel", "cough", "side")

FEATURES = (
    "duration_s",  # from the onset to the end of the voice so far
    "ended",  # 1.0 when it has been quiet for 100 ms
    "over_floor_db",  # mean loudness of its loud rows over the floor
    "level_db",  # the same in dBFS
    "slope_db_per_s",  # does it swell or die away
    "depth_db",  # spread of the loudness: a room fills the gaps of far speech
    "voiced",  # share of loud rows with a pitch
    "periodicity",  # mean height of the pitch peak, 0..1
    "pitch_octaves",  # over 100 Hz, where voiced
    "glide_octaves",  # last pitch over first
    "centroid_khz",
    "tilt_db",  # below 1 kHz over above 2 kHz
    "change_db",  # mean change of the spectrum from row to row
    "syllables_per_s",  # peaks of the loudness
    "echo",
)

_LONGEST = RATE_HZ * 6 // 10
_QUIET_ROWS = 6
_PITCH_LAGS = (40, 230)  # 400 to 70 Hz
_VOICED = 0.5


def features(samples: NDArray[np.int16], floor_db: float, echo: float) -> Vector:
    """FEATURES of a stretch from its onset on (16 kHz; only the first 600 ms are looked at). About half a ms."""
    import numpy as np

    samples = samples[:_LONGEST]
    if len(samples) < 2 * WINDOW:
        samples = np.concatenate((samples, np.zeros(2 * WINDOW - len(samples), dtype=np.int16)))
    bands = picture(samples)
    energies = 10 ** (bands / 10)
    loudness = 10 * np.log10(energies.sum(axis=1)) - 90.3
    loud = loudness > max(floor_db + 6.0, float(loudness.max()) - 25.0)
    if not loud.any():
        loud[:] = True
    where = np.flatnonzero(loud)
    end = int(where[-1]) + 1
    level = float(10 * np.log10((10 ** (loudness[loud] / 10)).mean()))
    heights, pitches = _pitches(samples, len(bands))
    voiced = loud & (heights > _VOICED)
    shares = energies[loud].sum(axis=0) / energies[loud].sum()
    return np.array(
        [
            end * HOP / RATE_HZ,
            float(len(bands) - end >= _QUIET_ROWS),
            level - floor_db,
            level,
            _slope(where * HOP / RATE_HZ, loudness[loud]),
            float(loudness[:end].std()),
            float(voiced.sum() / loud.sum()),
            float(heights[loud].mean()),
            float(np.median(pitches[voiced])) if voiced.any() else 0.0,
            float(np.median(pitches[voiced][-3:]) - np.median(pitches[voiced][:3])) if voiced.sum() > 5 else 0.0,
            float(shares @ _centres_khz()),
            float(10 * np.log10((shares[:7].sum() + 1e-4) / (shares[11:].sum() + 1e-4))),
            float(np.abs(np.diff(bands[:end], axis=0)).mean()) if end > 1 else 0.0,
            _peaks(loudness[:end]) * RATE_HZ / (end * HOP),
            echo,
        ]
    )


def _slope(at_s: Vector, level_db: Vector) -> float:
    at_s = at_s - at_s.mean()
    return float((at_s * level_db).sum() / max(float((at_s**2).sum()), 1e-3))


def _peaks(loudness_db: Vector) -> int:
    """Rises of 3 dB after falls of 3 dB."""
    peaks, low, high, rising = 0, float(loudness_db[0]), float(loudness_db[0]), True
    for level in loudness_db.tolist():
        if rising:
            high = max(high, level)
            if level < high - 3:
                peaks, rising, low = peaks + 1, False, level
        else:
            low = min(low, level)
            if level > low + 3:
                rising, high = True, level
    return peaks + rising


def _pitches(samples: NDArray[np.int16], rows: int) -> tuple[Vector, Vector]:
    """Height of the highest peak of each row's autocorrelation, and its pitch in octaves over 100 Hz."""
    import numpy as np

    pieces = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32), WINDOW)[::HOP][:rows]
    spectrum = np.fft.rfft(pieces - pieces.mean(axis=1, keepdims=True), 2 * WINDOW)
    likeness = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)[:, : _PITCH_LAGS[1]]
    # A window's own fall-off is undone, so that low voices are not taken for hoarse ones.
    likeness = likeness / np.maximum(likeness[:, :1], 1.0) / (1 - np.arange(_PITCH_LAGS[1]) / WINDOW)
    searched = likeness[:, _PITCH_LAGS[0] :]
    best = searched.argmax(axis=1)
    heights = np.clip(searched[np.arange(rows), best], 0.0, 1.0)
    return heights.astype(np.float64), np.log2(RATE_HZ / (best + _PITCH_LAGS[0]) / 100)


@cache
def _centres_khz() -> Vector:
    import numpy as np

    from voice.audio.echo import BANDS, HIGHEST_HZ, LOWEST_HZ

    low, high = (2595 * np.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 1) / 2595) - 1)
    centres: Vector = (edges[1:] + edges[:-1]) / 2000
    return centres


@dataclass(frozen=True, slots=True)
class InterruptionModel:
    """Logistic in the features: `weights` has a row for each kind, the last column is the offset."""

    means: Vector
    scales: Vector
    weights: Vector
    facts: dict[str, Any]
    """What it was made of and how good it is on voices that it did not learn from."""

    @classmethod
    def load(cls) -> InterruptionModel:
        """The weights that come with the program."""
        text = resources.files("voice.engines").joinpath("data/interruption.json").read_text(encoding="utf-8")
        return cls.of(json.loads(text))

    @classmethod
    def of(cls, data: dict[str, Any]) -> InterruptionModel:
        """As written by the script. Raises ValueError when the weights are for other features or kinds."""
        import numpy as np

        if tuple(data["features"]) != FEATURES or tuple(data["kinds"]) != KINDS:
            raise ValueError("these weights are for other features")
        means, scales, weights = (np.array(data[name], dtype=np.float64) for name in ("means", "scales", "weights"))
        return cls(means, scales, weights, data["facts"])

    def judge(self, vector: Vector) -> dict[Kind, float]:
        """Probability of each kind; together 1."""
        import numpy as np

        scores = self.weights @ np.append((vector - self.means) / self.scales, 1.0)
        odds = np.exp(scores - scores.max())
        return dict(zip(KINDS, (odds / odds.sum()).tolist(), strict=True))
