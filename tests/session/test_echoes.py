"""The same call again, from a model that has not read the answer to the first: one effect, one call in its memory."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.stage import Stage, noted, of, sent
from voice.protocol.client_events import ConversationItemCreate, ConversationItemDelete, ResponseCreate
from voice.protocol.items import FunctionCallOutput
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.calls import Stage as CallStage
from voice.session.calls import ToolCall
from voice.session.echoes import REMEMBERED, Echoes


def a_call(call_id: str, response_id: str, arguments: str = "{}", name: str = "book") -> ToolCall:
    return ToolCall(call_id, response_id, f"item_{call_id}", name, arguments, 0, CallStage.RUNNING, 0.0)


def output(call_id: str) -> FunctionCallOutput:
    return FunctionCallOutput(id="o", call_id=call_id, output="done")


FIRST = a_call("c1", "r1")


def test_an_equal_call_is_an_echo_until_the_answer_was_read() -> None:
    echoes = Echoes()
    echoes.answered(FIRST)
    assert echoes.original(a_call("c2", "r2"), ()) is FIRST
    echoes.read(output("c1"))
    assert echoes.original(a_call("c2", "r2"), ()) is None


def test_a_call_that_runs_is_unread_by_nature() -> None:
    assert Echoes().original(a_call("c2", "r2"), (FIRST,)) is FIRST


@pytest.mark.parametrize(
    "other", [a_call("c2", "r2", '{"to":"Rome"}'), a_call("c2", "r2", name="cancel"), a_call("c2", "r1")]
)
def test_other_arguments_another_tool_and_the_same_response_are_no_echo(other: ToolCall) -> None:
    echoes = Echoes()
    echoes.answered(FIRST)
    assert echoes.original(other, ()) is None


def test_what_is_wished_after_the_next_turn_is_wished_anew() -> None:
    echoes = Echoes()
    echoes.answered(FIRST)
    echoes.all_read()
    assert echoes.original(a_call("c2", "r2"), ()) is None


def test_the_memory_is_bounded() -> None:
    echoes = Echoes()
    for number in range(REMEMBERED + 1):
        echoes.answered(a_call(f"c{number}", f"r{number}", arguments=str(number)))
    assert echoes.original(a_call("x", "y", arguments="0"), ()) is None
    assert echoes.original(a_call("x", "y", arguments="1"), ()) is not None


# In a conversation


def booked(**more: Any) -> Stage:
    stage = Stage(tools=("clock",), **more)
    stage.speak()
    stage.begin()
    stage.call()
    stage.done()
    return stage


def acknowledge(stage: Stage, create: ConversationItemCreate) -> None:
    stage.hear("conversation.item.added", item=create.item.model_dump(mode="json", exclude_none=True))


def test_a_call_whose_answer_was_not_read_is_not_run_again() -> None:
    stage = booked()
    stage.say(ev.ToolDone("call_1", "noon"))
    stage.begin("resp_2")
    effects = stage.call("resp_2", "call_2")
    assert of(effects, ef.RunTool) == []
    assert noted(effects, "call_echoed")
    assert [delete.item_id for delete in sent(effects, ConversationItemDelete)] == ["item_call_2"]
    assert len(sent(stage.done("resp_2"), ResponseCreate)) == 1, "and the model goes on from the answer that is there"


def test_a_call_whose_answer_was_read_is_run_again() -> None:
    stage = booked()
    (create,) = sent(stage.say(ev.ToolDone("call_1", "noon")), ConversationItemCreate)
    acknowledge(stage, create)
    stage.begin("resp_2")
    assert len(of(stage.call("resp_2", "call_2"), ef.RunTool)) == 1


def test_two_equal_calls_of_one_response_are_both_run() -> None:
    stage = Stage(tools=("clock",))
    stage.speak()
    stage.begin()
    assert len(of(stage.call(call_id="call_1"), ef.RunTool)) == 1
    assert len(of(stage.call(call_id="call_2"), ef.RunTool)) == 1


def test_a_call_that_still_runs_across_a_lost_connection_is_waited_for() -> None:
    stage = booked()
    stage.lose()
    stage.connect()
    stage.speak("item_u2")
    stage.begin("resp_2")
    effects = stage.call("resp_2", "call_2")
    assert of(effects, ef.RunTool) == []
    assert sent(stage.done("resp_2"), ResponseCreate) == [], "there is no answer yet"
    effects = stage.say(ev.ToolDone("call_1", "noon"))
    (create,) = sent(effects, ConversationItemCreate)
    assert isinstance(create.item, FunctionCallOutput)
    assert create.item.call_id == "call_1"
    assert len(sent(effects, ResponseCreate)) == 1
