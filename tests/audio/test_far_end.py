"""What the loudspeaker was given, found again by position."""

from __future__ import annotations

import numpy as np

from voice.audio.far_end import FarEnd
from voice.audio.frames import PCM_16K, PCM_24K, PCMU_8K, AudioFrame


def frame(value: int, ms: int = 20) -> AudioFrame:
    return AudioFrame(PCM_16K, np.full(ms * 16, value, dtype="<i2").tobytes())


def test_frames_given_together_sound_one_after_the_other() -> None:
    far = FarEnd()
    far.play(frame(1), now=1000)
    far.play(frame(2), now=1000)
    heard = far.samples(900, 1000 + 640 + 100)
    assert heard.tolist() == [0] * 100 + [1] * 320 + [2] * 320 + [0] * 100
    assert far.end == 1640


def test_a_frame_given_late_leaves_a_gap() -> None:
    far = FarEnd()
    far.play(frame(1), now=0)
    far.play(frame(2), now=1000)
    assert far.samples(0, 1320).tolist() == [1] * 320 + [0] * 680 + [2] * 320


def test_a_little_jitter_of_the_player_leaves_none() -> None:
    far = FarEnd()
    far.play(frame(1), now=0)
    far.play(frame(2), now=400)  # 5 ms late
    assert far.samples(0, 640).tolist() == [1] * 320 + [2] * 320


def test_what_was_read_can_be_read_again_as_long_as_it_is_near() -> None:
    far = FarEnd()
    for value in range(10):
        far.play(frame(value), now=0)
    assert far.samples(320, 960).tolist() == [1] * 320 + [2] * 320
    assert far.samples(640, 1280).tolist() == [2] * 320 + [3] * 320
    assert far.samples(2880, 3300).tolist() == [9] * 320 + [0] * 100


def test_after_a_stop_the_rest_was_never_played() -> None:
    far = FarEnd()
    for value in (1, 2, 3):
        far.play(frame(value), now=0)
    far.samples(0, 960)
    far.stop(now=320)
    far.play(frame(9), now=640)
    assert far.samples(0, 960).tolist() == [1] * 320 + [0] * 320 + [9] * 320


def test_a_stop_in_the_middle_of_a_frame_that_is_not_opened_yet() -> None:
    far = FarEnd()
    for value in (1, 2, 3):
        far.play(frame(value), now=0)
    far.stop(now=330)
    assert far.end == 330
    assert 3 not in far.samples(0, 960)


def test_only_the_newest_past_and_a_bounded_future_are_kept() -> None:
    far = FarEnd(keep_ms=100, limit_ms=1000)
    for at in range(100):
        far.play(frame(at), now=at * 320)
    assert len(far._frames) <= 7
    for value in range(100):
        far.play(frame(value), now=32_000)
    assert far.dropped >= 50
    assert far._kept <= 1000 * 16


def test_other_formats_are_opened() -> None:
    tone = np.rint(8000 * np.sin(np.arange(4800) * 2 * np.pi * 500 / 24_000)).astype("<i2").tobytes()
    far = FarEnd()
    for at in range(0, len(tone), 960):
        far.play(AudioFrame(PCM_24K, tone[at : at + 960]), now=0)
    far.play(AudioFrame(PCMU_8K, PCMU_8K.silence(40)), now=0)
    heard = far.samples(0, 240 * 16).astype(float)
    assert abs(heard[800:2400]).max() > 7500
    assert abs(heard[3400:]).max() < 200


def test_while_it_is_turned_down_so_is_what_is_read() -> None:
    far = FarEnd()
    far.play(frame(10_000, ms=100), now=0)
    far.duck(-20.0, now=320)
    far.restore(now=960)
    heard = far.samples(0, 1600)
    assert set(heard[:321].tolist()) == {10_000}
    assert set(heard[320 + 160 : 960].tolist()) == {1_000}
    assert set(heard[960 + 800 :].tolist()) <= {10_000}
    assert np.all(np.abs(np.diff(heard.astype(int))) < 200), "a click"
    assert far.samples(640, 1600).tolist() == heard[640:].tolist(), "read again, it is the same"


def test_what_was_opened_before_it_was_turned_down_is_turned_down_too() -> None:
    far = FarEnd()
    far.play(frame(10_000, ms=100), now=0)
    far.samples(0, 320)
    far.duck(-20.0, now=320)
    assert far.samples(320, 1600)[160:].tolist() == [1_000] * 1120


def test_a_stop_ends_a_duck() -> None:
    far = FarEnd()
    far.play(frame(10_000, ms=100), now=0)
    far.duck(-20.0, now=320)
    far.stop(now=640)
    far.play(frame(10_000), now=640)
    assert far.samples(480, 960).tolist() == [1_000] * 160 + [10_000] * 320


def test_of_a_long_reply_that_is_turned_down_again_and_again_little_is_remembered() -> None:
    far = FarEnd(keep_ms=100)
    for number in range(1_000):
        far.duck(-20.0, now=number * 320)
    assert len(far._fades) < 10
