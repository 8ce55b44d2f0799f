"""Bytes to events and back.

Control events are validated by the one model that their `type` names. The two audio events, fifty a second and
direction, have a way of their own (`append_payload`, `audio_delta`, `encode_append`, `encode_audio_delta`) that builds
no model; it answers None whenever it is not certain, and then `decode_…_event` decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from voice.errors import ProtocolError
from voice.protocol.base64 import is_base64
from voice.protocol.client_events import CLIENT_EVENTS, MAX_APPEND_BYTES, ClientEvent
from voice.protocol.refusal import refusal
from voice.protocol.server_events import SERVER_EVENTS, ServerEvent
from voice.protocol.wire import TOLERANT, Wire

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


def build_models() -> None:
    """Build what decodes and encodes every event. Without it each model is built when it is first used, which
    makes the first `session.update` of a process tens of milliseconds slower than the second."""
    models: list[type[Wire]] = [Wire]
    while models:
        model = models.pop()
        model.model_rebuild()
        models += model.__subclasses__()


def decode_client_event(data: bytes | str) -> ClientEvent:
    """What a client said. Raises ProtocolError with the fields of the `error` event that answers it."""
    data = _bytes(data)
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


def _searched_client_type(data: bytes) -> str:
    raw = _object(data)
    if raw is None:
        raise ProtocolError("The message is not a JSON object.", code="invalid_json")
    name = raw.get("type")
    if not isinstance(name, str):
        raise ProtocolError("The event has no type.", code="invalid_event", param="type", event_id=_event_id(raw))
    return name


def decode_server_event(data: bytes | str) -> ServerEvent | Unknown:
    """What a server said. Never raises: what we do not know, or cannot make sense of, is an Unknown."""
    data = _bytes(data)
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


def _unknown(name: str, data: bytes, problem: str) -> Unknown:
    raw = _object(data)
    return Unknown("", {}, "not a JSON object") if raw is None else Unknown(name, raw, problem)


def _problem(error: ErrorDetails) -> str:
    return f"{'.'.join(str(part) for part in error['loc'])}: {error['type']}"


def encode_event(event: ClientEvent | ServerEvent | Unknown) -> bytes:
    """JSON text of an event, in UTF-8. What nobody set is left out, unless the wire wants it as `null`."""
    if isinstance(event, Unknown):
        return to_json(event.raw)
    return event.__pydantic_serializer__.to_json(event, exclude_unset=True, warnings=False)


def _bytes(data: bytes | str) -> bytes:
    # A lone surrogate becomes bytes that no JSON reader takes, which is the answer it deserves.
    return data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data


def _type_of(data: bytes) -> str | None:
    """The `type` of an object that begins with it (or with `event_id` before it); None: look closer."""
    found = _LEADING_TYPE.match(data)
    return None if found is None else found[1].decode("ascii")


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        raw = from_json(data)
    except ValueError:
        return None
    return cast("dict[str, Any]", raw) if isinstance(raw, dict) else None


def _event_id(raw: dict[str, Any] | None) -> str | None:
    event_id = raw.get("event_id") if raw else None
    return event_id if isinstance(event_id, str) else None


# Audio

_APPEND_HEADS = (
    b'{"type":"input_audio_buffer.append","audio":"',
    b'{"type": "input_audio_buffer.append", "audio": "',
)


class AudioDeltaSlice(NamedTuple):
    """A `response.output_audio.delta` with its sound still in base64."""

    response_id: str
    item_id: str
    output_index: int
    content_index: int
    base64: bytes


def append_payload(data: bytes) -> bytes | None:
    """Base64 of an `input_audio_buffer.append`, alphabet and padding checked; None: let decode_client_event look."""
    for head in _APPEND_HEADS:
        if data.startswith(head) and data.endswith(b'"}'):
            # Base64 has no quote, so if it is base64 up to the end then nothing else can be in between.
            base64 = data[len(head) : -2]
            return base64 if len(base64) <= MAX_APPEND_BYTES and is_base64(base64) else None
    if b'"input_audio_buffer.append"' not in data:
        return None
    event = _object(data)
    if event is None or event.get("type") != "input_audio_buffer.append" or not _is_text(event.get("event_id", "")):
        return None
    audio = _ascii(event.get("audio"))
    return audio if audio is not None and len(audio) <= MAX_APPEND_BYTES and is_base64(audio) else None


def audio_delta(data: bytes) -> AudioDeltaSlice | None:
    """Ids and base64 of a `response.output_audio.delta`; None when it is something else or needs a closer look.

    The text is printable ASCII that can stand between quotes; that it is base64 is found out by
    `AudioFrame.data`, if anybody opens it.
    """
    if b'"response.output_audio.delta"' not in data or b"\\" in data:
        return None
    event = _object(data)
    if event is None or event.get("type") != "response.output_audio.delta" or not _is_text(event.get("event_id", "")):
        return None
    response_id, item_id = event.get("response_id"), event.get("item_id")
    output_index, content_index = event.get("output_index"), event.get("content_index")
    base64 = _ascii(event.get("delta"))
    if (
        type(response_id) is str
        and type(item_id) is str
        and type(output_index) is int
        and type(content_index) is int
        and base64 is not None
    ):
        return AudioDeltaSlice(response_id, item_id, output_index, content_index, base64)
    return None


def _is_text(value: Any) -> bool:
    return type(value) is str


def _ascii(value: Any) -> bytes | None:
    return value.encode("ascii") if type(value) is str and value.isascii() else None


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
