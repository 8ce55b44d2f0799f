"""Connections of other kinds than a plain websocket: what is said over each of them, as one client of it hears it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from tests.service.client import Client, hum
from tests.service.house import House
from tests.service.test_webrtc import calling

Visit = Callable[[House], AsyncIterator[Client]]


async def a_call_over_webrtc(house: House) -> AsyncIterator[Client]:
    """A backend attends it: its socket tells the same events as the call's own channel."""
    async with calling(house) as (_, call_id), Client(house.url, call_id=call_id) as client:
        await client.ask("hello")
        for news in ("started", "stopped"):
            await client.until(f"output_audio_buffer.{news}", within_s=20)
        await client.write("talk on")
        await client.send("response.create")
        await client.until("output_audio_buffer.started")
        await asyncio.sleep(0.5)  # some of it is heard
        await client.send("response.cancel")
        await client.send("output_audio_buffer.clear")
        await client.until("output_audio_buffer.cleared")
        await client.until("conversation.item.truncated")
        yield client
    await house.empty(within_s=10)


async def a_session_that_only_transcribes(house: House) -> AsyncIterator[Client]:
    house.recogniser.lines.append("good morning")
    transcriber = Client(house.url, intent="transcription")
    transcriber.kind = "transcription"
    async with transcriber as client:
        await client.update(audio={"input": {"turn_detection": None}})
        await client.append(hum(400))
        await client.send("input_audio_buffer.commit")
        await client.until("conversation.item.input_audio_transcription.completed")
        yield client


VISITS: dict[str, Visit] = {
    "a call over WebRTC, with a backend beside it": a_call_over_webrtc,
    "a session that only transcribes": a_session_that_only_transcribes,
}
