"""The Responses API."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.models.fake_responses_server import Answer, Request, events, fake_server
from voice.errors import EngineError, EngineFailed, EngineRefused
from voice.models.events import CallArguments, CallDone, CallStarted, ModelEvent, Text, Usage
from voice.models.responses import ResponsesModel
from voice.models.streaming import ModelServer

COMPLETED = {
    "type": "response.completed",
    "response": {
        "usage": {
            "input_tokens": 30,
            "input_tokens_details": {"cached_tokens": 20},
            "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 35,
        }
    },
}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "get_weather", "arguments": ""}


def delta(text: str) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": text}


def ask(answer: Answer, **options: Any) -> tuple[list[ModelEvent], Request]:
    async def scene() -> tuple[list[ModelEvent], Request]:
        async with fake_server(answer) as fake:
            model = ResponsesModel(ModelServer(fake.url, "key"), "some-model")
            items = [{"type": "message", "role": "user", "content": "hi"}]
            try:
                return [event async for event in model.stream(items, **options)], fake.requests[0]
            finally:
                await model.close()

    return asyncio.run(scene())


def test_words_and_usage() -> None:
    got, request = ask(
        events({"type": "response.created", "response": {}}, delta("It is"), delta(" sunny."), COMPLETED)
    )
    assert got == [Text("It is"), Text(" sunny."), Usage(30, 5, 20)]
    assert request.path == "/v1/responses"
    assert request.body["stream"] is True
    assert request.body["store"] is False


def test_a_call_streams_its_arguments() -> None:
    got, _ = ask(
        events(
            {"type": "response.output_item.added", "output_index": 1, "item": CALL},
            {
                "type": "response.function_call_arguments.delta",
                "item_id": "fc_1",
                "output_index": 1,
                "delta": '{"city":',
            },
            {
                "type": "response.function_call_arguments.delta",
                "item_id": "fc_1",
                "output_index": 1,
                "delta": '"Oslo"}',
            },
            {"type": "response.output_item.done", "output_index": 1, "item": {**CALL, "arguments": '{"city":"Oslo"}'}},
            COMPLETED,
        )
    )
    assert got[:-1] == [
        CallStarted("call_1", "get_weather"),
        CallArguments("call_1", '{"city":'),
        CallArguments("call_1", '"Oslo"}'),
        CallDone("call_1"),
    ]


def test_a_call_that_comes_whole_is_whole() -> None:
    done = {"type": "response.output_item.done", "output_index": 0, "item": {**CALL, "arguments": "{}"}}
    got, _ = ask(events(done, COMPLETED))
    assert got[:-1] == [CallStarted("call_1", "get_weather"), CallArguments("call_1", "{}"), CallDone("call_1")]


def test_what_we_do_not_know_is_passed_over() -> None:
    got, _ = ask(
        events({"type": "response.reasoning_text.delta", "delta": "hm"}, {"type": "new"}, {}, delta("Yes."), COMPLETED)
    )
    assert got[0] == Text("Yes.")


def test_an_answer_that_ran_out_of_tokens_is_an_answer() -> None:
    got, request = ask(
        events(delta("It"), {"type": "response.incomplete", "response": {"usage": None}}), max_output_tokens=16
    )
    assert got == [Text("It")]
    assert request.body["max_output_tokens"] == 16


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        ({"type": "response.failed", "response": {"error": {"code": "server_error", "message": "x"}}}, EngineFailed),
        ({"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded"}}}, EngineRefused),
        ({"type": "error", "code": "insufficient_quota", "message": "x"}, EngineRefused),
        ({"type": "error", "error": {"code": "boom"}}, EngineFailed),
        ({"type": "response.in_progress"}, EngineFailed),
    ],
)
def test_what_does_not_end_well(last: dict[str, Any], kind: type[EngineError]) -> None:
    with pytest.raises(EngineError) as caught:
        ask(events(delta("It"), last))
    assert type(caught.value) is kind
