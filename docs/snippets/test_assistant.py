"""Test an assistant against a realtime server that does what the test says. Run it with pytest."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from voice.app import CallReport, run_call
from voice.config import Settings
from voice.config.records import EngineSettings, SessionSettings
from voice.testkit.caller import Caller
from voice.testkit.faults import At, Drop, Fault, On, Refuse, session_expired
from voice.testkit.mind import FunctionWish, answers
from voice.testkit.person import Line
from voice.testkit.server import RealtimeServer

# Your assistant: load your own file instead, with voice.config.load(Path("voice.toml")).
SETTINGS = Settings(session=SessionSettings(instructions="You answer in one sentence."))

# The model of the test: what it does when the person has said this.
MIND = answers(
    {
        "hello": "good day",
        "what is six times seven": FunctionWish("calculate", '{"expression":"6*7"}'),
        "tell me a story": "once upon a time there was a very long story",
    }
)


async def call(server: RealtimeServer, *lines: Line | str) -> tuple[Caller, CallReport]:
    """One call of the assistant: a person says the lines, the server is the engine."""
    engine = EngineSettings(kind="url", url=server.url, model="scripted")
    caller = Caller(lines, server.vocabulary)
    return caller, await run_call(replace(SETTINGS, engine=engine), caller)


def test_a_tool_is_used_and_its_result_spoken() -> None:
    async def scene() -> None:
        async with RealtimeServer(MIND) as server:
            caller, _ = await call(server, "what is six times seven")
            assert "42" in caller.heard
            assert [item.kind for item in server.belief()] == ["user", "call", "output", "assistant"]

    asyncio.run(scene())


def test_a_person_who_interrupts_is_let_speak() -> None:
    async def scene() -> None:
        async with RealtimeServer(MIND) as server:
            caller, _ = await call(server, "tell me a story", Line("hello", interrupt_after=3))
            assert caller.heard.endswith("good day")
            story = server.belief()[1].text
            assert story in "once upon a time there was a very long story"
            assert caller.heard.startswith(story), "the model believes that this was heard, and it was"

    asyncio.run(scene())


def test_a_lost_connection_loses_nothing() -> None:
    async def scene() -> None:
        faults = [
            Fault(Drop(), On("response.create")),  # the line breaks when the answer is asked for
            Fault(Refuse(503), On("connect", 2)),  # and at first there is no other
        ]
        async with RealtimeServer(MIND, faults=faults) as server:
            caller, _ = await call(server, "hello")
            assert caller.heard == "good day"
            assert [item.text for item in server.belief()] == ["hello", "good day"]
            assert len(server.sessions) == 2

    asyncio.run(scene())


def test_the_longest_time_of_a_session_is_not_noticed() -> None:
    async def scene() -> None:
        async with RealtimeServer(MIND, faults=[session_expired(At(1.0))]) as server:
            caller, report = await call(server, "hello", "what is six times seven")
            assert "good day" in caller.heard
            assert "42" in caller.heard
            assert report.ended == "the person has nothing more to say"

    asyncio.run(scene())
