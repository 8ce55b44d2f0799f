"""When sound leaves and when it comes, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from tests.transports.clock import run
from voice.audio.frames import PCM_24K, AudioFrame
from voice.protocol.codec import build_models
from voice.protocol.server_events import ServerEvent
from voice.transports.webrtc.incoming import Incoming
from voice.transports.webrtc.outgoing import FRAME_BYTES, Outgoing
from voice.transports.webrtc.playout import BufferEvents, Playout

build_models()  # as a service does before its first call

LOUD = b"\x00\x10" * (FRAME_BYTES // 2)
SILENCE = bytes(FRAME_BYTES)


class Wire:
    """An encoder that changes nothing, the network behind it, and the session's ear."""

    def __init__(self, *, dtx: bool = True) -> None:
        self.sent: list[tuple[float, int, bytes, bool]] = []
        self.reports: list[tuple[float, int, float]] = []
        self.told: list[ServerEvent] = []
        self.failures: list[Exception] = []
        self.encoded = 0
        self.breaks = False
        self.playout = Playout()
        self.events = BufferEvents(self.told.append)
        self.out = Outgoing(self.playout, self.events, self, self._send, self._report, self.failures.append, dtx=dtx)

    def encode(self, pcm: bytes) -> bytes:
        if self.breaks:
            raise ValueError("broken")
        self.encoded += 1
        return pcm

    def expect_loss(self, percent: int) -> None: ...

    def close(self) -> None: ...

    def play(self, frames: float, response_id: str = "r") -> None:
        whole = LOUD * (int(frames) + 1)
        self.playout.put(response_id, whole[: int(frames * FRAME_BYTES) & ~1])
        self.out.wake()

    def loud(self) -> list[tuple[float, int, bytes, bool]]:
        return [packet for packet in self.sent if any(packet[2])]

    def _send(self, packet: bytes, stamp: int, now_s: float, marker: bool) -> None:
        self.sent.append((now_s, stamp, packet, marker))

    def _report(self, epoch: int, position_ms: float, uncertainty_ms: float) -> None:
        self.reports.append((asyncio.get_running_loop().time(), epoch, position_ms))


def scene(play: Callable[[Wire], Awaitable[None]], **options: bool) -> Wire:
    async def go() -> Wire:
        wire = Wire(**options)
        wire.out.begin()
        await play(wire)
        wire.out.end()
        return wire

    return run(go())


def test_a_frame_leaves_every_20_ms_and_its_stamp_says_so() -> None:
    async def play(wire: Wire) -> None:
        wire.play(10)
        await asyncio.sleep(0.5)

    loud = scene(play).loud()
    assert len(loud) == 10
    for (at_s, stamp, _, _), (next_s, next_stamp, _, _) in pairwise(loud):
        assert next_s - at_s == pytest.approx(0.02, abs=1e-6)
        assert next_stamp - stamp & 0xFFFF_FFFF == 960


def test_in_silence_little_is_sent_and_nothing_is_encoded() -> None:
    async def play(wire: Wire) -> None:
        wire.play(5)
        await asyncio.sleep(1.0)
        wire.encoded = 0
        wire.sent.clear()
        await asyncio.sleep(4.0)

    wire = scene(play)
    assert wire.encoded == 0
    assert 9 <= len(wire.sent) <= 11
    assert {packet for _, _, packet, _ in wire.sent} == {SILENCE}


def test_without_dtx_silence_is_sent_like_sound() -> None:
    async def play(wire: Wire) -> None:
        await asyncio.sleep(1.0)

    assert len(scene(play, dtx=False).sent) == pytest.approx(50, abs=1)


def test_after_a_pause_the_first_frame_leaves_at_once_and_is_marked() -> None:
    at_s = 0.0

    async def play(wire: Wire) -> None:
        nonlocal at_s
        await asyncio.sleep(2.013)
        at_s = asyncio.get_running_loop().time()
        wire.play(3)
        await asyncio.sleep(0.2)

    wire = scene(play)
    first = wire.loud()[0]
    assert first[0] == pytest.approx(at_s, abs=1e-6)
    assert first[3]
    assert not wire.loud()[1][3]
    (before_s, before_stamp, _, _) = wire.sent[wire.sent.index(first) - 1]
    assert first[1] - before_stamp & 0xFFFF_FFFF == pytest.approx((first[0] - before_s) * 48_000, abs=960)


def test_half_a_frame_in_the_middle_of_a_reply_waits_for_its_other_half() -> None:
    async def play(wire: Wire) -> None:
        wire.play(2.5)
        await asyncio.sleep(0.05)
        wire.play(1.5)
        wire.events.response_done("r", dry=False)
        await asyncio.sleep(0.3)

    wire = scene(play)
    assert [packet for _, _, packet, _ in wire.loud()] == [LOUD] * 4
    assert wire.playout.position_ms == 80


