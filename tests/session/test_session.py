"""Scenes of a conversation, in virtual time."""

from __future__ import annotations

from tests.world.engine import Plan
from tests.world.room import Room
from voice.protocol.client_events import (
    ConversationItemCreate,
    ConversationItemTruncate,
    InputAudioBufferCommit,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.items import FunctionCallOutput
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import TurnRules


def test_a_turn_is_asked_for_and_heard() -> None:
    room = Room()
    room.user_speaks(at=1.0, seconds=1.0)
    room.run(until=6.0)
    assert len(room.sent(ResponseCreate)) == 1
    assert sum(play.frame.duration_ms for play in room.effects(ef.Play)) == 2_000
    assert room.engine.errors == []
    assert room.notes("sound_ended")


def test_we_keep_the_floor_so_the_engine_neither_creates_nor_interrupts() -> None:
    room = Room().run(until=0.5)
    (update,) = room.sent(SessionUpdate)
    detection = update.session.audio.input.turn_detection  # type: ignore[union-attr]
    assert (detection.create_response, detection.interrupt_response) == (False, False)  # type: ignore[union-attr]


def test_barge_in_stops_cancels_by_id_and_truncates_at_heard() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=5_000, speed=2))
    room.user_speaks(at=1.0, seconds=0.5)
    room.user_speaks(at=3.0, seconds=0.5)
    room.run(until=3.2)
    (cancel,) = room.sent(ResponseCancel)
    (cut,) = room.sent(ConversationItemTruncate)
    assert cancel.response_id == "resp_e0_" + cancel.response_id.rsplit("_", 1)[1]  # type: ignore[union-attr]
    assert abs(cut.audio_end_ms - room.speaker.heard[cut.item_id]) <= 1
    assert room.engine.errors == []
    assert [type(e).__name__ for e in room.effects(ef.StopPlayback)] == ["StopPlayback"]


def test_barge_in_after_generation_ended_still_truncates_the_unheard() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=5_000, speed=50))
    room.user_speaks(at=1.0, seconds=0.5)
    room.user_speaks(at=3.0, seconds=0.5)
    room.run(until=3.2)
    assert room.sent(ResponseCancel) == []
    (cut,) = room.sent(ConversationItemTruncate)
    assert abs(cut.audio_end_ms - 1_400) <= 20
    assert room.engine.errors == []


def test_deltas_in_flight_after_a_barge_in_are_never_heard() -> None:
    room = Room(
        plan=lambda _: Plan(sound_ms=5_000, speed=4),
        line=__import__("tests.world.room", fromlist=["Line"]).Line(delay_ms=40),
    )
    room.user_speaks(at=1.0, seconds=0.5)
    room.user_speaks(at=2.0, seconds=0.5)
    room.run(until=2.4)
    assert room.speaker.stale_ms == 0


def test_a_tool_call_is_run_answered_once_and_followed_by_a_reply() -> None:
    room = Room(tools=("clock",), plan=lambda n: Plan(calls=(("c", "clock", "{}"),), items=0) if n == 0 else Plan())
    room.user_speaks(at=1.0, seconds=0.5)
    room.run(until=6.0)
    (run,) = room.effects(ef.RunTool)
    outputs = [e for e in room.sent(ConversationItemCreate) if isinstance(e.item, FunctionCallOutput)]
    assert [e.item.call_id for e in outputs] == [run.call_id]  # type: ignore[union-attr]
    assert len(room.sent(ResponseCreate)) == 2
    assert room.engine.errors == []
    assert room.speaker.heard


def test_two_calls_of_one_response_are_followed_by_one_reply() -> None:
    calls = (("a", "clock", "{}"), ("b", "clock", "{}"))
    room = Room(tools=("clock",), plan=lambda n: Plan(calls=calls, items=0) if n == 0 else Plan())
    room.user_speaks(at=1.0, seconds=0.5)
    room.run(until=6.0)
    assert len(room.effects(ef.RunTool)) == 2
    assert len(room.sent(ResponseCreate)) == 2


def test_an_interrupted_call_finishes_in_silence() -> None:
    plan = lambda n: Plan(sound_ms=3_000, calls=(("c", "clock", "{}"),)) if n == 0 else Plan()  # noqa: E731
    room = Room(tools=("clock",), tool_ms=3_000, plan=plan)
    room.user_speaks(at=1.0, seconds=0.5)
    room.user_speaks(at=2.5, seconds=0.5)
    room.run(until=9.0)
    assert len(room.answered) == 1
    assert len(room.sent(ResponseCreate)) == 2, "one for each turn of the person, none for the tool"


