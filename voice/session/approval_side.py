"""What follows when the model calls a tool of ours: it runs, a person is asked, or it is refused.

Only a button approves: the protocol's own answer, an `mcp_approval_response` item from the client, or a key at the far
end. Words never do, whoever says them. A far end that has neither (a telephone, a file) cannot be asked, so what would
need asking is refused there, in words that the model can pass on.
"""

from __future__ import annotations

from voice.protocol.client_events import (
    ClientEvent,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
)
from voice.protocol.items import McpApprovalRequest, McpApprovalResponse
from voice.protocol.server_events import ErrorDetail, ErrorEvent
from voice.session.approvals import Approvals, TooLate
from voice.session.asking import Asking
from voice.session.books import Books
from voice.session.calling import Calling
from voice.session.calls import Stage, ToolCall
from voice.session.deadlines import Deadline
from voice.session.effects import RunTool, SendToClient
from voice.session.events import ApprovalGiven
from voice.session.extension_side import ExtensionSide
from voice.session.replies import Wish

APPROVED_BY_CLIENT, APPROVED_BY_KEY = "client", "key"
REASON_LIMIT_CHARS = 200

FORBIDDEN = "Nothing was done: this tool may not be used here."
NOBODY_TO_ASK = "Nothing was done: this needs an approval that cannot be given over this line."
TOO_MANY = "Nothing was done: too many approvals are waiting already."
NOT_ALLOWED = "Nothing was done: the person did not allow it."
EXPIRED = "Nothing was done: nobody allowed it in time."
INTERRUPTED = "Nothing was done: the person interrupted before allowing it."
REFUSALS = (FORBIDDEN, NOBODY_TO_ASK, TOO_MANY, NOT_ALLOWED, EXPIRED, INTERRUPTED)
"""What the model is told of a call that did not run."""

_WHY_NOT: dict[TooLate, tuple[str, str]] = {
    "unknown": ("approval_request_not_found", "There is no approval request with this id."),
    "answered": ("approval_request_already_answered", "This approval request was answered before; nothing changes."),
    "expired": ("approval_request_expired", "This approval request waited too long and was refused."),
    "withdrawn": ("approval_request_withdrawn", "This approval request was withdrawn; nothing waits for it."),
}


