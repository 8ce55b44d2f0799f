"""What the engine was told to do, until it has: so that what was refused for a passing reason can be told again.

An item of ours that is refused is an item that the model does not know, and a cut that is refused leaves it believing
in words that nobody heard. So each is told up to `TRIES` times.
"""

from __future__ import annotations

from dataclasses import dataclass

from voice.protocol.client_events import (
    ClientEvent,
    ConversationItemCreate,
)

TRIES = 3
REMEMBERED = 1_024


@dataclass(frozen=True, slots=True)
class Told:
    """An order, and the how-manieth time it was given."""

    event: ClientEvent
    times: int


class Orders:
    """The orders of one connection that were not confirmed, by their event's id (bounded, the oldest go first)."""

    def __init__(self) -> None:
        self._told: dict[str, Told] = {}
        self._creating: dict[str, str] = {}

    def tell(self, event: ClientEvent, *, again: Told | None = None) -> None:
        """This goes out now; `again`: it did before, and was refused."""
        event_id = event.event_id or ""
        self._told[event_id] = Told(event, 1 if again is None else again.times + 1)
        if isinstance(event, ConversationItemCreate):
            self._creating[event.item.id or ""] = event_id
        while len(self._told) > REMEMBERED:
            self._forget(next(iter(self._told)))

    def created(self, item_id: str) -> None:
        """The engine has this item."""
        event_id = self._creating.get(item_id)
        if event_id is not None:
            self._forget(event_id)

    def creating(self, item_id: str) -> bool:
        """Whether this item was given and the engine has not said that it has it."""
        return item_id in self._creating

    def refused(self, event_id: str) -> Told | None:
        """The engine would not: what to tell it again. None when it was no order, or was told often enough."""
        told = self._told.get(event_id)
        if told is None:
            return None
        self._forget(event_id)
        return told if told.times < TRIES else None

    def forget(self) -> None:
        """The connection is gone."""
        self._told.clear()
        self._creating.clear()

    def _forget(self, event_id: str) -> None:
        told = self._told.pop(event_id)
        if isinstance(told.event, ConversationItemCreate):
            item_id = told.event.item.id or ""
            if self._creating.get(item_id) == event_id:
                del self._creating[item_id]
