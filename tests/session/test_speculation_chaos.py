"""Speculation among everything else that may happen: whatever the order, one conversation is left, and it is whole."""

from __future__ import annotations

from random import Random

import pytest

from tests.session.test_speculation import CALLS_A_TOOL, context, kinds, room
from tests.world.engine import Plan
from tests.world.room import Room
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import TurnRules
from voice.session.states import Link, States

PLANS = (
    Plan(sound_ms=300, speed=20, first_after_ms=5),
    Plan(sound_ms=2_000, first_after_ms=10),
    Plan(sound_ms=2_000, first_after_ms=500),
    Plan(sound_ms=1_200, items=2, speed=8),
    CALLS_A_TOOL,
)
REFUSALS = ("rate_limit_exceeded", "server_error", "conversation_already_has_active_response")
AT_REST = States(link=Link.READY)


def disturbance(random: Random) -> ev.Event | None:
    return random.choice(
        [
            None,
            None,
            ev.Typed("hello"),
            ev.Say("Your tea is ready."),
            ev.StopTalking(),
            ev.TurnSense("words", "finished"),
            ev.TurnSense("words", "unfinished"),
            ev.TurnSense("sound", "finished"),
        ]
    )


def play(seed: int, *, drops: bool) -> Room:
    """Speech and pauses of all lengths, an engine of any speed that refuses now and then, and things in between."""
    random = Random(seed)
    scene = room(
        TurnRules(mode="local", speculate_ms=random.choice([200.0, 250.0, 400.0])),
        seed=seed,
        tools=("clock",),
        created_after_ms=random.choice([0.0, 50.0, 300.0, 900.0]),
        plan=lambda _: random.choice(PLANS),
    )
    scene.refuses.extend(random.choices(REFUSALS, k=random.choice([0, 0, 2])))
    at = 1.0
    for _ in range(random.randint(2, 10)):
        ms = random.choice([60, 150, 300, 500, 800, 1_500])
        scene.person_sounds(at=at, ms=ms)
        at += ms / 1000 + random.choice([0.25, 0.35, 0.45, 0.55, 0.65, 1.0, 2.5, 4.0])
        if (event := disturbance(random)) is not None:
            scene.happens(at - random.random(), event)
        if drops and random.random() < 0.15:
            scene.engine_drops_if_up(at - random.random())
    return scene.run(until=at + 25.0)


@pytest.mark.parametrize("seed", range(40))
def test_both_sides_remember_the_same_and_nothing_is_left_over(seed: int) -> None:
    scene = play(seed, drops=False)
    assert scene.session.states == AT_REST
    assert not scene.session.gap.unsettled
    assert sorted(scene.engine.items) == sorted(scene.session.history.order)
    assert context(scene).count(("function_call", "")) == context(scene).count(("function_call_output", ""))
    assert sorted(context(scene)) == sorted(kinds(scene))


@pytest.mark.parametrize("seed", range(40))
def test_nothing_that_was_retracted_is_heard_or_run(seed: int) -> None:
    scene = play(seed, drops=seed % 2 == 0)
    retracted = {note["response_id"] for note in scene.notes("speculation_retracted")} - {""}
    assert not retracted & {effect.response_id for effect in scene.effects(ef.Play)}
    assert scene.speaker.stale_ms == 0
    assert scene.session.states == AT_REST
    assert not scene.session.speculation.open
