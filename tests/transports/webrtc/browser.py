"""A client made of stock aiortc, as a browser would be one: it offers, speaks, listens and writes events.

What it sends and gets goes over real sockets on the loopback interface; `Weather` makes these as bad as wanted.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame as AvFrame
from numpy.typing import NDArray

from voice.config.records import RtcSettings
from voice.transports.webrtc.sockets import gather_by

RATE_HZ = 48_000
FRAME = 960
LOOPBACK = RtcSettings(addresses=("127.0.0.1",))

Samples = NDArray[np.int16]


@dataclass
class Weather:
    """What befalls the sound's packets of one direction: seeded, so that it befalls the same ones every time."""

    loss: float = 0.0
    jitter_ms: float = 0.0
    seed: int = 1
    drop: frozenset[int] = frozenset()
    """Numbers of packets, counted from 0, that are lost whatever the odds."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.seen = self.dropped = 0

    def wrap(self, send: Callable[..., None]) -> Callable[..., None]:
        """The same sending, in this weather. Only RTP is touched."""

        def sendto(data: bytes, address: Any = None) -> None:
            is_rtp = 128 <= data[0] <= 191 and not 192 <= data[1] <= 223
            if not is_rtp:
                send(data, address)
                return
            number, self.seen = self.seen, self.seen + 1
            if number in self.drop or self._random.random() < self.loss:
                self.dropped += 1
                return
            delay_ms = self._random.uniform(0, self.jitter_ms) if self.jitter_ms else 0.0
            if delay_ms:
                asyncio.get_running_loop().call_later(delay_ms / 1000, send, data, address)
            else:
                send(data, address)

        return sendto


class Microphone(MediaStreamTrack):
    """Speaks what it is given at the pace of a microphone, and remembers when each frame was spoken."""

    kind = "audio"

    def __init__(self, sound: Samples | None = None) -> None:
        super().__init__()
        self.sound: Samples = np.zeros(0, np.int16) if sound is None else sound
        self.spoken_at_s: list[float] = []
        self._began_s: float | None = None

    async def recv(self) -> AvFrame:
        loop = asyncio.get_running_loop()
        if self._began_s is None:
            self._began_s = loop.time()
        number = len(self.spoken_at_s)
        wait_s = self._began_s + number * 0.02 - loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        if self.readyState != "live":
            raise MediaStreamError
        piece = self.sound[number * FRAME : (number + 1) * FRAME]
        frame = AvFrame(format="s16", layout="mono", samples=FRAME)
        frame.planes[0].update(np.pad(piece, (0, FRAME - len(piece))).astype("<i2").tobytes())
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, number * FRAME, Fraction(1, RATE_HZ)
        self.spoken_at_s.append(loop.time())
        return frame


class Browser:
    """One client. `heard` is what its loudspeaker would play: stock aiortc's own buffer and decoder."""

    def __init__(self, sound: Samples | None = None, *, channel: bool = True) -> None:
        self.microphone = Microphone(sound)
        self.heard: list[tuple[float, Samples]] = []
        self.events: list[dict[str, Any]] = []
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peer.addTrack(self.microphone)
        self.channel: RTCDataChannel | None = self.peer.createDataChannel("oai-events") if channel else None
        if self.channel is not None:
            self.channel.on("message", lambda text: self.events.append(json.loads(text)))
        self.open = asyncio.Event()
        if self.channel is not None:
            self.channel.on("open", self.open.set)
        self._listening: asyncio.Task[None] | None = None
        self.peer.on("track", self._listen)
        for transport in self._ice():
            gather_by(LOOPBACK, transport._connection)

    async def offer(self) -> str:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription.sdp

    async def accept(self, answer_sdp: str) -> None:
        await self.peer.setRemoteDescription(RTCSessionDescription(answer_sdp, "answer"))

    def say(self, event: dict[str, Any]) -> None:
        assert self.channel is not None
        self.channel.send(json.dumps(event))

    def types(self) -> list[str]:
        """The types of the events it was told, in order."""
        return [event["type"] for event in self.events]

    def sound(self) -> Samples:
        """All it heard, one channel."""
        return np.concatenate([piece for _, piece in self.heard]) if self.heard else np.zeros(0, np.int16)

    def send_in(self, weather: Weather) -> None:
        """From now on its own packets meet this weather."""
        for transport in self._ice():
            pair = transport._connection._nominated[1]
            sender = pair.protocol.transport
            pair.protocol.transport = _Wrapped(sender, weather.wrap(sender.sendto))

    def vanish(self) -> None:
        """As when a battery is empty: nothing is sent or answered any more."""
        for transport in self._ice():
            for protocol in transport._connection._protocols:
                protocol.transport = _Wrapped(protocol.transport, lambda data, address=None: None)

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
        await self.peer.close()

    @property
    def ice(self) -> Any:
        """The transport that is in use."""
        return self.peer.getTransceivers()[0].receiver.transport.transport

    def _ice(self) -> list[Any]:
        transports = {transceiver.receiver.transport.transport for transceiver in self.peer.getTransceivers()}
        if self.peer.sctp is not None:
            transports.add(self.peer.sctp.transport.transport)
        return list(transports)

    def _listen(self, track: MediaStreamTrack) -> None:
        self._listening = asyncio.get_running_loop().create_task(self._hear(track))

    async def _hear(self, track: MediaStreamTrack) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                frame: Any = await track.recv()
            except MediaStreamError:
                return
            both = np.frombuffer(bytes(frame.planes[0])[: frame.samples * 4], "<i2")
            self.heard.append((loop.time(), both[::2].copy()))


class _Wrapped:
    """A datagram transport whose `sendto` is another."""

    def __init__(self, inner: Any, sendto: Callable[..., None]) -> None:
        self._inner = inner
        self.sendto = sendto

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
