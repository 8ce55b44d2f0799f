"""A conversation in figures."""

from __future__ import annotations

import json

import pytest

from tests.session.test_floor import RULES
from tests.world.engine import Plan
from tests.world.room import Room
from voice.runtime.report import Reporter
from voice.session.events import HungUp


def reported(room: Room) -> Reporter:
    reporter = Reporter()
    for line in room.log:
        reporter.watch(line.at, line.event, line.effects)
    return reporter


def test_who_spoke_how_long_and_how_long_nobody_did() -> None:
    room = Room()
    room.user_speaks(at=2.0, seconds=1.0)
    room.happens(10.0, HungUp("bye"))
    room.run(until=11.0)
    report = reported(room).report
    assert report.person_s == pytest.approx(1.0, abs=0.03)
    assert report.assistant_s == pytest.approx(2.0, abs=0.1)
    assert report.longest_dead_air_s == pytest.approx(4.9, abs=0.2)
    assert report.talk_ratio == pytest.approx(0.66, abs=0.02)
    (turn,) = report.turns
    assert turn.first_delta_ms == pytest.approx(100, abs=1)


def test_an_acknowledgement_and_an_interruption_are_told_apart() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=8_000), floor=RULES)
    room.user_speaks(at=1.0, seconds=0.5)
    room.person_sounds(at=3.0, ms=280)
    room.person_sounds(at=5.0, ms=1_200)
    room.run(until=8.0)
    report = reported(room).report
    assert [cut.yielded for cut in report.interruptions] == [False, True]
    assert report.restored == 1
    assert report.assistant_interrupted == 1
    assert report.interruptions[1].confirmed_ms == pytest.approx(420, abs=140)
    assert report.interruptions[1].heard_ms is not None
    assert json.dumps(report_values := reported(room).report.as_values())
    assert report_values["both_s"] > 0.3
