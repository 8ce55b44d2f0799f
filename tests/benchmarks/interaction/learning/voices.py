"""Synthetic voices by the hundred: flite and eSpeak NG at other speeds and pitches, and throats of other sizes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from random import Random
from typing import TYPE_CHECKING

from tests.benchmarks.interaction.clips import RATE_HZ
from tests.benchmarks.interaction.learning.texts import VARIANTS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tests.benchmarks.interaction.clips import Samples
    from voice.engines.speech.espeak import Synthesiser
    from voice.engines.speech.flite_library import FliteLibrary

FLITE = ("slt", "awb", "kal16")
"""Not rms: it is the assistant of the half that is reported."""
ACCENTS = ("en-us", "en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029")
_PITCH, _RANGE = 3, 4


def says(text: str, random: Random) -> Samples:
    """One utterance by somebody, trimmed to its sound."""
    pcm, rate_hz = _flite(text, random) if random.random() < 0.5 else _espeak(text, random)
    return trimmed(throat(pcm, random, rate_hz))


def somebody(samples: Samples, random: Random) -> Samples:
    """What was said, by somebody else: larger or smaller, higher or lower, faster or slower, with more or less breath.
    (WORLD, M. Morise et al., 2016.)"""
    import numpy as np
    import pyworld

    if random.random() < 0.4:
        return throat(samples, random, spread=0.14)
    wide = samples.astype(np.float64) + 1e-5 * np.random.default_rng(1).standard_normal(len(samples))
    pitch_hz, at = pyworld.dio(wide, RATE_HZ)
    pitch_hz = pyworld.stonemask(wide, pitch_hz, at, RATE_HZ)
    envelope, breath = pyworld.cheaptrick(wide, pitch_hz, at, RATE_HZ), pyworld.d4c(wide, pitch_hz, at, RATE_HZ)
    size = np.exp(random.uniform(-0.17, 0.17))
    bins = np.clip(np.arange(envelope.shape[1]) * size, 0, envelope.shape[1] - 1)
    low = np.floor(bins).astype(int)
    high, rest = np.minimum(low + 1, envelope.shape[1] - 1), bins - low
    logs = np.log(envelope)
    envelope = np.exp(logs[:, low] * (1 - rest) + logs[:, high] * rest)
    breath = np.clip(breath ** np.exp(random.uniform(-0.5, 0.3)), 0.0, 1.0)
    begin, end = random.uniform(-0.12, 0.12), random.uniform(-0.12, 0.12)
    melody = random.uniform(-0.35, 0.35) + np.linspace(begin, end, len(at))
    step_ms = 5.0 * np.exp(random.uniform(-0.25, 0.25))
    made = pyworld.synthesize(pitch_hz * np.exp(melody), np.ascontiguousarray(envelope), breath, RATE_HZ, step_ms)
    changed: Samples = made.astype(np.float32)
    return changed


def laughter(samples: Samples, random: Random) -> Samples:
    """Somebody laughs with the vowel of what was said: bursts of voice, each with breath before it, lower and softer
    towards the end. Slow ones are the laughs of a villain."""
    import numpy as np

    vowel = _vowel(samples)
    rate_hz = random.uniform(2.2, 6.5)
    bursts = random.randint(2, 9)
    pitch_hz = random.uniform(90, 380)
    falls, fades = random.uniform(0.0, 0.12), random.uniform(0.0, 4.0)
    pitches, levels = [], []
    for number in range(bursts):
        frames = int(200 / rate_hz * random.uniform(0.85, 1.2))
        voiced = int(frames * random.uniform(0.45, 0.8))
        shape = np.sin(np.linspace(0.15, np.pi, voiced)) ** random.uniform(0.4, 1.2)
        glide = np.linspace(1.0, random.uniform(0.75, 1.05), voiced)
        pitches += [np.zeros(frames - voiced), pitch_hz * np.exp(-falls * number) * random.uniform(0.93, 1.07) * glide]
        breath = np.full(frames - voiced, random.uniform(-30, -14))
        levels += [breath, 20 * np.log10(shape + 1e-3) - fades * number]
    return _sung(vowel, np.concatenate(pitches), np.concatenate(levels), random)


def murmur(samples: Samples, random: Random) -> Samples:
    """Somebody hums "mm", "hmm" or "mm-hm" with the mouth nearly shut, in the voice of what was said."""
    import numpy as np

    vowel = _vowel(samples)
    pitch_hz = random.uniform(80, 260)
    pitches, levels = [], []
    for _ in range(random.choice((1, 1, 2))):
        frames = random.randint(28, 80)
        time = np.linspace(-1, 1, frames)
        bow = random.uniform(-0.25, 0.25) * time + random.uniform(-0.1, 0.2) * time**2
        pitches += [pitch_hz * np.exp(bow), np.zeros(random.randint(4, 16))]
        shape = np.sin(np.linspace(0.1, np.pi, frames)) ** random.uniform(0.3, 1.0)
        levels += [20 * np.log10(shape + 1e-3), np.full(len(pitches[-1]), -40.0)]
    hz = np.arange(len(vowel)) * RATE_HZ / 2 / (len(vowel) - 1)
    shut = vowel * 10 ** (-random.uniform(6, 16) * np.log2(np.maximum(hz, 350) / 350) / 10)
    return _sung(shut, np.concatenate(pitches), np.concatenate(levels), random)


def _vowel(samples: Samples) -> NDArray[np.float64]:
    """The spectral envelope of its loudest voiced moments."""
    import numpy as np
    import pyworld

    wide = samples.astype(np.float64) + 1e-5 * np.random.default_rng(1).standard_normal(len(samples))
    pitch_hz, at = pyworld.dio(wide, RATE_HZ)
    envelope = pyworld.cheaptrick(wide, pitch_hz, at, RATE_HZ)
    loudness = envelope.sum(axis=1) * ((pitch_hz > 0) + 1e-3)
    loudest = np.argsort(loudness)[-8:]
    found: NDArray[np.float64] = np.exp(np.log(envelope[loudest]).mean(axis=0))
    return found


def _sung(
    envelope: NDArray[np.float64], pitch_hz: NDArray[np.float64], level_db: NDArray[np.float64], random: Random
) -> Samples:
    """One envelope at a pitch and a loudness for each 5 ms; without a pitch it is whispered."""
    import numpy as np
    import pyworld

    bins = len(envelope)
    size = np.exp(random.uniform(-0.15, 0.15))
    moved = np.exp(np.interp(np.arange(bins) * size, np.arange(bins), np.log(envelope)))
    frames = moved[None, :] * 10 ** (level_db[:, None] / 10)
    hz = np.linspace(0, RATE_HZ / 2, bins)
    breath = np.clip(random.uniform(0.02, 0.25) + (hz / 8_000) ** random.uniform(0.5, 1.5), 0, 1)
    made: Samples = pyworld.synthesize(
        pitch_hz, np.ascontiguousarray(frames), np.tile(breath, (len(frames), 1)), RATE_HZ, 5.0
    ).astype(np.float32)
    return made


def throat(samples: Samples, random: Random, rate_hz: int = RATE_HZ, spread: float = 0.18) -> Samples:
    """The same by a smaller or larger person, who is a little faster or slower."""
    import numpy as np

    factor = rate_hz / RATE_HZ * np.exp(random.uniform(-spread, spread))
    at = np.arange(0, len(samples) - 1, factor)
    wide = samples
    if factor > 1.05:  # what would alias goes first
        spectrum = np.fft.rfft(wide)
        spectrum[int(len(spectrum) / factor) :] = 0
        wide = np.fft.irfft(spectrum, len(wide)).astype(np.float32)
    made: Samples = np.interp(at, np.arange(len(wide)), wide).astype(np.float32)
    return made


def trimmed(samples: Samples, below_db: float = 28.0) -> Samples:
    """From the first to the last 5 ms within 28 dB of the loudest 100."""
    import numpy as np

    step = RATE_HZ // 200
    count = len(samples) // step
    if count < 4:
        return samples
    energy = (samples[: count * step].reshape(count, step).astype(np.float64) ** 2).mean(axis=1) + 1e-12
    level = 10 * np.log10(energy)
    loud = 10 * np.log10(np.convolve(energy, np.ones(20) / 20, "same").max())
    where = np.flatnonzero(level > loud - below_db)
    return samples[where[0] * step : (where[-1] + 1) * step]


def _flite(text: str, random: Random) -> tuple[Samples, int]:
    heard = bytearray()
    speaker, speed = random.choice(FLITE), random.uniform(0.75, 1.5)
    _flite_library().synthesise(text, speaker, speed, _into(heard))
    return _floats(bytes(heard)), RATE_HZ


def _espeak(text: str, random: Random) -> tuple[Samples, int]:
    library = _espeak_library()
    variant = random.choice((*VARIANTS, ""))
    voice = random.choice(ACCENTS) + (f"+{variant}" if variant else "")
    heard = bytearray()
    for parameter, value in ((_PITCH, random.randint(15, 85)), (_RANGE, random.randint(10, 90))):
        library._library.espeak_SetParameter(parameter, ctypes.c_int(value), 0)
    library.synthesise(text, voice, random.uniform(0.75, 1.6), _into(heard))
    return _floats(bytes(heard)), library.rate_hz


def _into(heard: bytearray) -> Callable[[bytes], bool]:
    def receive(pcm: bytes) -> bool:
        heard.extend(pcm)
        return True

    return receive


def _floats(pcm: bytes) -> Samples:
    import numpy as np

    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)


@cache
def _flite_library() -> FliteLibrary:
    from voice.engines.speech.flite_library import FliteLibrary

    return FliteLibrary()


@cache
def _espeak_library() -> Synthesiser:
    from voice.engines.speech.espeak import Synthesiser

    return Synthesiser({})
