"""JSON Schema, checked strictly or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voice.errors import ArgumentsRefused, ConfigError
from voice.tools.schema import ArgumentsSchema


def fits(schema: dict[str, Any], value: Any) -> bool:
    try:
        ArgumentsSchema({"type": "object", "properties": {"v": schema}, "required": ["v"]}).check({"v": value})
    except ArgumentsRefused:
        return False
    return True


TREE = {"$ref": "#/$defs/node"}
ADDRESS = {
    "type": "object",
    "properties": {"street": {"type": "string"}},
    "required": ["street"],
    "additionalProperties": False,
}

TABLE: list[tuple[dict[str, Any], list[Any], list[Any]]] = [
    ({"type": "string", "pattern": "^[a-z]+$"}, ["abc"], ["ABC", 1, None]),
    ({"type": "string", "minLength": 2, "maxLength": 3}, ["ab"], ["a", "abcd"]),
    ({"type": "integer"}, [5, -3, 10**30], ["5", 5.5, True, None]),
    (
        {"type": "number", "exclusiveMinimum": 0, "maximum": 2},
        [0.1, 2, 1],
        [0, 2.1, "1", True, float("inf"), float("nan")],
    ),
    ({"type": "number", "multipleOf": 5}, [10], [11]),
    ({"type": "boolean"}, [True, False], [0, 1, "true", None]),
    ({"type": "null"}, [None], [0, ""]),
    ({"type": ["string", "null"], "minLength": 1}, ["a", None], ["", 5]),
    ({"enum": ["a", 2, None]}, ["a", 2, None], ["b", 3, ""]),
    ({"const": "x"}, ["x"], ["y"]),
    (
        {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
        [[1], [1, 2]],
        [[], [1, 2, 3], ["1"], "1"],
    ),
    ({"type": "array"}, [[], [1, "a", None]], [{}, None]),
    ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, ["a", 1], [1.5, None, []]),
    ({"oneOf": [ADDRESS, {"type": "null"}]}, [{"street": "x"}, None], [{}, {"street": 1}, {"street": "x", "y": 1}]),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, [{}, {"a": 1}], [{"a": "1"}]),
    ({"type": "object"}, [{}, {"a": [1]}], [[], "a"]),
    ({}, [1, "a", None, {}], []),
    (
        {"type": "string", "description": "d", "title": "t", "format": "date", "default": "x", "examples": ["y"]},
        ["z"],
        [1],
    ),
]


@pytest.mark.parametrize(("schema", "good", "bad"), TABLE, ids=lambda value: json.dumps(value, default=str)[:60])
def test_what_fits_and_what_does_not(schema: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not fits(schema, value)] == []
    assert [value for value in bad if fits(schema, value)] == []


def test_a_schema_may_speak_of_itself() -> None:
    node = {"type": "object", "properties": {"next": {"anyOf": [TREE, {"type": "null"}]}, "name": {"type": "string"}}}
    schema = ArgumentsSchema({"type": "object", "properties": {"tree": TREE}, "$defs": {"node": node}})
    schema.check({"tree": {"name": "a", "next": {"name": "b", "next": None}}})
    with pytest.raises(ArgumentsRefused, match="next"):
        schema.check({"tree": {"name": "a", "next": {"name": 5}}})


UNUSABLE: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "object", "properties": {"a": {"type": "string", "not": {}}}},
    {"type": "object", "properties": {"a": {"allOf": []}}},
    {"type": "object", "patternProperties": {}},
    {"type": "object", "properties": {"a": {"type": "date"}}},
    {"type": "object", "properties": {"a": {"type": "string", "pattern": "(?=look)ahead"}}},
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/missing"}}},
    {"type": "object", "properties": {"a": {"$ref": "https://example.org/x"}}},
    {"type": "object", "properties": {"a": {"enum": [{}]}}},
    {"type": "object", "properties": {"a": 5}},
    {"type": "object", "properties": {"a": {"type": "integer", "pattern": "x"}}},
]


@pytest.mark.parametrize("schema", UNUSABLE, ids=lambda schema: json.dumps(schema)[-40:])
def test_what_cannot_be_enforced_is_refused_and_never_ignored(schema: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        ArgumentsSchema(schema)


def test_a_place_deep_inside_is_named() -> None:
    points = {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "integer"}}}}
    schema = ArgumentsSchema({"properties": {"points": points}})
    with pytest.raises(ArgumentsRefused, match=r"`points\[1\]\.x` must be an integer, not the string"):
        schema.check({"points": [{"x": 1}, {"x": "2"}]})


def test_arguments_without_a_name_in_the_schema_may_be_allowed() -> None:
    ArgumentsSchema({}, strict=False).check({"anything": 1})
    ArgumentsSchema({"additionalProperties": True}).check({"anything": 1})
    with pytest.raises(ArgumentsRefused, match="its arguments are: none"):
        ArgumentsSchema({}).check({"anything": 1})


def refusal(act: Callable[[], object]) -> str | None:
    try:
        act()
    except (ArgumentsRefused, ConfigError) as error:
        return error.model
    return None


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.sampled_from([schema for schema, *_ in TABLE]), ANY)
def test_any_json_fits_or_is_refused_with_a_sentence(schema: dict[str, Any], value: Any) -> None:
    said = refusal(lambda: ArgumentsSchema({"properties": {"v": schema}}).check({"v": value}))
    assert said is None or said.startswith("`v")
    assert len(said or "") < 400


WORDS = [
    "type",
    "properties",
    "items",
    "enum",
    "required",
    "minimum",
    "anyOf",
    "$ref",
    "pattern",
    "additionalProperties",
    "const",
]


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(WORDS), ANY | st.dictionaries(st.sampled_from(WORDS), ANY, max_size=3), max_size=4)
)
def test_any_schema_compiles_or_is_refused(schema: dict[str, Any]) -> None:
    assert refusal(lambda: ArgumentsSchema(schema)) != ""
