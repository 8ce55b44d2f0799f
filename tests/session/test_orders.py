"""What the engine was told, refused for a passing reason, and is told again."""

from __future__ import annotations

import pytest

from tests.session.stage import Stage, noted, of, sent
from voice.protocol.client_events import (
    ClientEvent,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemTruncate,
    ResponseCancel,
    ResponseCreate,
)
from voice.protocol.items import InputText, UserMessage
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.orders import REMEMBERED, TRIES, Orders
from voice.session.states import Reply


def item(item_id: str, event_id: str) -> ConversationItemCreate:
    return ConversationItemCreate(
        event_id=event_id, item=UserMessage(id=item_id, content=[InputText(text="the words of it")])
    )


def refuse(stage: Stage, event: ClientEvent, code: str = "rate_limit_exceeded") -> list[ef.Effect]:
    detail = {"type": "invalid_request_error", "code": code, "message": "not now", "event_id": event.event_id}
    return stage.hear("error", error=detail)


# The book


def test_an_order_is_given_three_times_at_most() -> None:
    orders = Orders()
    orders.tell(item("a", "e1"))
    for times in range(1, TRIES):
        told = orders.refused(f"e{times}")
        assert told is not None
        assert told.times == times
        orders.tell(item("a", f"e{times + 1}"), again=told)
    assert orders.refused(f"e{TRIES}") is None


def test_what_the_engine_has_is_no_order_any_more() -> None:
    orders = Orders()
    orders.tell(item("a", "e1"))
    assert orders.creating("a")
    orders.created("a")
    assert not orders.creating("a")
    assert orders.refused("e1") is None


def test_a_refusal_of_something_else_is_no_order() -> None:
    assert Orders().refused("e1") is None


def test_the_book_is_bounded() -> None:
    orders = Orders()
    for number in range(REMEMBERED + 1):
        orders.tell(item(f"i{number}", f"e{number}"))
    assert orders.refused("e0") is None
    assert not orders.creating("i0")
    assert orders.refused("e1") is not None


# In a conversation


def answered(stage: Stage) -> None:
    stage.speak()
    stage.begin()
    stage.sound(2_000)
    stage.now += 0.5


@pytest.mark.parametrize("code", ["rate_limit_exceeded", "server_error"])
def test_a_cut_that_is_refused_is_made_again(code: str) -> None:
    stage = Stage()
    answered(stage)
    effects = stage.say(ev.StopTalking())
    (cut,) = sent(effects, ConversationItemTruncate)
    (again,) = sent(refuse(stage, cut, code), ConversationItemTruncate)
    assert again.audio_end_ms == cut.audio_end_ms
    assert again.event_id != cut.event_id


def test_a_cut_that_cannot_be_is_not_made_again() -> None:
    stage = Stage()
    answered(stage)
    (cut,) = sent(stage.say(ev.StopTalking()), ConversationItemTruncate)
    assert sent(refuse(stage, cut, "invalid_value"), ConversationItemTruncate) == []


def test_a_cancel_is_given_again_while_there_is_something_to_cancel() -> None:
    stage = Stage()
    answered(stage)
    (cancel,) = sent(stage.say(ev.StopTalking()), ResponseCancel)
    (again,) = sent(refuse(stage, cancel), ResponseCancel)
    stage.done(status="cancelled")
    assert sent(refuse(stage, again), ResponseCancel) == []


def test_a_result_that_is_refused_stands_behind_its_call_and_the_reply_is_asked_for_anew() -> None:
    stage = Stage(tools=("clock",))
    stage.speak()
    stage.begin()
    stage.call()
    stage.done()
    effects = stage.say(ev.ToolDone("call_1", "noon"))
    (create,), (ask,) = sent(effects, ConversationItemCreate), sent(effects, ResponseCreate)
    effects = refuse(stage, create)
    (again,) = sent(effects, ConversationItemCreate)
    assert again.item == create.item
    assert again.previous_item_id == "item_call_1"
    assert noted(effects, "reply_withdrawn")
    (cancel,) = sent(stage.begin("resp_2"), ResponseCancel)
    assert cancel.response_id == "resp_2"
    (anew,) = sent(stage.done("resp_2", "cancelled"), ResponseCreate)
    assert anew.event_id != ask.event_id
    assert stage.reply() is Reply.ASKED


def test_what_a_withdrawn_reply_said_after_all_is_deleted_and_not_heard() -> None:
    stage = Stage(tools=("clock",))
    stage.speak()
    stage.begin()
    stage.call()
    stage.done()
    (create,) = sent(stage.say(ev.ToolDone("call_1", "noon")), ConversationItemCreate)
    stage.begin("resp_2")
    refuse(stage, create)
    assert of(stage.sound(100, "resp_2", "item_a2"), ef.Play) == []
    effects = stage.done("resp_2", output=[{"id": "item_a2", "type": "message", "role": "assistant", "content": []}])
    assert [delete.item_id for delete in sent(effects, ConversationItemDelete)] == ["item_a2"]
    assert len(sent(effects, ResponseCreate)) == 1


def test_a_reply_that_is_already_heard_goes_on() -> None:
    stage = Stage(tools=("clock",))
    stage.speak()
    stage.begin()
    stage.call()
    stage.done()
    (create,) = sent(stage.say(ev.ToolDone("call_1", "noon")), ConversationItemCreate)
    stage.begin("resp_2")
    stage.sound(100, "resp_2", "item_a2")
    effects = refuse(stage, create)
    assert sent(effects, ResponseCancel) == []
    assert stage.reply() is Reply.STREAMING


def test_a_reply_that_is_interrupted_after_another_was_withdrawn_keeps_what_it_made() -> None:
    stage = Stage(tools=("clock",))
    stage.speak()
    stage.begin()
    stage.call()
    stage.done()
    (create,) = sent(stage.say(ev.ToolDone("call_1", "noon")), ConversationItemCreate)
    refuse(stage, create)
    stage.begin("resp_2")
    stage.done("resp_2", "cancelled")
    assert stage.reply() is Reply.ASKED
    stage.say(ev.StopTalking())
    stage.begin("resp_3")
    made = {"id": "item_a3", "type": "message", "role": "assistant", "content": []}
    effects = stage.done("resp_3", "cancelled", output=[made])
    assert sent(effects, ConversationItemDelete) == []