def test_half_a_frame_whose_rest_does_not_come_leaves_a_frame_later() -> None:
    async def play(wire: Wire) -> None:
        wire.play(1.5)
        await asyncio.sleep(0.3)

    loud = scene(play).loud()
    assert loud[1][0] - loud[0][0] == pytest.approx(0.04, abs=1e-6)
    assert loud[1][2] == LOUD[: FRAME_BYTES // 2] + bytes(FRAME_BYTES // 2)


def test_the_half_frame_at_the_end_of_a_reply_waits_for_nothing() -> None:
    async def play(wire: Wire) -> None:
        wire.events.response_done("r", dry=False)
        wire.play(1.5)
        await asyncio.sleep(0.3)

    loud = scene(play).loud()
    assert loud[1][0] - loud[0][0] == pytest.approx(0.02, abs=1e-6)


def test_what_was_heard_is_told_ten_times_a_second_and_at_its_end() -> None:
    async def play(wire: Wire) -> None:
        wire.play(50)
        await asyncio.sleep(2.0)

    wire = scene(play)
    began_s = wire.loud()[0][0]
    assert 9 <= len(wire.reports) <= 12
    assert wire.reports[-1][2] == 1_000
    for at_s, _, position_ms in wire.reports[:-1]:
        assert (at_s - began_s) * 1000 - wire.out.far_ear.delay_ms == pytest.approx(position_ms, abs=0.1)


def test_after_a_stop_what_had_left_is_still_told_of_with_its_epoch() -> None:
    async def play(wire: Wire) -> None:
        wire.play(50)
        await asyncio.sleep(0.31)
        wire.playout.clear(1)
        await asyncio.sleep(0.5)

    wire = scene(play)
    assert wire.reports[-1][1:] == (0, 300.0)
    assert len(wire.loud()) == 15


def test_a_loop_that_was_stuck_goes_on_from_where_it_is() -> None:
    async def play(wire: Wire) -> None:
        wire.play(30)
        await asyncio.sleep(0.1)
        asyncio.get_running_loop()._jumping.now_s += 0.3  # type: ignore[attr-defined]
        await asyncio.sleep(1.0)

    loud = scene(play).loud()
    assert len(loud) == 30
    assert max(after[0] - before[0] for before, after in pairwise(loud)) == pytest.approx(0.31, abs=0.015)
    assert all(after[0] - before[0] >= 0.0199 for before, after in pairwise(loud)), "no burst"


def test_a_loop_that_was_a_little_late_catches_up() -> None:
    async def play(wire: Wire) -> None:
        wire.play(20)
        await asyncio.sleep(0.1)
        asyncio.get_running_loop()._jumping.now_s += 0.05  # type: ignore[attr-defined]
        await asyncio.sleep(1.0)

    loud = scene(play).loud()
    assert loud[-1][0] - loud[0][0] == pytest.approx(19 * 0.02, abs=0.01)


def test_a_mistake_of_ours_ends_the_call_instead_of_leaving_silence() -> None:
    async def play(wire: Wire) -> None:
        wire.breaks = True
        await asyncio.sleep(0.1)

    assert [type(error) for error in scene(play).failures] == [ValueError]


# The other way


class Ears:
    """A decoder that changes nothing, and who hears."""

    def __init__(self) -> None:
        self.frames: list[tuple[float, bytes]] = []
        self.incoming = Incoming(self, self._hear)

    def decode(self, packet: bytes) -> bytes:
        return packet

    def conceal(self, samples: int, following: bytes | None = None) -> bytes:
        return b"lost" * (samples // 960)

    def close(self) -> None: ...

    def _hear(self, frame: AudioFrame) -> None:
        assert frame.format == PCM_24K
        self.frames.append((asyncio.get_running_loop().time(), frame.data))


def packet(number: int) -> bytes:
    return b"\x48" + bytes([number]) * 3


def test_behind_a_hole_sound_goes_on_when_nothing_is_waited_for_any_more() -> None:
    async def listen() -> Ears:
        ears = Ears()
        for number in range(40):
            if number != 30:
                ears.incoming.receive(number, number * 960, packet(number))
            if number == 31:
                assert ears.frames[-1][1] == packet(31), "an even line: known with the next packet"
            await asyncio.sleep(0.02)
        ears.incoming.end()
        return ears

    ears = run(listen())
    assert [data for _, data in ears.frames] == [b"lost" if number == 30 else packet(number) for number in range(40)]


def test_the_last_packets_behind_a_hole_do_not_wait_for_others() -> None:
    async def listen() -> Ears:
        ears = Ears()
        ears.incoming.receive(0, 0, packet(0))
        ears.incoming.receive(2, 1_920, packet(2))
        await asyncio.sleep(0.5)
        ears.incoming.end()
        return ears

    ears = run(listen())
    assert [data for _, data in ears.frames] == [packet(0), b"lost", packet(2)]
    assert ears.frames[-1][0] < 0.1


def test_after_the_end_nothing_is_heard() -> None:
    async def listen() -> Ears:
        ears = Ears()
        ears.incoming.receive(0, 0, packet(0))
        ears.incoming.receive(2, 1_920, packet(2))
        ears.incoming.end()
        ears.incoming.end()
        ears.incoming.receive(3, 2_880, packet(3))
        await asyncio.sleep(0.5)
        return ears

    assert len(run(listen()).frames) == 1


def test_a_hole_that_is_seen_when_its_wait_is_just_over_is_a_hole() -> None:
    async def listen() -> Ears:
        ears = Ears()
        for numbers, wait_ms in (((0,), 20.0), ((1,), 64.8), ((3, 4), 1.0)):
            for number in numbers:
                ears.incoming.receive(number, number * 960, packet(number))
            await asyncio.sleep(wait_ms / 1000)
        ears.incoming.end()
        return ears

    assert [data for _, data in run(listen()).frames] == [packet(0), packet(1), b"lost", packet(3), packet(4)]
