"""The engine's mouth: events get their id here, sound goes its own way."""

from __future__ import annotations

from collections.abc import Iterable

from voice.engines.base import EngineListener
from voice.engines.local.response import Said, Sound
from voice.errors import ProtocolError, VoiceError
from voice.protocol.ids import Ids
from voice.protocol.server_events import ErrorDetail, ErrorEvent, ServerEvent


class Outlet:
    """Tells the listener, in the order in which it is called, until it is shut."""

    def __init__(self, listener: EngineListener, ids: Ids) -> None:
        self._listener: EngineListener | None = listener
        self._ids = ids

    def say(self, event: ServerEvent) -> None:
        if self._listener is not None:
            event.event_id = self._ids.event()
            self._listener.receive_event(event)

    def say_all(self, said: Iterable[Said]) -> None:
        for one in said:
            if isinstance(one, Sound):
                if self._listener is not None:
                    self._listener.receive_audio(
                        one.response_id, one.item_id, one.output_index, one.content_index, one.frame
                    )
            else:
                self.say(one)

    def refuse(self, error: ProtocolError, event_id: str | None) -> None:
        """The client asked for something that cannot be."""
        detail = ErrorDetail(
            type=error.type,
            code=error.code,
            message=error.message,
            param=error.param,
            event_id=error.event_id or event_id,
        )
        self.say(ErrorEvent(error=detail))

    def fail(self, error: VoiceError, event_id: str | None) -> None:
        """Something of ours broke."""
        detail = ErrorDetail(type="server_error", code=error.code, message=error.message, event_id=event_id)
        self.say(ErrorEvent(error=detail))

    def shut(self, code: int, reason: str) -> None:
        """The last word. Nothing follows it."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.engine_closed(code, reason)
