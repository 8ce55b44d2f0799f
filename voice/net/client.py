"""Open a websocket towards a server (RFC 6455 section 4.1): no compression, no redirect, no proxy."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping, Sequence
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidURI
from websockets.http11 import Response
from websockets.protocol import CLIENT, State
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from voice.errors import ConfigError, SocketRefused, SocketUnreachable
from voice.net.base import SocketLimits, SocketListener
from voice.net.websocket import WebSocket, wire_logger

logger = logging.getLogger(__name__)

_END_OF_HEAD = b"\r\n\r\n"
_HEAD_BYTES = 64 * 1024
_BODY_BYTES = 8 * 1024


async def connect(
    url: str,
    *,
    listener: SocketListener,
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] = (),
    limits: SocketLimits | None = None,
    open_timeout_s: float = 10.0,
    tls: ssl.SSLContext | None = None,
) -> WebSocket:
    """Open `url` (ws or wss) and give the open socket; its messages go to `listener`.

    Raises ConfigError for a URL that is none, SocketUnreachable when nobody answers within `open_timeout_s` or what
    answers is no websocket, SocketRefused when it answers with an HTTP status (a redirect is not followed: it could
    carry the key to somebody else).
    """
    uri = _parse(url)
    if uri.secure and tls is None:
        tls = await _default_tls()
    opening = _Opening(uri, headers or {}, subprotocols, listener, limits or SocketLimits())
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(open_timeout_s):
            await loop.create_connection(lambda: opening, uri.host, uri.port, ssl=tls)
            socket = await opening.result
        opening.taken = True
        return socket
    except TimeoutError as error:
        raise SocketUnreachable(f"{_where(uri)} did not answer within {open_timeout_s:g} s.") from error
    except ssl.SSLCertVerificationError as error:
        raise SocketUnreachable(
            f"The certificate of {_where(uri)} is not trusted.", detail=error.verify_message
        ) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SocketUnreachable(f"{_where(uri)} could not be reached.", detail=reason) from error
    finally:
        opening.finish()


def _parse(url: str) -> WebSocketURI:
    try:
        return parse_uri(url)
    except (InvalidURI, ValueError) as error:
        raise ConfigError("This is not a websocket URL.", fix="Write it as ws://host:port/path or wss://….") from error


def _where(uri: WebSocketURI) -> str:
    return f"{uri.host}:{uri.port}"


_tls: ssl.SSLContext | None = None


async def _default_tls() -> ssl.SSLContext:
    """The system's certificates. Reading them takes a disk and some milliseconds: once, and off the loop."""
    global _tls
    if _tls is None:
        _tls = await asyncio.to_thread(ssl.create_default_context)
    return _tls


class _Opening(asyncio.Protocol):
    """The handshake; when it is done a WebSocket takes the transport over."""

    def __init__(
        self,
        uri: WebSocketURI,
        headers: Mapping[str, str],
        subprotocols: Sequence[str],
        listener: SocketListener,
        limits: SocketLimits,
    ) -> None:
        self._uri = uri
        self._headers = headers
        self._listener = listener
        self._limits = limits
        offered = [Subprotocol(name) for name in subprotocols] or None
        self._core = ClientProtocol(uri, subprotocols=offered, max_size=_BODY_BYTES, logger=wire_logger)
        self._transport: asyncio.Transport | None = None
        self._head = bytearray()
        self._head_read = False
        self.result: asyncio.Future[WebSocket] = asyncio.get_running_loop().create_future()
        self.taken = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        request = self._core.connect()
        for name, value in self._headers.items():
            if name in request.headers:
                del request.headers[name]
            request.headers[name] = value
        self._core.send_request(request)
        transport.write(b"".join(self._core.data_to_send()))

    def data_received(self, data: bytes) -> None:
        if self._head_read:
            self._feed(data)
            return
        self._head += data
        end = self._head.find(_END_OF_HEAD)
        if end < 0:
            if len(self._head) > _HEAD_BYTES:
                self._refuse(SocketUnreachable(f"{_where(self._uri)} does not speak websocket."))
            return
        end += len(_END_OF_HEAD)
        self._head_read = True
        head, rest = bytes(self._head[:end]), bytes(self._head[end:])
        self._feed(head)
        if self._core.state is State.OPEN:
            self._take_over(rest)
        elif rest and not self.result.done():
            self._feed(rest)

    def _take_over(self, rest: bytes) -> None:
        """What came behind the handshake already belongs to the socket."""
        transport, self._transport = self._transport, None
        assert transport is not None
        socket = WebSocket(transport, CLIENT, self._listener, self._limits)
        if self.result.done():
            socket.abort()
            return
        self.result.set_result(socket)
        if rest:
            socket.receive_early(rest)

    def _feed(self, data: bytes) -> None:
        self._core.receive_data(data)
        self._look_for_a_refusal()

    def _look_for_a_refusal(self) -> None:
        """An answer other than 101 with its body, or no HTTP at all."""
        for event in self._core.events_received():
            if isinstance(event, Response) and event.status_code != 101:
                body = bytes(event.body or b"")[:_BODY_BYTES]
                again = event.headers.get_all("Retry-After")
                self._refuse(SocketRefused(event.status_code, body, retry_after=again[0] if again else ""))
        if self._core.handshake_exc is not None:
            detail = str(self._core.handshake_exc)
            self._refuse(SocketUnreachable(f"{_where(self._uri)} does not speak websocket.", detail=detail))

    def _refuse(self, error: Exception) -> None:
        if not self.result.done():
            self.result.set_exception(error)

    def eof_received(self) -> None:
        self._core.receive_eof()
        self._look_for_a_refusal()

    def connection_lost(self, exc: Exception | None) -> None:
        self._refuse(SocketUnreachable(f"{_where(self._uri)} hung up during the handshake."))

    def finish(self) -> None:
        """`connect` ends, however it ends: nothing that nobody owns is left behind."""
        if self._transport is not None:
            self._transport.abort()
        if not self.result.done():
            self.result.cancel()
        elif not self.taken and not self.result.cancelled() and self.result.exception() is None:
            self.result.result().abort()
