"""What follows from the telephone's keys and from the keyboard."""

from __future__ import annotations

from voice.protocol.client_events import ConversationItemCreate
from voice.protocol.items import InputText, UserMessage
from voice.session.asking import Asking
from voice.session.books import Books
from voice.session.deadlines import Deadline
from voice.session.events import Dtmf, Typed
from voice.session.interrupting import Interrupting
from voice.session.replies import Wish
from voice.session.states import Link
from voice.session.turns import TurnTimes

DTMF_PAUSE_S = 2.0
"""Digits that come within so long of each other are one input."""
DIGITS_LIMIT = 64


class KeysSide:
    """The keys' part of the session's rules."""

    def __init__(self, books: Books, asking: Asking, interrupting: Interrupting) -> None:
        self._books = books
        self._asking = asking
        self._interrupting = interrupting
        self._digits = ""
        self._digits_until: float | None = None

    def handle_dtmf(self, event: Dtmf) -> None:
        """A telephone key: the first one interrupts, `#` or a pause ends the input."""
        if not self._digits:
            self._interrupting.interrupt("dtmf")
        self._digits += event.digit
        self._digits_until = self._books.now + DTMF_PAUSE_S
        self._books.note("dtmf")
        if event.digit == "#" or len(self._digits) >= DIGITS_LIMIT:
            self._end_digits()

    def handle_typed(self, event: Typed) -> None:
        self._interrupting.interrupt("typed")
        self._write(event.text)

    def handle_time(self) -> None:
        """Time passed: digits may be complete."""
        if self._digits_until is not None and self._books.now >= self._digits_until:
            self._end_digits()

    def deadline(self) -> Deadline | None:
        return None if self._digits_until is None else Deadline(self._digits_until, "digits are complete")

    def _end_digits(self) -> None:
        digits, self._digits, self._digits_until = self._digits, "", None
        self._write(f"[telephone keys pressed: {digits}]")

    def _write(self, text: str) -> None:
        books = self._books
        item = UserMessage(id=books.new_id("item"), content=[InputText(text=text)])
        books.history.complete(item, None)
        if books.states.link is Link.READY:
            books.tell(ConversationItemCreate(event_id=books.new_id("write"), item=item))
        books.times = TurnTimes(committed_at=books.now)
        self._asking.ask(Wish("turn"))
