"""Tool calls through the whole chain of guards."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voice.errors import ConfigError, ToolFailed
from voice.tools.audit import AuditRing
from voice.tools.clock import ManualClock, SystemClock
from voice.tools.executor import Executor
from voice.tools.registry import Registry
from voice.tools.spec import Call, Outcome, Tool, ToolContext, ToolHandler

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "minLength": 1}, "days": {"type": "integer", "minimum": 1, "maximum": 7}},
    "required": ["city"],
}


class Nobody:
    session_id = "s1"

    def announce(self, text: str) -> None: ...

    def progress(self, text: str) -> None: ...


async def echo(arguments: Mapping[str, Any], context: ToolContext) -> object:
    return dict(arguments)


def weather(handler: ToolHandler = echo, **changes: Any) -> Tool:
    return Tool("get_weather", "Weather.", changes.pop("parameters", SCHEMA), handler, **changes)


def run(tool: Tool, arguments: str, name: str = "get_weather") -> tuple[Outcome, AuditRing]:
    audit = AuditRing()
    executor = Executor(Registry([tool]), audit, ManualClock())
    return asyncio.run(executor.run(Call("c1", name, arguments, "s1"), Nobody())), audit


def test_a_good_call_is_answered_in_json() -> None:
    outcome, audit = run(weather(), '{"city": "Malmö", "days": 2}')
    assert (outcome.call_id, outcome.ok, outcome.code) == ("c1", True, "")
    assert outcome.output == '{"city": "Malmö", "days": 2}'
    assert [record.tool for record in audit.records] == ["get_weather"]


def test_text_is_answered_as_it_is() -> None:
    async def handler(arguments: Mapping[str, Any], context: ToolContext) -> object:
        return "sunny"

    assert run(weather(handler), '{"city": "x"}')[0].output == "sunny"


REFUSED = [
    ("", "The arguments are not valid JSON: Expecting value at character 0."),
    ('{"city": ', "The arguments are not valid JSON: Expecting value at character 9."),
    ("[]", "The arguments must be a JSON object."),
    ("null", "The arguments must be a JSON object."),
    ("{}", "`city` is required."),
    ('{"city": 5}', "`city` must be a string, not 5."),
    ('{"city": ""}', "`city` must have at least 1 character, not an empty string."),
    ('{"city": null}', "`city` must be a string, not null."),
    ('{"city": "x", "days": "2"}', '`days` must be an integer, not the string "2".'),
    ('{"city": "x", "days": 9}', "`days` must be less than or equal to 7, not 9."),
    ('{"city": "x", "days": true}', "`days` must be an integer, not true."),
    ('{"city": "x", "town": "y"}', "`town` is not an argument of this tool; its arguments are: city, days."),
    ('{"city": 1, "days": 0}', "`city` must be a string, not 1. There is 1 more problem."),
    ('{"city": "x", "city": "y"}', "`city` is given twice."),
    ('{"city": "x", "days": NaN}', "NaN is not a JSON number."),
    ('{"city": ["x"]}', "`city` must be a string, not a list."),
]


@pytest.mark.parametrize(("arguments", "correction"), REFUSED)
def test_the_model_is_told_what_is_wrong_with_its_arguments(arguments: str, correction: str) -> None:
    outcome, _ = run(weather(), arguments)
    assert (outcome.ok, outcome.code, outcome.output) == (False, "arguments_refused", correction)


@pytest.mark.parametrize(
    "arguments", ["[" * 100_000, '{"city": ' * 50_000, "1" * 5000, "x" * 70_000, '{"days": 1e999}']
)
def test_monstrous_arguments_are_refused(arguments: str) -> None:
    outcome, _ = run(weather(), arguments)
    assert outcome.code == "arguments_refused"
    assert len(outcome.output) < 200


def test_nothing_is_repaired_on_the_way_to_the_tool() -> None:
    seen: list[Mapping[str, Any]] = []

    async def handler(arguments: Mapping[str, Any], context: ToolContext) -> object:
        seen.append(arguments)
        return None

    number = {"type": "object", "properties": {"x": {"type": "number"}}}
    run(weather(handler, parameters=number), '{"x": 5}')
    assert seen == [{"x": 5}]
    assert type(seen[0]["x"]) is int


def test_an_unknown_tool() -> None:
    outcome, audit = run(weather(), "{}", name="get_wether")
    assert (outcome.ok, outcome.code) == (False, "tool_error")
    assert outcome.output == "There is no tool named 'get_wether'."
    assert audit.records[0].side_effect == ""


def failing(error: BaseException) -> ToolHandler:
    async def handler(arguments: Mapping[str, Any], context: ToolContext) -> object:
        raise error

    return handler


FAILURES = [
    (ValueError("private words"), "get_weather failed: ValueError."),
    (TimeoutError(), "get_weather failed: TimeoutError."),
    (RecursionError(), "get_weather failed: RecursionError."),
    (SystemExit(3), "get_weather failed: SystemExit."),
    (asyncio.CancelledError(), "get_weather was stopped from inside."),
    (ToolFailed("The weather is out."), "The weather is out."),
]


@pytest.mark.parametrize(("error", "said"), FAILURES)
def test_a_tool_that_fails_is_an_answer(error: BaseException, said: str) -> None:
    outcome, audit = run(weather(failing(error)), '{"city": "x"}')
    assert (outcome.ok, outcome.code, outcome.output) == (False, "tool_failed", said)
    assert audit.records[0].code == "tool_failed"


@pytest.mark.parametrize("result", [object(), {1, 2}, float("nan"), b"bytes"])
def test_what_json_cannot_say_is_a_failure(result: object) -> None:
    async def handler(arguments: Mapping[str, Any], context: ToolContext) -> object:
        return result

    assert run(weather(handler), '{"city": "x"}')[0].code == "tool_failed"


def test_a_result_that_holds_itself_is_a_failure() -> None:
    async def handler(arguments: Mapping[str, Any], context: ToolContext) -> object:
        ring: list[object] = []
        ring.append(ring)
        return ring

    assert run(weather(handler), '{"city": "x"}')[0].code == "tool_failed"


def test_long_outputs_are_cut_and_say_so() -> None:
    async def handler(arguments: Mapping[str, Any], context: ToolContext) -> object:
        return "x" * 500

    outcome, audit = run(weather(handler, output_limit_chars=100), '{"city": "x"}')
    assert outcome.output == "x" * 100 + "… [cut: 500 characters, 100 allowed]"
    assert audit.records[0].output_chars == len(outcome.output)


def test_half_a_surrogate_pair_does_not_reach_a_socket() -> None:
    async def handler(arguments: Mapping[str, Any], context: ToolContext) -> object:
        return "a\ud800b"

    run(weather(handler), '{"city": "x"}')[0].output.encode()


def test_a_slow_tool_is_stopped() -> None:
    stopped: list[bool] = []

    async def handler(arguments: Mapping[str, Any], context: ToolContext) -> object:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.append(True)
        return None

    outcome, _ = run(weather(handler, timeout_s=0.01), '{"city": "x"}')
    assert (outcome.code, outcome.output) == (
        "tool_timeout",
        "get_weather took longer than 0.01 seconds and was stopped.",
    )
    assert stopped == [True]


def test_a_cancelled_call_raises_and_is_recorded() -> None:
    async def scene() -> None:
        started = asyncio.Event()

        async def handler(arguments: Mapping[str, Any], context: ToolContext) -> object:
            started.set()
            await asyncio.sleep(60)
            return None

        audit = AuditRing()
        executor = Executor(Registry([weather(handler)]), audit, SystemClock())
        task = asyncio.create_task(executor.run(Call("c1", "get_weather", '{"city": "x"}'), Nobody()))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [(record.ok, record.code, record.session_id) for record in audit.records] == [(False, "cancelled", "s1")]

    asyncio.run(scene())


def test_secrets_stay_out_of_the_record() -> None:
    schema = {"type": "object", "additionalProperties": True}
    given = {"user": "anna", "password": "p", "nested": [{"apiKey": "k", "pin": 1}], "note": "x" * 400}
    _, audit = run(weather(parameters=schema), json.dumps(given))
    kept = audit.records[0].arguments
    assert kept["user"] == "anna"
    assert kept["password"] == "[redacted]"
    assert kept["nested"] == [{"apiKey": "[redacted]", "pin": "[redacted]"}]
    assert len(kept["note"]) == 201


def test_every_tool_may_let_go_of_a_session_whatever_another_does() -> None:
    ended: list[str] = []

    def ending(error: Exception | None) -> Callable[[str], Awaitable[None]]:
        async def end(session_id: str) -> None:
            ended.append(session_id)
            if error:
                raise error

        return end

    tools = [
        Tool("a", "", {}, echo, end_session=ending(ValueError("no"))),
        Tool("b", "", {}, echo, end_session=ending(None)),
        Tool("c", "", {}, echo),
    ]
    executor = Executor(Registry(tools), AuditRing(), ManualClock())
    asyncio.run(executor.end_session("s1"))
    assert ended == ["s1", "s1"]


@pytest.mark.parametrize("name", ["", "a b", "a.b", "ü", "x" * 65])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        Registry([Tool(name, "", {}, echo)])


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two tools"):
        Registry([weather(), weather()])


def test_the_model_is_told_name_description_and_schema() -> None:
    (told,) = Registry([weather()]).tools_for_model()
    assert (told.name, told.description, told.parameters) == ("get_weather", "Weather.", SCHEMA)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["city", "days", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.one_of(JSON.map(json.dumps), st.text(max_size=80)), st.sampled_from(["get_weather", "nope"]))
def test_any_arguments_get_exactly_one_answer_and_one_record(arguments: str, name: str) -> None:
    outcome, audit = run(weather(), arguments, name)
    assert outcome.call_id == "c1"
    assert outcome.ok == (outcome.code == "")
    assert outcome.output
    assert len(audit.records) == 1
    outcome.output.encode()


def test_the_depth_of_recursion_is_left_as_it_was() -> None:
    before = sys.getrecursionlimit()
    run(weather(), "[" * 100_000)
    assert sys.getrecursionlimit() == before
