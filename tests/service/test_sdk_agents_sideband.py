"""A stock `openai-agents` agent beside a WebRTC call: it sets the call up and runs its tool; the caller hears it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from openai import AsyncOpenAI

from tests.service.agents_client import beside
from tests.service.client import hum
from tests.service.doors import SDP, Keys, settings
from tests.service.house import House
from tests.service.served import served
from tests.service.sound import fixture, independent_words, resampled
from tests.transports.webrtc.browser import LOOPBACK, RATE_HZ, Browser

ANSWER = "It is raining in paris."


@asynccontextmanager
async def caller(base: str, key: str, pcm_24k: bytes = b"") -> AsyncIterator[tuple[Browser, str]]:
    """A browser that calls with a client secret, and the call's id. `pcm_24k` is what it says from the beginning."""
    async with AsyncOpenAI(base_url=base, api_key=key) as backend:
        value = (await backend.realtime.client_secrets.create(session={"type": "realtime"})).value
    browser = Browser(np.repeat(np.frombuffer(pcm_24k, "<i2"), 2))
    headers = {**SDP, "authorization": f"Bearer {value}"}
    try:
        async with httpx.AsyncClient(trust_env=False) as http:
            said = await http.post(f"{base}/realtime/calls", content=await browser.offer(), headers=headers)
        assert said.status_code == 201, said.text
        await browser.accept(said.text)
        async with asyncio.timeout(10):
            await browser.open.wait()
        yield browser, said.headers["location"].rpartition("/")[2]
    finally:
        await browser.close()


def types(browser: Browser, text: str) -> None:
    """The caller writes, over the data channel."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    browser.say({"type": "conversation.item.create", "item": item})
    browser.say({"type": "response.create"})


def silence(seconds: float) -> bytes:
    return bytes(int(24_000 * seconds) * 2)


def words(browser: Browser) -> str:
    """What an outsider understands of all that the caller heard."""
    return independent_words(resampled(browser.sound().tobytes(), RATE_HZ, 24_000))


def test_the_backends_tool_answers_a_caller_over_scripted_stages(tmp_path: Path) -> None:
    async def scene() -> None:
        keys = Keys(tmp_path)
        key = await asyncio.to_thread(keys.add, "backend")
        lines = ['use get_weather {"city": "paris"}']
        said = silence(2) + hum(600) + silence(3)
        async with (
            House(lines, settings=settings(keys, webrtc=LOOPBACK)) as house,
            caller(house.http, key, said) as (browser, call_id),
            beside(house.url, key, call_id) as side,
        ):
            updated = side.said_by_server("session.updated")[-1]  # the package says its settings twice
            assert updated["session"]["instructions"] == "Be brief."
            assert [tool["name"] for tool in updated["session"]["tools"]] == ["get_weather"]
            await side.until(lambda: f"The answer is {ANSWER}." in side.answers)
            (ended,) = side.all("tool_end")
            assert (ended.tool.name, ended.output) == ("get_weather", ANSWER)
            await side.until(lambda: side.said_by_server("output_audio_buffer.stopped"))
            assert np.abs(browser.sound().astype(int)).max() > 1_000
            assert "response.function_call_arguments.done" in browser.types()

    asyncio.run(scene())


@pytest.fixture(scope="module")
def key_and_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("keys")
    key = Keys(folder).add("backend")
    with served("--engine", "local", keys_file=str(folder / "keys.json")) as address:
        yield key, address


@pytest.mark.sdk
@pytest.mark.speech
def test_the_caller_hears_what_the_backends_tool_found_out(key_and_url: tuple[str, str]) -> None:
    key, base = key_and_url

    async def scene() -> None:
        async with (
            caller(base, key) as (browser, call_id),
            beside(base.replace("http://", "ws://") + "/realtime", key, call_id) as side,
        ):
            types(browser, "what is the weather in paris")
            await side.until(lambda: ANSWER in side.answers)
            (ended,) = side.all("tool_end")
            assert ended.output == ANSWER
            await side.until(lambda: side.said_by_server("output_audio_buffer.stopped"))
            assert "it is raining" in words(browser)

    asyncio.run(scene())


@pytest.mark.sdk
@pytest.mark.speech
def test_a_spoken_call_with_a_backend_beside_it_ends_when_the_backend_wants_it_to(key_and_url: tuple[str, str]) -> None:
    key, base = key_and_url
    asked = silence(2) + fixture("lines/what_is_twelve_times_seven_rms.wav", tail_ms=12_000)

    async def scene() -> None:
        async with (
            caller(base, key, asked) as (browser, call_id),
            beside(base.replace("http://", "ws://") + "/realtime", key, call_id) as side,
        ):
            await side.until(lambda: side.answers)
            assert side.answers == ["12 times 7 is 84."]
            await side.until(lambda: side.said_by_server("output_audio_buffer.stopped"))
            assert "eighty four" in words(browser)
            async with AsyncOpenAI(base_url=base, api_key=key) as backend:
                await backend.realtime.calls.hangup(call_id)
            await side.until(lambda: "disconnected" in side.statuses)

    asyncio.run(scene())
