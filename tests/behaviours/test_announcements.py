"""Timers that are due, greetings, and whose word comes first."""

from __future__ import annotations

import pytest

from tests.world.engine import Plan
from tests.world.room import Room
from voice.protocol.client_events import ResponseCreate
from voice.session import events as ev


def asked(room: Room) -> list[str]:
    """What the engine was asked for, in order: our own words, or a reply."""
    creates = room.sent(ResponseCreate)
    return [(create.response.metadata or {})["voice.say"] if create.response else "reply" for create in creates]


def test_a_timer_waits_for_the_person_and_for_the_answer_to_them() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=3_000))
    room.user_speaks(at=1.0, seconds=2.0)
    room.happens(1.5, ev.Say("Your tea is ready."))
    room.run(until=15.0)
    assert asked(room) == ["reply", "Your tea is ready."]


def test_three_timers_at_once_are_told_one_after_the_other() -> None:
    room = Room()
    for name in ("tea", "eggs", "bread"):
        room.happens(2.0, ev.Say(f"The {name}."))
    room.run(until=15.0)
    assert asked(room) == ["The tea.", "The eggs.", "The bread."]
    assert len(room.speaker.heard) == 3


def test_a_timer_that_is_due_while_the_engine_is_away_is_told_when_it_is_back() -> None:
    room = Room(connect_ms=800)
    room.engine_drops(at=2.0)
    room.happens(2.2, ev.Say("Your tea is ready."))
    room.run(until=8.0)
    assert asked(room) == ["Your tea is ready."]
    assert sum(room.speaker.heard.values()) == pytest.approx(800)


def test_a_greeting_survives_an_engine_that_drops_at_once() -> None:
    room = Room(greeting="Good morning.", created_after_ms=100)
    room.engine_drops(at=0.1)
    room.run(until=6.0)
    assert asked(room)[-1] == "Good morning."
    assert sum(room.speaker.heard.values()) == pytest.approx(800)


def test_somebody_who_speaks_first_is_answered_and_then_greeted() -> None:
    room = Room(greeting="Good morning.", created_after_ms=300)
    room.user_speaks(at=0.2, seconds=0.6)
    room.run(until=10.0)
    assert room.errors == []
    assert asked(room)[0] == "Good morning."
    assert "reply" in asked(room)
