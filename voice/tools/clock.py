"""Where tools get the time from, so that a test can own it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall clock, stopwatch and alarm."""

    def now(self) -> datetime:
        """The date and time, aware, in the zone of this machine or person."""

    def monotonic(self) -> float:
        """Seconds that only grow, from an arbitrary start."""

    async def sleep(self, seconds: float) -> None:
        """Return that much later."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now().astimezone()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until `advance` is called."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
        self._elapsed_s = 0.0
        self._alarms: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        alarm = asyncio.get_running_loop().create_future()
        heapq.heappush(self._alarms, (self._elapsed_s + max(seconds, 0.0), next(self._order), alarm))
        await alarm

    async def advance(self, seconds: float) -> None:
        """Let that much time pass, waking each sleeper at its own moment."""
        end_s = self._elapsed_s + seconds
        await self._let_others_run()
        while self._alarms and self._alarms[0][0] <= end_s:
            at_s, _, alarm = heapq.heappop(self._alarms)
            self._move_to(at_s)
            if not alarm.done():
                alarm.set_result(None)
            await self._let_others_run()
        self._move_to(end_s)

    def _move_to(self, at_s: float) -> None:
        self._now += timedelta(seconds=at_s - self._elapsed_s)
        self._elapsed_s = at_s

    @staticmethod
    async def _let_others_run() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
