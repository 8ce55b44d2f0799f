"""Run one conversation to its end; the first Ctrl-C hangs up, the second one stops at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")


class HangsUp(Protocol):
    """A person's end that can be ended from here."""

    def close(self) -> Awaitable[None]: ...


def run_politely(conversation: Coroutine[Any, Any, Result], transport: HangsUp) -> Result:
    """`asyncio.run` for a conversation over a transport."""
    return asyncio.run(_until_hung_up(conversation, transport))


async def _until_hung_up(conversation: Coroutine[Any, Any, Result], transport: HangsUp) -> Result:
    loop = asyncio.get_running_loop()
    talking = loop.create_task(conversation, name="conversation")
    closing: list[asyncio.Task[None]] = []

    async def close() -> None:
        await transport.close()

    def interrupted() -> None:
        if closing:
            talking.cancel()
        else:
            closing.append(loop.create_task(close(), name="hang up"))

    with suppress(NotImplementedError):  # Windows: Ctrl-C is a KeyboardInterrupt there
        loop.add_signal_handler(signal.SIGINT, interrupted)
    try:
        return await talking
    except asyncio.CancelledError:
        if closing:
            raise KeyboardInterrupt from None
        raise
    finally:
        await asyncio.gather(*closing, return_exceptions=True)
