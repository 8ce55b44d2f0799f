"""The loop that the service runs on."""

from __future__ import annotations

import asyncio
import importlib.util

from voice.net.loop import run


def test_it_is_uvloop_where_there_is_one() -> None:
    async def which() -> str:
        return type(asyncio.get_running_loop()).__module__

    expected = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
    assert run(which()).startswith(expected)
