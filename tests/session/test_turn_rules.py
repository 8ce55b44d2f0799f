"""Every number and choice of `TurnRules` decides something, and exactly what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import pytest

from tests.session.test_floor import RULES
from tests.session.test_switching import speak
from tests.world.engine import Plan
from tests.world.room import Room
from voice.protocol.client_events import InputAudioBufferCommit, ResponseCreate, SessionUpdate
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import Ending, TurnRules

# How much quiet ends a turn of our ear


@pytest.mark.parametrize(
    ("words", "sound", "wait_ms"),
    [
        ("open", "open", 600),
        ("open", "finished", 300),
        ("open", "unfinished", 600),
        ("finished", "open", 400),
        ("finished", "finished", 300),
        ("finished", "unfinished", 400),
        ("unfinished", "open", 1_200),
        ("unfinished", "finished", 1_200),
        ("unfinished", "unfinished", 1_200),
    ],
)
def test_each_cell_of_the_waits(words: Ending, sound: Ending, wait_ms: float) -> None:
    assert TurnRules().wait_ms(words, sound) == wait_ms


def test_a_short_silence_is_not_made_longer_by_what_may_only_shorten_it() -> None:
    rules = TurnRules(silence_ms=200.0)
    assert rules.wait_ms("finished") == rules.wait_ms("open", "finished") == 200
    assert TurnRules(silence_ms=2_000.0).wait_ms("unfinished") == 2_000


def committed_at(room: Room) -> list[float]:
    return [
        line.at
        for line in room.log
        for effect in line.effects
        if isinstance(effect, ef.SendToEngine) and isinstance(effect.event, InputAudioBufferCommit)
    ]


def own_ear(**rules: object) -> Room:
    return Room(turns=TurnRules(mode="local", **rules), floor=RULES)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("by", "ending", "at"),
    [("words", "finished", 3.4), ("words", "unfinished", 4.2), ("words", "open", 3.6), ("sound", "finished", 3.3)],
)
@pytest.mark.parametrize("told_at", [2.9, 3.2], ids=["while they speak", "in the quiet"])
def test_what_the_turn_is_like_moves_its_end(by: str, ending: Ending, at: float, told_at: float) -> None:
    room = own_ear()
    room.person_sounds(at=2.0, ms=1_000)
    room.happens(told_at, ev.TurnSense(by, ending))  # type: ignore[arg-type]
    room.run(until=6.0)
    assert committed_at(room) == [pytest.approx(at, abs=0.03)]


def test_what_it_was_like_is_forgotten_when_the_person_goes_on() -> None:
    room = own_ear()
    room.person_sounds(at=2.0, ms=800)
    room.happens(2.7, ev.TurnSense("words", "unfinished"))
    room.person_sounds(at=3.6, ms=800)
    room.run(until=7.0)
    assert committed_at(room) == [pytest.approx(4.4 + 0.6, abs=0.03)]


def test_news_of_no_turn_of_our_ear_change_nothing() -> None:
    room = Room(turns=TurnRules(mode="push_to_talk"))
    room.happens(2.0, ev.PushToTalk(True))
    room.happens(3.0, ev.PushToTalk(False))
    room.happens(3.1, ev.TurnSense("words", "unfinished"))
    room.happens(5.0, ev.TurnSense("words", "finished"))
    room.run(until=6.0)
    assert committed_at(room) == [pytest.approx(3.2, abs=0.01)]


# Every rule has an effect of its own


def spoken(mode: str) -> Callable[[TurnRules], Room]:
    def play(rules: TurnRules) -> Room:
        room = Room(turns=rules, floor=RULES, plan=lambda _: Plan(sound_ms=1_500))
        speak(room, mode, 2.0)  # type: ignore[arg-type]
        return room.run(until=20.0)

    return play


def told(by: str, ending: Ending) -> Callable[[TurnRules], Room]:
    def play(rules: TurnRules) -> Room:
        room = Room(turns=rules, floor=RULES)
        room.person_sounds(at=2.0, ms=1_000)
        room.happens(2.9, ev.TurnSense(by, ending))  # type: ignore[arg-type]
        return room.run(until=8.0)

    return play


def tapped(rules: TurnRules) -> Room:
    room = Room(turns=rules)
    room.happens(2.0, ev.PushToTalk(True))
    room.happens(2.12, ev.PushToTalk(False))
    return room.run(until=6.0)


def pressed_twice(rules: TurnRules) -> Room:
    room = Room(turns=rules)
    for at in (2.0, 3.0):
        room.happens(at, ev.PushToTalk(True))
        room.happens(at + 0.3, ev.PushToTalk(False))
    return room.run(until=8.0)


def clicked(rules: TurnRules) -> Room:
    room = Room(turns=rules, floor=RULES)
    room.person_sounds(at=2.0, ms=100)
    return room.run(until=6.0)


def endless(rules: TurnRules) -> Room:
    room = Room(turns=rules, floor=RULES)
    room.person_sounds(at=2.0, ms=9_000)
    return room.run(until=10.0)


Given = dict[str, object]
LOCAL: Given = {"mode": "local"}
BUTTON: Given = {"mode": "push_to_talk"}
IDLE: Given = {"idle_ms": 2_000.0, "idle_text": "Are you there?", "idle_times": 1}
CASES: dict[str, tuple[Given, object, Callable[[TurnRules], Room]]] = {
    "mode": ({}, "off", spoken("server_vad")),
    "floor": ({}, "engine", spoken("server_vad")),
    "eagerness": ({"mode": "semantic_vad"}, "high", spoken("semantic_vad")),
    "toggle": (BUTTON, True, pressed_twice),
    "pre_roll_ms": (BUTTON, 100.0, spoken("push_to_talk")),
    "release_tail_ms": (BUTTON, 400.0, spoken("push_to_talk")),
    "tap_ms": (BUTTON, 50.0, tapped),
    "start_ms": (LOCAL, 60.0, clicked),
    "silence_ms": (LOCAL, 900.0, spoken("local")),
    "finished_ms": (LOCAL, 250.0, told("words", "finished")),
    "unfinished_ms": (LOCAL, 2_000.0, told("words", "unfinished")),
    "sounds_finished_ms": (LOCAL, 450.0, told("sound", "finished")),
    "speculate_ms": (LOCAL, 250.0, spoken("local")),
    "longest_ms": (LOCAL, 3_000.0, endless),
    "idle_ms": ({"idle_text": "Are you there?"}, 2_000.0, spoken("server_vad")),
    "idle_text": (IDLE, "Hello?", spoken("server_vad")),
    "idle_times": (IDLE, 2, spoken("server_vad")),
}


def test_no_rule_is_forgotten_here() -> None:
    assert list(CASES) == [field.name for field in fields(TurnRules)]


def what_was_done(room: Room) -> list[tuple[float, str]]:
    kinds = (ef.SendToEngine, ef.Play, ef.SendAudio, ef.Note)
    return [(line.at, str(effect)) for line in room.log for effect in line.effects if isinstance(effect, kinds)]


@pytest.mark.parametrize("name", CASES)
def test_another_value_leads_to_another_conversation(name: str) -> None:
    given, value, play = CASES[name]
    usual, other = TurnRules(**given), TurnRules(**{**given, name: value})  # type: ignore[arg-type]
    first, second = play(usual), play(other)
    assert first.errors == second.errors == []
    assert what_was_done(first) != what_was_done(second)
    assert what_was_done(play(usual)) == what_was_done(first), "and the same leads to the same"


@pytest.mark.parametrize("eagerness", ["low", "medium", "high", "auto"])
def test_eagerness_is_the_engines_to_know(eagerness: str) -> None:
    room = Room(turns=TurnRules(mode="semantic_vad", eagerness=eagerness)).run(until=0.5)  # type: ignore[arg-type]
    (update,) = room.sent(SessionUpdate)
    assert update.session.audio.input.turn_detection.eagerness == eagerness  # type: ignore[union-attr]


@pytest.mark.parametrize("times", [0, 1, 3])
def test_idle_prompts_are_counted(times: int) -> None:
    rules = TurnRules(idle_ms=2_000.0, idle_text="Are you there?", idle_times=times)
    room = Room(turns=rules).run(until=30.0)
    assert len(room.sent(ResponseCreate)) == times
