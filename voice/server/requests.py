"""uvicorn's HTTP/1.1, without its endless patience for connections on which no request comes."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S = 15.0
"""So long a connection may take for the head of its first request. Between requests uvicorn waits 5 s by itself."""


class PromptRequests(H11Protocol):
    """Closes what says nothing, or says it one byte at a time."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._deadline = self.loop.call_later(REQUEST_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._stop()  # the connection is somebody else's now
        super().handle_websocket_upgrade(event)

    def _give_up(self) -> None:
        self._deadline = None
        present: Any = self.cycle
        if present is None and not self.transport.is_closing():
            self.transport.close()

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
