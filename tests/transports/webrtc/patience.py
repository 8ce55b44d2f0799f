"""Virtual time for a whole call over real sockets."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_THREAD_S = 0.002


class _PatientSelector(selectors.DefaultSelector):
    """Moves the clock only when nothing else is left to do: nothing to read, and no thread at work."""

    now_s = 0.0
    threads = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(None if timeout is None else 0)
        if ready or not timeout:
            return ready
        if self.threads:
            return super().select(_THREAD_S)
        self.now_s += timeout
        return super().select(0)


class PatientLoop(asyncio.SelectorEventLoop):
    """For scenes with sockets of this process at both ends, and work that is done on threads: time passes between the
    steps of the scene, never in them."""

    def __init__(self) -> None:
        self._patient = _PatientSelector()
        super().__init__(self._patient)

    def time(self) -> float:
        return self._patient.now_s

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        future = super().run_in_executor(executor, func, *args)
        self._patient.threads += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, future: Any) -> None:
        self._patient.threads -= 1


def run_patiently(scene: Coroutine[Any, Any, T]) -> T:
    """Like asyncio.run, on such a loop."""
    with asyncio.Runner(loop_factory=PatientLoop) as runner:
        return runner.run(scene)
