"""A realtime client at the far end: plays what it is sent, truncates when interrupted, trusts nothing it is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from voice.protocol.client_events import ClientEvent, ConversationItemTruncate
from voice.protocol.codec import Unknown
from voice.protocol.items import FunctionCall
from voice.protocol.server_events import (
    ConversationItemAdded,
    InputAudioBufferSpeechStarted,
    ResponseCreated,
    ResponseDone,
    ServerEvent,
    SessionCreated,
)

E = TypeVar("E")


class Client:
    """Keeps what it is shown. `complaints` is what no server would have said."""

    def __init__(
        self, say: Callable[[ClientEvent], None], heard_ms: Callable[[str], float], hush: Callable[[], None]
    ) -> None:
        self.shown: list[ServerEvent | Unknown] = []
        self.complaints: list[str] = []
        self.truncates = True
        self.speaking_item = ""
        self.own_tools: set[str] = set()
        self._say = say
        self._heard_ms = heard_ms
        self._hush = hush
        self._created: set[str] = set()
        self._done: set[str] = set()
        self._items: set[str] = set()

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.shown if isinstance(event, kind)]

    def types(self) -> list[str]:
        return [event.type for event in self.shown]

    def play(self, item_id: str) -> None:
        self.speaking_item = item_id

    def see(self, event: ServerEvent | Unknown) -> None:
        if not self.shown and not isinstance(event, SessionCreated):
            self.complaints.append(f"the first event is {event.type}")
        if self.shown and isinstance(event, SessionCreated):
            self.complaints.append("session.created twice")
        self.shown.append(event)
        self._check_responses(event)
        item = getattr(event, "item", None)
        if isinstance(item, FunctionCall) and item.name not in self.own_tools:
            self.complaints.append(f"{event.type} shows a call that the client cannot answer")
        if isinstance(event, ConversationItemAdded):
            if event.item.id in self._items:
                self.complaints.append(f"item {event.item.id} was added twice")
            self._items.add(event.item.id or "")
        if isinstance(event, InputAudioBufferSpeechStarted) and self.truncates:
            self._truncate()

    def _check_responses(self, event: ServerEvent | Unknown) -> None:
        if isinstance(event, ResponseCreated):
            self._created.add(event.response.id)
        elif isinstance(event, ResponseDone):
            if event.response.id not in self._created:
                self.complaints.append("a response ends that never began")
            if event.response.id in self._done:
                self.complaints.append("a response ends twice")
            self._done.add(event.response.id)

    @property
    def open_responses(self) -> set[str]:
        """Responses that began and did not end."""
        return self._created - self._done

    def _truncate(self) -> None:
        item_id, self.speaking_item = self.speaking_item, ""
        heard_ms = int(self._heard_ms(item_id)) if item_id else 0
        self._hush()
        if heard_ms > 0:
            self._say(ConversationItemTruncate(item_id=item_id, content_index=0, audio_end_ms=heard_ms))
