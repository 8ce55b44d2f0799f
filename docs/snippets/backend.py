"""A backend beside a browser: it makes the secret that the page calls with, and attends the call."""

from __future__ import annotations

from openai import AsyncOpenAI


async def secret_for_a_page(backend: AsyncOpenAI) -> str:
    """Good for ten minutes, for the assistant `reception`, with a tool that the backend runs."""
    made = await backend.realtime.client_secrets.create(
        expires_after={"anchor": "created_at", "seconds": 600},
        session={
            "type": "realtime",
            "model": "reception",
            "tools": [{"type": "function", "name": "open_door", "parameters": {"type": "object"}}],
        },
    )
    return made.value


async def attend(backend: AsyncOpenAI, call_id: str) -> None:
    """Hear every event of a call, and run the tool. Ends with the call."""
    async with backend.realtime.connect(call_id=call_id) as side:
        async for event in side:
            if event.type != "response.done":
                continue
            for item in event.response.output or []:
                if item.type == "function_call" and item.name == "open_door":
                    await side.conversation.item.create(
                        item={"type": "function_call_output", "call_id": item.call_id or "", "output": "It is open."}
                    )
                    await side.response.create()
