"""Replies that are asked for before the turn is surely over: kept, or retracted as if they had never been."""

from __future__ import annotations

import pytest

from tests.session.test_floor import RULES
from tests.world.engine import Plan
from tests.world.room import Room
from voice.protocol.client_events import (
    ConversationItemDelete,
    ConversationItemTruncate,
    InputAudioBufferCommit,
    ResponseCancel,
    ResponseCreate,
)
from voice.protocol.settings import Session as Settings
from voice.session import effects as ef
from voice.session import events as ev
from voice.session import speculation
from voice.session.rules import TurnRules
from voice.session.states import Reply

EAGER = TurnRules(mode="local", speculate_ms=250.0)
CALLS_A_TOOL = Plan(calls=(("c", "clock", "{}"),), items=0)


def room(turns: TurnRules = EAGER, **more: object) -> Room:
    more.setdefault("plan", lambda _: Plan(sound_ms=1_500, first_after_ms=100))
    return Room(turns=turns, floor=RULES, **more)  # type: ignore[arg-type]


def first_at(scene: Room, kind: type[ef.Effect]) -> float:
    return next(line.at for line in scene.log for effect in line.effects if isinstance(effect, kind))


def kinds(scene: Room) -> list[tuple[str, str]]:
    """What the engine believes was said, and by whom."""
    return [(item.item["type"], item.item.get("role", "")) for item in scene.engine.items.values()]


def context(scene: Room) -> list[tuple[str, str]]:
    """What we believe was said."""
    items = (scene.session.history.entries[item_id].item for item_id in scene.session.history.order)
    return [(item.type, getattr(item, "role", "")) for item in items]


# Kept


def test_the_reply_is_ready_when_the_turn_is_over_and_not_heard_before() -> None:
    scene = room()
    scene.person_sounds(at=2.0, ms=1_000)
    scene.run(until=3.55)
    assert len(scene.sent(ResponseCreate)) == 1
    assert scene.effects(ef.Play) == [], "held back"
    scene.run(until=8.0)
    assert first_at(scene, ef.Play) == pytest.approx(3.6, abs=0.03), "the moment at which the turn is over"
    (kept,) = scene.notes("speculation_kept")
    assert kept["ahead_ms"] == pytest.approx(350, abs=25)
    assert len(scene.sent(InputAudioBufferCommit)) == 1
    assert sum(scene.speaker.heard.values()) == pytest.approx(1_500)
    assert scene.errors == []


def test_without_speculation_the_same_reply_is_heard_later() -> None:
    plain = room(TurnRules(mode="local"))
    plain.person_sounds(at=2.0, ms=1_000)
    plain.run(until=8.0)
    assert first_at(plain, ef.Play) == pytest.approx(3.7, abs=0.05)
    assert plain.notes("speculated") == []


def test_a_turn_that_was_kept_is_timed_from_its_last_word_to_what_was_heard() -> None:
    scene = room(playout="clock")
    scene.person_sounds(at=2.0, ms=1_000)
    scene.run(until=8.0)
    (turn,) = scene.notes("turn")
    assert turn["speech_stopped_at"] == pytest.approx(3.0, abs=0.03)
    assert turn["committed_at"] == pytest.approx(3.6, abs=0.03)
    assert turn["committed_at"] <= turn["first_delta_at"] <= turn["first_audible_at"]


def test_a_tool_runs_when_the_turn_is_over_and_not_before() -> None:
    scene = room(tools=("clock",), plan=lambda n: CALLS_A_TOOL if n == 0 else Plan(sound_ms=800))
    scene.person_sounds(at=2.0, ms=1_000)
    scene.run(until=3.55)
    assert scene.effects(ef.RunTool) == []
    scene.run(until=8.0)
    assert len(scene.effects(ef.RunTool)) == 1
    assert scene.errors == []


def test_a_click_in_the_quiet_retracts_nothing() -> None:
    scene = room()
    scene.person_sounds(at=2.0, ms=1_000)
    scene.person_sounds(at=3.4, ms=60)
    scene.run(until=8.0)
    assert scene.notes("speculation_retracted") == []
    assert len(scene.notes("speculation_kept")) == 1
    assert len(scene.sent(ResponseCreate)) == 1


# Retracted


