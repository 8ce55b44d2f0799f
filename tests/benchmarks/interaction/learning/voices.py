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
