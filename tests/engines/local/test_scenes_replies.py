"""Replies of the assistant, one scene for each sequence of the protocol: exact order, through the engine's door."""

from __future__ import annotations

import pytest

from tests.engines.local.sequences import CALLED, SPOKEN, WRITTEN, play, user_says
from tests.engines.local.twins import Scene, call
from voice.engines.stages import BrainUsage, TextDelta
from voice.protocol.items import FunctionCall, InputImage, UserMessage
from voice.protocol.server_events import (
    ConversationItemAdded,
    ResponseDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDone,
)

# Text, images, written answers


def test_a_written_question_is_answered_aloud() -> None:
    async def scene() -> None:
        async with Scene() as room:
            asked = await room.does(user_says("hello"), {"type": "response.create"})
            assert asked == ["conversation.item.added", "conversation.item.done", *SPOKEN]

    play(scene())


def test_a_written_answer() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.brain.scripts.append([TextDelta("Very "), TextDelta("well.")])
            assert await room.create(output_modalities=["text"]) == WRITTEN
            assert room.last(ResponseOutputTextDone).text == "Very well."
            assert room.speaker.said == []
            assert room.last(ResponseDone).response.audio is None

    play(scene())


def test_images_reach_the_brain() -> None:
    async def scene() -> None:
        async with Scene() as room:
            picture = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
            item = {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "What is it?"}, picture],
            }
            await room.does({"type": "conversation.item.create", "item": item}, {"type": "response.create"})
            told = room.brain.requests[0].items[0]
            assert isinstance(told, UserMessage)
            assert isinstance(told.content[1], InputImage)
            assert told.content[1].image_url == picture["image_url"]

    play(scene())


def test_many_sentences_are_spoken_one_by_one_each_transcript_ahead_of_its_sound() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.brain.scripts.append([TextDelta("It is ni"), TextDelta("ne. Time for b"), TextDelta("ed.")])
            said = await room.create()
            assert said[4:8] == ["response.output_audio_transcript.delta", "response.output_audio.delta"] * 2
            assert [text for text, _, _ in room.speaker.said] == ["It is nine.", "Time for bed."]
            assert room.last(ResponseDone).response.output[0].content[0].transcript == "It is nine. Time for bed."  # type: ignore[union-attr]

    play(scene())


# Functions


def test_a_function_round() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(tools=[{"type": "function", "name": "clock"}])
            room.brain.scripts.append(call("c1", "clock", '{"zone":', '"utc"}'))
            assert await room.create() == ["response.created", *CALLED, "response.done"]
            deltas = room.all(ResponseFunctionCallArgumentsDelta)
            assert [delta.delta for delta in deltas] == ['{"zone":', '"utc"}']
            done = room.last(ResponseFunctionCallArgumentsDone)
            assert (done.call_id, done.name, done.arguments) == ("c1", "clock", '{"zone":"utc"}')
            item = room.last(ResponseOutputItemDone).item
            assert isinstance(item, FunctionCall)
            assert item.status == "completed"
            output = {"type": "function_call_output", "call_id": "c1", "output": "nine"}
            assert await room.does({"type": "conversation.item.create", "item": output}) == [
                "conversation.item.added",
                "conversation.item.done",
            ]
            assert await room.create() == SPOKEN
            assert [item.type for item in room.brain.requests[1].items] == ["function_call", "function_call_output"]

    play(scene())


def test_several_calls_and_words_before_them_are_items_of_one_response() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.brain.scripts.append([TextDelta("One moment."), *call("c1", "a", "{}"), *call("c2", "b", "{}")])
            assert await room.create() == [*SPOKEN[:-1], *CALLED, *CALLED, "response.done"]
            added = room.all(ResponseOutputItemAdded)
            assert [one.output_index for one in added] == [0, 1, 2]
            assert [item.type for item in room.last(ResponseDone).response.output] == [
                "message",
                "function_call",
                "function_call",
            ]

    play(scene())


def test_an_output_for_no_call_is_refused() -> None:
    async def scene() -> None:
        async with Scene() as room:
            output = {"type": "function_call_output", "call_id": "c9", "output": "nine"}
            await room.does({"type": "conversation.item.create", "event_id": "mine", "item": output})
            assert room.errors == [("invalid_tool_call_id", "item.call_id", "mine")]

    play(scene())


# Out of band, overrides, exact words


