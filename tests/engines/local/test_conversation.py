"""Items in order, as heard, and bounded."""

from __future__ import annotations

import pytest

from voice.engines.local.conversation import Conversation, Entry
from voice.engines.local.spoken import SpokenText
from voice.engines.local.usage import Tokens
from voice.errors import ProtocolError
from voice.protocol.items import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    OutputAudio,
    UserMessage,
)


def written(item_id: str, text: str = "hello") -> Entry:
    return Entry(UserMessage(id=item_id, content=[InputText(text=text)]))


def said(item_id: str, sound: bytes) -> Entry:
    return Entry(UserMessage(id=item_id, content=[InputAudio()]), sound={0: sound}, sound_ms=len(sound) / 32)


def spoken(item_id: str, text: str, ms: float) -> Entry:
    ledger = SpokenText()
    ledger.begin(text)
    ledger.add_sound(ms)
    ledger.end()
    item = AssistantMessage(id=item_id, content=[OutputAudio(transcript=text)])
    return Entry(item, spoken={0: ledger})


def call(item_id: str, call_id: str) -> Entry:
    return Entry(FunctionCall(id=item_id, call_id=call_id, name="clock", arguments="{}"))


def output(item_id: str, call_id: str) -> Entry:
    return Entry(FunctionCallOutput(id=item_id, call_id=call_id, output="nine"))


def test_each_item_knows_the_one_before_it() -> None:
    conversation = Conversation()
    assert conversation.add(written("b")) is None
    assert conversation.add(written("d")) == "b"
    assert conversation.add(written("c"), "b") == "b"
    assert conversation.add(written("a"), "root") is None
    assert conversation.ids == ["a", "b", "c", "d"]
    assert [conversation.previous_of(item_id) for item_id in "abcd"] == [None, "a", "b", "c"]
    conversation.delete("b")
    assert conversation.previous_of("c") == "a"


def test_what_is_refused_changes_nothing() -> None:
    conversation = Conversation()
    conversation.add(written("a"))
    for entry, previous in ((written("a"), None), (written("b"), "none"), (output("c", "c1"), None)):
        with pytest.raises(ProtocolError):
            conversation.add(entry, previous)
    for item_id, content_index, ms in (("none", 0, 0), ("a", 0, 0)):
        with pytest.raises(ProtocolError):
            conversation.truncate(item_id, content_index, ms)
    assert conversation.ids == ["a"]


def test_the_oldest_sound_goes_first_and_its_words_stay() -> None:
    conversation = Conversation(most_sound_bytes=5000)
    for item_id in "abc":
        conversation.add(said(item_id, bytes(2000)))
        conversation.recognise(item_id, 0, f"words of {item_id}")
    assert [bool(conversation.get(item_id).sound) for item_id in "abc"] == [False, True, True]
    assert "words of a" in str(conversation.heard(["a"]))
    conversation.delete("b")
    conversation.add(said("d", bytes(2000)))
    assert conversation.get("c").sound


def test_the_oldest_items_go_and_a_call_never_without_its_output() -> None:
    conversation = Conversation(most_items=3)
    for entry in (call("a", "c1"), output("b", "c1"), written("c"), written("d")):
        conversation.add(entry)
    assert conversation.overflow() == ["a", "b"]
    assert conversation.ids == ["c", "d"]
    assert conversation.overflow() == []


def test_a_cut_item_is_known_as_far_as_it_was_heard() -> None:
    conversation = Conversation()
    conversation.add(spoken("a", "One two three four.", 1000))
    conversation.truncate("a", 0, 400)
    [item] = conversation.heard(["a"])
    assert isinstance(item, AssistantMessage)
    assert isinstance(item.content[0], OutputAudio)
    assert item.content[0].transcript == "One two"
    assert conversation.tokens(["a"]) == Tokens(audio=8)


def test_truncating_exactly_at_the_end_is_allowed() -> None:
    conversation = Conversation()
    conversation.add(spoken("a", "One.", 99.6))
    conversation.truncate("a", 0, 100)
    with pytest.raises(ProtocolError) as refused:
        conversation.truncate("a", 0, 101)
    assert refused.value.param == "audio_end_ms"


def test_words_that_come_for_a_deleted_item_are_dropped() -> None:
    conversation = Conversation()
    conversation.add(said("a", bytes(64)))
    conversation.delete("a")
    conversation.recognise("a", 0, "late")
    assert len(conversation) == 0


def test_sound_counts_by_time_and_not_by_its_words_too() -> None:
    conversation = Conversation()
    conversation.add(said("a", bytes(32 * 950)))
    conversation.recognise("a", 0, "a good many words of mine")
    conversation.add(written("b", "12345678"))
    assert conversation.tokens(["a", "b"]) == Tokens(text=2, audio=10)
