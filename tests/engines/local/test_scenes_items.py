"""Items made, found, moved and deleted by the client."""

from __future__ import annotations

import pytest

from tests.engines.local.sequences import play, user_says
from tests.engines.local.twins import Scene
from voice.audio.frames import PCM_24K, AudioFrame
from voice.protocol.items import InputAudio, UserMessage
from voice.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemRetrieved,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStopped,
)


def test_items_are_put_where_they_are_wanted() -> None:
    async def scene() -> None:
        async with Scene() as room:
            for text, where in (("b", None), ("a", "root"), ("c", "item_t_1")):
                await room.does(user_says(text, previous_item_id=where))
            assert [added.previous_item_id for added in room.all(ConversationItemAdded)] == [None, None, "item_t_1"]
            await room.create()
            texts = [item.content[0].text for item in room.brain.requests[0].items]  # type: ignore[union-attr]
            assert texts == ["a", "b", "c"]
            await room.does(user_says("d", previous_item_id="item_none", event_id="mine"))
            assert room.errors == [("item_not_found", "previous_item_id", "mine")]

    play(scene())


def test_an_id_is_used_once_and_what_is_deleted_is_gone() -> None:
    async def scene() -> None:
        async with Scene() as room:
            item = {"id": "mine", "type": "message", "role": "system", "content": [{"type": "input_text", "text": "x"}]}
            create = {"type": "conversation.item.create", "item": item}
            await room.does(create, create)
            assert [code for code, _, _ in room.errors] == ["item_already_exists"]
            delete = {"type": "conversation.item.delete", "item_id": "mine"}
            assert await room.does(delete) == ["conversation.item.deleted"]
            await room.does(delete, {"type": "conversation.item.retrieve", "item_id": "mine"})
            assert [code for code, _, _ in room.errors[1:]] == ["item_not_found"] * 2
            await room.create()
            assert list(room.brain.requests[0].items) == []

    play(scene())


def test_the_persons_sound_can_be_had_back() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.says("hello")
            item_id = room.last(InputAudioBufferCommitted).item_id
            assert await room.does({"type": "conversation.item.retrieve", "item_id": item_id}) == [
                "conversation.item.retrieved"
            ]
            item = room.last(ConversationItemRetrieved).item
            assert isinstance(item, UserMessage)
            assert isinstance(item.content[0], InputAudio)
            assert item.content[0].transcript == "hello"
            assert item.content[0].audio is not None
            frame = AudioFrame(PCM_24K, base64=item.content[0].audio.encode())
            stopped = room.last(InputAudioBufferSpeechStopped)
            assert frame.duration_ms == pytest.approx(stopped.audio_end_ms, abs=1)
            assert max(memoryview(frame.data).cast("h")) > 7000
            added = room.all(ConversationItemAdded)[0].item
            assert isinstance(added, UserMessage)
            assert isinstance(added.content[0], InputAudio)
            assert added.content[0].audio is None

    play(scene())


def test_sound_in_an_item_of_the_clients_is_recognised() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.recogniser.texts.append("from a file")
            audio = AudioFrame(PCM_24K, PCM_24K.silence(500)).base64.decode()
            item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": audio}]}
            await room.does({"type": "conversation.item.create", "item": item}, {"type": "response.create"})
            assert "from a file" in str(room.brain.requests[0].items)
            assert len(room.recogniser.made[0].heard) == 500 * 32

    play(scene())


def test_the_assistants_sound_cannot_be_made_up() -> None:
    async def scene() -> None:
        async with Scene() as room:
            content = [{"type": "output_audio", "transcript": "I said so"}]
            item = {"type": "message", "role": "assistant", "content": content}
            await room.does({"type": "conversation.item.create", "item": item, "event_id": "mine"})
            assert room.errors == [("invalid_value", "item.content", "mine")]
            item["content"] = [{"type": "output_text", "text": "I said so"}]
            await room.does({"type": "conversation.item.create", "item": item}, {"type": "response.create"})
            assert "I said so" in str(room.brain.requests[0].items)

    play(scene())


def test_words_that_come_late_are_not_given_to_another_item_of_the_same_name() -> None:
    async def scene() -> None:
        async with Scene() as room:
            audio = AudioFrame(PCM_24K, bytes(9600)).base64.decode()
            spoken = [{"type": "input_text", "text": "listen"}, {"type": "input_audio", "audio": audio}]
            written = [{"type": "input_text", "text": "read"}]
            message = {"id": "twice", "type": "message", "role": "user"}
            room.recogniser.gate.clear()
            await room.does(
                {"type": "conversation.item.create", "item": {**message, "content": spoken}},
                {"type": "conversation.item.delete", "item_id": "twice"},
                {"type": "conversation.item.create", "item": {**message, "content": written}},
            )
            room.recogniser.gate.set()
            await room.does({"type": "conversation.item.retrieve", "item_id": "twice"})
            item = room.last(ConversationItemRetrieved).item
            assert isinstance(item, UserMessage)
            assert [part.type for part in item.content] == ["input_text"]
            assert room.errors == []

    play(scene())


def test_sound_that_is_longer_than_a_turn_may_be_is_no_item() -> None:
    async def scene() -> None:
        async with Scene(input_limit_ms=1000) as room:
            audio = AudioFrame(PCM_24K, bytes(48_002)).base64.decode()
            item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": audio}]}
            await room.does({"type": "conversation.item.create", "item": item})
            assert [param for _, param, _ in room.errors] == ["item.content[0].audio"]

    play(scene())


def test_an_item_in_front_of_more_sound_than_is_kept_is_still_heard() -> None:
    async def scene() -> None:
        async with Scene() as room:
            assert room.engine._desk is not None
            room.engine._desk._conversation._most_sound_bytes = 8_000
            audio = AudioFrame(PCM_24K, bytes(9600)).base64.decode()
            item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": audio}]}
            create = {"type": "conversation.item.create", "previous_item_id": "root", "item": item}
            await room.does(create, create)
            assert len(room.recogniser.made) == 2
            assert room.errors == []

    play(scene())
