"""A tool that a person must allow first: the question, the answers that count, and those that do not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.stage import Stage, message, noted, of, sent, shown
from tests.world.engine import Plan
from tests.world.room import Room
from voice.errors import Misuse
from voice.protocol.client_events import (
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
    ResponseCreate,
)
from voice.protocol.items import (
    FunctionCallOutput,
    InputText,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    UserMessage,
)
from voice.protocol.server_events import ConversationItemAdded, ConversationItemDone, ErrorEvent
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.approval_side import EXPIRED, FORBIDDEN, INTERRUPTED, NOBODY_TO_ASK, NOT_ALLOWED, TOO_MANY
from voice.session.approvals import ApprovalRules, Approvals
from voice.session.calls import MOVES, Calls, ToolCall
from voice.session.calls import Stage as CallStage

RULES = ApprovalRules(verdicts={"wipe": "ask", "launch": "deny", "clock": "allow"})


def client(rules: ApprovalRules = RULES, **config: Any) -> Stage:
    """A client of a session with one tool of each kind, and the model in the middle of a response."""
    stage = Stage(client_face=True, tools=("wipe", "launch", "clock"), approvals=rules, **config)
    stage.hear("session.updated", session={"type": "realtime"})
    stage.begin()
    return stage


def asked(stage: Stage, call_id: str = "call_1", name: str = "wipe") -> str:
    """The model calls; the id of the request that the client sees."""
    effects = stage.call(call_id=call_id, name=name)
    (request,) = [item for item in items(effects, ConversationItemDone) if isinstance(item, McpApprovalRequest)]
    assert request.id
    return request.id


def items(effects: list[ef.Effect], kind: type) -> list[Any]:
    return [e.event.item for e in of(effects, ef.SendToClient) if isinstance(e.event, kind)]  # type: ignore[union-attr]


def says(stage: Stage, event: Any) -> list[ef.Effect]:
    return stage.say(ev.ClientSaid(event))


def answers(stage: Stage, request_id: str, approve: bool, *, event_id: str = "mine", **more: Any) -> list[ef.Effect]:
    item = McpApprovalResponse(approval_request_id=request_id, approve=approve, **more)
    return says(stage, ConversationItemCreate(event_id=event_id, item=item))


def outputs(effects: list[ef.Effect]) -> list[str]:
    """What the model is told of its calls."""
    created = [event.item for event in sent(effects, ConversationItemCreate)]
    return [item.output for item in created if isinstance(item, FunctionCallOutput)]


def errors(effects: list[ef.Effect]) -> list[tuple[str | None, str | None, str | None]]:
    found = [e.event.error for e in of(effects, ef.SendToClient) if isinstance(e.event, ErrorEvent)]
    return [(error.code, error.param, error.event_id) for error in found]


# The question


def test_a_call_that_needs_approval_waits_and_the_client_is_asked() -> None:
    stage = client()
    effects = stage.call(name="wipe")
    assert of(effects, ef.RunTool) == []
    assert shown(effects) == ["conversation.item.added", "conversation.item.done"]
    (request,) = items(effects, ConversationItemDone)
    assert isinstance(request, McpApprovalRequest)
    assert (request.name, request.arguments, request.server_label) == ("wipe", "{}", "voice")
    assert outputs(effects) == []


def test_the_call_itself_is_shown_and_not_yet_in_progress() -> None:
    stage = client()
    item = {"id": "item_c", "type": "function_call", "call_id": "call_1", "name": "wipe", "arguments": "{}"}
    ids = {"response_id": "resp_1", "item_id": "item_c", "output_index": 0, "call_id": "call_1"}
    effects = stage.hear("response.output_item.added", response_id="resp_1", output_index=0, item=item)
    effects += stage.hear("conversation.item.added", item=item)
    effects += stage.hear("response.function_call_arguments.done", **ids, name="wipe", arguments="{}")
    assert shown(effects)[-1] == "response.mcp_call_arguments.done"
    done = {**item, "status": "completed"}
    effects = stage.hear("response.output_item.done", response_id="resp_1", output_index=0, item=done)
    (added,) = [e.event for e in of(effects, ef.SendToClient) if isinstance(e.event, ConversationItemAdded)]
    assert added.previous_item_id == "item_c"


def test_yes_runs_it_once_and_the_model_goes_on_from_the_result() -> None:
    stage = client()
    request_id = asked(stage)
    stage.done()
    effects = answers(stage, request_id, True)
    assert of(effects, ef.RunTool) == [ef.RunTool("call_1", "wipe", "{}", "client")]
    assert shown(effects) == ["conversation.item.added", "conversation.item.done", "response.mcp_call.in_progress"]
    assert sent(effects, ConversationItemCreate) == [], "the answer is between the client and us"
    effects = stage.say(ev.ToolDone("call_1", "gone"))
    assert outputs(effects) == ["gone"]
    assert len(sent(effects, ResponseCreate)) == 1
    assert shown(effects)[0] == "response.mcp_call.completed"
    (call,) = items(effects, ConversationItemDone)
    assert isinstance(call, McpCall)
    assert call.approval_request_id == request_id


def test_no_runs_nothing_and_the_model_is_told() -> None:
    stage = client()
    request_id = asked(stage)
    stage.done()
    effects = answers(stage, request_id, False, reason="  not\ntoday ")
    assert of(effects, ef.RunTool) == []
    assert outputs(effects) == [f'{NOT_ALLOWED} They said: "not today"']
    assert len(sent(effects, ResponseCreate)) == 1
    assert "response.mcp_call.failed" in shown(effects)


def test_both_calls_of_a_response_are_over_before_the_model_goes_on() -> None:
    stage = client()
    request_id = asked(stage)
    (run,) = of(stage.call(call_id="call_2", name="clock"), ef.RunTool)
    assert (run.name, run.approved_by) == ("clock", "")
    stage.done()
    assert sent(stage.say(ev.ToolDone("call_2", "noon")), ResponseCreate) == []
    assert len(sent(answers(stage, request_id, False), ResponseCreate)) == 1


PROMPT = "Please allow that on the screen."


def prompting() -> Stage:
    return client(ApprovalRules(verdicts={"wipe": "ask"}, prompt=PROMPT))


def says_prompt(effects: list[ef.Effect]) -> bool:
    return any(PROMPT in (ask.response.instructions or "") for ask in sent(effects, ResponseCreate) if ask.response)


def test_who_does_not_look_is_told_that_something_is_asked() -> None:
    stage = prompting()
    asked(stage, "a")
    asked(stage, "b")
    assert says_prompt(stage.done())
    stage.begin("resp_2")
    assert not says_prompt(stage.done("resp_2")), "once for both"


def test_what_was_answered_already_is_not_announced() -> None:
    stage = prompting()
    request_id = asked(stage)
    answers(stage, request_id, True)
    assert not says_prompt(stage.done())
    assert not says_prompt(stage.say(ev.ToolDone("call_1", "gone")))


# Where nobody is asked


def test_what_the_policy_forbids_is_refused_at_once() -> None:
    effects = client().call(name="launch")
    assert (of(effects, ef.RunTool), outputs(effects)) == ([], [FORBIDDEN])
    assert "response.mcp_call.failed" in shown(effects)


def test_a_line_on_which_nobody_can_answer_is_told_so() -> None:
    stage = Stage(tools=("wipe",), approvals=RULES)
    stage.speak()
    stage.begin()
    effects = stage.call(name="wipe")
    assert (of(effects, ef.RunTool), outputs(effects)) == ([], [NOBODY_TO_ASK])
    assert len(sent(stage.done(), ResponseCreate)) == 1, "the person is told by the model"


def test_a_model_that_asks_for_too_much_is_refused() -> None:
    stage = client(ApprovalRules(verdicts={"wipe": "ask"}, open_limit=2))
    asked(stage, "a")
    asked(stage, "b")
    assert outputs(stage.call(call_id="c", name="wipe")) == [TOO_MANY]


# Time and interruptions


def test_no_answer_in_time_is_a_no() -> None:
    stage = client()
    request_id = asked(stage)
    stage.done()
    deadline = stage.session.deadline()
    assert deadline is not None
    assert (deadline.at, deadline.why) == (stage.now + 60, "approval expires")
    effects = stage.tick()
    assert outputs(effects) == [EXPIRED]
    assert len(sent(effects, ResponseCreate)) == 1
    late = answers(stage, request_id, True)
    assert of(late, ef.RunTool) == []
    assert errors(late) == [("approval_request_expired", "item.approval_request_id", "mine")]


def interrupted(rules: ApprovalRules) -> tuple[Stage, str, list[ef.Effect]]:
    """The model announces what it is about to do, asks, and is interrupted."""
    stage = Stage(tools=("wipe",), approvals=rules, client_face=True, playout="reports")
    stage.hear("session.updated", session={"type": "realtime"})
    stage.begin()
    stage.sound(2_000)
    request_id = asked(stage)
    stage.now += 0.5
    return stage, request_id, stage.say(ev.StopTalking())


def test_an_interruption_keeps_the_question_by_rule() -> None:
    stage, request_id, effects = interrupted(RULES)
    assert outputs(effects) == []
    stage.done(status="cancelled")
    assert of(answers(stage, request_id, True), ef.RunTool)
    effects = stage.say(ev.ToolDone("call_1", "gone"))
    assert len(sent(effects, ResponseCreate)) == 1, "whoever allows it now wants to hear how it went"


def test_an_interruption_drops_the_question_by_rule() -> None:
    stage, request_id, effects = interrupted(ApprovalRules(verdicts={"wipe": "ask"}, on_interruption="drop"))
    assert outputs(effects) == [INTERRUPTED]
    assert errors(answers(stage, request_id, True))[0][0] == "approval_request_withdrawn"
    assert sent(stage.done(status="cancelled"), ResponseCreate) == []


# Answers that come to nothing


def test_a_second_answer_changes_nothing() -> None:
    stage = client()
    request_id = asked(stage)
    assert len(of(answers(stage, request_id, True), ef.RunTool)) == 1
    for approve in (True, False):
        effects = answers(stage, request_id, approve, event_id="again")
        assert not of(effects, ef.RunTool)
        assert not outputs(effects)
        assert errors(effects) == [("approval_request_already_answered", "item.approval_request_id", "again")]


def test_an_answer_to_nothing_is_an_error_and_goes_nowhere() -> None:
    stage = client()
    asked(stage)
    effects = answers(stage, "mcpr_of_somebody_else", True)
    assert errors(effects) == [("approval_request_not_found", "item.approval_request_id", "mine")]
    assert not sent(effects, ConversationItemCreate)
    assert not of(effects, ef.RunTool)


@pytest.mark.parametrize("words", ["yes", "yes, do it, I approve"])
def test_words_approve_nothing(words: str) -> None:
    stage = client()
    asked(stage)
    stage.done()
    written = ConversationItemCreate(item=UserMessage(content=[InputText(text=words)]))
    effects = says(stage, written)
    effects += stage.commit("item_u2", transcript=words)
    effects += stage.hear(
        "conversation.item.input_audio_transcription.completed",
        item_id="item_u2",
        content_index=0,
        transcript=words,
        usage={"type": "duration", "seconds": 1.0},
    )
    effects += says(stage, ResponseCreate())
    assert of(effects, ef.RunTool) == []


def test_a_client_cannot_answer_our_call_in_the_tools_place() -> None:
    stage = client()
    asked(stage)
    effects = says(stage, ConversationItemCreate(item=FunctionCallOutput(call_id="call_1", output="done")))
    assert stage.session.calls.open["call_1"].stage is CallStage.AWAITING_APPROVAL
    assert of(effects, ef.RunTool) == []


def test_the_engines_own_questions_are_answered_to_the_engine() -> None:
    stage = client()
    request = {"id": "mcpr_e", "type": "mcp_approval_request", "server_label": "x", "name": "y", "arguments": "{}"}
    stage.hear("conversation.item.added", item=request)
    (create,) = sent(answers(stage, "mcpr_e", True), ConversationItemCreate)
    assert isinstance(create.item, McpApprovalResponse)


# Connections, items, the end


def test_a_question_outlives_the_connection() -> None:
    stage = client()
    request_id = asked(stage)
    stage.lose()
    effects = answers(stage, request_id, True)
    assert len(of(effects, ef.RunTool)) == 1, "also while the engine is away"
    stage.say(ev.ToolDone("call_1", "gone"))
    effects = stage.connect()
    assert "gone" in outputs(effects)


def test_a_question_that_was_open_through_a_reconnect_is_answered_after_it() -> None:
    stage = client()
    request_id = asked(stage)
    stage.lose()
    told = stage.connect()
    assert [item for item in items(told, ConversationItemDone) if isinstance(item, McpApprovalRequest)] == []
    effects = answers(stage, request_id, True)
    assert len(of(effects, ef.RunTool)) == 1
    assert outputs(stage.say(ev.ToolDone("call_1", "gone"))) == ["gone"]


def test_the_items_of_a_question_have_their_place_and_can_be_retrieved() -> None:
    stage = client()
    request_id = asked(stage)
    effects = stage.hear("conversation.item.added", item=message("item_a2"), previous_item_id="item_call_1")
    assert [e.event.previous_item_id for e in of(effects, ef.SendToClient)] == [request_id]  # type: ignore[union-attr]
    effects = says(stage, ConversationItemRetrieve(item_id=request_id))
    assert shown(effects) == ["conversation.item.retrieved"]
    assert of(effects, ef.SendToEngine) == []
    written = ConversationItemCreate(previous_item_id=request_id, item=UserMessage(content=[InputText(text="hm")]))
    (create,) = sent(says(stage, written), ConversationItemCreate)
    assert create.previous_item_id == "item_call_1", "as the engine knows the place"


def test_a_deleted_question_is_a_no() -> None:
    stage = client()
    request_id = asked(stage)
    effects = says(stage, ConversationItemDelete(item_id=request_id))
    assert outputs(effects) == [NOT_ALLOWED]
    assert "conversation.item.deleted" in shown(effects)
    assert errors(answers(stage, request_id, True))[0][0] == "approval_request_withdrawn"


def test_nothing_is_left_to_cancel_of_a_call_that_waits() -> None:
    stage = client()
    asked(stage)
    effects = stage.say(ev.HungUp("bye"))
    assert not of(effects, ef.CancelTool)
    assert not of(effects, ef.RunTool)


def test_the_same_wish_again_while_its_question_is_open_asks_nothing_new() -> None:
    stage = client()
    asked(stage)
    stage.done()
    stage.begin("resp_2")
    effects = stage.call("resp_2", "call_2", "wipe")
    assert noted(effects, "call_echoed")
    assert noted(effects, "approval_asked") == []


def test_a_whole_conversation_with_an_approval() -> None:
    def plan(reply: int) -> Plan:
        return Plan(calls=(("c", "wipe", "{}"),), items=0) if reply == 0 else Plan(sound_ms=600)

    room = Room(client_face=True, tools=("wipe",), plan=plan, approvals=RULES)
    room.user_speaks(at=0.5, seconds=0.5)
    room.run(until=3.0)
    (request,) = [e.item for e in room.client.of(ConversationItemDone) if isinstance(e.item, McpApprovalRequest)]
    answer = McpApprovalResponse(approval_request_id=request.id or "", approve=True)
    room.client_says(3.0, ConversationItemCreate(item=answer))
    room.run(until=6.0)
    assert len(room.answered) == 1
    assert room.engine.errors == room.client.complaints == []
    assert room.engine.replies == 2, "the model spoke of it"


# The books


def test_every_way_of_a_call_ends_and_none_leaves_the_end() -> None:
    over = {stage for stage, ways in MOVES.items() if not ways}
    assert over == {CallStage.ANSWERED, CallStage.REFUSED}
    for start in (CallStage.SEEN, CallStage.WITH_CLIENT):
        seen, reached = set[CallStage](), {start}
        while reached - seen:
            stage = (reached - seen).pop()
            seen.add(stage)
            reached |= MOVES[stage]
        assert reached & over


@pytest.mark.parametrize("stage", list(CallStage))
@pytest.mark.parametrize("to", list(CallStage))
def test_a_call_moves_only_as_the_table_says(stage: CallStage, to: CallStage) -> None:
    call = ToolCall("c", "r", "i", "wipe", "{}", 0, stage, 0.0)
    if to in MOVES[stage]:
        Calls().move(call, to)
        assert call.stage is to
    else:
        with pytest.raises(Misuse):
            Calls().move(call, to)
        assert call.stage is stage


def test_the_memory_of_questions_is_bounded() -> None:
    approvals = Approvals(RULES)
    for number in range(3 * Approvals.REMEMBERED):
        approvals.ask(str(number), "c", "r", 0.0)
        approvals.end(str(number), "answered")
    assert approvals.why_not("0") == "unknown"
    assert approvals.why_not(str(3 * Approvals.REMEMBERED - 1)) == "answered"
    assert len(approvals._ended) == Approvals.REMEMBERED


# A far end with keys


def at_a_terminal() -> tuple[Stage, list[ef.Effect]]:
    stage = Stage(tools=("wipe",), approvals=RULES, can_approve=True)
    stage.speak()
    stage.begin()
    return stage, stage.call(name="wipe")


def question(effects: list[ef.Effect]) -> str:
    (asked,) = noted(effects, "approval_asked")
    assert (asked["name"], asked["text"]) == ("wipe", "{}")
    request_id: str = asked["request_id"]
    return request_id


def test_a_key_allows_what_it_is_shown() -> None:
    stage, effects = at_a_terminal()
    assert not of(effects, ef.RunTool)
    effects = stage.say(ev.ApprovalGiven(question(effects), True))
    assert of(effects, ef.RunTool) == [ef.RunTool("call_1", "wipe", "{}", "key")]
    stage.done()
    effects = stage.say(ev.ToolDone("call_1", "gone"))
    assert (outputs(effects), len(sent(effects, ResponseCreate))) == (["gone"], 1)


def test_a_key_refuses_and_the_model_speaks_of_it() -> None:
    stage, effects = at_a_terminal()
    stage.done()
    effects = stage.say(ev.ApprovalGiven(question(effects), False))
    assert outputs(effects) == [NOT_ALLOWED]
    assert len(sent(effects, ResponseCreate)) == 1


def test_a_key_that_comes_too_late_or_twice_does_nothing() -> None:
    stage, effects = at_a_terminal()
    request_id = question(effects)
    stage.done()
    stage.now += 60
    stage.say(ev.Tick())
    for late in (request_id, "of nobody"):
        effects = stage.say(ev.ApprovalGiven(late, True))
        assert of(effects, ef.RunTool) == []
        assert noted(effects, "approval_ignored")


def test_where_a_key_answers_there_is_one_question_at_a_time() -> None:
    stage, _ = at_a_terminal()
    assert outputs(stage.call(call_id="call_2", name="wipe")) == [TOO_MANY]
