"""The data channel `oai-events`: realtime events as text, both ways, and nothing that is not on the list.

- A message that we refuse is answered with an `error` event that echoes its `event_id`; the call goes on. `patience`
  refusals in a row end it.
- What we say before the channel is open waits for it, `_MOST_WAITING` events at most. No event is ever dropped to make
  room for another: somebody who does not read `_MOST_UNREAD_BYTES` loses the call.
- What is larger than the other side takes is replaced by an `error` that says so.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from voice.errors import ProtocolError
from voice.protocol import codec
from voice.protocol.client_events import ClientEvent
from voice.protocol.server_events import ErrorDetail, ErrorEvent, ServerEvent
from voice.transports.webrtc import allowed

LABEL = "oai-events"
_MOST_WAITING = 2_000
_MOST_UNREAD_BYTES = 4 * 1024 * 1024
_MOST_BYTES = 256 * 1024


class EventChannel:
    """Events to and from one client. `fail` is told why when the call must end."""

    def __init__(
        self,
        receive: Callable[[ClientEvent], None],
        fail: Callable[[str], None],
        *,
        patience: int = 100,
    ) -> None:
        self.expected = True
        """Whether the client's offer has a section for it."""
        self.refusals = 0
        self.withheld = 0
        """Events that are not on the list, or for which there is no channel."""
        self._receive = receive
        self._fail = fail
        self._patience = patience
        self._refused_in_a_row = 0
        self._channel: Any = None
        self._waiting: list[str] = []
        self._prefix = f"event_{secrets.token_hex(6)}"
        self._sent = 0
        self._over = False

    def open(self, channel: Any) -> None:
        """The client's channel is there. Another label, or a second one, is closed."""
        if channel.label != LABEL or self._channel is not None:
            channel.close()
            return
        self._channel = channel
        channel.on("message", self._receive_message)
        channel.on("close", self._closed)
        waiting, self._waiting = self._waiting, []
        for text in waiting:
            self._send_text(text)

    def send(self, event: ServerEvent | codec.Unknown) -> None:
        if self._over:
            return
        if not allowed.may_be_told(event.type) or (self._channel is None and not self.expected):
            self.withheld += 1
            return
        if not isinstance(event, codec.Unknown) and event.event_id == "":
            event = event.model_copy(update={"event_id": self._next_id()})
        text = codec.encode_event(event).decode()
        if self._channel is not None:
            self._send_text(text)
        elif len(self._waiting) < _MOST_WAITING:
            self._waiting.append(text)
        else:
            self._end("the client opened no data channel")

    def close(self) -> None:
        """Nothing is said or heard any more."""
        self._over = True
        self._waiting.clear()
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.remove_all_listeners()

    def _send_text(self, text: str) -> None:
        channel = self._channel
        if channel.readyState != "open":
            return
        if channel.bufferedAmount > _MOST_UNREAD_BYTES:
            self._end("the client does not read what it is sent")
            return
        try:
            channel.send(text)
        except ValueError:  # larger than the client said that it takes
            self.withheld += 1
            detail = ErrorDetail(
                type="server_error", code="event_too_large", message="An event was too large for the data channel."
            )
            channel.send(codec.encode_event(ErrorEvent(event_id=self._next_id(), error=detail)).decode())

    def _receive_message(self, message: str | bytes) -> None:
        if self._over:
            return
        try:
            event = self._decode(message)
        except ProtocolError as error:
            self._refuse(error)
            return
        self._refused_in_a_row = 0
        self._receive(event)

    def _decode(self, message: str | bytes) -> ClientEvent:
        if isinstance(message, bytes):
            raise ProtocolError("Events are JSON in text messages; this one is binary.", code="invalid_event")
        if len(message) > _MOST_BYTES:
            raise ProtocolError("The event is too large for the data channel.", code="event_too_large")
        event = codec.decode_client_event(message)
        if event.type not in allowed.from_clients():
            raise ProtocolError(
                "Sound comes over this connection's audio track, not as events.",
                code="invalid_value",
                param="type",
                event_id=event.event_id,
            )
        return event

    def _refuse(self, error: ProtocolError) -> None:
        self.refusals += 1
        self._refused_in_a_row += 1
        detail = ErrorDetail(
            type=error.type, code=error.code, message=error.message, param=error.param, event_id=error.event_id
        )
        self.send(ErrorEvent(error=detail))
        if self._refused_in_a_row >= self._patience:
            self._end("too many invalid events in a row")

    def _closed(self) -> None:
        self._end("the client closed the data channel")

    def _end(self, reason: str) -> None:
        if not self._over:
            self._over = True
            self._fail(reason)

    def _next_id(self) -> str:
        self._sent += 1
        return f"{self._prefix}{self._sent:08x}"
