"""One call between a stock client and our transport, connected, for the length of a scene."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests.transports.people import Ears
from tests.transports.webrtc.browser import LOOPBACK, Browser, Samples
from tests.transports.webrtc.patience import run_patiently
from voice.audio.frames import PCM_24K, AudioFrame
from voice.protocol.codec import decode_server_event
from voice.transports.webrtc import WebRtcTransport, answer_offer


@dataclass
class Call:
    """Both ends."""

    browser: Browser
    transport: WebRtcTransport
    ears: TimedEars

    def play(self, sound: Samples, response_id: str = "resp_1", *, chunk_ms: int = 200) -> None:
        """The assistant's sound (24 kHz) as an engine delivers it: much faster than it sounds."""
        data = sound.astype("<i2").tobytes()
        size = PCM_24K.size_bytes(chunk_ms)
        for start in range(0, len(data), size):
            frame = AudioFrame(PCM_24K, data[start : start + size])
            self.transport.play(response_id, f"item_{response_id}", 0, 0, frame)

    def done(self, response_id: str = "resp_1") -> None:
        """The engine has made all of this response."""
        self.transport.send_event(server_event("response.done", response={"id": response_id}))

    async def until(self, true: Callable[[], bool], *, within_s: float = 15.0) -> None:
        """Wait for something that will be."""
        async with asyncio.timeout(within_s):
            while not true():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.005)


class TimedEars(Ears):
    """And when each frame came."""

    def __init__(self) -> None:
        super().__init__()
        self.came_at_s: list[float] = []

    def receive_frame(self, frame: AudioFrame) -> None:
        super().receive_frame(frame)
        self.came_at_s.append(asyncio.get_running_loop().time())

    @property
    def heard(self) -> Samples:
        return np.frombuffer(self.sound, "<i2")


Scene = Callable[[Call], Awaitable[None]]


def server_event(type: str, **values: Any) -> Any:
    return decode_server_event(json.dumps({"type": type, "event_id": "", **values}))


def call(
    scene: Scene, sound: Samples | None = None, *, channel: bool = True, virtual: bool = False, **settings: Any
) -> Call:
    """Play a scene; both ends are closed behind it. In `virtual` time what the browser hears means nothing: stock
    aiortc decodes it on a thread of its own."""

    async def run() -> Call:
        browser = Browser(sound, channel=channel)
        transport = await answer_offer(await browser.offer(), replace(LOOPBACK, **settings))
        await browser.accept(transport.answer_sdp)
        ears = TimedEars()
        both = Call(browser, transport, ears)
        try:
            await transport.open(ears)
            if channel:
                await browser.open.wait()
            await scene(both)
        finally:
            await transport.close()
            await browser.close()
        return both

    return run_patiently(run()) if virtual else asyncio.run(run())
