"""Sound over a bad network: what is lost is filled, and nothing is later for it."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("aiortc")

from tests.transports.webrtc.browser import Weather
from tests.transports.webrtc.calls import Call, call
from tests.transports.webrtc.sounds import found, sweeps

SECONDS = 3.0
SAID = sweeps(11, SECONDS, 48_000)


def delays_ms(ended: Call) -> list[float]:
    """For each piece of sound that came, how long after its microphone frame: the first one's sound is at 0."""
    spoken, ears = ended.browser.microphone.spoken_at_s, ended.ears
    out, position_ms = [], 0.0
    for frame, came_s in zip(ears.frames, ears.came_at_s, strict=True):
        number = int(position_ms // 20)
        if number < len(spoken):
            out.append((came_s - spoken[number]) * 1000)
        position_ms += frame.duration_ms
    return out


def spoken_in(weather: Weather, seconds: float = SECONDS) -> Call:
    async def speak(scene: Call) -> None:
        scene.browser.send_in(weather)
        begun = len(scene.ears.frames)
        await asyncio.sleep(seconds + 0.3)
        assert len(scene.ears.frames) > begun

    return call(speak, SAID, virtual=True)


@pytest.mark.parametrize("weather", [Weather(loss=0.05), Weather(loss=0.1, seed=3)], ids=["5 %", "10 %"])
def test_with_losses_the_sound_stays_whole_and_recognisable(weather: Weather) -> None:
    ended = spoken_in(weather)
    counters = ended.transport.counters
    assert weather.dropped >= 4
    assert counters.lost == pytest.approx(weather.dropped, abs=2)
    assert counters.concealed_ms == pytest.approx(20 * counters.lost, abs=1)
    match, _ = found(ended.ears.heard, SAID[24_000:120_000:2])
    assert match > 0.75


def test_a_lost_packet_costs_no_time_afterwards() -> None:
    ended = spoken_in(Weather(drop=frozenset({30, 60, 61, 62})))
    assert ended.transport.counters.lost == 4
    late = delays_ms(ended)
    before, after = np.median(late[10:25]), np.median(late[80:])
    assert after - before < 5


def test_there_is_no_hole_where_a_packet_was_lost() -> None:
    tone = (8_000 * np.sin(2 * np.pi * 300 * np.arange(int(48_000 * SECONDS)) / 48_000)).astype(np.int16)

    async def speak(scene: Call) -> None:
        scene.browser.send_in(Weather(drop=frozenset({40, 70})))
        await asyncio.sleep(SECONDS)

    ended = call(speak, tone, virtual=True)
    assert ended.transport.counters.lost == 2
    heard = ended.ears.heard[4_800 : int(24_000 * (SECONDS - 0.4))].astype(np.float64)
    levels = np.sqrt(np.mean(heard[: len(heard) // 240 * 240].reshape(-1, 240) ** 2, axis=1))
    assert levels.min() > 0.25 * np.median(levels), "10 ms of next to nothing"


def test_uneven_arrival_and_overtaking_lose_nothing() -> None:
    ended = spoken_in(Weather(jitter_ms=50, seed=5))
    counters = ended.transport.counters
    assert counters.lost <= 4, "before anything is known of the jitter"
    match, _ = found(ended.ears.heard, SAID[24_000:120_000:2])
    assert match > 0.85


def test_frames_follow_each_other_as_the_sound_does() -> None:
    ended = spoken_in(Weather(loss=0.05, jitter_ms=20, seed=8))
    total_ms = sum(frame.duration_ms for frame in ended.ears.frames)
    spoken_ms = 20 * len(ended.browser.microphone.spoken_at_s)
    assert total_ms == pytest.approx(spoken_ms, abs=150)
    assert all(first <= second for first, second in pairwise(ended.ears.came_at_s))
