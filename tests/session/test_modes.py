"""Every way of taking turns, in virtual time, and changing from one to another in mid-conversation."""

from __future__ import annotations

import pytest

from tests.session.test_floor import RULES
from tests.world.engine import Plan
from tests.world.room import Room
from voice.protocol.client_events import (
    InputAudioBufferCommit,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.settings import SemanticVad
from voice.protocol.settings import Session as Settings
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import FloorRules, TurnRules


def detection(update: SessionUpdate) -> object:
    return update.session.audio.input.turn_detection  # type: ignore[union-attr]


def sent_ms(room: Room) -> float:
    return sum(e.frame.duration_ms for e in room.effects(ef.SendAudio))


def local_room(**rules: float) -> Room:
    return Room(turns=TurnRules(mode="local", **rules), floor=RULES, plan=lambda _: Plan(sound_ms=4_000))  # type: ignore[arg-type]


def test_our_ear_takes_a_turn_with_its_beginning_and_commits_it_after_the_silence() -> None:
    room = local_room()
    room.person_sounds(at=2.0, ms=1_000)
    room.run(until=5.0)
    (commit,) = [
        line.at
        for line in room.log
        for e in line.effects
        if isinstance(e, ef.SendToEngine) and isinstance(e.event, InputAudioBufferCommit)
    ]
    assert commit == pytest.approx(2.0 + 1.0 + 0.6, abs=0.03)
    assert sent_ms(room) >= 1_000 + 600 + 300, "all of it, with the pre-roll"
    assert len(room.sent(ResponseCreate)) == 1
    assert detection(room.sent(SessionUpdate)[0]) is None


def test_a_pause_shorter_than_the_silence_is_inside_the_turn() -> None:
    room = local_room()
    room.person_sounds(at=2.0, ms=600)
    room.person_sounds(at=3.0, ms=600)
    room.run(until=6.0)
    assert len(room.sent(InputAudioBufferCommit)) == 1


def test_a_click_is_no_turn() -> None:
    room = local_room()
    room.person_sounds(at=2.0, ms=60)
    room.run(until=4.0)
    assert room.sent(InputAudioBufferCommit) == []


def test_our_ear_interrupts_only_when_it_is_certain() -> None:
    room = local_room()
    room.person_sounds(at=2.0, ms=500)
    room.person_sounds(at=4.5, ms=200)
    room.run(until=5.5)
    assert len(room.effects(ef.Duck)) == 1
    assert len(room.effects(ef.Restore)) == 1
    assert room.effects(ef.StopPlayback) == []
    room.person_sounds(at=5.6, ms=1_000)
    room.run(until=9.0)
    assert len(room.effects(ef.StopPlayback)) == 1
    assert len(room.sent(InputAudioBufferCommit)) == 2


def test_a_turn_that_never_ends_is_committed_in_the_end() -> None:
    room = local_room(longest_ms=3_000.0)
    room.person_sounds(at=2.0, ms=20_000)
    room.run(until=6.0)
    assert len(room.sent(InputAudioBufferCommit)) == 1


def test_semantic_turns_are_asked_of_the_engine_with_our_eagerness() -> None:
    room = Room(turns=TurnRules(mode="semantic_vad", eagerness="high")).run(until=0.5)
    (update,) = room.sent(SessionUpdate)
    asked = detection(update)
    assert isinstance(asked, SemanticVad)
    assert (asked.eagerness, asked.create_response) == ("high", False)


def test_off_listens_to_nobody_but_reads_what_is_typed() -> None:
    room = Room(turns=TurnRules(mode="off"))
    room.happens(1.0, ev.PushToTalk(True))
    room.happens(2.0, ev.Typed("hello"))
    room.run(until=5.0)
    assert sent_ms(room) == 0
    assert len(room.sent(ResponseCreate)) == 1


def test_the_mode_changes_in_mid_conversation() -> None:
    room = Room()
    room.user_speaks(at=1.0, seconds=0.5)
    room.happens(5.0, ev.Change(Settings(), TurnRules(mode="push_to_talk")))
    room.happens(6.0, ev.PushToTalk(True))
    room.happens(7.0, ev.PushToTalk(False))
    room.happens(11.0, ev.Change(Settings(), TurnRules(mode="server_vad")))
    room.user_speaks(at=12.0, seconds=0.5)
    room.run(until=16.0)
    assert [detection(update) is None for update in room.sent(SessionUpdate)] == [False, True, False]
    assert len(room.sent(InputAudioBufferCommit)) == 1
    assert len(room.sent(ResponseCreate)) == 3
    assert room.engine.errors == []


# The talk button


def button(**rules: object) -> Room:
    return Room(turns=TurnRules(mode="push_to_talk", **rules))  # type: ignore[arg-type]


def test_a_toggle_talks_between_two_presses() -> None:
    room = button(toggle=True)
    for at, held in ((2.0, True), (2.1, False), (4.0, True), (4.1, False)):
        room.happens(at, ev.PushToTalk(held))
    room.run(until=8.0)
    assert 2_300 <= sent_ms(room) <= 2_560
    assert len(room.sent(InputAudioBufferCommit)) == 1


def test_escape_forgets_what_was_said() -> None:
    room = button()
    room.happens(2.0, ev.PushToTalk(True))
    room.happens(3.0, ev.TalkCancelled())
    room.happens(3.5, ev.PushToTalk(False))
    room.run(until=6.0)
    assert room.sent(InputAudioBufferCommit) == []
    assert room.sent(ResponseCreate) == []


def test_a_turn_may_be_committed_without_being_answered_yet() -> None:
    room = button()
    for at, event in ((2.0, ev.PushToTalk(True)), (3.0, ev.PushToTalk(False, reply=False))):
        room.happens(at, event)
    room.run(until=5.0)
    assert len(room.sent(InputAudioBufferCommit)) == 1
    assert room.sent(ResponseCreate) == []
    for at, event in ((6.0, ev.PushToTalk(True)), (7.0, ev.PushToTalk(False))):
        room.happens(at, event)
    room.run(until=10.0)
    assert len(room.sent(ResponseCreate)) == 1


# Quiet, and what must be said


def test_after_a_long_quiet_it_asks_whether_somebody_is_there_but_not_for_ever() -> None:
    room = Room(turns=TurnRules(idle_ms=5_000, idle_text="Are you there?", idle_times=2)).run(until=60.0)
    said = [e.response.metadata for e in room.sent(ResponseCreate) if e.response is not None]
    assert said == [{"voice.say": "Are you there?"}] * 2


def test_hold_on_keeps_it_quiet_until_it_is_spoken_to() -> None:
    room = Room(turns=TurnRules(idle_ms=4_000, idle_text="Are you there?"), floor=RULES, words=lambda _: "Hold on.")
    room.user_speaks(at=1.0, seconds=0.5)
    room.run(until=30.0)
    assert room.notes("holding")
    assert room.speaker.heard == {}
    assert [e for e in room.sent(ResponseCreate) if e.response is not None] == []


def test_a_notice_that_cannot_be_interrupted_is_heard_to_its_end() -> None:
    room = Room(floor=RULES)
    room.happens(1.0, ev.Say("This call is recorded.", "uninterruptible"))
    room.person_sounds(at=1.4, ms=1_500)
    room.run(until=6.0)
    assert room.effects(ef.StopPlayback) == []
    assert room.effects(ef.Duck) == []
    assert sum(room.speaker.heard.values()) >= 800


def test_a_notice_that_must_be_heard_is_said_again_after_an_interruption() -> None:
    room = Room(floor=FloorRules())
    room.happens(1.0, ev.Say("This call is recorded.", "must_be_heard"))
    room.person_sounds(at=1.2, ms=1_000)
    room.run(until=12.0)
    said = [e.response.metadata for e in room.sent(ResponseCreate) if e.response is not None]
    assert said == [{"voice.say": "This call is recorded."}] * 2
    assert len(room.sent(ResponseCancel)) <= 1
