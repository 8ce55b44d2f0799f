"""The yardstick: a bare relay on `websockets` between Twilio Media Streams and a Realtime server.

`limit` turns µ-law 8 kHz into PCM 24 kHz and back, `limit-pass` asks the engine for µ-law and moves strings. Both do
what a minimal bridge must (clear and truncate at an interruption, drop what comes late) and nothing else: no
validation, no limits, no logs, no reconnects. Run with `convert|pass PORT UPSTREAM_URL`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

Convert = Callable[[bytes], bytes]


class Relay:
    """One call."""

    def __init__(
        self, phone: ServerConnection, engine: ClientConnection, up: Convert | None, down: Convert | None
    ) -> None:
        self.phone = phone
        self.engine = engine
        self.up = up
        self.down = down
        self.stream = ""
        self.item = ""
        self.dropped = ""
        self.began_s = 0.0
        self.sent_ms = 0.0
        self.bytes_per_ms = 8 if up is None else 48

    async def uplink(self) -> None:
        async for text in self.phone:
            message = json.loads(text)
            event = message["event"]
            if event == "media":
                payload = message["media"]["payload"]
                if self.up is not None:
                    payload = base64.b64encode(self.up(base64.b64decode(payload))).decode()
                await self.engine.send('{"type":"input_audio_buffer.append","audio":"' + payload + '"}')
            elif event == "start":
                self.stream = message["streamSid"]
            elif event == "stop":
                return

    async def downlink(self) -> None:
        async for text in self.engine:
            event = json.loads(text)
            kind = event["type"]
            if kind == "response.output_audio.delta":
                await self.play(event["item_id"], event["delta"])
            elif kind == "input_audio_buffer.speech_started":
                await self.interrupt()

    async def play(self, item: str, payload: str) -> None:
        if item == self.dropped:
            return
        if item != self.item:
            self.item, self.began_s, self.sent_ms = item, time.monotonic(), 0.0
        self.sent_ms += (len(payload) * 3 // 4 - payload.count("=", -2)) / self.bytes_per_ms
        if self.down is not None:
            payload = base64.b64encode(self.down(base64.b64decode(payload))).decode()
        await self.phone.send(f'{{"event":"media","streamSid":"{self.stream}","media":{{"payload":"{payload}"}}}}')

    async def interrupt(self) -> None:
        await self.phone.send(f'{{"event":"clear","streamSid":"{self.stream}"}}')
        if not self.item:
            return
        heard_ms = int(min((time.monotonic() - self.began_s) * 1000, self.sent_ms))
        truncate = {"item_id": self.item, "content_index": 0, "audio_end_ms": heard_ms}
        await self.engine.send(json.dumps({"type": "conversation.item.truncate", **truncate}))
        self.dropped, self.item = self.item, ""

    async def run(self) -> None:
        tasks = [asyncio.create_task(self.uplink()), asyncio.create_task(self.downlink())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def session_update(converting: bool) -> str:
    format = {"type": "audio/pcm", "rate": 24_000} if converting else {"type": "audio/pcmu"}
    detection = {"type": "server_vad", "create_response": True, "interrupt_response": True}
    audio = {"input": {"format": format, "turn_detection": detection}, "output": {"format": format, "voice": "marin"}}
    session = {"type": "realtime", "output_modalities": ["audio"], "instructions": "Be brief.", "audio": audio}
    return json.dumps({"type": "session.update", "session": session})


async def main(mode: str, port: int, upstream: str) -> None:
    converting = mode == "convert"
    update = session_update(converting)

    async def answer(phone: ServerConnection) -> None:
        async with connect(upstream + "?model=gpt-realtime", compression=None, max_size=None) as engine:
            await engine.send(update)
            up: Convert | None = None
            down: Convert | None = None
            if converting:
                from tests.benchmarks.bridge.rates import Downsampler, Upsampler

                up, down = Upsampler(), Downsampler()
            await Relay(phone, engine, up, down).run()

    async with serve(answer, "127.0.0.1", port, compression=None, backlog=1024):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
