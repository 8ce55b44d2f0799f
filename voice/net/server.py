"""Take websockets in, behind uvicorn's HTTP protocol: one port serves both.

`uvicorn.Config(app, ws=Upgrades({...}))` calls an instance for each request that asks to become a websocket. From
there on uvicorn is out of the way: an accepted socket is a `WebSocket` directly on the transport.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qsl, unquote

from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.protocol import SERVER
from websockets.server import ServerProtocol

from voice.errors import Busy, Misuse, PeerGone, VoiceError
from voice.net.base import PendingSocket, Socket, SocketHandler, SocketLimits, SocketListener
from voice.net.websocket import INTERNAL_ERROR, TRY_AGAIN_LATER, WebSocket, wire_logger

logger = logging.getLogger(__name__)

GOING_AWAY = 1001
_EARLY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is turned away: an HTTP status, a JSON body, further headers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Gate = Callable[[str, Mapping[str, str]], Refusal | None]
"""Looks at path and headers (lower-case names) before a handler sees the socket."""


class Upgrades:
    """Knows which path is whose, and owns every socket that was asked for until it is gone."""

    def __init__(
        self,
        handlers: Mapping[str, SocketHandler],
        *,
        gate: Gate | None = None,
        limits: SocketLimits | None = None,
    ) -> None:
        self.handlers = dict(handlers)
        self.gate = gate
        self.limits = limits or SocketLimits()
        self._upgrades: set[Upgrade] = set()

    def __call__(self, config: Any, server_state: Any, app_state: Any, _loop: Any = None) -> Upgrade:
        """What uvicorn calls: its arguments are those of its own websocket protocols."""
        return Upgrade(self, server_state.connections)

    def __len__(self) -> int:
        """How many sockets are open or asked for."""
        return len(self._upgrades)

    def add(self, upgrade: Upgrade) -> None:
        self._upgrades.add(upgrade)

    def discard(self, upgrade: Upgrade) -> None:
        self._upgrades.discard(upgrade)

    async def close(self, code: int = GOING_AWAY, reason: str = "") -> None:
        """Say goodbye on every socket, stop every handler, and wait until all are gone."""
        await asyncio.gather(*(upgrade.close(code, reason) for upgrade in list(self._upgrades)))

    def abort(self) -> None:
        """Drop every socket at once."""
        for upgrade in list(self._upgrades):
            upgrade.abort()


class Upgrade(asyncio.Protocol):
    """One request to become a websocket; it is the `PendingSocket` that the path's handler gets."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    client: str
    subprotocols: Sequence[str]

    def __init__(self, owner: Upgrades, connections: set[Any]) -> None:
        self._owner = owner
        self._connections = connections
        self._core = ServerProtocol(logger=wire_logger)
        self._response: Response | None = None
        self._transport: asyncio.Transport | None = None
        self._handling: asyncio.Task[None] | None = None
        self._answered = False
        self._early = bytearray()
        self._socket: WebSocket | None = None

    # What the handler uses

    def accept(
        self, listener: SocketListener, *, subprotocol: str | None = None, max_message_bytes: int | None = None
    ) -> Socket:
        transport, response = self._take_transport(), self._response
        if response is None:
            raise Misuse("The request has not been read yet.")
        if subprotocol is not None:
            if subprotocol not in self.subprotocols:
                raise Misuse("A subprotocol may only be chosen from those offered.")
            response.headers["Sec-WebSocket-Protocol"] = subprotocol
        self._answered = True
        self._core.send_response(response)
        transport.write(b"".join(self._core.data_to_send()))
        limits = self._owner.limits
        if max_message_bytes is not None:
            limits = replace(limits, max_message_bytes=max_message_bytes)
        self._socket = WebSocket(transport, SERVER, listener, limits, self._gone)
        if self._early:
            self._socket.receive_early(bytes(self._early))
            self._early.clear()
        return self._socket

    def reject(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        transport = self._take_transport()
        self._answered = True
        fields = Headers({"content-type": "application/json"})
        for name, value in (headers or {}).items():
            fields.pop(name, None)
            fields[name] = value
        fields["content-length"] = str(len(body))
        fields["connection"] = "close"
        transport.write(Response(status, _phrase(status), fields, body).serialize())
        transport.close()

    def _take_transport(self) -> asyncio.Transport:
        if self._answered:
            raise Misuse("This socket was answered already.")
        if self._transport is None or self._transport.is_closing():
            raise PeerGone("The client left before the socket was opened.")
        return self._transport

    # What uvicorn and the transport call

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        peer = transport.get_extra_info("peername")
        self.client = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""
        self._owner.add(self)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._handling is not None:
            self._early += data
            if len(self._early) > _EARLY_BYTES and self._transport is not None:
                self._transport.abort()
            return
        self._core.receive_data(data)
        requests = [event for event in self._core.events_received() if isinstance(event, Request)]
        if requests:
            self._receive_request(requests[0])
        elif self._core.handshake_exc is not None:
            self.reject(HTTPStatus.BAD_REQUEST, _problem("This is not a websocket handshake."))

    def _receive_request(self, request: Request) -> None:
        path, _, query = request.path.partition("?")
        self.path = unquote(path)
        self.query = dict(reversed(parse_qsl(query, keep_blank_values=True)))
        self.headers = _joined(request.headers.raw_items())
        offered = self.headers.get("sec-websocket-protocol", "")
        self.subprotocols = tuple(name.strip() for name in offered.split(",") if name.strip())
        refusal = self._owner.gate(self.path, self.headers) if self._owner.gate is not None else None
        handler = self._owner.handlers.get(self.path)
        if refusal is None and handler is None:
            refusal = Refusal(HTTPStatus.NOT_FOUND, _problem("There is no socket at this path."))
        if refusal is None:
            self._response = self._core.accept(request)
            if self._response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
                refusal = Refusal(self._response.status_code, _problem("This is not a websocket handshake."))
        if refusal is not None or handler is None:
            assert refusal is not None
            self.reject(refusal.status, refusal.body, refusal.headers)
            return
        self._handling = asyncio.get_running_loop().create_task(self._handle(handler))

    async def _handle(self, handler: SocketHandler) -> None:
        try:
            await handler(self)
        except PeerGone:
            self.abort()
        except Busy as busy:
            await self._give_up(HTTPStatus.SERVICE_UNAVAILABLE, TRY_AGAIN_LATER, busy.message, _again(busy))
        except VoiceError as error:
            logger.warning("socket handler gave up", extra={"error": error.code})
            await self._give_up(HTTPStatus.INTERNAL_SERVER_ERROR, INTERNAL_ERROR, "internal error")
        except Exception:
            logger.exception("socket handler failed")
            await self._give_up(HTTPStatus.INTERNAL_SERVER_ERROR, INTERNAL_ERROR, "internal error")
        else:
            if not self._answered:
                logger.error("socket handler left its socket unanswered")
                await self._give_up(HTTPStatus.INTERNAL_SERVER_ERROR, INTERNAL_ERROR, "internal error")

    async def _give_up(self, status: int, code: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        if self._socket is not None:
            await self._socket.close(code, reason)
        elif not self._answered and self._transport is not None and not self._transport.is_closing():
            self.reject(status, _problem(reason), headers)

    def eof_received(self) -> None:
        """A client that hangs up while it waits: the transport closes itself."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Before it was accepted; afterwards the WebSocket hears of it."""
        self._gone()
        if self._handling is not None:
            self._handling.cancel()

    def _gone(self) -> None:
        self._owner.discard(self)
        self._connections.discard(self)

    # What the owner and uvicorn's shutdown call

    async def close(self, code: int, reason: str) -> None:
        await self._give_up(HTTPStatus.SERVICE_UNAVAILABLE, code, reason)
        handling = self._handling
        if handling is None or handling is asyncio.current_task():
            return
        if self._socket is not None:  # it has heard of the end and may have something to put away
            await asyncio.wait([handling], timeout=self._owner.limits.close_timeout_s)
        handling.cancel()
        await asyncio.wait([handling])

    def abort(self) -> None:
        if self._socket is not None:
            self._socket.abort()
        elif self._transport is not None:
            self._transport.abort()

    def shutdown(self) -> None:
        """uvicorn's last word; the door has said goodbye before."""
        self.abort()


def _joined(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in items:
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _problem(message: str) -> bytes:
    return json.dumps({"error": {"type": "invalid_request_error", "message": message}}).encode()


def _again(busy: Busy) -> dict[str, str]:
    return {} if busy.retry_after_s is None else {"retry-after": f"{busy.retry_after_s:.0f}"}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _check(upgrade: Upgrade) -> PendingSocket:
    """mypy's witness that an Upgrade fulfils the seam."""
    return upgrade
