"""Reading a stage."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from voice.engines.local.streams import reading
from voice.errors import EngineFailed


class Counter:
    """An iterator that is no generator: nobody closes it but its reader."""

    def __init__(self, *, ends_at: int = 1_000_000, error: Exception | None = None) -> None:
        self.value = 0
        self.ends_at = ends_at
        self.error = error
        self.closed = 0

    def __aiter__(self) -> Counter:
        return self

    async def __anext__(self) -> int:
        self.value += 1
        if self.value > self.ends_at:
            if self.error is not None:
                raise self.error
            raise StopAsyncIteration
        return self.value

    async def aclose(self) -> None:
        self.closed += 1


def test_a_stream_is_closed_however_its_reading_ends() -> None:
    async def scene() -> None:
        to_the_end, given_up = Counter(ends_at=3), Counter()
        async with aclosing(reading(to_the_end, "stage", 1)) as values:
            assert [value async for value in values] == [1, 2, 3]
        async with aclosing(reading(given_up, "stage", 1)) as values:
            async for value in values:
                if value == 2:
                    break
        assert (to_the_end.closed, given_up.closed) == (1, 1)

    asyncio.run(scene())


def test_a_foreign_error_is_told_without_its_words() -> None:
    async def scene() -> None:
        broken = Counter(ends_at=1, error=ValueError("somebody's words"))
        values = reading(broken, "speaker", 1)
        assert await anext(values) == 1
        with pytest.raises(EngineFailed) as failed:
            await anext(values)
        assert "words" not in failed.value.log
        assert "speaker" in failed.value.message
        assert broken.closed == 1

    asyncio.run(scene())
