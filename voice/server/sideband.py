"""`WS /v1/realtime?call_id=`: a backend beside a call. It hears every event and may say any, but no sound."""

from __future__ import annotations

import asyncio

from voice.errors import ProtocolError
from voice.net.base import PendingSocket, Socket
from voice.protocol import codec
from voice.protocol.client_events import InputAudioBufferAppend
from voice.protocol.server_events import ServerEvent
from voice.server.overrides import Overrides
from voice.server.shared import SharedTransport

PATIENCE = 1000
POLICY = 1008


class Sideband:
    """One backend's socket. One that does not read is closed by the socket (1013); the call goes on without it."""

    def __init__(self, call: SharedTransport, overrides: Overrides) -> None:
        self._call = call
        self._overrides = overrides
        self._socket: Socket | None = None
        self._closing: asyncio.Task[None] | None = None
        self._refused_in_a_row = 0

    def open(self, pending: PendingSocket) -> None:
        """Accept the socket and listen in. Raises PeerGone."""
        subprotocol = "realtime" if "realtime" in pending.subprotocols else None
        self._socket = pending.accept(self, subprotocol=subprotocol)
        self._call.attend(self)

    def send_event(self, event: ServerEvent | codec.Unknown) -> None:
        if self._socket is not None:
            self._socket.send_text(codec.encode_event(event))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self._socket is not None:
            await self._socket.close(code, reason)

    # What the backend says

    def receive_text(self, data: bytes) -> None:
        try:
            event = codec.decode_client_event(data)
            if isinstance(event, InputAudioBufferAppend):
                raise ProtocolError("The sound of a call comes from the call.", param="type", event_id=event.event_id)
            self._call.attendant_said(self, event, self._overrides)
            self._refused_in_a_row = 0
        except ProtocolError as error:
            self._refuse(error)

    def receive_binary(self, data: bytes) -> None:
        self._refuse(ProtocolError("Events are JSON in text messages; this one is binary.", code="invalid_event"))

    def socket_closed(self, code: int, reason: str) -> None:
        self._call.leave(self)

    def _refuse(self, error: ProtocolError) -> None:
        self._refused_in_a_row += 1
        self._call.answer(self, error)
        if self._refused_in_a_row >= PATIENCE and self._socket is not None and self._closing is None:
            closing = self._socket.close(POLICY, "too many invalid events in a row")
            self._closing = asyncio.get_running_loop().create_task(closing, name="end sideband")
