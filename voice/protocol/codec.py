"""Bytes to events and back.

Control events are validated by the one model that their `type` names. The two audio events have a way of their own
(`append_payload`, `audio_delta`, `encode_append`, `encode_audio_delta`) that cuts the base64 out and puts it in
without looking at it as JSON; it answers None whenever the surroundings do not prove that the cut is right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from voice.errors import ProtocolError
from voice.protocol.base64 import is_base64
from voice.protocol.client_events import CLIENT_EVENTS, MAX_APPEND_BYTES, ClientEvent
from voice.protocol.refusal import refusal
from voice.protocol.server_events import SERVER_EVENTS, ServerEvent
from voice.protocol.wire import TOLERANT

_LEADING_TYPE = re.compile(
    rb'[ \t\r\n]*\{[ \t\r\n]*(?:"event_id"[ \t\r\n]*:[ \t\r\n]*"[^"\\]*"[ \t\r\n]*,[ \t\r\n]*)?'
    rb'"type"[ \t\r\n]*:[ \t\r\n]*"([a-z_.]+)"'
)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something a server said that is not, or does not look like, an event we know.

    `raw` is the whole object (empty when it was not a JSON object); `problem` says in a few words, without any
    of the content, what did not fit.
    """

    type: str
    raw: dict[str, Any]
    problem: str


def decode_client_event(data: bytes | str) -> ClientEvent:
    """What a client said. Raises ProtocolError with the fields of the `error` event that answers it."""
    name = _type_of(data) or _searched_client_type(data)
    model = CLIENT_EVENTS.get(name)
    if model is None:
        raise ProtocolError(
            "The event type is not known.", code="invalid_value", param="type", event_id=_event_id(_object(data))
        )
    try:
        return cast(ClientEvent, model.__pydantic_validator__.validate_json(data))
    except ValidationError as error:
        raise refusal(error, _object(data)) from None


def _searched_client_type(data: bytes | str) -> str:
    raw = _object(data)
    if raw is None:
        raise ProtocolError("The message is not a JSON object.", code="invalid_json")
    name = raw.get("type")
    if not isinstance(name, str):
        raise ProtocolError("The event has no type.", code="invalid_event", param="type", event_id=_event_id(raw))
    return name


def decode_server_event(data: bytes | str) -> ServerEvent | Unknown:
    """What a server said. Never raises: what we do not know, or cannot make sense of, is an Unknown."""
    name = _type_of(data)
    if name is None:
        raw = _object(data)
        if raw is None:
            return Unknown("", {}, "not a JSON object")
        name = raw.get("type")
        if not isinstance(name, str):
            return Unknown("", raw, "no type")
    model = SERVER_EVENTS.get(name)
    if model is None:
        return _unknown(name, data, "unknown type")
    try:
        return cast(ServerEvent, model.__pydantic_validator__.validate_json(data, context=TOLERANT))
    except ValidationError as error:
        return _unknown(name, data, _problem(error.errors(include_url=False, include_input=False)[0]))


def _unknown(name: str, data: bytes | str, problem: str) -> Unknown:
    raw = _object(data)
    return Unknown("", {}, "not a JSON object") if raw is None else Unknown(name, raw, problem)


def _problem(error: ErrorDetails) -> str:
    return f"{'.'.join(str(part) for part in error['loc'])}: {error['type']}"


def encode_event(event: ClientEvent | ServerEvent | Unknown) -> bytes:
    """JSON text of an event, in UTF-8. What nobody set is left out, unless the wire wants it as `null`."""
    if isinstance(event, Unknown):
        return to_json(event.raw)
    return event.__pydantic_serializer__.to_json(event, exclude_unset=True, warnings=False)


def _type_of(data: bytes | str) -> str | None:
    """The `type` of an object that begins with it (or with `event_id` before it); None: look closer."""
    start = data[:200].encode("utf-8", "replace") if isinstance(data, str) else data
    found = _LEADING_TYPE.match(start)
    return None if found is None else found[1].decode("ascii")


