"""What follows from the engine's responses: their beginning and end, the tools they call, and going on from those."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voice.protocol import server_events as se
from voice.protocol.client_events import ResponseCreate
from voice.protocol.items import FunctionCall, Item
from voice.protocol.settings import Response, ResponseError, StatusDetails
from voice.session.calls import Stage, ToolCall
from voice.session.effects import SendToEngine
from voice.session.refusals import Action, action_for
from voice.session.replies import Wish
from voice.session.states import Reply, Trigger, may

if TYPE_CHECKING:
    from voice.session.session import Session

CLIENT_ID = "vc"
STALE_PATIENCE_S = 3.0
CREATED_REMEMBERED = 64
TWIN_S = 0.2
ENDED_S = 1.0
"""After so long without anything more, a response whose items are done is done."""
ANSWER_MS = 3_000.0
"""Nobody announces a call at such length."""
NOT_RUN = "This was not run: the person interrupted before it began."


@dataclass(slots=True)
class CallingResponse:
    """A response that called tools, until the model was asked to go on."""

    done: bool = False
    hushed: bool = False
    with_client: bool = False


class ReplySide:
    """The responses' part of the session's rules."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._calling: dict[str, CallingResponse] = {}
        self._held_create: ResponseCreate | None = None
        self._open: dict[str, Response] = {}
        self._created: dict[str, None] = {}
        self._asides_asked: deque[str] = deque()
        self._asides: set[str] = set()
        self._withdrawn: dict[str, None] = {}
        self._withdrawing = False
        self._begun: set[str] = set()
        self._ended: set[str] = set()
        self._ended_at = self._created_at = 0.0
        self._announces = False

    def created(self, event: se.ResponseCreated) -> None:
        """The engine makes a response."""
        session = self._session
        response_id = event.response.id
        if response_id in self._created or self._is_twin():
            session.note("surprise", type=event.type)
            return
        self._created[response_id] = None
        while len(self._created) > CREATED_REMEMBERED:
            del self._created[next(iter(self._created))]
        if session.face is not None:
            self._open[response_id] = event.response
        if event.response.conversation_id is None and self._asides_asked:
            self._asides_asked.popleft()
            self._asides.add(response_id)
            return
        if session.states.reply is Reply.STALE:
            if not session.replies.active_id:
                self._stale_created(response_id)
                return
            self.give_up_stale()
        if may(session.states, Trigger.REPLY_CREATED):
            session.step(Trigger.REPLY_CREATED)
        else:
            session.note("surprise", type=event.type)
        session.replies.created(response_id)
        session.gap.answering(response_id)
        session.replies.forget("turn")  # what was committed before this began, this answers
        self._begun.clear()
        self._ended.clear()
        self._created_at = session.now

    def _is_twin(self) -> bool:
        """Whether a response begins right behind another of which nothing has come: there is one at a time."""
        session = self._session
        fresh = session.now - self._created_at < TWIN_S and not self._begun
        return fresh and session.states.reply is Reply.STREAMING and not self._asides_asked

    def adopt(self, response_id: str) -> bool:
        """Something comes of a response that we never heard to begin: it is the one that was asked for. False when it
        is none of ours."""
        session = self._session
        replies = session.replies
        known = response_id in self._created or replies.is_over(response_id) or replies.is_stale(response_id)
        waited = session.states.reply in (Reply.ASKED, Reply.STALE) and not replies.active_id
        if known or not waited or self._asides_asked or session.face is not None or session.speculation.open:
            return False
        session.note("surprise", type="response.created missing")
        self.created(se.ResponseCreated(response=Response(id=response_id, conversation_id="adopted")))
        return True

    # How far it is

    def item_begun(self, response_id: str, item_id: str) -> None:
        """The engine is at an item of the reply."""
        if response_id != self._session.replies.active_id:
            self.adopt(response_id)
        if response_id == self._session.replies.active_id:
            self._begun.add(item_id)
            self._session.watch.reply_goes_on()

    def item_ended(self, item_id: str) -> None:
        """The engine is done with an item."""
        if item_id in self._begun and item_id not in self._ended:
            self._ended.add(item_id)
            self._ended_at = self._session.now
            if self._begun == self._ended:
                self._session.watch.reply_complete()

    def item_status(self, item: Item) -> None:
        """The engine says how an item ended: one that is incomplete makes no complete reply, whatever else is done."""
        if getattr(item, "status", None) == "incomplete" and item.id in self._ended:
            self._ended.discard(item.id)
            self._session.watch.reply_goes_on()

    def was_complete(self) -> bool:
        """The connection is gone: whether the reply that it was making needs nothing more. Where a model announces its
        calls, a short message may have been just that, and the call the answer: better say it again than never."""
        session = self._session
        if session.states.reply is not Reply.STREAMING or not self._begun or self._begun != self._ended:
            return False
        if self._session.replies.active_id in self._calling:
            return False
        said_ms = sum(session.ledger.received_ms(item_id) for item_id in self._ended)
        wish = session.replies.wish
        after_tools = wish is not None and wish.reason == "tool"
        rested = session.now - self._ended_at >= ENDED_S
        return not self._announces or after_tools or rested or said_ms >= ANSWER_MS

    def presume_done(self) -> None:
        """The engine has said all of the reply but not that it is done: it is. (A client waits for the word itself.)"""
        session = self._session
        response_id = session.replies.active_id
        if session.face is not None or not may(session.states, Trigger.REPLY_DONE):
            return
        session.step(Trigger.REPLY_DONE)
        session.replies.done()
        session.replies.answered()
        session.watch.answered()
        session.gap.answered(response_id)
        if calling := self._calling.get(response_id):
            calling.done = True
        self.go_on(response_id)
        session.speak_up()

    def _stale_created(self, response_id: str) -> None:
        """A reply that was interrupted before it began: now it has a name by which it can be stopped."""
        session = self._session
        if self._withdrawing:
            self._withdrawn[response_id] = None
        session.replies.make_stale(response_id)
        session.replies.created(response_id)
        session.speculation.named(response_id)
        session.gap.answering(response_id)
        session.stale_until = session.now + STALE_PATIENCE_S
        session.cancel(response_id)

    def refused(self, action: Action) -> None:
        """The engine would not make the reply that it was asked for."""
        session = self._session
        wish = session.replies.wish
        stands = session.states.reply is Reply.ASKED and wish is not None and wish.reason != "client"
        if may(session.states, Trigger.REPLY_REFUSED):
            session.step(Trigger.REPLY_REFUSED)
        session.stale_until = None
        if not session.replies.refused(session.now, again=stands and action is Action.RETRY) and stands:
            session.note("reply_given_up")
        session.speak_up()

    def aside_refused(self, event_id: str) -> None:
        """A response beside the conversation was not made."""
        if event_id in self._asides_asked:
            self._asides_asked.remove(event_id)

    def done(self, event: se.ResponseDone) -> None:
        """The engine is done with a response: the client sees it before what follows."""
        session = self._session
        response = event.response
        if not session.replies.end(response.id):
            session.note("surprise", type=event.type)
            return
        self._session.engine.show(event)
        self._open.pop(response.id, None)
        session.usage.add(response.usage)
        if response.usage is not None:
            session.note("usage", response_id=response.id, cost_usd=round(session.usage.cost_usd, 6))
        if response.id in self._asides:
            self._asides.discard(response.id)
            return
        wish = session.replies.wish
        was_active = response.id == session.replies.active_id and session.states.reply is not Reply.STALE
        if response.id in (session.replies.active_id, "") and may(session.states, Trigger.REPLY_DONE):
            session.step(Trigger.REPLY_DONE)
            session.replies.done()
            session.stale_until = None
        session.note("reply_done", response_id=response.id, status=response.status)
        self._settle(response)
        for index, item in enumerate(response.output or ()):
            if response.id not in self._withdrawn:
                self.keep(response.id, item)
            missed = isinstance(item, FunctionCall) and item.status in (None, "completed")
            if missed and isinstance(item, FunctionCall) and not session.calls.knows(item.call_id or ""):
                self.call(response.id, index, item)
        if calling := self._calling.get(response.id):
            calling.done = True
        elif response.status == "failed":
            self._failed(response, wish, was_active=was_active)
        if response.id in self._withdrawn:
            self._forget_withdrawn(response)
        self.go_on(response.id)
        session.speak_up()

    def _settle(self, response: Response) -> None:
        """Which turns need not be heard again now."""
        session = self._session
        if response.status in ("completed", "incomplete"):
            session.replies.answered()
            session.watch.answered()
            session.gap.answered(response.id)
            session.engine.wordless.answered(session.now)
        elif response.status == "cancelled" and response.id not in self._withdrawn:
            session.replies.make_stale(response.id)
            if session.client_plays:
                session.stop_voice()
            if not session.gap.turn_open and all(turn.response_id == response.id for turn in session.gap.commits):
                session.gap.answered(response.id)

    def _failed(self, response: Response, wish: Wish | None, *, was_active: bool) -> None:
        """The engine could not make it. Nobody is left without an answer for a passing trouble."""
        session = self._session
        error = response.status_details.error if response.status_details is not None else None
        code = (error.code or error.type) if error is not None else None
        action = action_for(code)
        session.note("error", code=code, action=action.value, param=None)
        if was_active and session.face is None and action is not Action.END:
            session.replies.ask(wish or Wish("turn"), "")
            if not session.replies.refused(session.now, again=True):
                session.note("reply_given_up")
        self._session.engine.act(action, (error.message if error is not None else None) or "the engine cannot answer")

    def give_up_stale(self) -> None:
        """The cancelled reply never said that it is done: go on without it."""
        session = self._session
        session.stale_until = None
        session.speculation.forget_reply()
        self._withdrawing = False
        if session.states.reply is Reply.STALE:
            session.step(Trigger.REPLY_DONE)
            session.replies.done()
            session.note("surprise", type="response.done missing")

    def keep(self, response_id: str, item: Item) -> None:
        """The engine made this item: it is of the conversation, also where nothing but the response told of it."""
        session = self._session
        known = item.id in session.history.entries or response_id in self._asides
        if not known and response_id in self._created and not session.replies.is_stale(response_id):
            session.history.complete(item, None)

    # A reply that was asked for too soon

    def withdraw(self) -> None:
        """The model does not know what it should: a reply of which nothing was heard is made anew."""
        session = self._session
        response_id, wish = session.replies.active_id, session.replies.wish
        if not session.ours or wish is None or not may(session.states, Trigger.REPLY_INTERRUPTED):
            return
        if any(item.response_id == response_id for item in session.ledger.items.values()):
            return
        streaming = session.states.reply is Reply.STREAMING
        session.step(Trigger.REPLY_INTERRUPTED)
        session.stale_until = session.now + STALE_PATIENCE_S
        session.replies.want(wish)
        session.note("reply_withdrawn", response_id=response_id)
        if not streaming:
            self._withdrawing = True
            return
        self._withdrawn[response_id] = None
        session.replies.make_stale(response_id)
        session.cancel(response_id)

    def _forget_withdrawn(self, response: Response) -> None:
        """What a withdrawn response made is to have never been."""
        del self._withdrawn[response.id]
        for item in response.output or ():
            self._session.engine.forget_item(item.id or "")

    # Tool calls

    def call(self, response_id: str, output_index: int, item: FunctionCall) -> None:
        """A call's arguments are complete: run it, or leave it to the client."""
        session = self._session
        if response_id not in self._created:
            session.note("surprise", type="call of no response", call_id=item.call_id or "")
            return
        ours = session.face is None or any(tool.name == item.name for tool in session.config.tools)
        call = ToolCall(
            item.call_id or "",
            response_id,
            item.id or "",
            item.name,
            item.arguments,
            output_index,
            Stage.SEEN if ours else Stage.WITH_CLIENT,
            session.now,
        )
        if not session.calls.start(call):
            session.note("surprise", type="repeated call", call_id=call.call_id)
            return
        if response_id in self._withdrawn:
            session.calls.answer(call.call_id)
            return
        if ours and (original := session.echoes.original(call, session.calls.unfinished)):
            self._is_echo(call, original)
            return
        self._announces |= any(session.ledger.received_ms(item_id) for item_id in self._ended)
        session.note("tool_started", call_id=call.call_id, name=call.name, ours=ours)
        if session.replies.is_stale(response_id):
            if ours and session.calls.answer(call.call_id):
                session.answer(call, NOT_RUN, ok=False)
            return
        calling = self._calling.setdefault(response_id, CallingResponse())
        calling.with_client |= not ours
        calling.done |= session.replies.is_over(response_id)
        if ours:
            session.approvals.begin(call)

    def _is_echo(self, call: ToolCall, original: ToolCall) -> None:
        """The model made a call again because it has not read the answer to the first: the first, with its answer, is
        all that it is to know of. It goes on when that is there."""
        session = self._session
        session.calls.answer(call.call_id)
        session.note("call_echoed", call_id=call.call_id, name=call.name)
        session.engine.forget_item(call.item_id)
        if original.call_id in session.calls.open:
            original.hushed = False
            self._calling.setdefault(original.response_id, CallingResponse(done=True)).hushed = False
        else:
            calling = self._calling.setdefault(call.response_id, CallingResponse())
            calling.done |= session.replies.is_over(call.response_id)

    def hush(self, response_id: str) -> None:
        """The person interrupted this response: what it called finishes in silence."""
        self._session.calls.hush(response_id)
        if calling := self._calling.get(response_id):
            calling.hushed = True
        self._session.approvals.interrupted(response_id)

    def unhush(self, response_id: str) -> None:
        """What this response called is to be spoken of after all."""
        if calling := self._calling.get(response_id):
            calling.hushed = False

    def create(self, event: ResponseCreate) -> None:
        """A client asks for a reply. While tools of ours run it waits for their results, and when we have already
        asked the engine to go on from those, that is the reply."""
        session = self._session
        if not event.event_id:
            event = event.model_copy(update={"event_id": session.new_id(CLIENT_ID)})
        if event.response is not None and event.response.conversation == "none":
            self._asides_asked.append(event.event_id or "")
            session.emit(SendToEngine(event))
            return
        if session.calls.running:
            if self._held_create is not None:
                session.note("create_merged")
            self._held_create = event
            return
        wish = session.replies.wish
        bare = event.response is None or not event.response.model_fields_set
        if bare and wish is not None and wish.reason == "tool":
            session.note("create_merged")
            return
        session.replies.forget("tool", "restored")
        if may(session.states, Trigger.REPLY_ASKED):
            session.step(Trigger.REPLY_ASKED)
            session.replies.ask(Wish("client", create=event), event.event_id or "")
            session.times.asked_at = session.now
        session.emit(SendToEngine(event))

    def go_on(self, response_id: str, *, hushed: bool = False) -> None:
        """Something of a calling response ended: when all of it has, the model goes on."""
        session = self._session
        calling = self._calling.get(response_id)
        if calling is None:
            return
        calling.hushed |= hushed
        if not calling.done or session.calls.waiting_for(response_id):
            return
        del self._calling[response_id]
        if self._held_create is not None and not session.calls.running:
            create, self._held_create = self._held_create, None
            session.ask(Wish("client", create=create))
        elif not calling.hushed and not calling.with_client:
            session.ask(Wish("tool"))

    # A lost connection

    def forget_pending(self, response_id: str) -> bool:
        """The engine that made them is gone. True when the broken response had called tools: those go on."""
        self._end_open_responses()
        self._asides_asked.clear()
        self._asides.clear()
        self._withdrawn.clear()
        self._withdrawing = False
        was_calling = response_id in self._calling
        for calling_id, calling in list(self._calling.items()):
            calling.done = True
            self.go_on(calling_id)
        return was_calling

    def _end_open_responses(self) -> None:
        """A client saw these begin and must see them end: the engine that made them cannot say so any more."""
        lost = ResponseError(type="server_error", code="connection_lost")
        for response in self._open.values():
            details = StatusDetails(type="failed", error=lost)
            ended = response.model_copy(update={"status": "failed", "status_details": details})
            self._session.engine.show(se.ResponseDone(response=ended))
        self._open.clear()
