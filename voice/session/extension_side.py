"""What a client that asked for more than the protocol is told, from what the session knows anyway.

Nothing here decides anything, and nothing is computed for a client that did not ask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voice.session.books import Books
from voice.session.calls import ToolCall
from voice.session.effects import SendToClient
from voice.session.extension import (
    Extension,
    ToolState,
    VoiceFloor,
    VoiceHeard,
    VoiceTool,
    VoiceTurn,
    VoiceUsage,
    as_event,
)
from voice.session.history import heard_words
from voice.session.playback import Cut, Spoken

HEARD_EVERY_MS = 250.0
TEXT_LIMIT_CHARS = 2_000


class ExtensionSide:
    """The extension events' part of the session's rules."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._paid_usd = 0.0
        self._told_ms: dict[str, float] = {}
        self._yielded_epoch = -1
        self._notes: dict[str, Callable[[dict[str, Any]], None]] = {
            "ducked": lambda values: self._floor("duck"),
            "restored": lambda values: self._floor("restore"),
            "turn": self._turn,
            "usage": self._usage,
        }

    @property
    def wanted(self) -> bool:
        """Whether the client asked."""
        face = self._books.face
        return face is not None and face.wants_events

    def noted(self, kind: str, values: dict[str, Any]) -> None:
        """The session noted something; some of it is told."""
        handler = self._notes.get(kind)
        if handler is not None and self.wanted:
            handler(values)

    def tool(self, call: ToolCall, state: ToolState, text: str = "") -> None:
        """A call of ours went on."""
        if self.wanted:
            self._say(VoiceTool(call.item_id, call.call_id, call.name, state, text[:TEXT_LIMIT_CHARS]))

    # What was heard

    def played(self) -> None:
        """The far end reported its position."""
        if not self.wanted:
            return
        books = self._books
        for item in list(books.ledger.items.values()):
            heard_ms = books.ledger.heard_ms(item.item_id, books.now)
            if item.finished and heard_ms >= item.received_ms:
                self._heard_to_the_end(item)
            elif heard_ms - self._told_ms.get(item.item_id, 0.0) >= HEARD_EVERY_MS:
                self._told_ms[item.item_id] = heard_ms
                self._heard(item.item_id, item.content_index, heard_ms, item.received_ms)

    def stops(self) -> None:
        """Playback is about to end: what was heard to its end will not be cut."""
        if not self.wanted:
            return
        books = self._books
        for item in books.ledger.items.values():
            if item.finished and books.ledger.heard_ms(item.item_id, books.now) >= item.received_ms:
                self._heard_to_the_end(item)

    def ran_dry(self) -> None:
        """All that was queued was heard."""
        self.stops()
        for item in self._books.ledger.items.values():
            if item.finished:
                self._told_ms.pop(item.item_id, None)

    def cut(self, cut: Cut) -> None:
        """An item was stopped; the first one of an interruption is what sounded."""
        if not self.wanted:
            return
        epoch = self._books.ledger.epoch
        if epoch != self._yielded_epoch:
            self._yielded_epoch = epoch
            self._say(VoiceFloor("yield", cut.item_id, cut.heard_ms))
        self._told_ms.clear()
        self._heard(cut.item_id, cut.content_index, cut.heard_ms, cut.received_ms, final=True)

    def truncated(self, item_id: str, content_index: int, heard_ms: float) -> None:
        """A client that keeps its own account cut an item."""
        if self.wanted:
            received_ms = self._books.ledger.received_ms(item_id)
            self._heard(item_id, content_index, heard_ms, received_ms, final=True)

    def _heard_to_the_end(self, item: Spoken) -> None:
        if self._told_ms.get(item.item_id) != float("inf"):
            self._heard(item.item_id, item.content_index, item.received_ms, item.received_ms, final=True)
            self._told_ms[item.item_id] = float("inf")

    def _heard(
        self, item_id: str, content_index: int, heard_ms: float, received_ms: float, *, final: bool = False
    ) -> None:
        text = self._books.history.text(item_id)
        heard = heard_words(text, heard_ms, received_ms)
        self._say(VoiceHeard(item_id, content_index, int(heard_ms), heard, text[len(heard) :], final))

    # From notes

    def _floor(self, state: Any) -> None:
        books = self._books
        sounding: Spoken | None = None
        for item in books.ledger.items.values():
            if sounding is None or books.ledger.heard_ms(item.item_id, books.now) > 0:
                sounding = item
        if sounding is None:
            self._say(VoiceFloor(state, None, 0))
            return
        at_ms = int(books.ledger.heard_ms(sounding.item_id, books.now))
        self._say(VoiceFloor(state, sounding.item_id, at_ms))

    def _turn(self, values: dict[str, Any]) -> None:
        spoken = "speech_stopped_at" in values
        ended_at = values.get("speech_stopped_at" if spoken else "committed_at")

        def since(name: str) -> int | None:
            at = values.get(name)
            return None if at is None or ended_at is None else max(0, round((at - ended_at) * 1000))

        decision_ms = since("committed_at" if "committed_at" in values else "asked_at") if spoken else None
        response_id = self._books.sounding_response
        self._say(VoiceTurn(response_id, decision_ms, since("first_delta_at"), since("first_audible_at")))

    def _usage(self, values: dict[str, Any]) -> None:
        books = self._books
        total = values["cost_usd"] if books.usage.priced else None
        cost = None if total is None else round(total - self._paid_usd, 6)
        self._paid_usd = total or 0.0
        began_at = books.now if books.began_at is None else books.began_at
        session_s = round(books.now - began_at, 3)
        self._say(VoiceUsage(values["response_id"], cost, total, session_s))

    def _say(self, said: Extension) -> None:
        books = self._books
        books.emit(SendToClient(as_event(said, books.new_id("vx"))))
