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
from voice.audio.frames import PCM_24K, AudioFrame
from voice.config.records import RtcSettings
from voice.transports.rtp import is_rtcp
from voice.transports.webrtc import WebRtcTransport, answer_offer

PAGE = Path(__file__).with_name("page.html")
LOUD = 1_000
PATIENCE_S = 60.0
LOSSES_BEGIN_S, LOSSES_END_S = 7.0, 9.5
BURST = (9_000 * np.sin(2 * np.pi * 700 * np.arange(2_400) / 24_000)).astype("<i2").tobytes()


def has_chromium() -> bool:
    return browser() is not None


def browser() -> str | None:
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


async def measure_latency() -> dict[str, float]:
    """Milliseconds, medians: connecting, microphone to server before and after losses, server to ear."""
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


class Onsets(Counting):
    """When each burst of the person's was there, decoded."""

    def __init__(self) -> None:
        self.at_ms: list[float] = []
        self._silent = 99

    def receive_frame(self, frame: AudioFrame) -> None:
        loud = int(np.abs(np.frombuffer(frame.data, "<i2")).max()) > LOUD
        if loud and self._silent > 5:
            self.at_ms.append(time.time() * 1000)
        self._silent = 0 if loud else self._silent + 1


class Scene:
    """One call with the page."""

    def __init__(self) -> None:
        self.app = Starlette(
            routes=[
                Route("/", self._page),
                Route("/offer", self._offer, methods=["POST"]),
                Route("/result", self._result, methods=["POST"]),
            ]
        )
        self.result: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._ears = Onsets()
        self._transport: WebRtcTransport | None = None
        self._task: asyncio.Task[None] | None = None
        self._played_at_ms: list[float] = []
        self._losses_ms = (0.0, 0.0)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            await self._transport.close()

    def figures(self, result: dict[str, Any]) -> dict[str, float]:
        if "error" in result:
            raise RuntimeError(f"the page failed: {result['error']}")
        arrived = delays_ms(result["spoken"], self._ears.at_ms)
        before = [delay for at, delay in arrived if at < self._losses_ms[0]]
        after = [delay for at, delay in arrived if at > self._losses_ms[1]]
        heard = [delay for _, delay in delays_ms(self._played_at_ms, result["heard"])]
        return {
            "connect_ms": float(result["connect_ms"]),
            "mic_to_server_ms": median(before),
            "mic_to_server_after_loss_ms": median(after),
            "server_to_ear_ms": median(heard),
        }

    async def _page(self, request: Request) -> HTMLResponse:
        return HTMLResponse(PAGE.read_text())

    async def _result(self, request: Request) -> PlainTextResponse:
        self.result.set_result(json.loads(await request.body()))
        return PlainTextResponse("thanks")

    async def _offer(self, request: Request) -> PlainTextResponse:
        self._transport = await answer_offer((await request.body()).decode(), RtcSettings())
        self._task = asyncio.create_task(self._talk(self._transport))
        return PlainTextResponse(self._transport.answer_sdp)

    async def _talk(self, transport: WebRtcTransport) -> None:
        """Bursts of ours between the page's, and losses of its packets in the middle."""
        await transport.open(self._ears)
        now_ms = time.time() * 1000
        self._losses_ms = (now_ms + LOSSES_BEGIN_S * 1000, now_ms + LOSSES_END_S * 1000)
        self._lose(transport)
        odds = random.Random(1)
        await asyncio.sleep(2.0)
        while True:
            self._played_at_ms.append(time.time() * 1000)
            transport.play("resp", "item", 0, 0, AudioFrame(PCM_24K, BURST))
            await asyncio.sleep(odds.uniform(0.5, 0.6))

    def _lose(self, transport: WebRtcTransport) -> None:
        path, odds = transport._peer.path, random.Random(2)
        receive, lost_before = path._receive_media, [False]

        def lossy(data: bytes) -> None:
            stormy = self._losses_ms[0] < time.time() * 1000 < self._losses_ms[1]
            if stormy and not is_rtcp(data) and odds.random() < (0.4 if lost_before[0] else 0.05):
                lost_before[0] = not lost_before[0]
                return
            receive(data)

        path._receive_media = lossy


def delays_ms(causes: list[float], effects: list[float]) -> list[tuple[float, float]]:
    """For each cause the first effect behind it, within 0.4 s."""
    found = []
    for cause in causes:
        behind = [effect - cause for effect in effects if 0 <= effect - cause < 400]
        if behind:
            found.append((cause, min(behind)))
    return found
