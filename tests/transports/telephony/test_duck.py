"""A duck in the middle of a reply that lies in a carrier's queue, on wires that are more or less even."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transports.clock import run
from tests.transports.people import Ears
from tests.transports.telephony.carrier import (
    PER_MS,
    Account,
    Carrier,
    Speaker,
    account,
    connect,
    heard_counts,
    reply_of,
)
from voice.audio import g711
from voice.transports.telephony.stream import TelephonyTransport

Scene = Callable[[TelephonyTransport, Carrier, Ears], Awaitable[None]]


class Watch(Ears):
    """A session that checks each report against what the caller has heard."""

    carrier: Carrier
    ahead_ms = 0.0

    def played(self, epoch: int, position_ms: float, uncertainty_ms: float) -> None:
        super().played(epoch, position_ms, uncertainty_ms)
        self.carrier.play()
        if epoch == 1 and self.reply:
            heard_ms = account(self.reply, self.carrier.stretches).reached_ms
            self.ahead_ms = max(self.ahead_ms, position_ms - heard_ms)

    reply = b""


def call(
    scene: Scene, *, seed: int = 1, base_ms: float = 40, jitter_ms: float = 0, returns_marks: bool = True
) -> tuple[Carrier, Watch, TelephonyTransport]:
    async def conversation() -> tuple[Carrier, Watch, TelephonyTransport]:
        carrier = Carrier(random.Random(seed), base_ms=base_ms, jitter_ms=jitter_ms, returns_marks=returns_marks)
        ears = Watch()
        ears.carrier = carrier
        transport = await connect(carrier, ears)
        await scene(transport, carrier, ears)
        await transport.close()
        return carrier, ears, transport

    return run(conversation())


async def warm_up(transport: TelephonyTransport, carrier: Carrier) -> None:
    """A first reply, by whose marks the wire becomes known."""
    Speaker(transport, reply_of(2000, seed=99), epoch=0, mark_every_ms=200).say(2000)
    await asyncio.sleep(4)
    carrier.play()
    carrier.stretches.clear()


def told(ears: Ears) -> list[float]:
    return [position for epoch, position, _ in ears.plays if epoch == 1]


@pytest.mark.parametrize(
    ("base_ms", "jitter_ms", "most_ms"),
    [(0, 0, 20), (80, 0, 20), (40, 3, 20), (40, 10, 60), (20, 30, 90), (20, 60, 20)],
)
@pytest.mark.parametrize("returns_marks", [True, False])
def test_a_whole_reply_ducked_and_restored(
    base_ms: float, jitter_ms: float, most_ms: float, returns_marks: bool
) -> None:
    """Nothing is lost on any wire. What a duck repeats is a frame at most on an even one, and on a bad one nothing."""
    for seed in range(4):
        result, ears = _ducked_twice(seed, base_ms, jitter_ms, returns_marks)
        assert result.lost_ms == 0
        assert result.longest_double_ms <= most_ms
        assert result.longest_gap_ms < jitter_ms + 1
        positions = told(ears)
        assert positions == sorted(set(positions)), "each mark is reported once, in order"
        assert positions[-1] == 4000
        assert ears.ahead_ms <= 0.2, "nothing is reported before it is heard"


def _ducked_twice(seed: int, base_ms: float, jitter_ms: float, returns_marks: bool) -> tuple[Account, Watch]:
    reply, dice = reply_of(4000, seed), random.Random(seed)

    async def scene(transport: TelephonyTransport, carrier: Carrier, ears: Ears) -> None:
        await warm_up(transport, carrier)
        transport.stop_playback(1)
        await asyncio.sleep(0.5)
        assert isinstance(ears, Watch)
        ears.reply = reply
        Speaker(transport, reply, epoch=1).say(4000)
        for _ in range(2):
            await asyncio.sleep(dice.uniform(0.3, 1.2))
            transport.duck(-15)
            await asyncio.sleep(dice.uniform(0.05, 0.6))
            transport.restore()
        await asyncio.sleep(6)
        carrier.play()

    carrier, ears, _ = call(scene, seed=seed, base_ms=base_ms, jitter_ms=jitter_ms, returns_marks=returns_marks)
    return account(reply, carrier.stretches), ears


@pytest.mark.parametrize("seed", range(4))
def test_a_wire_of_which_nothing_is_known_yet_may_repeat_sixty_ms_and_loses_nothing(seed: int) -> None:
    reply = reply_of(2000, seed)

    async def scene(transport: TelephonyTransport, carrier: Carrier, ears: Ears) -> None:
        Speaker(transport, reply).say(2000)
        await asyncio.sleep(0.2 + seed / 10)
        transport.duck(-15)
        await asyncio.sleep(3)
        carrier.play()

    result = account(reply, call(scene, seed=seed, jitter_ms=5)[0].stretches)
    assert result.lost_ms == 0
    assert result.longest_double_ms <= 66


@pytest.mark.parametrize("seed", range(4))
def test_a_reply_that_comes_as_it_is_spoken_needs_no_clear(seed: int) -> None:
    """What the carrier has is over before a clear is worth it; only what follows is turned down."""
    reply = reply_of(3000, seed)

    async def scene(transport: TelephonyTransport, carrier: Carrier, ears: Ears) -> None:
        await warm_up(transport, carrier)
        transport.stop_playback(1)
        speaker = Speaker(transport, reply, epoch=1)
        for frame in range(150):
            speaker.say(20)
            if frame == 60:
                clears = carrier.clears
                transport.duck(-15)
            if frame == 90:
                transport.restore()
            await asyncio.sleep(0.02)
        await asyncio.sleep(1)
        carrier.play()
        assert carrier.clears == clears

    carrier, ears, _ = call(scene, seed=seed, jitter_ms=3)
    result = account(reply, carrier.stretches)
    assert (result.lost_ms, result.doubled_ms) == (0, 0)
    assert told(ears)[-1] == 3000


def levels_db(carrier: Carrier, of: bytes) -> list[tuple[float, float]]:
    """When each 5 ms were heard, and how much quieter than the loud noise that the reply is."""
    import numpy as np

    full = np.abs(np.frombuffer(g711.decode(of, "pcmu"), "<i2").astype(float)).mean()
    out = []
    for stretch in carrier.stretches:
        for at in range(0, len(stretch.sound), 40):
            piece = np.frombuffer(g711.decode(bytes(stretch.sound[at : at + 40]), "pcmu"), "<i2").astype(float)
            level = max(float(np.abs(piece).mean()), 1.0)
            out.append((stretch.at_s + at / PER_MS / 1000, float(20 * np.log10(level / full))))
    return out


def test_it_is_heard_one_way_of_the_wire_later_within_a_frame_and_comes_back() -> None:
    reply = reply_of(4000)
    times: dict[str, float] = {}

    async def scene(transport: TelephonyTransport, carrier: Carrier, ears: Ears) -> None:
        await warm_up(transport, carrier)
        transport.stop_playback(1)
        Speaker(transport, reply, epoch=1).say(4000)
        await asyncio.sleep(1)
        times["duck"] = asyncio.get_running_loop().time()
        transport.duck(-15)
        await asyncio.sleep(1)
        times["restore"] = asyncio.get_running_loop().time()
        transport.restore()
        await asyncio.sleep(5)
        carrier.play()

    carrier, _, _ = call(scene, base_ms=40)
    arrived_s = times["duck"] + 0.04
    for at_s, level_db in levels_db(carrier, reply):
        if at_s < arrived_s - 0.005 or at_s > times["restore"] + 0.04 + 0.08 + 0.05 + 0.005:
            assert level_db > -4
        elif arrived_s <= at_s < times["restore"]:
            assert level_db < -12, "within the frame, from its first sample"


def test_a_stop_ends_the_duck_and_drops_what_waits() -> None:
    reply, next_reply = reply_of(6000), reply_of(500, 3)

    async def scene(transport: TelephonyTransport, carrier: Carrier, ears: Ears) -> None:
        await warm_up(transport, carrier)
        transport.stop_playback(1)
        Speaker(transport, reply, epoch=1).say(6000)
        await asyncio.sleep(0.7)
        transport.duck(-15)
        await asyncio.sleep(0.3)
        transport.stop_playback(2)
        transport.restore()
        await asyncio.sleep(0.2)
        carrier.play()
        assert account(reply, carrier.stretches).reached_ms == pytest.approx(1000, abs=6)
        carrier.stretches.clear()
        Speaker(transport, next_reply, epoch=2).say(500)
        await asyncio.sleep(1)
        carrier.play()

    carrier, ears, _ = call(scene, base_ms=30)
    assert b"".join(bytes(stretch.sound) for stretch in carrier.stretches) == next_reply, "at full level"
    assert [position for epoch, position, _ in ears.plays if epoch == 2] == [400, 500]


def test_a_carrier_that_leaves_takes_the_timer_along() -> None:
    async def scene(transport: TelephonyTransport, carrier: Carrier, ears: Ears) -> None:
        Speaker(transport, reply_of(2000)).say(2000)
        await asyncio.sleep(0.5)
        transport.duck(-15)
        carrier.peer_closes(1006)
        transport.duck(-20)
        transport.restore()
        transport.stop_playback(1)
        await asyncio.sleep(3)

    assert call(scene)[1].goodbyes == ["the connection was lost"]


def test_silence_is_ducked_too() -> None:
    """Before the first word: what follows is turned down, and the whole of it after a restore is not."""
    reply = reply_of(1000)

    async def scene(transport: TelephonyTransport, carrier: Carrier, ears: Ears) -> None:
        transport.duck(-15)
        Speaker(transport, reply[: 400 * PER_MS]).say(400)
        await asyncio.sleep(1)
        transport.restore()
        Speaker(transport, reply[400 * PER_MS :]).say(600)
        await asyncio.sleep(1)
        carrier.play()

    carrier, _, _ = call(scene)
    assert carrier.clears == 0
    first, second = (bytes(stretch.sound) for stretch in carrier.stretches)
    assert first[200:] != reply[200 : len(first)]
    assert second == reply[400 * PER_MS :]


steps = st.lists(
    st.tuples(st.sampled_from(["play", "play", "duck", "deeper", "restore", "stop"]), st.integers(20, 500)),
    min_size=1,
    max_size=14,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps, seed=st.integers(0, 5), jitter_ms=st.sampled_from([0, 3, 60]))
def test_whatever_the_order_positions_stay_true(steps: list[tuple[str, int]], seed: int, jitter_ms: float) -> None:
    """Of every epoch a beginning is heard whole, as much as its marks say, and all of the last one."""
    reply = reply_of(8000, seed)
    begins = [0]

    async def scene(transport: TelephonyTransport, carrier: Carrier, ears: Ears) -> None:
        epoch, at = 0, 0
        speaker = Speaker(transport, b"", epoch=0, mark_every_ms=100)
        for what, ms in steps:
            if what == "play":
                speaker.reply += reply[at : at + ms * PER_MS]
                at += ms * PER_MS
                speaker.say(ms)
            elif what == "duck":
                transport.duck(-12)
            elif what == "deeper":
                transport.duck(-24)
            elif what == "restore":
                transport.restore()
            else:
                epoch += 1
                begins.append(at)
                transport.stop_playback(epoch)
                speaker = Speaker(transport, b"", epoch=epoch, mark_every_ms=100)
            await asyncio.sleep(ms / 1000)
        await asyncio.sleep(10)
        carrier.play()
        begins.append(at)

    carrier, ears, _ = call(scene, seed=seed, base_ms=20, jitter_ms=jitter_ms)
    counts = heard_counts(reply, carrier.stretches)
    for epoch, (begin, end) in enumerate(pairwise(begins)):
        part = [count > 0 for count in counts[begin:end]]
        assert part == sorted(part, reverse=True), "a beginning, without a hole"
        reached_ms = sum(part) / PER_MS
        positions = [position for of, position, _ in ears.plays if of == epoch]
        assert positions == sorted(set(positions))
        assert not positions or positions[-1] <= reached_ms
        if epoch == len(begins) - 2:
            assert all(part)
            assert not part or positions[-1] == reached_ms
