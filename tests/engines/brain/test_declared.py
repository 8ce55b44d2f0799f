"""Tools that a client brought along, called without a model."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.engines.brain.test_intents import call, heard, reply, text
from voice.engines.brain.intents import IntentsBrain
from voice.engines.stages import TextDelta
from voice.protocol.items import AssistantMessage, FunctionCall, FunctionCallOutput, Item, OutputAudio
from voice.protocol.settings import FunctionTool

pytest.importorskip("hassil")


def tool(name: str, description: str, required: list[str], **properties: dict[str, Any]) -> FunctionTool:
    parameters = {"type": "object", "properties": properties, "required": required}
    return FunctionTool(name=name, description=description, parameters=parameters)


STRING, INTEGER, BOOLEAN = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
UNIT = {"type": "string", "enum": ["celsius", "fahrenheit"]}
TOOLS = [
    tool("get_weather", "Get the current weather for a city.", ["city"], city=STRING, unit=UNIT),
    tool("set_light", "Switch a light on or off.", ["room", "on"], room=STRING, on=BOOLEAN),
    tool("lookup_order", "Look up the status of an order.", ["order_id"], order_id=STRING),
    tool(
        "book_table",
        "Book a table at a restaurant.",
        ["restaurant", "people"],
        restaurant=STRING,
        people=INTEGER,
        day=STRING,
    ),
    tool("transfer_to_human", "Transfer the caller to a human agent.", []),
    tool("startStopwatch", "Start a stopwatch.", [], minutes=INTEGER),
]


def answer(said: str, choice: str = "auto", tools: list[FunctionTool] = TOOLS) -> tuple[str, Any]:
    """The tool that is called and its arguments, or what is said instead."""
    events = asyncio.run(reply(IntentsBrain(), [heard(said)], tools, choice=choice))
    if isinstance(events[0], TextDelta):
        return "says", text(events)
    _, name, arguments = call(events)
    return name, json.loads(arguments)


CALLS = [
    ("what's the weather in Paris", "get_weather", {"city": "Paris"}),
    ("weather in New York in fahrenheit please", "get_weather", {"city": "New York", "unit": "fahrenheit"}),
    ("will it rain in London tomorrow", "get_weather", {"city": "London"}),
    ("turn on the kitchen light", "set_light", {"room": "kitchen", "on": True}),
    ("switch off the lights in the living room", "set_light", {"room": "living room", "on": False}),
    ("where is my order 12345", "lookup_order", {"order_id": "12345"}),
    (
        "book a table for two people at Luigi's tomorrow",
        "book_table",
        {"restaurant": "Luigi's", "people": 2, "day": "tomorrow"},
    ),
    ("I want to speak to a human", "transfer_to_human", {}),
    ("start a stopwatch for two hours", "startStopwatch", {"minutes": 120}),
]


@pytest.mark.parametrize(("said", "name", "arguments"), CALLS)
def test_the_tool_is_found_and_filled(said: str, name: str, arguments: dict[str, Any]) -> None:
    assert answer(said) == (name, arguments)


@pytest.mark.parametrize(
    "said", ["hello", "thank you", "the birch canoe slid on the smooth planks", "what can you do", "stop"]
)
def test_other_talk_calls_nothing(said: str) -> None:
    assert answer(said)[0] == "says"


def test_what_was_not_said_is_asked_and_the_answer_is_used() -> None:
    question = answer("what's the weather like")
    assert question == ("says", "Which city?")
    items: list[Item] = [
        heard("what's the weather like in fahrenheit"),
        AssistantMessage(content=[OutputAudio(transcript="Which city?")]),
        heard("in Oslo please"),
    ]
    _, name, arguments = call(asyncio.run(reply(IntentsBrain(), items, TOOLS)))
    assert name == "get_weather"
    assert json.loads(arguments) == {"city": "Oslo", "unit": "fahrenheit"}


def test_tool_choice_none_calls_nothing() -> None:
    assert answer("what's the weather in Paris", "none")[0] == "says"


def test_tool_choice_required_calls_whatever_was_said() -> None:
    assert answer("tell me a joke", "required")[0] in {one.name for one in TOOLS}


def test_a_named_tool_is_the_one_that_is_called() -> None:
    assert answer("what's the weather in Paris", "lookup_order")[0] == "lookup_order"


def test_a_clients_tool_of_a_known_name_but_another_shape_gets_its_own_arguments() -> None:
    own = tool("set_timer", "Set a kitchen timer.", ["minutes"], minutes=INTEGER)
    assert answer("set a timer for ten minutes", tools=[own]) == ("set_timer", {"minutes": 10})


@pytest.mark.parametrize(
    "parameters", [None, {}, {"type": "object"}, {"properties": None}, "odd", {"properties": {"a": True}}]
)
def test_odd_schemas_do_not_trip_it(parameters: object) -> None:
    odd = FunctionTool(name="get_weather", description=None, parameters=parameters)
    assert answer("what's the weather in Paris", tools=[odd])[0] in {"get_weather", "says"}


OUTPUTS = [
    ("sunny and 18 degrees", "Sunny and 18 degrees."),
    ('"sunny"', "Sunny."),
    ('{"city": "Paris", "temperature": 18}', "The city is Paris and the temperature is 18."),
    ('{"error": "no such city"}', "That didn't work. No such city."),
    ('{"error": {"message": "no such city"}}', "That didn't work. No such city."),
    ('{"result": "It is sunny"}', "It is sunny."),
    ("[]", "I found nothing."),
    ("{}", "Done."),
    ("null", "Done."),
    ("", "Done."),
    ("true", "Yes."),
    ("12.5", "12.5."),
    ('["rain", "wind"]', "Rain and wind."),
]


@pytest.mark.parametrize(("output", "spoken"), OUTPUTS)
def test_outputs_are_spoken(output: str, spoken: str) -> None:
    items: list[Item] = [
        heard("what's the weather in Paris"),
        FunctionCall(call_id="c1", name="get_weather", arguments='{"city": "Paris"}'),
        FunctionCallOutput(call_id="c1", output=output),
    ]
    assert text(asyncio.run(reply(IntentsBrain(), items, TOOLS))) == spoken


def test_a_long_output_is_cut_at_a_word() -> None:
    items: list[Item] = [
        heard("x"),
        FunctionCall(call_id="c1", name="search", arguments="{}"),
        FunctionCallOutput(call_id="c1", output="word " * 2000),
    ]
    spoken = text(asyncio.run(reply(IntentsBrain(), items, TOOLS)))
    assert len(spoken) <= 601
    assert spoken.endswith("word.")


def test_two_calls_are_both_answered() -> None:
    items: list[Item] = [heard("x")]
    for i, said in enumerate(["first", "second"]):
        items.append(FunctionCall(call_id=f"c{i}", name="search", arguments="{}"))
        items.append(FunctionCallOutput(call_id=f"c{i}", output=said))
    assert text(asyncio.run(reply(IntentsBrain(), items, TOOLS))) == "First. Second."
