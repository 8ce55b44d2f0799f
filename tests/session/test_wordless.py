"""A turn whose transcript does not come is asked for, once, when it was answered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.stage import Stage, message, sent, shown
from voice.protocol.client_events import ConversationItemRetrieve
from voice.protocol.settings import AudioInput, AudioSettings, Transcription
from voice.protocol.settings import Session as Settings
from voice.session.wordless import REMEMBERED, WAIT_S, Wordless

TRANSCRIBED = Settings(audio=AudioSettings(input=AudioInput(transcription=Transcription(model="m"))))
USAGE = {"type": "duration", "seconds": 1}


def test_words_that_come_are_not_asked_for() -> None:
    wordless = Wordless()
    wordless.expect("a")
    wordless.came("a")
    wordless.answered(1.0)
    assert wordless.deadline() is None


def test_words_that_do_not_come_are_asked_for_once_after_the_answer() -> None:
    wordless = Wordless()
    wordless.expect("a")
    assert wordless.deadline() is None, "they may come as late as the answer"
    wordless.answered(1.0)
    assert wordless.due(1.0) == []
    assert wordless.due(1.0 + WAIT_S) == ["a"]
    assert wordless.was_asked("a")
    wordless.answered(2.0)
    assert wordless.due(9.0) == []


def test_the_memory_is_bounded() -> None:
    wordless = Wordless()
    for number in range(REMEMBERED + 1):
        wordless.expect(f"i{number}")
    wordless.answered(0.0)
    assert len(wordless.due(WAIT_S)) == REMEMBERED


def without_words(**config: Any) -> Stage:
    stage = Stage(settings=TRANSCRIBED, **config)
    stage.speak()
    stage.begin()
    stage.sound(100)
    stage.finish()
    stage.done()
    return stage


def test_the_words_of_a_retrieved_item_are_kept_for_the_next_connection() -> None:
    stage = without_words()
    effects = stage.tick()
    (retrieve,) = sent(effects, ConversationItemRetrieve)
    assert retrieve.item_id == "item_u1"
    content = [{"type": "input_audio", "transcript": "hello there"}]
    stage.hear("conversation.item.retrieved", item=message("item_u1", "user", content=content))
    assert stage.session.history.text("item_u1") == "hello there"


def test_a_client_does_not_see_what_it_did_not_ask_for() -> None:
    stage = without_words(client_face=True)
    stage.tick()
    assert shown(stage.hear("conversation.item.retrieved", item=message("item_u1", "user"))) == []
    assert shown(stage.hear("conversation.item.retrieved", item=message("item_x", "user"))) != []


@pytest.mark.parametrize("kind", ["completed", "failed"])
def test_a_transcript_or_its_refusal_ends_the_waiting(kind: str) -> None:
    stage = Stage(settings=TRANSCRIBED)
    stage.speak()
    ids = {"item_id": "item_u1", "content_index": 0}
    if kind == "completed":
        stage.hear("conversation.item.input_audio_transcription.completed", **ids, transcript="hello", usage=USAGE)
    else:
        error = {"type": "server_error", "code": "x", "message": "no", "param": None}
        stage.hear("conversation.item.input_audio_transcription.failed", **ids, error=error)
    stage.begin()
    stage.done()
    assert stage.session.wordless.deadline() is None


def test_where_nothing_is_transcribed_nothing_is_asked_for() -> None:
    stage = Stage()
    stage.speak()
    stage.begin()
    stage.done()
    assert stage.session.wordless.deadline() is None
