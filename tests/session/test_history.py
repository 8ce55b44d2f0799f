"""The conversation as it was heard."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.protocol.items import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    McpCall,
    OutputAudio,
    OutputText,
    SystemMessage,
    UserMessage,
)
from voice.session.history import History, heard_words, retold


def user(item_id: str, text: str = "hello") -> UserMessage:
    return UserMessage(id=item_id, content=[InputText(text=text)])


def spoken(item_id: str, transcript: str | None = None) -> AssistantMessage:
    return AssistantMessage(id=item_id, content=[OutputAudio(transcript=transcript)])


def call(item_id: str, call_id: str) -> FunctionCall:
    return FunctionCall(id=item_id, call_id=call_id, name="clock", arguments="{}")


def output(item_id: str, call_id: str) -> FunctionCallOutput:
    return FunctionCallOutput(id=item_id, call_id=call_id, output="noon")


def told(history: History, **options: Any) -> list[Item]:
    return [wish.item for wish in history.replay(**options)]


def test_items_stand_in_the_engines_order() -> None:
    history = History(100)
    history.add(user("a"), None)
    history.add(user("c"), "a")
    history.add(user("b"), "a")
    history.add(user("0"), "root")
    history.add(user("d"), "nobody")
    assert history.order == ["0", "a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("heard_ms", "words"),
    [
        (0, ""),
        (-5, ""),
        (100, ""),
        (600, "The weather"),
        (999, "The weather is"),
        (1_000, "The weather is fine"),
        (2_000, "The weather is fine"),
    ],
)
def test_a_share_of_the_sound_is_a_share_of_the_words_in_whole_words(heard_ms: float, words: str) -> None:
    assert heard_words("The weather is fine", heard_ms, 1_000) == words


def test_nothing_received_is_nothing_heard() -> None:
    assert heard_words("The weather", 500, 0) == ""


@given(st.text(max_size=200), st.floats(0, 5_000), st.floats(0, 5_000))
def test_what_was_heard_is_always_a_beginning_of_what_was_said(text: str, heard_ms: float, received_ms: float) -> None:
    heard = heard_words(text, heard_ms, received_ms)
    assert text.startswith(heard)


def test_a_new_engine_is_told_words_as_they_were_heard() -> None:
    history = History(100)
    history.add(UserMessage(id="u", content=[InputAudio(transcript=None)]), None)
    history.set_text("u", "what is the weather")
    history.add(spoken("a"), "u")
    for word in ("The ", "weather ", "is ", "fine"):
        history.append_text("a", word)
    history.cut("a", 600, 1_000)
    user_item, assistant_item = told(history)
    assert isinstance(user_item, UserMessage)
    assert user_item.id == "u"
    assert user_item.content == [InputText(text="what is the weather")]
    assert isinstance(assistant_item, AssistantMessage)
    assert assistant_item.content == [OutputText(text="The weather")]


def test_what_comes_after_a_cut_was_not_heard() -> None:
    history = History(100)
    history.add(spoken("a"), None)
    history.append_text("a", "one two three four")
    history.cut("a", 500, 1_000)
    history.append_text("a", " five")
    history.set_text("a", "one two three four five six")
    entry = history.entries["a"]
    assert entry.heard_text == "one two"
    assert entry.unheard_text == " three four"


def test_an_item_that_was_not_heard_at_all_is_not_told() -> None:
    history = History(100)
    history.complete(spoken("a", "Good evening"), None)
    history.cut("a", 0, 900)
    assert told(history) == []


def test_a_turn_without_words_yet_is_not_told() -> None:
    history = History(100)
    history.add(UserMessage(id="u", content=[InputAudio(transcript=None)]), None)
    assert told(history) == []


def test_pictures_stay_beside_the_words_of_a_spoken_turn() -> None:
    picture = InputImage(image_url="data:image/png;base64,AA==")
    item = UserMessage(id="u", content=[InputAudio(transcript="what is this"), picture])
    history = History(100)
    history.complete(item, None)
    (again,) = told(history)
    assert isinstance(again, UserMessage)
    assert again.content == [InputText(text="what is this"), picture]


def test_items_that_a_client_may_not_create_are_not_told() -> None:
    history = History(100)
    history.complete(McpCall(id="m", server_label="x", name="y", arguments="{}"), None)
    history.complete(SystemMessage(id="s", content=[InputText(text="be brief")]), None)
    assert [item.id for item in told(history)] == ["s"]


def test_items_whose_sound_is_sent_again_are_skipped() -> None:
    history = History(100)
    history.complete(user("a"), None)
    history.complete(user("b"), "a")
    assert [item.id for item in told(history, skip=["b"])] == ["a"]


def test_a_call_that_nobody_will_answer_is_forgotten() -> None:
    history = History(100)
    for item in (call("c1", "k1"), output("o1", "k1"), call("c2", "k2"), call("c3", "k3")):
        history.complete(item, None)
    history.forget_calls({"k3"})
    assert history.order == ["c1", "o1", "c3"]


def test_a_result_whose_call_is_gone_is_not_kept() -> None:
    history = History(100)
    history.complete(output("o", "never seen"), None)
    assert history.order == []


def test_compaction_takes_the_oldest_and_a_call_with_its_result() -> None:
    history = History(3)
    for item in (call("c1", "k1"), user("u1"), output("o1", "k1"), user("u2")):
        history.complete(item, None)
    assert history.order == ["u1", "u2"]


def test_a_result_that_comes_after_its_call_was_compacted_goes_too() -> None:
    history = History(2)
    for item in (call("c1", "k1"), user("u1"), user("u2"), output("o1", "k1")):
        history.complete(item, None)
    assert history.order == ["u1", "u2"]


ITEMS = st.lists(st.tuples(st.sampled_from(["user", "call", "output", "delete"]), st.integers(0, 9)), max_size=80)


@given(ITEMS, st.integers(1, 12))
def test_compaction_never_splits_a_call_from_its_result(steps: list[tuple[str, int]], limit: int) -> None:
    history, answered = History(limit), set[str]()
    for number, (kind, which) in enumerate(steps):
        if kind == "user":
            history.complete(user(f"u{number}"), None)
        elif kind == "call":
            history.complete(call(f"c{which}", f"k{which}"), None)
        elif kind == "output" and f"k{which}" not in answered:
            answered.add(f"k{which}")
            history.complete(output(f"o{which}", f"k{which}"), None)
        elif kind == "delete":
            history.forget_calls(set())
        assert len(history.order) <= limit
        assert sorted(history.order) == sorted(history.entries)
        items = [entry.item for entry in history.entries.values()]
        calls = {item.call_id for item in items if isinstance(item, FunctionCall)}
        for item in items:
            if isinstance(item, FunctionCallOutput):
                assert item.call_id in calls


def test_what_the_present_engine_has_is_known_until_another_comes() -> None:
    history = History(100)
    history.add(user("a"), None)
    history.add(user("b"), "a")
    history.add(user("c"), "b")
    history.know("a")
    assert history.known_before("c") == "a"
    history.forget_known()
    assert history.known_before("c") is None


def test_retold_leaves_out_what_only_a_server_may_say() -> None:
    history = History(10)
    item = FunctionCall(id="c", call_id="k", name="clock", arguments="{}", status="completed")
    history.complete(item, None)
    again = retold(history.entries["c"])
    assert again is not None
    assert again.model_dump(exclude_none=True).keys() <= {"id", "object", "type", "call_id", "name", "arguments"}
