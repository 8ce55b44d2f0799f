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


def level(ms: float, value: int) -> bytes:
    return value.to_bytes(2, "little", signed=True) * (PCM_24K.size_bytes(ms) // 2)


def samples(pcm: bytes) -> list[int]:
    return [int.from_bytes(pcm[at : at + 2], "little", signed=True) for at in range(0, len(pcm), 2)]


def test_a_duck_turns_down_what_sounds_from_that_sample_on() -> None:
    loudspeaker = VirtualLoudspeaker(PCM_24K)
    loudspeaker.play(AudioFrame(PCM_24K, level(1000, 10_000)), now_ms=0)
    loudspeaker.duck(-20, now_ms=300)
    loudspeaker.restore(now_ms=600)
    loudspeaker.advance(1000)
    heard = samples(loudspeaker.recording())
    assert len(heard) == 24_000, "nothing is skipped and nothing is said twice"
    assert set(heard[: 300 * 24 + 1]) == {10_000}
    assert set(heard[310 * 24 : 600 * 24 + 1]) == {1_000}
    assert set(heard[650 * 24 :]) == {10_000}
    assert heard[300 * 24 : 310 * 24] == sorted(heard[300 * 24 : 310 * 24], reverse=True)
    assert heard[600 * 24 : 650 * 24] == sorted(heard[600 * 24 : 650 * 24])
    assert loudspeaker.position_ms == 1000
    for ms in (0, 299, 305, 400, 620, 900):
        assert heard[ms * 24] == round(10_000 * loudspeaker.level_at(ms))


def test_a_stop_ends_a_duck() -> None:
    loudspeaker = VirtualLoudspeaker(PCM_24K)
    loudspeaker.play(AudioFrame(PCM_24K, level(1000, 10_000)), now_ms=0)
    loudspeaker.duck(-20, now_ms=100)
    loudspeaker.stop(epoch=1, now_ms=200)
    loudspeaker.play(AudioFrame(PCM_24K, level(100, 10_000)), now_ms=200)
    loudspeaker.advance(1000)
    assert set(samples(loudspeaker.recording())[200 * 24 :]) == {10_000}
    assert loudspeaker.level_at(150) < 0.11
    assert loudspeaker.level_at(250) == 1


def test_what_a_device_holds_is_heard_after_a_stop_and_counts_for_its_own_epoch() -> None:
    loudspeaker = VirtualLoudspeaker(PCM_24K, held_ms=60)
    loudspeaker.play(AudioFrame(PCM_24K, tone(1000, 1)), now_ms=0)
    loudspeaker.stop(epoch=1, now_ms=300)
    loudspeaker.play(AudioFrame(PCM_24K, tone(100, 2)), now_ms=300)
    loudspeaker.stop(epoch=2, now_ms=350)
    loudspeaker.play(AudioFrame(PCM_24K, tone(100, 3)), now_ms=350)
    loudspeaker.advance(1000)
    assert loudspeaker.recording() == tone(360, 1) + tone(50, 2) + tone(100, 3)
    assert [loudspeaker.position_of_ms(epoch) for epoch in (0, 1, 2)] == [360, 50, 100]


acts = st.lists(
    st.tuples(st.sampled_from(["play", "duck", "deeper", "restore", "stop", "wait"]), st.integers(1, 300)), max_size=30
)


@given(acts, st.sampled_from([0.0, 35.0]))
def test_whatever_the_order_all_that_was_heard_is_counted_once(acts: list[tuple[str, int]], held_ms: float) -> None:
    """Of every epoch a beginning is heard, and the recording is those beginnings one behind the other."""
    loudspeaker = VirtualLoudspeaker(PCM_16K, held_ms=held_ms)
    now_ms, epoch, plain = 0.0, 0, VirtualLoudspeaker(PCM_16K, held_ms=held_ms)
    for act, ms in acts:
        for speaker in (loudspeaker, plain):
            if act == "play":
                speaker.play(AudioFrame(PCM_16K, b"\x10\x27" * ms * 16), now_ms)
            elif act == "stop":
                speaker.stop(epoch + 1, now_ms)
        if act == "stop":
            epoch += 1
        elif act in ("duck", "deeper"):
            loudspeaker.duck(-12 if act == "duck" else -30, now_ms)
        elif act == "restore":
            loudspeaker.restore(now_ms)
        now_ms += ms
    for speaker in (loudspeaker, plain):
        speaker.advance(now_ms + 20_000)
    sounded = [sample for sample in samples(plain.recording()) if sample]
    assert [loudspeaker.position_of_ms(of) for of in range(epoch + 1)] == [
        plain.position_of_ms(of) for of in range(epoch + 1)
    ]
    assert sum(plain.position_of_ms(of) for of in range(epoch + 1)) * 16 == len(sounded)
    assert [bool(sample) for sample in samples(loudspeaker.recording())] == [
        bool(sample) for sample in samples(plain.recording())
    ]
