"""The engine counts ms of sound; the picture wants to know when that sound was spoken."""

from __future__ import annotations

from random import Random

import pytest

from voice.protocol.input_clock import InputClock

SERVER_VAD = {"audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 500}}}}


def spoken(seconds: float, *, since_s: float = 10.0) -> InputClock:
    clock = InputClock()
    for index in range(round(seconds * 50)):
        clock.sent(since_s + (index + 1) * 0.02, 20.0)
    return clock


def test_speech_began_before_it_was_noticed() -> None:
    assert spoken(3.0).began(12.0, 1_700) == pytest.approx(11.7)


def test_the_first_word_began_after_the_padding_that_the_engine_keeps() -> None:
    clock = spoken(3.0)
    detection = {"type": "server_vad", "silence_duration_ms": 500, "prefix_padding_ms": 300}
    clock.configured({"audio": {"input": {"turn_detection": detection}}})
    assert clock.began(12.0, 1_400) == pytest.approx(11.7)
    assert clock.began(12.0, 1_950) == 12.0


def test_the_last_word_ended_before_the_silence_that_the_engine_waits_for() -> None:
    clock = spoken(3.0)
    clock.configured(SERVER_VAD)
    assert clock.ended(13.0, 2_900) == pytest.approx(12.4)
    assert clock.ended(13.0, None) == pytest.approx(12.5)  # nobody counted: the silence was before now


@pytest.mark.parametrize("detection", [None, {"type": "semantic_vad"}, {"type": "server_vad"}, "odd"])
def test_without_a_fixed_silence_the_end_is_where_the_engine_says(detection: object) -> None:
    clock = spoken(3.0)
    clock.configured({"audio": {"input": {"turn_detection": detection}}})
    assert clock.ended(13.0, 2_900) == pytest.approx(12.9)


@pytest.mark.parametrize("position", [None, "x", 90_000, -100_000])
def test_a_count_that_is_not_ours_means_now(position: object) -> None:
    assert spoken(3.0).began(12.0, position) == 12.0


def test_a_new_connection_counts_anew() -> None:
    clock = spoken(3.0)
    clock.restart()
    for index in range(50):
        clock.sent(20.0 + (index + 1) * 0.02, 20.0)
    assert clock.began(21.0, 500) == pytest.approx(20.5)


def test_an_hour_of_sound_is_not_kept() -> None:
    clock = spoken(3600.0)
    assert len(clock._moments_s) <= 8192
    assert clock.began(3610.0, 3_599_000) == pytest.approx(3609.0)


def test_an_hour_of_even_sound_is_remembered_in_next_to_nothing() -> None:
    clock = InputClock()
    for index in range(180_000):
        clock.sent(index * 0.02, 20.0)
    assert len(clock._moments_s) < 10
    assert clock.ended(3_600.0, 3_599_000) == pytest.approx(3_598.98, abs=0.001)


def test_uneven_sound_is_remembered_for_a_minute_and_mapped_as_it_came() -> None:
    clock, random = InputClock(), Random(1)
    came: list[float] = []
    for index in range(20_000):
        came.append(max(index * 0.02 + random.random() * 0.2, came[-1] if came else 0.0))
        clock.sent(came[-1], 20.0)
    assert len(clock._moments_s) < 4_100
    for index in (19_990, 19_000, 18_000):
        assert clock.ended(came[-1], (index + 1) * 20) == pytest.approx(came[index], abs=0.03)


def test_a_burst_after_a_gap_keeps_its_time() -> None:
    clock = spoken(1.0, since_s=0.0)
    for _ in range(50):
        clock.sent(3.0, 20.0)
    assert clock.ended(3.1, 1_000) == pytest.approx(1.0)
    assert clock.ended(3.1, 2_000) == pytest.approx(3.0, abs=0.02)
