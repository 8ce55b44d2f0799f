"""Which sockets of a loop have something to send, so that all of it leaves when one reading is done.

What comes in on one socket mostly goes out on another. Would each be written at the end of the loop's turn, an answer
waited for every other socket that was readable in the same turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakKeyDictionary

_OUTBOXES: WeakKeyDictionary[asyncio.AbstractEventLoop, Outbox] = WeakKeyDictionary()


class Outbox:
    """The sockets of one loop that wait to be written."""

    __slots__ = ("__weakref__", "_scheduled", "_waiting", "reading")

    def __init__(self) -> None:
        self.reading = False
        self._scheduled = False
        self._waiting: list[Callable[[], None]] = []

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Outbox:
        """The one of this loop."""
        outbox = _OUTBOXES.get(loop)
        if outbox is None:
            outbox = _OUTBOXES[loop] = cls()
        return outbox

    def add(self, write: Callable[[], None]) -> None:
        """Something waits: `write` is called when the present reading is done, or in the loop's next turn."""
        self._waiting.append(write)
        if not self.reading and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Write what waits, and what these writes bring about."""
        self._scheduled = False
        waiting = self._waiting
        while waiting:
            batch = waiting.copy()
            waiting.clear()
            for write in batch:
                write()
