"""Who asked for a response, and in which order they get it."""

from __future__ import annotations

import pytest

from tests.session.stage import Stage, noted, of, sent
from voice.protocol.client_events import ResponseCancel, ResponseCreate
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.replies import REMEMBERED, TRIES, WISHES_HELD, Replies, Wish
from voice.session.rules import TurnRules
from voice.session.states import Reply


def said(effects: list[ef.Effect]) -> list[str]:
    """The words of our own that the engine was asked to speak."""
    creates = sent(effects, ResponseCreate)
    return [(c.response.metadata or {}).get("voice.say", "") for c in creates if c.response is not None]


# The books


def test_wishes_without_words_fall_into_one_and_come_first() -> None:
    replies = Replies()
    for wish in (Wish("say", "one"), Wish("turn"), Wish("tool"), Wish("say", "two")):
        replies.want(wish)
    assert [wish.text for wish in replies.wishes] == ["", "one", "two"]


def test_words_wait_until_the_loudspeaker_is_quiet() -> None:
    replies = Replies()
    replies.want(Wish("say", "one"))
    assert replies.next_wish(0.0, quiet=False) is None
    assert replies.next_wish(0.0, quiet=True) == Wish("say", "one")


def test_too_many_words_are_refused_and_the_earlier_ones_kept() -> None:
    replies = Replies()
    outcomes = [replies.want(Wish("say", str(number))) for number in range(WISHES_HELD + 3)]
    assert outcomes == [True] * WISHES_HELD + [False] * 3
    assert replies.wishes[0].text == "0"


def test_what_was_refused_waits_longer_each_time_and_is_given_up() -> None:
    replies, now, waits = Replies(), 0.0, []
    replies.want(Wish("turn"))
    while (wish := replies.next_wish(now, quiet=True)) is not None:
        replies.ask(wish, "event")
        if not replies.refused(now, again=True):
            break
        deadline = replies.deadline()
        assert deadline is not None
        waits.append(round(deadline.at - now, 3))
        assert replies.next_wish(deadline.at - 0.01, quiet=True) is None
        now = deadline.at
        replies.hold_over(now)
        assert replies.deadline() is None
    assert waits == [0.25, 0.5, 1.0, 2.0]
    assert len(waits) == TRIES


def test_only_so_many_stale_responses_are_remembered() -> None:
    replies = Replies()
    for number in range(3 * REMEMBERED):
        replies.make_stale(f"resp_{number}")
    assert not replies.is_stale("resp_0")
    assert replies.is_stale(f"resp_{3 * REMEMBERED - 1}")
    assert len(replies._stale) == REMEMBERED


# In a conversation


def test_announcements_come_one_after_the_other_when_it_is_quiet() -> None:
    stage = Stage(playout="clock")
    assert said(stage.say(ev.Say("One."))) == ["One."]
    assert said(stage.say(ev.Say("Two."))) == []
    stage.begin()
    stage.sound(500)
    stage.finish("item_a1")
    assert said(stage.done()) == [], "it still sounds"
    assert said(stage.tick()) == ["Two."]


