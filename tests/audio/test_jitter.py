"""Packets as a bad network brings them; the sound is whole, in order, and on time."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.audio.jitter import Heard, JitterBuffer, JitterRules, Lost, Piece, Quiet
from voice.audio.opus_packet import is_silence, samples_of

FRAME = 960
TOC_20_MS = 0x48
"""SILK, wideband, 20 ms, one frame."""


def packet(number: int) -> bytes:
    return bytes([TOC_20_MS]) + number.to_bytes(4, "big")


class Stream:
    """A sender of 20 ms packets; the test says when, and whether, each arrives."""

    def __init__(self, *, sequence: int = 65_530, timestamp: int = 2**32 - 3_000, rules: JitterRules | None = None):
        self.buffer = JitterBuffer(rules)
        self._sequence, self._timestamp = sequence, timestamp

    def arrives(self, number: int, at_ms: float) -> list[Piece]:
        return self.buffer.push(
            self._sequence + number & 0xFFFF, self._timestamp + number * FRAME & 0xFFFF_FFFF, packet(number), at_ms
        )

    def plays(self, arrivals: Iterable[tuple[float, int]], until_ms: float = 0.0) -> list[tuple[float, Piece]]:
        """Everything that comes of these arrivals, and when: the buffer's own deadlines are kept to."""
        out: list[tuple[float, Piece]] = []
        for at_ms, number in sorted(arrivals):
            out += self.waits_until(at_ms)
            out += [(at_ms, piece) for piece in self.arrives(number, at_ms)]
        return out + self.waits_until(until_ms)

    def waits_until(self, at_ms: float) -> list[tuple[float, Piece]]:
        out: list[tuple[float, Piece]] = []
        while (deadline := self.buffer.deadline()) is not None and deadline <= at_ms:
            out += [(deadline, piece) for piece in self.buffer.due(deadline)]
        return out


def numbers(pieces: Iterable[Piece]) -> list[int]:
    return [int.from_bytes(piece.payload[1:], "big") for piece in pieces if isinstance(piece, Heard)]


def length(piece: Piece) -> int:
    return samples_of(piece.payload) if isinstance(piece, Heard) else piece.samples


def evenly(count: int, *, without: Iterable[int] = ()) -> list[tuple[float, int]]:
    return [(20.0 * number, number) for number in range(count) if number not in set(without)]


def test_what_comes_in_its_turn_goes_through_at_once() -> None:
    played = Stream().plays(evenly(100))
    assert [at_ms for at_ms, _ in played] == [20.0 * number for number in range(100)]
    assert numbers(piece for _, piece in played) == list(range(100))


def test_uneven_arrival_alone_holds_nothing_back() -> None:
    odds = random.Random(3)
    at_ms, arrivals = 0.0, []
    for number in range(200):
        at_ms = max(at_ms, 20.0 * number + odds.uniform(0, 60))
        arrivals.append((at_ms, number))
    assert [at for at, _ in Stream().plays(arrivals)] == [at for at, _ in arrivals]


def test_a_loss_is_concealed_with_what_the_next_packet_knows_of_it() -> None:
    stream = Stream()
    played = stream.plays(evenly(60, without=[50]))
    at_50 = [(at_ms, piece) for at_ms, piece in played if at_ms == 1_020]
    assert [piece for _, piece in at_50] == [Lost(FRAME, packet(51)), Heard(packet(51))]
    assert stream.buffer.counters.lost == 1


def test_after_a_loss_nothing_is_later_than_before() -> None:
    played = Stream().plays(evenly(200, without=[50, 90, 91, 92]))
    late = [at_ms - 20.0 * number for at_ms, piece in played for number in numbers([piece])]
    assert max(late) == 0


def test_a_packet_that_was_overtaken_is_put_in_its_place() -> None:
    arrivals = [(0.0, 0), (20.0, 1), (41.0, 3), (45.0, 2), (80.0, 4)]
    played = Stream().plays(arrivals)
    assert numbers(piece for _, piece in played) == [0, 1, 2, 3, 4]
    assert [at_ms for at_ms, _ in played] == [0, 20, 45, 45, 80]


def test_how_long_is_waited_follows_from_how_late_packets_lately_were() -> None:
    even, uneven = Stream(), Stream()
    even.plays(evenly(200))
    odds = random.Random(5)
    uneven.plays([(20.0 * number + odds.choice([0, 0, 0, 35]), number) for number in range(200)])
    assert even.buffer.allowance_ms() == even.buffer.rules.least_ms
    assert 30 < uneven.buffer.allowance_ms() < 50


