"""A client of the official package that asks somebody before a tool runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from openai.resources.realtime.realtime import AsyncRealtimeConnection

Ask = Callable[[str, str], Awaitable[bool]]
"""The tool's name and its arguments as JSON text; whether it may run."""


async def approve_tools(connection: AsyncRealtimeConnection, ask: Ask) -> None:
    async for event in connection:
        if event.type == "conversation.item.done" and event.item.type == "mcp_approval_request":
            allowed = await ask(event.item.name, event.item.arguments)
            await connection.conversation.item.create(
                item={
                    "type": "mcp_approval_response",
                    "id": f"answer_{event.item.id[-20:]}",
                    "approval_request_id": event.item.id,
                    "approve": allowed,
                }
            )
