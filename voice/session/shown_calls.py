"""Calls of our tools in a realtime client's words: tools of the server `voice`, `mcp_call` items.

To the engine each is a function call; the client sees the same item as an `mcp_call`, from its first appearance to its
outcome.
"""

from __future__ import annotations

from dataclasses import dataclass

from voice.protocol.items import FunctionCall, McpCall
from voice.protocol.server_events import (
    ConversationItemDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseMcpCallArgumentsDelta,
    ResponseMcpCallArgumentsDone,
    ResponseMcpCallCompleted,
    ResponseMcpCallFailed,
    ResponseMcpCallInProgress,
    ResponseOutputItemDone,
    ServerEvent,
)
from voice.session.calls import ToolCall

SERVER_LABEL = "voice"
REMEMBERED = 1_000


@dataclass(slots=True)
class ShownCall:
    """One call of ours as the client sees it."""

    item_id: str
    name: str
    response_id: str = ""
    output_index: int = 0
    previous_item_id: str | None = None
    arguments: str = ""
    output: str | None = None
    failed: bool = False
    approval_request_id: str | None = None

    def item(self) -> McpCall:
        error = {"type": "tool_execution_error", "message": self.output or ""} if self.failed else None
        return McpCall.model_validate(
            {
                "id": self.item_id,
                "type": "mcp_call",
                "server_label": SERVER_LABEL,
                "name": self.name,
                "arguments": self.arguments,
                "approval_request_id": self.approval_request_id,
                "output": None if self.failed else self.output,
                "error": error,
            }
        )


class ShownCalls:
    """The calls by their items (bounded: the oldest are forgotten)."""

    def __init__(self) -> None:
        self._calls: dict[str, ShownCall] = {}

    def find(self, item_id: str) -> ShownCall | None:
        return self._calls.get(item_id)

    def see(self, item: FunctionCall) -> ShownCall:
        """The engine shows a call, perhaps with more of its arguments than before."""
        shown = self._calls.get(item.id or "") or self._add(ShownCall(item.id or "", item.name))
        shown.arguments = item.arguments or shown.arguments
        return shown

    def begin(self, call: ToolCall) -> ShownCall:
        """A call that the engine has only told of at the end of its response."""
        return self._add(
            ShownCall(call.item_id, call.name, call.response_id, call.output_index, arguments=call.arguments)
        )

    def _add(self, shown: ShownCall) -> ShownCall:
        self._calls[shown.item_id] = shown
        while len(self._calls) > REMEMBERED:
            del self._calls[next(iter(self._calls))]
        return shown

    # What becomes of one

    def arguments_grow(self, event: ResponseFunctionCallArgumentsDelta) -> ServerEvent:
        """A piece of arguments; those of other calls are the client's to see as they are."""
        if event.item_id not in self._calls:
            return event
        return ResponseMcpCallArgumentsDelta(
            response_id=event.response_id,
            item_id=event.item_id,
            output_index=event.output_index,
            delta=event.delta,
        )

    def arguments_complete(self, event: ResponseFunctionCallArgumentsDone) -> ServerEvent:
        """All of the arguments."""
        shown = self._calls.get(event.item_id)
        if shown is None:
            return event
        shown.arguments = event.arguments
        return ResponseMcpCallArgumentsDone(
            response_id=event.response_id,
            item_id=event.item_id,
            output_index=event.output_index,
            arguments=event.arguments,
        )

    def started(self, item_id: str) -> list[ServerEvent]:
        """The call runs."""
        shown = self._calls.get(item_id)
        return [] if shown is None else [ResponseMcpCallInProgress(output_index=shown.output_index, item_id=item_id)]

    def answered(self, item_id: str, output: str, *, ok: bool) -> list[ServerEvent]:
        """The call ended."""
        shown = self._calls.get(item_id)
        if shown is None:
            return []
        shown.output, shown.failed = output, not ok
        kind = ResponseMcpCallCompleted if ok else ResponseMcpCallFailed
        item = shown.item()
        return [
            kind(output_index=shown.output_index, item_id=item_id),
            ConversationItemDone(item=item, previous_item_id=shown.previous_item_id),
            ResponseOutputItemDone(response_id=shown.response_id, output_index=shown.output_index, item=item),
        ]
