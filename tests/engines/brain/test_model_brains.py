"""Brains behind a model server: the whole way over a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.engines.brain.test_intents import heard
from tests.models.fake_responses_server import Answer, Request, events, fake_server
from voice.engines.brain.choose import BrainName, choose_brain
from voice.engines.stages import (
    BrainEvent,
    BrainRequest,
    BrainUsage,
    TextDelta,
    ToolCallDelta,
    ToolCallDone,
    ToolCallStarted,
)
from voice.errors import ConfigError
from voice.protocol.settings import FunctionTool

TOOL = FunctionTool(
    name="f", description="Does f.", parameters={"type": "object", "properties": {"x": {"type": "integer"}}}
)
CALL = {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": ""}
RESPONSES = events(
    {"type": "response.output_text.delta", "output_index": 0, "delta": "Hm. "},
    {"type": "response.output_item.added", "output_index": 1, "item": CALL},
    {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"x":1}'},
    {"type": "response.output_item.done", "output_index": 1, "item": CALL},
    {"type": "response.completed", "response": {"usage": {"input_tokens": 3, "output_tokens": 2}}},
)
CHAT = events(
    {"choices": [{"delta": {"content": "Hm. "}}]},
    {
        "choices": [
            {"delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"x":1}'}}]}}
        ]
    },
    {"choices": [{"delta": {}, "finish_reason": "tool_calls"}]},
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    done=True,
)


def ask(name: BrainName, answer: Answer, tool_choice: str = "auto") -> tuple[list[BrainEvent], Request]:
    async def scene() -> tuple[list[BrainEvent], Request]:
        async with fake_server(answer) as fake:
            brain = choose_brain(name, url=fake.url, model="m", api_key="k")
            await brain.open()
            request = BrainRequest(
                items=[heard("hello")], instructions="Be brief.", tools=[TOOL], tool_choice=tool_choice
            )
            try:
                return [event async for event in brain.reply(request)], fake.requests[0]
            finally:
                await brain.close()

    return asyncio.run(scene())


@pytest.mark.parametrize(("name", "answer"), [("responses", RESPONSES), ("chat", CHAT)])
def test_words_calls_and_usage(name: BrainName, answer: Answer) -> None:
    got, _ = ask(name, answer)
    assert got == [
        TextDelta("Hm. "),
        ToolCallStarted("c", "f"),
        ToolCallDelta("c", '{"x":1}'),
        ToolCallDone("c"),
        BrainUsage(3, 2, 0),
    ]


CHOICES = [
    ("responses", "required", "required"),
    ("responses", "f", {"type": "function", "name": "f"}),
    ("chat", "none", "none"),
    ("chat", "f", {"type": "function", "function": {"name": "f"}}),
]


@pytest.mark.parametrize(("name", "choice", "sent"), CHOICES)
def test_the_choice_of_tools_is_passed_on(name: BrainName, choice: str, sent: object) -> None:
    _, request = ask(name, RESPONSES if name == "responses" else CHAT, choice)
    assert request.body["tool_choice"] == sent


def test_the_bodies_are_what_the_official_package_would_send() -> None:
    pytest.importorskip("openai")
    from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
    from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
    from pydantic import TypeAdapter

    kinds: dict[BrainName, Any] = {"responses": ResponseCreateParamsStreaming, "chat": CompletionCreateParamsStreaming}
    for name, kind in kinds.items():
        _, request = ask(name, RESPONSES if name == "responses" else CHAT)
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        adapter.validate_python(request.body)
        assert set(request.body) <= set(kind.__annotations__) | _inherited(kind)


def _inherited(kind: Any) -> set[str]:
    return set(kind.__required_keys__ | kind.__optional_keys__)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "chat"},
        {"name": "chat", "model": "m"},
        {"name": "responses", "api_key": "k"},
        {"name": "llama"},
        {"name": "chat", "model": "m", "url": "nonsense"},
    ],
)
def test_what_is_missing_is_said(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        choose_brain(wrong.pop("name"), **wrong)
    assert caught.value.fix


def test_a_language_that_is_not_spoken_is_refused_when_the_brain_opens() -> None:
    with pytest.raises(ConfigError) as caught:
        asyncio.run(choose_brain("intents", language="xx").open())
    assert caught.value.fix


def test_the_embedded_brain_needs_nothing() -> None:
    assert choose_brain("intents").name == "intents"
