"""The load: K telephone calls speaking Twilio Media Streams, as a process of its own.

Says `first` when one call has had a reply, waits for `go`, calls K - 1 more times, says `warm`, and at `stop`
prints one JSON object of everything it sent and heard.
"""

from __future__ import annotations

import argparse
import asyncio
import binascii
import json
import time
from collections.abc import AsyncIterator

import numpy as np

from tests.benchmarks.bridge.control import commands, run, say
from tests.benchmarks.bridge.g711 import decode
from tests.benchmarks.bridge.markers import Detector
from tests.benchmarks.bridge.playback import Playback
from tests.benchmarks.bridge.script import CYCLE, RATE_HZ, TICK_MS, Script
from tests.benchmarks.bridge.wire import WireSocket

TICK_S = TICK_MS / 1000
REHEARSAL_S = 3.2  # the first caller's first reply has ended by then
SETTLE_S = 0.6  # what is in flight at the end lands
SILENCE_PEAK = 64
TOGETHER_S = 0.0004  # frames due this close leave in one wake-up


class Call(WireSocket):
    """One telephone call."""

    def __init__(self, number: int, path: str, script: Script) -> None:
        super().__init__(connects_to=path)
        self.number = number
        self.script = script
        self.dialled_s = time.monotonic()
        self.gone_s = 0.0
        self.closing = False
        self.sent: list[tuple[float, int, int]] = []
        self.playback = Playback()
        self._detector = Detector(RATE_HZ)
        self._stream = f"MZ{number:032x}"
        self._tail = b'"},"streamSid":"%s"}' % self._stream.encode()
        self._frames = 0

    def handle_open(self) -> None:
        self.send(b'{"event":"connected","protocol":"Call","version":"1.0.0"}')
        start = {
            "streamSid": self._stream,
            "accountSid": "AC" + "0" * 32,
            "callSid": f"CA{self.number:032x}",
            "tracks": ["inbound"],
            "customParameters": {},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE_HZ, "channels": 1},
        }
        message = {"event": "start", "sequenceNumber": "1", "streamSid": self._stream, "start": start}
        self.send(json.dumps(message).encode())

    def handle_gone(self) -> None:
        if not self.closing:
            self.gone_s = time.monotonic()

    def speak(self, tick: int) -> None:
        """Send the frame of this tick and echo the marks that have been played by now."""
        symbol = self.script.symbol(tick)
        now = time.monotonic()
        self._frames += 1
        self.send(
            b'{"event":"media","sequenceNumber":"%d","media":{"track":"inbound","chunk":"%d","timestamp":"%d","payload":"%s'
            % (self._frames + 1, self._frames, self._frames * TICK_MS, self.script.payload(tick, symbol))
            + self._tail
        )
        if symbol is not None:
            self.sent.append((now, self._frames, int(symbol)))
        for name in self.playback.due_marks(now):
            self._echo(name)

    def receive_text(self, data: bytes) -> None:
        now = time.monotonic()
        message = json.loads(data)
        match message.get("event"):
            case "media":
                self._hear(binascii.a2b_base64(message["media"]["payload"]), now)
            case "mark":
                self.playback.mark(now, message["mark"]["name"])
            case "clear":
                self._detector.forget()
                for name in self.playback.clear(now):
                    self._echo(name)

    def _hear(self, data: bytes, now: float) -> None:
        samples = decode(data)
        heard = self._detector.feed(samples, now)
        voiced = bool(samples.max() > SILENCE_PEAK)
        self.playback.media(now, len(samples) * 1000 / RATE_HZ, heard, voiced=voiced)

    def _echo(self, name: str) -> None:
        message = {"event": "mark", "streamSid": self._stream, "mark": {"name": name}}
        self.send(json.dumps(message).encode())

    def hang_up(self) -> None:
        self.closing = True
        self.send(json.dumps({"event": "stop", "streamSid": self._stream, "stop": {}}).encode())
        self.close()

    def report(self) -> dict[str, object]:
        return {
            "number": self.number,
            "dialled_s": self.dialled_s,
            "gone_s": self.gone_s,
            "sent": self.sent,
            "clears": self.playback.clears,
            "replies": [reply.as_list() for reply in self.playback.replies],
        }


class Exchange:
    """All the calls and the clock that lets each speak every 20 ms, evenly spread over them."""

    def __init__(self, port: int, path: str, size: int) -> None:
        self.port = port
        self.path = path
        self.size = size
        self.epoch_s = time.monotonic()
        self.calls: list[Call] = []
        self.refused = 0
        self.lags_ms: list[float] = []

    async def dial(self, number: int) -> None:
        """The first caller speaks at once; the others are spread over the cycle."""
        begin = int((time.monotonic() - self.epoch_s) / TICK_S) + 25
        offset = -begin % CYCLE if number == 0 else (number * CYCLE // self.size + number % 7) % CYCLE
        call = Call(number, self.path, Script(number, offset))
        try:
            await asyncio.get_running_loop().create_connection(lambda: call, "127.0.0.1", self.port)
        except OSError:
            self.refused += 1
            return
        self.calls.append(call)
        self.calls.sort(key=lambda each: each.number)

    async def keep_time(self) -> None:
        """For ever: every call's frame at its own moment of each 20 ms."""
        tick = 0
        while True:
            began = self.epoch_s + tick * TICK_S
            for call in tuple(self.calls):
                due = began + call.number * TICK_S / self.size
                wait = due - time.monotonic()
                if wait > TOGETHER_S:
                    await asyncio.sleep(wait)
                    wait = due - time.monotonic()
                if call.is_open:
                    self.lags_ms.append(max(0.0, -wait * 1000))
                    call.speak(tick)
            tick += 1
            await asyncio.sleep(max(0.0, self.epoch_s + tick * TICK_S - time.monotonic()))

    def report(self, lags: list[float]) -> dict[str, object]:
        quantiles = np.percentile(lags, (50, 99)) if lags else (0.0, 0.0)
        return {
            "calls": [call.report() for call in self.calls],
            "refused": self.refused,
            "lag_p50_ms": float(quantiles[0]),
            "lag_p99_ms": float(quantiles[1]),
        }


async def expect(lines: AsyncIterator[str], word: str) -> None:
    async for line in lines:
        if line == word:
            return
    raise SystemExit(1)


async def main(options: argparse.Namespace) -> None:
    exchange = Exchange(options.port, options.path, options.calls)
    clock = asyncio.create_task(exchange.keep_time())
    lines = commands()
    await exchange.dial(0)
    await asyncio.sleep(REHEARSAL_S)
    say("first")
    await expect(lines, "go")
    dialling = []
    for number in range(1, options.calls):
        dialling.append(asyncio.create_task(exchange.dial(number)))
        await asyncio.sleep(1 / options.ramp)
    await asyncio.gather(*dialling)
    await asyncio.sleep(options.warm_up)
    before = len(exchange.lags_ms)
    say("warm")
    await expect(lines, "stop")
    lags = exchange.lags_ms[before:]
    await asyncio.sleep(SETTLE_S)
    clock.cancel()
    report = exchange.report(lags)
    for call in exchange.calls:
        call.hang_up()
    say(json.dumps(report))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/twilio")
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--ramp", type=float, default=25.0, help="new calls per second")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds between the last call and the window")
    run(main(parser.parse_args()))
