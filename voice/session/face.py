"""What a realtime client is shown of a session whose tools run here.

A call of one of our tools is shown as what it is in the protocol, a tool the server runs: an `mcp_call` item of the
server `voice`, in progress while it runs and done with its output. The client never sees a function call that it
cannot answer, nor the definitions of our tools, nor the items and errors that are between the engine and us.
"""

from __future__ import annotations

from dataclasses import dataclass

from voice.protocol.client_events import ClientEvent, ResponseCreate, SessionUpdate
from voice.protocol.codec import Unknown
from voice.protocol.items import FunctionCall, FunctionCallOutput, Item, McpCall
from voice.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemCreated,
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

SERVER_LABEL = "voice"
EXTENSION = "voice"
"""The key of a client's session settings that asks for what the protocol has no word for: `{"link_events": true}`."""
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

    def item(self) -> McpCall:
        error = {"type": "tool_execution_error", "message": self.output or ""} if self.failed else None
        return McpCall.model_validate(
            {
                "id": self.item_id,
                "type": "mcp_call",
                "server_label": SERVER_LABEL,
                "name": self.name,
                "arguments": self.arguments,
                "output": None if self.failed else self.output,
                "error": error,
            }
        )


class ClientFace:
    """Translates both ways between a realtime client and the engine."""

    def __init__(self, tools: tuple[FunctionTool, ...], *, any_model: bool = False) -> None:
        self._tools = tools
        self._any_model = any_model
        self.wants_link_events = False
        self._names = frozenset(tool.name for tool in tools)
        self._shown: dict[str, Shown] = {}
        self._hidden: dict[str, str | None] = {}

    def admit(self, event: ClientEvent) -> ClientEvent:
        """A client's event as the engine should get it: our tools stand beside the client's own."""
        if isinstance(event, SessionUpdate):
            return event.model_copy(update={"session": self._admit_settings(event.session)})
        if isinstance(event, ResponseCreate) and event.response is not None and event.response.tools:
            with_ours_too = event.response.model_copy(update={"tools": [*event.response.tools, *self._tools]})
            return event.model_copy(update={"response": with_ours_too})
        return event

    def _admit_settings(self, settings: object) -> object:
        if not isinstance(settings, Settings):
            return settings
        given = settings.model_fields_set
        if (ours := (settings.model_extra or {}).get(EXTENSION)) is not None:
            self.wants_link_events = isinstance(ours, dict) and ours.get("link_events") is True
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
        return item_id

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
        return [
            ResponseMcpCallArgumentsDone(
                response_id=event.response_id,
                item_id=event.item_id,
                output_index=event.output_index,
                arguments=event.arguments,
            ),
            ResponseMcpCallInProgress(output_index=event.output_index, item_id=event.item_id),
        ]
