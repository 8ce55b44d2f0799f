"""Items that only the client and we know of: the questions of our tools, and the answers to them.

Each stands behind an item that the engine knows, so that the order of items stays one order on both sides.
"""

from __future__ import annotations

from voice.protocol.items import Item
from voice.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemRetrieved,
    ServerEvent,
)

REMEMBERED = 256


class AddedItems:
    """The items and their places (bounded: the oldest are forgotten)."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._behind: dict[str, str] = {}
        self._last: dict[str, str] = {}

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._items

    def add(self, item: Item, behind: str) -> list[ServerEvent]:
        """Put an item behind the engine's item `behind`, and behind what was put there before."""
        item_id, previous = item.id or "", self.last_behind(behind)
        self._items[item_id], self._behind[item_id], self._last[behind] = item, behind, item_id
        while len(self._items) > REMEMBERED:
            self._forget(next(iter(self._items)))
        return [
            ConversationItemAdded(item=item, previous_item_id=previous),
            ConversationItemDone(item=item, previous_item_id=previous),
        ]

    def last_behind(self, item_id: str) -> str:
        """What the client takes for the predecessor of the engine's item that follows this one."""
        return self._last.get(item_id, item_id)

    def known_to_engine(self, item_id: str | None) -> str | None:
        """The place of an item, in words that the engine understands."""
        return self._behind.get(item_id, item_id) if item_id is not None else None

    def behind(self, item_id: str) -> str:
        """The engine's item that this one stands behind."""
        return self._behind[item_id]

    def retrieve(self, item_id: str) -> ConversationItemRetrieved:
        """The answer to a client that asks for the item."""
        return ConversationItemRetrieved(item=self._items[item_id])

    def delete(self, item_id: str) -> ConversationItemDeleted:
        """The answer to a client that deletes the item."""
        self._forget(item_id)
        return ConversationItemDeleted(item_id=item_id)

    def _forget(self, item_id: str) -> None:
        behind = self._behind.pop(item_id)
        del self._items[item_id]
        if self._last.get(behind) == item_id:
            others = [other for other, place in self._behind.items() if place == behind]
            if others:
                self._last[behind] = others[-1]
            else:
                del self._last[behind]
