"""What a realtime client is shown of a session whose tools run here.

A call of one of our tools is shown as what it is in the protocol, a tool the server runs: an `mcp_call` item of the
server `voice`, in progress while it runs and done with its output. One that a person must allow first is followed by
an `mcp_approval_request` item, and begins when that is answered. The client never sees a function call that it cannot
answer, nor the definitions of our tools, nor the items and errors that are between the engine and us.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from voice.protocol.client_events import ClientEvent, ConversationItemCreate, ResponseCreate, SessionUpdate
from voice.protocol.codec import Unknown
from voice.protocol.items import (
    FunctionCall,
    FunctionCallOutput,
    Item,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
)
from voice.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemCreated,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemRetrieved,
    InputAudioBufferCommitted,
    ResponseDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseMcpCallArgumentsDelta,
    ResponseMcpCallArgumentsDone,
    ResponseMcpCallCompleted,
    ResponseMcpCallFailed,
    ResponseMcpCallInProgress,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
)
from voice.protocol.settings import FunctionTool, Tool
from voice.protocol.settings import Session as Settings
from voice.session.added_items import AddedItems
from voice.session.calls import ToolCall

SERVER_LABEL = "voice"
EXTENSION = "voice"
"""The key of a client's session settings that asks for what the protocol has no word for: `{"events": true}` for all
of it, `{"link_events": true}` for news of the engine's connection only."""
REMEMBERED = 1_000

WithItem = (
    ConversationItemAdded
    | ConversationItemDone
    | ConversationItemCreated
    | ConversationItemRetrieved
    | ResponseOutputItemAdded
    | ResponseOutputItemDone
)


@dataclass(slots=True)
class Shown:
    """One call of ours as the client sees it."""

    item_id: str
    response_id: str
    output_index: int
    previous_item_id: str | None
    name: str
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


