"""Which of a client's wishes reach the conversation: the table `[overrides]` at work.

What may not be changed is taken out of a client's event, the rest goes on, and the client is told in an `error` event
(code `override_not_allowed`) behind the answer; the session it then sees is the one in force. A stock client says all
its settings at once: to refuse them whole would leave it without any.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from voice.config import OverrideSettings
from voice.errors import ProtocolError
from voice.protocol.client_events import ClientEvent, ConversationItemCreate, ResponseCreate, SessionUpdate
from voice.protocol.codec import Unknown
from voice.protocol.items import SystemMessage
from voice.protocol.server_events import ServerEvent, SessionCreated, SessionUpdated
from voice.protocol.settings import Session
from voice.protocol.wire import Wire

W = TypeVar("W", bound=Wire)

OF_SESSION: dict[str, tuple[str, ...]] = {
    "instructions": ("instructions", "prompt"),
    "voice": ("audio.output.voice",),
    "tools": ("tools", "tool_choice", "parallel_tool_calls"),
    "turns": ("audio.input.turn_detection",),
    "transcription": ("audio.input.transcription", "include"),
    "output": ("output_modalities", "max_output_tokens", "reasoning", "truncation", "audio.output.speed"),
    "model": ("model",),
    "system_items": (),
}
"""The rows of the table, and which settings each stands for; sound formats and the like are always free."""


class Overrides:
    """What one client may change. `trusted`: it holds an API key, or no keys are needed here."""

    def __init__(self, table: OverrideSettings, *, trusted: bool) -> None:
        allowed = ("anyone", "key") if trusted else ("anyone",)
        self._forbidden = tuple(row for row in OF_SESSION if getattr(table, row) not in allowed)
        self._fields = tuple(path for row in self._forbidden for path in OF_SESSION[row])

    @property
    def is_free(self) -> bool:
        """Whether there is nothing to forbid."""
        return not self._forbidden

    def allows(self, row: str) -> bool:
        return row not in self._forbidden

    def admit(self, event: ClientEvent) -> tuple[ClientEvent, list[ProtocolError]]:
        """The event without what may not be, and what to say about that. Raises ProtocolError when nothing is left."""
        if isinstance(event, SessionUpdate) and isinstance(event.session, Session):
            session, refused = self.strip(event.session)
            remarks = [_refusal(f"session.{path}", event) for path in refused]
            return (event.model_copy(update={"session": session}) if refused else event), remarks
        if isinstance(event, ResponseCreate) and event.response is not None:
            given = event.response.input or ()
            if not self.allows("system_items") and any(isinstance(item, SystemMessage) for item in given):
                raise _refusal("response.input", event)
            params, refused = self.strip(event.response)
            remarks = [_refusal(f"response.{path}", event) for path in refused]
            return (event.model_copy(update={"response": params}) if refused else event), remarks
        system = isinstance(event, ConversationItemCreate) and isinstance(event.item, SystemMessage)
        if system and not self.allows("system_items"):
            raise _refusal("item.role", event)
        return event, []

    def strip(self, settings: W) -> tuple[W, list[str]]:
        """Settings without what may not be changed, and the names of what was taken out."""
        refused: list[str] = []
        for path in self._fields:
            settings, found = _without(settings, path.split("."))
            if found:
                refused.append(path)
        return settings, refused

    def show(self, event: ServerEvent | Unknown) -> ServerEvent | Unknown:
        """The event as this client may see it: instructions that it may not change are not shown."""
        if not isinstance(event, SessionCreated | SessionUpdated) or self.allows("instructions"):
            return event
        session = event.session
        if not isinstance(session, Session) or not session.instructions:
            return event
        return event.model_copy(update={"session": session.model_copy(update={"instructions": ""})})


def rows() -> Iterator[tuple[str, str]]:
    """Each row with the settings it stands for, for the documentation."""
    for row, paths in OF_SESSION.items():
        yield row, ", ".join(paths)


def _without(settings: W, path: list[str]) -> tuple[W, bool]:
    """A copy in which nobody has said this, and whether somebody had."""
    name, rest = path[0], path[1:]
    if name not in settings.model_fields_set:
        return settings, False
    value = getattr(settings, name)
    copy = settings.model_copy()
    if not rest:
        setattr(copy, name, None)
        copy.model_fields_set.discard(name)
        return copy, True
    if not isinstance(value, Wire):
        return settings, False
    inner, found = _without(value, rest)
    if not found:
        return settings, False
    setattr(copy, name, inner)
    return copy, True


def _refusal(param: str, event: ClientEvent) -> ProtocolError:
    return ProtocolError(
        "This service does not let you change that.", code="override_not_allowed", param=param, event_id=event.event_id
    )
