"""A stock WebRTC client calls the whole service over HTTP: sound both ways, events on its channel, a backend beside."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.net.conftest import until
from tests.service.client import Client, hum
from tests.service.doors import SDP, Keys, ask, secret, settings
from tests.service.house import House
from tests.transports.webrtc.browser import LOOPBACK, Browser, Samples

for _late in ("voice.transports.webrtc.transport", "voice.transports.webrtc.parts"):
    importlib.import_module(_late)

CALLS = "/v1/realtime/calls"


def at_48k(pcm_24k: bytes) -> Samples:
    return np.repeat(np.frombuffer(pcm_24k, "<i2"), 2)


@asynccontextmanager
async def calling(house: House, key: str = "", sound: Samples | None = None) -> AsyncIterator[tuple[Browser, str]]:
    """A connected call and its id."""
    browser = Browser(sound)
    try:
        offer = await browser.offer()
        said = await ask(house, "POST", CALLS, key=key, content=offer, headers=SDP)
        assert said.status_code == 201, said.text
        await browser.accept(said.text)
        async with asyncio.timeout(10):
            await browser.open.wait()
        yield browser, said.headers["location"].rpartition("/")[2]
    finally:
        await browser.close()


def turn() -> Samples:
    return at_48k(hum(600, loud=False) + hum(600) + hum(3_000, loud=False))


def test_a_spoken_turn_over_webrtc_with_a_client_secret_and_a_backend_beside(tmp_path: Path) -> None:
    async def scene() -> None:
        keys = Keys(tmp_path)
        key = await asyncio.to_thread(keys.add, "backend")
        async with House(["good morning"], settings=settings(keys, webrtc=LOOPBACK)) as house:
            value = await secret(house, key)
            async with (
                calling(house, value, turn()) as (browser, call_id),
                Client(house.url, key=key, call_id=call_id) as side,
            ):
                done = await side.until("response.done", within_s=20)
                assert done["response"]["output"][0]["content"][0]["transcript"] == "You said good morning."
                await side.until("output_audio_buffer.stopped", within_s=20)
                assert side.all("output_audio_buffer.started")
                kinds = browser.types()
                assert kinds.index("session.created") < kinds.index("response.created")
                assert "output_audio_buffer.started" in kinds
                assert "response.output_audio.delta" not in kinds
                assert np.abs(browser.sound().astype(int)).max() > 1_000
                said = await ask(house, "POST", f"{CALLS}/{call_id}/hangup", key=value)
                assert said.status_code == 200
                assert (await side.until_closed())[0] == 1000
            await house.empty()
            assert len(house.calls) == 0

    asyncio.run(scene())


def test_a_browser_that_closes_leaves_nothing() -> None:
    async def scene() -> None:
        async with House(settings=settings(webrtc=LOOPBACK)) as house:
            before = len(asyncio.all_tasks())
            for _ in range(3):
                async with calling(house) as (browser, _):
                    browser.say({"type": "session.update", "session": {"type": "realtime", "instructions": "x"}})
                    await until(lambda: "session.updated" in browser.types())
                await house.empty(within_s=10)
            await until(lambda: len(asyncio.all_tasks()) <= before)

    asyncio.run(scene())


def test_a_second_offer_to_the_same_call_is_answered() -> None:
    async def scene() -> None:
        async with House(settings=settings(webrtc=LOOPBACK)) as house, calling(house) as (browser, call_id):
            path = f"{CALLS}/{call_id}"
            again = await ask(house, "POST", path, content=await browser.offer(), headers=SDP)
            assert again.status_code == 200, again.text
            assert again.text.startswith("v=0")
            bad: Any = await ask(house, "POST", path, content="v=0\r\n", headers=SDP)
            assert bad.status_code == 400
            assert house.hub.active == 1

    asyncio.run(scene())


def test_offers_that_are_never_taken_up_end_by_themselves() -> None:
    async def scene() -> None:
        async with House(settings=settings(webrtc=replace(LOOPBACK, connect_s=1.0))) as house:
            browser = Browser()
            offer = await browser.offer()
            for _ in range(5):
                said = await ask(house, "POST", CALLS, content=offer, headers=SDP)
                assert said.status_code == 201
            assert house.calls.pending == 5
            await house.empty(within_s=5)
            await browser.close()
            assert len(house.calls) == 0

    asyncio.run(scene())
