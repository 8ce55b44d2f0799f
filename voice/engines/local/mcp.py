"""MCP servers that a client wants this engine to call: it has no MCP client, and says so as the protocol does.

Each server gets its `mcp_list_tools` item without tools and a `mcp_list_tools.failed`, once. Tools of MCP servers
that the service itself knows reach the brain as functions.
"""

from __future__ import annotations

from collections.abc import Iterable

from voice.engines.local.conversation import Conversation, Entry
from voice.engines.local.outlet import Outlet
from voice.protocol.ids import Ids
from voice.protocol.items import McpListTools
from voice.protocol.server_events import ConversationItemAdded, McpListToolsFailed, McpListToolsInProgress


class Mcp:
    """Remembers which servers were asked for."""

    def __init__(self, conversation: Conversation, outlet: Outlet, ids: Ids) -> None:
        self._conversation = conversation
        self._outlet = outlet
        self._ids = ids
        self._told: set[str] = set()

    def refuse(self, labels: Iterable[str]) -> None:
        """Tell of each server, unless it was told before, that its tools cannot be listed."""
        for label in labels:
            if label in self._told:
                continue
            self._told.add(label)
            item = McpListTools(id=self._ids.item(), server_label=label, tools=[])
            previous_id = self._conversation.add(Entry(item))
            self._outlet.say(ConversationItemAdded(previous_item_id=previous_id, item=item))
            self._outlet.say(McpListToolsInProgress(item_id=item.id or ""))
            self._outlet.say(McpListToolsFailed(item_id=item.id or ""))
