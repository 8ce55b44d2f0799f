"""The Chat Completions API, as different servers speak it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.models.fake_responses_server import Answer, Request, events, fake_server
from voice.errors import EngineFailed, EngineRefused
from voice.models.chat import ChatModel
from voice.models.events import CallArguments, CallDone, CallStarted, ModelEvent, Text, Usage
from voice.models.streaming import ModelServer


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def piece(index: int, arguments: str | None = None, **more: Any) -> dict[str, Any]:
    name = more.pop("name", None)
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {"index": index, **more, "function": function}


USAGE = {
    "choices": [],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}},
}


def ask(answer: Answer, **options: Any) -> tuple[list[ModelEvent], Request]:
    async def scene() -> tuple[list[ModelEvent], Request]:
        async with fake_server(answer) as fake:
            ids = iter(["made_1", "made_2"])
            model = ChatModel(ModelServer(fake.url), "m", make_id=lambda: next(ids))
            try:
                stream = model.stream([{"role": "user", "content": "hi"}], **options)
                return [event async for event in stream], fake.requests[0]
            finally:
                await model.close()

    return asyncio.run(scene())


def test_words_and_usage() -> None:
    got, request = ask(
        events(
            chunk(role="assistant", content=""),
            chunk(content="Hi"),
            chunk(content="."),
            chunk("stop"),
            USAGE,
            done=True,
        ),
        max_output_tokens=20,
    )
    assert got == [Text("Hi"), Text("."), Usage(9, 3, 4)]
    assert request.path == "/v1/chat/completions"
    assert request.body["max_tokens"] == 20
    assert request.body["stream_options"] == {"include_usage": True}


def test_calls_in_pieces() -> None:
    got, _ = ask(
        events(
            chunk(tool_calls=[piece(0, "", id="a", name="f")]),
            chunk(tool_calls=[piece(0, '{"x"')]),
            chunk(tool_calls=[piece(0, ":1}")]),
            chunk(tool_calls=[piece(1, "", id="b", name="g")]),
            chunk(tool_calls=[piece(1, "{}")]),
            chunk("tool_calls"),
            done=True,
        )
    )
    assert got == [
        CallStarted("a", "f"),
        CallArguments("a", '{"x"'),
        CallArguments("a", ":1}"),
        CallDone("a"),
        CallStarted("b", "g"),
        CallArguments("b", "{}"),
        CallDone("b"),
    ]


def test_whole_calls_of_one_index_and_calls_without_an_id() -> None:
    whole = [piece(0, "{}", id="a", name="f"), piece(0, '{"y":2}', id="b", name="f")]
    got, _ = ask(events(chunk(tool_calls=whole), chunk("tool_calls"), done=True))
    assert [event.call_id for event in got if isinstance(event, CallStarted)] == ["a", "b"]
    got, _ = ask(events(chunk(tool_calls=[piece(0, "{}", name="f")]), chunk("tool_calls"), done=True))
    assert got[0] == CallStarted("made_1", "f")


def test_a_name_repeated_in_every_piece_is_one_call() -> None:
    got, _ = ask(
        events(
            chunk(tool_calls=[piece(0, '{"x"', id="a", name="f")]),
            chunk(tool_calls=[piece(0, ":1}", id="a", name="f")]),
            chunk("tool_calls"),
            done=True,
        )
    )
    assert [type(event) for event in got] == [CallStarted, CallArguments, CallArguments, CallDone]


def test_a_call_without_any_arguments_has_none() -> None:
    got, _ = ask(events(chunk(tool_calls=[piece(0, id="a", name="f")]), chunk("tool_calls"), done=True))
    assert got == [CallStarted("a", "f"), CallArguments("a", "{}"), CallDone("a")]


def test_an_end_without_done_is_an_end_once_the_choice_is_finished() -> None:
    assert ask(events(chunk(content="Hi"), chunk("stop")))[0] == [Text("Hi")]


def test_an_answer_that_stops_in_the_middle_failed() -> None:
    with pytest.raises(EngineFailed):
        ask(events(chunk(content="Hi")))


def test_an_error_in_the_stream() -> None:
    with pytest.raises(EngineFailed):
        ask(events(chunk(content="Hi"), {"error": {"message": "x", "code": 500}}))
    with pytest.raises(EngineRefused):
        ask(events({"error": {"code": "insufficient_quota"}}))
