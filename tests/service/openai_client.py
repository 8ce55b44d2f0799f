"""The official `openai` package as a client, as its documentation shows it."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

PIECE_BYTES = 4_800
PATIENCE_S = 20.0


class Talk:
    """One connection and everything that was heard on it."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.events: list[Any] = []
        self._found: Counter[str] = Counter()
        self._events = connection.__aiter__()

    async def until(self, kind: str) -> Any:
        """The next event of this type."""
        place = self._found[kind]
        self._found[kind] += 1
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = [event for event in self.events if event.type == kind]
                if len(found) > place:
                    return found[place]
                self.events.append(await anext(self._events))

    async def say(self, sound: bytes) -> None:
        """Sound of 24 kHz PCM16, in pieces of 100 ms, faster than it was spoken."""
        for at in range(0, len(sound), PIECE_BYTES):
            audio = base64.b64encode(sound[at : at + PIECE_BYTES]).decode()
            await self.connection.input_audio_buffer.append(audio=audio)

    async def ask(self, text: str) -> None:
        """A typed question."""
        content: Any = [{"type": "input_text", "text": text}]
        await self.connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await self.connection.response.create()

    async def answer(self) -> Any:
        """The next message of the assistant, complete."""
        while True:
            item = (await self.until("response.output_item.done")).item
            if item.type == "message":
                return item

    def sound(self, item_id: str) -> bytes:
        """The audio of an item so far."""
        deltas = [event for event in self.events if event.type == "response.output_audio.delta"]
        return b"".join(base64.b64decode(event.delta) for event in deltas if event.item_id == item_id)

    @property
    def errors(self) -> list[Any]:
        return [event.error for event in self.events if event.type == "error"]


@asynccontextmanager
async def talk(base_url: str, **session: Any) -> AsyncIterator[Talk]:
    """`client.realtime.connect` with the base URL at us."""
    async with (
        AsyncOpenAI(base_url=base_url, api_key="x") as client,
        client.realtime.connect(model="gpt-realtime-2.1") as connection,
    ):
        talk = Talk(connection)
        await talk.until("session.created")
        transcription: Any = {"input": {"transcription": {"model": "gpt-transcribe"}}}
        settings: Any = {"type": "realtime", "audio": transcription, **session}
        await connection.session.update(session=settings)
        await talk.until("session.updated")
        yield talk


WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Tell the weather in a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


async def tool_round(talk: Talk) -> Any:
    """The model called `get_weather`: answer it; returns what it then says."""
    called = await talk.until("response.function_call_arguments.done")
    assert (called.name, called.arguments) == ("get_weather", '{"city": "paris"}')
    await talk.until("response.done")
    await talk.connection.conversation.item.create(
        item={"type": "function_call_output", "call_id": called.call_id, "output": "It is raining."}
    )
    await talk.connection.response.create()
    return await talk.answer()


async def cut(talk: Talk, item_id: str, audio_end_ms: int) -> str:
    """Say that only so much was heard; returns what the service now believes to have said."""
    await talk.connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=audio_end_ms)
    truncated = await talk.until("conversation.item.truncated")
    assert (truncated.item_id, truncated.audio_end_ms) == (item_id, audio_end_ms)
    await talk.connection.conversation.item.retrieve(item_id=item_id)
    kept = (await talk.until("conversation.item.retrieved")).item
    return str(kept.content[0].transcript)