def test_an_answer_to_the_person_comes_before_an_announcement() -> None:
    stage = Stage()
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u")
    stage.say(ev.Say("Tea."))
    stage.hear("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id="u")
    (create,) = sent(stage.commit("u"), ResponseCreate)
    assert create.response is None


def test_an_announcement_waits_for_a_tool_and_not_for_ever() -> None:
    stage = Stage(tools=("clock",))
    stage.speak()
    stage.begin()
    stage.call()
    stage.say(ev.StopTalking())
    stage.done(status="cancelled")
    assert said(stage.say(ev.Say("Tea is ready."))) == [], "what the person asked for comes first"
    assert said(stage.say(ev.ToolDone("call_1", "noon"))) == ["Tea is ready."]


def test_an_announcement_of_which_nothing_was_heard_is_said_again() -> None:
    stage = Stage()
    stage.say(ev.Say("Tea is ready."))
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u")
    stage.begin()
    stage.done(status="cancelled")
    stage.hear("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id="u")
    assert said(stage.say(ev.Tick())) == ["Tea is ready."]


def test_an_announcement_that_the_operator_stops_is_over() -> None:
    stage = Stage()
    stage.say(ev.Say("Tea is ready."))
    stage.say(ev.Say("And the cake."))
    stage.say(ev.StopTalking())
    stage.begin()
    assert said(stage.done(status="cancelled")) == []
    assert said(stage.say(ev.Tick())) == []


def test_a_greeting_is_the_first_thing_said() -> None:
    stage = Stage(greeting="Good morning.", ready=False)
    assert said(stage.connect()) == ["Good morning."]


# A reply that is interrupted before it began


def test_a_reply_that_is_interrupted_while_it_is_asked_for_is_cancelled_by_its_name_once_it_has_one() -> None:
    stage = Stage()
    stage.speak()
    effects = stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u2")
    assert sent(effects, ResponseCancel) == []
    assert stage.reply() is Reply.STALE
    effects = stage.begin("resp_1")
    assert [cancel.response_id for cancel in sent(effects, ResponseCancel)] == ["resp_1"]
    assert of(stage.sound(100), ef.Play) == []
    stage.done(status="cancelled")
    stage.hear("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id="u2")
    assert len(sent(stage.commit("u2"), ResponseCreate)) == 1


def test_a_reply_that_is_stopped_while_it_is_asked_for_leaves_nothing_to_answer() -> None:
    stage = Stage()
    stage.speak()
    stage.say(ev.StopTalking())
    stage.begin("resp_1")
    stage.done("resp_1", "cancelled")
    assert not stage.session.gap.unsettled
    stage.lose()
    assert sent(stage.connect(), ResponseCreate) == []


def test_a_reply_that_is_interrupted_while_it_is_asked_for_and_then_refused_is_not_asked_again() -> None:
    stage = Stage()
    stage.speak()
    asked = stage.session.replies.asked_event_id
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u2")
    error = {"type": "x", "code": "conversation_already_has_active_response", "message": "m", "event_id": asked}
    stage.hear("error", error=error)
    assert stage.reply() is Reply.NONE
    assert not stage.session.replies.wishes


def test_a_cancelled_reply_that_never_ends_does_not_block_the_next() -> None:
    stage = Stage()
    stage.speak("u1")
    stage.begin()
    stage.sound(1_000)
    stage.speak("u2", seconds=1.0)
    assert stage.reply() is Reply.STALE
    effects: list[ef.Effect] = []
    while not sent(effects, ResponseCreate):
        effects += stage.tick()
    assert noted(effects, "surprise")
    assert stage.now < 6


def test_a_new_response_of_the_engine_ends_the_cancelled_one_before_it() -> None:
    stage = Stage(turns=TurnRules(floor="engine"))
    stage.begin("resp_1")
    stage.sound(1_000)
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u2")
    stage.begin("resp_2")
    assert stage.reply() is Reply.STREAMING
    assert of(stage.sound(20, "resp_2", "item_b"), ef.Play)
    assert of(stage.sound(20, "resp_1", "item_a1"), ef.Play) == []


# A reply that the engine will not make


def refuse(stage: Stage, code: str) -> list[ef.Effect]:
    asked = stage.session.replies.asked_event_id
    return stage.hear("error", error={"type": "x", "code": code, "message": "m", "event_id": asked})


def test_a_refusal_that_will_pass_is_asked_again_after_a_while() -> None:
    stage = Stage()
    stage.speak()
    effects = refuse(stage, "conversation_already_has_active_response")
    assert sent(effects, ResponseCreate) == []
    before = stage.now
    assert len(sent(stage.tick(), ResponseCreate)) == 1
    assert stage.now - before == pytest.approx(0.25)


def test_a_held_wish_wakes_nobody_while_it_cannot_be_asked() -> None:
    stage = Stage()
    stage.speak()
    refuse(stage, "rate_limit_exceeded")
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u2")
    stage.now += 1.0
    stage.say(ev.Tick())
    deadline = stage.session.deadline()
    assert deadline is None or deadline.at > stage.now


def test_a_refusal_for_good_is_given_up_and_said_so() -> None:
    stage = Stage()
    stage.speak()
    effects = refuse(stage, "invalid_value")
    assert noted(effects, "reply_given_up")
    assert stage.reply() is Reply.NONE


def test_a_response_that_fails_is_asked_for_again() -> None:
    stage = Stage()
    stage.speak()
    stage.begin("resp_1")
    details = {"type": "failed", "error": {"type": "server_error", "code": "server_error"}}
    effects = stage.done("resp_1", "failed", status_details=details)
    assert noted(effects, "error") == [{"code": "server_error", "action": "retry", "param": None}]
    assert len(sent(stage.tick(), ResponseCreate)) == 1


def test_a_response_that_fails_for_want_of_money_ends_the_call() -> None:
    stage = Stage()
    stage.speak()
    stage.begin("resp_1")
    details = {"type": "failed", "error": {"type": "insufficient_quota", "code": "insufficient_quota"}}
    (hang_up,) = of(stage.done("resp_1", "failed", status_details=details), ef.HangUp)
    assert hang_up.code == 1011


def test_failures_without_end_are_given_up() -> None:
    stage = Stage()
    stage.speak()
    details = {"type": "failed", "error": {"type": "server_error", "code": "server_error"}}
    effects: list[ef.Effect] = []
    for number in range(TRIES + 1):
        stage.begin(f"resp_{number}")
        effects = stage.done(f"resp_{number}", "failed", status_details=details)
        if not noted(effects, "reply_given_up"):
            stage.tick()
    assert noted(effects, "reply_given_up")


# Beside the conversation


def test_a_response_beside_the_conversation_is_not_the_reply() -> None:
    stage = Stage(client_face=True)
    aside = ResponseCreate.model_validate({"response": {"conversation": "none"}})
    stage.say(ev.ClientSaid(aside))
    assert stage.reply() is Reply.NONE
    stage.hear("response.created", response={"id": "r_aside", "status": "in_progress", "conversation_id": None})
    assert stage.reply() is Reply.NONE
    stage.hear("response.done", response={"id": "r_aside", "status": "completed", "conversation_id": None})


def test_a_server_that_names_no_conversation_means_the_one_there_is() -> None:
    stage = Stage()
    stage.speak()
    stage.hear("response.created", response={"id": "resp_1", "status": "in_progress", "conversation_id": None})
    assert stage.reply() is Reply.STREAMING


def test_a_turn_that_was_committed_before_a_reply_began_is_answered_by_it() -> None:
    """Asked for twice over: the reply that a lost connection owed, and the turn that was said in the gap."""
    stage = Stage()
    stage.speak("item_u1")
    stage.commit("item_u2")
    assert stage.reply() is Reply.ASKED
    stage.begin()
    assert sent(stage.done(), ResponseCreate) == []
    stage.speak("item_u3")
    assert stage.reply() is Reply.ASKED
