"""A conversation in figures."""

from __future__ import annotations

import json

import pytest

from tests.session.stage import Stage
from tests.session.test_floor import RULES
from tests.world.engine import Plan
from tests.world.room import SILENCE, Room
from voice.runtime.reporter import REMEMBERED, Reporter
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.events import HungUp
from voice.session.rules import TurnRules


def reported(scene: Room | list[tuple[float, ev.Event, list[ef.Effect]]]) -> Reporter:
    reporter = Reporter()
    for now, event, effects in ((x.at, x.event, x.effects) for x in scene.log) if isinstance(scene, Room) else scene:
        reporter.watch(now, event, effects)
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
    room = Room(plan=lambda _: Plan(sound_ms=8_000), floor=RULES, transcribes=False)
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


def test_a_turn_is_timed_from_the_last_word_and_not_from_where_the_engine_noticed_its_end() -> None:
    detection = {"type": "server_vad", "silence_duration_ms": 500}
    stage = Stage(playout="clock")
    stage.hear("session.updated", session={"type": "realtime", "audio": {"input": {"turn_detection": detection}}})
    stage.frames(1.0)
    stage.hear("input_audio_buffer.speech_started", audio_start_ms=1_000, item_id="u")
    stage.frames(1.3)
    stage.hear("input_audio_buffer.speech_stopped", audio_end_ms=2_300, item_id="u")
    stage.commit("u")
    stage.begin()
    stage.now += 0.1
    stage.sound(100)
    report = reported(stage.said).report
    (turn,) = report.turns
    assert (turn.decided_ms, turn.first_delta_ms, turn.first_audible_ms) == (500, 600, 600)
    assert report.person_s == pytest.approx(0.8)


@pytest.mark.parametrize("speculate_ms", [None, 250.0])
def test_a_turn_of_our_own_ear_is_timed_the_same(speculate_ms: float | None) -> None:
    room = Room(floor=RULES, turns=TurnRules(mode="local", speculate_ms=speculate_ms))
    room.person_sounds(at=1.0, ms=800)
    room.run(until=5.0)
    report = reported(room).report
    (turn,) = report.turns
    assert turn.decided_ms == pytest.approx(600, abs=30)
    assert turn.first_delta_ms == pytest.approx(600 if speculate_ms else 700, abs=30)
    assert report.person_s == pytest.approx(0.68, abs=0.05), "from where it was surely the person"
    assert report.speculated == bool(speculate_ms)


def test_the_talk_button_is_timed_by_its_release() -> None:
    room = Room(turns=TurnRules(mode="push_to_talk"))
    room.happens(1.0, ev.PushToTalk(True))
    room.happens(2.0, ev.PushToTalk(False))
    room.run(until=5.0)
    report = reported(room).report
    assert report.turns[0].decided_ms == pytest.approx(200, abs=1)
    assert report.person_s == pytest.approx(1.0, abs=0.01)


def test_the_steps_of_an_interruption() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=8_000), floor=RULES)
    room.user_speaks(at=1.0, seconds=0.5)
    room.person_sounds(at=5.0, ms=1_200)
    room.run(until=8.0)
    (cut,) = reported(room).report.interruptions
    assert cut.ducked_ms == pytest.approx(60, abs=1)
    assert cut.confirmed_ms == cut.stopped_ms == pytest.approx(RULES.yield_ms + 20, abs=45)
    assert cut.received_ms is not None
    assert cut.heard_ms is not None
    assert cut.heard_ms < cut.received_ms


def test_an_interruption_that_nobody_judged_has_its_stop() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=8_000))
    room.user_speaks(at=1.0, seconds=0.5)
    room.user_speaks(at=4.0, seconds=0.5)
    room.run(until=8.0)
    (cut,) = reported(room).report.interruptions
    assert (cut.why, cut.yielded, cut.ducked_ms) == ("speech", True, None)
    assert cut.stopped_ms == pytest.approx(0, abs=25)