class ClientFace:
    """Translates both ways between a realtime client and the engine.

    `paused` names the tools whose calls do not begin by themselves."""

    def __init__(
        self, tools: tuple[FunctionTool, ...], *, any_model: bool = False, paused: Collection[str] = ()
    ) -> None:
        self._tools = tools
        self._any_model = any_model
        self._paused = frozenset(paused)
        self.wants_events = False
        self.wants_link_events = False
        self._names = frozenset(tool.name for tool in tools)
        self._shown: dict[str, Shown] = {}
        self._hidden: dict[str, str | None] = {}
        self._added = AddedItems()

    def admit(self, event: ClientEvent) -> ClientEvent:
        """A client's event as the engine should get it: our tools stand beside the client's own."""
        if isinstance(event, SessionUpdate):
            return event.model_copy(update={"session": self._admit_settings(event.session)})
        if isinstance(event, ResponseCreate) and event.response is not None and event.response.tools:
            with_ours_too = event.response.model_copy(update={"tools": [*event.response.tools, *self._tools]})
            return event.model_copy(update={"response": with_ours_too})
        if isinstance(event, ConversationItemCreate) and event.previous_item_id in self._added:
            behind = self._added.known_to_engine(event.previous_item_id)
            return event.model_copy(update={"previous_item_id": behind})
        return event

    def _admit_settings(self, settings: object) -> object:
        if not isinstance(settings, Settings):
            return settings
        given = settings.model_fields_set
        if (ours := (settings.model_extra or {}).get(EXTENSION)) is not None:
            asked = ours if isinstance(ours, dict) else {}
            self.wants_events = asked.get("events") is True
            self.wants_link_events = self.wants_events or asked.get("link_events") is True
            settings = settings.model_copy()
            if settings.model_extra is not None:
                settings.model_extra.pop(EXTENSION, None)
            settings.model_fields_set.discard(EXTENSION)
        if "tools" in given:
            settings = settings.model_copy(update={"tools": [*(settings.tools or ()), *self._tools]})
        if self._any_model and "model" in given:
            settings = settings.model_copy()
            settings.model = None
            settings.model_fields_set.discard("model")
        return settings

    def hide(self, item_id: str, instead: str | None) -> None:
        """An item that only the engine and we know of; `instead` stands for it in the order of items."""
        self._hidden[item_id] = instead
        while len(self._hidden) > REMEMBERED:
            del self._hidden[next(iter(self._hidden))]

    def show(self, event: ServerEvent | Unknown) -> list[ServerEvent | Unknown]:
        """What the client sees of an engine's event: usually the event itself."""
        if isinstance(event, Unknown) or not self._names:
            return [event]
        if isinstance(event, SessionCreated | SessionUpdated):
            return [event.model_copy(update={"session": self.without_ours(event.session)})]
        if isinstance(event, WithItem):
            return self._show_item(event)
        if isinstance(event, ResponseFunctionCallArgumentsDelta):
            return self._show_arguments_delta(event)
        if isinstance(event, ResponseFunctionCallArgumentsDone):
            return self._show_arguments_done(event)
        if isinstance(event, ResponseDone):
            output = [self._as_shown(item) for item in event.response.output or ()]
            return [event.model_copy(update={"response": event.response.model_copy(update={"output": output})})]
        if isinstance(event, InputAudioBufferCommitted):
            return [event.model_copy(update={"previous_item_id": self._visible(event.previous_item_id)})]
        return [event]

    def answered(self, item_id: str, output: str, *, ok: bool) -> list[ServerEvent | Unknown]:
        """One of our calls ended: what the client sees of that."""
        shown = self._shown.get(item_id)
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

    # What a person is asked

    def ask(self, call: ToolCall, request_id: str) -> list[ServerEvent]:
        """May this call run? What the client sees of that."""
        told: list[ServerEvent] = []
        shown = self._shown.get(call.item_id)
        if shown is None:
            place = call.response_id, call.output_index, None, call.name, call.arguments
            shown = self._shown[call.item_id] = Shown(call.item_id, *place)
            told.append(ConversationItemAdded(item=shown.item()))
        shown.approval_request_id = request_id
        request = McpApprovalRequest(id=request_id, server_label=SERVER_LABEL, name=call.name, arguments=call.arguments)
        return told + self._added.add(request, call.item_id)

    def answer_request(self, answer: McpApprovalResponse) -> list[ServerEvent]:
        """The client's answer is an item now."""
        return self._added.add(answer, self._added.behind(answer.approval_request_id))

    def started(self, item_id: str) -> list[ServerEvent]:
        """A call that waited begins."""
        shown = self._shown.get(item_id)
        return [] if shown is None else [ResponseMcpCallInProgress(output_index=shown.output_index, item_id=item_id)]

    def owns(self, item_id: str) -> bool:
        """Whether the engine does not know this item, and we do."""
        return item_id in self._added

    def retrieve(self, item_id: str) -> ConversationItemRetrieved:
        return self._added.retrieve(item_id)

    def delete(self, item_id: str) -> ConversationItemDeleted:
        return self._added.delete(item_id)

    # Ours and theirs

    def without_ours(self, settings: object) -> object:
        """Session settings without the definitions of our tools."""
        if isinstance(settings, Settings) and settings.tools:
            theirs = [tool for tool in settings.tools if not self._is_ours(tool)]
            return settings.model_copy(update={"tools": theirs})
        return settings

    def _is_ours(self, tool: Tool) -> bool:
        return isinstance(tool, FunctionTool) and tool.name in self._names

    def _visible(self, item_id: str | None) -> str | None:
        while item_id in self._hidden:
            item_id = self._hidden[item_id]
        return None if item_id is None else self._added.last_behind(item_id)

    def _as_shown(self, item: Item) -> Item:
        shown = self._shown.get(item.id or "")
        return item if shown is None else shown.item()

    def _show_item(self, event: WithItem) -> list[ServerEvent | Unknown]:
        item = event.item
        item_id = item.id or ""
        if item_id in self._hidden and isinstance(item, FunctionCallOutput):
            return []
        changes: dict[str, object] = {}
        if "previous_item_id" in type(event).model_fields:
            changes["previous_item_id"] = self._visible(getattr(event, "previous_item_id", None))
        if isinstance(item, FunctionCall) and item.name in self._names:
            shown = self._remember(event, item)
            final = isinstance(event, ConversationItemDone | ResponseOutputItemDone)
            if final and shown.output is None:
                return []
            changes["item"] = shown.item()
        return [event.model_copy(update=changes)] if changes else [event]

    def _remember(self, event: WithItem, item: FunctionCall) -> Shown:
        item_id = item.id or ""
        shown = self._shown.get(item_id)
        if shown is None:
            shown = self._shown[item_id] = Shown(item_id, "", 0, None, item.name)
            while len(self._shown) > REMEMBERED:
                del self._shown[next(iter(self._shown))]
        shown.arguments = item.arguments or shown.arguments
        if isinstance(event, ResponseOutputItemAdded | ResponseOutputItemDone):
            shown.response_id, shown.output_index = event.response_id, event.output_index
        elif isinstance(event, ConversationItemAdded):
            shown.previous_item_id = self._visible(event.previous_item_id)
        return shown

    def _show_arguments_delta(self, event: ResponseFunctionCallArgumentsDelta) -> list[ServerEvent | Unknown]:
        if event.item_id not in self._shown:
            return [event]
        return [
            ResponseMcpCallArgumentsDelta(
                response_id=event.response_id,
                item_id=event.item_id,
                output_index=event.output_index,
                delta=event.delta,
            )
        ]

    def _show_arguments_done(self, event: ResponseFunctionCallArgumentsDone) -> list[ServerEvent | Unknown]:
        shown = self._shown.get(event.item_id)
        if shown is None:
            return [event]
        shown.arguments = event.arguments
        done = ResponseMcpCallArgumentsDone(
            response_id=event.response_id,
            item_id=event.item_id,
            output_index=event.output_index,
            arguments=event.arguments,
        )
        return [done] if shown.name in self._paused else [done, *self.started(event.item_id)]
