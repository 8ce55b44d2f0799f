"""A recogniser that is told what is likely to be said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from voice.engines.speech.phrase_graph import PhraseGraph, phrase_graph
from voice.engines.stages import Recogniser, Recognition


class PhrasedRecogniser:
    """Another recogniser, with the same phrases expected in every utterance. `read` gives them; it may read files."""

    def __init__(self, inner: Recogniser, read: Callable[[], Sequence[str]]) -> None:
        self.name = inner.name
        self._inner = inner
        self._read = read
        self._phrases: tuple[str, ...] = ()
        self._graph: PhraseGraph | None = None

    async def open(self) -> None:
        """Load, and hear nothing once with these phrases: what they need is made now. Raises what `read` raises."""
        read = asyncio.create_task(asyncio.to_thread(self._prepare))
        try:
            await self._inner.open()
        finally:
            self._phrases, self._graph = await read
        await self.start().finish()

    def is_whole(self, words: str) -> bool:
        """Whether these words are one of the phrases, with nothing missing."""
        return self._graph is not None and self._graph.holds(words.split())

    def start(self, *, phrases: Sequence[str] = (), language: str = "en") -> Recognition:
        return self._inner.start(phrases=(*phrases, *self._phrases), language=language)

    async def close(self) -> None:
        await self._inner.close()

    def _prepare(self) -> tuple[tuple[str, ...], PhraseGraph | None]:
        phrases = tuple(self._read())
        return phrases, phrase_graph(phrases, lambda word: True)
