"""An accepted socket as a transport sees it: said good-bye to once, closed from anywhere, never written to after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voice.errors import Misuse
from voice.net.base import PendingSocket, Socket, SocketListener

NORMAL = 1000
GOING_AWAY = 1001
UNSUPPORTED = 1003
POLICY = 1008
"""Close codes of RFC 6455 section 7.4 that transports use; the socket itself adds 1007, 1009, 1011 and 1013."""

_WORDS = {
    NORMAL: "the far end hung up",
    GOING_AWAY: "the far end went away",
    1005: "the far end hung up",
    1006: "the connection was lost",
    1007: "the far end sent text that is not UTF-8",
    1009: "the far end sent a message that is too big",
    1011: "internal error",
    1013: "the far end does not read what it is sent",
}


class Line:
    """One socket between a request to open it and the one `hung_up` that ends it."""

    def __init__(self, pending: PendingSocket) -> None:
        self._pending = pending
        self._socket: Socket | None = None
        self._on_end: Callable[[str], None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self.over = False

    def accept(
        self, listener: SocketListener, on_end: Callable[[str], None], *, subprotocol: str | None = None
    ) -> None:
        """Open the socket; `on_end` is told the reason when it is over. Raises PeerGone when nobody waits any more."""
        if self._on_end is not None:
            raise Misuse("A transport is opened once.")
        self._on_end = on_end
        self._socket = self._pending.accept(listener, subprotocol=subprotocol)

    def send_text(self, data: bytes) -> None:
        """Queue a message; after the end nobody wants it any more."""
        if not self.over and self._socket is not None:
            self._socket.send_text(data)

    def send_binary(self, data: bytes) -> None:
        if not self.over and self._socket is not None:
            self._socket.send_binary(data)

    def closed(self, code: int, reason: str) -> None:
        """The socket says that it is over."""
        self.end(reason or _WORDS.get(code, f"closed with {code}"))

    def end(self, reason: str) -> None:
        """Nothing follows: say so, once."""
        if not self.over:
            self.over = True
            if self._on_end is not None:
                self._on_end(reason)

    def fail(self, code: int, reason: str) -> None:
        """Close from inside a callback; `close` waits for it."""
        self._begin_to_close(code, reason)
        self.end(reason)

    async def close(self, code: int, reason: str) -> None:
        """Closing handshake, whoever began it; then nothing follows. Idempotent."""
        self._begin_to_close(code, reason)
        if self._closing is not None:
            await asyncio.shield(self._closing)
        self.end(reason or "closed")

    def _begin_to_close(self, code: int, reason: str) -> None:
        if self._closing is None and self._socket is not None:
            self._closing = asyncio.get_running_loop().create_task(self._socket.close(code, reason), name="hang up")