def test_what_a_device_plays_on_counts_as_not_yet_silent() -> None:
    reporter = Reporter()
    speech = ev.CallerSpeech("onset", 60, 60, -25, -60, 0.0, 0.9)
    reporter.watch(1.0, ev.Played(0, 900, 1, held_ms=80), [ef.Play("r", "i", 0, 0, SILENCE)])
    reporter.watch(2.06, speech, [ef.Duck(-18), ef.Note("ducked")])
    stop: list[ef.Effect] = [ef.Note("yielded", {"why": "speech"}), ef.StopPlayback(1)]
    reporter.watch(2.4, ev.Tick(), stop)
    (cut,) = reporter.report.interruptions
    assert (cut.ducked_ms, cut.confirmed_ms, cut.stopped_ms) == (60, 400, 480)
    reporter.watch(2.5, ev.Played(0, 1_480, 1), [ef.Note("cut_measured", {"truncation_error_ms": -7.5})])
    assert cut.error_ms == 7.5


def test_turned_down_is_when_it_was_hushed_for_what_became_an_interruption_and_not_for_a_door() -> None:
    reporter = Reporter()
    rise = ev.CallerSpeech("none", 0, 0, -40, -60, 0.0, 0.1, rises=True)
    reporter.watch(1.0, ev.Played(0, 900, 1), [ef.Play("r", "i", 0, 0, SILENCE)])
    reporter.watch(2.0, rise, [ef.Duck(-9), ef.Note("hushed")])
    reporter.watch(2.4, ev.Tick(), [ef.Restore(), ef.Note("unhushed")])
    reporter.watch(5.02, rise, [ef.Duck(-9), ef.Note("hushed")])
    reporter.watch(5.2, ev.CallerSpeech("onset", 200, 200, -25, -60, 0.0, 0.9), [ef.Duck(-18), ef.Note("ducked")])
    stop: list[ef.Effect] = [ef.Note("yielded", {"why": "speech"}), ef.StopPlayback(1)]
    reporter.watch(5.4, ev.Tick(), stop)
    (cut,) = reporter.report.interruptions
    assert (cut.ducked_ms, cut.confirmed_ms) == (20, 400)
    assert reporter.report.restored == 0


def test_whoever_speaks_after_a_hush_for_something_else_found_it_turned_down() -> None:
    reporter = Reporter()
    reporter.watch(1.0, ev.Played(0, 900, 1), [ef.Play("r", "i", 0, 0, SILENCE), ef.Duck(-9), ef.Note("hushed")])
    speech = ev.CallerSpeech("onset", 60, 60, -25, -60, 0.0, 0.9)
    reporter.watch(1.2, speech, [ef.Duck(-18), ef.Note("ducked")])
    reporter.watch(1.4, ev.Tick(), [ef.Note("yielded", {"why": "speech"}), ef.StopPlayback(1)])
    (cut,) = reporter.report.interruptions
    assert cut.ducked_ms == 0.0


def test_somebody_who_writes_is_not_timed_by_what_was_heard_before() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=8_000))
    room.user_speaks(at=1.0, seconds=0.5)
    room.happens(2.5, ev.Typed("stop"))
    room.run(until=4.0)
    (cut,) = reported(room).report.interruptions
    assert (cut.why, cut.stopped_ms) == ("typed", None)


def test_a_long_conversation_is_summed_in_bounded_memory() -> None:
    reporter = Reporter()
    turn = {"speech_stopped_at": 0.0, "committed_at": 0.5}
    for number in range(REMEMBERED + 10):
        reporter.watch(float(number), ev.Tick(), [ef.Note("turn", turn), ef.Note("restored")])
    assert len(reporter.report.turns) == len(reporter.report.interruptions) == REMEMBERED
    assert reporter.report.restored == REMEMBERED + 10
    assert reporter.report.median_ms("decided_ms") == 500
    assert reporter.report.median_ms("ducked_ms") is None
