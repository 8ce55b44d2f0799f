"""A conversation as models are told it, checked against the official package's types."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from voice.engines.brain.history import to_chat_messages, to_chat_tools, to_responses_input, to_responses_tools
from voice.protocol.items import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    McpApprovalRequest,
    McpCall,
    OutputAudio,
    SystemMessage,
    UserMessage,
)
from voice.protocol.settings import FunctionTool

PICTURE = "data:image/png;base64,AAAA"

TALK: list[Item] = [
    SystemMessage(content=[InputText(text="The caller is Anna.")]),
    UserMessage(content=[InputAudio(transcript="what's the weather in oslo and rome")]),
    AssistantMessage(content=[OutputAudio(transcript="One moment.")]),
    FunctionCall(call_id="a", name="get_weather", arguments='{"city":"Oslo"}'),
    FunctionCall(call_id="b", name="get_weather", arguments='{"city":"Rome"}'),
    FunctionCall(call_id="never", name="get_weather", arguments="{}"),
    FunctionCallOutput(call_id="a", output="snow"),
    UserMessage(content=[InputText(text="hurry"), InputImage(image_url=PICTURE)]),
    FunctionCallOutput(call_id="b", output="sun"),
    FunctionCallOutput(call_id="orphan", output="?"),
    McpApprovalRequest(id="ap", server_label="s", name="pay", arguments="{}"),
    McpCall(id="mcp_1", server_label="s", name="search", arguments="{}", output="found"),
    UserMessage(content=[InputAudio(transcript=None)]),
    AssistantMessage(content=[]),
]
TOOLS = [FunctionTool(name="get_weather", description="Weather.", parameters={"type": "object", "properties": {}})]


def test_responses_input() -> None:
    made = to_responses_input(TALK)
    assert [(one["type"], one.get("role") or one["call_id"]) for one in made] == [
        ("message", "system"),
        ("message", "user"),
        ("message", "assistant"),
        ("function_call", "a"),
        ("function_call_output", "a"),
        ("function_call", "b"),
        ("function_call_output", "b"),
        ("message", "user"),
        ("function_call", "mcp_1"),
        ("function_call_output", "mcp_1"),
        ("message", "user"),
    ]
    assert made[-1]["content"] == [{"type": "input_text", "text": "(inaudible)"}]


def test_chat_messages() -> None:
    made = to_chat_messages(TALK, "Be brief.")
    assert [one["role"] for one in made] == [
        *("system", "system", "user", "assistant"),
        *("assistant", "tool", "tool"),
        "user",
        *("assistant", "tool"),
        "user",
    ]
    assert [one["id"] for one in made[4]["tool_calls"]] == ["a", "b"]
    assert [one["tool_call_id"] for one in made[5:7]] == ["a", "b"]


def test_a_model_that_cannot_see_is_told_that_there_was_something() -> None:
    contents = [one["content"] for one in to_chat_messages(TALK) if one["role"] == "user"]
    shown = next(content for content in contents if isinstance(content, list))
    assert shown == [
        {"type": "text", "text": "hurry"},
        {"type": "image_url", "image_url": {"url": PICTURE, "detail": "auto"}},
    ]
    blind = [one["content"] for one in to_chat_messages(TALK, images=False) if one["role"] == "user"]
    assert blind[1] == "hurry (a picture that cannot be shown to this model)"
    assert PICTURE not in str(to_responses_input(TALK, images=False))


def test_the_official_package_agrees() -> None:
    pytest.importorskip("openai")
    from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
    from openai.types.responses import FunctionToolParam, ResponseInputItemParam

    def agrees(kind: Any, values: list[dict[str, Any]]) -> None:
        for value in values:
            TypeAdapter(kind).validate_python(value)

    agrees(ResponseInputItemParam, to_responses_input(TALK))
    agrees(ChatCompletionMessageParam, to_chat_messages(TALK, "Be brief."))
    agrees(FunctionToolParam, to_responses_tools(TOOLS))
    agrees(ChatCompletionToolParam, to_chat_tools(TOOLS))
