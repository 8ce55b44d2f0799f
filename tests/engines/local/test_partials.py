"""Words that are told while they are spoken."""

from __future__ import annotations

import pytest

from tests.engines.local.sequences import play
from tests.engines.local.twins import Scene
from voice.engines.base import TellsWords
from voice.engines.local.partials import PATIENCE_MS, Delay, Partials
from voice.protocol.server_events import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    InputAudioBufferCommitted,
)

HAND = {"audio": {"input": {"turn_detection": None, "transcription": {"model": "m", "delay": "minimal"}}}}


def told(*looks: str, delay: Delay = "minimal", every_ms: float = 32.0) -> list[str]:
    partials = Partials(delay)
    return [partials.news(text, every_ms) for text in looks]


def test_words_are_told_once_and_in_order() -> None:
    assert told("set", "set a", "set a", "set a timer for") == ["set", " a", "", " timer for"]


@pytest.mark.parametrize("delay", PATIENCE_MS)
def test_a_word_is_told_when_it_has_been_the_same_for_long_enough(delay: Delay) -> None:
    looks = ["stop"] * 40
    first = told(*looks, delay=delay).index("stop")
    assert first * 32 < PATIENCE_MS[delay] + 32
    assert (first + 1) * 32 >= PATIENCE_MS[delay]


def test_a_word_that_changes_begins_anew() -> None:
    looks = ["for"] * 4 + ["four"] * 8
    assert told(*looks, delay="low") == [""] * 11 + ["four"]


def test_in_a_pause_a_word_is_told_sooner() -> None:
    partials = Partials("low")
    assert partials.news("stop", 32) == ""
    assert partials.news("stop", 32, pause=True) == "stop"


def test_what_was_told_is_not_taken_back() -> None:
    assert told("set the", "send her time", "send her time now") == ["set the", " time", " now"]
    assert told("set the timer", "set", "set the timer for") == ["set the timer", "", " for"]


def test_the_rest_is_told_at_the_end() -> None:
    partials = Partials("high")
    partials.news("what is the", 32)
    assert partials.rest("what is the time") == "what is the time"
    assert partials.rest("what is the time") == ""


def test_somebody_who_commits_by_hand_reads_along_before_there_is_an_item() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(**HAND)
            room.recogniser.texts.append("what time is it")
            await room.hears(600)
            (delta,) = room.all(ConversationItemInputAudioTranscriptionDelta)
            assert delta.delta == "what time is it"
            await room.does({"type": "input_audio_buffer.commit"})
            assert room.last(InputAudioBufferCommitted).item_id == delta.item_id
            completed = room.last(ConversationItemInputAudioTranscriptionCompleted)
            assert (completed.item_id, completed.transcript) == (delta.item_id, "what time is it")
            assert len(room.all(ConversationItemInputAudioTranscriptionDelta)) == 1

    play(scene())


def test_with_turn_detection_the_words_belong_to_the_turn_that_was_announced() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(audio={"input": {"transcription": {"model": "m", "delay": "low"}}})
            said = await room.says("good morning")
            assert said.index("conversation.item.input_audio_transcription.delta") < said.index(
                "input_audio_buffer.committed"
            )
            (delta,) = room.all(ConversationItemInputAudioTranscriptionDelta)
            assert delta.item_id == room.last(InputAudioBufferCommitted).item_id

    play(scene())


def test_words_of_a_turn_that_is_cleared_belong_to_nobody() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(**HAND)
            room.recogniser.texts += ["not this", "but that"]
            await room.hears(600)
            await room.does({"type": "input_audio_buffer.clear"})
            await room.hears(600)
            await room.does({"type": "input_audio_buffer.commit"})
            first, second = room.all(ConversationItemInputAudioTranscriptionDelta)
            assert (first.delta, second.delta) == ("not this", "but that")
            assert first.item_id != second.item_id == room.last(InputAudioBufferCommitted).item_id

    play(scene())


def test_without_being_asked_nothing_is_told_before_the_end() -> None:
    async def scene() -> None:
        async with Scene() as room:
            await room.update(audio={"input": {"transcription": {"model": "m"}}})
            await room.hears(800)
            assert room.all(ConversationItemInputAudioTranscriptionDelta) == []

    play(scene())


def test_the_engine_can_be_asked_what_is_being_said() -> None:
    async def scene() -> None:
        async with Scene() as room:
            assert isinstance(room.engine, TellsWords)
            assert room.engine.words_so_far() == ""
            room.recogniser.texts.append("good morning")
            await room.hears(600)
            assert room.engine.words_so_far() == "good morning"
            await room.hears(1_000, loud=False)
            assert room.engine.words_so_far() == "", "that turn is over"
        assert room.engine.words_so_far() == ""

    play(scene())
