"""What a realtime client is shown of a session whose tools run here.

A call of one of our tools is shown as what it is in the protocol, a tool the server runs: an `mcp_call` item of the
server `voice`, in progress while it runs and done with its output. One that a person must allow first is followed by
an `mcp_approval_request` item, and begins when that is answered. The client never sees a function call that it cannot
answer, nor the definitions of our tools, nor the items and errors that are between the engine and us.
"""

from __future__ import annotations

from collections.abc import Collection

from voice.protocol.client_events import ClientEvent, ConversationItemCreate, ResponseCreate, SessionUpdate
from voice.protocol.codec import Unknown
from voice.protocol.items import (
    FunctionCall,
    FunctionCallOutput,
    Item,
    McpApprovalRequest,
    McpApprovalResponse,
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
from voice.session.shown_calls import SERVER_LABEL, ShownCall, ShownCalls

EXTENSION = "voice"
"""The key of a client's session settings that asks for what the protocol has no word for: `{"events": true}` for all
of it, `{"link_events": true}` for news of the engine's connection only."""
REMEMBERED = 1_000
SHOW, HIDE = True, False
"""What the rules of an engine's event answer: whether a client sees it as it came."""

WithItem = (
    ConversationItemAdded
    | ConversationItemDone
    | ConversationItemCreated
    | ConversationItemRetrieved
    | ResponseOutputItemAdded
    | ResponseOutputItemDone
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
        self._calls = ShownCalls()
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

    def take_wishes(self, settings: Settings) -> Settings:
        """Settings without what a client wants to be told beyond the protocol: that is for us to know."""
        ours = (settings.model_extra or {}).get(EXTENSION)
        if ours is None:
            return settings
        asked = ours if isinstance(ours, dict) else {}
        self.wants_events = asked.get("events") is True
        self.wants_link_events = self.wants_events or asked.get("link_events") is True
        settings = settings.model_copy()
        if settings.model_extra is not None:
            settings.model_extra.pop(EXTENSION, None)
        settings.model_fields_set.discard(EXTENSION)
        return settings

    def _admit_settings(self, settings: object) -> object:
        if not isinstance(settings, Settings):
            return settings
        settings = self.take_wishes(settings)
        given = settings.model_fields_set
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
            return [self._calls.arguments_grow(event)]
        if isinstance(event, ResponseFunctionCallArgumentsDone):
            return self._show_arguments_done(event)
        if isinstance(event, ResponseDone):
            output = [self._as_shown(item) for item in event.response.output or ()]
            return [event.model_copy(update={"response": event.response.model_copy(update={"output": output})})]
        if isinstance(event, InputAudioBufferCommitted):
            return [event.model_copy(update={"previous_item_id": self._visible(event.previous_item_id)})]
        return [event]

    def answered(self, item_id: str, output: str, *, ok: bool) -> list[ServerEvent]:
        """One of our calls ended: what the client sees of that."""
        return self._calls.answered(item_id, output, ok=ok)

    # What a person is asked

    def ask(self, call: ToolCall, request_id: str) -> list[ServerEvent]:
        """May this call run? What the client sees of that."""
        told: list[ServerEvent] = []
        shown = self._calls.find(call.item_id)
        if shown is None:
            shown = self._calls.begin(call)
            told.append(ConversationItemAdded(item=shown.item()))
        shown.approval_request_id = request_id
        request = McpApprovalRequest(id=request_id, server_label=SERVER_LABEL, name=call.name, arguments=call.arguments)
        return told + self._added.add(request, call.item_id)

    def answer_request(self, answer: McpApprovalResponse) -> list[ServerEvent]:
        """The client's answer is an item now."""
        return self._added.add(answer, self._added.behind(answer.approval_request_id))

    def started(self, item_id: str) -> list[ServerEvent]:
        """A call that waited begins."""
        return self._calls.started(item_id)

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
        shown = self._calls.find(item.id or "")
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

    def _remember(self, event: WithItem, item: FunctionCall) -> ShownCall:
        shown = self._calls.see(item)
        if isinstance(event, ResponseOutputItemAdded | ResponseOutputItemDone):
            shown.response_id, shown.output_index = event.response_id, event.output_index
        elif isinstance(event, ConversationItemAdded):
            shown.previous_item_id = self._visible(event.previous_item_id)
        return shown

    def _show_arguments_done(self, event: ResponseFunctionCallArgumentsDone) -> list[ServerEvent | Unknown]:
        done = self._calls.arguments_complete(event)
        shown = self._calls.find(event.item_id)
        waits = shown is None or shown.name in self._paused
        return [done] if waits else [done, *self._calls.started(event.item_id)]
