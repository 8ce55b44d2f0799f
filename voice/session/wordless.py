"""Turns that were answered and whose words have not come: the engine is asked for the item once more.

A transcript may come at any time, or be lost. Without it a turn cannot be told to the next connection: its sound is
let go when it has been answered.
"""

from __future__ import annotations

from voice.session.deadlines import Deadline

WAIT_S = 0.1
REMEMBERED = 64


class Wordless:
    """The items of turns without words, oldest first; each is asked for once, when it was answered."""

    def __init__(self) -> None:
        self._waiting: dict[str, None] = {}
        self._asked: set[str] = set()
        self._due_at: float | None = None

    def expect(self, item_id: str) -> None:
        """A turn was made: its words are to come."""
        self._waiting[item_id] = None
        while len(self._waiting) > REMEMBERED:
            del self._waiting[next(iter(self._waiting))]

    def came(self, item_id: str) -> None:
        """Its words came, or never will."""
        self._waiting.pop(item_id, None)
        self._asked.discard(item_id)

    def answered(self, now: float) -> None:
        """The person was answered: words that are not here soon are asked for."""
        if self._waiting and self._due_at is None:
            self._due_at = now + WAIT_S

    def due(self, now: float) -> list[str]:
        """Items to ask for now."""
        if self._due_at is None or now < self._due_at:
            return []
        self._due_at = None
        found, self._waiting = list(self._waiting), {}
        self._asked.update(found)
        return found

    def was_asked(self, item_id: str) -> bool:
        """Whether this item comes because it was asked for."""
        return item_id in self._asked

    def forget(self) -> None:
        """The connection is gone, and what it knew."""
        self._waiting.clear()
        self._asked.clear()
        self._due_at = None

    def deadline(self) -> Deadline | None:
        return None if self._due_at is None else Deadline(self._due_at, "ask for a turn's words")
