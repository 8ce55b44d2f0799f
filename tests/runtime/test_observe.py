"""What the service tells about itself, and what it must not tell."""

from __future__ import annotations

import logging

import pytest

from tests.session.stage import Stage
from tests.session.test_floor import RULES
from tests.world.engine import Plan
from tests.world.room import Room
from voice.protocol.codec import Unknown
from voice.runtime.metrics import HISTOGRAMS, LATENCY_BUCKETS_S, ROWS_PER_NAME, Histogram, Metrics
from voice.runtime.observe import Observer
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.approvals import ApprovalRules
from voice.session.rules import TurnRules


class Load:
    active = 3
    started = 7
    refused = 2


def observed(room: Room) -> Metrics:
    metrics = Metrics(Load())
    observer = Observer(metrics, "sess_room")
    for line in room.log:
        observer.watch(line.at, line.event, line.effects)
    return metrics


def total(metrics: Metrics, name: str) -> float:
    return sum(value for (key, _), value in metrics.counts.items() if key == name)


def test_turns_interruptions_tools_and_losses_are_counted() -> None:
    room = Room(
        tools=("clock",),
        plan=lambda n: Plan(calls=(("c", "clock", "{}"),), items=0) if n == 0 else Plan(sound_ms=4_000),
    )
    room.user_speaks(at=1.0, seconds=0.5)
    room.user_speaks(at=3.5, seconds=0.5)
    room.engine_drops(at=20.0)
    room.happens(25.0, ev.HungUp("bye"))
    room.run(until=26.0)
    metrics = observed(room)
    assert total(metrics, "turns") == 2
    assert total(metrics, "barge_ins") == 1
    assert metrics.counts["tool_calls", (("ok", "true"), ("tool", "clock"))] == 1
    assert total(metrics, "reconnects") == 1
    assert sum(metrics.histograms["reply_latency_seconds"].counts) == 2
    assert sum(metrics.histograms["session_seconds"].counts) == 1
    assert metrics.histograms["session_seconds"].sum == pytest.approx(25.0)


def test_the_exposition_says_what_each_figure_means() -> None:
    metrics = Metrics(Load())
    metrics.count("barge_ins", why="speech")
    metrics.count("barge_ins", why="dtmf")
    metrics.measure("reply_latency_seconds", 0.4)
    metrics.measure("reply_latency_seconds", None)
    text = metrics.render()
    assert "voice_sessions_active 3.0" in text
    assert "voice_sessions_total 7.0" in text
    assert "voice_sessions_refused_total 2.0" in text
    assert 'voice_barge_ins_total{why="speech"} 1.0' in text
    assert 'voice_reply_latency_seconds_bucket{le="0.5"} 1.0' in text
    assert "voice_reply_latency_seconds_count 1.0" in text
    assert "# HELP voice_barge_ins_total Times the assistant was interrupted, by cause." in text


def test_each_step_of_turns_and_interruptions_is_measured() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=8_000), floor=RULES, turns=TurnRules(mode="local", speculate_ms=250.0))
    room.person_sounds(at=1.0, ms=800)
    room.person_sounds(at=4.0, ms=280)
    room.person_sounds(at=6.0, ms=1_200)
    room.happens(20.0, ev.HungUp("bye"))
    room.run(until=21.0)
    metrics = observed(room)
    counted = {name: sum(histogram.counts) for name, histogram in metrics.histograms.items()}
    assert counted["turn_decision_seconds"] == counted["first_delta_seconds"] == counted["reply_latency_seconds"] == 2
    assert counted["duck_seconds"] == counted["confirm_seconds"] == 2
    assert counted["stop_seconds"] == 1
    assert counted["talk_ratio"] == counted["longest_monologue_seconds"] == counted["dead_air_seconds"] == 1
    assert metrics.histograms["duck_seconds"].sum / 2 == pytest.approx(0.06, abs=0.001)
    assert metrics.counts["speculations", (("outcome", "kept"),)] == 2
    assert total(metrics, "restored") == 1


