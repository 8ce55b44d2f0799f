"""Words that the engine tells while the person still speaks."""

from __future__ import annotations

import pytest

from tests.session.stage import Stage, of
from tests.session.test_floor import RULES, speech
from voice.session import effects as ef
from voice.session.partial_words import REMEMBERED, PartialWords


def talked_over(words: str) -> list[ef.Effect]:
    """The person begins to speak over the assistant; the engine understands these words, piece by piece."""
    stage = Stage(floor=RULES)
    stage.begin()
    stage.sound(4_000)
    stage.now = 2.0
    stage.say(speech("onset", 60))
    stage.now = 2.2
    stage.say(speech("going", 260))
    effects: list[ef.Effect] = []
    for word in words.split():
        effects += stage.hear(
            "conversation.item.input_audio_transcription.delta", item_id="u", content_index=0, delta=f" {word}"
        )
    return effects


@pytest.mark.parametrize("words", ["stop", "what about tomorrow", "yeah but"])
def test_words_that_want_the_floor_take_it_before_the_sound_has_lasted(words: str) -> None:
    assert len(of(talked_over(words), ef.StopPlayback)) == 1


@pytest.mark.parametrize("words", ["yeah", "i see", "mm-hm"])
def test_the_beginning_of_more_decides_nothing(words: str) -> None:
    effects = talked_over(words)
    assert of(effects, ef.StopPlayback) == []
    assert of(effects, ef.Restore) == [], "it may go on"


def test_pieces_of_a_turn_that_is_over_change_nothing() -> None:
    stage = Stage(floor=RULES)
    stage.speak("u")
    stage.begin()
    stage.sound(4_000)
    stage.say(speech("onset", 60))
    late = stage.hear("conversation.item.input_audio_transcription.delta", item_id="u", content_index=0, delta="stop")
    assert of(late, ef.StopPlayback) == []


def test_only_the_last_few_items_are_remembered() -> None:
    words = PartialWords()
    for number in range(3 * REMEMBERED):
        words.add(f"item_{number}", "so")
    assert words.add("item_0", " far") == " far"
    assert words.add(f"item_{3 * REMEMBERED - 1}", " far") == "so far"
    words.forget(f"item_{3 * REMEMBERED - 1}")
    assert words.add(f"item_{3 * REMEMBERED - 1}", "anew") == "anew"
