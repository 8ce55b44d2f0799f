"""Hypothesis strategies that read pydantic models, ours or the official package's, and make instances of them."""

from __future__ import annotations

import base64
import types
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from voice.protocol.items import AnyItem
from voice.protocol.wire import OneOf, Wire

Values = st.SearchStrategy[Any]

texts = st.text(st.characters(codec="utf-8"), max_size=12)
names = st.text("abcdefghijklmnop_0123456789", min_size=1, max_size=10)
integers = st.integers(0, 2**40)
numbers = st.floats(0, 1e6, allow_nan=False) | st.integers(0, 1000).map(float)
sounds = st.binary(max_size=32).map(lambda raw: base64.b64encode(raw).decode())
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)
json_objects = st.dictionaries(names, json_values, max_size=3)
text_parts = st.fixed_dictionaries({"type": st.just("input_text"), "text": texts})
sound_parts = st.fixed_dictionaries(
    {"type": st.just("input_audio"), "audio": sounds}, optional={"transcript": texts | st.none()}
)
images = st.fixed_dictionaries(
    {"type": st.just("input_image"), "image_url": st.just("data:image/png;base64,AAAA")},
    optional={"detail": st.sampled_from(["auto", "low", "high"])},
)
said_parts = st.fixed_dictionaries({"type": st.just("output_text"), "text": texts}) | st.fixed_dictionaries(
    {"type": st.just("output_audio")}, optional={"transcript": texts, "audio": sounds}
)

# What the annotation alone does not say, or says differently on the two sides. Keyed by field name.
BY_NAME: dict[str, Values] = {
    "threshold": st.floats(0, 1),
    "retention_ratio": st.floats(0, 1),
    "speed": st.floats(0.25, 1.5),
    "idle_timeout_ms": st.integers(5_000, 30_000),
    "max_output_tokens": st.integers(1, 4096) | st.just("inf"),
    "output_modalities": st.sampled_from([["audio"], ["text"]]),
    "variables": st.dictionaries(names, texts, max_size=2),
    "connector_id": st.sampled_from(["connector_dropbox", "connector_gmail"]),
    "parameters": json_objects,
    "input_schema": json_objects,
    "id": names,
}
BY_MODEL_AND_NAME: dict[tuple[str, str], Values] = {
    ("InputAudioBufferAppend", "audio"): sounds,
    ("InputAudioBufferAppendEvent", "audio"): sounds,
    ("ResponseOutputAudioDelta", "delta"): sounds,
    ("ResponseAudioDeltaEvent", "delta"): sounds,
    # The official response object knows voices by name only.
    ("Response", "audio"): st.just({"output": {"voice": "marin", "format": {"type": "audio/pcm", "rate": 24000}}}),
    ("RealtimeConversationItemSystemMessage", "content"): st.lists(text_parts, max_size=2),
    ("RealtimeConversationItemUserMessage", "content"): st.lists(text_parts | sound_parts | images, max_size=3),
    ("RealtimeConversationItemAssistantMessage", "content"): st.lists(said_parts, max_size=2),
    # The official model of `response.create` knows no references.
    ("ResponseParams", "input"): st.deferred(lambda: st.lists(_values(AnyItem), max_size=2)),
    ("ResponseParams", "metadata"): st.dictionaries(names, texts, max_size=16),
    ("RealtimeResponseCreateParams", "metadata"): st.dictionaries(names, texts, max_size=16),
    ("Response", "metadata"): st.dictionaries(names, texts, max_size=16),
}
ALWAYS_SET = {"id", "type", "role", "object", "event_id"}
# The official types make these optional; they are not.
NEEDED_BY_US = {("RealtimeFunctionTool", "name")}


@cache
def instances(model: type[BaseModel]) -> Values:
    """Instances of one model: required fields always, optional ones sometimes, as null sometimes."""
    return _fields(model).map(model.model_validate)


def _fields(model: type[BaseModel]) -> Values:
    required: dict[str, Values] = {}
    optional: dict[str, Values] = {}
    for name, field in model.model_fields.items():
        known = BY_MODEL_AND_NAME.get((model.__name__, name), BY_NAME.get(name))
        values = _values(_annotated(field)) if known is None else known
        if field.is_required() or name in ALWAYS_SET or (model.__name__, name) in NEEDED_BY_US:
            required[name] = values.filter(lambda value: value is not None)
        else:
            optional[name] = values | _null(field)
    return st.fixed_dictionaries(required, optional=optional)


def _null(field: FieldInfo) -> Values:
    return st.none() if field.default is None and field.default_factory is None else st.nothing()


def _annotated(field: FieldInfo) -> Any:
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def _values(annotation: Any) -> Values:
    """Anything that this annotation allows."""
    origin = get_origin(annotation)
    maker: Callable[[Any], Values] | None = _BY_ORIGIN.get(origin)
    if maker is not None:
        return maker(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return st.deferred(lambda: instances(annotation))
    return _BY_TYPE[annotation]


def _annotated_values(annotation: Any) -> Values:
    inner, *marks = get_args(annotation)
    for mark in marks:
        if isinstance(mark, OneOf):
            return st.one_of([instances(kind) for kind in mark.models if kind is not mark.unknown])
    return _values(inner)


def _union(annotation: Any) -> Values:
    kinds = [one for one in get_args(annotation) if not _is_unknown(one)]
    return st.one_of([_values(one) for one in kinds])


def _is_unknown(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Wire) and kind.__name__.startswith("Unknown")


def _list(annotation: Any) -> Values:
    return st.lists(_values(get_args(annotation)[0]), max_size=2)


def _dict(annotation: Any) -> Values:
    key, value = get_args(annotation)
    return st.dictionaries(names if key is str else _values(key), _values(value), max_size=2)


_BY_ORIGIN: dict[Any, Callable[[Any], Values]] = {
    Annotated: _annotated_values,
    Union: _union,
    types.UnionType: _union,
    Literal: lambda annotation: st.sampled_from(get_args(annotation)),
    list: _list,
    dict: _dict,
}
_BY_TYPE: dict[Any, Values] = {
    str: texts,
    int: integers,
    float: numbers,
    bool: st.booleans(),
    type(None): st.none(),
    Any: json_values,
    object: json_objects,
}
