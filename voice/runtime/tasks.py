"""The tasks of one conversation: each is owned here, and cancelled or awaited when it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

logger = logging.getLogger(__name__)

CLOSING_S = 5.0
"""So long may a goodbye take, and so long a task that was cancelled."""


class Tasks:
    """Runs coroutines until `end`. One that fails is reported to `on_failure`."""

    def __init__(self, session_id: str, on_failure: Callable[[Exception], None]) -> None:
        self._session_id = session_id
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._running: set[asyncio.Task[None]] = set()
        self._goodbyes: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run this beside the conversation."""
        task = self._loop.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._on_failure(error)

    def say_goodbye(self, closing: Coroutine[Any, Any, None]) -> None:
        """Close something that nobody waits for: it is not cancelled at the end but awaited."""
        task = self._loop.create_task(self.cleanly(closing))
        self._goodbyes.add(task)
        task.add_done_callback(self._goodbyes.discard)

    async def cleanly(self, closing: Coroutine[Any, Any, None]) -> None:
        """Close something: in time, and with no harm when it fails."""
        try:
            async with asyncio.timeout(CLOSING_S):
                await closing
        except Exception as error:
            values = {"session_id": self._session_id, "error": type(error).__name__}
            logger.warning("closing was not clean", extra=values)

    async def end(self) -> None:
        """Cancel all that runs, and wait for it."""
        for task in self._running:
            task.cancel()
        if self._running:
            _, stuck = await asyncio.wait(self._running, timeout=CLOSING_S)
            if stuck:
                logger.error("tasks would not end", extra={"session_id": self._session_id, "tasks": len(stuck)})

    async def goodbyes_said(self) -> None:
        """Wait until everything that was being closed is."""
        await asyncio.gather(*self._goodbyes)
