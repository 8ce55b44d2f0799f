"""What follows from items that the engine tells of: they come, are complete, go, or were asked for."""

from __future__ import annotations

from voice.protocol import server_events as se
from voice.protocol.client_events import ConversationItemRetrieve
from voice.protocol.items import AssistantMessage, InputAudio, Item, UserMessage
from voice.session.books import Books
from voice.session.effects import SendToEngine
from voice.session.face import HIDE, SHOW
from voice.session.history import text_of
from voice.session.reply_side import ReplySide
from voice.session.told_items import ToldItems
from voice.session.turn_side import TurnSide


class ItemSide:
    """The items' part of the session's rules. Handlers answer whether a client sees the event as it came."""

    def __init__(self, books: Books, told: ToldItems, replies: ReplySide, turns: TurnSide) -> None:
        self._books = books
        self._told = told
        self._replies = replies
        self._turns = turns

    def handle_added(self, event: se.ConversationItemAdded | se.ConversationItemCreated) -> bool:
        """An item exists. What this connection was told by us again, and what belongs to nobody, is not shown."""
        books, item_id = self._books, event.item.id or ""
        belongs = self._belongs(event.item)
        books.orders.created(item_id)
        books.echoes.read(event.item)
        if self._told.is_retold(item_id) or not belongs:
            return HIDE
        self._turns.believe(event.item)
        self._told.came(item_id)
        books.history.add(event.item, event.previous_item_id)
        books.history.know(item_id)
        return SHOW

    def _belongs(self, item: Item) -> bool:
        """Whether an item can be of this conversation. An engine writes no words of the person, and says nothing of its
        own but in a response; what it says it was told by us must have been."""
        books, item_id = self._books, item.id or ""
        if books.face is not None or item_id in books.history.entries or books.orders.creating(item_id):
            return True
        if isinstance(item, AssistantMessage):
            belongs = bool(books.replies.active_id)
        elif isinstance(item, UserMessage) and item.content:
            belongs = any(isinstance(part, InputAudio) for part in item.content)
        else:
            belongs = True
        if not belongs:
            books.note("surprise", type="item of nobody")
        return belongs

    def handle_done(self, event: se.ConversationItemDone) -> bool:
        """An item is final."""
        books, item_id = self._books, event.item.id or ""
        books.orders.created(item_id)
        books.echoes.read(event.item)
        if self._told.is_retold(item_id):
            self._told.retelling_done(item_id)
            return HIDE
        if not self._belongs(event.item):
            return HIDE
        books.history.complete(event.item, event.previous_item_id)
        if isinstance(event.item, AssistantMessage):
            self._replies.item_ended(item_id)
            self._replies.item_status(event.item)
        return SHOW

    def handle_deleted(self, event: se.ConversationItemDeleted) -> bool:
        return SHOW if self._told.deleted(event.item_id) else HIDE

    def handle_retrieved(self, event: se.ConversationItemRetrieved) -> bool:
        """An item that was asked for: by us for its words, or by the client."""
        books, item_id = self._books, event.item.id or ""
        if not books.wordless.was_asked(item_id):
            return SHOW
        books.wordless.came(item_id)
        books.history.set_text(item_id, text_of(event.item))
        return HIDE

    def handle_time(self) -> None:
        """Time passed: words that have not come are asked for."""
        books = self._books
        for item_id in books.wordless.due(books.now):
            books.emit(SendToEngine(ConversationItemRetrieve(event_id=books.new_id("words"), item_id=item_id)))
