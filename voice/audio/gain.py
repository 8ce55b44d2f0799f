"""Sound turned down and up again without a click.

A gain moves along half a cosine, so that neither the level nor its slope jumps. PCM16 is scaled sample by sample
(numpy, loaded by the first fade); G.711 is translated code word by code word with tables of 256 bytes, one for each
half millisecond of a ramp and one for the level it leads to. Sound at full level passes untouched, as the very object.
"""

from __future__ import annotations

from bisect import bisect
from functools import cache, lru_cache
from itertools import pairwise
from math import cos, inf, pi

from voice.audio.frames import AudioFormat
from voice.audio.g711 import Law, expand
from voice.errors import Misuse

DUCK_MS = 10.0
"""How long turning down takes: a click is avoided, a frame is not filled."""
RESTORE_MS = 50.0
"""How long turning up again takes."""

_STEPS_PER_S = 2_000
_GRID = 64
"""Levels of a ramp in G.711 are whole 64ths of full scale: finer than its own steps, which are 1/16 to 1/32."""


def amplitude(gain_db: float) -> float:
    """The factor that so many dB are; 0 for -inf. Raises Misuse for a gain above 0 dB, which would clip."""
    if not gain_db <= 0:
        raise Misuse("Sound is only ever turned down.")
    return 0.0 if gain_db == -inf else float(10 ** (gain_db / 20))


class Fader:
    """The level of one stream of sound, applied to its pieces whatever their size. Not shared by two streams."""

    __slots__ = ("_from", "_passed", "_ramp", "_to", "format")

    def __init__(self, format: AudioFormat) -> None:
        self.format = format
        self._from = self._to = 1.0
        self._ramp = self._passed = 0  # samples of the ramp, and how many of them went by

    @property
    def level(self) -> float:
        """The factor that the next sample gets, 0..1."""
        return self.level_after(0)

    def level_after(self, samples: int) -> float:
        """The factor of the sample that comes after so many more."""
        passed = self._passed + samples
        if passed >= self._ramp:
            return self._to
        return self._from + (self._to - self._from) * (0.5 - 0.5 * cos(pi * passed / self._ramp))

    @property
    def open(self) -> bool:
        """Full level, and nothing else on its way."""
        return self._to == 1.0 and self._passed >= self._ramp

    def fade_to(self, gain_db: float, ms: float) -> None:
        """From the present level to this one within `ms` of sound. Raises Misuse above 0 dB."""
        target = amplitude(gain_db)
        self._from = self.level
        self._to = target
        self._ramp = 0 if self._from == target else int(ms * self.format.rate_hz / 1000)
        self._passed = 0

    def jump_to(self, level: float) -> None:
        """This factor from the next sample on: for sound that does not continue what was."""
        self._from = self._to = level
        self._ramp = self._passed = 0

    def skip(self, samples: int) -> None:
        """So much time passed in silence."""
        self._passed = min(self._ramp, self._passed + samples)

    def apply(self, data: bytes) -> bytes:
        """The next samples of the stream, at their level. A half sample at the end passes as it is."""
        if self.open or not data:
            return data
        if self.format.encoding == "pcm16":
            return self._scale(data)
        return self._translate(data, self.format.encoding)

    def _scale(self, pcm: bytes) -> bytes:
        import numpy as np

        whole = len(pcm) & ~1
        samples = np.frombuffer(pcm[:whole], dtype="<i2").astype(np.float64)
        left = min(self._ramp - self._passed, len(samples))
        if left > 0:
            phase = np.arange(self._passed, self._passed + left) * (pi / self._ramp)
            samples[:left] *= self._from + (self._to - self._from) * (0.5 - 0.5 * np.cos(phase))
            self._passed += left
        samples[max(left, 0) :] *= self._to
        return np.rint(samples).astype("<i2").tobytes() + pcm[whole:]

    def _translate(self, codes: bytes, law: Law) -> bytes:
        out = b""
        done = 0
        step = max(1, self.format.rate_hz // _STEPS_PER_S)
        while self._passed < self._ramp and done < len(codes):
            size = min(step - self._passed % step, self._ramp - self._passed, len(codes) - done)
            first = self._passed - self._passed % step
            middle = 0.5 - 0.5 * cos(pi * min(first + step / 2, self._ramp) / self._ramp)
            level = round((self._from + (self._to - self._from) * middle) * _GRID) / _GRID
            out += codes[done : done + size].translate(_table(level, law))
            self._passed += size
            done += size
        rest = codes[done:]
        return out + (rest if self._to == 1.0 else rest.translate(_table(self._to, law)))


@cache
def _magnitudes(law: Law) -> tuple[list[int], list[int]]:
    """The values of the 128 positive code words, ascending, and their code words."""
    pairs = sorted((expand(code, law), code) for code in range(128, 256))
    return [value for value, _ in pairs], [code for _, code in pairs]


@lru_cache(512)
def _table(level: float, law: Law) -> bytes:
    """For `bytes.translate`: of every code word the one nearest to its value times `level`, of the same sign."""
    values, codes = _magnitudes(law)
    borders = [(low + high) / 2 for low, high in pairwise(values)]
    table = bytearray(256)
    for value, code in zip(values, codes, strict=True):
        nearest = codes[bisect(borders, value * level)]
        table[code] = nearest
        table[code ^ 0x80] = nearest ^ 0x80
    return bytes(table)
