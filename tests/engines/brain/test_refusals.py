"""What the embedded brain says when a person was asked before a tool ran, or could not be asked."""

from __future__ import annotations

import json

import pytest

from voice.engines.brain.intents import CallTool, Say, decide, mind
from voice.engines.stages import BrainRequest
from voice.protocol.items import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputText,
    Item,
    OutputText,
    UserMessage,
)
from voice.protocol.settings import FunctionTool
from voice.session.approval_side import NOT_ALLOWED, REFUSALS

FORGET = FunctionTool(name="forget_notes", description="", parameters={"type": "object", "properties": {}})


def said(text: str) -> UserMessage:
    return UserMessage(content=[InputText(text=text)])


def answered(output: str, tool: str = "forget_notes", *between: Item) -> str:
    items = [
        said("forget all my notes"),
        FunctionCall(call_id="c", name=tool, arguments="{}"),
        *between,
        FunctionCallOutput(call_id="c", output=output),
    ]
    decision = decide(BrainRequest(items=items, tools=[FORGET]), mind("en"))
    assert isinstance(decision, Say)
    return decision.text


@pytest.mark.parametrize("words", ["forget all my notes", "delete my notes", "forget everything", "clear your memory"])
def test_the_wish_to_forget_all_notes_is_understood(words: str) -> None:
    assert decide(BrainRequest(items=[said(words)], tools=[FORGET]), mind("en")) == CallTool("forget_notes", {})


@pytest.mark.parametrize(("count", "words"), [(0, "no notes"), (1, "only note"), (7, "all 7 notes")])
def test_what_was_allowed_is_told(count: int, words: str) -> None:
    assert words in answered(json.dumps({"forgotten": count}))


@pytest.mark.parametrize("refusal", REFUSALS)
def test_every_refusal_has_words_of_its_own(refusal: str) -> None:
    for tool in ("forget_notes", "open_door"):
        told = answered(refusal, tool)
        assert "Nothing was done" not in told
        assert "didn't work" not in told


def test_a_no_with_a_reason_is_a_no() -> None:
    assert answered(f'{NOT_ALLOWED} They said: "not today"') == "All right, I kept your notes."


def test_an_answer_that_took_its_time_is_told_after_other_talk() -> None:
    between = (said("hello"), AssistantMessage(content=[OutputText(text="Hello!")]))
    assert answered('{"forgotten": 3}', "forget_notes", *between) == "I forgot all 3 notes."


def test_a_late_answer_does_not_take_the_place_of_what_was_asked_since() -> None:
    assert answered('{"forgotten": 3}', "forget_notes", said("hello")) == "Hi there! How can I help?"
