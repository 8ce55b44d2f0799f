"""Sound is queued in bursts and heard in real time; the reports of the far end say when."""

from __future__ import annotations

from itertools import pairwise

import pytest

from voice.timeline.playout import Epoch


def burst(epoch: Epoch, at_s: float, pieces: int, item_id: str = "item") -> None:
    for index in range(pieces):
        epoch.queue(at_s + index * 0.001, item_id, 100.0, 0.5)


def test_sound_without_reports_is_heard_in_real_time_from_when_it_came() -> None:
    epoch = Epoch()
    burst(epoch, 1.0, 5)
    spans = [(round(s.start_s, 3), round(s.end_s, 3), s.heard) for _, s in epoch.sounds(10.0)]
    assert spans == [(1.0, 1.1, True), (1.1, 1.2, True), (1.2, 1.3, True), (1.3, 1.4, True), (1.4, 1.5, True)]


def test_the_first_report_tells_how_long_the_device_took() -> None:
    epoch = Epoch()
    burst(epoch, 1.0, 5)
    epoch.report(1.18, 100.0)  # 80 ms late
    epoch.report(1.58, 500.0)
    assert epoch.time_of(0.0) == pytest.approx(1.08)
    assert epoch.time_of(499.9) == pytest.approx(1.58, abs=0.001)


def test_a_pause_between_two_replies_stays_a_pause() -> None:
    epoch = Epoch()
    burst(epoch, 1.0, 2, "first")
    epoch.report(1.2, 200.0)
    burst(epoch, 4.0, 2, "second")
    epoch.report(4.2, 400.0)
    starts = {chunk.item_id: sound.start_s for chunk, sound in reversed(epoch.sounds(10.0))}
    ends = {chunk.item_id: sound.end_s for chunk, sound in epoch.sounds(10.0)}
    assert starts == pytest.approx({"first": 1.0, "second": 4.0})
    assert ends == pytest.approx({"first": 1.2, "second": 4.2})


def test_a_stop_leaves_the_rest_unheard_where_it_would_have_been() -> None:
    epoch = Epoch()
    burst(epoch, 1.0, 10)
    epoch.report(1.3, 300.0)
    epoch.stop(1.35, 350.0)
    heard = [sound for _, sound in epoch.sounds(10.0) if sound.heard]
    unheard = [sound for _, sound in epoch.sounds(10.0) if not sound.heard]
    assert heard[-1].end_s == pytest.approx(1.35)
    assert [unheard[0].start_s, unheard[-1].end_s] == pytest.approx([1.35, 2.0])


def test_a_stop_without_a_position_counts_on_from_the_last_report() -> None:
    epoch = Epoch()
    burst(epoch, 1.0, 10)
    epoch.report(1.3, 300.0)
    epoch.stop(1.42, None)
    assert epoch.heard_ms(10.0) == pytest.approx(420.0)


def test_a_conversation_played_faster_than_life_keeps_its_order() -> None:
    epoch = Epoch()
    burst(epoch, 1.0, 10)
    for step in range(1, 11):
        epoch.report(1.0 + step * 0.01, step * 100.0)
    sounds = [sound for _, sound in epoch.sounds(5.0)]
    assert sounds[-1].end_s == pytest.approx(1.1)
    assert all(a.end_s <= b.start_s + 1e-6 for a, b in pairwise(sounds))


def test_reports_that_go_backwards_or_come_before_any_sound_change_nothing() -> None:
    epoch = Epoch()
    epoch.report(0.5, 100.0)
    assert epoch.heard_ms(1.0) == 0.0
    burst(epoch, 1.0, 4)
    epoch.report(1.3, 300.0)
    epoch.report(1.4, 9_000.0)
    assert epoch.heard_ms(5.0) == pytest.approx(400.0)
