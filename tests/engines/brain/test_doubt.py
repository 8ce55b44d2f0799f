"""What was perhaps misheard: asked back, said again, or done."""

from __future__ import annotations

import pytest

from voice.engines.brain.doubt import HEARD, SURE
from voice.engines.brain.intents import CallTool, Decision, Say, decide, mind
from voice.engines.stages import BrainRequest
from voice.protocol.items import AssistantMessage, InputAudio, Item, OutputAudio, UserMessage
from voice.protocol.settings import FunctionTool

pytest.importorskip("hassil")

NAMES = ("set_timer", "cancel_timer", "remember", "forget", "forget_notes", "get_time")
PROPERTIES = ("duration_s", "name", "all", "text", "query", "place")
TOOLS = [
    FunctionTool(name=name, parameters={"type": "object", "properties": {one: {} for one in PROPERTIES}})
    for name in NAMES
]


class Talk:
    """A conversation in which every word may be doubted."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def hears(self, words: str, confidence: float | None) -> Decision:
        self.items.append(UserMessage(content=[InputAudio(transcript=words)]))
        decision = decide(BrainRequest(items=self.items, tools=TOOLS, confidence=confidence), mind("en"))
        if isinstance(decision, Say):
            self.items.append(AssistantMessage(content=[OutputAudio(transcript=decision.text)]))
        return decision


@pytest.mark.parametrize(
    ("words", "question"),
    [
        ("set a timer for five minutes", "set a timer for 5 minutes"),
        ("set an hour and a half pasta timer", "set a pasta timer for 1 hour and 30 minutes"),
        ("stop timer for eggs", "cancel the eggs timer"),
        ("cancel my timer", "cancel the timer"),
        ("cancel all my timers", "cancel all timers"),
        ("remember that my keys are here", "remember that my keys are here"),
        ("forget about my keys", "forget the note about keys"),
        ("forget everything", "forget everything"),
    ],
)
def test_what_changes_something_is_asked_back_and_done_after_a_yes(words: str, question: str) -> None:
    talk = Talk()
    sure = Talk().hears(words, SURE)
    assert isinstance(sure, CallTool)
    assert talk.hears(words, SURE - 0.01) == Say(f"Did you say: {question}?")
    assert talk.hears("yes", 0.9) == sure


def test_a_no_ends_it_and_another_wish_takes_its_place() -> None:
    talk = Talk()
    talk.hears("cancel my timer", 0.3)
    assert talk.hears("no i did not", 0.9) == Say("All right. What did you say?")
    talk.hears("cancel my timer", 0.3)
    assert talk.hears("what time is it", 0.3) == CallTool("get_time", {})
    talk.hears("cancel my timer", 0.3)
    assert talk.hears("set a timer for one minute", 0.9) == CallTool("set_timer", {"duration_s": 60})


def test_a_yes_that_was_hardly_heard_does_nothing() -> None:
    talk = Talk()
    talk.hears("cancel my timer", 0.3)
    assert isinstance(talk.hears("yes", HEARD / 2), Say)


def test_a_yes_to_something_else_does_nothing() -> None:
    talk = Talk()
    talk.hears("cancel my timer", 0.3)
    talk.hears("hello", 0.9)
    assert isinstance(talk.hears("yes", 0.9), Say)


def test_a_question_costs_nothing_and_is_answered_in_doubt() -> None:
    assert Talk().hears("what time is it", 0.2) == CallTool("get_time", {})


@pytest.mark.parametrize("words", ["cancel my timer", "the areas it spain"])
def test_words_that_were_hardly_heard_are_asked_for_again(words: str) -> None:
    decision = Talk().hears(words, HEARD / 2)
    assert isinstance(decision, Say)
    assert decision.text.startswith("I didn't catch that")


def test_written_words_are_never_in_doubt() -> None:
    assert Talk().hears("cancel my timer", None) == CallTool("cancel_timer", {})
