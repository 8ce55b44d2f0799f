"""Items that the engine is told of by us: those on their way, those of an earlier connection, those to be forgotten."""

from __future__ import annotations

from voice.protocol.client_events import ConversationItemCreate, ConversationItemDelete
from voice.session.books import Books
from voice.session.history import retold


class ToldItems:
    """What this connection was told of items, and what a client is not to see of that."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._of_client: dict[str, ConversationItemCreate] = {}
        self._retelling: set[str] = set()
        self._deleting: set[str] = set()
        self._as_text: set[str] = set()

    # Items of a client

    def expect(self, event: ConversationItemCreate) -> None:
        """A client's item goes out: it is said again if the connection dies before the engine has it."""
        self._of_client[event.item.id or ""] = event

    def came(self, item_id: str) -> None:
        """The engine has this item."""
        self._of_client.pop(item_id, None)

    def refused(self, event_id: str) -> bool:
        """The engine would not have what came with this event. False when that was no client's item."""
        for item_id, create in self._of_client.items():
            if event_id and create.event_id == event_id:
                del self._of_client[item_id]
                return True
        return False

    # Items that this connection knows from us

    def retold(self, item_id: str) -> None:
        """This item goes to a new connection: the client knows it already."""
        self._retelling.add(item_id)
        self._as_text.add(item_id)
        self._books.history.know(item_id)

    def is_retold(self, item_id: str) -> bool:
        """Whether the engine's word of this item only repeats what it was told."""
        return item_id in self._retelling

    def retelling_done(self, item_id: str) -> None:
        """The engine has said all there is to say of it."""
        self._retelling.discard(item_id)

    def as_text(self, item_id: str) -> bool:
        """Whether this connection knows an item as words only, so that there is no sound to truncate."""
        return item_id in self._as_text

    def tell_anew(self, item_id: str) -> None:
        """This connection knows an item as text only: tell it the words that were heard instead. A client that knows
        the item goes on knowing it by its name."""
        books = self._books
        entry = books.history.entries.get(item_id)
        if entry is None:
            return
        before = books.history.known_before(item_id) or "root"
        item = retold(entry)
        books.tell(ConversationItemDelete(event_id=books.new_id("cut"), item_id=item_id))
        self._deleting.add(item_id)
        if books.face is None or item is None:
            books.history.delete(item_id)
        if item is None:
            return
        if books.face is None:
            item = item.model_copy(update={"id": books.new_id("item")})
            books.history.complete(item, before)
        self.retold(item.id or "")
        event_id = books.new_id("retell")
        books.tell(ConversationItemCreate(event_id=event_id, item=item, previous_item_id=before))

    # Items that are to have never been

    def forget_item(self, item_id: str) -> None:
        """Nobody heard it, and nothing came of it."""
        books = self._books
        books.history.delete(item_id)
        books.tell(ConversationItemDelete(event_id=books.new_id("forget"), item_id=item_id))

    def expect_deleted(self, item_id: str) -> None:
        """An item is being deleted of which nobody but us and the engine ever knew."""
        self._deleting.add(item_id)

    def deleted(self, item_id: str) -> bool:
        """The engine forgot an item. False when nobody else is to hear of that."""
        if item_id in self._deleting:
            self._deleting.discard(item_id)
            return False
        self._books.history.delete(item_id)
        self._as_text.discard(item_id)
        return True

    def forget_connection(self) -> list[ConversationItemCreate]:
        """The connection is gone: what a client said to it that it may not have."""
        self._retelling.clear()
        self._deleting.clear()
        self._as_text.clear()
        lost, self._of_client = list(self._of_client.values()), {}
        return lost
