"""The seam between us and a websocket, whichever side opened it."""

from __future__ import annotations

from typing import Protocol


class SocketListener(Protocol):
    """Who is told what arrives. Called straight from the loop's read callback: no task and no queue in between."""

    def receive_text(self, data: bytes) -> None:
        """One whole text message, as UTF-8 bytes."""

    def receive_binary(self, data: bytes) -> None:
        """One whole binary message."""

    def socket_closed(self, code: int, reason: str) -> None:
        """It is over (RFC 6455 section 7.4 codes; 1006 when the peer vanished). Called once."""


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
