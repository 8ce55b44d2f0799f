"""Events become news; levels become meters."""

from __future__ import annotations

from collections import deque

import pytest

from tests.commands.scene import LOUD, SILENT, a_short_conversation, answered, said, transcribed
from voice.commands.conversation import Conversation, News, in_words, steps_of
from voice.commands.screen import Meters, bars, line_of
from voice.session.effects import Note, Play, StopPlayback
from voice.session.events import CallerAudio, Played, PushToTalk, Tick


def test_a_conversation_is_told_in_the_order_in_which_it_happened() -> None:
    conversation = Conversation()
    for now, event, effects in a_short_conversation():
        conversation.watch(now, event, effects)
    assert [item.kind for item in conversation.news] == [
        "link",
        "person",
        "tool",
        "assistant",
        "turn",
        "interrupted",
        "ended",
    ]
    assert conversation.now_s == pytest.approx(2.5)


def test_the_meters_follow_what_is_spoken_and_what_is_heard() -> None:
    conversation = Conversation()
    conversation.watch(0.0, CallerAudio(LOUD), [Play("r", "i", 0, 0, SILENT), Play("r", "i", 0, 0, LOUD)])
    assert conversation.person_level == pytest.approx(0.5, abs=0.01)
    assert conversation.assistant_level == 0.0
    conversation.watch(0.01, Played(0, 10.0, 0.0), [])
    assert conversation.assistant_level == 0.0
    conversation.watch(0.03, Played(0, 30.0, 0.0), [])
    assert conversation.assistant_level == pytest.approx(0.5, abs=0.01)
    conversation.watch(0.04, Tick(), [StopPlayback(1)])
    assert conversation.assistant_level == 0.0


def test_who_speaks_and_what_is_being_said_is_known_in_between() -> None:
    conversation = Conversation()
    conversation.watch(0.0, said("input_audio_buffer.speech_started", item_id="i", audio_start_ms=0), [])
    speaks = [conversation.person_speaks]
    conversation.watch(0.1, PushToTalk(False), [])
    assert [*speaks, conversation.person_speaks] == [True, False]
    delta = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0}
    conversation.watch(0.2, said("response.output_audio_transcript.delta", delta="It is", **delta), [])
    partial = [conversation.partial]
    conversation.watch(0.3, answered("It is noon."), [])
    assert [*partial, conversation.partial] == ["It is", ""]


def test_a_link_is_news_only_when_it_changes() -> None:
    conversation = Conversation()
    for state in ("opened", "ready", "lost", "lost", "opened"):
        conversation.watch(0.0, Tick(), [Note("link", {"state": state})])
    assert [item.text for item in conversation.news] == ["connected", "connection lost", "connected"]


def test_a_turn_whose_moments_are_not_all_known_tells_what_it_knows() -> None:
    assert steps_of({"speech_stopped_at": 1.0, "first_audible_at": 1.5}) == {"voice_to_voice_ms": 500}
    assert steps_of({"speech_stopped_at": 1.0, "committed_at": None}) == {}
    assert in_words({"voice_to_voice_ms": 500}) == "500 ms"


def test_words_cannot_move_the_cursor_or_pretend_to_be_markup() -> None:
    shown = line_of(News(1.0, "person", "\x1b[2Jhello [bold]you[/bold]\n")).plain
    assert "\x1b" not in shown
    assert "\n" not in shown
    assert "[bold]you[/bold]" in shown


def test_silence_that_was_taken_for_speech_is_shown_as_such() -> None:
    conversation = Conversation()
    (news,) = conversation.watch(0.0, transcribed("  "), [])
    assert "(nothing understood)" in line_of(news).plain


def test_a_meter_shows_quiet_speech_and_keeps_its_width() -> None:
    assert bars(deque([0.0, 0.02, 0.25, 1.0, 7.0])) == " ▁▄██"
    meters = Meters(Conversation(), "hint")
    for _ in range(100):
        meters.__rich__()
    assert len(bars(meters._person)) == 48


def test_a_tool_that_waits_says_what_it_would_do_and_which_keys_answer() -> None:
    conversation = Conversation()
    asked = {"call_id": "c", "name": "wipe", "request_id": "q1", "text": '{"disk": "a"}'}
    (item,) = conversation.watch(0.0, Tick(), [Note("approval_asked", asked)])
    assert (item.kind, item.values["request_id"]) == ("asks", "q1")
    assert line_of(item).plain.endswith('may I?    wipe {"disk": "a"} · y allows it, n does not')
