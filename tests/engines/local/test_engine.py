"""The sequences of the realtime protocol, one scene for each: exact order, through the engine's own door."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.engines.local.twins import HeardSound, Scene, call, kinds
from voice.audio.frames import PCM_24K, PCMA_8K, PCMU_8K, AudioFrame
from voice.engines.stages import BrainUsage, TextDelta
from voice.errors import EngineFailed, Misuse
from voice.protocol.items import AssistantMessage, FunctionCall, InputAudio, InputImage, OutputAudio, UserMessage
from voice.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemDone,
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemRetrieved,
    ErrorEvent,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferTimeoutTriggered,
    ResponseCreated,
    ResponseDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDone,
    SessionCreated,
    SessionUpdated,
)
from voice.protocol.settings import SemanticVad, ServerVad, Session

TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]
SPOKEN = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]
WRITTEN = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]
CALLED = [
    "response.output_item.added",
    "conversation.item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "conversation.item.done",
    "response.output_item.done",
]
BY_HAND: dict[str, Any] = {"audio": {"input": {"turn_detection": None}}}


def play(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def user_says(text: str, **event: Any) -> dict[str, Any]:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return {"type": "conversation.item.create", "item": item, **event}


# Opening


def test_the_session_is_told_first_and_whole() -> None:
    async def scene() -> None:
        async with Scene() as room:
            assert kinds(room.events) == ["session.created", "conversation.created"]
            session = room.last(SessionCreated).session
            assert isinstance(session, Session)
            assert (session.id, session.model, session.output_modalities) == ("sess_t", "voice-local", ["audio"])
            assert session.audio is not None
            assert session.audio.input is not None
            assert session.audio.output is not None
            assert session.audio.output.voice == "alloy"
            assert session.audio.input.transcription is None
            detection = session.audio.input.turn_detection
            assert isinstance(detection, ServerVad)
            assert (detection.threshold, detection.prefix_padding_ms, detection.silence_duration_ms) == (0.5, 300, 500)
            assert (detection.create_response, detection.interrupt_response) == (True, True)
            assert (session.tool_choice, session.max_output_tokens, session.truncation) == ("auto", "inf", "auto")

    play(scene())


def test_what_is_sent_before_the_greeting_is_answered_after_it() -> None:
    async def scene() -> None:
        room = Scene()
        await room.engine.open(room.notebook)
        room.send({"type": "session.update", "session": {"type": "realtime", "instructions": "Be kind."}})
        assert room.events == []
        await room.settle()
        assert kinds(room.events) == ["session.created", "conversation.created", "session.updated"]
        await room.engine.close()

    play(scene())


def test_an_engine_is_opened_once_and_before_use() -> None:
    async def scene() -> None:
        room = Scene()
        with pytest.raises(Misuse):
            room.send({"type": "response.create"})
        async with room:
            with pytest.raises(Misuse):
                await room.engine.open(room.notebook)

    play(scene())


def test_every_event_has_an_id_of_its_own() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.says("hello")
            ids = [event.event_id for event in room.events if not isinstance(event, HeardSound)]
            assert all(ids)
            assert len(set(ids)) == len(ids)

    play(scene())


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
            assert normal - short == pytest.approx(350 + 300, abs=80)  # the first turn had no room for padding
            assert long - normal == pytest.approx(500, abs=64)

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


# Interruption


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


# Items


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


# Settings


def test_settings_are_changed_in_part_and_cleared() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(
                audio={"input": {"transcription": {"model": "m"}}}, tools=[{"type": "function", "name": "f"}]
            )
            await room.update(audio={"input": {"transcription": None}}, tools=[], instructions="")
            session = room.last(SessionUpdated).session
            assert isinstance(session, Session)
            assert session.audio is not None
            assert session.audio.input is not None
            assert session.audio.input.transcription is None
            assert isinstance(session.audio.input.turn_detection, ServerVad)
            assert (session.tools, session.instructions) == ([], "")

    play(scene())


def test_what_may_not_change_is_refused_and_nothing_with_it_is_changed() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(model="voice-local", audio={"output": {"voice": "ash"}}, tracing="auto")
            assert room.errors == []
            await room.create()
            for wrong in (
                {"model": "gpt-realtime-2.1"},
                {"audio": {"output": {"voice": "marin"}}},
                {"tracing": None},
                {"type": "transcription"},
            ):
                await room.update(instructions="Sneaked in.", **wrong)
            assert [(code, param) for code, param, _ in room.errors] == [
                ("invalid_value", "session.model"),
                ("cannot_update_voice", "session.audio.output.voice"),
                ("invalid_value", "session.tracing"),
                ("invalid_value", "session.type"),
            ]
            await room.update(audio={"output": {"voice": "ash"}})
            session = room.last(SessionUpdated).session
            assert isinstance(session, Session)
            assert session.instructions != "Sneaked in."

    play(scene())


def test_an_update_in_mid_speech_that_leaves_the_turns_alone_does_not_break_the_turn() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.hears(400)
            await room.update(tracing="auto")
            assert await room.hears(1000, loud=False) == TURN[1:] + SPOKEN

    play(scene())


def test_mcp_servers_are_honestly_not_listed() -> None:
    async def scene() -> None:
        async with Scene() as room:
            tool = {"type": "mcp", "server_label": "files", "server_url": "https://example.com"}
            expected = ["conversation.item.added", "mcp_list_tools.in_progress", "mcp_list_tools.failed"]
            assert await room.update(tools=[tool]) == ["session.updated", *expected]
            assert await room.update(tools=[tool]) == ["session.updated"]
            item_id = room.last(ConversationItemAdded).item.id
            await room.does({"type": "conversation.item.retrieve", "item_id": item_id})
            assert room.last(ConversationItemRetrieved).item.type == "mcp_list_tools"
            await room.does({"type": "response.create", "response": {"tool_choice": "required"}})
            assert room.errors == [("invalid_value", "response.tool_choice", None)]

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


# What breaks


@pytest.mark.parametrize("stage", ["brain", "speaker", "recogniser"])
@pytest.mark.parametrize("error", [EngineFailed("It broke."), RuntimeError("secret words")], ids=["ours", "foreign"])
def test_a_stage_that_breaks_costs_one_response(stage: str, error: Exception) -> None:
    async def scene() -> None:
        async with Scene() as room:
            if stage == "brain":
                room.brain.scripts.append([TextDelta("One. "), error])
            elif stage == "speaker":
                room.speaker.error = error
            else:
                room.recogniser.error = error
            said = await room.says("hello")
            assert said[-2:] == ["error", "response.done"] or said[-1] == "response.done"
            done = room.last(ResponseDone).response
            assert done.status == "failed"
            assert done.status_details is not None
            assert done.status_details.error is not None
            assert done.status_details.error.code == "engine_failed"
            assert room.errors == [("engine_failed", None, None)]
            assert "secret" not in str(room.last(ErrorEvent))
            room.speaker.error = room.recogniser.error = None
            await room.says("again")
            assert room.outcomes == ["failed", "completed"]

    play(scene())


def test_an_error_names_the_event_that_asked_for_the_response() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.brain.scripts.append([EngineFailed("It broke.")])
            await room.does({"type": "response.create", "event_id": "mine"})
            assert room.errors == [("engine_failed", None, "mine")]

    play(scene())


def test_a_missing_transcript_is_told_to_who_asked_for_it() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(audio={"input": {"transcription": {"model": "m"}}})
            room.recogniser.error = EngineFailed("It broke.")
            assert "conversation.item.input_audio_transcription.failed" in await room.says("hello")

    play(scene())


def test_a_recogniser_that_dies_in_mid_turn_is_tried_again_with_the_whole_turn() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.recogniser.texts += ["lost", "whole"]
            room.recogniser.breaks_while_fed = True
            await room.hears(500)
            room.recogniser.breaks_while_fed = False
            await room.hears(1000, loud=False)
            assert "whole" in str(room.brain.requests[0].items)
            assert len(room.recogniser.made[-1].heard) > 500 * 32

    play(scene())


def test_a_silent_stage_is_given_up() -> None:
    async def scene() -> None:
        async with Scene(stall_s=0.02) as room:
            room.brain.scripts.append([asyncio.Event()])
            await room.create()
            await asyncio.sleep(0.04)
            await room.settle()
            assert room.outcomes == ["failed"]
            assert room.brain.closed == 1

    play(scene())


def test_sound_that_is_none_is_an_error_and_the_session_lives() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.engine.send_audio(AudioFrame(PCM_24K, b"\0\0\0"))
            room.engine.send_audio(AudioFrame(PCM_24K, base64=b"!!!!"))
            await room.settle()
            assert [(code, param) for code, param, _ in room.errors] == [("invalid_value", "audio")] * 2
            assert await room.says("hello") == TURN + SPOKEN

    play(scene())


def test_playing_is_the_clients_business() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.does({"type": "output_audio_buffer.clear", "event_id": "mine"})
            assert room.errors == [("invalid_value", "type", "mine")]

    play(scene())


# Much at once


def test_sound_appended_in_one_lump_makes_the_same_turns() -> None:
    async def scene() -> None:
        async with Scene() as room:
            audio = b"".join([PCM_24K.silence(700), _hum(900), PCM_24K.silence(900), _hum(600), PCM_24K.silence(900)])
            await room.does(
                {"type": "input_audio_buffer.append", "audio": AudioFrame(PCM_24K, audio).base64.decode()},
                user_says("after it"),
            )
            assert [kind for kind in kinds(room.events) if kind.startswith("input_audio_buffer")] == TURN[:3] * 2
            assert kinds(room.events).index("input_audio_buffer.committed") < len(room.events)
            added = [added.item.type for added in room.all(ConversationItemAdded)]
            assert len(added) >= 4

    play(scene())


def test_a_long_lump_leaves_the_loop_its_turns() -> None:
    async def scene() -> None:
        async with Scene() as room:
            room.engine.send_audio(AudioFrame(PCM_24K, PCM_24K.silence(10_000)))
            turns = 0
            while room.vads[0].resets >= 0 and room.engine._inbox:
                await asyncio.sleep(0)
                turns += 1
            assert turns >= 10_000 / 200 - 1

    play(scene())


def test_more_sound_than_can_wait_is_dropped_from_the_old_end_and_counted() -> None:
    async def scene() -> None:
        async with Scene(input_limit_ms=1000) as room:
            await room.update(**BY_HAND)
            await room.hears(3000, loud=False)
            assert room.engine.dropped_ms == pytest.approx(2000, abs=1)
            for _ in range(100):
                room.append(100)
            assert room.engine.dropped_ms == pytest.approx(2000 + 7500, abs=1)
            await room.settle()

    play(scene())


def test_too_many_events_that_wait_end_the_conversation() -> None:
    async def scene() -> None:
        async with Scene() as room:
            for _ in range(1002):
                room.send({"type": "response.cancel"})
            await room.settle()
            assert room.notebook.closed == [(1008, "too many events")]

    play(scene())


# The end


def test_closing_twice_in_the_middle_of_everything_leaves_no_task() -> None:
    async def scene() -> None:
        room = Scene()
        before = asyncio.all_tasks()
        async with room:
            room.recogniser.gate.clear()
            room.speaker.gate.clear()
            await room.create()
            await room.create(conversation="none")
            await room.hears(300)
            room.send({"type": "input_audio_buffer.commit"})
            await room.settle()
            assert len(asyncio.all_tasks()) > len(before)
            await room.engine.close()
            await room.engine.close()
            assert asyncio.all_tasks() == before
            assert room.notebook.closed == [(1000, "closed")]
            room.send({"type": "response.create"})
            await room.settle()
        assert room.notebook.closed == [(1000, "closed")]
        assert room.speaker.stopped == 2

    play(scene())


def test_a_conversation_is_done_item_by_item() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.says("hello")
            added = [one.item.id for one in room.all(ConversationItemAdded)]
            assert [one.item.id for one in room.all(ConversationItemDone)] == added

    play(scene())


def _hum(ms: float) -> bytes:
    from tests.engines.local.twins import sound

    return sound(PCM_24K, ms)
