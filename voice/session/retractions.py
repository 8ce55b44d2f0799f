"""What is left to clean up of turns that were retracted: the engine was asked too soon, and nobody is to hear of it."""

from __future__ import annotations

from typing import Any

from voice.protocol import server_events as se
from voice.protocol.client_events import ConversationItemDelete
from voice.session.books import Books
from voice.session.effects import SendToEngine
from voice.session.told_items import ToldItems

REMEMBERED = 256
"""Items that are being deleted: of so many the late events are known and not shown."""


class Retractions:
    """Commits whose items are still to come, items that are being deleted, and replies that are being cancelled."""

    def __init__(self, books: Books, told: ToldItems) -> None:
        self._books = books
        self._told = told
        self._commits: list[str] = []
        self._items: dict[str, None] = {}
        self._replies: dict[str, list[str]] = {}

    # What is retracted

    def commit(self, event_id: str) -> None:
        """A turn whose item the engine has not told of."""
        self._commits.append(event_id)

    def item(self, item_id: str) -> None:
        """An item: it is deleted, and never shown."""
        books = self._books
        books.history.delete(item_id)
        self._told.expect_deleted(item_id)
        books.emit(SendToEngine(ConversationItemDelete(event_id=books.new_id("retract"), item_id=item_id)))
        self._items[item_id] = None
        while len(self._items) > REMEMBERED:
            del self._items[next(iter(self._items))]

    def reply(self, response_id: str) -> None:
        """A reply, with all that comes of it."""
        self._replies[response_id] = []

    # What becomes of it

    def took_commit(self, item_id: str) -> bool:
        """The engine made an item of a commit: whether that was retracted meanwhile."""
        if not self._commits:
            return False
        self._commits.pop(0)
        self.item(item_id)
        return True

    def commit_refused(self, event_id: str) -> bool:
        """The engine found nothing in a commit: whether it was one of these."""
        if event_id not in self._commits:
            return False
        self._commits.remove(event_id)
        return True

    def has_reply(self, response_id: str) -> bool:
        return response_id in self._replies

    def reply_over(self, response_id: str) -> None:
        """A retracted reply is over: what came of it is deleted."""
        for item_id in self._replies.pop(response_id, ()):
            self.item(item_id)

    def give_up_replies(self) -> None:
        """The engine never said that a retracted reply is over: what is known of it is deleted all the same."""
        for response_id in list(self._replies):
            self.reply_over(response_id)

    def forget(self) -> None:
        """The connection is gone."""
        self._commits.clear()
        self._items.clear()
        self._replies.clear()

    # What the engine says

    @property
    def pending(self) -> bool:
        """Whether anything the engine says may belong to a retracted turn."""
        return bool(self._commits or self._items or self._replies)

    def concerns(self, said: Any) -> bool:
        """Whether an event that ends no response is of something that was retracted."""
        if getattr(said, "response_id", "") in self._replies:
            self.remember_item(said)
            return True
        if isinstance(said, se.ConversationItemDeleted):
            return False
        item = getattr(said, "item", None)
        item_id = getattr(said, "item_id", "") if item is None else item.id
        of_a_reply = any(item_id in items for items in self._replies.values())
        return of_a_reply or item_id in self._items

    def remember_item(self, said: Any) -> None:
        """A retracted reply made an item, if the event says so."""
        if isinstance(said, se.ResponseOutputItemAdded):
            self._replies[said.response_id].append(said.item.id or "")
