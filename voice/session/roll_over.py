"""What follows when a connection gets too old: before an engine's cap on its length another one takes over."""

from __future__ import annotations

from voice.session.books import Books
from voice.session.deadlines import Deadline
from voice.session.effects import CloseLink
from voice.session.states import Consequence, Link, consequence

MARGIN_S = 300.0
"""So long before the cap a quiet moment is used."""
LAST_S = 20.0
"""So long before the cap any moment is."""


class RollOver:
    """When the present connection is to be left for a new one."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._greeted_at: float | None = None

    def link_changed(self, link: Link) -> None:
        """The connection came, or went."""
        self._greeted_at = self._books.now if link is Link.READY else None

    def handle_time(self) -> None:
        """Time passed: a connection that is old enough is ended, and the next one is opened at once."""
        books = self._books
        due_at = self._due_at()
        if due_at is None or books.now < due_at:
            return
        books.note("roll_over")
        books.retry.at_once()
        self._greeted_at = None
        books.emit(CloseLink())

    def deadline(self) -> Deadline | None:
        due_at = self._due_at()
        return None if due_at is None else Deadline(due_at, "roll over to a new connection")

    def _due_at(self) -> float | None:
        """When to roll over, as things stand: from the first moment on it is done where it is quiet."""
        cap_s = self._books.config.traits.max_session_s
        if cap_s is None or self._greeted_at is None:
            return None
        first_at = self._greeted_at + max(cap_s - MARGIN_S, cap_s / 2)
        last_at = self._greeted_at + max(cap_s - LAST_S, cap_s * 0.9)
        return first_at if self._books.now < first_at or self._quiet() else last_at

    def _quiet(self) -> bool:
        books = self._books
        settled = not books.calls.open and not books.gap.unsettled and not books.replies.wishes
        return settled and consequence(books.states) is Consequence.SPEAK_UP
