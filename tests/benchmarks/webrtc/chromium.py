"""How late sound is between a real browser and us: headless Chromium on this machine, both on one clock."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route

from tests.benchmarks.webrtc.ears import Counting
from tests.benchmarks.webrtc.gaps import gap_ms, levels_of, levels_of_powers
from voice.audio.frames import PCM_24K, AudioFrame
from voice.config.records import RtcSettings
from voice.transports.rtp import is_rtcp
from voice.transports.webrtc import WebRtcTransport, answer_offer

PAGE = Path(__file__).with_name("page.html")
LOUD = 1_000
PATIENCE_S = 90.0
LOSS, LOSS_AGAIN = 0.05, 0.4
BLOCK_MS = 10.0
PIECES, PIECE_MS = 4, 128 / 48
"""Of what the page hears: sums over 128 samples, four of them to a block."""
EDGE_MS = 500.0
RATE_HZ = PCM_24K.rate_hz
BURST = (9_000 * np.sin(2 * np.pi * 700 * np.arange(2_400) / RATE_HZ)).astype("<i2").tobytes()


def hum(seconds: float) -> bytes:
    """An even vowel, about."""
    times = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    wave = sum(np.sin(2 * np.pi * 200 * harmonic * times) for harmonic in range(1, 7))
    return np.asarray(2_000 * wave).astype("<i2").tobytes()


def has_chromium() -> bool:
    return browser() is not None


def browser() -> str | None:
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


async def measure_latency() -> dict[str, float]:
    """Milliseconds: connecting; medians of microphone to server and server to ear, before losses and after; and what is
    missing of a steady sound for each packet that is lost, at both ends."""
    scene = Scene()
    server = uvicorn.Server(uvicorn.Config(scene.app, host="127.0.0.1", port=0, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    with tempfile.TemporaryDirectory() as profile:
        process = await asyncio.create_subprocess_exec(
            str(browser()), "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
            "--autoplay-policy=no-user-gesture-required", f"http://127.0.0.1:{port}/",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with asyncio.timeout(PATIENCE_S):
                result = await scene.result
        finally:
            process.terminate()
            await process.wait()
            await scene.close()
            server.should_exit = True
            await serving
    return scene.figures(result)


class Ear(Counting):
    """When each burst of the person's was there, decoded; and all that came while it is told to keep it."""

    def __init__(self) -> None:
        self.at_ms: list[float] = []
        self.kept: list[bytes] | None = None
        self._silent = 99

    def receive_frame(self, frame: AudioFrame) -> None:
        loud = int(np.abs(np.frombuffer(frame.data, "<i2")).max()) > LOUD
        if loud and self._silent > 5:
            self.at_ms.append(time.time() * 1000)
        self._silent = 0 if loud else self._silent + 1
        if self.kept is not None:
            self.kept.append(frame.data)


class Line:
    """One direction's packets of sound: while the weather is bad, some of them are lost, often two in a row."""

    def __init__(self, seed: int) -> None:
        self.losing = False
        self.lost = 0
        self._random = random.Random(seed)
        self._lost_before = False

    def loses(self, data: bytes) -> bool:
        """Whether this datagram is one that does not arrive."""
        if not self.losing or is_rtcp(data):
            return False
        self._lost_before = self._random.random() < (LOSS_AGAIN if self._lost_before else LOSS)
        self.lost += self._lost_before
        return self._lost_before


