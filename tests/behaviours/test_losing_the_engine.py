"""The engine's connection breaks at any moment of a turn: what was said is answered all the same, and once."""

from __future__ import annotations

import pytest

from tests.world.engine import Plan
from tests.world.room import Room
from voice.protocol.client_events import (
    ConversationItemCreate,
    InputAudioBufferCommit,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.items import FunctionCallOutput
from voice.protocol.settings import AudioInput, AudioSettings
from voice.protocol.settings import Session as Settings
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import LinkRules, TurnRules

MOMENTS = [round(0.9 + step * 0.1, 1) for step in range(42)]
"""From before the turn (1.0 to 2.0 s) to after the reply (2.1 to 4.1 s)."""


def answered(room: Room) -> None:
    """The reply was heard to its end, nothing stale, nothing that an engine had to refuse."""
    assert max(room.speaker.heard.values(), default=0.0) == pytest.approx(2_000)
    assert room.speaker.stale_ms == 0
    assert room.errors == []
    assert not room.session.replies.wishes
    assert not room.session.gap.unsettled


@pytest.mark.parametrize("transcribes", [True, False], ids=["in words", "no words yet"])
@pytest.mark.parametrize("at", MOMENTS)
def test_a_spoken_turn_is_answered(at: float, transcribes: bool) -> None:
    room = Room(transcribes=transcribes, created_after_ms=60)
    room.user_speaks(at=1.0, seconds=1.0)
    room.engine_drops(at=at)
    room.run(until=14.0)
    answered(room)
    assert len(room.speaker.heard) <= 2, "the answer, and what was heard of one that broke off"


@pytest.mark.parametrize("at", MOMENTS)
def test_a_talk_by_the_button_is_answered(at: float) -> None:
    room = Room(turns=TurnRules(mode="push_to_talk"), created_after_ms=60, transcribes=False)
    room.happens(1.0, ev.PushToTalk(True))
    room.happens(2.0, ev.PushToTalk(False))
    room.engine_drops(at=at)
    room.run(until=14.0)
    answered(room)
    committed_ms = max(ms for engine in room.engines for ms in engine.committed_ms)
    assert committed_ms == pytest.approx(1_500, abs=41), "the pre-roll, the talk and the tail, whole"


@pytest.mark.parametrize("at", MOMENTS)
def test_a_turn_that_a_client_commits_is_answered(at: float) -> None:
    room = Room(client_face=True, created_after_ms=60, transcribes=False)
    detection = AudioSettings(input=AudioInput(turn_detection=None))
    room.client_says(0.2, SessionUpdate(session=Settings(audio=detection)))
    room.client_says(2.0, InputAudioBufferCommit())
    room.client_says(2.02, ResponseCreate())
    room.engine_drops(at=at)
    room.run(until=14.0)
    answered(room)
    assert room.client.complaints == []
    assert room.client.open_responses == set()
    committed_ms = max(ms for engine in room.engines for ms in engine.committed_ms)
    assert committed_ms >= 1_900


@pytest.mark.parametrize("at", [round(2.15 + step * 0.1, 2) for step in range(30)])
def test_a_tool_runs_once_and_its_result_is_spoken_of(at: float) -> None:
    plan = lambda n: Plan(calls=(("c", "clock", "{}"),), items=0) if n == 0 else Plan(sound_ms=2_000)  # noqa: E731
    room = Room(tools=("clock",), tool_ms=1_200, plan=plan)
    room.user_speaks(at=1.0, seconds=1.0)
    room.engine_drops(at=at)
    room.run(until=14.0)
    assert len(room.effects(ef.RunTool)) == 1
    told = [e.item for e in room.engine.received if isinstance(e, ConversationItemCreate)]
    assert len([item for item in told if isinstance(item, FunctionCallOutput)]) == 1
    answered(room)


def test_an_engine_that_drops_every_other_second_is_still_talked_to() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=800, speed=4), link=LinkRules(attempts=50, stable_ms=500))
    for number in range(12):
        room.engine_drops_if_up(2.0 + number * 2)
        room.user_speaks(at=2.5 + number * 2, seconds=0.5)
    room.run(until=40.0)
    assert len(room.engines) >= 12
    assert room.errors == []
    assert not room.session.ended


def test_everything_the_person_heard_is_known_to_the_next_engine() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=4_000, speed=8))
    room.user_speaks(at=1.0, seconds=0.5)
    room.user_speaks(at=3.5, seconds=0.5)
    room.engine_drops(at=12.0)
    room.run(until=14.0)
    told = [e.item for e in room.engine.received if isinstance(e, ConversationItemCreate)]
    words = [item.content[0].text for item in told]  # type: ignore[union-attr]
    assert words[0].startswith("words of ")
    assert len(words[1].split()) < len(["some", "words", "here"]), "the first reply as far as it was heard"
    assert words[2].startswith("words of ")
    assert words[3] == "some words here"
