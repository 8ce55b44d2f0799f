"""An event loop on which waiting takes no time: its clock jumps to the next timer.

As uvloop does, it gives a plain handle for a moment that has come: one that cannot tell its `when`.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")

_ROUNDS_TO_NOW_S = 0.000_5  # uvloop counts in whole milliseconds


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for a timer it moves the clock; for a thread (no timer) it waits."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self.now_s += timeout
            timeout = 0
        return super().select(timeout)


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s

    def call_at(  # type: ignore[override]  # it says a TimerHandle always comes; with uvloop it does not
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        if when - self.time() < _ROUNDS_TO_NOW_S:
            return self.call_soon(self._be_there, when, callback, *args, context=context)
        return super().call_at(when, callback, *args, context=context)

    def _be_there(self, when: float, callback: Callable[..., object], *args: Any) -> None:
        self._jumping.now_s = max(self._jumping.now_s, when)
        callback(*args)


def run(scene: Coroutine[Any, Any, T]) -> T:
    """Like asyncio.run, in virtual time."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(scene)
