"""What a socket costs by itself: 25 connections, one 300-byte JSON text frame in and out every 20 ms.

Each server runs in a process of its own and echoes; the load comes from another process, at real-time pace, on
hand-made frames. The figure is user + system CPU seconds of the server process per session and minute.

    python -m tests.benchmarks socket [--seconds 3] [--rounds 4] [SERVER …] [--json]

Servers whose package is not installed are left out (picows, aiohttp, uvloop are no dependencies of ours).
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, cast

from tests.benchmarks.machine import tree_usage

METHOD = "25 connections, one 300-byte text frame in and out every 20 ms, real-time pace, load from another process"
CPU = "cpu_s_per_session_min"
SESSIONS = 25
FRAME_S = 0.020
MESSAGE = json.dumps({"type": "input_audio_buffer.append", "audio": "A" * 250}).encode()[:300].ljust(300)
MASK = b"\x37\xfa\x21\x3d"


# The servers: each listens on a port of its own choice, prints it, and echoes for ever


async def ours_library_parser() -> None:
    """The same driver with every frame through the library's own parser and serialiser."""
    from websockets.frames import Frame, Opcode

    from voice.net import server, websocket

    class Plain(websocket.WebSocket):
        def _send(self, first: int, data: bytes) -> None:
            self._core.send_text(data)
            self._take_from_core()
            if not self._flush_due:
                self._flush_due = True
                self._loop.call_soon(self._flush)

        def data_received(self, data: bytes) -> None:
            self._flush_due = True
            self._core.receive_data(data)
            for event in self._core.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    self._listener.receive_text(bytes(event.data))
            self._take_from_core()
            self._flush()

    setattr(server, "WebSocket", Plain)  # noqa: B010
    await ours()


async def ours() -> None:
    import uvicorn

    from voice.net.base import PendingSocket, Socket
    from voice.net.server import Upgrades

    class Echo:
        socket: Socket

        def receive_text(self, data: bytes) -> None:
            self.socket.send_text(data)

        def receive_binary(self, data: bytes) -> None: ...

        def socket_closed(self, code: int, reason: str) -> None: ...

    async def handler(pending: PendingSocket) -> None:
        echo = Echo()
        echo.socket = pending.accept(echo)

    await _uvicorn(uvicorn.Config(_no_http, ws=Upgrades({"/": handler}), http="h11", lifespan="off", log_level="error"))  # type: ignore[arg-type]


async def uvicorn_sansio() -> None:
    import uvicorn

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})

    config = uvicorn.Config(
        app, ws="websockets-sansio", http="h11", lifespan="off", log_level="error", ws_per_message_deflate=False
    )
    await _uvicorn(config)


