"""What follows when the model calls a tool, and when a tool of ours has something to say."""

from __future__ import annotations

from voice.protocol.items import FunctionCall
from voice.session.approval_side import ApprovalSide
from voice.session.asking import Asking
from voice.session.books import Books
from voice.session.calling import Calling
from voice.session.calls import Stage, ToolCall
from voice.session.events import ToolDone, ToolProgress
from voice.session.extension_side import ExtensionSide
from voice.session.told_items import ToldItems

NOT_RUN = "This was not run: the person interrupted before it began."


class CallSide:
    """The tool calls' part of the session's rules."""

    def __init__(
        self,
        books: Books,
        asking: Asking,
        extension: ExtensionSide,
        calling: Calling,
        approvals: ApprovalSide,
        told: ToldItems,
    ) -> None:
        self._books = books
        self._asking = asking
        self._extension = extension
        self._calling = calling
        self._approvals = approvals
        self._told = told

    def accept(self, response_id: str, output_index: int, item: FunctionCall) -> ToolCall | None:
        """A call's arguments are complete. None when it was seen before."""
        books = self._books
        ours = books.face is None or any(tool.name == item.name for tool in books.config.tools)
        call = ToolCall(
            item.call_id or "",
            response_id,
            item.id or "",
            item.name,
            item.arguments,
            output_index,
            Stage.SEEN if ours else Stage.WITH_CLIENT,
            books.now,
        )
        if not books.calls.start(call):
            books.note("surprise", type="repeated call", call_id=call.call_id)
            return None
        return call

    def takes_for_echo(self, call: ToolCall) -> bool:
        """Whether the model makes a call again because it has not read the answer to the first: the first, with its
        answer, is all that it is to know of. It goes on when that is there."""
        books = self._books
        if call.stage is Stage.WITH_CLIENT:
            return False
        original = books.echoes.original(call, books.calls.unfinished)
        if original is None:
            return False
        books.calls.answer(call.call_id)
        books.note("call_echoed", call_id=call.call_id, name=call.name)
        self._told.forget_item(call.item_id)
        if original.call_id in books.calls.open:
            original.hushed = False
            self._calling.wants_answer_of(original.response_id)
        else:
            self._calling.began(call.response_id, with_client=False)
        return True

    def begin(self, call: ToolCall) -> None:
        """Run it, leave it to the client, or say why it is not run."""
        books = self._books
        ours = call.stage is not Stage.WITH_CLIENT
        books.note("tool_started", call_id=call.call_id, name=call.name, ours=ours)
        if books.replies.is_stale(call.response_id):
            if ours and books.calls.answer(call.call_id):
                self._calling.answer(call, NOT_RUN, ok=False)
            return
        self._calling.began(call.response_id, with_client=not ours)
        if ours:
            self._approvals.begin(call)

    def hush(self, response_id: str) -> None:
        """The person interrupted this response: what it called finishes in silence."""
        self._books.calls.hush(response_id)
        self._calling.hush(response_id)
        self._approvals.interrupted(response_id)

    # What tools say

    def handle_tool_done(self, event: ToolDone) -> None:
        """A tool of ours ended. A result that nobody waits for is only noted."""
        books = self._books
        call = books.calls.answer(event.call_id)
        if call is None:
            books.note("late_tool", call_id=event.call_id)
            return
        books.echoes.answered(call)
        self._calling.answer(call, event.output, ok=event.ok)
        self._calling.go_on(call.response_id, hushed=call.hushed)
        self._asking.speak_up()

    def handle_tool_progress(self, event: ToolProgress) -> None:
        books = self._books
        books.note("tool_progress", call_id=event.call_id, text=event.text)
        if call := books.calls.open.get(event.call_id):
            self._extension.tool(call, "progress", event.text)
