"""Sound on its way from a thread that makes it to the loop that wants it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

_FIRST_MS = 20
_LATER_MS = 100


class Pieces:
    """Pieces of one sentence's PCM16: the first small and at once, the later ones larger, to wake the loop less often.

    What is made ahead of the listener is bounded by the sentence.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, rate_hz: int) -> None:
        self._loop = loop
        self._rate_hz = rate_hz
        self._gathered = bytearray()
        self._least_bytes = rate_hz * _FIRST_MS // 1000 * 2
        self._ready: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._over = False
        self._error: BaseException | None = None
        self.wanted = True
        """Whether anybody still listens. Read by the thread that makes the sound."""

    def put(self, pcm: bytes) -> bool:
        """From the making thread: more sound. Whether to go on."""
        self._gathered += pcm
        if len(self._gathered) >= self._least_bytes:
            self._hand_over()
        return self.wanted

    def end(self, work: asyncio.Future[Any]) -> None:
        """On the loop: the work is done, well or badly."""
        if self._gathered:
            self._ready.append(bytes(self._gathered))
            self._gathered.clear()
        self._error = None if work.cancelled() else work.exception()
        self._over = True
        self._news.set()

    def stop(self) -> None:
        """Nobody listens any more."""
        self.wanted = False

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> bytes:
        while not self._ready:
            if self._over:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._ready.popleft()

    def _hand_over(self) -> None:
        piece = bytes(self._gathered)
        self._gathered.clear()
        self._least_bytes = self._rate_hz * _LATER_MS // 1000 * 2
        if self.wanted:
            self._loop.call_soon_threadsafe(self._take, piece)

    def _take(self, piece: bytes) -> None:
        self._ready.append(piece)
        self._news.set()
