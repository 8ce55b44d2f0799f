"""A brain behind the Responses API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from importlib import import_module
from typing import Any

from voice.engines.brain.history import to_responses_input, to_responses_tools
from voice.engines.brain.stream import brain_event
from voice.engines.stages import BrainEvent, BrainRequest
from voice.models.responses import ResponsesModel


class ResponsesBrain:
    """Lets a model decide. The whole conversation goes along each time; the server keeps nothing."""

    name = "responses"

    def __init__(self, model: ResponsesModel, *, images: bool = True) -> None:
        self._model = model
        self._images = images

    async def open(self) -> None:
        """Load what the first request needs; the model is elsewhere."""
        await asyncio.to_thread(import_module, "httpx")

    async def reply(self, request: BrainRequest) -> AsyncIterator[BrainEvent]:
        answer = self._model.stream(
            to_responses_input(request.items, images=self._images),
            instructions=request.instructions,
            tools=to_responses_tools(request.tools),
            tool_choice=_tool_choice(request.tool_choice),
            max_output_tokens=request.max_output_tokens,
            metadata=request.metadata,
        )
        async with aclosing(answer) as events:
            async for event in events:
                yield brain_event(event)

    async def close(self) -> None:
        await self._model.close()


def _tool_choice(choice: str) -> str | dict[str, Any]:
    return choice if choice in {"auto", "none", "required"} else {"type": "function", "name": choice}
