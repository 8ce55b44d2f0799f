"""How far the engine is with the reply that it makes: which of its items it has begun, and which it is done with."""

from __future__ import annotations

TWIN_S = 0.2
"""A response that begins so soon behind another of which nothing has come is the same one, told twice."""


class Progress:
    """The items of the reply being made. `announces`: this model is known to speak before it calls a tool."""

    def __init__(self) -> None:
        self.announces = False
        self.ended_at = 0.0
        self._begun_at = 0.0
        self._begun: set[str] = set()
        self._ended: set[str] = set()

    def restart(self, now: float) -> None:
        """A reply begins."""
        self._begun.clear()
        self._ended.clear()
        self._begun_at = now

    def begin(self, item_id: str) -> None:
        """The engine is at this item."""
        self._begun.add(item_id)

    def end(self, item_id: str, now: float) -> bool:
        """The engine is done with an item. False when it is none of the reply's, or was done before."""
        if item_id not in self._begun or item_id in self._ended:
            return False
        self._ended.add(item_id)
        self.ended_at = now
        return True

    def reopen(self, item_id: str) -> bool:
        """An item that ended is not complete after all. False when it had not ended."""
        if item_id not in self._ended:
            return False
        self._ended.discard(item_id)
        return True

    @property
    def ended(self) -> frozenset[str]:
        """The items that the engine is done with."""
        return frozenset(self._ended)

    @property
    def complete(self) -> bool:
        """Whether every item that was begun is done. (Nobody knows whether another will begin.)"""
        return bool(self._begun) and self._begun == self._ended

    def just_began(self, now: float) -> bool:
        """Whether the reply began a moment ago and nothing has come of it."""
        return now - self._begun_at < TWIN_S and not self._begun