class ApprovalSide:
    """The policy's part of the session's rules."""

    def __init__(self, books: Books, asking: Asking, calling: Calling, extension: ExtensionSide) -> None:
        self._books = books
        self._asking = asking
        self._calling = calling
        self._extension = extension
        self._approvals = Approvals(books.config.approvals)

    def begin(self, call: ToolCall) -> None:
        """One of our tools is called: do what the policy says."""
        verdict = self._approvals.verdict(call.name)
        if verdict == "allow":
            self._run(call)
        elif verdict == "deny":
            self._refuse(call, FORBIDDEN, "forbidden")
        elif self._books.face is None and not self._books.config.can_approve:
            self._refuse(call, NOBODY_TO_ASK, "nobody_to_ask")
        elif self._is_full():
            self._refuse(call, TOO_MANY, "too_many")
        else:
            self._ask(call)

    def _is_full(self) -> bool:
        """Where a key is the answer there is one question at a time: nobody shall allow what they did not look at."""
        return self._approvals.full or (self._books.face is None and bool(self._approvals.open))

    def deadline(self) -> Deadline | None:
        return self._approvals.deadline()

    def handle_approval_given(self, event: ApprovalGiven) -> None:
        """A key at the far end. One that comes too late does nothing."""
        if event.request_id not in self._approvals.open:
            self._books.note("approval_ignored", code=_WHY_NOT[self._approvals.why_not(event.request_id)][0])
        elif event.approve:
            self._approve(event.request_id, APPROVED_BY_KEY)
        else:
            self._end(event.request_id, "answered", NOT_ALLOWED)
            self._asking.speak_up()

    def handle_time(self) -> None:
        """Time passed: what nobody answered is refused."""
        for question in self._approvals.due(self._books.now):
            self._end(question.request_id, "expired", EXPIRED)
            self._asking.speak_up()

    def interrupted(self, response_id: str) -> None:
        """The person interrupted a response: its questions stay open or not, as the rules say."""
        if self._approvals.rules.on_interruption == "drop":
            for question in self._approvals.of(response_id):
                self._end(question.request_id, "withdrawn", INTERRUPTED)

    def takes(self, event: ClientEvent) -> bool:
        """Whether a client's event concerns a question of ours. Then it is dealt with here, also while the engine is
        away, and the engine never hears of it."""
        if isinstance(event, ConversationItemCreate) and isinstance(event.item, McpApprovalResponse):
            return self._take_answer(event, event.item)
        face = self._books.face
        if face is None or not isinstance(event, ConversationItemDelete | ConversationItemRetrieve):
            return False
        if not face.owns(event.item_id):
            return False
        if isinstance(event, ConversationItemRetrieve):
            self._books.emit(SendToClient(face.retrieve(event.item_id)))
        else:
            self._end(event.item_id, "withdrawn", NOT_ALLOWED)
            self._books.emit(SendToClient(face.delete(event.item_id)))
            self._asking.speak_up()
        return True

    @property
    def _prompt(self) -> Wish | None:
        text = self._approvals.rules.prompt
        return Wish("say", text) if text else None

    def _hush_prompt(self) -> None:
        """Nothing is asked any more: what was not said yet need not be said."""
        replies, prompt = self._books.replies, self._prompt
        if prompt is not None and prompt in replies.wishes and not self._approvals.open:
            replies.wishes.remove(prompt)

    # From stage to stage

    def _run(self, call: ToolCall, approved_by: str = "") -> None:
        books = self._books
        books.calls.move(call, Stage.RUNNING)
        books.emit(RunTool(call.call_id, call.name, call.arguments, approved_by))
        self._extension.tool(call, "running")

    def _ask(self, call: ToolCall) -> None:
        books = self._books
        books.calls.move(call, Stage.AWAITING_APPROVAL)
        request_id = books.new_id("mcpr")
        self._approvals.ask(request_id, call.call_id, call.response_id, books.now)
        books.note("approval_asked", call_id=call.call_id, name=call.name, request_id=request_id, text=call.arguments)
        for shown in books.face.ask(call, request_id) if books.face is not None else ():
            books.emit(SendToClient(shown))
        self._extension.tool(call, "awaiting_approval")
        prompt = self._prompt
        if prompt is not None and prompt not in books.replies.wishes:
            self._asking.ask(prompt)

    def _refuse(self, call: ToolCall, words: str, outcome: str) -> None:
        books = self._books
        if books.calls.refuse(call.call_id) is None:
            return
        books.note("approval_ended", call_id=call.call_id, name=call.name, outcome=outcome)
        self._calling.answer(call, words, ok=False)

    def _end(self, request_id: str, how: TooLate, words: str) -> None:
        """A question ends without a "yes"."""
        books = self._books
        question = self._approvals.end(request_id, how)
        self._hush_prompt()
        call = books.calls.open.get(question.call_id) if question is not None else None
        if call is None:
            return
        self._refuse(call, words, "refused" if how == "answered" else how)
        self._calling.go_on(call.response_id, hushed=call.hushed)

    # The client's answer

    def _take_answer(self, event: ConversationItemCreate, answer: McpApprovalResponse) -> bool:
        request_id = answer.approval_request_id
        if request_id in self._approvals.open:
            self._decide(event, answer)
            return True
        if self._is_the_engines(request_id):
            return False
        code, message = _WHY_NOT[self._approvals.why_not(request_id)]
        self._complain(code, message, event.event_id)
        return True

    def _is_the_engines(self, request_id: str) -> bool:
        """Whether the engine asked this itself, for a tool server that the client named to it."""
        entry = self._books.history.entries.get(request_id)
        return entry is not None and isinstance(entry.item, McpApprovalRequest)

    def _complain(self, code: str, message: str, event_id: str | None) -> None:
        books = self._books
        books.note("approval_ignored", code=code)
        if books.face is None:
            return
        detail = ErrorDetail(
            type="invalid_request_error",
            code=code,
            message=message,
            param="item.approval_request_id",
            event_id=event_id,
        )
        books.emit(SendToClient(ErrorEvent(error=detail)))

    def _decide(self, event: ConversationItemCreate, answer: McpApprovalResponse) -> None:
        books = self._books
        assert books.face is not None
        request_id = answer.approval_request_id
        if not answer.id:
            answer = answer.model_copy(update={"id": books.new_id("mcpa")})
        for shown in books.face.answer_request(answer):
            books.emit(SendToClient(shown))
        if not answer.approve:
            self._end(request_id, "answered", _with_reason(NOT_ALLOWED, answer.reason))
            self._asking.speak_up()
            return
        self._approve(request_id, APPROVED_BY_CLIENT)

    def _approve(self, request_id: str, approved_by: str) -> None:
        books = self._books
        question = self._approvals.end(request_id, "answered")
        self._hush_prompt()
        call = books.calls.open.get(question.call_id) if question is not None else None
        if call is None:
            return
        call.hushed = False  # whoever allows it now wants to hear how it went
        self._calling.unhush(call.response_id)
        books.note("approval_ended", call_id=call.call_id, name=call.name, outcome="approved")
        for shown in books.face.started(call.item_id) if books.face is not None else ():
            books.emit(SendToClient(shown))
        self._run(call, approved_by)


def _with_reason(words: str, reason: str | None) -> str:
    reason = " ".join((reason or "").split())[:REASON_LIMIT_CHARS]
    return f'{words} They said: "{reason}"' if reason else words
