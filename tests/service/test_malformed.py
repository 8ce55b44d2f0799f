"""A hundred thousand frames that no client should send: no crash, no leak, and never deaf."""

from __future__ import annotations

import asyncio
import gc
import logging

import psutil
import pytest

from tests.service.house import House
from tests.service.raw_socket import RawSocket
from tests.service.storm import PER_CHUNK, Storm, Tally

MOST_GROWTH_BYTES = 80 * 2**20
SEED = 20_261_122


def test_three_thousand_malformed_frames(caplog: pytest.LogCaptureFixture) -> None:
    assert asyncio.run(weather(3_000, rare_every=2)).frames >= 3_000
    assert mistakes_of_ours(caplog) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_hundred_thousand_malformed_frames(caplog: pytest.LogCaptureFixture) -> None:
    assert asyncio.run(weather(100_000, rare_every=4)).frames >= 100_000
    assert mistakes_of_ours(caplog) == []


async def weather(frames: int, rare_every: int) -> Tally:
    """So many frames; the memory that is in use after the first chunks must do for all others."""
    async with House() as house:
        idle = len(asyncio.all_tasks())
        storm = Storm(house.port, SEED)
        chunks = -(-frames // PER_CHUNK)
        settled = 0
        async with RawSocket(house.port) as survivor:
            for number in range(chunks):
                await storm.chunk(survivor, rare=number % rare_every == rare_every - 1)
                if number == max(chunks // 5, 1):
                    await storm.oversized()
                    settled = memory()
            assert memory() - settled < MOST_GROWTH_BYTES
        await house.empty()
        await asyncio.sleep(0.05)
        assert len(asyncio.all_tasks()) == idle, "a task was left behind"
        assert house.brain.thinking == 0
    return storm.tally


def mistakes_of_ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged as an error: a client can cause none."""
    return [f"{record.message}: {record.exc_text}" for record in caplog.records if record.levelno >= logging.ERROR]


def memory() -> int:
    """Bytes that this process, service and clients, holds."""
    gc.collect()
    return int(psutil.Process().memory_info().rss)
