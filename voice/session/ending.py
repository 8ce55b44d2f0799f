"""The end of a conversation, and the closing words before it."""

from __future__ import annotations

from dataclasses import dataclass

from voice.session.books import Books
from voice.session.deadlines import Deadline
from voice.session.effects import CancelTool, CloseLink, HangUp, Play, StopPlayback
from voice.session.events import Close, Event, HungUp
from voice.session.refusals import Action
from voice.session.states import Link

CLOSE_NORMAL, CLOSE_GOING_AWAY, CLOSE_BROKEN = 1000, 1001, 1011
"""The codes of RFC 6455, 7.4.1, which a far end on a WebSocket is closed with."""
CLOSING_TAIL_S = 0.4
"""So long after the closing words the line is held: what sounds last must not be cut."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The closing words sound until then; the call ends with this code and reason."""

    at: float
    code: int
    reason: str


class Ending:
    """How it ends, whoever wished it first."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.closing: Closing | None = None

    def end(self, code: int, reason: str) -> None:
        """The conversation is over."""
        books = self._books
        if books.ended:
            return
        if self.closing is None:
            for call in books.calls.running:
                books.emit(CancelTool(call.call_id))
            books.retry.stop()
            if books.states.link is not Link.DOWN:
                books.emit(CloseLink())
            if code == CLOSE_BROKEN and self._say_goodbye(code, reason):
                return
        books.emit(HangUp(code, reason))
        books.note("ended", reason=reason, code=code, cost_usd=round(books.usage.cost_usd, 6))
        books.ended = True

    def act(self, action: Action, message: str) -> None:
        """Do what an error of the engine calls for, beyond the reply that it concerns."""
        if action is Action.RECONNECT and self._books.states.link is Link.READY:
            self._books.emit(CloseLink())
        elif action is Action.END:
            self.end(CLOSE_BROKEN, message)

    def handle(self, closing: Closing, event: Event) -> None:
        """While the closing words sound, only their end, or that of the line, matters."""
        if isinstance(event, HungUp):
            self.end(CLOSE_NORMAL, event.reason)
        elif isinstance(event, Close) or self._books.now >= closing.at:
            self.end(closing.code, closing.reason)

    def deadline(self) -> Deadline | None:
        return None if self.closing is None else Deadline(self.closing.at, "closing words")

    def _say_goodbye(self, code: int, reason: str) -> bool:
        """Nobody is left to speak for us: our own closing words are played, and the call ends behind them."""
        books = self._books
        words = books.config.closing
        if words is None or books.client_plays:
            return False
        books.ledger.cut(books.now)
        books.emit(StopPlayback(books.ledger.epoch))
        books.emit(Play("closing", "closing", 0, 0, words))
        books.note("closing_words")
        self.closing = Closing(books.now + words.duration_ms / 1000 + CLOSING_TAIL_S, code, reason)
        return True
