"""What 20 ms of a telephone call costs at the carrier's end, in each direction and without the socket."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from timeit import repeat

from tests.transports.people import Ears, Wire
from voice.audio.frames import PCMU_8K, AudioFrame
from voice.transports.base import TransportListener
from voice.transports.telephony.stream import TelephonyTransport
from voice.transports.telephony.twilio import TwilioCodec

METHOD = "20 ms of µ-law through TelephonyTransport, best of 50 rounds of 2,000 frames; nothing is written to a socket"

_SID = "MZ" + "1a" * 16
_START = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": _SID,
    "start": {
        "streamSid": _SID,
        "callSid": "CA" + "2b" * 16,
        "accountSid": "AC" + "3c" * 16,
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    },
}
_ROUND, _ROUNDS = 2_000, 50


class _Sink(Wire):
    """A socket on the way to nowhere."""

    def send_text(self, data: bytes) -> None:
        """Nothing is kept."""


class _Passage(Ears):
    """A session that lets sound pass by."""

    def receive_frame(self, frame: AudioFrame) -> None:
        """Nothing is kept."""


async def _call(listener: TransportListener) -> TelephonyTransport:
    transport = TelephonyTransport(TwilioCodec(), _Sink())
    opening = asyncio.create_task(transport.open(listener))
    await asyncio.sleep(0)
    transport.receive_text(json.dumps(_START).encode())
    await opening
    return transport


def _messages() -> list[bytes]:
    """As Twilio spells them, each with its own numbers and sound."""
    pattern = (
        b'{"event":"media","sequenceNumber":"%d","media":{"track":"inbound","chunk":"%d","timestamp":"%d",'
        b'"payload":"%b"},"streamSid":"%b"}'
    )
    sounds = [AudioFrame(PCMU_8K, os.urandom(160)).base64 for _ in range(_ROUND)]
    return [pattern % (n + 2, n + 1, n * 20, sound, _SID.encode()) for n, sound in enumerate(sounds)]


async def _measure() -> dict[str, float]:
    transport = await _call(_Passage())
    messages = _messages()
    odd = [json.dumps(json.loads(message)).encode() for message in messages]
    frames = [AudioFrame(PCMU_8K, base64=json.loads(message)["media"]["payload"].encode()) for message in messages]
    codec = TwilioCodec()

    def inbound(said: list[bytes]) -> None:
        for message in said:
            transport.receive_text(message)

    def outbound() -> None:
        transport.stop_playback(0)  # the carrier's queue is not what is measured
        for frame in frames:
            transport.play("resp_1", "item_1", 0, 0, frame)

    def decode() -> None:
        for message in messages:
            codec.media(message)

    def cost(work: Callable[[], None], rounds: int = _ROUNDS) -> float:
        return min(repeat(work, number=1, repeat=rounds)) / _ROUND * 1e6

    return {
        "inbound_us_per_frame": cost(lambda: inbound(messages)),
        "inbound_decode_us_per_frame": cost(decode),
        "inbound_unusual_us_per_frame": cost(lambda: inbound(odd), 10),
        "outbound_us_per_frame": cost(outbound),
    }


def run() -> dict[str, float]:
    return asyncio.run(_measure())


def table(figures: dict[str, float]) -> list[tuple[str, str]]:
    return [
        ("a frame from the carrier to the session", f"{figures['inbound_us_per_frame']:.2f} µs"),
        ("of which the dialect", f"{figures['inbound_decode_us_per_frame']:.2f} µs"),
        ("the same in an unusual spelling", f"{figures['inbound_unusual_us_per_frame']:.2f} µs"),
        ("a frame from the session to the carrier", f"{figures['outbound_us_per_frame']:.2f} µs"),
    ]