def _object(data: bytes | str) -> dict[str, Any] | None:
    try:
        raw = from_json(data)
    except ValueError:
        return None
    return cast("dict[str, Any]", raw) if isinstance(raw, dict) else None


def _event_id(raw: dict[str, Any] | None) -> str | None:
    event_id = raw.get("event_id") if raw else None
    return event_id if isinstance(event_id, str) else None


# Audio


@dataclass(frozen=True, slots=True)
class AudioDeltaSlice:
    """A `response.output_audio.delta` with its sound still in base64."""

    response_id: str
    item_id: str
    output_index: int
    content_index: int
    base64: bytes


@dataclass(frozen=True, slots=True)
class _Cut:
    """A message in two: the base64 between the quotes of one member, and the small JSON text around it."""

    base64: bytes
    rest: bytes


_APPEND_RESTS = frozenset(
    {
        b'{"type":"input_audio_buffer.append","audio":""}',
        b'{"type": "input_audio_buffer.append", "audio": ""}',
        b'{"audio":"","type":"input_audio_buffer.append"}',
        b'{"audio": "", "type": "input_audio_buffer.append"}',
    }
)
_VALUE = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*"')


def append_payload(data: bytes) -> bytes | None:
    """Base64 of an `input_audio_buffer.append`; None when it is something else or has to be looked at closely."""
    cut = _cut(data, b'"audio"')
    if cut is None or len(cut.base64) > MAX_APPEND_BYTES:
        return None
    if cut.rest in _APPEND_RESTS:
        return cut.base64
    around = _object(cut.rest)
    if around is None or around.get("type") != "input_audio_buffer.append" or "audio" not in around:
        return None
    event_id = around.get("event_id")
    return cut.base64 if event_id is None or isinstance(event_id, str) else None


def audio_delta(data: bytes) -> AudioDeltaSlice | None:
    """Ids and base64 of a `response.output_audio.delta`; None when it is something else or needs a closer look."""
    if b'"response.output_audio.delta"' not in data[:4096] and b'"response.output_audio.delta"' not in data[-4096:]:
        return None
    cut = _cut(data, b'"delta"')
    around = _object(cut.rest) if cut else None
    if cut is None or around is None or around.get("type") != "response.output_audio.delta" or "delta" not in around:
        return None
    response_id, item_id = around.get("response_id"), around.get("item_id")
    output_index, content_index = around.get("output_index"), around.get("content_index")
    if (
        type(response_id) is str
        and type(item_id) is str
        and type(output_index) is int
        and type(content_index) is int
        and type(around.get("event_id", "")) is str
    ):
        return AudioDeltaSlice(response_id, item_id, output_index, content_index, cut.base64)
    return None


def _cut(data: bytes, key: bytes) -> _Cut | None:
    """Cut out the text value of the member `key` (quotes included); None unless it is base64 and the cut is safe.

    Safe: outside the base64 there is no backslash, so a quote always begins or ends a string, and the key occurs
    once, so whoever finds it at the top level of `rest` knows that it is the one that was cut.
    """
    at = data.find(key)
    value = _VALUE.match(data, at + len(key)) if at >= 0 else None
    if value is None:
        return None
    start = value.end()
    end = data.find(b'"', start)
    if end < 0:
        return None
    base64 = data[start:end]
    rest = data[:start] + data[end:]
    if b"\\" in rest or rest.count(key) != 1 or not is_base64(base64):
        return None
    return _Cut(base64, rest)


def encode_append(base64: bytes) -> bytes:
    """An `input_audio_buffer.append` around base64 text, which is not looked at."""
    return b'{"type":"input_audio_buffer.append","audio":"' + base64 + b'"}'


def encode_audio_delta(
    event_id: str, response_id: str, item_id: str, output_index: int, content_index: int, base64: bytes
) -> bytes:
    """A `response.output_audio.delta` around base64 text, which is not looked at."""
    return (
        b'{"type":"response.output_audio.delta","event_id":%b,"response_id":%b,"item_id":%b,'
        b'"output_index":%d,"content_index":%d,"delta":"%b"}'
        % (to_json(event_id), to_json(response_id), to_json(item_id), output_index, content_index, base64)
    )
