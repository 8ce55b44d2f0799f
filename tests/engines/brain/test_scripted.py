"""The scripted twin."""

from __future__ import annotations

import asyncio

import pytest

from voice.engines.brain.scripted import ScriptedBrain
from voice.engines.stages import BrainRequest, TextDelta, ToolCallDone, ToolCallStarted
from voice.errors import EngineFailed, EngineRefused


def test_it_says_what_is_written_and_remembers_what_it_was_asked() -> None:
    async def scene() -> None:
        brain = ScriptedBrain(["Hi.", [ToolCallStarted("c", "f"), ToolCallDone("c")], EngineRefused("no")])
        request = BrainRequest(items=[])
        assert [event async for event in brain.reply(request)] == [TextDelta("Hi.")]
        assert [event async for event in brain.reply(request)] == [ToolCallStarted("c", "f"), ToolCallDone("c")]
        with pytest.raises(EngineRefused):
            _ = [event async for event in brain.reply(request)]
        with pytest.raises(EngineFailed):
            _ = [event async for event in brain.reply(request)]
        assert len(brain.requests) == 4

    asyncio.run(scene())


def test_it_counts_answers_that_nobody_waited_for() -> None:
    async def scene() -> None:
        brain = ScriptedBrain([[TextDelta("a"), TextDelta("b")]])
        answer = brain.reply(BrainRequest(items=[]))
        await anext(answer)
        await answer.aclose()  # type: ignore[attr-defined]
        assert brain.cancelled == 1

    asyncio.run(scene())
