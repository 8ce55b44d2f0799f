"""From every way of taking turns to every other in mid-conversation, with sound of both sides in flight."""

from __future__ import annotations

from itertools import permutations
from typing import get_args

import pytest

from tests.session.test_floor import RULES
from tests.world.engine import Plan
from tests.world.room import Room
from voice.protocol.client_events import ResponseCreate, SessionUpdate
from voice.protocol.settings import SemanticVad, ServerVad
from voice.protocol.settings import Session as Settings
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import TurnMode, TurnRules
from voice.session.states import Floor, Reply, Voice

MODES: tuple[TurnMode, ...] = get_args(TurnMode)
PAIRS = list(permutations(MODES, 2))
DETECTION = {"server_vad": ServerVad, "semantic_vad": SemanticVad}


def speak(room: Room, mode: TurnMode, at: float, seconds: float = 1.0) -> None:
    """A turn of the person, as it is made in this mode. With `off` only writing is left."""
    if mode == "local":
        room.person_sounds(at=at, ms=seconds * 1000)
    elif mode == "push_to_talk":
        room.happens(at, ev.PushToTalk(True))
        room.happens(at + seconds, ev.PushToTalk(False))
    elif mode == "off":
        room.happens(at, ev.Typed("hello"))
    else:
        room.user_speaks(at=at, seconds=seconds)


def scene(before: TurnMode, after: TurnMode, *, change_at: float) -> Room:
    """One turn in the old mode from 2.0 to 3.0 and its answer, the change, and at 9.0 a turn in the new mode."""
    room = Room(turns=TurnRules(mode=before), floor=RULES, plan=lambda _: Plan(sound_ms=2_000))
    speak(room, before, 2.0)
    room.happens(change_at, ev.Change(Settings(), TurnRules(mode=after)))
    speak(room, after, 9.0)
    return room.run(until=16.0)


def is_at_rest(room: Room) -> bool:
    states = room.session.states
    return (states.floor, states.reply, states.voice) == (Floor.SILENT, Reply.NONE, Voice.QUIET)


@pytest.mark.parametrize(("before", "after"), PAIRS)
@pytest.mark.parametrize("change_at", [2.5, 3.05, 4.2], ids=["while they speak", "as they end", "while it answers"])
def test_a_turn_in_the_new_way_is_answered_whole(before: TurnMode, after: TurnMode, change_at: float) -> None:
    room = scene(before, after, change_at=change_at)
    asked = [
        line.at
        for line in room.log
        for e in line.effects
        if isinstance(e, ef.SendToEngine) and isinstance(e.event, ResponseCreate)
    ]
    assert [at for at in asked if at >= 9.0], "the turn in the new way is answered"
    assert len([at for at in asked if at >= 9.0]) == 1
    assert list(room.speaker.heard.values())[-1] == pytest.approx(2_000)
    assert room.errors == []
    assert is_at_rest(room)


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_engine_knows_who_finds_the_turns_from_then_on(before: TurnMode, after: TurnMode) -> None:
    room = scene(before, after, change_at=2.5)
    detection = room.sent(SessionUpdate)[-1].session.audio.input.turn_detection  # type: ignore[union-attr]
    assert type(detection) is DETECTION.get(after, type(None))


@pytest.mark.parametrize("before", MODES)
def test_off_hears_nobody_from_that_moment_on(before: TurnMode) -> None:
    if before == "off":
        return
    room = Room(turns=TurnRules(mode=before), floor=RULES, plan=lambda _: Plan(sound_ms=2_000))
    speak(room, before, 2.0, seconds=3.0)
    room.happens(3.0, ev.Change(Settings(), TurnRules(mode="off")))
    room.run(until=10.0)
    assert room.effects(ef.SendAudio, since=3.001) == []
    assert room.sent(ResponseCreate) == [], "what was being said is not meant any more"
    assert is_at_rest(room)


@pytest.mark.parametrize("after", MODES)
def test_what_the_assistant_says_goes_on_over_the_change(after: TurnMode) -> None:
    before: TurnMode = "push_to_talk" if after != "push_to_talk" else "server_vad"
    room = Room(turns=TurnRules(mode=before), floor=RULES, plan=lambda _: Plan(sound_ms=3_000))
    room.happens(1.0, ev.Typed("tell me"))
    room.happens(2.0, ev.Change(Settings(), TurnRules(mode=after)))
    room.run(until=6.0)
    assert list(room.speaker.heard.values()) == [pytest.approx(3_000)]
    assert room.effects(ef.StopPlayback) == []
