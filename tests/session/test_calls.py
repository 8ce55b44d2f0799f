"""Tool calls: each is answered exactly once, and the model goes on when all of a response's are."""

from __future__ import annotations

import pytest

from tests.session.stage import Stage, noted, of, sent, shown
from voice.errors import Misuse
from voice.protocol.client_events import ConversationItemCreate, ResponseCreate
from voice.protocol.items import FunctionCallOutput
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.calls import Calls, ToolCall
from voice.session.calls import Stage as CallStage


def tool_call(call_id: str = "call_1", response_id: str = "resp_1", stage: CallStage = CallStage.RUNNING) -> ToolCall:
    return ToolCall(call_id, response_id, f"item_{call_id}", "clock", "{}", 0, stage, 0.0)


def outputs(effects: list[ef.Effect]) -> list[FunctionCallOutput]:
    items = [wish.item for wish in sent(effects, ConversationItemCreate)]
    return [item for item in items if isinstance(item, FunctionCallOutput)]


def calling() -> Stage:
    stage = Stage(tools=("clock",))
    stage.speak()
    stage.begin()
    return stage


# The books


def test_a_call_starts_once_and_is_answered_once() -> None:
    calls = Calls()
    assert calls.start(tool_call())
    assert not calls.start(tool_call())
    assert calls.answer("call_1") is not None
    assert calls.answer("call_1") is None
    assert not calls.start(tool_call()), "also not after its answer"


def test_a_call_cannot_begin_as_answered() -> None:
    with pytest.raises(Misuse):
        Calls().start(tool_call(stage=CallStage.ANSWERED))


def test_only_ours_run() -> None:
    calls = Calls()
    calls.start(tool_call("a"))
    calls.start(tool_call("b", stage=CallStage.WITH_CLIENT))
    assert [call.call_id for call in calls.running] == ["a"]
    assert calls.waiting_for("resp_1")


def test_the_memory_of_answered_calls_is_bounded() -> None:
    calls = Calls()
    for number in range(3 * Calls.REMEMBERED):
        calls.start(tool_call(str(number)))
        calls.answer(str(number))
    assert len(calls._answered) == Calls.REMEMBERED
    assert calls.open == {}


# In a conversation


def test_a_call_runs_when_its_arguments_are_complete() -> None:
    stage = calling()
    (run,) = of(stage.call(), ef.RunTool)
    assert run == ef.RunTool("call_1", "clock", "{}")


def test_the_model_goes_on_when_the_response_is_done_and_its_call_answered() -> None:
    stage = calling()
    stage.call()
    effects = stage.say(ev.ToolDone("call_1", "noon"))
    assert [item.output for item in outputs(effects)] == ["noon"]
    assert sent(effects, ResponseCreate) == [], "the response is not done"
    assert len(sent(stage.done(), ResponseCreate)) == 1


def test_two_calls_are_answered_in_any_order_and_lead_to_one_reply() -> None:
    stage = calling()
    stage.call(call_id="a")
    stage.call(call_id="b")
    stage.done()
    assert sent(stage.say(ev.ToolDone("b", "two")), ResponseCreate) == []
    assert len(sent(stage.say(ev.ToolDone("a", "one")), ResponseCreate)) == 1


def test_a_call_that_is_repeated_runs_once() -> None:
    stage = calling()
    stage.call()
    effects = stage.call()
    assert of(effects, ef.RunTool) == []
    assert noted(effects, "surprise")


def test_an_answer_that_comes_twice_is_told_once() -> None:
    stage = calling()
    stage.call()
    stage.say(ev.ToolDone("call_1", "noon"))
    effects = stage.say(ev.ToolDone("call_1", "noon again"))
    assert outputs(effects) == []
    assert noted(effects, "late_tool")


def test_a_failed_call_is_answered_with_what_the_model_should_know() -> None:
    stage = calling()
    stage.call()
    effects = stage.say(ev.ToolDone("call_1", "The clock is broken.", ok=False))
    assert [item.output for item in outputs(effects)] == ["The clock is broken."]
    (done,) = noted(effects, "tool_done")
    assert done["ok"] is False


def test_a_call_that_was_cut_off_by_its_response_is_not_run() -> None:
    stage = calling()
    item = {
        "id": "item_c",
        "type": "function_call",
        "call_id": "c",
        "name": "clock",
        "arguments": "{",
        "status": "incomplete",
    }
    effects = stage.hear("response.output_item.done", response_id="resp_1", output_index=0, item=item)
    assert of(effects, ef.RunTool) == []


