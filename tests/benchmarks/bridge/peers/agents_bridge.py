# mypy: ignore-errors
# (its packages live in an environment of its own)
"""openai-agents: a RealtimeRunner session per call, µ-law both ways, one append per frame."""

import asyncio
import base64
import json
import os

from agents import set_tracing_disabled
from agents.realtime import RealtimeAgent, RealtimePlaybackTracker, RealtimeRunner
from websockets.asyncio.server import serve

UPSTREAM = os.environ["UPSTREAM_URL"] + "?model=gpt-realtime"
SETTINGS = {
    "input_audio_format": "g711_ulaw",
    "output_audio_format": "g711_ulaw",
    "turn_detection": {"type": "server_vad", "create_response": True, "interrupt_response": True},
}
BYTES_PER_MS = 8


class Played:
    """Tells the SDK what the telephone has heard, mark by mark."""

    def __init__(self):
        self.tracker = RealtimePlaybackTracker()
        self.waiting = {}

    def name_for(self, audio):
        name = f"m{len(self.waiting)}-{id(audio)}"
        self.waiting[name] = audio
        return name

    def echoed(self, name):
        audio = self.waiting.pop(name, None)
        if audio is not None:
            self.tracker.on_play_ms(audio.item_id, audio.content_index, len(audio.data) / BYTES_PER_MS)


async def answer(phone):
    played = Played()
    config = {
        "api_key": os.environ["OPENAI_API_KEY"],
        "url": UPSTREAM,
        "playback_tracker": played.tracker,
        "initial_model_settings": SETTINGS,
    }
    runner = RealtimeRunner(RealtimeAgent(name="assistant", instructions="Be brief."))
    stream = asyncio.get_running_loop().create_future()
    async with await runner.run(model_config=config) as session:
        speaking = asyncio.create_task(speak(phone, session, stream, played))
        try:
            async for text in phone:
                message = json.loads(text)
                if message["event"] == "media":
                    await session.send_audio(base64.b64decode(message["media"]["payload"]))
                elif message["event"] == "mark":
                    played.echoed(message["mark"]["name"])
                elif message["event"] == "start":
                    stream.set_result(message["streamSid"])
        finally:
            speaking.cancel()


async def speak(phone, session, stream, played):
    to = await stream
    async for event in session:
        if event.type == "audio":
            payload = base64.b64encode(event.audio.data).decode()
            await phone.send(json.dumps({"event": "media", "streamSid": to, "media": {"payload": payload}}))
            name = played.name_for(event.audio)
            await phone.send(json.dumps({"event": "mark", "streamSid": to, "mark": {"name": name}}))
        elif event.type == "audio_interrupted":
            await phone.send(json.dumps({"event": "clear", "streamSid": to}))


async def main():
    set_tracing_disabled(True)
    async with serve(answer, "127.0.0.1", int(os.environ["PORT"]), compression=None):
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
