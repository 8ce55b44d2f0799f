"""Somebody speaks over a loudspeaker whose level is not ours to change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.session.stage import Stage, noted, of
from tests.session.test_floor import RULES, speech
from voice.protocol.client_events import InputAudioBufferClear
from voice.session import effects as ef
from voice.session.rules import FloorRules, TurnRules
from voice.session.states import Voice

STOPS = replace(RULES, unducked="stop")


def over_the_assistant(rules: FloorRules, *, mode: str = "server_vad", can_duck: bool = False) -> Stage:
    stage = Stage(floor=rules, can_duck=can_duck, turns=TurnRules(mode=mode))  # type: ignore[arg-type]
    stage.begin()
    stage.sound(6_000)
    stage.now = 2.0
    stage.say(speech("onset", 60))
    return stage


def goes_on(stage: Stage, until_ms: int) -> list[ef.Effect]:
    effects: list[ef.Effect] = []
    for ms in range(100, until_ms, 40):
        stage.now = 2.0 + ms / 1000
        effects += stage.say(speech("going", ms))
    return effects


def done_so_far(stage: Stage) -> list[ef.Effect]:
    return [effect for _, _, effects in stage.said for effect in effects]


def test_nothing_is_ducked_and_the_voice_goes_on_until_it_is_certain() -> None:
    stage = over_the_assistant(RULES)
    assert of(done_so_far(stage), ef.Duck) == []
    assert stage.session.states.voice is Voice.SOUNDING
    assert of(goes_on(stage, 300), ef.StopPlayback) == []
    assert len(of(goes_on(stage, 700), ef.StopPlayback)) == 1
    assert noted(done_so_far(stage), "ducked") == []


def test_what_was_not_ducked_is_not_restored() -> None:
    stage = over_the_assistant(RULES)
    stage.now = 2.2
    stage.say(speech("offset", 200))
    stage.now = 3.0
    stage.tick()
    assert of(done_so_far(stage), ef.Restore) == []
    assert of(done_so_far(stage), ef.StopPlayback) == []
    assert noted(done_so_far(stage), "restored") == []


def test_by_rule_it_stops_at_the_first_sign() -> None:
    stage = over_the_assistant(STOPS)
    assert len(of(done_so_far(stage), ef.StopPlayback)) == 1
    assert of(done_so_far(stage), ef.Duck) == []
    assert of(goes_on(stage, 900), ef.StopPlayback) == [], "once"


def test_a_turn_of_our_own_ear_begins_with_the_stop() -> None:
    stage = over_the_assistant(STOPS, mode="local")
    sent = [effect.event for effect in of(done_so_far(stage), ef.SendToEngine)]
    assert any(isinstance(event, InputAudioBufferClear) for event in sent)
    assert stage.session.talk.open


@pytest.mark.parametrize("rules", [RULES, STOPS], ids=["wait", "stop"])
def test_where_the_level_is_ours_the_rule_says_nothing(rules: FloorRules) -> None:
    stage = over_the_assistant(rules, can_duck=True)
    assert len(of(done_so_far(stage), ef.Duck)) == 1
    assert of(done_so_far(stage), ef.StopPlayback) == []
    assert stage.session.states.voice is Voice.DUCKED
