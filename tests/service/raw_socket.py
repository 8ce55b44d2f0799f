"""A websocket client that may break every rule: whoever uses it writes the bytes of each frame.

What the service answers is read by the rules, and kept as counts, so that a hundred thousand answers cost no memory.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections import Counter, deque
from types import TracebackType
from typing import Any, Self

from voice.protocol.codec import Unknown, decode_server_event
from voice.protocol.server_events import ErrorEvent, ResponseDone

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA
FIN, MASKED = 0x80, 0x80
PATIENCE_S = 30.0


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True, size: int | None = None
) -> bytes:
    """One frame. Its mask is zero, which is a mask. `size`: what the header claims, if not the truth."""
    size = len(payload) if size is None else size
    mark = MASKED if masked else 0
    head = bytes([(FIN if fin else 0) | opcode])
    if size < 126:
        head += bytes([mark | size])
    elif size < 65_536:
        head += bytes([mark | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([mark | 127]) + size.to_bytes(8, "big")
    return head + (bytes(4) if masked else b"") + payload


class RawSocket:
    """`async with RawSocket(port) as socket`: open, and greeted."""

    def __init__(self, port: int, query: str = "model=voice") -> None:
        self._query = query
        self.counts: Counter[str] = Counter()
        self.surprises: list[str] = []
        """What no server may say."""
        self.closed: int | None = None
        self._port = port
        self.responses: deque[dict[str, Any]] = deque(maxlen=64)
        """The last that are done."""
        self._expected: dict[str, asyncio.Future[None]] = {}
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._reading: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**25)
        key = base64.b64encode(os.urandom(16)).decode()
        self._writer.write(
            f"GET /v1/realtime?{self._query} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head, head
        created = self.expect("session.created")
        self._reading = asyncio.create_task(self._read())
        await self.see(created, "session.created")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._writer.close()
        await asyncio.wait({self._reading})

    async def write(self, data: bytes) -> None:
        """Bytes as they are. Nothing happens when the service has hung up."""
        if not self._writer.is_closing():
            self._writer.write(data)
            try:
                await self._writer.drain()
            except ConnectionError:
                self._writer.close()

    async def send(self, event: dict[str, Any]) -> None:
        await self.write(frame(TEXT, json.dumps(event).encode()))

    def shut(self) -> None:
        """Say that nothing more comes, perhaps in the middle of a frame."""
        if not self._writer.is_closing():
            self._writer.write_eof()

    def stop_reading(self) -> None:
        """Let what the service says pile up in the network."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]
        self._reading.cancel()

    def expect(self, name: str) -> asyncio.Future[None]:
        """The next event of this type, or the error that answers this `event_id`. Ask for it before you send."""
        answer = self._expected[name] = asyncio.get_running_loop().create_future()
        return answer

    async def see(self, answer: asyncio.Future[None], what: str) -> None:
        """Until it came. Fails when the service hangs up or stays silent."""
        waiting: set[asyncio.Future[Any]] = {answer, self._reading}
        done, _ = await asyncio.wait(waiting, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        assert done, f"deaf: no {what}; heard {dict(self.counts)}"
        assert answer.done(), f"closed with {self.closed} before {what}; heard {dict(self.counts)}"

    async def until_gone(self) -> None:
        """Until the service has hung up."""
        done, _ = await asyncio.wait({self._reading}, timeout=PATIENCE_S)
        assert done, "the connection stays open"

    async def _read(self) -> None:
        try:
            while self.closed is None:
                await self._read_frame()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writer.close()

    async def _read_frame(self) -> None:
        first, second = await self._reader.readexactly(2)
        size = second & 0x7F
        if size >= 126:
            size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
        payload = await self._reader.readexactly(size)
        if first == FIN | TEXT and second < MASKED:
            self._receive(payload)
        elif first == FIN | CLOSE:
            self.closed = int.from_bytes(payload[:2], "big") if payload else 1005
        elif first not in (
            FIN | PING,
            FIN | PONG,
        ):  # a pong might fall into one of our own frames; any sign of life does
            self.surprises.append(f"frame {first:#x}")

    def _receive(self, payload: bytes) -> None:
        event = decode_server_event(payload)
        if isinstance(event, Unknown):
            self.surprises.append(f"{event.type} {event.problem}")
            return
        self.counts[event.type] += 1
        names: list[str] = [event.type]
        if isinstance(event, ErrorEvent) and event.error.event_id:
            names.append(event.error.event_id)
        elif isinstance(event, ResponseDone):
            self.responses.append(json.loads(payload)["response"])
        for name in names:
            answer = self._expected.pop(name, None)
            if answer is not None and not answer.done():
                answer.set_result(None)