class Scene:
    """One call with the page, which says what comes next."""

    def __init__(self) -> None:
        self.app = Starlette(
            routes=[
                Route("/", self._page),
                Route("/offer", self._offer, methods=["POST"]),
                Route("/bursts", self._bursts, methods=["POST"]),
                Route("/weather", self._weather, methods=["POST"]),
                Route("/hum", self._hum, methods=["POST"]),
                Route("/result", self._result, methods=["POST"]),
            ]
        )
        self.result: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._ear = Ear()
        self._transport: WebRtcTransport
        self._tasks: list[asyncio.Task[None]] = []
        self._played_at_ms: list[float] = []
        self._weather_at_ms: list[float] = []
        self._here, self._there = Line(2), Line(3)
        self._lost_before_hum = (0, 0)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await self._transport.close()

    def figures(self, result: dict[str, Any]) -> dict[str, float]:
        if "error" in result:
            raise RuntimeError(f"the page failed: {result['error']}")
        return {
            "connect_ms": float(result["connect_ms"]),
            **self._latencies("mic_to_server", result["spoken"], self._ear.at_ms),
            **self._latencies("server_to_ear", self._played_at_ms, result["heard"]),
            **self._gaps(result["hummed"]),
        }

    def _latencies(self, name: str, causes: list[float], effects: list[float]) -> dict[str, float]:
        worse_ms, fair_ms = self._weather_at_ms[:2]
        delays = delays_ms(causes, effects)
        return {
            f"{name}_ms": median(delay for at, delay in delays if at < worse_ms),
            f"{name}_after_loss_ms": median(delay for at, delay in delays if at > fair_ms),
        }

    def _gaps(self, hummed: list[float]) -> dict[str, float]:
        """What was missing of the hums, by the packets that were lost of each."""
        lost = [
            line.lost - before for line, before in zip((self._here, self._there), self._lost_before_hum, strict=True)
        ]
        if min(lost) < 5:
            raise RuntimeError(f"only {lost} packets were lost")
        here = np.frombuffer(b"".join(self._ear.kept or ()), "<i2")
        edge = int(EDGE_MS * RATE_HZ / 1000)
        ours = gap_ms(levels_of(here[edge:-edge], int(BLOCK_MS * RATE_HZ / 1000)), BLOCK_MS)
        edge = int(EDGE_MS / PIECE_MS)
        theirs = gap_ms(levels_of_powers(hummed[edge:-edge], PIECES), PIECES * PIECE_MS)
        return {
            "mic_gap_ms_per_lost_packet": ours / lost[0],
            "ear_gap_ms_per_lost_packet": theirs / lost[1],
        }

    async def _page(self, request: Request) -> HTMLResponse:
        return HTMLResponse(PAGE.read_text())

    async def _result(self, request: Request) -> PlainTextResponse:
        self.result.set_result(json.loads(await request.body()))
        return PlainTextResponse("thanks")

    async def _offer(self, request: Request) -> PlainTextResponse:
        self._transport = await answer_offer((await request.body()).decode(), RtcSettings())
        self._tasks.append(asyncio.create_task(self._open()))
        return PlainTextResponse(self._transport.answer_sdp)

    async def _bursts(self, request: Request) -> PlainTextResponse:
        self._tasks.append(asyncio.create_task(self._talk()))
        return PlainTextResponse("ours, too")

    async def _weather(self, request: Request) -> PlainTextResponse:
        self._weather_at_ms.append(time.time() * 1000)
        self._here.losing = self._there.losing = await request.body() == b"losing"
        return PlainTextResponse("so be it")

    async def _hum(self, request: Request) -> PlainTextResponse:
        self._tasks[-1].cancel()
        self._lost_before_hum = (self._here.lost, self._there.lost)
        self._transport.play("resp", "item", 0, 0, AudioFrame(PCM_24K, hum(float(await request.body()) + 1)))
        asyncio.get_running_loop().call_later(1.5, self._keep)
        return PlainTextResponse("hm")

    def _keep(self) -> None:
        self._ear.kept = []

    async def _open(self) -> None:
        """Take the call, and let packets get lost at our own socket: theirs on the way in, ours on the way out."""
        transport = self._transport
        await transport.open(self._ear)
        path, media = transport._peer.path, transport._media
        assert media is not None
        receive, send = path._receive_media, media._send_datagram

        def send_some(data: bytes) -> bool:
            return True if self._there.loses(data) else send(data)

        path._receive_media = lambda data: None if self._here.loses(data) else receive(data)
        media._send_datagram = send_some

    async def _talk(self) -> None:
        """Bursts of ours between the page's."""
        odds = random.Random(1)
        while True:
            self._played_at_ms.append(time.time() * 1000)
            self._transport.play("resp", "item", 0, 0, AudioFrame(PCM_24K, BURST))
            await asyncio.sleep(odds.uniform(0.5, 0.6))


def delays_ms(causes: list[float], effects: list[float]) -> list[tuple[float, float]]:
    """For each cause the first effect behind it, within 0.4 s."""
    found = []
    for cause in causes:
        behind = [effect - cause for effect in effects if 0 <= effect - cause < 400]
        if behind:
            found.append((cause, min(behind)))
    return found
