"""Bytes to events: control events both ways, and the short way that audio takes."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.protocol.instances import instances, json_values
from voice.errors import ProtocolError
from voice.protocol.client_events import CLIENT_EVENTS, ResponseCancel
from voice.protocol.codec import (
    Unknown,
    decode_client_event,
    decode_server_event,
    encode_event,
)
from voice.protocol.items import UnknownItem, UnknownPart, UserMessage
from voice.protocol.server_events import (
    SERVER_EVENTS,
    ConversationItemAdded,
    InputAudioBufferSpeechStarted,
    ResponseDone,
    SessionCreated,
)
from voice.protocol.settings import Session, UnknownSetting, UnknownTool

thorough = settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def any_of(kinds: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(sorted(kinds)).flatmap(lambda name: instances(kinds[name]))


# Control events


@thorough
@given(any_of(SERVER_EVENTS))
def test_a_server_event_comes_back(event: Any) -> None:
    written = encode_event(event)
    assert decode_server_event(written) == event
    assert encode_event(decode_server_event(written)) == written


@thorough
@given(any_of(CLIENT_EVENTS))
def test_a_client_event_comes_back(event: Any) -> None:
    written = encode_event(event)
    assert decode_client_event(written) == event
    assert encode_event(decode_client_event(written.decode())) == written


@thorough
@given(any_of(CLIENT_EVENTS), st.permutations(range(6)), st.sampled_from([None, 2, 0]))
def test_the_order_of_members_and_the_white_space_do_not_matter(
    event: Any, order: list[int], indent: int | None
) -> None:
    members = list(json.loads(encode_event(event)).items())
    shuffled = dict(sorted(members, key=lambda member: order[members.index(member) % len(order)]))
    assert decode_client_event(" \n" + json.dumps(shuffled, indent=indent) + "\t") == event


def test_what_nobody_set_is_left_out() -> None:
    assert encode_event(ResponseCancel()) == b'{"type":"response.cancel"}'
    assert encode_event(ResponseCancel(event_id="e1")) == b'{"event_id":"e1","type":"response.cancel"}'


def test_fields_we_do_not_know_ride_along() -> None:
    heard = decode_server_event(
        '{"type":"session.created","event_id":"e","later":[1],"session":{"id":"s","new":{"a":1}}}'
    )
    assert isinstance(heard, SessionCreated)
    written = json.loads(encode_event(heard))
    assert written["later"] == [1]
    assert written["session"]["new"] == {"a": 1}


def test_a_nested_type_is_not_the_type() -> None:
    """The outer `type` comes late; an inner one is met first."""
    event = decode_client_event(
        '{"response":{"tool_choice":{"type":"function","name":"f"},"metadata":{"type":"x"}},"type":"response.create"}'
    )
    assert event.type == "response.create"
    with pytest.raises(ProtocolError) as refused:
        decode_client_event('{"item":{"type":"response.cancel"}}')
    assert refused.value.code == "invalid_event"


def test_the_last_of_two_types_counts() -> None:
    with pytest.raises(ProtocolError):
        decode_client_event('{"type":"response.cancel","type":"response.create"}')


# What a client may not say

REFUSED: list[tuple[bytes | str, str, str | None, str | None]] = [
    (b"", "invalid_json", None, None),
    (b"{", "invalid_json", None, None),
    (b"[]", "invalid_json", None, None),
    (b'"text"', "invalid_json", None, None),
    (b"null", "invalid_json", None, None),
    (b"\xff\xfe", "invalid_json", None, None),
    ("\ud800", "invalid_json", None, None),
    (b'{"type":"response.cancel"', "invalid_json", None, None),
    (b'{"type":"response.cancel"} {}', "invalid_json", None, None),
    (b'{"type":"response.cancel","event_id":"\xff"}', "invalid_json", None, None),
    (b"[" * 100_000, "invalid_json", None, None),
    (b'{"type":"response.cancel","x":' + b"[" * 100_000, "invalid_json", None, None),
    (b"{}", "invalid_event", "type", None),
    (b'{"type":null,"event_id":"e1"}', "invalid_event", "type", "e1"),
    (b'{"type":5}', "invalid_event", "type", None),
    (b'{"type":"session.created","event_id":"e1"}', "invalid_value", "type", "e1"),
    (b'{"type":"","event_id":7}', "invalid_value", "type", None),
    (b'{"type":"response.cancel","event_id":7}', "invalid_type", "event_id", None),
    (b'{"event_id":"e1","type":"session.update"}', "missing_required_parameter", "session", "e1"),
]


@pytest.mark.parametrize(("data", "code", "param", "event_id"), REFUSED)
def test_a_client_is_refused(data: bytes | str, code: str, param: str | None, event_id: str | None) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode_client_event(data)
    error = refused.value
    assert (error.code, error.param, error.event_id) == (code, param, event_id)
    assert error.message.endswith(".")
    assert "\n" not in error.message


@thorough
@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_rubbish_is_a_protocol_error_and_nothing_else(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_client_event(data)


@thorough
@given(any_of(CLIENT_EVENTS), st.data())
def test_a_damaged_event_is_an_event_or_a_protocol_error(event: Any, data: st.DataObject) -> None:
    written = bytearray(encode_event(event))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(written) - 1))
        written[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ProtocolError):
        decode_client_event(bytes(written))


# What a server may say, and we cope

TRUNCATED = "conversation.item.truncated"


@pytest.mark.parametrize(
    ("data", "type", "problem"),
    [
        ("nonsense", "", "not a JSON object"),
        ("[1]", "", "not a JSON object"),
        ('{"type":"session.created","session":{', "", "not a JSON object"),
        ("{}", "", "no type"),
        ('{"type":"response.dreamed","x":1}', "response.dreamed", "unknown type"),
        (
            '{"type":"input_audio_buffer.speech_started","audio_start_ms":1e999}',
            "input_audio_buffer.speech_started",
            None,
        ),
        ('{"type":"input_audio_buffer.speech_started","item_id":"i"}', "input_audio_buffer.speech_started", None),
        ('{"type":"response.done","response":7}', "response.done", None),
    ],
)
def test_what_a_server_says_in_vain_is_kept(data: str, type: str, problem: str | None) -> None:
    heard = decode_server_event(data)
    assert isinstance(heard, Unknown)
    assert heard.type == type
    assert heard.problem == problem if problem else heard.problem
    if heard.raw:
        assert json.loads(encode_event(heard)) == heard.raw


@thorough
@given(any_of(SERVER_EVENTS), st.data())
def test_a_damaged_server_event_never_raises(event: Any, data: st.DataObject) -> None:
    written = bytearray(encode_event(event))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(written) - 1))
        written[at] = data.draw(st.integers(0, 255))
    encode_event(decode_server_event(bytes(written)))


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here] * bool(here) + [path for key, one in inside for path in paths(one, (*here, key))]


@thorough
@given(any_of(SERVER_EVENTS), st.data())
def test_a_server_event_with_one_strange_value_survives_whole(event: Any, data: st.DataObject) -> None:
    """Whatever we made of it, what we pass on is what was said, but for nulls and fractions that were put right."""
    said = json.loads(encode_event(event))
    *way, last = data.draw(st.sampled_from([path for path in paths(said) if path != ("type",)]))
    holder = said
    for step in way:
        holder = holder[step]
    holder[last] = "strange"
    heard = decode_server_event(json.dumps(said))
    assert json.loads(encode_event(heard)) == said


def test_an_item_of_an_unknown_kind_is_kept() -> None:
    item = {"type": "hologram", "id": "item_1", "shape": {"x": 1}}
    heard = decode_server_event(json.dumps({"type": "conversation.item.added", "event_id": "e", "item": item}))
    assert isinstance(heard, ConversationItemAdded)
    assert isinstance(heard.item, UnknownItem)
    assert heard.item.id == "item_1"
    assert json.loads(encode_event(heard))["item"] == item


def test_an_item_that_lacks_something_is_kept() -> None:
    item = {"type": "function_call", "id": "item_1", "name": "f"}
    heard = decode_server_event(json.dumps({"type": "conversation.item.added", "event_id": "e", "item": item}))
    assert isinstance(heard, ConversationItemAdded)
    assert type(heard.item) is UnknownItem


def test_a_part_of_an_unknown_kind_does_not_cost_us_the_message() -> None:
    item = {"type": "message", "role": "user", "id": "i", "content": [{"type": "audio", "format": "pcm16"}]}
    heard = decode_server_event(json.dumps({"type": "conversation.item.added", "event_id": "e", "item": item}))
    assert isinstance(heard, ConversationItemAdded)
    assert isinstance(heard.item, UserMessage)
    assert isinstance(heard.item.content[0], UnknownPart)


def test_settings_outside_our_vocabulary_are_kept() -> None:
    session = {
        "model": "m",
        "audio": {"input": {"format": {"type": "audio/opus"}, "turn_detection": {"type": "mind_reading"}}},
        "tools": [{"type": "web_search"}],
        "reasoning": {"effort": "none"},
        "max_output_tokens": 32_000,
        "output_modalities": ["text", "audio"],
        "tool_choice": {"type": "web_search"},
        "tracing": 5,
    }
    heard = decode_server_event(json.dumps({"type": "session.created", "event_id": "e", "session": session}))
    assert isinstance(heard, SessionCreated)
    assert isinstance(heard.session, Session)
    assert heard.session.audio is not None
    assert heard.session.audio.input is not None
    assert isinstance(heard.session.audio.input.format, UnknownSetting)
    assert isinstance((heard.session.tools or [])[0], UnknownTool)
    assert json.loads(encode_event(heard))["session"] == {"type": "realtime", **session}


def test_fractions_of_a_millisecond_are_rounded() -> None:
    heard = decode_server_event('{"type":"input_audio_buffer.speech_started","audio_start_ms":119.6,"item_id":"i"}')
    assert heard == InputAudioBufferSpeechStarted(audio_start_ms=120, item_id="i")


def test_nulls_where_a_value_belongs_are_the_default() -> None:
    heard = decode_server_event('{"type":"response.done","response":{"id":"r","status":"completed","output":null}}')
    assert isinstance(heard, ResponseDone)
    assert heard.response.output == []
