"""What lies in a carrier's queue, told by the clock and by marks."""

from __future__ import annotations

import pytest

from voice.audio.frames import PCMU_8K, AudioFrame
from voice.transports.telephony.queue import (
    KEPT_MS,
    STRANGE_MS,
    CarrierQueue,
    QueuedMark,
    mark_name,
    read_mark_name,
)


def frame(ms: float, code: int = 1) -> AudioFrame:
    return AudioFrame(PCMU_8K, bytes([code]) * PCMU_8K.size_bytes(ms))


def known(trips_ms: list[float]) -> CarrierQueue:
    """A queue of which so many round trips are known, all of its sound played long ago."""
    queue = CarrierQueue(600_000)
    for number, trip_ms in enumerate(trips_ms):
        queue.push(frame(100), now_s=number)
        name = queue.push_mark(QueuedMark(0, number), now_s=number)
        assert queue.mark_returned(name, now_s=number + 0.1 + trip_ms / 1000) == QueuedMark(0, number)
    return queue


@pytest.mark.parametrize("position_ms", [0, 20, 0.1, 123456.789, 1e-9])
@pytest.mark.parametrize("sending", [0, 1, 12])
def test_a_marks_name_says_exactly_what_it_means(position_ms: float, sending: int) -> None:
    assert read_mark_name(mark_name(7, position_ms, sending)) == QueuedMark(7, position_ms)


@pytest.mark.parametrize(
    "name", ["", "a", "1", "1:", ":1", "1:nan", "1:inf", "-1:2", "1:-2", "1:2:", "1:2:x", "1:2:3:4"]
)
def test_a_name_that_is_not_ours_means_nothing(name: str) -> None:
    assert read_mark_name(name) is None


def test_what_is_ahead_is_told_by_the_clock() -> None:
    queue = CarrierQueue(600_000)
    for _ in range(10):
        queue.push(frame(20), now_s=5)
    assert queue.ahead_ms(5) == pytest.approx(200)
    assert queue.ahead_ms(5.15) == pytest.approx(50)
    assert queue.ahead_ms(9) == 0


def test_beyond_its_cap_a_carrier_discards() -> None:
    queue = CarrierQueue(1000)
    assert queue.push(frame(600), 0)
    assert not queue.push(frame(600), 0)
    assert queue.push(frame(600), 0.25)


def test_an_even_wire_is_taken_at_its_word_and_a_strange_one_is_not() -> None:
    even = known([80, 80, 80, 80])
    strange = known([80, 80])
    uneven = known([80, 100, 90, 80])
    for queue in (even, strange, uneven):
        queue.push(frame(1000), now_s=100)
    assert even.unheard_ms(100.4) == pytest.approx(605)
    assert strange.unheard_ms(100.4) == pytest.approx(600 + STRANGE_MS)
    assert uneven.unheard_ms(100.4) == pytest.approx(625)
    assert even.uneven_ms == pytest.approx(0)
    assert strange.uneven_ms == 0
    assert uneven.uneven_ms == pytest.approx(20)


def test_what_is_taken_back_is_cut_at_the_sample_and_keeps_its_order() -> None:
    queue = known([50] * 4)
    sent = [queue.push_mark(QueuedMark(1, 0), 10)]
    for number in range(3):
        queue.push(frame(100, number), 10)
        sent.append(queue.push_mark(QueuedMark(1, 100 * (number + 1)), 10))
    again = queue.take_back(10.155)  # 145 ms left, and 5 to be sure
    assert again == [frame(50, 1), QueuedMark(1, 200), frame(100, 2), QueuedMark(1, 300)]
    assert queue.ahead_ms(10.155) == 0
    assert queue.mark_returned(sent[1], 10.16) == QueuedMark(1, 100), "played before the clear"
    assert queue.mark_returned(sent[2], 10.16) is None, "overtaken by it"
    assert queue.push_mark(QueuedMark(1, 200), 10.2) == "1:200.0:1"
    assert queue.mark_returned("1:200.0:1", 10.3) == QueuedMark(1, 200)
    assert queue.mark_returned("1:200.0:1", 10.3) is None, "once"


def test_a_pause_is_time_too_and_what_was_before_it_is_not_said_again() -> None:
    queue = known([50] * 4)
    queue.push(frame(100, 1), 10)
    queue.push(frame(100, 2), 10.12)
    assert queue.take_back(10.122) == [frame(100, 2)]


def test_after_a_stop_nothing_out_there_has_a_meaning() -> None:
    queue = CarrierQueue(600_000)
    queue.push(frame(100), 0)
    name = queue.push_mark(QueuedMark(0, 100), 0)
    queue.clear()
    assert queue.mark_returned(name, 0.01) is None
    assert queue.take_back(0.01) == []


def test_what_was_played_is_forgotten_and_what_is_kept_is_bounded() -> None:
    live, ahead = CarrierQueue(600_000), CarrierQueue(600_000)
    for number in range(25_000):
        live.push(frame(20), now_s=number * 0.02)
        ahead.push(frame(20), now_s=0)
    assert len(live._entries) * 20 <= 3_000
    assert len(ahead._entries) * 20 <= KEPT_MS + 3_000
    assert ahead.take_back(1) is None, "too far ahead to be sent again"
    again = ahead.take_back(400)
    assert again is not None
    assert len(again) * 20 == pytest.approx(100_000 + STRANGE_MS, abs=20)


def test_marks_that_never_come_back_are_forgotten() -> None:
    queue = CarrierQueue(600_000)
    for number in range(10_000):
        queue.push_mark(QueuedMark(0, number), 0)
    assert len(queue._expected_s) <= 4_000
