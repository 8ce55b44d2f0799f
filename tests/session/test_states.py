"""The table of states: every cell, and what a trigger without a row does."""

from __future__ import annotations

import itertools

import pytest

from voice.errors import Misuse
from voice.session.states import (
    JOINT,
    TRANSITIONS,
    Consequence,
    Floor,
    Link,
    Reply,
    States,
    Trigger,
    Turn,
    Voice,
    consequence,
    may,
    step,
)

MACHINES = {"link": Link, "floor": Floor, "turn": Turn, "reply": Reply, "voice": Voice}
ALL = [States(*states) for states in itertools.product(Link, Floor, Turn, Reply, Voice)]


def machine_of(trigger: Trigger) -> str:
    kind = type(next(iter(TRANSITIONS[trigger])))
    return next(name for name, machine in MACHINES.items() if machine is kind)


def test_every_trigger_has_rows_of_one_machine() -> None:
    assert set(TRANSITIONS) == set(Trigger)
    for trigger, rows in TRANSITIONS.items():
        assert len({type(state) for state in [*rows, *rows.values()]}) == 1, trigger


@pytest.mark.parametrize("trigger", list(Trigger), ids=lambda trigger: trigger.value)
def test_a_trigger_moves_its_machine_by_the_table_and_leaves_the_others(trigger: Trigger) -> None:
    machine = machine_of(trigger)
    for states in ALL:
        present = getattr(states, machine)
        if present not in TRANSITIONS[trigger]:
            assert not may(states, trigger)
            with pytest.raises(Misuse):
                step(states, trigger)
            continue
        assert may(states, trigger)
        after = step(states, trigger)
        assert getattr(after, machine) is TRANSITIONS[trigger][present]
        for other in MACHINES.keys() - {machine}:
            assert getattr(after, other) is getattr(states, other)


def test_misuse_names_what_cannot_happen_and_when() -> None:
    with pytest.raises(Misuse, match="'link greeted' cannot happen while link is down"):
        step(States(), Trigger.LINK_GREETED)


def test_every_state_is_reached_and_left() -> None:
    arrows = {(before, after) for rows in TRANSITIONS.values() for before, after in rows.items() if before is not after}
    for state in itertools.chain(*MACHINES.values()):
        assert any(after is state for _, after in arrows), f"nothing leads to {state}"
        assert any(before is state for before, _ in arrows), f"nothing leads away from {state}"


@pytest.mark.parametrize("states", ALL, ids=str)
def test_speech_over_anything_of_the_assistant_interrupts(states: States) -> None:
    talked_over = states.voice is not Voice.QUIET or states.reply in (Reply.ASKED, Reply.STREAMING)
    wanted = states.floor is Floor.SPEAKING and talked_over
    assert (consequence(states) is Consequence.INTERRUPT) is wanted


@pytest.mark.parametrize("states", ALL, ids=str)
def test_the_assistant_may_speak_up_only_when_nothing_else_goes_on(states: States) -> None:
    free = (Link.READY, Floor.SILENT, Reply.NONE, Voice.QUIET)
    present = (states.link, states.floor, states.reply, states.voice)
    assert (consequence(states) is Consequence.SPEAK_UP) is (present == free)


def test_no_joint_rule_is_hidden_by_an_earlier_one() -> None:
    for index, (needed, _) in enumerate(JOINT):
        assert not any(earlier <= needed for earlier, _ in JOINT[:index])
