"""Two sockets joined in memory: the twin of the seam in `base.py`, for tests without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal

from voice.errors import Misuse
from voice.net.base import SocketListener


class MemorySocket:
    """One end. A message arrives at the other end in the next turn of the loop; `sent` remembers what was sent."""

    def __init__(self, listener: SocketListener) -> None:
        self.listener = listener
        self.sent: list[bytes] = []
        self.pending_bytes = 0
        self._peer: MemorySocket | None = None
        self._open = True

    @classmethod
    def pair(cls, one: SocketListener, other: SocketListener) -> tuple[MemorySocket, MemorySocket]:
        first, second = cls(one), cls(other)
        first._peer, second._peer = second, first
        return first, second

    def send_text(self, data: bytes) -> None:
        self._send("text", data)

    def send_binary(self, data: bytes) -> None:
        self._send("binary", data)

    def _send(self, kind: Literal["text", "binary"], data: bytes) -> None:
        if not self._open:
            return
        self.sent.append(data)
        if self._peer is not None:
            asyncio.get_running_loop().call_soon(self._peer.receive, kind, data)

    def receive(self, kind: Literal["text", "binary"], data: bytes) -> None:
        """A message arrives at this end."""
        if not self._open:
            return
        if kind == "text":
            self.listener.receive_text(data)
        else:
            self.listener.receive_binary(data)

    def end(self, code: int = 1006, reason: str = "") -> None:
        """This end learns that it is over."""
        if self._open:
            self._open = False
            self.listener.socket_closed(code, reason)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self._peer is not None:
            asyncio.get_running_loop().call_soon(self._peer.end, code, reason)
        self.end(code, reason)


class MemoryPendingSocket:
    """A request that nobody made over a network; `answer` says what became of it."""

    def __init__(
        self,
        client_listener: SocketListener,
        path: str = "/",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
    ) -> None:
        self.path = path
        self.query: Mapping[str, str] = query or {}
        self.headers: Mapping[str, str] = headers or {}
        self.client = "127.0.0.1:50000"
        self.subprotocols = subprotocols
        self.answer: int | None = None
        self.body = b""
        self.subprotocol: str | None = None
        self.client_socket: MemorySocket | None = None
        self._client_listener = client_listener

    def accept(
        self, listener: SocketListener, *, subprotocol: str | None = None, max_message_bytes: int | None = None
    ) -> MemorySocket:
        self._answer(101)
        self.subprotocol = subprotocol
        ours, self.client_socket = MemorySocket.pair(listener, self._client_listener)
        return ours

    def reject(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self._answer(status)
        self.body = body

    def _answer(self, status: int) -> None:
        if self.answer is not None:
            raise Misuse("This socket was answered already.")
        self.answer = status
