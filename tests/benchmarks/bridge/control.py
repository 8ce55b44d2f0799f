"""How the harness' processes talk to the one that started them: lines on stdin and stdout."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from typing import Any


async def commands() -> AsyncIterator[str]:
    """Lines from the starter; the end of them means that it is gone, and so should we be."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode().strip()


def say(line: str) -> None:
    print(line, flush=True)


def run(main: Coroutine[Any, Any, None]) -> None:
    """On uvloop where it is installed: a harness that is late measures itself."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)