def test_how_exact_a_cut_was_is_measured() -> None:
    metrics = Metrics(Load())
    Observer(metrics, "s").watch(9.0, ev.Tick(), [ef.Note("cut_measured", {"truncation_error_ms": -15.0})])
    assert metrics.histograms["truncation_error_seconds"].sum == pytest.approx(0.015)


def test_a_retracted_speculation_is_counted() -> None:
    room = Room(floor=RULES, turns=TurnRules(mode="local", speculate_ms=250.0))
    room.person_sounds(at=1.0, ms=800)
    room.person_sounds(at=2.2, ms=800)
    room.run(until=8.0)
    assert observed(room).counts["speculations", (("outcome", "retracted"),)] == 1


def test_every_histogram_says_what_it_means() -> None:
    text = Metrics(Load()).render()
    for name, (_, meaning) in HISTOGRAMS.items():
        assert f"# HELP voice_{name} {meaning}" in text


@pytest.mark.parametrize(("value", "bucket"), [(0.05, 0), (0.1, 0), (0.11, 1), (10.0, 10), (99.0, 11)])
def test_a_value_falls_into_its_bucket(value: float, bucket: int) -> None:
    histogram = Histogram(LATENCY_BUCKETS_S)
    histogram.add(value)
    assert histogram.counts.index(1) == bucket
    assert histogram.cumulative()[-1] == ("+Inf", 1.0)


def test_labels_that_a_model_invents_do_not_grow_without_end() -> None:
    metrics = Metrics(Load())
    for number in range(10 * ROWS_PER_NAME):
        metrics.count("tool_calls", tool=f"made_up_{number}", ok="false")
    assert len(metrics.counts) == ROWS_PER_NAME + 1
    assert metrics.counts["tool_calls", (("ok", "other"), ("tool", "other"))] == 9 * ROWS_PER_NAME
    metrics.count("tool_calls", tool="made_up_0", ok="false")
    assert metrics.counts["tool_calls", (("ok", "false"), ("tool", "made_up_0"))] == 2


def test_what_people_said_is_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(tools=("clock",))
    observer = Observer(Metrics(Load()), "sess_stage")
    with caplog.at_level(logging.INFO):
        stage.say(ev.Typed("my secret"))
        stage.say(ev.Say("your secret"))
        stage.say(ev.ToolProgress("c", "their secret"))
        stage.say(ev.EngineSaid(Unknown("a", {"type": "a", "x": "hidden secret"}, "unknown type")))
        stage.say(ev.HungUp("a secret reason"))
        for now, event, effects in stage.said:
            observer.watch(now, event, effects)
    assert caplog.records
    for record in caplog.records:
        assert "secret" not in str(record.__dict__)
        assert record.message == "note", "static, with values as attributes"
    kinds = [getattr(record, "note", "") for record in caplog.records]
    assert {"link", "tool_progress", "unknown_event", "ended"} <= set(kinds)


def test_costs_are_summed_at_the_end() -> None:
    metrics = Metrics(Load())
    observer = Observer(metrics, "s")
    observer.watch(9.0, ev.HungUp("bye"), [ef.Note("ended", {"reason": "bye", "code": 1000, "cost_usd": 0.25})])
    assert total(metrics, "cost_usd") == 0.25


def test_what_nobody_allowed_is_counted_by_its_reason() -> None:
    plan = lambda n: Plan(calls=(("c", "wipe", "{}"),), items=0) if n == 0 else Plan(sound_ms=400)  # noqa: E731
    room = Room(tools=("wipe",), plan=plan, approvals=ApprovalRules(verdicts={"wipe": "ask"}))
    room.user_speaks(at=0.5, seconds=0.5)
    metrics = observed(room.run(until=3.0))
    assert metrics.counts["approvals", (("outcome", "nobody_to_ask"), ("tool", "wipe"))] == 1
