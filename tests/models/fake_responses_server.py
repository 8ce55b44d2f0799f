"""A model vendor's edge on loopback: real HTTP over real sockets, answers as a test wrote them.

It stands where OpenAI, Ollama or vLLM would stand; nothing of ours is replaced by it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """What arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Answer:
    """What is sent back. `hang` keeps the connection open after the last piece; `cut` breaks it without an end."""

    pieces: Sequence[bytes] = ()
    status: int = 200
    content_type: str = "text/event-stream"
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    cut: bool = False
    drop: bool = False


def events(*objects: dict[str, Any], done: bool = False) -> Answer:
    """A stream of these objects, one piece each."""
    pieces = [f"event: {one.get('type', '')}\ndata: {json.dumps(one)}\n\n".encode() for one in objects]
    return Answer([*pieces, b"data: [DONE]\n\n"] if done else pieces)


def refusal(status: int, code: str = "", *, headers: dict[str, str] | None = None) -> Answer:
    body = json.dumps({"error": {"message": "private words", "code": code, "param": None}}).encode()
    return Answer([body], status=status, content_type="application/json", headers=headers or {})


class FakeResponsesServer:
    """Gives its answers in order and keeps the requests. `gone` is set when a client left a hanging answer."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self._answers = list(answers)
        self.requests: list[Request] = []
        self.gone = asyncio.Event()
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await self._read(reader)) is not None:
                self.requests.append(request)
                if not await self._answer(self._answers.pop(0), reader, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            self.gone.set()
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Request | None:
        head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
        if not head:
            return None
        first, *lines = head.decode().strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Request(first.split()[1], headers, json.loads(body) if body else {})

    async def _answer(self, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """False when the connection is not to be used again."""
        if answer.drop:
            return False
        head = {"content-type": answer.content_type, "transfer-encoding": "chunked", **answer.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        writer.write(f"HTTP/1.1 {answer.status} Whatever\r\n{lines}\r\n".encode())
        for piece in answer.pieces:
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
        if answer.hang:
            await reader.read(1)
            self.gone.set()
            return False
        if answer.cut:
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


@asynccontextmanager
async def fake_server(*answers: Answer) -> AsyncIterator[FakeResponsesServer]:
    fake = FakeResponsesServer(answers)
    server = await asyncio.start_server(fake.handle, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    fake.url = f"http://{host}:{port}/v1"
    try:
        yield fake
    finally:
        server.close()
        await server.wait_closed()
