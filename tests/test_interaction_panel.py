"""The interaction panel: what it draws, what it mixes, and that its scores say what happened."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.interaction import add_options, table
from tests.benchmarks.interaction.clips import HALVES, RATE_HZ, clips, loudness_db, of_half, onset_s, sound
from tests.benchmarks.interaction.hearing import RememberedProbability
from tests.benchmarks.interaction.listening import write_scene
from tests.benchmarks.interaction.microphone import FRAME, Microphone
from tests.benchmarks.interaction.mixing import near, reply
from tests.benchmarks.interaction.outcomes import Outcome, as_line, outcome
from tests.benchmarks.interaction.panel import Task, play, tasks_of
from tests.benchmarks.interaction.policies import POLICIES, SCORED
from tests.benchmarks.interaction.rooms import response, rooms
from tests.benchmarks.interaction.scenes import CONDITIONS, EVENTS, Scene, can_happen, cells, clips_for, scene
from tests.benchmarks.interaction.scores import figures, wilson
from tests.benchmarks.interaction.stage import Happened, Played, Stage, near_of
from tests.benchmarks.interaction.tables import page
from tests.benchmarks.interaction.telephone import telephone_band
from tests.benchmarks.interaction.vocal import cleared_throat, cough
from voice.protocol.settings import Session as Settings
from voice.protocol.traits import EngineTraits
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import SessionConfig

if TYPE_CHECKING:
    from tests.benchmarks.interaction.clips import Samples

CONFIG = SessionConfig("sess", Settings(), EngineTraits("scripted"))
LOUD = 0.1


# What is drawn


@pytest.mark.parametrize("event", EVENTS)
def test_the_same_seed_draws_the_same_scene(event: str) -> None:
    assert scene(event, "snr10", "report", 3, 7) == scene(event, "snr10", "report", 3, 7)
    assert scene(event, "snr10", "report", 3, 7) != scene(event, "snr10", "report", 3, 8)
    assert scene(event, "snr10", "report", 3, 7) != scene(event, "snr10", "report", 4, 7)


def test_nobody_is_in_both_halves() -> None:
    people = {
        half: {name for clip in of_half(half) for name in clip.speaker.split(" + ") if not name.endswith(".wav")}
        for half in HALVES
    }
    assert people["tune"]
    assert people["report"]
    assert not people["tune"] & people["report"]
    assert not set(rooms("tune")) & set(rooms("report"))
    assert len(of_half("tune")) + len(of_half("report")) == len(clips())


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_can_be_reported(event: str) -> None:
    assert can_happen(event, "report")


def test_each_half_has_several_people_for_what_is_judged() -> None:
    for half in HALVES:
        for event in ("interruption", "interruption_word", "backchannel", "side", "pause"):
            assert len({clip.speaker for clip in clips_for(event, half)}) >= 3, (event, half)


def test_a_person_who_murmurs_was_never_tuned_on() -> None:
    assert not clips_for("backchannel_spontaneous", "tune")


def test_those_who_laugh_in_one_half_do_not_in_the_other() -> None:
    laughing = [{clip.speaker for clip in clips_for("laugh", half)} for half in HALVES]
    assert all(len(people) >= 2 for people in laughing)
    assert not laughing[0] & laughing[1]


def test_every_third_cough_is_a_recorded_one() -> None:
    coughs = [scene("cough", "clean", "report", number, 1) for number in range(6)]
    assert [cough.clip is not None for cough in coughs] == [False, True, False] * 2
    for drawn in coughs:
        heard = near(drawn, drawn.over_s)[int(drawn.begins_s * RATE_HZ) : int(drawn.ends_s * RATE_HZ)]
        assert 20 * math.log10(abs(heard).max()) == pytest.approx(drawn.event_db, abs=0.5)


def test_a_cell_in_which_nobody_can_do_anything_is_not_played() -> None:
    options = _options("--half", "tune", "--only", "backchannel_spontaneous", "cough")
    assert {task.event for task in tasks_of(options)} == {"cough"}
    assert len(cells()) == len(EVENTS) * len(CONDITIONS) - 1


def test_a_sound_begins_within_reach_of_where_the_detector_found_it() -> None:
    for clip in clips("interruption_word", "backchannel", "command"):
        start = clip.spans_s[0][0]
        assert start - 0.2 <= onset_s(clip) <= start + 0.2


def test_a_hiss_that_a_telephone_does_not_carry_is_no_beginning() -> None:
    (stop,) = (clip for clip in clips("interruption_word") if clip.name == "speech/stop_1f653d27_0.wav")
    assert onset_s(stop, telephone_band) - onset_s(stop) > 0.1


@pytest.mark.parametrize("event", ["interruption", "interruption_word", "backchannel", "laugh", "side"])
def test_everybody_is_heard_as_often_as_everybody_else_with_all_of_their_recordings(event: str) -> None:
    recordings = clips_for(event, "report")
    people = {clip.speaker for clip in recordings}
    drawn = [scene(event, "clean", "report", number, 1).clip for number in range(len(people) * len(recordings))]
    heard = [clip.speaker for clip in drawn if clip is not None]
    assert {heard.count(person) for person in people} == {len(recordings)}
    assert set(drawn) == set(recordings)


def test_every_recording_can_be_played() -> None:
    for event in EVENTS:
        for clip in clips_for(event, "report"):
            assert len(sound(clip.name)) > 0.1 * RATE_HZ


# What is mixed


def test_noise_is_as_far_below_the_voice_as_was_asked() -> None:
    for condition, below_db in (("snr20", 20), ("snr5", 5)):
        drawn = scene("echo", condition, "report", 1, 1)
        track = near(drawn, drawn.over_s)
        quiet = track[int(drawn.reply_at_s * RATE_HZ) :]
        assert loudness_db(quiet) == pytest.approx(drawn.person_db - below_db, abs=3)


def test_an_event_begins_where_the_scene_says() -> None:
    drawn = scene("interruption_word", "clean", "report", 0, 1)
    track = near(drawn, drawn.over_s)
    at = int(drawn.begins_s * RATE_HZ)
    before, after = track[at - RATE_HZ // 2 : at - RATE_HZ // 5], track[at : at + RATE_HZ // 4]
    assert loudness_db(after) > loudness_db(before) + 15


def test_a_loudspeaker_is_heard_as_much_softer_as_its_coupling_and_as_much_later_as_its_path() -> None:
    import numpy as np

    drawn = scene("echo", "loudspeaker", "report", 2, 1)
    assert drawn.coupling_db is not None
    microphone = Microphone(drawn, np.zeros(4 * RATE_HZ, dtype=np.float32))
    voice = reply(drawn)[: 3 * RATE_HZ]
    echo = np.concatenate([_samples(microphone, voice[at : at + FRAME]) for at in range(0, len(voice), FRAME)])
    late = int(drawn.path_ms * RATE_HZ / 1000)
    assert not echo[: late - 1].any()
    assert loudness_db(echo[late:]) - loudness_db(voice) == pytest.approx(drawn.coupling_db, abs=1.5)


def test_a_telephone_loses_two_packets_in_a_hundred() -> None:
    import numpy as np

    drawn = scene("noise", "telephone", "report", 2, 1)
    hiss = np.random.default_rng(1).standard_normal(20 * RATE_HZ).astype(np.float32) * LOUD
    microphone = Microphone(drawn, hiss)
    frames = [microphone.frame(None) for _ in range(999)]
    assert {frame.format.encoding for frame in frames} == {"pcmu"}
    assert {frame.duration_ms for frame in frames} == {20.0}
    assert 5 <= sum(frame.data == b"\xff" * 160 for frame in frames) <= 40


def test_a_room_keeps_the_loudness() -> None:
    for room in (*rooms("tune"), *rooms("report")):
        assert float((response(room) ** 2).sum()) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("make", [cough, cleared_throat])
def test_made_sounds_are_short_and_no_two_alike(make: object) -> None:
    assert callable(make)
    made = [make(seed) for seed in range(6)]
    assert all(0.15 < len(sound) / RATE_HZ < 2.0 for sound in made)
    assert all(abs(float(abs(sound).max()) - 1) < 1e-3 for sound in made)
    assert len({sound.tobytes() for sound in made}) == len(made)
    assert make(3).tobytes() == made[3].tobytes()


# What is scored


def test_wilson_intervals_are_those_of_the_tables() -> None:
    assert wilson(0, 50) == pytest.approx((0.0, 0.0714), abs=1e-3)
    assert wilson(25, 50) == pytest.approx((0.3664, 0.6336), abs=1e-3)
    assert wilson(48, 50) == pytest.approx((0.8654, 0.9890), abs=1e-3)
    assert wilson(0, 0) == (0.0, 1.0)


def test_an_outcome_reads_the_effects() -> None:
    drawn = scene("interruption", "clean", "report", 0, 1)
    done = outcome(drawn, "ours", _played(drawn, (0.1, ef.Duck(-18.0)), (0.4, ef.StopPlayback(1)), silent=0.42))
    assert done.stopped
    assert done.down_ms == done.ducked_ms == pytest.approx(110)
    assert (done.hushes, done.ducks) == (0, 1)
    assert done.stopped_ms == pytest.approx(420)
    assert not done.early


def test_a_stop_before_the_event_is_nobodys_merit() -> None:
    drawn = scene("interruption", "clean", "report", 0, 1)
    done = outcome(drawn, "ours", _played(drawn, (-0.2, ef.StopPlayback(1)), silent=-0.18))
    assert done.early
    assert not done.stopped
    found = figures([done])
    assert (found["yield_rate"], found["stopped_before_anything"]) == (0.0, 1.0)


def test_an_assistant_that_never_began_ignored_nobody() -> None:
    drawn = scene("cough", "snr5", "report", 0, 1)
    played = _played(drawn, silent=0)
    played.replied_at_s.clear()
    assert figures([outcome(drawn, "ours", played)])["selectivity_cough"] == 0.0


def test_a_cough_that_only_ducks_was_ignored() -> None:
    drawn = scene("cough", "clean", "report", 0, 1)
    done = outcome(drawn, "ours", _played(drawn, (0.1, ef.Duck(-18.0)), (0.5, ef.Restore()), silent=1))
    found = figures([done])
    assert found["selectivity_cough"] == 1.0
    assert found["restore_p95_ms"] == pytest.approx(390)
    assert found["cell.cough.clean.selectivity_ducked"] == 1.0


def test_turned_down_is_the_first_step_and_by_how_much_is_told_apart() -> None:
    drawn = scene("interruption", "clean", "report", 0, 1)
    steps = ((0.05, ef.Duck(-9.0)), (0.2, ef.Duck(-18.0)), (0.4, ef.StopPlayback(1)))
    done = outcome(drawn, "ours", _played(drawn, *steps, silent=0.4))
    assert done.down_ms == pytest.approx(60)
    assert done.ducked_ms == pytest.approx(210)
    assert (done.hushes, done.ducks) == (1, 1)
    found = figures([done])
    assert found["duck_p95_ms"] == pytest.approx(60)
    assert found["firm_p95_ms"] == pytest.approx(210)


def test_a_hush_for_a_door_is_told_and_is_no_duck() -> None:
    drawn = scene("noise", "clean", "report", 0, 1)
    done = outcome(drawn, "ours", _played(drawn, (0.1, ef.Duck(-9.0)), (0.4, ef.Restore()), silent=3))
    found = figures([done])
    assert (found["selectivity_noise"], found["selectivity_noise_hushed"], found["selectivity_noise_ducked"]) == (
        1,
        1,
        0,
    )
    assert "| noise that sets in | 1.00 | .00 |" in page(found, "report", 1)
    assert done.restored_ms == pytest.approx(400)
    assert found["restore_p95_ms"] == 0.0, "it was not turned down much"


def test_a_reply_in_a_pause_is_an_interruption_by_the_assistant() -> None:
    drawn = scene("pause", "clean", "report", 0, 1)
    length_s = drawn.ends_s - drawn.begins_s
    cut_in, patient = _played(drawn, silent=0, replied=length_s - 0.3), _played(drawn, silent=0, replied=length_s + 0.8)
    found = figures([outcome(drawn, "ours", cut_in), outcome(drawn, "ours", patient)])
    assert found["agent_interrupts_rate"] == 0.5
    assert found["response_p50_ms"] == pytest.approx(800)


def test_the_figures_that_others_rely_on_are_there() -> None:
    done = [outcome(drawn, policy, _played(drawn, silent=0)) for drawn in _one_of_each() for policy in SCORED]
    stopped = [
        outcome(drawn, policy, _played(drawn, (0.3, ef.StopPlayback(1)), silent=0.3))
        for drawn in _one_of_each()
        for policy in SCORED
    ]
    found = figures([*done, *stopped])
    for key in ("yield_rate", "agent_interrupts_rate", "duck_p95_ms", "stop_p95_ms", "self_interruptions"):
        assert key in found
        assert f"at_once.{key}" in found
    for name in ("backchannel", "backchannel_spontaneous", "cough", "side", "echo", "noise"):
        assert found[f"selectivity_{name}"] == 0.5
        assert found[f"selectivity_{name}_low"] < 0.5 < found[f"selectivity_{name}_high"]
    assert found["cell.side.clean.selectivity"] == 0.5
    assert found["cell.interruption.clean.yield_rate"] == 0.5
    assert any("yields" in label for label, _ in table(found))
    text = page(found, "report", 1)
    assert "| ours | with words | at once |" in text
    assert f"| {_one_of('interruption').speaker} | with words | .50 " in text
    assert "synthetic" in text
    assert "2 events in a cell" in text


# What is played


def test_a_remembered_answer_is_the_one_that_the_detector_would_give() -> None:
    fresh, memo = _CountingDetector(), dict[int, float]()
    first = RememberedProbability(memo, _CountingDetector)
    second = RememberedProbability(memo, _CountingDetector)
    for step, window in enumerate((b"a", b"b", b"", b"b", b"b")):
        if not window:
            for detector in (fresh, first, second):
                detector.reset()
            continue
        expected = fresh.feed(window)
        assert first.feed(window) == expected
        other = b"x" if step == 3 else window  # from here on it hears something else
        assert (second.feed(other) == expected) is (step < 3)


@pytest.mark.speech
def test_someone_who_interrupts_is_yielded_to() -> None:
    ours, at_once = _by_policy("interruption", "clean")
    assert ours.stopped
    assert at_once.stopped
    assert ours.ducked_ms is not None
    assert at_once.stopped_ms is not None
    assert 0 <= ours.ducked_ms < 300
    assert 0 <= at_once.stopped_ms < 500
    assert ours.features


@pytest.mark.speech
def test_the_embedded_recogniser_is_heard_where_it_takes_part() -> None:
    task = Task("interruption", "clean", "report", (0,), 1, ("ours", "recognising"))
    ours, recognising = play(task)
    assert ours.words == ()
    assert recognising.words
    assert recognising.stopped


@pytest.mark.speech
def test_the_same_scene_plays_the_same_twice(tmp_path: Path) -> None:
    once, again = _by_policy("side", "telephone"), _by_policy("side", "telephone")
    assert [json.dumps(as_line(result)) for result in once] == [json.dumps(as_line(result)) for result in again]


@pytest.mark.speech
def test_a_scene_can_be_listened_to_and_looked_at(tmp_path: Path) -> None:
    drawn = scene("backchannel", "loudspeaker", "report", 0, 1)
    played = Stage(drawn, POLICIES["at_once"](), {}, near_of(drawn)).play(keep_sound=True, to_the_end=True)
    write_scene(tmp_path / "scene", played)
    assert (tmp_path / "scene.svg").read_text(encoding="utf-8").startswith("<svg")
    assert (tmp_path / "scene.wav").stat().st_size > (drawn.over_s - drawn.reply_at_s) * RATE_HZ * 4


# Helpers


class _CountingDetector:
    """Answers by all it has heard since it was reset."""

    rate_hz = 16_000
    window_samples = 512

    def __init__(self) -> None:
        self._heard = b""

    def feed(self, window: bytes) -> float:
        self._heard += window
        return float(int.from_bytes(self._heard, "big") / 256 ** len(self._heard))

    def reset(self) -> None:
        self._heard = b""


def _options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(arguments)


def _samples(microphone: Microphone, loudspeaker: Samples) -> Samples:
    import numpy as np

    return np.frombuffer(microphone.frame(loudspeaker).data, dtype="<i2").astype(np.float32) / np.float32(32768)


def _played(drawn: Scene, *effects: tuple[float, ef.Effect], silent: float, replied: float | None = None) -> Played:
    """A scene as it might have been; times from the event's beginning."""
    log = [Happened(drawn.begins_s + at, ev.Tick(), [effect]) for at, effect in effects]
    replied_at_s = drawn.reply_at_s if replied is None else drawn.begins_s + replied
    return Played(CONFIG, log, drawn.begins_s + silent, [replied_at_s])


def _one_of_each() -> Iterator[Scene]:
    return map(_one_of, EVENTS)


def _one_of(event: str) -> Scene:
    return scene(event, "clean", "report", 0, 1)


def _by_policy(event: str, condition: str) -> tuple[Outcome, Outcome]:
    done = {result.policy: result for result in play(Task(event, condition, "report", (0,), 1, ("ours", "at_once")))}
    return done["ours"], done["at_once"]