def test_before_anything_is_known_a_missing_packet_gets_some_time() -> None:
    stream = Stream()
    stream.arrives(0, 0.0)
    assert stream.arrives(2, 40.0) == []
    assert stream.buffer.deadline() == 20.0 + stream.buffer.rules.unknown_ms + stream.buffer.rules.least_ms
    assert numbers(stream.arrives(1, 50.0)) == [1, 2]


def test_what_comes_too_late_is_not_heard_twice() -> None:
    stream = Stream()
    stream.plays(evenly(60, without=[50]))
    assert stream.arrives(50, 1_200.0) == []
    assert stream.arrives(59, 1_201.0) == []
    assert stream.buffer.counters.late == 2


def test_a_repeated_packet_is_heard_once() -> None:
    stream = Stream()
    stream.arrives(0, 0)
    stream.arrives(2, 40)
    assert stream.arrives(2, 41) == []
    assert stream.buffer.counters.repeated == 1


def test_a_long_loss_is_concealed_for_a_while_and_then_quiet() -> None:
    played = Stream().plays(evenly(80, without=range(40, 60)))
    filled = [piece for _, piece in played if not isinstance(piece, Heard)]
    assert filled == [Lost(120 * 48), Quiet(20 * FRAME - 120 * 48)]


def test_a_sender_that_starts_anew_is_followed() -> None:
    stream = Stream()
    stream.plays(evenly(10))
    assert numbers(stream.buffer.push(20_000, 77, packet(7), 500.0)) == [7]
    assert stream.buffer.counters.restarts == 1


def test_while_the_sender_is_silent_on_purpose_quiet_goes_on() -> None:
    stream = Stream()
    stream.plays(evenly(10))
    stream.buffer.push(65_540 & 0xFFFF, 2**32 - 3_000 + 10 * FRAME & 0xFFFF_FFFF, b"\x48", 200.0)
    quiet = stream.waits_until(600.0)
    assert {type(piece) for _, piece in quiet} == {Quiet}
    made_ms = sum(length(piece) for _, piece in quiet) / 48
    assert made_ms == pytest.approx(340, abs=60)
    pieces = stream.buffer.push(65_541 & 0xFFFF, 2**32 - 3_000 + 30 * FRAME & 0xFFFF_FFFF, packet(30), 600.0)
    total = sum(length(piece) for _, piece in quiet) + sum(length(piece) for piece in pieces)
    assert total == 20 * FRAME  # from the end of the silent packet to the end of the new one


def test_padding_is_no_sound_and_no_loss() -> None:
    stream = Stream()
    stream.plays(evenly(10))
    assert stream.buffer.push(65_540 & 0xFFFF, 2**32 - 3_000 + 9 * FRAME & 0xFFFF_FFFF, b"", 190.0) == []
    assert stream.buffer.deadline() is None


def test_what_waits_behind_a_hole_is_bounded() -> None:
    stream = Stream(rules=JitterRules(most_ms=100_000, unknown_ms=100_000, most_held=5))
    stream.arrives(0, 0)
    pieces = [piece for number in range(2, 8) for piece in stream.arrives(number, 1.0)]
    assert numbers(pieces) == [2, 3, 4, 5, 6, 7]


@given(st.integers(0, 2**32), st.floats(0, 0.3), st.floats(0, 120), st.integers(0, 65_535), st.integers(0, 2**32 - 1))
def test_on_any_network_sound_is_in_order_once_and_as_long_as_it_was(
    seed: int, loss: float, jitter_ms: float, sequence: int, timestamp: int
) -> None:
    odds = random.Random(seed)
    arrivals = [
        (20.0 * number + odds.uniform(0, jitter_ms), number)
        for number in range(150)
        if number == 0 or number == 149 or odds.random() >= loss
    ]
    stream = Stream(sequence=sequence, timestamp=timestamp)
    played = stream.plays(arrivals, until_ms=10_000)
    heard = numbers(piece for _, piece in played)
    assert heard == sorted(set(heard))
    first = min(arrivals)[1]
    assert heard[-1] == 149
    assert sum(length(piece) for _, piece in played) == (150 - first) * FRAME
    counters = stream.buffer.counters
    assert counters.heard + counters.late + counters.repeated == len(arrivals)


@pytest.mark.parametrize(
    ("first_bytes", "ms"),
    [(b"\x48", 20), (b"\x40", 10), (b"\x58", 60), (b"\x68", 20), (b"\xe0", 2.5), (b"\xf9", 40), (b"\xfb\x03", 60)],
)
def test_a_packet_says_how_long_it_is(first_bytes: bytes, ms: float) -> None:
    assert samples_of(first_bytes) == ms * 48


def test_what_is_no_packet_is_no_sound() -> None:
    assert samples_of(b"") == samples_of(b"\x5b\x3f") == samples_of(b"\x03") == 0
    assert is_silence(b"\x48")
    assert not is_silence(b"")
    assert not is_silence(b"\x48ab")
