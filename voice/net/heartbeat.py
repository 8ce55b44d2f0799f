"""Notices that a peer is gone although its connection never said so (half-open TCP)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Heartbeat:
    """Calls `ping` every `interval_s`, and `lost` once when nothing arrived within `timeout_s` of a ping.

    Whoever reads sets `heard`: anything that arrives counts, because a busy line may bring the pong late.
    """

    def __init__(
        self, interval_s: float, timeout_s: float, *, ping: Callable[[], None], lost: Callable[[], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._ping = ping
        self._lost = lost
        self.heard = True
        self._timer = self._loop.call_later(interval_s, self._beat)
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True
        self._timer.cancel()

    def _beat(self) -> None:
        self.heard = False
        self._ping()
        if not self._stopped:
            self._timer = self._loop.call_later(self._timeout_s, self._check)

    def _check(self) -> None:
        if self.heard:
            rest_s = max(0.0, self._interval_s - self._timeout_s)
            self._timer = self._loop.call_later(rest_s, self._beat)
        else:
            self._lost()
