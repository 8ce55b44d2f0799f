"""The Chat Completions API (`POST /chat/completions`, streamed): OpenAI, Ollama, vLLM, llama.cpp and their like."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from voice.errors import EngineFailed
from voice.models.events import CallArguments, CallDone, CallStarted, ModelEvent, Text, Usage
from voice.models.streaming import ModelServer, failure_in_stream


class ChatModel:
    """One model behind a Chat Completions API. `make_id` names calls that the server left unnamed."""

    def __init__(self, server: ModelServer, model: str, *, make_id: Callable[[], str] | None = None) -> None:
        self.server = server
        self.model = model
        self._make_id = make_id or (lambda: f"call_{secrets.token_hex(8)}")

    async def stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        tool_choice: str | Mapping[str, Any] = "auto",
        max_output_tokens: int | None = None,
    ) -> AsyncGenerator[ModelEvent, None]:
        """The answer to `messages`. Raises EngineError."""
        body: dict[str, Any] = {
            "model": self.model,
            "messages": list(messages),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if tools:
            body |= {"tools": list(tools), "tool_choice": tool_choice}
        if max_output_tokens is not None:
            # OpenAI renamed it; the servers that only speak its API still know the older name.
            official = self.server.host.endswith("api.openai.com")
            body["max_completion_tokens" if official else "max_tokens"] = max_output_tokens
        reader = _Reader(self._make_id)
        async with aclosing(self.server.stream("/chat/completions", body, model=self.model)) as chunks:
            async for chunk in chunks:
                for made in reader.receive(chunk):
                    yield made
        if not reader.finished:
            raise EngineFailed("The model server ended its answer in the middle.", fix="Try again.")

    async def close(self) -> None:
        await self.server.close()


class _Reader:
    """Chunks to events. A call is complete when another begins or the choice is finished."""

    def __init__(self, make_id: Callable[[], str]) -> None:
        self.finished = False
        self._make_id = make_id
        self._index: object = None
        self._id = ""
        self._open = ""
        self._any_arguments = False

    def receive(self, chunk: Mapping[str, Any]) -> list[ModelEvent]:
        if chunk.get("error"):
            raise failure_in_stream(chunk["error"])
        made: list[ModelEvent] = []
        for choice in (chunk.get("choices") or [])[:1]:
            delta = choice.get("delta") or {}
            if words := delta.get("content") or delta.get("refusal"):
                made.append(Text(words))
            for call in delta.get("tool_calls") or ():
                made += self._call(call)
            if choice.get("finish_reason"):
                self.finished = True
                made += self._end()
        return made + _usage(chunk.get("usage"))

    def _call(self, call: Mapping[str, Any]) -> list[ModelEvent]:
        function = call.get("function") or {}
        made: list[ModelEvent] = []
        if self._begins(call, function):
            made = self._end()
            self._id, self._index = call.get("id") or "", call.get("index")
            self._open = self._id or self._make_id()
            made.append(CallStarted(self._open, function["name"]))
        if self._open and (arguments := function.get("arguments")):
            self._any_arguments = True
            made.append(CallArguments(self._open, arguments))
        return made

    def _begins(self, call: Mapping[str, Any], function: Mapping[str, Any]) -> bool:
        """A name begins a call. Some servers repeat it in every piece, others give each whole call the same index."""
        if not function.get("name"):
            return False
        return not self._open or call.get("index") != self._index or (call.get("id") or "") not in {"", self._id}

    def _end(self) -> list[ModelEvent]:
        if not self._open:
            return []
        call_id, any_arguments = self._open, self._any_arguments
        self._open, self._any_arguments = "", False
        # A call of which no argument was ever streamed is a call without arguments.
        return [CallDone(call_id)] if any_arguments else [CallArguments(call_id, "{}"), CallDone(call_id)]


def _usage(usage: object) -> list[ModelEvent]:
    if not isinstance(usage, dict):
        return []
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return [Usage(usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0, cached)]
