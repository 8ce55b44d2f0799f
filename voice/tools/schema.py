"""JSON Schema to a validator, for the part of JSON Schema that tools use.

Built on pydantic's core, which the protocol needs anyway: strict, compiled, and its errors name the place. A keyword
that cannot be enforced is refused when the tool is registered; nothing is ever checked less than the schema says.
Draft 2020-12 keywords: type, properties, required, additionalProperties, items, enum, const, anyOf, oneOf, $ref/$defs,
minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength, pattern, minItems, maxItems.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema
from pydantic_core.core_schema import CoreSchema

from voice.errors import ArgumentsRefused, ConfigError

ANNOTATIONS = {
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
}
NUMBER_LIMITS = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
}
STRING_LIMITS = {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"}
LIST_LIMITS = {"minItems": "min_length", "maxItems": "max_length"}
OBJECT_WORDS = {"properties", "required", "additionalProperties"}
KINDS = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "an integer", float: "a number"}


class ArgumentsSchema:
    """The compiled schema of one tool's arguments."""

    def __init__(self, schema: Mapping[str, Any], *, strict: bool = True) -> None:
        """`strict` refuses arguments that the schema does not name, unless it speaks of `additionalProperties`.

        Raises ConfigError for a schema that is not an object's, or that cannot be enforced.
        """
        if schema.get("type", "object") != "object":
            raise ConfigError("A tool's parameters must be a JSON Schema of type object.")
        top = {"type": "object", **schema}
        if strict:
            top.setdefault("additionalProperties", False)
        try:
            self.names = tuple(schema.get("properties", {}))
            self._validator = SchemaValidator(_Builder(top).build())
        except (SchemaError, TypeError, AttributeError, KeyError, ValueError, RecursionError) as error:
            raise ConfigError(f"The schema cannot be used: {str(error)[:200]}") from error

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Raises ArgumentsRefused with one sentence that names the argument and what was expected."""
        try:
            self._validator.validate_python(arguments)
        except ValidationError as error:
            raise ArgumentsRefused(self._correction(error)) from error

    def _correction(self, error: ValidationError) -> str:
        problems = error.errors(include_url=False)
        first = problems[0]
        where = _path(first["loc"])
        if first["type"] == "missing":
            said = f"{where} is required."
        elif first["type"] == "extra_forbidden":
            known = ", ".join(self.names) or "none"
            said = f"{where} is not an argument of this tool; its arguments are: {known}."
        else:
            expected = _expected(first["msg"])
            said = f"{where} {expected}, not {_describe(first['input'])}."
        more = len(problems) - 1
        return (
            said if not more else f"{said} There {'is 1 more problem' if more == 1 else f'are {more} more problems'}."
        )


class _Builder:
    def __init__(self, top: Mapping[str, Any]) -> None:
        self._top = top
        self._definitions: dict[str, CoreSchema | None] = {}

    def build(self) -> CoreSchema:
        schema = self._of(self._top)
        made = [made for made in self._definitions.values() if made is not None]
        return core_schema.definitions_schema(schema, made) if made else schema

    def _of(self, schema: Mapping[str, Any] | bool) -> CoreSchema:
        if schema is True:
            return core_schema.any_schema()
        if not isinstance(schema, Mapping):
            raise ConfigError(f"The schema cannot be used: {schema!r} is not a schema.")
        if "$ref" in schema:
            return self._reference(schema)
        if "const" in schema:
            return self._literal(schema, [schema["const"]])
        if "enum" in schema:
            return self._literal(schema, list(schema["enum"]))
        for word in ("anyOf", "oneOf"):
            if word in schema:
                self._only(schema, {word, "type"})
                return core_schema.union_schema([self._of(choice) for choice in schema[word]], mode="left_to_right")
        kind = schema.get("type")
        if isinstance(kind, list):
            # A limit of one kind says nothing about the others, so each kind takes the limits that are its own.
            return core_schema.union_schema(
                [self._typed(schema, one, alone=False) for one in kind], mode="left_to_right"
            )
        return self._typed(schema, kind, alone=True)

    def _typed(self, schema: Mapping[str, Any], kind: str | None, *, alone: bool) -> CoreSchema:
        builders: dict[str | None, tuple[set[str], Callable[[Mapping[str, Any]], CoreSchema]]] = {
            "object": (OBJECT_WORDS, self._object),
            "array": ({"items", *LIST_LIMITS}, self._array),
            "string": (set(STRING_LIMITS), lambda s: core_schema.str_schema(strict=True, **_limits(s, STRING_LIMITS))),
            "integer": (set(NUMBER_LIMITS), lambda s: core_schema.int_schema(strict=True, **_limits(s, NUMBER_LIMITS))),
            "number": (
                set(NUMBER_LIMITS),
                lambda s: core_schema.float_schema(strict=True, allow_inf_nan=False, **_limits(s, NUMBER_LIMITS)),
            ),
            "boolean": (set(), lambda _: core_schema.bool_schema(strict=True)),
            "null": (set(), lambda _: core_schema.none_schema()),
            None: (set(), lambda _: core_schema.any_schema()),
        }
        if kind not in builders:
            raise ConfigError(f"The schema cannot be used: {kind!r} is not a JSON type.")
        words, build = builders[kind]
        if alone:
            self._only(schema, words | {"type"})
        return build(schema)

    def _object(self, schema: Mapping[str, Any]) -> CoreSchema:
        required = set(schema.get("required", ()))
        fields = {
            name: core_schema.typed_dict_field(self._of(one), required=name in required)
            for name, one in schema.get("properties", {}).items()
        }
        for name in required - set(fields):
            fields[name] = core_schema.typed_dict_field(core_schema.any_schema(), required=True)
        extra = schema.get("additionalProperties", True)
        if extra is False:
            return core_schema.typed_dict_schema(fields, extra_behavior="forbid")
        return core_schema.typed_dict_schema(fields, extra_behavior="allow", extras_schema=self._of(extra))

    def _array(self, schema: Mapping[str, Any]) -> CoreSchema:
        return core_schema.list_schema(self._of(schema.get("items", True)), strict=True, **_limits(schema, LIST_LIMITS))

    def _literal(self, schema: Mapping[str, Any], values: list[Any]) -> CoreSchema:
        self._only(schema, {"const", "enum", "type"})
        if any(isinstance(value, dict | list) for value in values):
            raise ConfigError("The schema cannot be used: `enum` and `const` may hold plain values only.")
        # None is no literal to pydantic; JSON means the value null.
        choices: list[CoreSchema] = [core_schema.none_schema()] if None in values else []
        if plain := [value for value in values if value is not None]:
            choices.insert(0, core_schema.literal_schema(plain))
        return choices[0] if len(choices) == 1 else core_schema.union_schema([*choices])

    def _reference(self, schema: Mapping[str, Any]) -> CoreSchema:
        self._only(schema, {"$ref"})
        pointer = str(schema["$ref"])
        section, _, name = pointer.removeprefix("#/").partition("/")
        target = self._top.get(section, {}).get(name) if section in {"$defs", "definitions"} else None
        if target is None:
            raise ConfigError(f"The schema cannot be used: {pointer} is not found in it.")
        if pointer not in self._definitions:
            self._definitions[pointer] = None  # known while it is being built, so it may speak of itself
            self._definitions[pointer] = {**self._of(target), "ref": pointer}
        return core_schema.definition_reference_schema(pointer)

    @staticmethod
    def _only(schema: Mapping[str, Any], words: set[str]) -> None:
        if unknown := set(schema) - words - ANNOTATIONS:
            raise ConfigError(f"The schema cannot be used: {', '.join(sorted(unknown))} cannot be enforced here.")


def _limits(schema: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    return {ours: schema[theirs] for theirs, ours in words.items() if theirs in schema}


def _expected(message: str) -> str:
    """pydantic's words in the manner of a correction."""
    message = re.sub(r"^\w+ should", "must", message)
    message = re.sub(r" after validation, not \d+$", "", message)
    return message.replace("a valid integer", "an integer").replace("a valid ", "a ")


def _path(loc: tuple[int | str, ...]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return f"`{path}`"


def _describe(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return f'the string "{value[:40]}{"…" if len(value) > 40 else ""}"' if value else "an empty string"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:.12g}" if isinstance(value, float) else str(value)[:40] if abs(value) < 10**40 else "that much"
    return KINDS.get(type(value), "that")
