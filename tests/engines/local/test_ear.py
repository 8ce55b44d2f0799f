"""The input buffer and the edges of speech in it, in windows of 32 ms of given probabilities."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from voice.engines.local.ear import Ear, Heard, SpeechGoesOn, SpeechStarted, SpeechStopped
from voice.engines.local.input_buffer import InputBuffer
from voice.engines.local.turns import MANUAL, TurnPolicy
from voice.errors import Misuse

WINDOW = b"\1\0" * 512
SERVER = TurnPolicy(fixed_wait_ms=320, longest_wait_ms=960)


class GivenProbabilities:
    rate_hz = 16_000
    window_samples = 512

    def __init__(self) -> None:
        self.next: list[float] = []
        self.resets = 0

    def feed(self, window: bytes) -> float:
        assert len(window) == 1024
        return self.next.pop(0)

    def reset(self) -> None:
        self.resets += 1


class Room:
    """An ear and the sound it gets."""

    def __init__(self, policy: TurnPolicy = SERVER, *, ends_turns: bool = True, limit_ms: int = 60_000) -> None:
        self.vad = GivenProbabilities()
        self.ear = Ear(self.vad, limit_ms=limit_ms)
        self.ear.detect(policy, ends_turns=ends_turns)

    def hears(self, *spans: tuple[float, int], words: str = "") -> list[Heard]:
        """Spans of (probability, windows)."""
        return list(self._hears(spans, words))

    def _hears(self, spans: tuple[tuple[float, int], ...], words: str) -> Iterator[Heard]:
        for probability, count in spans:
            for _ in range(count):
                self.vad.next.append(probability)
                yield from self.ear.hear(WINDOW, lambda: words)


def edges(heard: list[Heard]) -> list[Heard]:
    return [one for one in heard if not isinstance(one, SpeechGoesOn)]


def test_a_turn_has_its_edges_where_the_sound_has_them() -> None:
    started, stopped = edges(Room().hears((0.1, 50), (0.9, 20), (0.1, 12)))
    assert isinstance(started, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    assert started.audio_start_ms == 50 * 32 - 300
    assert stopped.audio_end_ms == (50 + 20 + 10) * 32
    assert stopped.why == "silence"
    assert len(stopped.sound) == (300 + 30 * 32) * 32


def test_what_the_recogniser_is_given_is_what_the_turn_holds() -> None:
    heard = Room().hears((0.1, 50), (0.9, 20), (0.1, 12))
    pieces = [one.sound for one in heard if isinstance(one, SpeechStarted | SpeechGoesOn)]
    [stopped] = [one for one in heard if isinstance(one, SpeechStopped)]
    assert b"".join(pieces) == stopped.sound


def test_a_click_is_no_speech() -> None:
    assert Room().hears((0.1, 10), (0.99, 2), (0.1, 10), (0.99, 2), (0.1, 10)) == []


def test_a_pause_shorter_than_the_wait_is_part_of_the_turn() -> None:
    assert len(edges(Room().hears((0.9, 10), (0.1, 9), (0.9, 10), (0.1, 9)))) == 1


def test_between_the_thresholds_the_turn_neither_ends_nor_lasts_for_ever() -> None:
    *_, stopped = Room().hears((0.9, 10), (0.4, 40))
    assert isinstance(stopped, SpeechStopped)
    assert stopped.why == "unsure"
    assert stopped.audio_end_ms == (10 + 30) * 32


def test_noise_that_is_taken_for_speech_ends_at_the_longest_turn() -> None:
    *_, stopped = Room(limit_ms=120_000).hears((0.9, 60_000 // 32 + 1))
    assert isinstance(stopped, SpeechStopped)
    assert stopped.why == "too_long"


def test_the_detector_forgets_after_each_turn() -> None:
    room = Room()
    before = room.vad.resets
    room.hears((0.9, 10), (0.1, 12))
    assert room.vad.resets == before + 1


def test_the_detector_forgets_now_and_then_in_silence() -> None:
    room = Room()
    before = room.vad.resets
    room.hears((0.1, 5000 // 32 - 1))
    assert room.vad.resets == before
    room.hears((0.1, 4))
    assert room.vad.resets == before + 1
    room.hears((0.9, 2), (0.1, 4))
    assert room.vad.resets == before + 1


def test_a_pause_says_how_long_it_is() -> None:
    heard = Room().hears((0.9, 10), (0.1, 3), (0.9, 1))
    assert [one.silent_ms for one in heard if isinstance(one, SpeechGoesOn)][-4:] == [32, 64, 96, 0]


def test_the_words_decide_about_the_wait() -> None:
    policy = TurnPolicy()
    assert len(edges(Room(policy).hears((0.9, 10), (0.1, 24), words="play some music"))) == 2
    assert len(edges(Room(policy).hears((0.9, 10), (0.1, 24), words="set a timer for the"))) == 1


def test_by_hand_nothing_ends_a_turn_but_the_onset_is_told() -> None:
    room = Room(MANUAL, ends_turns=False)
    assert [type(one) for one in edges(room.hears((0.1, 20), (0.9, 10), (0.1, 100)))] == [SpeechStarted]
    assert len(room.ear.commit()) == 130 * 1024
    assert not room.ear.buffer


def test_while_nobody_speaks_only_the_padding_is_kept() -> None:
    room = Room()
    room.hears((0.1, 1000))
    assert room.ear.buffer.now_ms - room.ear.buffer.start_ms == 300
    assert room.ear.buffer.dropped_ms == 0


def test_pieces_of_any_size_make_the_same_windows() -> None:
    room = Room()
    room.vad.next = [0.1] * 4 + [0.9] * 10
    sound = WINDOW * 14
    heard = [one for at in range(0, len(sound), 334) for one in room.ear.hear(sound[at : at + 334], str)]
    assert [type(one) for one in edges(heard)] == [SpeechStarted]
    assert room.vad.next == []


def test_a_detector_of_another_rate_is_a_mistake_of_ours() -> None:
    vad = GivenProbabilities()
    vad.rate_hz = 8000
    with pytest.raises(Misuse):
        Ear(vad)


def test_the_buffer_drops_the_oldest_and_its_clock_goes_on() -> None:
    buffer = InputBuffer(limit_ms=100)
    for value in range(4):
        buffer.append(bytes([value, 0]) * 16 * 50)
    assert (buffer.start_ms, buffer.now_ms, buffer.dropped_ms) == (100, 200, 100)
    assert buffer.sound(100, 200)[:2] == b"\2\0"
    assert buffer.take(120, 150) == b"\2\0" * 16 * 30
    assert buffer.start_ms == 150
    buffer.clear()
    assert (buffer.now_ms, bool(buffer)) == (200, False)
