# mypy: ignore-errors
# (its packages live in an environment of its own)
"""LiveKit Agents: an AgentSession per call with audio in and out of our own, without a LiveKit server.

All sessions share this process; LiveKit's own deployment runs a process per session. Its bundled VAD is off, as the
engine detects turns."""

import asyncio
import base64
import json
import os
import time

import aiohttp
import numpy as np
from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice import io
from livekit.plugins import openai
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

RATE_HZ = 8_000
CODES = ~np.arange(256, dtype=np.uint8)
MAGNITUDES = (((CODES & 15).astype(np.int32) << 3) + 132 << (CODES >> 4 & 7)) - 132
TO_LINEAR = np.where(CODES & 128, -MAGNITUDES, MAGNITUDES).astype(np.int16)
_ORDER = np.argsort(TO_LINEAR, kind="stable")
_LEVELS = TO_LINEAR[_ORDER].astype(np.int32)
_ALL = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)
TO_CODE = _ORDER[np.searchsorted((_LEVELS[1:] + _LEVELS[:-1]) / 2, _ALL)].astype(np.uint8)


class Ear(io.AudioInput):
    def __init__(self):
        super().__init__(label="telephone")
        self.frames = asyncio.Queue()

    async def __anext__(self):
        frame = await self.frames.get()
        if frame is None:
            raise StopAsyncIteration
        return frame


class Mouth(io.AudioOutput):
    """A burst is played from its first frame on; `flush` is its end, `clear_buffer` an interruption."""

    def __init__(self, phone, stream):
        super().__init__(label="telephone", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=RATE_HZ)
        self.phone = phone
        self.stream = stream
        self.queued_s = self.began_s = 0.0
        self.ending = None

    async def capture_frame(self, frame):
        await super().capture_frame(frame)
        if not self.queued_s:
            self.began_s = time.time()
            self.on_playback_started(created_at=self.began_s)
        self.queued_s += frame.duration
        payload = base64.b64encode(TO_CODE[np.frombuffer(frame.data, np.uint16)].tobytes()).decode()
        await self.say({"event": "media", "media": {"payload": payload}})

    def flush(self):
        super().flush()
        if self.queued_s and self.ending is None:
            left = max(0.0, self.began_s + self.queued_s - time.time())
            self.ending = asyncio.get_running_loop().call_later(left, self.finish, False)

    def clear_buffer(self):
        if self.queued_s:
            self.clearing = asyncio.ensure_future(self.say({"event": "clear"}))
            self.finish(True)

    def finish(self, interrupted):
        if self.ending is not None:
            self.ending.cancel()
            self.ending = None
        heard_s, self.queued_s = min(self.queued_s, time.time() - self.began_s), 0.0
        self.on_playback_finished(playback_position=heard_s, interrupted=interrupted)

    async def say(self, message):
        try:
            await self.phone.send(json.dumps({**message, "streamSid": self.stream}))
        except ConnectionClosed:
            return


async def main():
    async with aiohttp.ClientSession() as http:

        async def answer(phone):
            ear, session = Ear(), None
            try:
                async for text in phone:
                    message = json.loads(text)
                    if message["event"] == "media":
                        data = base64.b64decode(message["media"]["payload"])
                        samples = TO_LINEAR[np.frombuffer(data, np.uint8)]
                        ear.frames.put_nowait(rtc.AudioFrame(samples.tobytes(), RATE_HZ, 1, len(samples)))
                    elif message["event"] == "start":
                        session = await start(http, phone, ear, message["streamSid"])
            finally:
                ear.frames.put_nowait(None)
                if session is not None:
                    await session.aclose()

        async with serve(answer, "127.0.0.1", int(os.environ["PORT"]), compression=None):
            await asyncio.get_running_loop().create_future()


async def start(http, phone, ear, stream):
    key, url = os.environ["OPENAI_API_KEY"], os.environ["UPSTREAM_URL"]
    url = url.removesuffix("/realtime")
    model = openai.realtime.RealtimeModel(base_url=url, api_key=key, http_session=http)
    session = AgentSession(llm=model, vad=None, aec_warmup_duration=None)
    session.input.audio = ear
    session.output.audio = Mouth(phone, stream)
    await session.start(Agent(instructions="Be brief."), record=False)
    return session


asyncio.run(main())
