"""The engine's connection: trying again, and what the next engine is told."""

from __future__ import annotations

import pytest

from tests.session.stage import Stage, message, noted, of, sent
from tests.world.room import SILENCE
from voice.protocol.client_events import (
    ConversationItemCreate,
    InputAudioBufferCommit,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.items import AssistantMessage, FunctionCall, FunctionCallOutput, UserMessage
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.gap import GapBuffer
from voice.session.link import Retry
from voice.session.rules import LinkRules, TurnRules
from voice.session.states import Floor, Link, Reply

RULES = LinkRules(attempts=3, backoff_ms=200, backoff_max_ms=500)


# When to try


def test_the_first_attempt_is_due_at_once() -> None:
    assert Retry(RULES).due(-1e9)


@pytest.mark.parametrize(("tries", "jitter", "wait_ms"), [(0, 1.0, 200), (0, 0.0, 100), (1, 1.0, 400), (2, 1.0, 500)])
def test_each_attempt_waits_longer_up_to_a_limit_and_by_chance(tries: int, jitter: float, wait_ms: float) -> None:
    retry = Retry(RULES)
    for _ in range(tries):
        retry.lost(0.0, 0.5, final=False)
    assert retry.lost(10.0, jitter, final=False)
    deadline = retry.deadline()
    assert deadline is not None
    assert deadline.at == pytest.approx(10 + wait_ms / 1000)
    assert not retry.due(deadline.at - 0.001)
    assert retry.due(deadline.at)


def test_after_a_connection_that_lasted_the_first_attempt_is_made_almost_at_once() -> None:
    for jitter, wait_ms in ((0.0, 0.0), (1.0, 100.0)):
        retry = Retry(RULES)
        retry.greeted(0.0)
        retry.lost(10.0, jitter, final=False)
        deadline = retry.deadline()
        assert deadline is not None
        assert deadline.at == pytest.approx(10 + wait_ms / 1000)


def test_it_gives_up_after_the_last_attempt() -> None:
    retry = Retry(RULES)
    assert [retry.lost(0.0, 0.5, final=False) for _ in range(4)] == [True, True, True, False]
    assert retry.deadline() is None


def test_a_refused_key_is_final() -> None:
    assert not Retry(RULES).lost(0.0, 0.5, final=True)


def test_a_connection_that_lasted_makes_the_count_begin_anew() -> None:
    retry = Retry(RULES)
    for at in range(10):
        retry.greeted(at * 10.0)
        assert retry.lost(at * 10.0 + 9, 0.5, final=False)


def test_a_server_that_greets_and_drops_is_not_tried_for_ever() -> None:
    retry = Retry(RULES)
    outcomes = []
    for at in range(5):
        retry.greeted(float(at))
        outcomes.append(retry.lost(at + 0.01, 0.5, final=False))
    assert outcomes == [True, True, True, False, False]


def test_a_connection_that_never_greets_is_given_up() -> None:
    stage = Stage(ready=False)
    stage.say(ev.Tick())
    stage.say(ev.LinkOpened())
    effects = stage.tick()
    assert stage.now == pytest.approx(10.0)
    assert of(effects, ef.CloseLink)
    stage.lose()
    assert stage.session.deadline() is not None, "and is tried again"


def test_a_loss_that_is_told_twice_counts_once() -> None:
    stage = Stage(link=LinkRules(attempts=1))
    stage.lose()
    assert noted(stage.lose(), "surprise")
    assert not stage.session.ended


# The sound that the engine may have to hear again


def test_while_nobody_speaks_only_the_last_second_is_kept() -> None:
    gap = GapBuffer(30_000, 1_000)
    for _ in range(500):
        gap.append(SILENCE, sent=True)
    assert gap.held_ms == pytest.approx(1_000)
    assert gap.dropped_ms == 0


def test_from_the_start_of_a_turn_to_its_answer_all_is_kept() -> None:
    gap = GapBuffer(30_000, 1_000)
    for number in range(500):
        if number == 100:
            gap.begin_turn()
        gap.append(SILENCE, sent=True)
    assert gap.held_ms == pytest.approx(9_000)
    gap.committed("item_1")
    gap.append(SILENCE, sent=True)
    assert gap.held_ms == pytest.approx(9_020)
    gap.answering("resp_1")
    gap.answered("resp_1")
    assert gap.held_ms <= 1_000
    assert not gap.unsettled


def test_what_no_engine_got_is_bounded_and_counted() -> None:
    gap = GapBuffer(1_000, 200)
    for _ in range(100):
        gap.append(SILENCE, sent=False)
    assert gap.held_ms == pytest.approx(1_000)
    assert gap.dropped_ms == pytest.approx(1_000)


def test_what_was_sent_is_not_counted_as_lost_when_it_is_forgotten() -> None:
    gap = GapBuffer(1_000, 200)
    gap.begin_turn()
    for _ in range(100):
        gap.append(SILENCE, sent=True)
    assert gap.held_ms == pytest.approx(1_000)
    assert gap.dropped_ms == 0


def test_an_answer_to_an_earlier_turn_leaves_the_open_turn_whole() -> None:
    gap = GapBuffer(30_000, 1_000)
    gap.begin_turn()
    for _ in range(100):
        gap.append(SILENCE, sent=True)
    gap.committed("item_1")
    gap.answering("resp_1")
    gap.begin_turn()
    for _ in range(150):
        gap.append(SILENCE, sent=True)
    gap.answered("resp_1")
    assert gap.held_ms == pytest.approx(3_000)
    assert gap.unsettled


def test_a_forgotten_turn_leaves_the_committed_one_before_it() -> None:
    gap = GapBuffer(30_000, 0)
    gap.begin_turn()
    for _ in range(50):
        gap.append(SILENCE, sent=True)
    gap.commit(gap.ended_ms)
    gap.begin_turn()
    for _ in range(20):
        gap.append(SILENCE, sent=True)
    gap.forget_turn()
    assert gap.held_ms == pytest.approx(1_000)
    assert [commit.at_ms for commit in gap.commits] == [pytest.approx(1_000)]


def test_a_commit_that_found_nothing_is_no_turn() -> None:
    gap = GapBuffer(30_000, 0)
    gap.commit(0.0)
    gap.commit_refused()
    assert not gap.unsettled


# What the next engine is told


def test_a_new_engine_gets_settings_then_history_then_sound() -> None:
    stage = Stage(tools=("clock",))
    stage.speak("item_u1")
    stage.hear(
        "conversation.item.input_audio_transcription.completed",
        item_id="item_u1", content_index=0, transcript="hello there", usage={"type": "duration", "seconds": 1},
    )  # fmt: skip
    stage.begin()
    stage.hear("response.output_item.added", response_id="resp_1", output_index=0, item=message("item_a1"))
    stage.hear("conversation.item.added", item=message("item_a1"), previous_item_id="item_u1")
    stage.sound(200)
    ids = {"response_id": "resp_1", "item_id": "item_a1", "output_index": 0, "content_index": 0}
    stage.hear("response.output_audio_transcript.done", **ids, transcript="Good morning.")
    stage.done()
    stage.now += 2
    stage.frames(0.2)
    stage.lose()
    effects = stage.connect()
    kinds = [type(e.event).__name__ if isinstance(e, ef.SendToEngine) else type(e).__name__ for e in effects]
    assert [kind for kind in kinds if kind != "Note"][:3] == [
        "SessionUpdate",
        "ConversationItemCreate",
        "ConversationItemCreate",
    ]
    assert set(kinds[4:]) <= {"SendAudio", "Note"}
    user, assistant = (wish.item for wish in sent(effects, ConversationItemCreate))
    assert isinstance(user, UserMessage)
    assert user.id == "item_u1"
    assert isinstance(assistant, AssistantMessage)
    assert assistant.id == "item_a1"
    (update,) = sent(effects, SessionUpdate)
    assert [tool.name for tool in update.session.tools or ()] == ["clock"]  # type: ignore[union-attr]


def test_a_turn_in_words_is_answered_by_the_next_engine_without_its_sound() -> None:
    stage = Stage()
    stage.speak("item_u1")
    stage.hear(
        "conversation.item.input_audio_transcription.completed",
        item_id="item_u1", content_index=0, transcript="what time is it", usage={"type": "duration", "seconds": 1},
    )  # fmt: skip
    stage.lose()
    effects = stage.connect()
    assert [wish.item.id for wish in sent(effects, ConversationItemCreate)] == ["item_u1"]
    assert len(sent(effects, ResponseCreate)) == 1
    assert sum(audio.frame.duration_ms for audio in of(effects, ef.SendAudio)) <= 1_000


def test_a_turn_without_words_is_heard_again_and_not_told_twice() -> None:
    stage = Stage()
    stage.speak("item_u1", seconds=3.0)
    stage.lose()
    effects = stage.connect()
    assert sent(effects, ConversationItemCreate) == []
    assert sum(audio.frame.duration_ms for audio in of(effects, ef.SendAudio)) == pytest.approx(3_000, abs=1)
    assert sent(effects, ResponseCreate) == [], "it is answered when the engine has heard it"
    assert sent(stage.speak("item_v1"), ResponseCreate)


def test_a_person_who_was_cut_off_in_the_middle_is_heard_whole() -> None:
    stage = Stage()
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u1")
    stage.frames(2.0)
    stage.lose()
    stage.frames(0.4)
    assert stage.session.states.floor is Floor.SILENT
    effects = stage.connect()
    heard_ms = sum(audio.frame.duration_ms for audio in of(effects, ef.SendAudio))
    assert heard_ms == pytest.approx(2_400, abs=1)


def test_a_turn_that_is_said_while_an_answer_completes_is_not_cut_short() -> None:
    """The answer to the first turn is done when the second has already begun."""
    stage = Stage()
    stage.speak("item_u1")
    stage.begin()
    stage.sound(400)
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u2")
    stage.done()
    stage.frames(3.0)
    stage.lose()
    effects = stage.connect()
    assert sum(audio.frame.duration_ms for audio in of(effects, ef.SendAudio)) >= 3_000


def test_a_reply_that_broke_off_is_asked_for_again() -> None:
    stage = Stage()
    stage.say(ev.Typed("hello"))
    stage.begin()
    stage.sound(200)
    stage.lose()
    assert len(sent(stage.connect(), ResponseCreate)) == 1


def test_an_interrupted_reply_is_not_asked_for_again() -> None:
    stage = Stage()
    stage.say(ev.Typed("hello"))
    stage.begin()
    stage.sound(200)
    stage.say(ev.StopTalking())
    stage.lose()
    assert sent(stage.connect(), ResponseCreate) == []


def test_words_of_our_own_that_broke_off_are_said_again_and_nothing_else() -> None:
    stage = Stage(greeting="Good morning.")
    stage.begin()
    stage.lose()
    (create,) = sent(stage.connect(), ResponseCreate)
    assert create.response is not None
    assert create.response.metadata == {"voice.say": "Good morning."}


def test_a_result_that_comes_while_the_engine_is_away_is_told_and_spoken_of() -> None:
    stage = Stage(tools=("clock",))
    stage.speak()
    stage.begin()
    stage.call()
    stage.done()
    stage.lose()
    stage.say(ev.ToolDone("call_1", "noon"))
    effects = stage.connect()
    items = [wish.item for wish in sent(effects, ConversationItemCreate)]
    assert [type(item) for item in items] == [FunctionCall, FunctionCallOutput]
    assert len(sent(effects, ResponseCreate)) == 1


def test_a_result_that_comes_after_the_engine_is_back_is_spoken_of() -> None:
    stage = Stage(tools=("clock",))
    stage.speak()
    stage.begin()
    stage.call()
    stage.done()
    stage.lose()
    effects = stage.connect()
    assert sent(effects, ResponseCreate) == [], "the model does not go on while its call is open"
    effects = stage.say(ev.ToolDone("call_1", "noon"))
    assert len(sent(effects, ConversationItemCreate)) == 1
    assert len(sent(effects, ResponseCreate)) == 1


def test_a_response_that_broke_off_after_its_call_goes_on_from_the_result() -> None:
    stage = Stage(tools=("clock",))
    stage.say(ev.Typed("what time is it"))
    stage.begin()
    stage.call()
    stage.lose()
    assert sent(stage.connect(), ResponseCreate) == []
    assert len(sent(stage.say(ev.ToolDone("call_1", "noon")), ResponseCreate)) == 1


def test_a_call_that_never_began_is_not_told() -> None:
    stage = Stage(tools=("clock",))
    stage.say(ev.Typed("what time is it"))
    stage.begin()
    item = {"id": "item_c", "type": "function_call", "call_id": "c", "name": "clock", "arguments": ""}
    stage.hear("response.output_item.added", response_id="resp_1", output_index=0, item=item)
    stage.hear("conversation.item.added", item=item)
    stage.lose()
    items = [wish.item for wish in sent(stage.connect(), ConversationItemCreate)]
    assert not any(isinstance(item, FunctionCall) for item in items)


def test_what_was_already_heard_of_a_lost_reply_stays_heard() -> None:
    """The sound that was queued goes on; a later interruption cuts it where it was."""
    stage = Stage(playout="clock")
    stage.say(ev.Typed("hello"))
    stage.begin()
    stage.sound(1_000)
    stage.lose()
    stage.now += 0.5
    effects = stage.say(ev.StopTalking())
    (cut,) = noted(effects, "barge_in")
    assert cut["heard_ms"] == 500


def test_a_reply_that_broke_off_and_was_heard_as_far_as_it_came_is_complete() -> None:
    stage = Stage(playout="clock")
    stage.say(ev.Typed("hello"))
    stage.begin()
    stage.sound(400)
    stage.lose()
    stage.now += 1.0
    stage.say(ev.Tick())
    assert stage.session.ledger.items == {}
    stage.connect()
    stage.begin("resp_2")
    assert noted(stage.say(ev.StopTalking()), "barge_in") == []


def test_a_turn_that_waits_for_its_reply_is_heard_again_and_asked_for_once() -> None:
    """It was committed while an interrupted reply was not over yet."""
    stage = Stage()
    stage.speak("u1")
    stage.begin()
    stage.sound(2_000)
    stage.speak("u2")
    assert stage.reply() is Reply.STALE
    stage.lose()
    assert sent(stage.connect(), ResponseCreate) == []
    assert len(sent(stage.speak("v1"), ResponseCreate)) == 1


def test_sound_of_a_lost_engine_is_dropped_by_its_name() -> None:
    stage = Stage()
    stage.say(ev.Typed("hello"))
    stage.begin()
    stage.lose()
    assert of(stage.sound(20), ef.Play) == []


# The talk button and a connection that goes


def held(stage: Stage, seconds: float) -> list[ef.Effect]:
    stage.say(ev.PushToTalk(True))
    effects = stage.frames(seconds)
    return effects + stage.say(ev.PushToTalk(False))


def test_a_talk_that_was_committed_and_not_answered_is_said_and_committed_again() -> None:
    stage = Stage(turns=TurnRules(mode="push_to_talk", pre_roll_ms=0))
    held(stage, 2.0)
    stage.frames(0.2)
    stage.tick()
    stage.commit("item_u1")
    stage.frames(3.0)
    stage.lose()
    effects = stage.connect()
    assert sum(audio.frame.duration_ms for audio in of(effects, ef.SendAudio)) == pytest.approx(2_200, abs=41)
    assert len(sent(effects, InputAudioBufferCommit)) == 1
    assert sent(effects, ResponseCreate) == [], "when the commit is answered, and not before"
    assert len(sent(stage.commit("item_u2"), ResponseCreate)) == 1


def test_a_commit_that_the_engine_never_confirmed_is_made_again() -> None:
    stage = Stage(turns=TurnRules(mode="push_to_talk", pre_roll_ms=0))
    held(stage, 1.0)
    stage.frames(0.2)
    stage.tick()
    stage.lose()
    assert len(sent(stage.connect(), InputAudioBufferCommit)) == 1


def test_a_talk_that_ends_while_the_engine_is_away_is_committed_to_the_next() -> None:
    stage = Stage(turns=TurnRules(mode="push_to_talk", pre_roll_ms=0))
    stage.lose()
    held(stage, 0.06)
    stage.say(ev.PushToTalk(True))
    stage.frames(0.5)
    stage.say(ev.PushToTalk(False))
    stage.frames(0.3)
    effects = stage.connect()
    while not sent(effects, InputAudioBufferCommit):
        effects += stage.tick()
    assert sum(audio.frame.duration_ms for audio in of(effects, ef.SendAudio)) >= 500


def test_a_button_that_is_held_through_a_loss_goes_on() -> None:
    stage = Stage(turns=TurnRules(mode="push_to_talk", pre_roll_ms=0))
    stage.say(ev.PushToTalk(True))
    stage.frames(1.0)
    stage.lose()
    assert stage.session.states.floor is Floor.SPEAKING
    stage.frames(0.5)
    effects = stage.connect()
    assert sum(audio.frame.duration_ms for audio in of(effects, ef.SendAudio)) == pytest.approx(1_500, abs=21)
    assert sent(effects, InputAudioBufferCommit) == []
    stage.say(ev.PushToTalk(False))
    assert len(sent(stage.tick(), InputAudioBufferCommit)) == 1


# In every state


@pytest.mark.parametrize(
    "moment", ["quiet", "speaking", "committed", "asked", "streaming", "sounding", "stale", "calling"]
)
def test_a_loss_in_any_state_leads_back_to_a_conversation(moment: str) -> None:
    stage = Stage(tools=("clock",))
    if moment == "speaking":
        stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u1")
    if moment in ("committed", "streaming", "sounding", "stale", "calling"):
        stage.speak("item_u1")
    if moment in ("streaming", "sounding", "stale", "calling"):
        stage.begin()
    if moment in ("sounding", "stale"):
        stage.sound(4_000)
    if moment == "stale":
        stage.say(ev.StopTalking())
    if moment == "calling":
        stage.call()
    stage.lose()
    stage.connect()
    assert stage.session.states.link is Link.READY
    stage.now += 5
    stage.say(ev.Tick())
    if moment == "calling":
        stage.say(ev.ToolDone("call_1", "noon"))
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_v1")
    stage.begin("resp_9")
    stage.done("resp_9", "cancelled")
    stage.hear("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id="item_v1")
    stage.commit("item_v1")
    stage.begin("resp_10")
    assert of(stage.sound(20, "resp_10", "item_b"), ef.Play), "and the next turn is answered"


def test_an_engine_that_stays_away_ends_the_call_with_a_reason() -> None:
    stage = Stage(link=LinkRules(attempts=1))
    stage.lose()
    stage.tick()
    effects = stage.lose()
    (hang_up,) = of(effects, ef.HangUp)
    assert (hang_up.code, hang_up.reason) == (1011, "lost")
    assert stage.session.ended
