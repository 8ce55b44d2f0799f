"""CPU per call: two servers, ours and stock, each in a process of its own, measured in turns with the same clients."""

from __future__ import annotations

import asyncio
import json
import sys
from fractions import Fraction
from typing import Any

from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaBlackhole
from av import Packet

from tests.benchmarks.webrtc.speech import speech
from voice.audio.frames import PCM_24K
from voice.config.records import RtcSettings
from voice.transports.webrtc import codecs
from voice.transports.webrtc.sockets import gather_by

WARM_UP_S = 1.5


async def measure_cpu(calls: int, *, seconds: float, turns: int) -> dict[str, float]:
    """CPU milliseconds per call and second of both servers, with so many calls."""
    servers = {kind: await Server.start(kind, calls) for kind in ("ours", "stock")}
    try:
        await asyncio.sleep(WARM_UP_S)
        taken: dict[str, list[float]] = {kind: [] for kind in servers}
        for _ in range(turns):
            for kind, server in servers.items():
                taken[kind].append(await server.measure(seconds) / calls / seconds)
    finally:
        for server in servers.values():
            await server.stop()
    return {
        f"cpu_ms_per_call_s_{calls}": min(taken["ours"]),
        f"stock_cpu_ms_per_call_s_{calls}": min(taken["stock"]),
    }


class Packets(MediaStreamTrack):
    """Speech that was coded beforehand: a client that costs little."""

    kind = "audio"

    def __init__(self, packets: list[bytes]) -> None:
        super().__init__()
        self._packets = packets
        self._number = 0
        self._began_s = 0.0

    async def recv(self) -> Packet[Any]:
        loop = asyncio.get_running_loop()
        self._began_s = self._began_s or loop.time()
        wait_s = self._began_s + self._number * 0.02 - loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        packet = Packet(self._packets[self._number % len(self._packets)])
        packet.pts, packet.time_base = self._number * 960, Fraction(1, 48_000)
        self._number += 1
        return packet


def coded() -> list[bytes]:
    """A second of packets."""
    encoder = codecs.new_encoder(bitrate=32_000, complexity=5, fec=False)
    pcm = speech(PCM_24K.rate_hz).astype("<i2").tobytes()
    return [encoder.encode(pcm[start : start + 960]) for start in range(0, len(pcm), 960)]


class Server:
    """One server's process and the clients that call it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._clients: list[Any] = []

    @classmethod
    async def start(cls, kind: str, calls: int) -> Server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.benchmarks.webrtc.server", kind,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20,
        )  # fmt: skip
        server = cls(process)
        packets = coded()
        for _ in range(calls):
            await server._call(packets)
        return server

    async def measure(self, seconds: float) -> float:
        """CPU milliseconds that it takes in so many seconds, all calls together.

        Raises when it did less than its work: then the figure would be of a server that leaves sound out."""
        taken = await self._ask({"measure": seconds})
        came, due = taken["frames"], seconds * 50 * len(self._clients)
        if came < 0.9 * due:
            raise RuntimeError(f"a server heard {came} frames of {due:.0f}: this machine is too busy to measure on")
        return float(taken["cpu_ms"])

    async def stop(self) -> None:
        for client in self._clients:
            await client.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.terminate()
        await self._process.wait()

    async def _call(self, packets: list[bytes]) -> None:
        client = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        client.addTrack(Packets(packets))
        gather_by(
            RtcSettings(addresses=("127.0.0.1",)), client.getTransceivers()[0].receiver.transport.transport._connection
        )
        hole = MediaBlackhole()
        client.on("track", hole.addTrack)
        await client.setLocalDescription(await client.createOffer())
        answer = (await self._ask({"offer": client.localDescription.sdp}))["answer"]
        await client.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await hole.start()
        self._clients.append(client)

    async def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        line = await self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line)
        return answer
