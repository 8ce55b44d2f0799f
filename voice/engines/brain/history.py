"""A conversation as text models want it: spoken words by their transcripts, calls only together with their outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from voice.engines.brain.conversation import assistant_text, system_text, user_text
from voice.protocol.items import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputImage,
    Item,
    McpCall,
    SystemMessage,
    UserMessage,
)
from voice.protocol.settings import FunctionTool, Tool

INAUDIBLE = "(inaudible)"
UNSEEN = "(a picture that cannot be shown to this model)"
ANY_OBJECT = {"type": "object", "properties": {}}

AnsweredCall = tuple[str, str, str, str]
"""call_id, name, arguments, output"""


def answered_calls(items: Sequence[Item]) -> dict[int, AnsweredCall]:
    """The calls that have an output, by their place. Both APIs refuse a call without one, and one without a call."""
    outputs = {item.call_id: item.output for item in items if isinstance(item, FunctionCallOutput)}
    found: dict[int, AnsweredCall] = {}
    for place, item in enumerate(items):
        if isinstance(item, FunctionCall) and item.call_id in outputs:
            found[place] = (item.call_id, item.name, item.arguments, outputs[item.call_id])
        elif isinstance(item, McpCall) and item.id and (item.output is not None or item.error is not None):
            answered = item.output if item.output is not None else getattr(item.error, "message", "") or "failed"
            found[place] = (item.id, item.name, item.arguments, answered)
    return found


def to_responses_input(items: Sequence[Item], *, images: bool = True) -> list[dict[str, Any]]:
    """Input items of the Responses API."""
    calls, made = answered_calls(items), list[dict[str, Any]]()
    for place, item in enumerate(items):
        if place in calls:
            call_id, name, arguments, output = calls[place]
            made.append({"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments or "{}"})
            made.append({"type": "function_call_output", "call_id": call_id, "output": output})
        elif isinstance(item, UserMessage):
            parts = [{"type": "input_text", "text": text} for text in _texts(item, images=images)]
            pictures = [_responses_image(image) for image in _images(item)] if images else []
            made.append({"type": "message", "role": "user", "content": [*parts, *pictures]})
        elif isinstance(item, AssistantMessage) and (text := assistant_text(item)):
            made.append({"type": "message", "role": "assistant", "content": text})
        elif isinstance(item, SystemMessage) and (text := system_text(item)):
            made.append({"type": "message", "role": "system", "content": text})
    return made


def to_chat_messages(items: Sequence[Item], instructions: str = "", *, images: bool = True) -> list[dict[str, Any]]:
    """Messages of the Chat Completions API. Calls made together are one message, their outputs follow at once."""
    calls, made = answered_calls(items), list[dict[str, Any]]()
    if instructions:
        made.append({"role": "system", "content": instructions})
    waiting: list[AnsweredCall] = []
    for place, item in enumerate(items):
        if place in calls:
            waiting.append(calls[place])
            continue
        if isinstance(item, FunctionCall | FunctionCallOutput):
            continue
        made += _chat_calls(waiting)
        waiting = []
        if isinstance(item, UserMessage):
            made.append({"role": "user", "content": _chat_content(item, images=images)})
        elif isinstance(item, AssistantMessage) and (text := assistant_text(item)):
            made.append({"role": "assistant", "content": text})
        elif isinstance(item, SystemMessage) and (text := system_text(item)):
            made.append({"role": "system", "content": text})
    return made + list(_chat_calls(waiting))


def to_responses_tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Functions only: what an MCP server offers is called by the session, not by the model's server."""
    return [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description or "",
            "parameters": tool.parameters or ANY_OBJECT,
            "strict": False,
        }
        for tool in tools
        if isinstance(tool, FunctionTool)
    ]


def to_chat_tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description or "",
                "parameters": tool.parameters or ANY_OBJECT,
            },
        }
        for tool in tools
        if isinstance(tool, FunctionTool)
    ]


def _texts(item: UserMessage, *, images: bool) -> list[str]:
    texts = [text] if (text := user_text(item)) else []
    seen = _images(item)
    if seen and not images:
        texts.append(UNSEEN)
    return texts or ([] if seen else [INAUDIBLE])


def _images(item: UserMessage) -> list[InputImage]:
    return [part for part in item.content if isinstance(part, InputImage)]


def _responses_image(image: InputImage) -> dict[str, Any]:
    return {"type": "input_image", "image_url": image.image_url, "detail": image.detail or "auto"}


def _chat_content(item: UserMessage, *, images: bool) -> str | list[dict[str, Any]]:
    texts, pictures = _texts(item, images=images), _images(item)
    if not pictures or not images:
        return " ".join(texts)
    return [
        *({"type": "text", "text": text} for text in texts),
        *(
            {"type": "image_url", "image_url": {"url": image.image_url, "detail": image.detail or "auto"}}
            for image in pictures
        ),
    ]


def _chat_calls(calls: Sequence[AnsweredCall]) -> Iterator[dict[str, Any]]:
    if not calls:
        return
    yield {
        "role": "assistant",
        "tool_calls": [
            {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments or "{}"}}
            for call_id, name, arguments, _ in calls
        ],
    }
    for call_id, _, _, output in calls:
        yield {"role": "tool", "tool_call_id": call_id, "content": output}