def test_out_of_band_runs_beside_the_spoken_reply_and_leaves_no_trace() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.speaker.gate.clear()
            await room.create()
            said = await room.create(
                conversation="none", output_modalities=["text"], metadata={"topic": "mood"}, instructions="Classify."
            )
            assert said == [kind for kind in WRITTEN if not kind.startswith("conversation.")]
            done = room.last(ResponseDone).response
            assert (done.conversation_id, done.metadata, done.status) == (None, {"topic": "mood"}, "completed")
            assert room.brain.requests[1].instructions == "Classify."
            room.speaker.gate.set()
            await room.settle()
            await room.create()
            assert len(room.brain.requests[2].items) == 1

    play(scene())


def test_own_input_replaces_the_conversation() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.does(user_says("first"), user_says("second"))
            second = room.last(ConversationItemAdded).item.id
            more = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "more"}]}
            await room.create(conversation="none", input=[{"type": "item_reference", "id": second}, more])
            texts = [item.content[0].text for item in room.brain.requests[0].items]  # type: ignore[union-attr]
            assert texts == ["second", "more"]
            await room.create(input=[])
            assert list(room.brain.requests[1].items) == []
            await room.does(
                {
                    "type": "response.create",
                    "event_id": "mine",
                    "response": {"input": [{"type": "item_reference", "id": "item_none"}]},
                }
            )
            assert room.errors == [("item_not_found", "response.input", "mine")]

    play(scene())


def test_overrides_hold_for_one_response() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(instructions="Usual.", audio={"output": {"speed": 1.25}})
            await room.create(
                instructions="Special.",
                tools=[{"type": "function", "name": "clock"}],
                tool_choice={"type": "function", "name": "clock"},
                audio={"output": {"voice": "marin"}},
            )
            await room.create()
            first, second = room.brain.requests
            assert (first.instructions, len(first.tools), first.tool_choice) == ("Special.", 1, "clock")
            assert (second.instructions, len(second.tools), second.tool_choice) == ("Usual.", 0, "auto")
            assert [(voice, speed) for _, voice, speed in room.speaker.said] == [("marin", 1.25), ("alloy", 1.25)]

    play(scene())


def test_exact_words_are_spoken_without_the_brain() -> None:
    async def scene() -> None:
        async with Scene() as room:
            assert await room.create(metadata={"voice.say": "Your tea is ready."}) == SPOKEN
            assert room.brain.requests == []
            assert [text for text, _, _ in room.speaker.said] == ["Your tea is ready."]
            await room.create()
            assert "Your tea is ready." in str(room.brain.requests[0].items)

    play(scene())


def test_the_limit_of_tokens_ends_a_response_as_incomplete() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.brain.scripts.append([TextDelta("x" * 39), TextDelta("never said")])
            await room.create(output_modalities=["text"], max_output_tokens=5)
            done = room.last(ResponseDone).response
            assert done.status == "incomplete"
            assert done.status_details is not None
            assert done.status_details.reason == "max_output_tokens"
            assert room.last(ResponseOutputTextDone).text == "x" * 20
            assert done.usage is not None
            assert done.usage.output_tokens == 5
            assert done.output[0].status == "incomplete"  # type: ignore[union-attr]
            # Sound counts too: 13 tokens of words leave 7 × 50 ms.
            room.brain.scripts.append([TextDelta("Twelve chars and then much more to say than that.")])
            before = room.played_ms()
            await room.create(max_output_tokens=20)
            assert room.outcomes[-1] == "incomplete"
            assert room.played_ms() - before == pytest.approx((20 - 13) * 50, abs=20)
            usage = room.last(ResponseDone).response.usage
            assert usage is not None
            assert usage.output_tokens == 20

    play(scene())


def test_usage_counts_voices_by_time_and_words_by_the_brain() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.brain.scripts.append([TextDelta("Very well."), BrainUsage(40, 5, 8)])
            await room.says("hello")
            usage = room.last(ResponseDone).response.usage
            assert usage is not None
            assert usage.input_token_details is not None
            assert usage.output_token_details is not None
            assert (usage.input_token_details.text_tokens, usage.input_token_details.cached_tokens) == (40, 8)
            assert usage.input_token_details.audio_tokens == 14  # 1.34 s of voice and silence
            assert (usage.output_token_details.text_tokens, usage.output_token_details.audio_tokens) == (5, 2)
            assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (54, 7, 61)

    play(scene())
