"""A door on loopback, listeners that remember, and a client that speaks raw bytes."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from voice.net.base import PendingSocket, Socket, SocketHandler, SocketLimits
from voice.net.server import Gate, Upgrades

QUICK = SocketLimits(ping_interval_s=30, pong_timeout_s=30, close_timeout_s=0.3)


async def until(holds: Callable[[], object]) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


@dataclass
class Remembers:
    """A listener that keeps everything; `socket` is set by whoever opened it."""

    messages: list[bytes] = field(default_factory=list)
    binary: list[bytes] = field(default_factory=list)
    closed: list[tuple[int, str]] = field(default_factory=list)
    socket: Socket | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def receive_text(self, data: bytes) -> None:
        self.messages.append(data)
        self.changed.set()

    def receive_binary(self, data: bytes) -> None:
        self.binary.append(data)
        self.changed.set()

    def socket_closed(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))
        self.changed.set()

    async def until(self, holds: Callable[[Remembers], object], timeout_s: float = 5) -> None:
        async with asyncio.timeout(timeout_s):
            while not holds(self):
                self.changed.clear()
                await self.changed.wait()

    async def until_closed(self, timeout_s: float = 5) -> tuple[int, str]:
        await self.until(lambda listener: listener.closed, timeout_s)
        return self.closed[0]


class Echo(Remembers):
    """Sends back what comes in."""

    def receive_text(self, data: bytes) -> None:
        super().receive_text(data)
        assert self.socket is not None
        self.socket.send_text(data)

    def receive_binary(self, data: bytes) -> None:
        super().receive_binary(data)
        assert self.socket is not None
        self.socket.send_binary(data)


@dataclass
class Doorway:
    """A listening uvicorn with our sockets at `/echo`, and the listeners that it made."""

    port: int
    upgrades: Upgrades
    listeners: list[Echo]

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/echo"


@asynccontextmanager
async def doorway(
    limits: SocketLimits = QUICK,
    *,
    handlers: Mapping[str, SocketHandler] | None = None,
    gate: Gate | None = None,
) -> AsyncIterator[Doorway]:
    listeners: list[Echo] = []

    async def echo(pending: PendingSocket) -> None:
        listener = Echo()
        listeners.append(listener)
        offered = pending.subprotocols[0] if pending.subprotocols else None
        listener.socket = pending.accept(listener, subprotocol=offered)

    async def app(scope: object, receive: object, send: Callable[..., object]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[misc]
        await send({"type": "http.response.body", "body": b"plain"})  # type: ignore[misc]

    upgrades = Upgrades({"/echo": echo, **(handlers or {})}, gate=gate, limits=limits)
    config = uvicorn.Config(app, http="h11", ws=upgrades, lifespan="off", log_config=None)  # type: ignore[arg-type]
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: H11Protocol(config, state, {}), "127.0.0.1", 0)
    try:
        yield Doorway(server.sockets[0].getsockname()[1], upgrades, listeners)
    finally:
        server.close()
        upgrades.abort()
        for connection in list(state.connections):
            connection.shutdown()
        await asyncio.gather(*state.tasks)
        await until(lambda: not state.connections)


class RawPeer:
    """A websocket client that says exactly the bytes it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int, path: str = "/echo", extra: str = "") -> RawPeer:
        peer = cls(*await asyncio.open_connection("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        peer.writer.write(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{extra}\r\n".encode()
        )
        peer.head = await peer.reader.readuntil(b"\r\n\r\n")
        return peer

    head: bytes = b""

    def say(self, *frames: bytes) -> None:
        self.writer.write(b"".join(frames))

    async def hear(self) -> tuple[int, bytes]:
        """First byte and payload of the next frame."""
        first, length = await self.reader.readexactly(2)
        if length == 126:
            length = int.from_bytes(await self.reader.readexactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await self.reader.readexactly(8), "big")
        return first, await self.reader.readexactly(length)

    def leave(self) -> None:
        self.writer.transport.abort()


def frame(payload: bytes, first: int = 0x81, *, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    """A masked frame as a client sends it."""
    size = len(payload)
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 65536:
        head = bytes((first, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
