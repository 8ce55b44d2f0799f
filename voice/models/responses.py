"""The Responses API (`POST /responses`, streamed)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from voice.errors import EngineFailed
from voice.models.events import CallArguments, CallDone, CallStarted, ModelEvent, Text, Usage
from voice.models.streaming import ModelServer, failure_in_stream


class ResponsesModel:
    """One model behind a Responses API."""

    def __init__(self, server: ModelServer, model: str) -> None:
        self.server = server
        self.model = model

    async def stream(
        self,
        items: Sequence[Mapping[str, Any]],
        *,
        instructions: str = "",
        tools: Sequence[Mapping[str, Any]] = (),
        tool_choice: str | Mapping[str, Any] = "auto",
        max_output_tokens: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[ModelEvent, None]:
        """The answer to `items` (input items of the API). Nothing is stored at the server. Raises EngineError."""
        body: dict[str, Any] = {"model": self.model, "input": list(items), "stream": True, "store": False}
        if instructions:
            body["instructions"] = instructions
        if tools:
            body |= {"tools": list(tools), "tool_choice": tool_choice}
        if max_output_tokens is not None:
            body["max_output_tokens"] = max_output_tokens
        if metadata:
            body["metadata"] = dict(metadata)
        reader = _Reader()
        async with aclosing(self.server.stream("/responses", body, model=self.model)) as events:
            async for event in events:
                for made in reader.receive(event):
                    yield made
                if reader.done:
                    return
        raise EngineFailed("The model server ended its answer in the middle.", fix="Try again.")

    async def close(self) -> None:
        await self.server.close()


class _Reader:
    """Events of the stream to ours. Argument events name no call: the item that was added does."""

    def __init__(self) -> None:
        self.done = False
        self._calls: dict[int, str] = {}
        self._seen: set[str] = set()

    def receive(self, event: Mapping[str, Any]) -> list[ModelEvent]:
        index = event.get("output_index", 0)
        match event.get("type"):
            case "response.output_text.delta" | "response.refusal.delta":
                return [Text(event["delta"])] if event.get("delta") else []
            case "response.output_item.added" if _is_call(event.get("item")):
                return self._started(index, event["item"])
            case "response.function_call_arguments.delta" if index in self._calls and event.get("delta"):
                self._seen.add(self._calls[index])
                return [CallArguments(self._calls[index], event["delta"])]
            case "response.output_item.done" if _is_call(event.get("item")):
                return self._ended(index, event["item"])
            case "response.completed" | "response.incomplete":
                self.done = True
                return _usage((event.get("response") or {}).get("usage"))
            case "response.failed":
                raise failure_in_stream((event.get("response") or {}).get("error"))
            case "error":
                raise failure_in_stream(event.get("error") or event)
        return []

    def _started(self, index: int, item: Mapping[str, Any]) -> list[ModelEvent]:
        self._calls[index] = item["call_id"]
        return [CallStarted(item["call_id"], item["name"])]

    def _ended(self, index: int, item: Mapping[str, Any]) -> list[ModelEvent]:
        made: list[ModelEvent] = [] if index in self._calls else self._started(index, item)
        call_id = self._calls[index]
        if call_id not in self._seen and item.get("arguments"):
            made.append(CallArguments(call_id, item["arguments"]))
        return [*made, CallDone(call_id)]


def _is_call(item: object) -> bool:
    return isinstance(item, dict) and item.get("type") == "function_call" and "call_id" in item and "name" in item


def _usage(usage: object) -> list[ModelEvent]:
    if not isinstance(usage, dict):
        return []
    cached = (usage.get("input_tokens_details") or {}).get("cached_tokens") or 0
    return [Usage(usage.get("input_tokens") or 0, usage.get("output_tokens") or 0, cached)]
