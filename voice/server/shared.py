"""A realtime client's end of a conversation that others attend: what it may say is screened, and sidebands listen in.

To the conversation it is the transport; to the transport it is the conversation. Sound is passed on untouched, by the
very same calls.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Protocol, cast

from voice.errors import PeerGone, ProtocolError
from voice.protocol.client_events import ClientEvent, SessionUpdate
from voice.protocol.codec import Unknown
from voice.protocol.server_events import (
    ErrorDetail,
    ErrorEvent,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
)
from voice.server import transcription
from voice.server.askers import Askers
from voice.server.overrides import Overrides
from voice.transports.base import Transport, TransportListener, TransportTraits

NORMAL, GOING_AWAY = 1000, 1001


class Attendant(Protocol):
    """Somebody who listens in and may speak up."""

    def send_event(self, event: ServerEvent | Unknown) -> None: ...

    async def close(self, code: int = 1000, reason: str = "") -> None: ...


class SharedTransport:
    """Wraps the transport of one realtime client."""

    def __init__(self, inner: Transport, overrides: Overrides, *, transcribes: bool = False) -> None:
        self._inner = inner
        self._overrides = overrides
        self._transcribes = transcribes
        self._attendants: dict[Attendant, None] = {}
        self._askers: Askers[Attendant] = Askers()
        self._remarks: list[ProtocolError] = []
        self._listener: TransportListener | None = None
        self._session: Any = None
        self._prefix = f"event_{secrets.token_hex(6)}"
        self._sent = 0
        self.is_open = False
        self.over = False
        if hasattr(inner, "said"):  # it plays the sound itself, and tells the client how far it is
            inner.said = self._said_by_itself
        self.play = inner.play
        self.mark = inner.mark
        self.stop_playback = inner.stop_playback
        self.duck = inner.duck
        self.restore = inner.restore

    @property
    def traits(self) -> TransportTraits:
        return self._inner.traits

    @property
    def held_ms(self) -> float:
        return self._inner.held_ms

    # The conversation's side

    async def open(self, listener: TransportListener) -> None:
        """As the wrapped transport's. Raises TransportError."""
        if self.over:
            raise PeerGone("The call was ended before it began.")
        self._listener = listener
        ear = _Ear(listener, self._client_said, self._hung_up)
        await self._inner.open(cast(TransportListener, ear))
        self.is_open = True

    def send_event(self, event: ServerEvent | Unknown) -> None:
        shown = transcription.show(event) if self._transcribes else event
        if shown is None:
            return
        if self._attendants or self._remarks:
            self._tell(shown)
            return
        if isinstance(shown, SessionCreated | SessionUpdated):
            self._session = shown.session
        self._inner.send_event(self._overrides.show(shown))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Hang up; whoever attends is told. Idempotent."""
        self.over = True
        await self._inner.close(code, reason)
        attendants = list(self._attendants)
        self._attendants.clear()
        code = code if code == GOING_AWAY else NORMAL
        await asyncio.gather(
            *(attendant.close(code, "the call is over") for attendant in attendants), return_exceptions=True
        )

    def _tell(self, event: ServerEvent | Unknown) -> None:
        if not isinstance(event, Unknown) and event.event_id == "":
            event = event.model_copy(update={"event_id": self._next_id()})
        if isinstance(event, SessionCreated | SessionUpdated):
            self._session = event.session
        asked = self._askers.of(event)
        if asked is not None and asked is not self._inner:
            asked.send_event(event)
            return
        self._inner.send_event(self._overrides.show(event))
        if asked is not None:
            return
        for attendant in list(self._attendants):
            attendant.send_event(event)
        if isinstance(event, SessionUpdated):
            remarks, self._remarks = self._remarks, []
            self._remark(remarks)

    def _said_by_itself(self, event: ServerEvent) -> None:
        for attendant in list(self._attendants):
            attendant.send_event(event.model_copy(update={"event_id": event.event_id or self._next_id()}))

    # The client's side

    def _client_said(self, event: ClientEvent) -> None:
        if self._listener is None:
            return
        if self._attendants:
            self._askers.said(self._inner, event, errors_too=False)
        later = isinstance(event, SessionUpdate)  # behind the answer, so that nobody takes the remark for it
        try:
            self._listener.client_said(
                self._screened(event, self._overrides, self._remarks.extend if later else self._remark)
            )
        except ProtocolError as error:
            self._inner.send_event(_as_event(error))

    def _screened(
        self, event: ClientEvent, overrides: Overrides, remark: Callable[[list[ProtocolError]], None]
    ) -> ClientEvent:
        """The event as the conversation takes it. Raises ProtocolError for what may not be at all."""
        event = transcription.admit(event) if self._transcribes else event
        event, refused = overrides.admit(event)
        if refused:
            remark(refused[:1])
        return event

    def _remark(self, errors: list[ProtocolError]) -> None:
        for error in errors:
            self._inner.send_event(_as_event(error))

    def _hung_up(self, reason: str) -> None:
        if not self.over and self._listener is not None:
            self.over = True
            self._listener.hung_up(reason)

    # Those who attend

    @property
    def attendants(self) -> int:
        return len(self._attendants)

    def attend(self, attendant: Attendant) -> None:
        """From now on it hears everything; first of all how the session is set."""
        self._attendants[attendant] = None
        if self._session is not None:
            attendant.send_event(SessionCreated(event_id=self._next_id(), session=self._session))

    def leave(self, attendant: Attendant) -> None:
        self._attendants.pop(attendant, None)

    def attendant_said(self, attendant: Attendant, event: ClientEvent, overrides: Overrides) -> None:
        """Somebody who attends speaks for the client. Raises ProtocolError."""
        if self._listener is None or self.over:
            raise ProtocolError("The call is not connected.", code="call_not_connected", event_id=event.event_id)
        self._askers.said(attendant, event)

        def remark(refused: list[ProtocolError]) -> None:
            self.answer(attendant, refused[0])

        self._listener.client_said(self._screened(event, overrides, remark))

    def answer(self, attendant: Attendant, error: ProtocolError) -> None:
        """Tell one of them alone why something may not be."""
        attendant.send_event(_as_event(error, self._next_id()))

    def hang_up(self, reason: str) -> None:
        """End the call as if the client had."""
        self._hung_up(reason)

    def _next_id(self) -> str:
        self._sent += 1
        return f"{self._prefix}{self._sent:08x}"


class _Ear:
    """The conversation, as the wrapped transport hears of it: itself, but for two things that pass here."""

    def __init__(
        self,
        listener: TransportListener,
        client_said: Callable[[ClientEvent], None],
        hung_up: Callable[[str], None],
    ) -> None:
        self._listener = listener
        self.receive_frame = listener.receive_frame  # fifty times a second: no detour
        self.client_said = client_said
        self.hung_up = hung_up

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)


def _as_event(error: ProtocolError, event_id: str = "") -> ErrorEvent:
    detail = ErrorDetail(
        type=error.type, code=error.code, message=error.message, param=error.param, event_id=error.event_id
    )
    return ErrorEvent(event_id=event_id, error=detail)
