"""A recogniser that is told what is likely to be said."""

from __future__ import annotations

from collections.abc import Sequence

from voice.engines.stages import Recogniser, Recognition


class PhrasedRecogniser:
    """Another recogniser, with the same phrases expected in every utterance."""

    def __init__(self, inner: Recogniser, phrases: Sequence[str]) -> None:
        self.name = inner.name
        self._inner = inner
        self._phrases = tuple(phrases)

    async def open(self) -> None:
        await self._inner.open()

    def start(self, *, phrases: Sequence[str] = (), language: str = "en") -> Recognition:
        return self._inner.start(phrases=(*phrases, *self._phrases), language=language)

    async def close(self) -> None:
        await self._inner.close()
