"""Marks in the sound itself: 20 ms tones, one frequency per symbol.

Latency is measured on what is heard, so whatever gathers, resamples or re-frames on the way is counted. A
frequency survives µ-law, gain and any sensible resampler; its onset is found to a fraction of a millisecond.
All eight frequencies are multiples of 100 Hz, so 10 ms of them are orthogonal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.bridge.g711 import Samples, decode_table

MARKER_MS = 20
PEAK = 12_000
THRESHOLD = 5_000
CLEARLY = 4.0  # how many times stronger the best frequency is than the next, in energy
LISTEN_MS = 10
RECOVER_MS = 23  # a marker's own length and the ringing of a filter behind it


class Symbol(IntEnum):
    """Five digits and three signs; the value picks the frequency."""

    ZERO = 0
    ONE = 1
    TWO = 2
    THREE = 3
    FOUR = 4
    OPEN = 5  # uplink: a codeword follows · downlink: a reply begins
    START = 6  # the caller begins to speak
    STOP = 7  # the caller has spoken


DIGITS = 5
QUIET_CODES = bytes(code for code, value in enumerate(decode_table().tolist()) if value < THRESHOLD)
QUIET_HIGH_BYTES = bytes(high for high in range(256) if high < THRESHOLD >> 8 or high >= 0x80)


def frequency_hz(symbol: int) -> int:
    return 500 + 300 * symbol


def tone(symbol: int, rate_hz: int) -> Samples:
    """One marker."""
    when = np.arange(rate_hz * MARKER_MS // 1000) / rate_hz
    return np.asarray(np.sin(2 * np.pi * frequency_hz(symbol) * when) * PEAK, dtype=np.int16)


@dataclass(frozen=True, slots=True)
class Heard:
    """A marker: when the message that held its first sample arrived, and where in the stream that sample is."""

    at_s: float
    symbol: int
    position_ms: float


class Detector:
    """Finds markers in a stream of samples that arrives in pieces of any size."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.position = 0
        self._window = rate_hz * LISTEN_MS // 1000
        self._recover = rate_hz * RECOVER_MS // 1000
        self._deaf_until = 0
        self._onset: tuple[float, int] | None = None
        self._parts: list[Samples] = []
        self._missing = 0
        self._probe = _probe(rate_hz, self._window)

    def feed(self, samples: Samples, at_s: float) -> list[Heard]:
        """Markers recognised by now, with the arrival time of their onset rather than of their recognition."""
        heard: list[Heard] = []
        at = 0
        while at < len(samples):
            if self._onset is None:
                at = max(at, self._deaf_until - self.position)
                found = _first_loud(samples[at:]) if at < len(samples) else None
                if found is None:
                    break
                at += found
                self._onset = (at_s, self.position + at)
                self._missing = self._window
            taken = samples[at : at + self._missing]
            self._parts.append(taken)
            self._missing -= len(taken)
            at += len(taken)
            if not self._missing:
                heard += self._recognised()
        self.position += len(samples)
        return heard

    @property
    def listening(self) -> bool:
        """Whether a marker has begun and is not recognised yet, so that quiet frames may not be skipped."""
        return self._onset is not None

    def skip(self, samples: int) -> None:
        """Count sound that is known to hold no marker, between markers."""
        self.position += samples

    def forget(self) -> None:
        """The stream is cut here: half a marker is none."""
        self._onset = None
        self._parts = []

    def _recognised(self) -> list[Heard]:
        assert self._onset is not None
        at_s, position = self._onset
        energy = np.square(self._probe @ np.concatenate(self._parts)).reshape(-1, 2).sum(axis=1)
        self.forget()
        self._deaf_until = position + self._recover
        best, second = np.argsort(energy)[::-1][:2]
        if energy[best] < CLEARLY * energy[second]:
            return []
        return [Heard(at_s, int(best), position * 1000 / self.rate_hz)]


def is_quiet(data: bytes, *, pcm: bool) -> bool:
    """Whether no sample can reach the threshold, told from the bytes alone: most frames are let go for a µs."""
    return not (data[1::2].translate(None, QUIET_HIGH_BYTES) if pcm else data.translate(None, QUIET_CODES))


def _first_loud(samples: Samples) -> int | None:
    """Index of the first sample over the threshold. Tones are symmetric, so the upper half is enough."""
    if samples.max() < THRESHOLD:
        return None
    return int(np.argmax(samples >= THRESHOLD))


def _probe(rate_hz: int, window: int) -> NDArray[np.float32]:
    """Cosine and sine of each symbol's frequency, one row each."""
    when = np.arange(window) / rate_hz
    rows = []
    for symbol in Symbol:
        phase = 2 * np.pi * frequency_hz(symbol) * when
        rows += [np.cos(phase), np.sin(phase)]
    return np.asarray(rows, dtype=np.float32)
