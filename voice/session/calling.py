"""Responses that called tools: when every call of one has ended, the model goes on."""

from __future__ import annotations

from dataclasses import dataclass

from voice.protocol.client_events import ConversationItemCreate, ResponseCreate
from voice.protocol.items import FunctionCallOutput
from voice.session.asking import Asking
from voice.session.books import Books
from voice.session.calls import ToolCall
from voice.session.effects import SendToClient
from voice.session.extension_side import ExtensionSide
from voice.session.replies import Wish
from voice.session.states import Link


@dataclass(slots=True)
class CallingResponse:
    """A response that called tools, until the model was asked to go on."""

    done: bool = False
    hushed: bool = False
    with_client: bool = False


class Calling:
    """The responses that called tools, and a client's wish that waits for their results."""

    def __init__(self, books: Books, asking: Asking, extension: ExtensionSide) -> None:
        self._books = books
        self._asking = asking
        self._extension = extension
        self._responses: dict[str, CallingResponse] = {}
        self._held_create: ResponseCreate | None = None

    def __contains__(self, response_id: str) -> bool:
        return response_id in self._responses

    def __len__(self) -> int:
        return len(self._responses)

    def began(self, response_id: str, *, with_client: bool) -> None:
        """A response called a tool."""
        calling = self._responses.setdefault(response_id, CallingResponse())
        calling.with_client |= with_client
        calling.done |= self._books.replies.is_over(response_id)

    def done(self, response_id: str) -> bool:
        """The engine is done with a response. False when that called nothing."""
        calling = self._responses.get(response_id)
        if calling is None:
            return False
        calling.done = True
        return True

    def hush(self, response_id: str) -> None:
        """The person interrupted this response: what it called finishes in silence."""
        if calling := self._responses.get(response_id):
            calling.hushed = True

    def unhush(self, response_id: str) -> None:
        """What this response called is to be spoken of after all."""
        if calling := self._responses.get(response_id):
            calling.hushed = False

    def wants_answer_of(self, response_id: str) -> None:
        """Another response would have called the same as this one, which is over: what it called is spoken of."""
        self._responses.setdefault(response_id, CallingResponse(done=True)).hushed = False

    def hold(self, create: ResponseCreate) -> bool:
        """A client wants a reply: while tools of ours run it waits for their results. False when none runs."""
        if not self._books.calls.running:
            return False
        if self._held_create is not None:
            self._books.note("create_merged")
        self._held_create = create
        return True

    def answer(self, call: ToolCall, output: str, *, ok: bool) -> None:
        """Give the engine the output of a call of ours, and show the client that it ended."""
        books = self._books
        item = FunctionCallOutput(id=books.new_id("item"), call_id=call.call_id, output=output)
        books.history.complete(item, None)
        if books.face is not None:
            books.face.hide(item.id or "", call.item_id)
            for shown in books.face.answered(call.item_id, output, ok=ok):
                books.emit(SendToClient(shown))
        if books.states.link is Link.READY:
            books.tell(ConversationItemCreate(event_id=books.new_id("answer"), item=item))
        took_ms = round((books.now - call.started_at) * 1000, 1)
        books.note("tool_done", call_id=call.call_id, name=call.name, ok=ok, ms=took_ms)
        self._extension.tool(call, "done" if ok else "failed", output)

    def go_on(self, response_id: str, *, hushed: bool = False) -> None:
        """Something of a calling response ended: when all of it has, the model goes on."""
        calls = self._books.calls
        calling = self._responses.get(response_id)
        if calling is None:
            return
        calling.hushed |= hushed
        if not calling.done or calls.waiting_for(response_id):
            return
        del self._responses[response_id]
        if self._held_create is not None and not calls.running:
            create, self._held_create = self._held_create, None
            self._asking.ask(Wish("client", create=create))
        elif not calling.hushed and not calling.with_client:
            self._asking.ask(Wish("tool"))

    def connection_lost(self) -> None:
        """The engine that made them is gone: they are over, and go on from what their calls answer."""
        for response_id, calling in list(self._responses.items()):
            calling.done = True
            self.go_on(response_id)
