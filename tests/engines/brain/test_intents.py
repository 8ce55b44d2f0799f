"""The embedded brain in conversation, with the real tools behind it."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence

import pytest

from voice.engines.brain.intents import IntentsBrain
from voice.engines.stages import BrainEvent, BrainRequest, TextDelta, ToolCallDelta, ToolCallDone, ToolCallStarted
from voice.protocol.items import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    Item,
    OutputAudio,
    SystemMessage,
    UserMessage,
)
from voice.protocol.settings import FunctionTool
from voice.tools.audit import AuditRing
from voice.tools.builtin import builtin_tools
from voice.tools.builtin.convert import units
from voice.tools.clock import ManualClock
from voice.tools.executor import Executor
from voice.tools.memory import MemoryInProcess
from voice.tools.registry import Registry
from voice.tools.spec import Call

pytest.importorskip("hassil")
units()  # reads a file the first time


class Room:
    """A person, the brain and the tools; `say` plays a whole turn."""

    session_id = "room"

    def __init__(self, *, instructions: str = "") -> None:
        self.clock = ManualClock()
        tools = builtin_tools(self.clock, MemoryInProcess(), random.Random(4))
        self.executor = Executor(Registry(tools), AuditRing(), self.clock)
        self.brain = IntentsBrain()
        self.items: list[Item] = []
        self.instructions = instructions
        self.announced: list[str] = []
        self.called: list[str] = []

    def announce(self, text: str) -> None:
        self.announced.append(text)

    def progress(self, text: str) -> None:
        raise AssertionError("no built-in tool takes that long")

    async def say(self, words: str) -> str:
        self.items.append(heard(words))
        for _ in range(3):
            events = await reply(self.brain, self.items, self.executor.registry.tools_for_model(), self.instructions)
            if isinstance(events[0], TextDelta):
                said = text(events)
                self.items.append(AssistantMessage(content=[OutputAudio(transcript=said)]))
                return said
            await self._run(events)
        raise AssertionError("the brain goes on calling tools")

    async def _run(self, events: Sequence[BrainEvent]) -> None:
        call_id, name, arguments = call(events)
        self.called.append(name)
        outcome = await self.executor.run(Call(call_id, name, arguments), self)
        self.items.append(FunctionCall(call_id=call_id, name=name, arguments=arguments))
        self.items.append(FunctionCallOutput(call_id=call_id, output=outcome.output))


def heard(words: str) -> UserMessage:
    return UserMessage(content=[InputAudio(transcript=words)])


async def reply(
    brain: IntentsBrain,
    items: Sequence[Item],
    tools: Sequence[FunctionTool] = (),
    instructions: str = "",
    choice: str = "auto",
) -> list[BrainEvent]:
    request = BrainRequest(items=items, tools=tools, instructions=instructions, tool_choice=choice)
    return [event async for event in brain.reply(request)]


def text(events: Sequence[BrainEvent]) -> str:
    assert all(isinstance(event, TextDelta) for event in events)
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def call(events: Sequence[BrainEvent]) -> tuple[str, str, str]:
    started, *pieces, done = events
    assert isinstance(started, ToolCallStarted)
    assert done == ToolCallDone(started.call_id)
    arguments = ""
    for piece in pieces:
        assert isinstance(piece, ToolCallDelta)
        assert piece.call_id == started.call_id
        arguments += piece.arguments
    return started.call_id, started.name, arguments


CONVERSATION = [
    ("hello", "Hello! What can I do for you?"),
    ("what time is it", "It's 9:30 AM."),
    ("what's the time in New York", "In New York it's 4:30 AM."),
    ("what's the date tomorrow", "Tomorrow is Tuesday, January 6th, 2026."),
    ("what is twelve times seven", "12 times 7 is 84."),
    ("fifteen percent of eighty", "15 percent of 80 is 12."),
    ("divide ten by zero", "That didn't work. Nothing can be divided by zero."),
    ("how many feet are in a mile", "1 mile is 5280 feet."),
    ("what's 100 degrees fahrenheit in celsius", "100 degrees Fahrenheit is 37.7778 degrees Celsius."),
    ("convert ten miles to kilograms", "That didn't work. Miles measure length, kilograms measure weight."),
    ("remember that my keys are in the drawer", "I'll remember that your keys are in the drawer."),
    ("where are my keys", "You told me that your keys are in the drawer."),
    ("where is my wallet", "I have no note about wallet."),
    ("forget my keys", "I forgot that your keys are in the drawer."),
    ("what do you remember", "I have no notes yet."),
    ("spell cat", "Cat: C, A, T."),
    ("say that again", "Cat: C, A, T."),
    ("my name is Anna", "I'll remember that your name is Anna."),
    ("what's my name", "You told me that your name is Anna."),
    ("the rain in spain stays mainly on the plain", "Sorry, I don't know how to help with that."),
    ("what's the weather like", "I can't look up the weather without the internet."),
    ("thank you", "My pleasure."),
]


def test_a_long_conversation() -> None:
    async def scene() -> None:
        room = Room()
        for said, answered in CONVERSATION:
            assert (await room.say(said)).startswith(answered), said

    asyncio.run(scene())


def test_timers_are_set_asked_for_cancelled_and_speak_when_due() -> None:
    async def scene() -> None:
        room = Room()
        assert await room.say("set a five minute tea timer") == "Tea timer set for 5 minutes."
        assert await room.say("set a timer") == "For how long?"
        assert await room.say("ten minutes") == "Timer set for 10 minutes."
        await room.clock.advance(60)
        assert await room.say("how much time is left on the tea timer") == "4 minutes left on your tea timer."
        assert await room.say("how long is left") == "You have 2 timers: tea, 4 minutes left; 9 minutes left."
        assert await room.say("cancel the timer") == "Which one: the tea timer or the 10 minutes timer?"
        await room.clock.advance(240)
        assert room.announced == ["Your tea timer is done."]
        assert await room.say("cancel the timer") == "I cancelled your timer."
        assert await room.say("cancel the timer") == "There is no timer running."

    asyncio.run(scene())


def test_an_answer_that_is_a_wish_of_its_own_is_not_taken_for_the_duration() -> None:
    async def scene() -> None:
        room = Room()
        await room.say("set a timer")
        assert await room.say("never mind") == "Okay."
        assert room.called == []

    asyncio.run(scene())


def test_help_tells_what_the_conversation_has() -> None:
    async def scene() -> None:
        room = Room()
        said = await room.say("what can you do")
        assert "set timers" in said
        only_spell = [tool for tool in room.executor.registry.tools_for_model() if tool.name == "spell"]
        assert text(await reply(room.brain, [heard("what can you do")], only_spell)) == "I can spell words. Just ask."
        assert "nothing else is switched on" in text(await reply(room.brain, [heard("help")]))

    asyncio.run(scene())


def test_a_tool_that_is_missing_is_said_and_not_pretended() -> None:
    answer = text(asyncio.run(reply(IntentsBrain(), [heard("set a timer for ten minutes")])))
    assert answer == "I can't do that in this conversation: the timer is switched off."


def test_the_name_in_the_instructions_is_used() -> None:
    async def scene() -> None:
        room = Room(instructions="You are Ada, a helpful assistant of the town library.")
        assert await room.say("who are you") == "I'm Ada, a voice assistant."
        assert await room.say("hello") == "Hello, this is Ada. What can I do for you?"
        plain = Room(instructions="You are a helpful assistant.")
        assert "runs on this machine" in await plain.say("who are you")

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("instructions", "spoken"),
    [
        ("Say exactly this to the person, and nothing else: Your tea timer is done.", "Your tea timer is done."),
        ('Say "Welcome to the bank: how are you?"', "Welcome to the bank: how are you?"),
        ("Greet the person warmly.", "Hi there! How can I help?"),
    ],
)
def test_what_an_operator_wants_said(instructions: str, spoken: str) -> None:
    assert text(asyncio.run(reply(IntentsBrain(), [], instructions=instructions))) == spoken


def test_a_system_message_can_be_spoken() -> None:
    items: list[Item] = [heard("hello"), SystemMessage(content=[InputText(text="Say: Your taxi is here.")])]
    assert text(asyncio.run(reply(IntentsBrain(), items))) == "Your taxi is here."


@pytest.mark.parametrize("words", ["", "   ", "...", "um"])
def test_silence_is_asked_about(words: str) -> None:
    assert "catch that" in text(asyncio.run(reply(IntentsBrain(), [heard(words)])))


def test_sound_without_a_transcript_is_asked_about() -> None:
    item = UserMessage(content=[InputAudio(transcript=None)])
    assert "catch that" in text(asyncio.run(reply(IntentsBrain(), [item])))


def test_the_repeated_words_are_those_that_were_heard() -> None:
    truncated = AssistantMessage(content=[OutputAudio(transcript="You rolled a")])
    assert (
        text(asyncio.run(reply(IntentsBrain(), [heard("roll a die"), truncated, heard("say that again")])))
        == "You rolled a"
    )


def test_arguments_come_in_pieces_that_are_json_together() -> None:
    async def scene() -> None:
        tools = Room().executor.registry.tools_for_model()
        long = "remember that " + "the blue book is on the shelf and " * 4 + "ça va"
        _, name, arguments = call(events := await reply(IntentsBrain(make_id=lambda: "c1"), [heard(long)], tools))
        assert name == "remember"
        assert json.loads(arguments)["text"].endswith("ça va")
        assert len(events) > 4
        assert events[0] == ToolCallStarted("c1", "remember")

    asyncio.run(scene())


def test_closing_the_answer_early_is_quiet() -> None:
    async def scene() -> None:
        answer = IntentsBrain().reply(BrainRequest(items=[heard("what can you do")]))
        await anext(answer)
        await answer.aclose()  # type: ignore[attr-defined]

    asyncio.run(scene())
