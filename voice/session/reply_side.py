"""What follows when the engine makes a response: that it begins, how far it is, and what it calls."""

from __future__ import annotations

from voice.protocol import server_events as se
from voice.protocol.items import FunctionCall, Item
from voice.protocol.settings import Response
from voice.session.asides import Asides
from voice.session.asking import Asking
from voice.session.books import Books
from voice.session.call_side import CallSide
from voice.session.calling import Calling
from voice.session.progress import Progress
from voice.session.replies import STALE_PATIENCE_S, Fate
from voice.session.retractions import Retractions
from voice.session.states import Reply, Trigger, Turn, may
from voice.session.watch_side import WatchSide
from voice.session.withdrawals import Withdrawals

CREATED_REMEMBERED = 64
ENDED_S = 1.0
"""After so long without anything more, a response whose items are done is done."""
ANSWER_MS = 3_000.0
"""Nobody announces a call at such length."""


class ReplySide:
    """The rules of the response being made. `shown` are those that a client saw begin and has not seen end."""

    def __init__(
        self,
        books: Books,
        asking: Asking,
        watch: WatchSide,
        calling: Calling,
        calls: CallSide,
        withdrawals: Withdrawals,
        retractions: Retractions,
    ) -> None:
        self._books = books
        self._asking = asking
        self._watch = watch
        self._calling = calling
        self._calls = calls
        self._withdrawals = withdrawals
        self._retractions = retractions
        self._progress = Progress()
        self.asides = Asides()
        self.shown: dict[str, Response] = {}
        self._created: dict[str, None] = {}

    def created(self, event: se.ResponseCreated) -> None:
        """The engine makes a response."""
        books = self._books
        response_id = event.response.id
        if response_id in self._created or self._is_twin():
            books.note("surprise", type=event.type)
            return
        self._created[response_id] = None
        while len(self._created) > CREATED_REMEMBERED:
            del self._created[next(iter(self._created))]
        if books.face is not None:
            self.shown[response_id] = event.response
        if self.asides.takes(event.response):
            return
        if books.states.reply is Reply.STALE:
            if not books.replies.active_id:
                self._stale_created(response_id)
                return
            self.give_up_stale()
        if may(books.states, Trigger.REPLY_CREATED):
            books.step(Trigger.REPLY_CREATED)
        else:
            books.note("surprise", type=event.type)
        books.replies.created(response_id)
        books.gap.answering(response_id)
        books.replies.forget("turn")  # what was committed before this began, this answers
        self._progress.restart(books.now)

    def _is_twin(self) -> bool:
        """Whether a response begins right behind another of which nothing has come: there is one at a time."""
        books = self._books
        fresh = self._progress.just_began(books.now)
        return fresh and books.states.reply is Reply.STREAMING and not self.asides.awaited

    def _stale_created(self, response_id: str) -> None:
        """A reply that was interrupted before it began: now it has a name by which it can be stopped."""
        books = self._books
        fate = books.replies.fate
        if fate is Fate.WITHDRAWN:
            self._withdrawals.named(response_id)
        elif fate is Fate.RETRACTED:
            self._retractions.reply(response_id)
        books.replies.make_stale(response_id)
        books.replies.created(response_id)
        books.gap.answering(response_id)
        books.replies.stop(books.now + STALE_PATIENCE_S, fate)
        self._asking.cancel(response_id)

    def give_up_stale(self) -> None:
        """The cancelled reply never said that it is done: go on without it."""
        books = self._books
        self._retractions.give_up_replies()
        books.step(Trigger.REPLY_DONE)
        books.replies.done()
        books.note("surprise", type="response.done missing")

    def adopt(self, response_id: str) -> bool:
        """Something comes of a response that we never heard to begin: it is the one that was asked for. False when it
        is none of ours."""
        books = self._books
        replies, states = books.replies, books.states
        known = response_id in self._created or replies.is_over(response_id) or replies.is_stale(response_id)
        waited = states.reply in (Reply.ASKED, Reply.STALE) and not replies.active_id
        guessed = states.turn is Turn.GUESSED
        if known or not waited or self.asides.awaited or books.face is not None or guessed:
            return False
        books.note("surprise", type="response.created missing")
        self.created(se.ResponseCreated(response=Response(id=response_id, conversation_id="adopted")))
        return True

    # How far it is

    def item_begun(self, response_id: str, item_id: str) -> None:
        """The engine is at an item of the reply."""
        if response_id != self._books.replies.active_id:
            self.adopt(response_id)
        if response_id == self._books.replies.active_id:
            self._progress.begin(item_id)
            self._watch.reply_goes_on()

    def item_ended(self, item_id: str) -> None:
        """The engine is done with an item."""
        if self._progress.end(item_id, self._books.now) and self._progress.complete:
            self._watch.reply_complete()

    def item_status(self, item: Item) -> None:
        """The engine says how an item ended: one that is incomplete makes no complete reply, whatever else is done."""
        if getattr(item, "status", None) == "incomplete" and self._progress.reopen(item.id or ""):
            self._watch.reply_goes_on()

    def keep(self, response_id: str, item: Item) -> None:
        """The engine made this item: it is of the conversation, also where nothing but the response told of it."""
        books = self._books
        known = item.id in books.history.entries or response_id in self.asides
        if not known and response_id in self._created and not books.replies.is_stale(response_id):
            books.history.complete(item, None)

    def call(self, response_id: str, output_index: int, item: FunctionCall) -> None:
        """A call's arguments are complete: run it, or leave it to the client."""
        books = self._books
        if response_id not in self._created:
            books.note("surprise", type="call of no response", call_id=item.call_id or "")
            return
        call = self._calls.accept(response_id, output_index, item)
        if call is None:
            return
        if response_id in self._withdrawals:
            books.calls.answer(call.call_id)
            return
        if self._calls.takes_for_echo(call):
            return
        self._progress.announces |= any(books.ledger.received_ms(item_id) for item_id in self._progress.ended)
        self._calls.begin(call)

    def was_complete(self) -> bool:
        """The connection is gone: whether the reply that it was making needs nothing more. Where a model announces its
        calls, a short message may have been just that, and the call the answer: better say it again than never."""
        books, progress = self._books, self._progress
        if books.states.reply is not Reply.STREAMING or not progress.complete:
            return False
        if books.replies.active_id in self._calling:
            return False
        said_ms = sum(books.ledger.received_ms(item_id) for item_id in progress.ended)
        wish = books.replies.wish
        after_tools = wish is not None and wish.reason == "tool"
        rested = books.now - progress.ended_at >= ENDED_S
        return not progress.announces or after_tools or rested or said_ms >= ANSWER_MS
