"""A sound sets in over the assistant: it is a little less loud for a moment, until it is known what the sound is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.session.stage import Stage, noted, of
from tests.session.test_floor import RULES, speech
from voice.session import effects as ef
from voice.session.events import CallerSpeech, Tick, Typed
from voice.session.hush import Hush
from voice.session.rules import TurnRules
from voice.session.states import Voice

WANTS = (0.95, 0.02, 0.01, 0.01, 0.01)
AGREES = (0.1, 0.7, 0.1, 0.05, 0.05)
NOBODY = (0.02, 0.02, 0.02, 0.04, 0.9)
HUSH_S, REST_S = RULES.hush_ms / 1000, RULES.hush_rest_ms / 1000


def rise() -> CallerSpeech:
    """Outside of any stretch."""
    return CallerSpeech("none", 0.0, 10.0, -45.0, -60.0, 0.0, 0.1, NOBODY, rises=True)


def speaking(**config: Any) -> Stage:
    """The assistant speaks for six seconds, from 2.0 s on at the latest."""
    stage = Stage(**{"floor": replace(RULES, names_moments=True), **config})
    stage.begin()
    stage.sound(6_000)
    stage.now = 2.0
    return stage


def at(stage: Stage, now: float, event: CallerSpeech) -> list[ef.Effect]:
    stage.now = now
    return stage.say(event)


def done(stage: Stage) -> list[ef.Effect]:
    return [effect for _, _, effects in stage.said for effect in effects]


def levels(stage: Stage) -> list[float]:
    return [
        effect.gain_db if isinstance(effect, ef.Duck) else 0.0
        for effect in done(stage)
        if isinstance(effect, ef.Duck | ef.Restore)
    ]


def test_a_door_hushes_for_a_moment_and_is_no_interruption() -> None:
    stage = speaking()
    at(stage, 2.0, rise())
    hushed = stage.session.states.voice
    stage.tick()
    assert stage.now == pytest.approx(2.0 + HUSH_S)
    assert levels(stage) == [RULES.hush_db, 0.0]
    assert (hushed, stage.session.states.voice) == (Voice.DUCKED, Voice.SOUNDING)
    assert [len(noted(done(stage), kind)) for kind in ("hushed", "unhushed", "ducked", "restored")] == [1, 1, 0, 0]


def test_what_becomes_speech_is_turned_down_further_and_then_yielded_to() -> None:
    stage = speaking()
    at(stage, 2.0, rise())
    at(stage, 2.1, replace(speech("onset", 100), kinds=AGREES))
    at(stage, 2.13, replace(speech("going", 130), kinds=WANTS))
    at(stage, 2.16, replace(speech("going", 160), kinds=WANTS))
    assert levels(stage) == [RULES.hush_db, RULES.duck_db]
    assert len(of(done(stage), ef.StopPlayback)) == 1
    assert noted(done(stage), "unhushed") == []


def test_what_becomes_an_acknowledgement_is_restored_when_it_is_over_and_not_by_the_hush() -> None:
    stage = speaking()
    at(stage, 2.0, rise())
    at(stage, 2.1, replace(speech("onset", 100), kinds=AGREES))
    at(stage, 2.0 + HUSH_S + 0.01, replace(speech("going", 400), kinds=AGREES))
    assert levels(stage) == [RULES.hush_db, RULES.duck_db]
    at(stage, 2.6, replace(speech("offset", 500), kinds=NOBODY))
    assert levels(stage) == [RULES.hush_db, RULES.duck_db, 0.0]
    assert len(noted(done(stage), "restored")) == 1


def test_a_rise_in_a_stretch_that_is_nobody_hushes_too() -> None:
    stage = speaking()
    at(stage, 2.0, replace(speech("onset", 60), kinds=NOBODY))
    assert levels(stage) == []
    at(stage, 2.1, replace(speech("going", 160), kinds=NOBODY, rises=True))
    assert levels(stage) == [RULES.hush_db]


def test_a_keyboard_hushes_half_of_the_time_at_most() -> None:
    stage = speaking()
    for ms in range(0, 3_000, 20):
        now = 2.0 + ms / 1000
        while (deadline := stage.session.deadline()) is not None and deadline.at <= now:
            stage.tick()
        at(stage, now, rise())
    hushes = [effect for effect in done(stage) if isinstance(effect, ef.Duck)]
    assert len(hushes) == pytest.approx(3.0 / (HUSH_S + REST_S), abs=1)


def test_who_speaks_while_it_rests_is_ducked_for_all_the_same() -> None:
    stage = speaking()
    at(stage, 2.0, rise())
    stage.tick()
    at(stage, 2.5, replace(speech("onset", 60), kinds=AGREES, rises=True))
    assert levels(stage) == [RULES.hush_db, 0.0, RULES.duck_db]


def test_nothing_is_hushed_while_nobody_speaks() -> None:
    stage = Stage(floor=RULES)
    stage.begin()
    assert at(stage, 2.0, rise()) == []


def test_a_hush_ends_with_the_reply() -> None:
    stage = speaking()
    at(stage, 2.0, rise())
    stage.say(Typed("never mind"))
    assert stage.session.states.voice is Voice.QUIET
    stage.begin("resp_2")
    stage.sound(3_000, "resp_2", "item_a2")
    stage.now = 2.0 + HUSH_S
    stage.say(Tick())
    assert levels(stage) == [RULES.hush_db]
    assert noted(done(stage), "unhushed") == []


@pytest.mark.parametrize("config", [{"can_hush": False}, {"can_duck": False}, {"floor": None}])
def test_where_it_is_heard_as_a_break_or_cannot_be_done_it_is_not(config: dict[str, Any]) -> None:
    stage = speaking(**config)
    at(stage, 2.0, rise())
    assert levels(stage) == []
    assert stage.session.states.voice is Voice.SOUNDING


def test_a_rise_takes_no_turn_and_alarms_no_watch() -> None:
    stage = Stage(floor=RULES, turns=TurnRules(mode="local"))
    stage.begin()
    for ms in range(0, 3_000, 32):
        at(stage, 2.0 + ms / 1000, replace(rise(), speech_ms=float(ms), probability=0.95, level_db=-20.0))
    assert noted(done(stage), "turn_taken") == []
    assert noted(done(stage), "watchdog") == []


def test_a_hush_is_over_once() -> None:
    hush = Hush(RULES)
    assert hush.begin(1.0)
    assert not hush.begin(1.1)
    assert not hush.is_over(1.0 + HUSH_S - 0.01)
    assert hush.is_over(1.0 + HUSH_S)
    assert not hush.is_over(9.0)
    assert hush.deadline() is None
    assert not hush.begin(1.0 + HUSH_S + 0.1)
    assert hush.begin(1.0 + HUSH_S + REST_S)