def test_the_engine_drops_and_the_history_is_told_again() -> None:
    room = Room()
    room.user_speaks(at=1.0, seconds=0.5)
    room.engine_drops(at=5.0)
    room.user_speaks(at=7.0, seconds=0.5)
    room.run(until=12.0)
    assert len(room.engines) == 2
    told = [e.item for e in room.engine.received if isinstance(e, ConversationItemCreate)]
    assert [item.role for item in told] == ["user", "assistant"]  # type: ignore[union-attr]
    assert room.engine.errors == []
    assert len(room.effects(ef.OpenLink)) == 2


def test_what_is_said_while_the_engine_is_away_reaches_the_next_one() -> None:
    room = Room(connect_ms=400)
    room.engine_drops(at=2.0)
    room.run(until=2.3)
    assert room.session.gap.held_ms > 200
    room.run(until=4.0)
    sent_ms = sum(e.frame.duration_ms for e in room.effects(ef.SendAudio, since=2.0))
    assert sent_ms >= 2_000 - 20


def test_a_reply_lost_with_the_connection_is_asked_for_again() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=4_000, speed=1))
    room.user_speaks(at=1.0, seconds=0.5)
    room.engine_drops(at=2.5)
    room.run(until=10.0)
    assert len(room.sent(ResponseCreate)) == 2
    assert room.engine.errors == []


def test_it_gives_up_after_the_last_attempt_and_says_so() -> None:
    room = Room(refuse_connections=100)
    room.run(until=120.0)
    (hang_up,) = room.effects(ef.HangUp)
    assert hang_up.code == 1011
    assert len(room.effects(ef.OpenLink)) == 9


def test_push_to_talk_sends_the_pre_roll_the_held_sound_and_the_tail() -> None:
    room = Room(turns=TurnRules(mode="push_to_talk"))
    room.happens(2.0, ev.PushToTalk(True))
    room.happens(3.0, ev.PushToTalk(False))
    room.run(until=6.0)
    sent_ms = sum(e.frame.duration_ms for e in room.effects(ef.SendAudio))
    assert 1_480 <= sent_ms <= 1_540
    assert len(room.sent(InputAudioBufferCommit)) == 1
    assert len(room.sent(ResponseCreate)) == 1


def test_a_tap_on_the_button_says_nothing() -> None:
    room = Room(turns=TurnRules(mode="push_to_talk"))
    room.happens(2.0, ev.PushToTalk(True))
    room.happens(2.05, ev.PushToTalk(False))
    room.run(until=6.0)
    assert room.sent(InputAudioBufferCommit) == []
    assert room.sent(ResponseCreate) == []


def test_the_button_interrupts() -> None:
    room = Room(turns=TurnRules(mode="push_to_talk"), plan=lambda _: Plan(sound_ms=5_000))
    room.happens(1.0, ev.PushToTalk(True))
    room.happens(2.0, ev.PushToTalk(False))
    room.happens(3.5, ev.PushToTalk(True))
    room.run(until=3.6)
    assert len(room.effects(ef.StopPlayback)) == 1
    assert len(room.sent(ConversationItemTruncate)) == 1


def test_a_timer_speaks_when_the_floor_is_free() -> None:
    room = Room()
    room.user_speaks(at=1.0, seconds=0.5)
    room.happens(2.0, ev.Say("Your tea is ready."))
    room.run(until=8.0)
    said = [e for e in room.sent(ResponseCreate) if e.response is not None]
    assert [e.response.metadata for e in said] == [{"voice.say": "Your tea is ready."}]  # type: ignore[union-attr]
    asked_at = next(
        line.at for line in room.log for e in line.effects if isinstance(e, ef.SendToEngine) and e.event in said
    )
    assert asked_at > 3.5, "not before the reply was heard to its end"


def test_a_timer_that_is_due_while_a_tool_runs_waits_for_the_answer() -> None:
    plan = lambda n: Plan(calls=(("c", "clock", "{}"),), items=0) if n == 0 else Plan(sound_ms=1_000)  # noqa: E731
    room = Room(tools=("clock",), tool_ms=500, plan=plan)
    room.user_speaks(at=1.0, seconds=0.5)
    room.happens(1.7, ev.Say("Your tea is ready."))
    room.run(until=8.0)
    said = ["" if e.response is None else "tea" for e in room.sent(ResponseCreate)]
    assert said == ["", "", "tea"], "the turn, what came of its tool, and only then the timer"


def test_a_greeting_comes_first() -> None:
    room = Room(greeting="Good morning.").run(until=3.0)
    assert room.speaker.heard


def test_hanging_up_ends_everything_once() -> None:
    room = Room(tools=("clock",), tool_ms=60_000, plan=lambda n: Plan(calls=(("c", "clock", "{}"),), items=0))
    room.user_speaks(at=1.0, seconds=0.5)
    room.happens(3.0, ev.HungUp("bye"))
    room.happens(3.1, ev.HungUp("bye"))
    room.run(until=5.0)
    assert len(room.effects(ef.CancelTool)) == 1
    assert len(room.effects(ef.CloseLink)) == 1
    assert room.session.deadline() is None
