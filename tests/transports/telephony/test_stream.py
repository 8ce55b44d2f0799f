"""A telephone call through the stream driver; the test is the carrier."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import random
import tracemalloc
from collections.abc import Awaitable, Callable

import pytest

from tests.transports.people import Ears, Wire
from tests.transports.telephony.test_twilio import SID, START, media, text
from voice.audio.frames import PCM_24K, PCMU_8K, AudioFrame
from voice.errors import PeerGone
from voice.transports.base import Transport
from voice.transports.telephony.stream import TelephonyTransport
from voice.transports.telephony.twilio import TwilioCodec

Scene = Callable[[TelephonyTransport, Wire, Ears], Awaitable[None]]
FRAME = AudioFrame(PCMU_8K, b"\x10" * 160)


def call(scene: Scene, *, patience: int = 1000) -> tuple[TelephonyTransport, Wire, Ears]:
    """Hold a call up to the carrier's `start`, then play the scene."""

    async def run() -> tuple[TelephonyTransport, Wire, Ears]:
        wire, ears = Wire(), Ears()
        transport = TelephonyTransport(TwilioCodec(), wire, patience=patience)
        opening = asyncio.create_task(transport.open(ears))
        await asyncio.sleep(0)
        wire.says('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        wire.says(text(START))
        await opening
        await scene(transport, wire, ears)
        await transport.close()
        return transport, wire, ears

    return asyncio.run(run())


def sound(sequence: int, payload: str = "/38=") -> bytes:
    return text(media(payload, sequenceNumber=str(sequence)))


def test_the_call_is_known_when_open_returns() -> None:
    async def scene(transport: TelephonyTransport, wire: Wire, ears: Ears) -> None:
        as_seam: Transport = transport
        assert as_seam.traits.playout == "marks"
        assert transport.call is not None
        assert transport.call.call_id == START["start"]["callSid"]
        assert transport.call.parameters == {"token": "t-1"}

    call(scene)


def test_the_callers_sound_goes_through_unopened() -> None:
    payload = base64.b64encode(bytes(range(160))).decode()

    async def scene(transport: TelephonyTransport, wire: Wire, ears: Ears) -> None:
        wire.says(sound(2, payload))
        wire.says(json.dumps(media(payload, sequenceNumber="3")))  # another spelling of the same JSON

    transport, _, ears = call(scene)
    assert [frame.base64 for frame in ears.frames] == [payload.encode()] * 2
    assert ears.frames[0].format == PCMU_8K
    assert transport.counters.sequence_gaps == 0


def test_the_assistants_sound_goes_out_unopened() -> None:
    async def scene(transport: TelephonyTransport, wire: Wire, ears: Ears) -> None:
        transport.play("resp_1", "item_1", 0, 0, AudioFrame(PCMU_8K, base64=b"/38="))
        assert wire.heard() == [{"event": "media", "streamSid": SID, "media": {"payload": "/38="}}]

    call(scene)


def test_sound_in_another_format_is_converted_and_nothing_leaks_over_a_stop() -> None:
    async def scene(transport: TelephonyTransport, wire: Wire, ears: Ears) -> None:
        loud = AudioFrame(PCM_24K, b"\x00\x40" * 2400)
        transport.play("resp_1", "item_1", 0, 0, loud)
        (message,) = wire.heard()
        assert abs(len(base64.b64decode(message["media"]["payload"])) - 800) <= 16
        transport.stop_playback(1)
        transport.play("resp_2", "item_2", 0, 0, AudioFrame(PCM_24K, bytes(4800)))
        clear, message = wire.heard()
        assert clear == {"event": "clear", "streamSid": SID}
        assert set(base64.b64decode(message["media"]["payload"])) == {0xFF}

    call(scene)


def test_a_mark_comes_back_with_its_epoch_and_position() -> None:
    async def scene(transport: TelephonyTransport, wire: Wire, ears: Ears) -> None:
        transport.play("resp_1", "item_1", 0, 0, FRAME)
        transport.mark(3, 1234.5)
        wire.says(text(wire.heard()[1] | {"sequenceNumber": "2"}))

    _, _, ears = call(scene)
    assert ears.plays == [(3, 1234.5, 20)]


def test_marks_that_a_clear_overtook_are_not_reported_though_they_come_back() -> None:
    async def scene(transport: TelephonyTransport, wire: Wire, ears: Ears) -> None:
        transport.mark(0, 5000)
        transport.stop_playback(1)
        transport.mark(1, 40)
        old, clear, new = wire.heard()
        assert clear["event"] == "clear"
        wire.says(text(old))  # at once, unheard
        wire.says(text(new))

    transport, _, ears = call(scene)
    assert [(epoch, position) for epoch, position, _ in ears.plays] == [(1, 40)]
    assert (transport.counters.overtaken_marks, transport.counters.foreign_marks) == (1, 0)


@pytest.mark.parametrize(
    "name", ["", "responsePart", "1", "1:", ":1", "1:nan", "1:inf", "-1:2", "1:-2", "1:" + "9" * 99]
)
def test_marks_that_are_not_ours_are_counted(name: str) -> None:
    async def scene(transport: TelephonyTransport, wire: Wire, ears: Ears) -> None:
        wire.says(text({"event": "mark", "mark": {"name": name}}))

    transport, _, ears = call(scene)
    assert ears.plays == []
    assert transport.counters.foreign_marks == 1


def test_keys_are_passed_on() -> None:
    async def scene(transport: TelephonyTransport, wire: Wire, ears: Ears) -> None:
        for digit in "1*#D":
            wire.says(text({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": digit}}))

    assert call(scene)[2].digits == ["1", "*", "#", "D"]


def test_gaps_in_the_numbers_are_counted_whatever_the_message() -> None:
    async def scene(transport: TelephonyTransport, wire: Wire, ears: Ears) -> None:
        wire.says(sound(2))
        wire.says(sound(3))
        wire.says(sound(5))
        wire.says(text({"event": "mark", "sequenceNumber": "6", "mark": {"name": "0:0.0"}}))
        wire.says(sound(9))

    assert call(scene)[0].counters.sequence_gaps == 2


def test_sound_before_the_call_is_announced_is_dropped_and_counted() -> None:
    async def run() -> None:
        wire, ears = Wire(), Ears()
        transport = TelephonyTransport(TwilioCodec(), wire)
        opening = asyncio.create_task(transport.open(ears))
        await asyncio.sleep(0)
        wire.says(sound(1))
        transport.play("resp_1", "item_1", 0, 0, FRAME)
        assert wire.sent == []
        wire.says(text(START))
        await opening
        assert ears.frames == []
        assert transport.counters.early_frames == 1
        assert transport.counters.unqueued_frames == 1

    asyncio.run(run())


def test_a_carrier_that_announces_nothing_is_let_go() -> None:
    async def run() -> tuple[int, str] | None:
        wire = Wire()
        with pytest.raises(PeerGone):
            await TelephonyTransport(TwilioCodec(), wire, start_within_s=0.01).open(Ears())
        return wire.closed

    assert asyncio.run(run()) == (1008, "no call was announced")


def test_a_carrier_that_goes_before_the_call_is_a_peer_gone() -> None:
    async def run() -> None:
        wire, ears = Wire(), Ears()
        opening = asyncio.create_task(TelephonyTransport(TwilioCodec(), wire).open(ears))
        await asyncio.sleep(0)
        wire.peer_closes(1006)
        with pytest.raises(PeerGone):
            await opening
        assert ears.goodbyes == ["the connection was lost"]

    asyncio.run(run())


def test_stop_ends_the_call_once_and_nothing_follows() -> None:
    async def scene(transport: TelephonyTransport, wire: Wire, ears: Ears) -> None:
        wire.says(text({"event": "stop", "sequenceNumber": "2", "stop": {}}))
        wire.says(sound(3))
        wire.says(text({"event": "dtmf", "dtmf": {"digit": "1"}}))
        transport.play("resp_1", "item_1", 0, 0, FRAME)
        assert wire.sent == []

    _, wire, ears = call(scene)
    assert ears.goodbyes == ["the call ended"]
    assert ears.frames == []
    assert wire.closed == (1000, "")


def test_a_second_start_closes_the_stream() -> None:
    async def scene(transport: TelephonyTransport, wire: Wire, ears: Ears) -> None:
        wire.says(text(START))
        await asyncio.sleep(0)

    _, wire, ears = call(scene)
    assert wire.closed == (1003, "a second call on one stream")
    assert ears.goodbyes == ["a second call on one stream"]


def test_a_call_in_another_format_is_closed() -> None:
    async def run() -> tuple[int, str] | None:
        wire = Wire()
        opening = asyncio.create_task(TelephonyTransport(TwilioCodec(), wire).open(Ears()))
        await asyncio.sleep(0)
        wire.says(text(START).replace(b"audio/x-mulaw", b"audio/x-l16"))
        with pytest.raises(PeerGone):
            await opening
        return wire.closed

    closed = asyncio.run(run())
    assert closed is not None
    assert closed[0] == 1003


def test_sound_beyond_the_carriers_queue_is_kept_back_and_counted() -> None:
    minute = AudioFrame(PCMU_8K, b"\x10" * 480_000)

    async def scene(transport: TelephonyTransport, wire: Wire, ears: Ears) -> None:
        for _ in range(12):
            transport.play("resp_1", "item_1", 0, 0, minute)
        assert len(wire.heard()) == 10
        transport.stop_playback(1)
        transport.play("resp_2", "item_2", 0, 0, minute)
        assert [message["event"] for message in wire.heard()] == ["clear", "media"]

    assert call(scene)[0].counters.unqueued_frames == 2


def test_malformed_messages_in_a_row_end_the_call_and_good_ones_forgive() -> None:
    async def scene(transport: TelephonyTransport, wire: Wire, ears: Ears) -> None:
        for number in range(20):
            wire.says(b"nonsense")
            wire.says_binary(b"\0")
            wire.says(sound(number))
        assert wire.closed is None
        for _ in range(3):
            wire.says(b"nonsense")
        await asyncio.sleep(0)

    transport, wire, ears = call(scene, patience=3)
    assert transport.counters.malformed == 43
    assert wire.closed == (1008, "too many malformed messages")
    assert ears.goodbyes == ["too many malformed messages"]


def mutants(seed: int, count: int) -> list[bytes]:
    """Messages that are broken in every way a seeded dice can think of."""
    dice = random.Random(seed)
    good = [text(START), sound(7), text({"event": "mark", "mark": {"name": "0:1.0"}}), b'{"event":"dtmf","dtmf":{}}']
    out = []
    for _ in range(count):
        message = bytearray(dice.choice(good[1:]))
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(message) + 1)
            message[at : at + dice.randint(0, 5)] = dice.randbytes(dice.randint(0, 4))
        out.append(bytes(message))
    return out


def test_ten_thousand_malformed_messages_neither_raise_nor_leak_nor_deafen() -> None:
    async def scene(transport: TelephonyTransport, wire: Wire, ears: Ears) -> None:
        broken = mutants(seed=1, count=5_000)

        def storm() -> None:
            for number, message in enumerate(broken):
                (wire.says if number % 9 else wire.says_binary)(message)
            ears.frames.clear()
            ears.plays.clear()
            ears.digits.clear()

        storm()
        gc.collect()
        tracemalloc.start()
        storm()
        gc.collect()
        grown_bytes = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert grown_bytes < 20_000
        assert wire.closed is None
        wire.says(sound(1, "/38="))
        assert ears.frames[-1].base64 == b"/38="

    transport, _, _ = call(scene, patience=100_000)
    assert transport.counters.malformed > 5_000
