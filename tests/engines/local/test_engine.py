"""The embedded engine's own door: opening, settings, what is too much, what breaks, the end."""

from __future__ import annotations

import asyncio

import pytest

from tests.engines.local.sequences import BY_HAND, SPOKEN, TURN, play, user_says
from tests.engines.local.twins import HeardSound, Scene, kinds
from voice.audio.frames import PCM_24K, AudioFrame
from voice.engines.local.inbox import MOST_EVENTS
from voice.engines.stages import TextDelta
from voice.errors import EngineFailed, Misuse
from voice.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemDone,
    ConversationItemRetrieved,
    ErrorEvent,
    ResponseDone,
    SessionCreated,
    SessionUpdated,
)
from voice.protocol.settings import ServerVad, Session

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
            for _ in range(MOST_EVENTS + 2):
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
