"""µ-law 8 kHz ⇄ PCM 24 kHz for the bare relay: one windowed-sinc low-pass of 48 taps, few numpy calls."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from tests.benchmarks.bridge.g711 import decode_table, encode_table

RATIO = 3
TAPS = 48
PHASE_TAPS = TAPS // RATIO
CUTOFF = 0.3  # of the 24 kHz rate's half: 3.6 kHz
DECODED = decode_table().astype(np.float32)
ENCODED = encode_table()

Floats = NDArray[np.float32]


def low_pass() -> Floats:
    """Unity gain at 0 Hz."""
    at = np.arange(TAPS) - (TAPS - 1) / 2
    taps = np.sinc(at * CUTOFF) * np.kaiser(TAPS, 6.0)
    return np.asarray(taps / taps.sum(), dtype=np.float32)


def to_pcm(values: Floats) -> NDArray[np.int16]:
    return np.asarray(values.clip(-32_768, 32_767), dtype=np.int16)


class Upsampler:
    """µ-law bytes in, three times as many PCM samples out, with the filter's history kept."""

    def __init__(self) -> None:
        self._phases = np.ascontiguousarray((low_pass() * RATIO).reshape(PHASE_TAPS, RATIO)[::-1])
        self._line = _Line(PHASE_TAPS, 1)

    def __call__(self, data: bytes) -> bytes:
        windows = self._line.push(DECODED[np.frombuffer(data, np.uint8)])
        return to_pcm((windows @ self._phases).ravel()).tobytes()


class Downsampler:
    """PCM bytes in (whole groups of three samples), µ-law out."""

    def __init__(self) -> None:
        self._taps = low_pass()
        self._line = _Line(TAPS, RATIO)

    def __call__(self, data: bytes) -> bytes:
        windows = self._line.push(np.frombuffer(data, np.int16))
        return ENCODED[to_pcm(windows @ self._taps).view(np.uint16)].tobytes()


class _Line:
    """A delay line that shows every `step`-th window of `taps` samples ending inside what was pushed."""

    def __init__(self, taps: int, step: int) -> None:
        self._taps = taps
        self._step = step
        self._keep = taps - step
        self._buffer = np.zeros(self._keep, np.float32)
        self._windows: Floats = np.zeros((0, taps), np.float32)

    def push(self, samples: NDArray[np.int16] | Floats) -> Floats:
        size = len(samples)
        keep = self._keep
        if len(self._buffer) != keep + size:
            tail = self._buffer[-keep:].copy()
            self._buffer = np.zeros(keep + size, np.float32)
            self._buffer[size:] = tail
            stride = self._buffer.strides[0]
            shape = (size // self._step, self._taps)
            self._windows = as_strided(self._buffer, shape, (self._step * stride, stride))
        self._buffer[:keep] = self._buffer[size : size + keep]
        self._buffer[keep:] = samples
        return self._windows
