"""What follows when a response is over: it was made, it failed, it was refused, or its connection is gone."""

from __future__ import annotations

from voice.protocol import server_events as se
from voice.protocol.items import FunctionCall
from voice.protocol.settings import Response, ResponseError, StatusDetails
from voice.session.asking import Asking
from voice.session.books import Books
from voice.session.calling import Calling
from voice.session.ending import Ending
from voice.session.refusals import Action, action_for
from voice.session.replies import Wish
from voice.session.reply_side import ReplySide
from voice.session.sounding import Sounding
from voice.session.states import Reply, Trigger, may
from voice.session.watch_side import WatchSide
from voice.session.withdrawals import Withdrawals


class ReplyEndSide:
    """The rules of the end of a response."""

    def __init__(
        self,
        books: Books,
        asking: Asking,
        ending: Ending,
        sounding: Sounding,
        watch: WatchSide,
        calling: Calling,
        withdrawals: Withdrawals,
        replies: ReplySide,
    ) -> None:
        self._books = books
        self._asking = asking
        self._ending = ending
        self._sounding = sounding
        self._watch = watch
        self._calling = calling
        self._withdrawals = withdrawals
        self._replies = replies

    def done(self, event: se.ResponseDone) -> None:
        """The engine is done with a response: the client sees it before what follows."""
        books = self._books
        response = event.response
        if not books.replies.end(response.id):
            books.note("surprise", type=event.type)
            return
        books.show(event)
        self._replies.shown.pop(response.id, None)
        self._count(response)
        if self._replies.asides.ends(response.id):
            return
        wish = books.replies.wish
        was_active = response.id == books.replies.active_id and books.states.reply is not Reply.STALE
        if response.id in (books.replies.active_id, ""):
            self._leave()
        books.note("reply_done", response_id=response.id, status=response.status)
        self._settle(response)
        self._take_output(response)
        called = self._calling.done(response.id)
        if not called and response.status == "failed":
            self._failed(response, wish, was_active=was_active)
        self._withdrawals.ended(response)
        self._go_on(response.id)

    def _count(self, response: Response) -> None:
        books = self._books
        books.usage.add(response.usage)
        if response.usage is not None:
            books.note("usage", response_id=response.id, cost_usd=round(books.usage.cost_usd, 6))

    def _leave(self) -> None:
        """No reply is being made any more, if one was."""
        books = self._books
        if may(books.states, Trigger.REPLY_DONE):
            books.step(Trigger.REPLY_DONE)
            books.replies.done()

    def _settle(self, response: Response) -> None:
        """Which turns need not be heard again now."""
        books = self._books
        if response.status in ("completed", "incomplete"):
            self._answered(response.id)
            books.wordless.answered(books.now)
        elif response.status == "cancelled" and response.id not in self._withdrawals:
            books.replies.make_stale(response.id)
            if books.client_plays:
                self._sounding.stop()
            if not books.gap.turn_open and all(turn.response_id == response.id for turn in books.gap.commits):
                books.gap.answered(response.id)

    def _answered(self, response_id: str) -> None:
        self._books.replies.answered()
        self._watch.answered()
        self._books.gap.answered(response_id)

    def _take_output(self, response: Response) -> None:
        """Whatever of a response was not told by events of its own."""
        for index, item in enumerate(response.output or ()):
            if response.id not in self._withdrawals:
                self._replies.keep(response.id, item)
            if not isinstance(item, FunctionCall) or item.status not in (None, "completed"):
                continue
            if not self._books.calls.knows(item.call_id or ""):
                self._replies.call(response.id, index, item)

    def _failed(self, response: Response, wish: Wish | None, *, was_active: bool) -> None:
        """The engine could not make it. Nobody is left without an answer for a passing trouble."""
        books = self._books
        error = response.status_details.error if response.status_details is not None else None
        code = (error.code or error.type) if error is not None else None
        action = action_for(code)
        books.note("error", code=code, action=action.value, param=None)
        if was_active and books.face is None and action is not Action.END:
            books.replies.ask(wish or Wish("turn"), "")
            if not books.replies.refused(books.now, again=True):
                books.note("reply_given_up")
        self._ending.act(action, (error.message if error is not None else None) or "the engine cannot answer")

    def _go_on(self, response_id: str) -> None:
        self._calling.go_on(response_id)
        self._asking.speak_up()

    def presume_done(self) -> None:
        """The engine has said all of the reply but not that it is done: it is. (A client waits for the word itself.)"""
        books = self._books
        response_id = books.replies.active_id
        if books.face is not None or not may(books.states, Trigger.REPLY_DONE):
            return
        self._leave()
        self._answered(response_id)
        self._calling.done(response_id)
        self._go_on(response_id)

    def refused(self, action: Action) -> None:
        """The engine would not make the reply that it was asked for."""
        books = self._books
        wish = books.replies.wish
        stands = books.states.reply is Reply.ASKED and wish is not None and wish.reason != "client"
        if may(books.states, Trigger.REPLY_REFUSED):
            books.step(Trigger.REPLY_REFUSED)
        if not books.replies.refused(books.now, again=stands and action is Action.RETRY) and stands:
            books.note("reply_given_up")
        self._asking.speak_up()

    # A lost connection

    def forget_connection(self, response_id: str) -> bool:
        """The engine that made them is gone. True when the broken response had called tools: those go on."""
        self._end_shown()
        self._replies.asides.forget()
        self._withdrawals.forget()
        was_calling = response_id in self._calling
        self._calling.connection_lost()
        return was_calling

    def _end_shown(self) -> None:
        """A client saw these begin and must see them end: the engine that made them cannot say so any more."""
        lost = ResponseError(type="server_error", code="connection_lost")
        for response in self._replies.shown.values():
            details = StatusDetails(type="failed", error=lost)
            ended = response.model_copy(update={"status": "failed", "status_details": details})
            self._books.show(se.ResponseDone(response=ended))
        self._replies.shown.clear()