@pytest.mark.parametrize("created_after_ms", [0.0, 120.0, 600.0], ids=["at once", "soon", "late"])
@pytest.mark.parametrize("first_after_ms", [10.0, 400.0], ids=["quick to speak", "slow to speak"])
@pytest.mark.parametrize("pause_ms", [360, 450, 520])
def test_who_goes_on_is_answered_once_to_the_whole(
    pause_ms: int, first_after_ms: float, created_after_ms: float
) -> None:
    """Before the reply has a name, while it is made, and when it is done already."""
    scene = room(
        plan=lambda _: Plan(sound_ms=300, first_after_ms=first_after_ms, speed=20), created_after_ms=created_after_ms
    )
    scene.person_sounds(at=2.0, ms=800)
    scene.person_sounds(at=2.8 + pause_ms / 1000, ms=900)
    scene.run(until=12.0)
    assert len(scene.notes("speculation_retracted")) == 1
    assert kinds(scene) == [("message", "user"), ("message", "assistant")]
    assert context(scene) == kinds(scene)
    whole_ms = 800 + pause_ms + 900
    assert scene.engine.committed_ms[-1] >= whole_ms, "the engine has heard the turn from its beginning"
    assert sum(scene.speaker.heard.values()) == pytest.approx(300), "nothing of the retracted reply"
    assert scene.sent(ConversationItemTruncate) == []
    assert scene.errors == []


def test_a_reply_that_is_being_made_is_cancelled_by_its_id() -> None:
    scene = room(plan=lambda _: Plan(sound_ms=4_000, first_after_ms=10))
    scene.person_sounds(at=2.0, ms=800)
    scene.person_sounds(at=3.25, ms=900)
    scene.run(until=9.0)
    (cancel,) = scene.sent(ResponseCancel)
    (retracted,) = scene.notes("speculation_retracted")
    assert cancel.response_id == retracted["response_id"] != ""
    deleted = {delete.item_id for delete in scene.sent(ConversationItemDelete)}
    assert retracted["item_id"] in deleted
    assert len(deleted) == 2, "what the person had said so far, and what had been answered"


def test_a_tool_that_a_retracted_reply_calls_never_runs() -> None:
    scene = room(tools=("clock",), plan=lambda n: CALLS_A_TOOL if n == 0 else Plan(sound_ms=800))
    scene.person_sounds(at=2.0, ms=800)
    scene.person_sounds(at=3.3, ms=900)
    scene.run(until=9.0)
    assert scene.effects(ef.RunTool) == []
    assert kinds(scene) == [("message", "user"), ("message", "assistant")]
    assert scene.errors == []


def test_somebody_may_go_on_again_and_again() -> None:
    scene = room(plan=lambda _: Plan(sound_ms=600, first_after_ms=30))
    for number in range(6):
        scene.person_sounds(at=2.0 + 1.2 * number, ms=800)
    scene.run(until=16.0)
    assert len(scene.notes("speculation_retracted")) == 5
    assert len(scene.notes("speculation_kept")) == 1
    assert kinds(scene) == [("message", "user"), ("message", "assistant")]
    assert len(scene.speaker.heard) == 1
    assert scene.errors == []


def test_a_reply_that_is_too_long_to_wait_is_retracted_and_asked_for_when_the_turn_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(speculation, "HELD_LIMIT", 12)
    scene = room(plan=lambda _: Plan(sound_ms=3_000, first_after_ms=10, speed=20))
    scene.person_sounds(at=2.0, ms=1_000)
    scene.run(until=12.0)
    assert len(scene.notes("speculation_retracted")) == 1
    assert kinds(scene) == [("message", "user"), ("message", "assistant")]
    assert sum(scene.speaker.heard.values()) == pytest.approx(3_000)
    assert scene.errors == []


# When it is not done


def test_words_that_break_off_are_not_speculated_on() -> None:
    scene = room()
    scene.person_sounds(at=2.0, ms=1_000)
    scene.happens(2.9, ev.TurnSense("words", "unfinished"))
    scene.run(until=8.0)
    assert scene.notes("speculated") == []
    assert len(scene.sent(ResponseCreate)) == 1


def test_a_wait_that_is_shorter_leaves_nothing_to_speculate_on() -> None:
    scene = room(TurnRules(mode="local", speculate_ms=700.0))
    scene.person_sounds(at=2.0, ms=1_000)
    scene.run(until=8.0)
    assert scene.notes("speculated") == []
    assert len(scene.sent(ResponseCreate)) == 1


