"""Turns of the person: by the engine's ear, by the talk button, by keys and by writing."""

from __future__ import annotations

import pytest

from tests.session.stage import Stage, noted, of, sent
from tests.world.engine import Plan
from tests.world.room import Room
from voice.protocol.client_events import (
    ConversationItemCreate,
    ConversationItemTruncate,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.items import InputText, UserMessage
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import TurnRules
from voice.session.states import Floor
from voice.session.turns import TurnTimes

BUTTON = TurnRules(mode="push_to_talk")


def sent_ms(effects: list[ef.Effect]) -> float:
    return sum(audio.frame.duration_ms for audio in of(effects, ef.SendAudio))


# The engine hears turns


def test_each_step_of_a_turn_is_timed_once() -> None:
    stage = Stage()
    stage.now = 1.0
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u")
    stage.now = 2.0
    stage.hear("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id="u")
    stage.now = 2.1
    stage.commit("u")
    stage.begin()
    stage.now = 2.5
    stage.sound(500)
    stage.now = 2.6
    (turn,) = noted(stage.say(ev.Played(0, 60, 1)), "turn")
    assert turn == {
        "speech_started_at": 1.0,
        "speech_stopped_at": 2.0,
        "committed_at": 2.1,
        "asked_at": 2.1,
        "first_delta_at": 2.5,
        "first_audible_at": 2.6,
    }
    assert noted(stage.say(ev.Played(0, 120, 1)), "turn") == []


def test_a_report_of_what_sounded_before_is_not_the_beginning_of_the_reply() -> None:
    stage = Stage()
    stage.speak("u1")
    stage.begin("resp_1")
    stage.sound(500)
    stage.done("resp_1")
    stage.now += 0.6
    stage.say(ev.Played(0, 500, 1))
    stage.speak("u2")
    stage.begin("resp_2")
    stage.sound(500, "resp_2", "item_a2")
    assert noted(stage.say(ev.Played(0, 500, 1)), "turn") == []
    assert noted(stage.say(ev.Played(0, 510, 1)), "turn")


def test_what_we_say_of_ourselves_is_no_answer_to_a_turn() -> None:
    stage = Stage(greeting="Good morning.", playout="clock")
    stage.begin()
    effects = stage.sound(500)
    assert noted(effects, "first_audio")
    assert noted(effects, "turn") == []


def test_a_second_response_to_one_turn_is_not_a_second_turn() -> None:
    stage = Stage(playout="clock", tools=("clock",))
    stage.speak("u1")
    stage.begin("resp_1")
    assert noted(stage.sound(100), "turn")
    stage.call("resp_1")
    stage.done("resp_1")
    stage.say(ev.ToolDone("call_1", "noon"))
    stage.begin("resp_2")
    effects = stage.sound(100, "resp_2", "item_a2")
    assert noted(effects, "first_audio")
    assert noted(effects, "turn") == []


def test_times_that_are_not_known_are_left_out() -> None:
    assert TurnTimes(committed_at=1.23456).as_values() == {"committed_at": 1.2346}


def test_a_commit_ends_the_speaking_also_where_the_engine_does_not_say_so() -> None:
    stage = Stage()
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u")
    assert sent(stage.commit("u"), ResponseCreate)
    assert stage.session.states.floor is Floor.SILENT


def test_no_reply_is_asked_for_while_the_person_speaks() -> None:
    stage = Stage()
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u")
    assert sent(stage.say(ev.Say("Tea.")), ResponseCreate) == []
    assert sent(stage.say(ev.Tick()), ResponseCreate) == []


def test_what_a_tool_answered_waits_until_the_person_has_spoken() -> None:
    stage = Stage(tools=("clock",))
    stage.speak("u1")
    stage.begin()
    stage.call()
    stage.done()
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u2")
    assert sent(stage.say(ev.ToolDone("call_1", "noon")), ResponseCreate) == []
    stage.hear("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id="u2")
    assert len(sent(stage.commit("u2"), ResponseCreate)) == 1


def test_where_the_engine_keeps_the_floor_it_creates_and_cancels_itself() -> None:
    stage = Stage(turns=TurnRules(floor="engine"), ready=False)
    (update,) = sent(stage.connect(), SessionUpdate)
    detection = update.session.audio.input.turn_detection  # type: ignore[union-attr]
    assert (detection.create_response, detection.interrupt_response) == (True, True)  # type: ignore[union-attr]
    assert sent(stage.speak("u1"), ResponseCreate) == []
    stage.begin()
    stage.sound(2_000)
    stage.now += 0.5
    stage.say(ev.Played(0, 500, 0))
    effects = stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u2")
    assert of(effects, ef.StopPlayback)
    assert sent(effects, ResponseCancel) == []
    (cut,) = sent(effects, ConversationItemTruncate)
    assert cut.audio_end_ms == 500


@pytest.mark.parametrize("how", [ev.StopTalking(), ev.Typed("stop"), ev.Dtmf("1")], ids=["operator", "typed", "key"])
def test_what_the_engine_cannot_hear_is_cancelled_by_us_also_where_it_keeps_the_floor(how: ev.Event) -> None:
    stage = Stage(turns=TurnRules(floor="engine"))
    stage.begin()
    stage.sound(2_000)
    (cancel,) = sent(stage.say(how), ResponseCancel)
    assert cancel.response_id == "resp_1"


# The talk button


def test_only_what_is_held_is_sent() -> None:
    stage = Stage(turns=BUTTON)
    assert sent_ms(stage.frames(2.0)) == 0
    press = stage.say(ev.PushToTalk(True))
    assert len(sent(press, InputAudioBufferClear)) == 1
    assert sent_ms(press) == pytest.approx(300), "the pre-roll"
    assert sent_ms(stage.frames(1.0)) == pytest.approx(1_000)
    stage.say(ev.PushToTalk(False))
    assert sent_ms(stage.frames(0.18)) == pytest.approx(180), "the tail"
    effects = stage.tick()
    assert len(sent(effects, InputAudioBufferCommit)) == 1
    assert sent_ms(stage.frames(1.0)) == 0
    assert len(sent(stage.commit("u1"), ResponseCreate)) == 1


def test_a_press_within_the_tail_goes_on_with_the_same_turn() -> None:
    stage = Stage(turns=BUTTON)
    stage.say(ev.PushToTalk(True))
    stage.frames(1.0)
    stage.say(ev.PushToTalk(False))
    stage.frames(0.1)
    again = stage.say(ev.PushToTalk(True))
    assert sent(again, InputAudioBufferClear) == []
    assert sent(stage.frames(1.0), InputAudioBufferCommit) == []
    stage.say(ev.PushToTalk(False))
    assert len(sent(stage.tick(), InputAudioBufferCommit)) == 1


def test_a_short_press_within_the_tail_is_no_tap() -> None:
    stage = Stage(turns=BUTTON)
    stage.say(ev.PushToTalk(True))
    stage.frames(1.0)
    stage.say(ev.PushToTalk(False))
    stage.now += 0.05
    stage.say(ev.PushToTalk(True))
    stage.now += 0.02
    assert noted(stage.say(ev.PushToTalk(False)), "tap_ignored") == []
    assert len(sent(stage.tick(), InputAudioBufferCommit)) == 1


def test_a_tap_is_forgotten_and_what_was_said_before_it_is_not() -> None:
    stage = Stage(turns=TurnRules(mode="push_to_talk", pre_roll_ms=0))
    stage.say(ev.PushToTalk(True))
    stage.frames(1.0)
    stage.say(ev.PushToTalk(False))
    stage.frames(0.2)
    stage.tick()
    stage.say(ev.PushToTalk(True))
    stage.frames(0.1)
    effects = stage.say(ev.PushToTalk(False))
    assert noted(effects, "tap_ignored")
    assert len(sent(effects, InputAudioBufferClear)) == 1
    assert stage.session.gap.held_ms == pytest.approx(1_200, abs=21)
    assert stage.session.states.floor is Floor.SILENT


def test_a_tap_that_silences_an_answer_leaves_nothing_to_answer() -> None:
    stage = Stage(turns=BUTTON)
    stage.say(ev.PushToTalk(True))
    stage.frames(1.0)
    stage.say(ev.PushToTalk(False))
    stage.tick()
    stage.commit("u1")
    stage.begin()
    stage.sound(2_000)
    stage.say(ev.PushToTalk(True))
    stage.done(status="cancelled")
    stage.say(ev.PushToTalk(False))
    assert not stage.session.gap.unsettled
    stage.lose()
    assert sent(stage.connect(), ResponseCreate) == []


def test_the_button_interrupts_a_reply() -> None:
    stage = Stage(turns=BUTTON)
    stage.say(ev.Typed("tell me a story"))
    stage.begin()
    stage.sound(2_000)
    effects = stage.say(ev.PushToTalk(True))
    assert of(effects, ef.StopPlayback)
    assert [cancel.response_id for cancel in sent(effects, ResponseCancel)] == ["resp_1"]
    kinds = [type(effect.event) for effect in of(effects, ef.SendToEngine)]
    assert kinds.index(ResponseCancel) < kinds.index(InputAudioBufferClear)


def test_the_button_does_nothing_where_the_engine_hears_turns() -> None:
    assert Stage().say(ev.PushToTalk(True)) == []


def test_a_release_that_no_press_came_before_does_nothing() -> None:
    stage = Stage(turns=BUTTON)
    assert of(stage.say(ev.PushToTalk(False)), ef.SendToEngine) == []
    assert stage.session.deadline() is None


# Keys and the keyboard


def test_keys_are_told_together_after_a_pause() -> None:
    stage = Stage()
    for digit in "12":
        assert of(stage.say(ev.Dtmf(digit)), ef.SendToEngine) == []
        stage.now += 0.5
    effects = stage.tick()
    (item,) = (wish.item for wish in sent(effects, ConversationItemCreate))
    assert isinstance(item, UserMessage)
    assert item.content == [InputText(text="[telephone keys pressed: 12]")]
    assert len(sent(effects, ResponseCreate)) == 1
    assert stage.session.deadline() is None or stage.reply().value == "asked"


def test_the_hash_key_ends_the_keys() -> None:
    stage = Stage()
    stage.say(ev.Dtmf("7"))
    assert len(sent(stage.say(ev.Dtmf("#")), ConversationItemCreate)) == 1


def test_keys_without_end_are_told_in_pieces() -> None:
    stage = Stage()
    effects: list[ef.Effect] = []
    for _ in range(200):
        effects += stage.say(ev.Dtmf("5"))
    assert len(sent(effects, ConversationItemCreate)) == 3


def test_writing_interrupts_and_is_answered() -> None:
    stage = Stage()
    stage.speak()
    stage.begin()
    stage.sound(2_000)
    effects = stage.say(ev.Typed("never mind"))
    assert of(effects, ef.StopPlayback)
    assert sent(effects, ConversationItemCreate)
    assert sent(effects, ResponseCreate) == [], "not before the old reply is over"
    assert len(sent(stage.done(status="cancelled"), ResponseCreate)) == 1


def test_writing_while_the_engine_is_away_is_told_to_the_next() -> None:
    stage = Stage()
    stage.lose()
    assert of(stage.say(ev.Typed("hello")), ef.SendToEngine) == []
    effects = stage.connect()
    assert len(sent(effects, ConversationItemCreate)) == 1
    assert len(sent(effects, ResponseCreate)) == 1


# In the room


def test_somebody_who_pauses_in_the_middle_of_a_sentence_is_answered_once() -> None:
    room = Room()
    room.user_says(1.0, 0.8, 0.3, 0.7, 0.4, 0.6)
    room.run(until=8.0)
    assert len(room.sent(ResponseCreate)) == 1
    assert room.errors == []


def test_somebody_who_thinks_for_long_is_answered_and_may_go_on() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=3_000))
    room.user_says(1.0, 0.8, 1.2, 0.9)
    room.run(until=10.0)
    assert len(room.sent(ResponseCreate)) == 2
    assert len(room.effects(ef.StopPlayback)) <= 1
    assert room.errors == []


def test_a_cough_over_the_reply_is_a_turn_to_an_engine_that_hears_only_loudness() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=5_000))
    room.user_says(1.0, 0.8)
    room.user_coughs(3.5)
    room.run(until=12.0)
    assert len(room.effects(ef.StopPlayback)) == 1
    assert len(room.sent(ResponseCreate)) == 2, "and the conversation goes on"
    assert room.errors == []