def test_a_call_of_an_interrupted_response_is_answered_as_not_run() -> None:
    stage = calling()
    stage.sound(100)
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u2")
    effects = stage.call()
    assert of(effects, ef.RunTool) == []
    (item,) = outputs(effects)
    assert "interrupted" in item.output
    assert outputs(stage.say(ev.ToolDone("call_1", "noon"))) == []


def test_a_running_call_of_an_interrupted_response_finishes_in_silence() -> None:
    stage = calling()
    stage.call()
    stage.sound(1_000)
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u2")
    stage.done(status="cancelled")
    effects = stage.say(ev.ToolDone("call_1", "noon"))
    assert len(outputs(effects)) == 1
    stage.hear("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id="item_u2")
    assert sent(stage.say(ev.Tick()), ResponseCreate) == []


def test_an_interruption_between_the_answer_and_the_end_of_the_response_is_kept_in_mind() -> None:
    stage = calling()
    stage.call()
    stage.say(ev.ToolDone("call_1", "noon"))
    stage.sound(1_000)
    stage.say(ev.StopTalking())
    assert sent(stage.done(status="cancelled"), ResponseCreate) == []


def test_running_calls_are_cancelled_at_the_end() -> None:
    stage = calling()
    stage.call(call_id="a")
    stage.call(call_id="b")
    stage.say(ev.ToolDone("a", "one"))
    effects = stage.say(ev.HungUp("bye"))
    assert [cancel.call_id for cancel in of(effects, ef.CancelTool)] == ["b"]


def test_progress_is_noted_with_its_call() -> None:
    stage = calling()
    stage.call()
    assert noted(stage.say(ev.ToolProgress("call_1", "half")), "tool_progress") == [
        {"call_id": "call_1", "text": "half"}
    ]


# Tools of ours and of a client


def test_a_clients_tool_is_the_clients_to_run() -> None:
    stage = Stage(tools=("clock",), client_face=True)
    stage.begin()
    effects = stage.call(name="lamp")
    assert of(effects, ef.RunTool) == []
    assert "response.output_item.done" in shown(effects)
    stage.done()
    answer = ConversationItemCreate(item=FunctionCallOutput(call_id="call_1", output="on"))
    effects = stage.say(ev.ClientSaid(answer))
    assert len(outputs(effects)) == 1
    assert sent(effects, ResponseCreate) == [], "and the client's to go on from"


def test_in_a_mixed_response_the_clients_create_waits_for_our_result() -> None:
    stage = Stage(tools=("clock",), client_face=True)
    stage.begin()
    stage.call(call_id="ours")
    stage.call(call_id="theirs", name="lamp")
    stage.done()
    stage.say(ev.ClientSaid(ConversationItemCreate(item=FunctionCallOutput(call_id="theirs", output="on"))))
    assert sent(stage.say(ev.ClientSaid(ResponseCreate(event_id="please"))), ResponseCreate) == []
    effects = stage.say(ev.ToolDone("ours", "noon"))
    assert [create.event_id for create in sent(effects, ResponseCreate)] == ["please"]


def test_in_a_mixed_response_the_client_asks_when_we_were_first() -> None:
    stage = Stage(tools=("clock",), client_face=True)
    stage.begin()
    stage.call(call_id="ours")
    stage.call(call_id="theirs", name="lamp")
    stage.done()
    assert sent(stage.say(ev.ToolDone("ours", "noon")), ResponseCreate) == []
    stage.say(ev.ClientSaid(ConversationItemCreate(item=FunctionCallOutput(call_id="theirs", output="on"))))
    assert len(sent(stage.say(ev.ClientSaid(ResponseCreate())), ResponseCreate)) == 1
    assert len(stage.session.calling) == 0


def test_a_clients_bare_create_and_our_going_on_are_one_reply() -> None:
    """A client may ask to go on when it sees that a tool of the server is done; so have we."""
    stage = Stage(tools=("clock",), client_face=True)
    stage.begin()
    stage.call()
    stage.done()
    assert len(sent(stage.say(ev.ToolDone("call_1", "noon")), ResponseCreate)) == 1
    effects = stage.say(ev.ClientSaid(ResponseCreate()))
    assert sent(effects, ResponseCreate) == []
    assert noted(effects, "create_merged")
