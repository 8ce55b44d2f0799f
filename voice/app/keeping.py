"""Keeps what was used of minutes and money while the service runs, off the loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from voice.runtime.quota import Quotas, Spent
from voice.server.state import StateFile

logger = logging.getLogger(__name__)

KEEP_S = 1.0
"""So much of what was used a service that is killed may forget."""


@asynccontextmanager
async def kept(quotas: Quotas, path: Path, now: Callable[[], float]) -> AsyncIterator[None]:
    """Go on from what the file says, and keep it up to date until the end. Raises ConfigError."""
    file = await asyncio.to_thread(StateFile, path)
    try:
        quotas.restore(await asyncio.to_thread(file.read), now())
        keeping = asyncio.get_running_loop().create_task(_keep(quotas, file, now), name="keep what was used")
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await _write(file, quotas.spent(now()), now())
    finally:
        await asyncio.to_thread(file.close)


async def _keep(quotas: Quotas, file: StateFile, now: Callable[[], float]) -> None:
    written: list[Spent] = []
    while True:
        await asyncio.sleep(KEEP_S)
        spent = quotas.spent(now())
        if spent != written and await _write(file, spent, now()):
            written = spent


async def _write(file: StateFile, spent: list[Spent], now: float) -> bool:
    """Whether that went well. A full disk ends no conversation; it is tried again."""
    writing = asyncio.ensure_future(asyncio.to_thread(file.write, spent, now))
    try:
        await asyncio.shield(writing)
    except OSError as error:
        logger.error("minutes and money cannot be kept", extra={"error": str(error)})
        return False
    except asyncio.CancelledError:
        await asyncio.gather(writing, return_exceptions=True)  # one writer at a time
        raise
    return True
