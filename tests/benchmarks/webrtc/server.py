"""The server's side of the CPU measurement, in a process of its own: `python -m tests.benchmarks.webrtc.server ours`.

One JSON object per line: `{"offer": sdp}` is answered with `{"answer": sdp}`, `{"measure": s}` with
`{"cpu_ms": …, "frames": …}` of so many seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from fractions import Fraction
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame as AvFrame

from tests.benchmarks.webrtc.ears import Counting
from tests.benchmarks.webrtc.speech import speech
from voice.audio.frames import PCM_24K, AudioFrame
from voice.config.records import RtcSettings
from voice.net.loop import run
from voice.transports.webrtc import answer_offer

SETTINGS = RtcSettings(addresses=("127.0.0.1",))


class Ours:
    """Our transport, fed a second of sound every second, as an engine would."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    async def answer(self, sdp: str) -> str:
        transport = await answer_offer(sdp, SETTINGS)
        self._tasks.append(asyncio.create_task(self._talk(transport)))
        return transport.answer_sdp

    async def _talk(self, transport: Any) -> None:
        await transport.open(Counting())
        second = speech(PCM_24K.rate_hz).astype("<i2").tobytes()
        while True:
            transport.play("resp", "item", 0, 0, AudioFrame(PCM_24K, second))
            await asyncio.sleep(1.0)


class Voice(MediaStreamTrack):
    """What stock aiortc is fed: 20 ms of 48 kHz at the pace of the clock."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._sound = speech(48_000).astype("<i2")
        self._number = 0
        self._began_s = 0.0

    async def recv(self) -> AvFrame:
        loop = asyncio.get_running_loop()
        self._began_s = self._began_s or loop.time()
        wait_s = self._began_s + self._number * 0.02 - loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        start = self._number * 960 % (len(self._sound) - 960)
        frame = AvFrame(format="s16", layout="mono", samples=960)
        frame.planes[0].update(self._sound[start : start + 960].tobytes())
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._number * 960, Fraction(1, 48_000)
        self._number += 1
        return frame


class Stock:
    """aiortc as its own examples use it."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._peers: list[RTCPeerConnection] = []

    async def answer(self, sdp: str) -> str:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peers.append(peer)
        peer.addTrack(Voice())
        peer.on("track", lambda track: self._tasks.append(asyncio.create_task(self._listen(track))))
        await peer.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return str(peer.localDescription.sdp)

    async def _listen(self, track: Any) -> None:
        try:
            while True:
                frame = await track.recv()
                np.frombuffer(bytes(frame.planes[0]), "<i2")
                Counting.frames += 1
        except MediaStreamError:
            return


async def measure(seconds: float) -> dict[str, float]:
    frames, began = Counting.frames, time.process_time()
    await asyncio.sleep(seconds)
    return {"cpu_ms": (time.process_time() - began) * 1000, "frames": Counting.frames - frames}


async def serve(kind: str) -> None:
    server = Ours() if kind == "ours" else Stock()
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        order = json.loads(line)
        if "offer" in order:
            result: dict[str, Any] = {"answer": await server.answer(order["offer"])}
        else:
            result = await measure(order["measure"])
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    run(serve(sys.argv[1]))
