"""Where speech starts and stops, to the sample. One window is 512 samples, 32 ms, of 16 kHz."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from voice.audio.vad import SpeechDetector, SpeechRules, SpeechStarted, SpeechStopped

WINDOW = 512
QUIET, MIDDLE, LOUD = 0.1, 0.42, 0.9


def listen(detector: SpeechDetector, *stretches: tuple[int, float]) -> list[SpeechStarted | SpeechStopped]:
    """Windows of one probability after windows of another."""
    edges: list[SpeechStarted | SpeechStopped] = []
    for count, probability in stretches:
        for _ in range(count):
            edge = detector.feed(probability)
            if edge is not None:
                edges.append(edge)
    return edges


def positions(edges: Iterable[SpeechStarted | SpeechStopped]) -> list[tuple[str, int]]:
    return [("start" if isinstance(edge, SpeechStarted) else "stop", edge.at_sample) for edge in edges]


def test_an_utterance_starts_with_its_padding_and_stops_with_its_silence() -> None:
    edges = listen(SpeechDetector(), (20, QUIET), (30, LOUD), (40, QUIET))
    onset, offset = 20 * WINDOW, 50 * WINDOW
    assert edges == [
        SpeechStarted(onset - 4800, onset, onset + 3 * WINDOW, 16_000),
        SpeechStopped(offset + 16 * WINDOW, offset, 16_000),  # 16 windows are the first 500 ms or more
    ]
    assert edges[0].at_ms == 340
    assert edges[1].at_ms == 66 * 32


def test_the_padding_never_reaches_before_the_stream() -> None:
    (edge,) = listen(SpeechDetector(), (2, QUIET), (5, LOUD))
    assert edge.at_sample == 0


def test_the_padding_never_reaches_into_the_utterance_before() -> None:
    rules = SpeechRules(silence_duration_ms=64, prefix_padding_ms=2000)
    edges = listen(SpeechDetector(rules), (10, LOUD), (3, QUIET), (10, LOUD))
    stopped = edges[1].at_sample
    assert positions(edges) == [("start", 0), ("stop", 12 * WINDOW), ("start", stopped)]


def test_a_click_is_not_speech() -> None:
    detector = SpeechDetector()
    assert listen(detector, (10, QUIET), (2, LOUD), (10, QUIET), (2, LOUD), (1, MIDDLE), (2, LOUD)) == []
    assert listen(detector, (1, LOUD)) != []


def test_a_short_pause_does_not_end_an_utterance() -> None:
    edges = listen(SpeechDetector(), (10, LOUD), (15, QUIET), (1, LOUD), (15, QUIET))
    assert [type(edge) for edge in edges] == [SpeechStarted]


def test_between_the_thresholds_nothing_changes() -> None:
    edges = listen(SpeechDetector(), (10, LOUD), (100, MIDDLE))
    assert [type(edge) for edge in edges] == [SpeechStarted]
    edges = listen(SpeechDetector(), (10, LOUD), (8, QUIET), (7, MIDDLE), (1, QUIET))
    assert positions(edges) == [("start", 0), ("stop", 26 * WINDOW)]


def test_settings_change_while_somebody_speaks() -> None:
    detector = SpeechDetector()
    listen(detector, (10, LOUD), (5, QUIET))
    detector.change(silence_duration_ms=160)
    assert positions(listen(detector, (1, QUIET))) == [("stop", 16 * WINDOW)]
    detector.change(threshold=0.95, prefix_padding_ms=0)
    assert listen(detector, (10, LOUD)) == []
    assert positions(listen(detector, (3, 0.97))) == [("start", 26 * WINDOW)]
    assert detector.rules == SpeechRules(threshold=0.95, prefix_padding_ms=0, silence_duration_ms=160)


@pytest.mark.parametrize(("threshold", "release"), [(0.5, 0.35), (0.9, 0.75), (0.2, 0.1)])
def test_the_release_follows_the_threshold(threshold: float, release: float) -> None:
    assert SpeechRules(threshold=threshold).release == pytest.approx(release)


def test_rising_is_seen_before_it_is_certain() -> None:
    detector = SpeechDetector()
    assert detector.rising_ms == 0
    listen(detector, (5, QUIET), (2, LOUD))
    assert detector.rising_ms == 64
    listen(detector, (1, LOUD))
    assert detector.speaking
    assert detector.rising_ms == 0
    listen(detector, (4, QUIET))
    assert detector.quiet_ms == 128


def test_the_model_is_refreshed_after_an_utterance_and_in_long_silence() -> None:
    detector = SpeechDetector(SpeechRules(silence_duration_ms=64, refresh_ms=320))
    assert not detector.take_refresh()
    listen(detector, (9, QUIET))
    assert not detector.take_refresh()
    listen(detector, (1, QUIET))
    assert detector.take_refresh()
    assert not detector.take_refresh()
    listen(detector, (20, LOUD))
    assert not detector.take_refresh()
    listen(detector, (2, QUIET))
    assert detector.take_refresh()


def test_a_stream_may_end_in_the_middle_of_a_word() -> None:
    detector = SpeechDetector()
    assert detector.end() is None
    listen(detector, (10, LOUD))
    assert detector.end() == SpeechStopped(10 * WINDOW, 10 * WINDOW, 16_000)
    listen(detector, (3, LOUD), (2, QUIET))
    assert detector.end() == SpeechStopped(15 * WINDOW, 13 * WINDOW, 16_000)
    assert not detector.speaking


def test_sound_that_was_skipped_counts() -> None:
    detector = SpeechDetector(SpeechRules(prefix_padding_ms=0))
    listen(detector, (2, LOUD))
    detector.skip(1000)
    assert positions(listen(detector, (3, LOUD))) == [("start", 2 * WINDOW + 1000)]
