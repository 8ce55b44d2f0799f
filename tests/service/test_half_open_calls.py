"""Five hundred offers at the real door, of clients that are never heard of again; and somebody who really calls."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

pytest.importorskip("aiortc")

from tests.net.conftest import until
from tests.service.doors import SDP, Keys, settings
from tests.service.house import House
from tests.transports.webrtc.browser import LOOPBACK, Browser
from tests.transports.webrtc.sounds import sweeps
from voice.config import LimitSettings
from voice.transports.webrtc import WebRtcTransport

for _late in ("voice.transports.webrtc.transport", "voice.transports.webrtc.parts"):
    importlib.import_module(_late)

OFFERS = 500
PENDING = 24
REQUESTS_PER_MINUTE = 300
SOMEBODY, SOMEBODY_ELSE = "127.0.0.1", "127.0.0.2"
PATIENCE_S = 30
MEBIBYTES = 6


def variants(offer: str) -> list[str]:
    """What is never followed up: nobody at the address, no address at all, and a name that nobody answers to."""
    candidate = re.compile(r"(a=candidate:\S+ \d udp \d+) \S+( \d+ typ host)")
    nameless = candidate.sub(r"\1 5f1d2a6e-0000-4000-8000-0123456789ab.local\2", offer)
    assert nameless != offer
    return [offer, re.sub(r"a=candidate.*\r\n", "", offer), nameless]


class Caller:
    """Requests from one address, with one key."""

    def __init__(self, house: House, address: str, key: str) -> None:
        self._url = f"{house.http}/realtime/calls"
        self._headers = {**SDP, "authorization": f"Bearer {key}"}
        each_its_own = httpx.Limits(max_keepalive_connections=0)
        transport = httpx.AsyncHTTPTransport(local_address=address, limits=each_its_own)
        self._http = httpx.AsyncClient(transport=transport, timeout=PATIENCE_S)

    async def offer(self, sdp: str) -> httpx.Response:
        return await self._http.post(self._url, content=sdp, headers=self._headers)

    async def call(self) -> tuple[Browser, int]:
        """A call that is held, and how often it was put off. Comes again when it is told to."""
        browser = Browser(sweeps(1, 1.0, 48_000))
        put_off = 0
        async with asyncio.timeout(PATIENCE_S):
            while (answer := await self.offer(await browser.offer())).status_code != 201:
                assert answer.status_code == 503
                put_off += 1
                await asyncio.sleep(int(answer.headers["retry-after"]))
            await browser.accept(answer.text)
            await browser.open.wait()
            await until(lambda: "session.created" in browser.types())
        return browser, put_off

    async def close(self) -> None:
        await self._http.aclose()


class Used:
    """What the process holds."""

    def __init__(self) -> None:
        gc.collect()
        self.tasks = len(asyncio.all_tasks())
        self.files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        self.mebibytes = psutil.Process().memory_info().rss / 2**20


async def storm(somebody: Caller, offers: list[str], count: int) -> Counter[int]:
    """So many offers, thirty at a time. Returns how they were answered."""
    gate = asyncio.Semaphore(30)

    async def one(number: int) -> int:
        async with gate:
            answer = await somebody.offer(offers[number % len(offers)])
        if answer.status_code != 201:
            assert 1 <= int(answer.headers["retry-after"]) <= 60
        return answer.status_code

    return Counter(await asyncio.gather(*(one(number) for number in range(count))))


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_half_open_offers_are_bounded_leave_nothing_and_keep_nobody_from_calling(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)  # a record that is kept keeps all that it came by

    async def scene() -> None:
        keys = Keys(tmp_path)
        key, other_key = [await asyncio.to_thread(keys.add, name) for name in ("somebody", "somebody else")]
        limits = LimitSettings(pending_calls=PENDING, requests_per_minute=REQUESTS_PER_MINUTE)
        house_settings = settings(keys, limits=limits, webrtc=replace(LOOPBACK, connect_s=1.5))
        async with House(settings=house_settings) as house:
            somebody = Caller(house, SOMEBODY, key)
            somebody_else = Caller(house, SOMEBODY_ELSE, other_key)
            silent = Browser()
            offers = variants(await silent.offer())
            for _ in range(2):  # what is loaded, cached and kept open since the first calls
                await storm(somebody_else, offers, 4 * PENDING)
                await house.empty(within_s=PATIENCE_S)
                browser, _ = await somebody_else.call()
                await browser.close()
                await house.empty(within_s=PATIENCE_S)
            before = Used()

            storming = asyncio.create_task(storm(somebody, offers, OFFERS))
            await until(lambda: house.calls.pending == PENDING)
            browser, _ = await somebody_else.call()
            answered = await storming
            assert set(answered) == {201, 429, 503}
            assert answered[201] < OFFERS / 4
            heard = len(browser.heard)
            await until(lambda: len(browser.heard) > heard)
            await browser.close()

            await house.empty(within_s=PATIENCE_S)
            browser, put_off = await somebody_else.call()
            assert put_off == 0
            await browser.close()
            await house.empty(within_s=PATIENCE_S)

            await until(lambda: len(asyncio.all_tasks()) <= before.tasks)
            await until(lambda: Used().files <= before.files + 2)
            after = Used()
            assert after.mebibytes - before.mebibytes < MEBIBYTES
            assert not any(isinstance(thing, WebRtcTransport) for thing in gc.get_objects())
            assert len(house.calls) == 0
            await silent.close()
            await somebody.close()
            await somebody_else.close()

    asyncio.run(scene())
