"""A recogniser that is told what is likely to be said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from voice.engines.stages import Recogniser, Recognition


class PhrasedRecogniser:
    """Another recogniser, with the same phrases expected in every utterance. `read` gives them; it may read files."""

    def __init__(self, inner: Recogniser, read: Callable[[], Sequence[str]]) -> None:
        self.name = inner.name
        self._inner = inner
        self._read = read
        self._phrases: tuple[str, ...] = ()

    async def open(self) -> None:
        """Load, and hear nothing once with these phrases: what they need is made now. Raises what `read` raises."""
        read = asyncio.create_task(asyncio.to_thread(self._read))
        try:
            await self._inner.open()
        finally:
            self._phrases = tuple(await read)
        await self.start().finish()

    def start(self, *, phrases: Sequence[str] = (), language: str = "en") -> Recognition:
        return self._inner.start(phrases=(*phrases, *self._phrases), language=language)

    async def close(self) -> None:
        await self._inner.close()
