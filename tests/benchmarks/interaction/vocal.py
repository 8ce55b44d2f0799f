"""Coughs, cleared throats, laughs and hums made from numbers: there are few recordings that may be passed on.

A cough is three sounds: the burst of the opening glottis, the noise of the air that follows, and often a voiced end
(J. Korpáš et al., "Analysis of the cough sound", Pulmonary Pharmacology 9, 1996). A cleared throat is creaky voice in
noise. Both go through three resonances of a vocal tract. No two seeds sound the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.interaction.clips import RATE_HZ

if TYPE_CHECKING:
    import numpy as np

    from tests.benchmarks.interaction.clips import Samples


def cough(seed: int) -> Samples:
    """One to three coughs, peak 1."""
    import numpy as np

    random = np.random.default_rng(seed)
    tract = _tract(random)
    pieces = []
    for strength in (1.0, 0.7, 0.5)[: int(random.integers(1, 4))]:
        pieces += [strength * _one_cough(random, tract), np.zeros(_samples(random.uniform(0.06, 0.22)))]
    return _finished(np.concatenate(pieces[:-1]), tract)


def cleared_throat(seed: int) -> Samples:
    """One or two hawks, peak 1."""
    import numpy as np

    random = np.random.default_rng(seed)
    tract = _tract(random)
    pieces = []
    for _ in range(int(random.integers(1, 3))):
        length = _samples(random.uniform(0.18, 0.45))
        creak = _pulses(random, length, random.uniform(45, 95), jitter=0.25)
        rasp = random.standard_normal(length) * random.uniform(0.15, 0.5)
        pieces += [(creak + rasp) * _swell(length, 0.2), np.zeros(_samples(random.uniform(0.05, 0.2)))]
    return _finished(np.concatenate(pieces[:-1]), tract)


def _one_cough(random: np.random.Generator, tract: list[tuple[float, float]]) -> Samples:
    import numpy as np

    burst = _samples(random.uniform(0.02, 0.05))
    air = _samples(random.uniform(0.08, 0.2))
    voiced = _samples(random.uniform(0.05, 0.14)) if random.random() < 0.6 else 0
    length = burst + air + voiced
    time = np.arange(length) / RATE_HZ
    noise = random.standard_normal(length)
    envelope = np.minimum(time / 0.004, 1) * np.exp(-time / random.uniform(0.06, 0.14))
    envelope[:burst] *= random.uniform(1.5, 2.5)
    sound = noise * envelope
    if voiced:
        voice = _pulses(random, voiced, random.uniform(120, 320), jitter=0.05)
        sound[-voiced:] += voice * _swell(voiced, 0.3) * random.uniform(0.2, 0.6)
    made: Samples = sound
    return made


def _tract(random: np.random.Generator) -> list[tuple[float, float]]:
    """Three resonances: frequency and bandwidth, Hz."""
    size = random.uniform(0.85, 1.2)
    spread = ((450, 900, 150), (1100, 1900, 220), (2300, 3400, 350))
    return [(random.uniform(low, high) * size, width * random.uniform(0.8, 1.6)) for low, high, width in spread]


def _pulses(random: np.random.Generator, length: int, pitch_hz: float, jitter: float) -> Samples:
    """Glottal pulses at an uneven pitch."""
    import numpy as np

    train = np.zeros(length)
    at = 0.0
    while at < length:
        train[int(at)] = random.uniform(0.7, 1.0)
        at += RATE_HZ / pitch_hz * (1 + jitter * random.standard_normal())
        at = max(at, 1.0)
    voice: Samples = np.convolve(train, np.exp(-np.arange(80) / 16))[:length] * 3
    return voice


def _swell(length: int, edge: float) -> Samples:
    import numpy as np

    place = np.linspace(0, 1, length)
    return np.minimum(np.minimum(place, 1 - place) / edge, 1)


def _finished(sound: Samples, tract: list[tuple[float, float]]) -> Samples:
    """Through the tract (resonances in the spectrum, in parallel with a little of the source), to peak 1."""
    import numpy as np

    size = len(sound) + RATE_HZ // 20
    frequency = np.fft.rfftfreq(size, 1 / RATE_HZ)
    gain = 0.05 + sum(1 / np.sqrt(1 + ((frequency - hz) / (width / 2)) ** 2) for hz, width in tract)
    gain *= np.minimum(frequency / 120, 1)
    shaped = np.fft.irfft(np.fft.rfft(sound, size) * gain, size)
    peaked: Samples = (shaped / np.abs(shaped).max()).astype(np.float32)
    return peaked


def _samples(seconds: float) -> int:
    return int(seconds * RATE_HZ)


def laugh(seed: int) -> Samples:
    """A few calls of a laugh, voiced and breathed by turns, peak 1.

    Calls of a fifth of a second or so, a third to two thirds of it voiced, pitch falling from call to call or jumping
    (C. Bickley and S. Hunnicutt, "Acoustic analysis of laughter", ICSLP 1992; J. Bachorowski et al., "The acoustic
    features of human laughter", JASA 110, 2001)."""
    import numpy as np

    random = np.random.default_rng(seed)
    tract = _tract(random)
    pitch_hz = random.uniform(90, 420)
    period, open_share = random.uniform(0.13, 0.34), random.uniform(0.3, 0.75)
    falls, shakes = random.uniform(0.9, 1.04), random.uniform(0.0, 0.15)
    breath = random.uniform(0.05, 0.8)
    pieces = [_breath(random, random.uniform(0.03, 0.3), breath)] if random.random() < 0.5 else []
    for call in range(int(random.integers(2, 10))):
        length = period * random.uniform(0.85, 1.2)
        hz = pitch_hz * falls**call * (1 + shakes * random.standard_normal())
        pieces.append(_call(random, length * open_share, max(hz, 60.0), breath))
        pieces.append(_breath(random, length * (1 - open_share), breath * random.uniform(0.3, 1.0)))
    return _finished(np.concatenate(pieces), tract)


def hum(seed: int) -> Samples:
    """ "Hm", "mm-hm" or "mhm": one or two humps of voice through the nose, peak 1."""
    import numpy as np

    random = np.random.default_rng(seed)
    tract = [(random.uniform(200, 330), 80.0), (random.uniform(900, 1300), 250.0), (random.uniform(2000, 2700), 350.0)]
    pitch_hz = random.uniform(80, 260)
    pieces = [_breath(random, random.uniform(0.02, 0.12), 0.3)] if random.random() < 0.5 else []
    for hump in range(int(random.integers(1, 3))):
        higher = random.uniform(0.85, 1.35) if hump else 1.0
        pieces.append(_call(random, random.uniform(0.12, 0.42), pitch_hz * higher, random.uniform(0.0, 0.1)))
        pieces.append(_breath(random, random.uniform(0.02, 0.09), random.uniform(0.0, 0.3)))
    return _finished(np.concatenate(pieces[:-1]), tract)


def _call(random: np.random.Generator, seconds: float, pitch_hz: float, breath: float) -> Samples:
    """One voiced "ha": its pitch glides."""
    import numpy as np

    length = _samples(seconds)
    glide = random.uniform(0.7, 1.3)
    at, train = 0.0, np.zeros(length)
    while at < length:
        train[int(at)] = random.uniform(0.8, 1.0)
        hz = pitch_hz * (1 + (glide - 1) * at / length)
        at += max(RATE_HZ / hz * (1 + 0.02 * random.standard_normal()), 1.0)
    voice = np.convolve(train, np.exp(-np.arange(80) / 16))[:length] * 3
    made = (voice + breath * 0.3 * random.standard_normal(length)) * _swell(length, random.uniform(0.1, 0.45))
    called: Samples = made.astype(np.float32)
    return called


def _breath(random: np.random.Generator, seconds: float, strength: float) -> Samples:
    import numpy as np

    length = max(_samples(seconds), 16)
    breathed: Samples = (
        strength * 0.3 * random.standard_normal(length) * np.maximum(_swell(length, 0.3), 0.05)
    ).astype(np.float32)
    return breathed
