"""Reading a stage: it is stopped for sure, and it may not be silent for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from voice.errors import EngineFailed, VoiceError

T = TypeVar("T")


class _End:
    pass


_END = _End()


async def reading(stream: AsyncIterator[T], stage: str, stall_s: float) -> AsyncGenerator[T, None]:
    """The stream's values. Closes the stream however the reading ends; raises EngineFailed after `stall_s` seconds
    without a value, and instead of whatever foreign error the stage raises."""
    try:
        while True:
            async with asyncio.timeout(stall_s):
                value = await anext(stream, _END)
            if isinstance(value, _End):
                return
            yield value
    except TimeoutError:
        raise EngineFailed(f"The {stage} was silent for too long.", detail=f"{stall_s:g} s") from None
    except VoiceError:
        raise
    except Exception as error:
        raise EngineFailed(f"The {stage} broke.", detail=type(error).__name__) from error
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
