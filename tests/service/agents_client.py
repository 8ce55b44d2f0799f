"""The official `openai-agents` package as a client: a realtime agent with a function of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from agents.realtime.model import RealtimeModelConfig
from agents.realtime.openai_realtime import OpenAIRealtimeSIPModel

PIECE_BYTES = 4_800
PATIENCE_S = 20.0


@function_tool
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It is raining in {city}."


class Conversation:
    """One session of the runner; a task reads it, as an application would."""

    def __init__(self, session: RealtimeSession) -> None:
        self.session = session
        self.events: list[Any] = []
        self.raw: list[dict[str, Any]] = []
        """What the server said, as the package read it."""
        self._news = asyncio.Event()

    async def say(self, sound: bytes, pace_s: float = 0.0) -> None:
        """Sound of 24 kHz PCM16, in pieces of 100 ms."""
        for at in range(0, len(sound), PIECE_BYTES):
            await self.session.send_audio(sound[at : at + PIECE_BYTES])
            await asyncio.sleep(pace_s)

    async def speak(self, sound: bytes) -> None:
        """The same as a microphone does it: the package asks for turns that end by the words heard so far, and words
        take their time."""
        await self.say(sound, PIECE_BYTES / 48_000)

    async def until(self, there: Callable[[], Any]) -> Any:
        """Until something true is there."""
        async with asyncio.timeout(PATIENCE_S):
            while not (found := there()):
                self._news.clear()
                await self._news.wait()
        return found

    def all(self, kind: str) -> list[Any]:
        """Events of the session, by type."""
        return [event for event in self.events if event.type == kind]

    @property
    def statuses(self) -> list[str]:
        """Whether the package's socket stands, each time it changed."""
        changes = [event.data for event in self.all("raw_model_event") if event.data.type == "connection_status"]
        return [change.status for change in changes]

    def said_by_server(self, kind: str) -> list[dict[str, Any]]:
        """Events of the wire, by type."""
        return [event for event in self.raw if event["type"] == kind]

    @property
    def answers(self) -> list[str]:
        """What the assistant said, one text for each complete message."""
        items = [event["item"] for event in self.said_by_server("response.output_item.done")]
        return [item["content"][0]["transcript"] for item in items if item["type"] == "message"]

    def sound(self) -> bytes:
        return b"".join(event.audio.data for event in self.all("audio"))

    async def read(self) -> None:
        async for event in self.session:
            self.events.append(event)
            if event.type == "raw_model_event" and event.data.type == "raw_server_event":
                self.raw.append(event.data.data)
            self._news.set()


@asynccontextmanager
async def conversation(url: str) -> AsyncIterator[Conversation]:
    """`RealtimeRunner(agent).run()` with the URL at us and every other setting the package's own."""
    agent: RealtimeAgent[Any] = RealtimeAgent(name="Helper", instructions="Help.", tools=[get_weather])
    async with _running(RealtimeRunner(agent), {"url": url, "api_key": "x"}) as talk:
        yield talk


@asynccontextmanager
async def beside(url: str, key: str, call_id: str) -> AsyncIterator[Conversation]:
    """The same package beside a call that others hold, as its own documentation attaches it: no model is named, and
    the sound stays where it is."""
    agent: RealtimeAgent[Any] = RealtimeAgent(name="Backend", instructions="Be brief.", tools=[get_weather])
    config: RealtimeModelConfig = {"url": f"{url}?call_id={call_id}", "api_key": key, "call_id": call_id}
    async with _running(RealtimeRunner(agent, model=OpenAIRealtimeSIPModel()), config) as talk:
        yield talk


@asynccontextmanager
async def _running(runner: RealtimeRunner, config: RealtimeModelConfig) -> AsyncIterator[Conversation]:
    session = await runner.run(model_config=config)
    async with session:
        talk = Conversation(session)
        reading = asyncio.create_task(talk.read())
        await talk.until(lambda: talk.said_by_server("session.updated"))
        try:
            yield talk
            assert not talk.all("error"), talk.all("error")
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
