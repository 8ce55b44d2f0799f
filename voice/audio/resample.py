"""Change of sample rate for a stream of PCM16, in pieces of any size.

A polyphase FIR (a windowed sinc, Kaiser), evaluated only where an output sample falls. It looks 16 samples of the
lower rate ahead, so that much sound (2 ms at 8 kHz, 0.7 ms at 24 kHz) is held back, and output sample `k` stands
at the same instant as `k / to_hz` seconds of input.

The coefficients are whole numbers and every sum stays below 2**53, so double precision adds them without
rounding: however the stream is cut into pieces, the output is the same to the bit.
"""

from __future__ import annotations

from functools import cache
from math import gcd

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Samples = NDArray[np.float64]

RATES_HZ = (8_000, 16_000, 24_000, 44_100, 48_000)

_HALF_WIDTH = 16  # samples of the lower rate, on either side
_PASS = 0.92  # of the lower Nyquist frequency, where the filter is down to one half
_KAISER_BETA = 8.0  # more than 80 dB down beyond the transition
_SCALE = 1 << 20
_MOST_BRANCHES = 8  # up to here one convolution for each branch is the cheaper way


class Resampler:
    """One stream from `from_hz` to `to_hz`. Holds the last few samples between calls; not shared by two streams."""

    __slots__ = ("_down", "_filters", "_history", "_lead", "_phase", "_received", "_sent", "_up", "from_hz", "to_hz")

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self.from_hz = from_hz
        self.to_hz = to_hz
        divisor = gcd(from_hz, to_hz)
        self._up = to_hz // divisor
        self._down = from_hz // divisor
        self._filters = _branches(from_hz, to_hz)
        self._lead = self._filters.shape[1] // 2
        self.reset()

    @property
    def held_back_ms(self) -> float:
        """Sound that has gone in and not yet come out."""
        return float(self._lead * 1000 / self.from_hz)

    def reset(self) -> None:
        """Forget the stream; the next sample is the first."""
        self._history: Samples = np.zeros(self._lead)
        self._phase = 0  # place of the next output after the window's centre, in 1/up of an input sample
        self._received = 0
        self._sent = 0

    def feed(self, pcm: bytes) -> bytes:
        """More samples in, the samples that are due out (perhaps none). Whole PCM16 samples only."""
        fresh = np.frombuffer(pcm, dtype="<i2")
        self._received += len(fresh)
        return self._run(fresh.astype(np.float64))

    def flush(self) -> bytes:
        """The end of the stream: what was held back, so that all is as long as it was. The stream starts anew."""
        whole = -(-self._received * self._up // self._down)
        owed = whole - self._sent
        tail = self._run(np.zeros(2 * self._lead + 1))
        self.reset()
        return tail[: 2 * owed]

    def _run(self, fresh: Samples) -> bytes:
        taps = self._filters.shape[1]
        sound = np.concatenate((self._history, fresh))
        windows = len(sound) - taps + 1
        count = max(0, -(-(windows * self._up - self._phase) // self._down))
        if count == 0:
            self._history = sound
            return b""
        output = self._few_branches(sound, count) if self._up <= _MOST_BRANCHES else self._many_branches(sound, count)
        reached = self._phase + count * self._down
        self._history = sound[reached // self._up :]
        self._phase = reached % self._up
        self._sent += count
        return np.clip(np.rint(output / _SCALE), -32768, 32767).astype("<i2").tobytes()

    def _few_branches(self, sound: Samples, count: int) -> Samples:
        """Outputs `b, b + up, b + 2·up …` share one branch: one convolution gives them all."""
        output = np.empty(count)
        for first in range(min(self._up, count)):
            place = self._phase + first * self._down
            lane = output[first :: self._up]
            filtered = np.convolve(sound[place // self._up :], self._filters[place % self._up], "valid")
            lane[:] = filtered[:: self._down][: len(lane)]
        return output

    def _many_branches(self, sound: Samples, count: int) -> Samples:
        """One dot product for each output (44.1 kHz has up to 160 branches)."""
        places = self._phase + np.arange(count) * self._down
        windows = sliding_window_view(sound, self._filters.shape[1])[places // self._up]
        # `convolve` turns its filter round; here it is done by hand.
        output: Samples = np.einsum("ij,ij->i", windows, self._filters[places % self._up, ::-1])
        return output


@cache
def _branches(from_hz: int, to_hz: int) -> Samples:
    """The filter cut into one branch for each place between two input samples: shape (up, taps)."""
    up = to_hz // gcd(from_hz, to_hz)
    lower_hz = min(from_hz, to_hz)
    lead = _HALF_WIDTH * from_hz // lower_hz
    reach = np.arange(-lead, lead + 1)
    between = np.arange(up)[:, None] / up
    distance = (reach[None, :] + between) * lower_hz / from_hz  # in samples of the lower rate, ahead negative
    inside = np.clip(1 - (distance / _HALF_WIDTH) ** 2, 0, None)
    window = np.i0(_KAISER_BETA * np.sqrt(inside)) / np.i0(_KAISER_BETA) * (np.abs(distance) <= _HALF_WIDTH)
    shape = np.sinc(_PASS * distance) * window
    # Every branch passes a constant unchanged.
    branches: Samples = np.rint(shape / shape.sum(axis=1, keepdims=True) * _SCALE)
    return branches
