"""Who speaks over the assistant, cancels, or heard only a part: exact order, through the engine's door."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.engines.local.sequences import TURN, play, user_says
from tests.engines.local.twins import HeardSound, Scene, call, kinds
from voice.engines.stages import TextDelta
from voice.protocol.items import AssistantMessage, OutputAudio
from voice.protocol.server_events import (
    ConversationItemAdded,
    ResponseCreated,
    ResponseDone,
    ResponseOutputItemDone,
)


def test_barge_in_while_the_reply_is_being_made() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.speaker.gate.clear()
            await room.create()
            assert await room.hears(300) == [
                "input_audio_buffer.speech_started",
                "response.output_audio.done",
                "response.output_audio_transcript.done",
                "response.content_part.done",
                "conversation.item.done",
                "response.output_item.done",
                "response.done",
            ]
            done = room.last(ResponseDone).response
            assert done.status == "cancelled"
            assert done.status_details is not None
            assert done.status_details.reason == "turn_detected"
            assert room.last(ResponseOutputItemDone).item.status == "incomplete"  # type: ignore[union-attr]
            assert room.speaker.stopped == 1

    play(scene())


def test_an_uninterruptible_reply_is_finished_before_the_turn_is_answered() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(audio={"input": {"turn_detection": {"type": "server_vad", "interrupt_response": False}}})
            room.speaker.gate.clear()
            await room.create()
            assert await room.says("and then") == TURN
            room.speaker.gate.set()
            await room.settle()
            assert room.outcomes == ["completed", "completed"]
            assert len(room.brain.requests[1].items) == 2

    play(scene())


def test_cancel_stops_synthesis_within_one_piece() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.brain.scripts.append([TextDelta("word " * 2000)])
            room.send({"type": "response.create"})
            await room.until("response.output_audio.delta")
            made = room.speaker.pieces
            said = await room.does({"type": "response.cancel"})
            assert said[-1] == "response.done"
            assert room.outcomes == ["cancelled"]
            assert room.speaker.pieces - made <= 100 / 20 + 1
            assert (room.speaker.stopped, room.brain.closed) == (1, 1)

    play(scene())


def test_cancel_with_the_wrong_id_or_nothing_to_cancel() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.does({"type": "response.cancel", "event_id": "a"})
            room.speaker.gate.clear()
            await room.create()
            await room.does({"type": "response.cancel", "response_id": "resp_other", "event_id": "b"})
            assert room.errors == [
                ("response_cancel_not_active", None, "a"),
                ("response_cancel_not_active", None, "b"),
            ]
            await room.does({"type": "response.cancel", "response_id": room.last(ResponseCreated).response.id})
            assert room.outcomes == ["cancelled"]

    play(scene())


def test_a_second_response_in_the_conversation_is_refused() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.speaker.gate.clear()
            await room.create()
            assert await room.does({"type": "response.create", "event_id": "second"}) == ["error"]
            assert room.errors == [("conversation_already_has_active_response", None, "second")]
            room.speaker.gate.set()
            await room.settle()
            assert room.outcomes == ["completed"]

    play(scene())


def test_cancelled_before_the_words_of_the_turn_are_known() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.recogniser.gate.clear()
            await room.says("hello")
            assert await room.does({"type": "response.cancel"}) == ["response.done"]
            room.recogniser.gate.set()
            await room.settle()
            assert room.brain.requests == []
            assert room.last(ResponseDone).response.output == []

    play(scene())


@pytest.mark.parametrize("steps", range(0, 60, 3))
def test_cancelled_at_any_step_everything_that_was_opened_is_closed_once(steps: int) -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.brain.scripts.append(
                [TextDelta("One moment, please. "), TextDelta("I am looking."), *call("c1", "look", '{"at":', '"it"}')]
            )
            room.send({"type": "response.create"})
            for _ in range(steps):
                await asyncio.sleep(0)
            await room.does({"type": "response.cancel"})
            said = kinds(room.events)
            assert said.count("response.created") == said.count("response.done") == 1
            assert said.count("response.output_item.added") == said.count("response.output_item.done")
            assert said.count("response.content_part.added") == said.count("response.content_part.done")
            assert said[said.index("response.done") + 1 :] in ([], ["error"])
            assert room.brain.closed == len(room.brain.requests)
            # The conversation goes on.
            assert (await room.create())[-1] == "response.done"

    play(scene())


def test_truncating_changes_what_the_brain_is_told_next() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.brain.scripts.append([TextDelta("It is nine. Time for bed.")])
            await room.create()
            item_id = room.last(HeardSound).item_id
            first_ms = len("It is nine.") * 10
            truncate = {"type": "conversation.item.truncate", "item_id": item_id, "content_index": 0}
            assert await room.does({**truncate, "audio_end_ms": first_ms + 30}) == ["conversation.item.truncated"]
            await room.create()
            [told] = room.brain.requests[1].items
            assert isinstance(told, AssistantMessage)
            assert isinstance(told.content[0], OutputAudio)
            assert told.content[0].transcript == "It is nine. Time"
            # Nothing comes back by a later, longer cut.
            await room.does({**truncate, "audio_end_ms": first_ms + 60, "event_id": "longer"})
            assert room.errors == [("invalid_value", "audio_end_ms", "longer")]

    play(scene())


def test_truncated_at_nothing_the_item_is_not_told_at_all() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.create()
            item_id = room.last(HeardSound).item_id
            cut = {"type": "conversation.item.truncate", "item_id": item_id, "content_index": 0, "audio_end_ms": 0}
            await room.does(cut, {"type": "response.create"})
            assert list(room.brain.requests[1].items) == []

    play(scene())


def test_an_interrupted_reply_is_told_as_far_as_it_has_sound() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.speaker.gate.clear()
            room.brain.scripts.append([TextDelta("Nine. And many more words that nobody hears.")])
            await room.create()
            await room.does({"type": "response.cancel"})
            await room.create()
            assert all("nobody" not in str(item) for item in room.brain.requests[1].items)

    play(scene())


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"audio_end_ms": 101}, ("invalid_value", "audio_end_ms")),
        ({"content_index": 1}, ("invalid_value", "content_index")),
        ({"item_id": "item_none"}, ("item_not_found", "item_id")),
        ({"item_id": "written"}, ("unsupported_content_type", "item_id")),
    ],
)
def test_truncations_that_cannot_be(change: dict[str, Any], error: tuple[str, str]) -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.does(user_says("hello"))
            written = room.last(ConversationItemAdded).item.id
            await room.create()
            good = {"item_id": room.last(HeardSound).item_id, "content_index": 0, "audio_end_ms": 100} | change
            if good["item_id"] == "written":
                good["item_id"] = written
            await room.does({"type": "conversation.item.truncate", "event_id": "mine", **good})
            assert room.errors == [(*error, "mine")]

    play(scene())
