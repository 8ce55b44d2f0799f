from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voice.audio.frames import PCM_16K, PCM_24K, PCMU_8K, AudioFrame
from voice.transports.loudspeaker import VirtualLoudspeaker


def tone(ms: float, value: int = 1) -> bytes:
    return value.to_bytes(2, "little") * (PCM_24K.size_bytes(ms) // 2)


def test_sound_is_heard_at_the_pace_of_the_clock() -> None:
    loudspeaker = VirtualLoudspeaker(PCM_24K)
    loudspeaker.play(AudioFrame(PCM_24K, tone(1000)), now_ms=0)
    assert loudspeaker.advance(250) == 250
    assert loudspeaker.position_ms == 250
    assert loudspeaker.queued_ms == 750
    assert loudspeaker.sounding


def test_a_pause_between_two_frames_is_silence_in_the_recording() -> None:
    loudspeaker = VirtualLoudspeaker(PCM_24K)
    loudspeaker.play(AudioFrame(PCM_24K, tone(100, 1)), now_ms=50)
    loudspeaker.play(AudioFrame(PCM_24K, tone(100, 2)), now_ms=400)
    loudspeaker.advance(1000)
    assert loudspeaker.recording() == tone(50, 0) + tone(100, 1) + tone(250, 0) + tone(100, 2)
    assert loudspeaker.position_ms == 200


def test_what_is_stopped_was_never_heard() -> None:
    loudspeaker = VirtualLoudspeaker(PCM_24K)
    loudspeaker.play(AudioFrame(PCM_24K, tone(1000, 1)), now_ms=0)
    loudspeaker.stop(epoch=1, now_ms=300)
    loudspeaker.play(AudioFrame(PCM_24K, tone(100, 2)), now_ms=500)
    loudspeaker.advance(2000)
    assert loudspeaker.epoch == 1
    assert loudspeaker.position_ms == 100
    assert loudspeaker.recording() == tone(300, 1) + tone(200, 0) + tone(100, 2)


def test_time_does_not_run_backwards() -> None:
    loudspeaker = VirtualLoudspeaker(PCM_24K)
    loudspeaker.play(AudioFrame(PCM_24K, tone(100)), now_ms=100)
    loudspeaker.advance(150)
    assert loudspeaker.advance(120) == 0
    assert loudspeaker.position_ms == 50


def test_silence_in_g711_is_written_in_g711() -> None:
    loudspeaker = VirtualLoudspeaker(PCMU_8K)
    loudspeaker.play(AudioFrame(PCMU_8K, b"\x10" * 8), now_ms=1)
    loudspeaker.advance(10)
    assert loudspeaker.recording() == b"\xff" * 8 + b"\x10" * 8


@given(st.lists(st.floats(0.01, 90), max_size=60), st.lists(st.integers(1, 4000), max_size=20))
def test_however_often_it_is_asked_it_does_not_drift(steps: list[float], sizes: list[int]) -> None:
    one, many = VirtualLoudspeaker(PCM_16K), VirtualLoudspeaker(PCM_16K)
    for size in sizes:
        for loudspeaker in (one, many):
            loudspeaker.play(AudioFrame(PCM_16K, bytes(2 * size)), now_ms=0)
    now_ms = 0.0
    for step in steps:
        now_ms += step
        many.advance(now_ms)
    one.advance(now_ms)
    assert one.position_ms == many.position_ms
    assert one.recording() == many.recording()
