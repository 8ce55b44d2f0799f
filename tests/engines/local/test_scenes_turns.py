"""Turns of the person, one scene for each sequence of the protocol: exact order, through the engine's door."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engines.local.sequences import BY_HAND, SPOKEN, TURN, play
from tests.engines.local.twins import HeardSound, Scene, kinds
from voice.audio.frames import PCM_24K, PCMA_8K, PCMU_8K
from voice.protocol.items import AssistantMessage, InputAudio, OutputAudio, UserMessage
from voice.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemInputAudioTranscriptionCompleted,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferTimeoutTriggered,
    ResponseDone,
    SessionUpdated,
)
from voice.protocol.settings import SemanticVad, Session

# A turn by voice activity


def test_a_spoken_turn_is_answered_in_the_canonical_order() -> None:
    async def scene() -> None:
        async with Scene() as room:
            assert await room.says("what time is it") == TURN + SPOKEN
            started, stopped = room.last(InputAudioBufferSpeechStarted), room.last(InputAudioBufferSpeechStopped)
            assert started.item_id == stopped.item_id == room.last(InputAudioBufferCommitted).item_id
            assert started.audio_start_ms == 0  # the padding reaches to the beginning
            assert 1250 <= stopped.audio_end_ms <= 1400  # 800 of voice and 500 of silence, in windows of 32
            done = room.last(ResponseDone).response
            assert done.status == "completed"
            [message] = done.output
            assert isinstance(message, AssistantMessage)
            assert message.status == "completed"
            assert isinstance(message.content[0], OutputAudio)
            assert message.content[0].transcript == "Very well."
            assert room.played_ms() == pytest.approx(len("Very well.") * 10, abs=0.1)

    play(scene())


def test_the_brain_is_told_the_words_and_the_settings() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(instructions="Be kind.", tools=[{"type": "function", "name": "clock"}])
            await room.says("what time is it")
            [request] = room.brain.requests
            assert request.instructions == "Be kind."
            assert [getattr(tool, "name", "") for tool in request.tools] == ["clock"]
            [item] = request.items
            assert isinstance(item, UserMessage)
            assert isinstance(item.content[0], InputAudio)
            assert item.content[0].transcript == "what time is it"

    play(scene())


def test_the_recogniser_begins_with_the_voice_and_gets_the_padding() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.hears(1000, loud=False)
            await room.hears(200)
            assert len(room.recogniser.made) == 1
            heard_ms = len(room.recogniser.made[0].heard) / 32
            assert 380 <= heard_ms <= 500  # 300 of padding and nearly all of the voice
            assert room.last(InputAudioBufferSpeechStarted).audio_start_ms == pytest.approx(700, abs=40)

    play(scene())


def test_a_pause_is_heard_by_the_recogniser_when_the_voice_is_back() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.hears(640)
            await room.hears(448, loud=False)
            [recognition] = room.recogniser.made
            before_pause = len(recognition.heard) / 32
            assert before_pause < 640 + 300  # it catches up while the person is silent
            await room.hears(320)
            assert len(recognition.heard) / 32 == pytest.approx(640 + 448 + 320, abs=64)
            await room.hears(1000, loud=False)
            assert len(recognition.heard) / 32 == pytest.approx(640 + 448 + 320 + 250, abs=64)

    play(scene())


def test_the_brain_is_told_how_sure_the_recogniser_is() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.recogniser.confidence = 0.4
            await room.says("cancel my timer")
            assert room.brain.requests[-1].confidence == 0.4
            written = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
            await room.does({"type": "conversation.item.create", "item": written}, {"type": "response.create"})
            assert room.brain.requests[-1].confidence is None

    play(scene())


def test_a_transcript_is_told_when_it_is_asked_for() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(audio={"input": {"transcription": {"model": "whatever", "language": "de"}}})
            said = await room.says("guten tag")
            assert [kind for kind in said if "transcription" in kind] == [
                "conversation.item.input_audio_transcription.delta",
                "conversation.item.input_audio_transcription.completed",
            ]
            completed = room.last(ConversationItemInputAudioTranscriptionCompleted)
            assert completed.transcript == "guten tag"
            assert completed.item_id == room.last(InputAudioBufferCommitted).item_id
            assert completed.usage.type == "duration"
            assert getattr(completed.usage, "seconds", 0) == pytest.approx(1.35, abs=0.1)
            assert room.recogniser.languages == ["de"]
            assert room.brain.requests[0].language == "de"

    play(scene())


def test_a_late_transcript_holds_the_brain_back_and_nothing_else() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.recogniser.gate.clear()
            assert await room.says("hello") == [*TURN, "response.created"]
            assert room.brain.requests == []
            room.recogniser.gate.set()
            await room.settle()
            assert kinds(room.events)[-1] == "response.done"
            assert len(room.brain.requests) == 1

    play(scene())


def test_turns_chain_by_previous_item() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.says("one")
            await room.says("two")
            chain = [(added.previous_item_id, added.item.id) for added in room.all(ConversationItemAdded)]
            assert [before for before, _ in chain] == [None, *(item_id for _, item_id in chain[:-1])]
            assert len(room.brain.requests[1].items) == 3

    play(scene())


def test_without_automatic_answers_a_turn_is_only_committed() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(audio={"input": {"turn_detection": {"type": "server_vad", "create_response": False}}})
            assert await room.says("hello") == TURN
            assert await room.create() == SPOKEN

    play(scene())


@pytest.mark.parametrize("format", [PCM_24K, PCMU_8K, PCMA_8K], ids=lambda format: format.encoding)
def test_every_format_is_heard_and_spoken(format: Any) -> None:
    async def scene() -> None:
        async with Scene() as room:
            kind = {"pcm16": "audio/pcm", "pcmu": "audio/pcmu", "pcma": "audio/pcma"}[format.encoding]
            await room.update(audio={"input": {"format": {"type": kind}}, "output": {"format": {"type": kind}}})
            room.format = format
            assert await room.says("hello") == TURN + SPOKEN
            pieces = [heard.frame for heard in room.all(HeardSound)]
            assert {piece.format for piece in pieces} == {format}
            assert [round(piece.duration_ms) for piece in pieces] == [40, 60]
            done = room.last(ResponseDone).response
            assert done.audio is not None
            assert done.audio.output is not None
            assert done.audio.output.format is not None
            assert done.audio.output.format.type == kind

    play(scene())


def test_semantic_vad_waits_longer_after_a_word_that_cannot_end() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
            updated = room.last(SessionUpdated).session
            assert isinstance(updated, Session)
            assert updated.audio is not None
            assert updated.audio.input is not None
            assert isinstance(updated.audio.input.turn_detection, SemanticVad)
            lengths = []
            for text in ("stop", "play some music", "set a timer for the"):
                await room.says(text, silence_ms=1500)
                started, stopped = room.last(InputAudioBufferSpeechStarted), room.last(InputAudioBufferSpeechStopped)
                lengths.append(stopped.audio_end_ms - started.audio_start_ms)
            short, normal, long = lengths
            assert normal - short == pytest.approx(200 + 300, abs=80)  # the first turn had no room for padding
            assert long - normal == pytest.approx(600, abs=64)

    play(scene())


# Push to talk


def test_push_to_talk() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(**BY_HAND)
            assert await room.does({"type": "input_audio_buffer.clear"}) == ["input_audio_buffer.cleared"]
            assert await room.hears(900) == []
            room.recogniser.texts.append("unused")
            assert await room.does({"type": "input_audio_buffer.commit"}) == TURN[2:]
            assert await room.does({"type": "response.create"}) == SPOKEN

    play(scene())


def test_push_to_talk_with_a_voice_too_low_for_the_detector_is_still_recognised() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(**BY_HAND)
            await room.hears(900, loud=False)
            assert room.recogniser.made == []
            room.recogniser.texts.append("whispered")
            await room.does({"type": "input_audio_buffer.commit"}, {"type": "response.create"})
            assert len(room.recogniser.made[0].heard) == pytest.approx(900 * 32, abs=100)
            assert room.brain.requests[0].items[0].content[0].transcript == "whispered"  # type: ignore[union-attr]

    play(scene())


def test_committing_nothing_is_an_error_that_names_the_event() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(**BY_HAND)
            assert await room.does({"type": "input_audio_buffer.commit", "event_id": "mine"}) == ["error"]
            assert room.errors == [("input_audio_buffer_commit_empty", None, "mine")]
            await room.hears(300)
            await room.does({"type": "input_audio_buffer.clear"}, {"type": "input_audio_buffer.commit"})
            assert len(room.errors) == 2
            assert room.recogniser.made[0].abandoned

    play(scene())


def test_commit_in_mid_speech_ends_the_turn_that_was_announced() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.hears(500)
            said = await room.does({"type": "input_audio_buffer.commit"})
            assert said == TURN[2:]
            assert room.last(InputAudioBufferCommitted).item_id == room.last(InputAudioBufferSpeechStarted).item_id

    play(scene())


# Silence


def test_after_a_reply_nobody_answers_the_silence_is_broken() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}})
            await room.hears(100, loud=False)
            await room.create()
            room.clock += 5.05  # the reply lasts 0.1 s
            assert await room.hears(20, loud=False) == []
            room.clock += 0.1
            assert await room.hears(20, loud=False) == [
                "input_audio_buffer.timeout_triggered",
                "input_audio_buffer.committed",
                "conversation.item.added",
                "conversation.item.done",
                *SPOKEN,
            ]
            triggered = room.last(InputAudioBufferTimeoutTriggered)
            assert triggered.item_id == room.last(InputAudioBufferCommitted).item_id
            assert triggered.audio_start_ms <= triggered.audio_end_ms
            assert room.brain.requests[1].items[-1].content[0].transcript == ""  # type: ignore[union-attr]

    play(scene())


def test_a_voice_stops_the_wait() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}})
            await room.create()
            await room.hears(300)
            room.clock += 60
            assert await room.hears(100) == []

    play(scene())