async def websockets_server() -> None:
    from websockets.asyncio.server import ServerConnection, serve
    from websockets.exceptions import ConnectionClosed

    async def handler(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for message in connection:
                await connection.send(message)

    async with serve(handler, "127.0.0.1", 0, compression=None) as server:
        await _report_and_wait(next(iter(server.sockets)).getsockname()[1])


async def aiohttp_server() -> None:
    aiohttp = importlib.import_module("aiohttp")
    web = importlib.import_module("aiohttp.web")

    async def handler(request: Any) -> Any:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                await socket.send_str(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await _report_and_wait(runner.addresses[0][1])


async def picows_server() -> None:
    picows = importlib.import_module("picows")

    class Echo(picows.WSListener):  # type: ignore[misc, name-defined]
        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            if frame.msg_type == picows.WSMsgType.TEXT:
                transport.send(picows.WSMsgType.TEXT, frame.get_payload_as_bytes())

    server = await picows.ws_create_server(lambda _: Echo(), "127.0.0.1", 0)
    await _report_and_wait(server.sockets[0].getsockname()[1])


async def floor() -> None:
    """No websocket at all: as many bytes written as read."""

    class Bytes(asyncio.Protocol):
        transport: asyncio.Transport
        opened = False

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast(asyncio.Transport, transport)

        def data_received(self, data: bytes) -> None:
            if not self.opened:
                self.opened = True
                data = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
            self.transport.write(data)

    server = await asyncio.get_running_loop().create_server(Bytes, "127.0.0.1", 0)
    await _report_and_wait(server.sockets[0].getsockname()[1])


async def _no_http(scope: Any, receive: Any, send: Any) -> None:
    raise NotImplementedError


async def _uvicorn(config: Any) -> None:
    import socket

    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(sockets=[listener]))
        await _report_and_wait(listener.getsockname()[1])


async def _report_and_wait(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


Server = Callable[[], Coroutine[Any, Any, None]]
SERVERS: dict[str, tuple[Server, str, str]] = {
    "floor (no websocket), asyncio": (floor, "asyncio", ""),
    "ours, asyncio": (ours, "asyncio", ""),
    "ours, library's parser, asyncio": (ours_library_parser, "asyncio", ""),
    "ours, uvloop": (ours, "uvloop", "uvloop"),
    "ours, asyncio + aiofastnet": (ours, "aiofastnet", "aiofastnet"),
    "floor (no websocket), uvloop": (floor, "uvloop", "uvloop"),
    "picows, asyncio": (picows_server, "asyncio", "picows"),
    "picows, uvloop": (picows_server, "uvloop", "picows"),
    "aiohttp, asyncio": (aiohttp_server, "asyncio", "aiohttp"),
    "websockets, asyncio": (websockets_server, "asyncio", ""),
    "uvicorn websockets-sansio, asyncio": (uvicorn_sansio, "asyncio", ""),
    "uvicorn websockets-sansio, uvloop": (uvicorn_sansio, "uvloop", "uvloop"),
}


def serve(name: str) -> None:
    server, loop, _ = SERVERS[name]
    if loop == "uvloop":
        import uvloop

        uvloop.run(server())
    elif loop == "aiofastnet":
        aiofastnet = importlib.import_module("aiofastnet")
        with asyncio.Runner(loop_factory=aiofastnet.loop_factory()) as runner:
            runner.run(server())
    else:
        asyncio.run(server())


# The load


class Caller(asyncio.Protocol):
    """One session: a frame every 20 ms, the round trip of each."""

    def __init__(self, round_trips_ms: list[float]) -> None:
        self._round_trips_ms = round_trips_ms
        self._sent: list[float] = []
        self._unread = 0
        self.opened = asyncio.get_running_loop().create_future()
        key = bytes(MASK[i % 4] ^ byte for i, byte in enumerate(MESSAGE))
        self._frame = b"\x81" + bytes((0x80 | 126,)) + len(MESSAGE).to_bytes(2, "big") + MASK + key
        self._answer_bytes = 4 + len(MESSAGE)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        if not self.opened.done():
            self.opened.set_result(None)
            return
        self._unread += len(data)
        while self._sent and self._unread >= self._answer_bytes:
            self._unread -= self._answer_bytes
            self._round_trips_ms.append((time.perf_counter() - self._sent.pop(0)) * 1000)

    def say(self) -> None:
        self._sent.append(time.perf_counter())
        self.transport.write(self._frame)

    @property
    def unanswered(self) -> int:
        return len(self._sent)


async def load(port: int, pid: int, seconds: float) -> dict[str, float]:
    """Speak for that long; figures of the server process over that time."""
    loop = asyncio.get_running_loop()
    round_trips_ms: list[float] = []
    callers: list[Caller] = []
    for _ in range(SESSIONS):
        _, caller = await loop.create_connection(lambda: Caller(round_trips_ms), "127.0.0.1", port)
        await caller.opened
        callers.append(caller)
    before, start = tree_usage(pid), loop.time()
    frames = int(seconds / FRAME_S)
    for tick in range(frames):
        for number, caller in enumerate(callers):
            due = start + (tick + number / SESSIONS) * FRAME_S
            if (wait_s := due - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            caller.say()
    await asyncio.sleep(0.1)
    after = tree_usage(pid)
    lost = sum(caller.unanswered for caller in callers)
    for caller in callers:
        caller.transport.abort()
    return {
        CPU: round((after.cpu_s - before.cpu_s) / SESSIONS / (frames * FRAME_S / 60), 4),
        "round_trip_p50_ms": round(statistics.median(round_trips_ms), 2),
        "round_trip_p99_ms": round(statistics.quantiles(round_trips_ms, n=100)[98], 2),
        "lost": lost,
        "rss_mb": round(after.rss_mb, 1),
    }


def measure(name: str, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.socket", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            return asyncio.run(load(int(server.stdout.readline()), server.pid, seconds))
        finally:
            server.terminate()


def run(options: argparse.Namespace | None = None) -> dict[str, float]:
    """Every installed server in turn, several times over; keys are `<server>_<figure>`.

    Of each server the round with the shortest round trips counts: where the machine was busy with something else
    frames arrive in bunches, and a bunch costs less CPU than its frames one by one.
    """
    seconds = options.seconds if options else 3.0
    rounds = options.rounds if options else 4
    quietest: dict[str, dict[str, float]] = {}
    for _ in range(rounds):
        for name in _chosen(options.servers if options else []):
            figures = measure(name, seconds)
            best = quietest.setdefault(name, figures)
            if figures["round_trip_p99_ms"] < best["round_trip_p99_ms"]:
                quietest[name] = figures
    return {f"{_slug(name)}_{key}": value for name, figures in quietest.items() for key, value in figures.items()}


def _chosen(parts: list[str]) -> list[str]:
    """Servers that were asked for (all by default) and whose package is installed."""
    asked = [name for name in SERVERS if not parts or any(part in name for part in parts)]
    return [name for name in asked if not SERVERS[name][2] or importlib.util.find_spec(SERVERS[name][2]) is not None]


def table(figures: dict[str, float]) -> list[tuple[str, str]]:
    """A row per server; CPU also relative to ours on plain asyncio in the same run."""
    ours_cpu = figures.get(f"{_slug('ours, asyncio')}_{CPU}")
    rows = []
    for name in SERVERS:
        slug = _slug(name)
        if (cpu := figures.get(f"{slug}_{CPU}")) is None:
            continue
        ratio = f" ({cpu / ours_cpu:.2f} × ours)" if ours_cpu else ""
        p50, p99 = figures[f"{slug}_round_trip_p50_ms"], figures[f"{slug}_round_trip_p99_ms"]
        rows.append((f"{name}: CPU s per session-minute", f"{cpu:.3f}{ratio}"))
        rows.append((f"{name}: round trip p50 / p99 ms", f"{p50:.2f} / {p99:.2f}"))
    return rows


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("servers", nargs="*", help="parts of the names of servers to measure (default: all)")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each is measured in each round")
    parser.add_argument("--rounds", type=int, default=4, help="how often; the quietest counts")


def _slug(name: str) -> str:
    return "_".join("".join(char if char.isalnum() else " " for char in name).split())


if __name__ == "__main__":
    serve(sys.argv[1])
