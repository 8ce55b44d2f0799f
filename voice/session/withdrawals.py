"""Replies that were asked for too soon: the model did not know what it should. They are stopped and made anew."""

from __future__ import annotations

from voice.protocol.settings import Response
from voice.session.asking import Asking
from voice.session.books import Books
from voice.session.replies import STALE_PATIENCE_S, Fate
from voice.session.states import Reply, Trigger, may
from voice.session.told_items import ToldItems


class Withdrawals:
    """The replies that were withdrawn, by their ids."""

    def __init__(self, books: Books, asking: Asking, told: ToldItems) -> None:
        self._books = books
        self._asking = asking
        self._told = told
        self._withdrawn: dict[str, None] = {}

    def __contains__(self, response_id: str) -> bool:
        return response_id in self._withdrawn

    def withdraw(self) -> None:
        """A reply of which nothing was heard is made anew."""
        books = self._books
        response_id, wish = books.replies.active_id, books.replies.wish
        if not books.ours or wish is None or not may(books.states, Trigger.REPLY_INTERRUPTED):
            return
        if any(item.response_id == response_id for item in books.ledger.items.values()):
            return
        streaming = books.states.reply is Reply.STREAMING
        books.step(Trigger.REPLY_INTERRUPTED)
        books.replies.stop(books.now + STALE_PATIENCE_S, Fate.WITHDRAWN)
        books.replies.want(wish)
        books.note("reply_withdrawn", response_id=response_id)
        if streaming:
            self.named(response_id)
            books.replies.make_stale(response_id)
            self._asking.cancel(response_id)

    def named(self, response_id: str) -> None:
        """A reply that is withdrawn has this name."""
        self._withdrawn[response_id] = None

    def ended(self, response: Response) -> None:
        """What a withdrawn response made is to have never been."""
        if response.id not in self._withdrawn:
            return
        del self._withdrawn[response.id]
        for item in response.output or ():
            self._told.forget_item(item.id or "")

    def forget(self) -> None:
        """The connection is gone."""
        self._withdrawn.clear()
