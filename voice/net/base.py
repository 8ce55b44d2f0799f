"""The seam between us and a websocket, whichever side opened it.

`voice.net.client.connect` opens one, `voice.net.server.Upgrades` takes one in; `MemorySocket` (in `memory.py`) is
the twin for tests.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """How much one socket may take and how long it may be silent.

    `max_message_bytes` closes with 1009 what is larger, `max_pending_bytes` closes with 1013 a peer that does not
    read. A ping leaves every `ping_interval_s`; when nothing at all arrived `pong_timeout_s` later the peer is gone.
    """

    max_message_bytes: int = 16 * 2**20
    max_pending_bytes: int = 4 * 2**20
    ping_interval_s: float = 20.0
    pong_timeout_s: float = 10.0
    close_timeout_s: float = 5.0


class SocketListener(Protocol):
    """Who is told what arrives. Called straight from the loop's read callback: no task and no queue in between."""

    def receive_text(self, data: bytes) -> None:
        """One whole text message, as valid UTF-8 bytes."""

    def receive_binary(self, data: bytes) -> None:
        """One whole binary message."""

    def socket_closed(self, code: int, reason: str) -> None:
        """It is over (RFC 6455 section 7.4 codes; 1006 when the peer vanished). Called once; nothing follows."""


class Socket(Protocol):
    """One open websocket. Messages sent in one turn of the loop leave in one write."""

    def send_text(self, data: bytes) -> None:
        """Queue one text message. What is over the size limit of the queue closes the socket with 1013."""

    def send_binary(self, data: bytes) -> None:
        """Queue one binary message."""

    @property
    def pending_bytes(self) -> int:
        """Bytes queued and not yet taken by the kernel."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closing handshake with a deadline. Idempotent."""


class PendingSocket(Protocol):
    """Somebody asks to open a websocket: look at the request, then `accept` or `reject`, once.

    `query` holds the first value of each name; `headers` have lower-case names, repeated ones joined with a comma;
    `client` is the peer's address as `host:port`; `subprotocols` are those offered, in the peer's order.
    """

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    client: str
    subprotocols: Sequence[str]

    def accept(
        self, listener: SocketListener, *, subprotocol: str | None = None, max_message_bytes: int | None = None
    ) -> Socket:
        """Open it. Raises PeerGone when nobody waits any more, Misuse when it was answered already."""

    def reject(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Answer with an HTTP status instead. A body is JSON unless a content-type header says otherwise."""


SocketHandler = Callable[[PendingSocket], Awaitable[None]]
"""Decides about one socket. It may return as soon as it has accepted: the socket lives on by itself."""