@pytest.mark.parametrize("mode", ["server_vad", "semantic_vad"])
def test_where_the_engine_finds_the_turns_nothing_is_speculated(mode: str) -> None:
    scene = room(TurnRules(mode=mode, speculate_ms=250.0))  # type: ignore[arg-type]
    scene.person_sounds(at=2.0, ms=1_000)
    scene.run(until=8.0)
    assert scene.notes("speculated") == []


def test_while_an_older_reply_is_not_over_nothing_is_speculated() -> None:
    scene = room(plan=lambda _: Plan(sound_ms=6_000), tools=("clock",))
    scene.person_sounds(at=2.0, ms=1_000)
    scene.run(until=4.5)
    asked = len(scene.notes("speculated"))
    scene.engine._finish = lambda *_: None  # type: ignore[method-assign] # it never says that the reply is over
    scene.person_sounds(at=5.0, ms=1_000)
    scene.run(until=6.5)
    assert scene.session.states.reply is Reply.STALE
    assert len(scene.notes("speculated")) == asked


# Disturbed


def test_a_connection_that_dies_meanwhile_leaves_an_open_turn() -> None:
    scene = room()
    scene.person_sounds(at=2.0, ms=1_000)
    scene.engine_drops(3.45)
    scene.run(until=12.0)
    assert kinds(scene) == [("message", "user"), ("message", "assistant")]
    assert scene.engine.committed_ms[-1] >= 1_000
    assert sum(scene.speaker.heard.values()) == pytest.approx(1_500)
    assert scene.errors == []


def test_a_connection_that_dies_while_it_cleans_up_owes_nothing_to_the_next() -> None:
    scene = room(created_after_ms=400)
    scene.person_sounds(at=2.0, ms=800)
    scene.person_sounds(at=3.2, ms=900)
    scene.engine_drops(3.5)
    scene.run(until=14.0)
    assert kinds(scene) == [("message", "user"), ("message", "assistant")]
    assert scene.errors == []


@pytest.mark.parametrize("how", [ev.Typed("never mind"), ev.Dtmf("#")], ids=["typed", "key"])
def test_what_is_written_meanwhile_ends_the_turn_and_is_answered(how: ev.Event) -> None:
    scene = room()
    scene.person_sounds(at=2.0, ms=1_000)
    scene.happens(3.4, how)
    scene.run(until=12.0)
    assert [role for _, role in kinds(scene)] == ["user", "user", "assistant"]
    assert context(scene) == kinds(scene)
    assert scene.errors == []


def test_the_operator_who_stops_it_meanwhile_stops_all_of_it() -> None:
    scene = room()
    scene.person_sounds(at=2.0, ms=1_000)
    scene.happens(3.4, ev.StopTalking())
    scene.run(until=9.0)
    assert scene.effects(ef.Play) == [] or sum(scene.speaker.heard.values()) == 0
    assert scene.errors == []


def test_other_rules_of_turns_meanwhile_forget_the_turn() -> None:
    scene = room()
    scene.person_sounds(at=2.0, ms=1_000)
    scene.happens(3.4, ev.Change(Settings(), TurnRules(mode="push_to_talk")))
    scene.run(until=9.0)
    assert kinds(scene) == []
    assert scene.speaker.heard == {}
    assert scene.errors == []


def test_an_engine_that_finds_nothing_to_commit_is_asked_again_when_the_turn_is_over() -> None:
    scene = room()
    scene.person_sounds(at=2.0, ms=1_000)
    scene.run(until=3.2)
    scene.engine.uncommitted_ms = -10_000.0
    scene.run(until=3.5)
    assert scene.errors == ["input_audio_buffer_commit_empty"]
    scene.engine.uncommitted_ms = 1_000.0
    scene.run(until=9.0)
    assert len(scene.sent(InputAudioBufferCommit)) == 2
    assert sum(scene.speaker.heard.values()) == pytest.approx(1_500)


def test_a_notice_of_ours_waits_until_the_turn_was_answered() -> None:
    scene = room()
    scene.person_sounds(at=2.0, ms=1_000)
    scene.happens(3.4, ev.Say("Your tea is ready."))
    scene.run(until=12.0)
    said = [create.response is not None for create in scene.sent(ResponseCreate)]
    assert said == [False, True]
    assert scene.errors == []
