"""The short way that audio takes through the codec: never wrong, and long where it is not certain."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.protocol.instances import instances, json_values, names, sounds, texts
from voice.errors import ProtocolError
from voice.protocol.client_events import MAX_APPEND_BYTES, InputAudioBufferAppend
from voice.protocol.codec import (
    AudioDeltaSlice,
    append_payload,
    audio_delta,
    decode_client_event,
    decode_server_event,
    encode_append,
    encode_audio_delta,
    encode_event,
)
from voice.protocol.server_events import ResponseOutputAudioDelta

thorough = settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
SOUND = base64.b64encode(bytes(range(48)))


members = st.dictionaries(names | st.sampled_from(["audio", "delta", "event_id", "item_id"]), json_values, max_size=3)
lookalikes = st.sampled_from(
    [
        "audio",
        'audio":"AAAA',
        '"audio"',
        "\\",
        "input_audio_buffer.append",
        "response.output_audio.delta",
        '{"audio":"AAAA"}',
    ]
)
layouts = st.sampled_from([(", ", ": "), (",", ":"), (" ,\n", " :\t")])


def written_as(members: list[tuple[str, Any]], layout: tuple[str, str], ascii: bool) -> bytes:
    return json.dumps(dict(members), separators=layout, ensure_ascii=ascii).encode()


@thorough
@given(
    st.sampled_from(["input_audio_buffer.append", "response.cancel", "audio"]),
    sounds | texts | lookalikes,
    members,
    st.randoms(use_true_random=False),
    layouts,
    st.booleans(),
)
def test_an_append_the_short_way_is_what_the_long_way_says(
    type: str, audio: str, more: dict[str, Any], random: Any, layout: tuple[str, str], ascii: bool
) -> None:
    event = [*more.items(), ("type", type), ("audio", audio)]
    random.shuffle(event)
    data = written_as(event, layout, ascii)
    short = append_payload(data)
    try:
        long: Any = decode_client_event(data)
    except ProtocolError:
        long = None
    if short is not None:
        assert isinstance(long, InputAudioBufferAppend)
        assert long.audio.encode() == short


@thorough
@given(sounds, st.none() | names, st.booleans(), layouts)
def test_an_honest_append_goes_the_short_way(
    audio: str, event_id: str | None, type_first: bool, layout: tuple[str, str]
) -> None:
    event: list[tuple[str, Any]] = [("type", "input_audio_buffer.append"), ("audio", audio)]
    event = [("event_id", event_id)] * bool(event_id) + (event if type_first else event[::-1])
    assert append_payload(written_as(event, layout, True)) == audio.encode()


@thorough
@given(instances(ResponseOutputAudioDelta), members, st.randoms(use_true_random=False), layouts)
def test_a_delta_the_short_way_is_what_the_long_way_says(
    event: ResponseOutputAudioDelta, more: dict[str, Any], random: Any, layout: tuple[str, str]
) -> None:
    members = [*(event.model_dump() | more).items()]
    random.shuffle(members)
    data = written_as(members, layout, False)
    short, long = audio_delta(data), decode_server_event(data)
    if short is not None:
        assert isinstance(long, ResponseOutputAudioDelta)
        assert short == (
            long.response_id, long.item_id, long.output_index, long.content_index, long.delta.encode()
        )  # fmt: skip


@thorough
@given(names, names, names, st.integers(0, 9), st.integers(0, 9), sounds)
def test_an_honest_delta_goes_the_short_way(
    event_id: str, response_id: str, item_id: str, output_index: int, content_index: int, audio: str
) -> None:
    data = encode_audio_delta(event_id, response_id, item_id, output_index, content_index, audio.encode())
    assert audio_delta(data) == AudioDeltaSlice(response_id, item_id, output_index, content_index, audio.encode())
    assert audio_delta(json.dumps(json.loads(data), indent=1).encode()) == audio_delta(data)


@thorough
@given(instances(ResponseOutputAudioDelta))
def test_a_delta_is_written_as_its_event_is(event: ResponseOutputAudioDelta) -> None:
    data = encode_audio_delta(
        event.event_id, event.response_id, event.item_id, event.output_index, event.content_index, event.delta.encode()
    )
    assert decode_server_event(data) == event


@given(sounds)
def test_an_append_is_written_as_its_event_is(audio: str) -> None:
    assert encode_append(audio.encode()) == encode_event(InputAudioBufferAppend(audio=audio))


HEAD = b'{"type":"input_audio_buffer.append","audio":"'

NOT_SHORT = {
    "cut off": HEAD + SOUND,
    "cut off after the quote": HEAD + SOUND + b'"',
    "something behind it": HEAD + SOUND + b'"}x',
    "not base64": HEAD + b'AA*A"}',
    "a quote in it": HEAD + b'AAAA","audio":"AAAA"}',
    "an escaped quote in it": HEAD + rb'AAAA\"AAA"}',
    "a line break in it": HEAD + b'AAAA\n"}',
    "padding in the middle": HEAD + b'AA==AAAA"}',
    "too much padding": HEAD + b'A==="}',
    "too little": HEAD + b'AAA"}',
    "not ASCII": HEAD + "AAAä".encode() + b'"}',
    "not UTF-8": HEAD + b'AAA\xff"}',
    "too long": HEAD + b"A" * (MAX_APPEND_BYTES + 4) + b'"}',
    "audio is a number": b'{"type":"input_audio_buffer.append","audio":5}',
    "audio is nested": b'{"type":"input_audio_buffer.append","x":{"audio":"AAAA"}}',
    "type is nested": b'{"x":{"type":"input_audio_buffer.append"},"audio":"AAAA"}',
    "type inside a text": rb'{"x":"\"type\":\"input_audio_buffer.append\"","audio":"AAAA"}',
    "another type": b'{"type":"response.cancel","audio":"AAAA","x":"input_audio_buffer.append"}',
    "the last type counts": b'{"type":"input_audio_buffer.append","audio":"AAAA","type":"response.cancel"}',
    "event_id is a number": b'{"event_id":1,"type":"input_audio_buffer.append","audio":"AAAA"}',
    "a list": b'["input_audio_buffer.append"]',
}


@pytest.mark.parametrize("data", NOT_SHORT.values(), ids=NOT_SHORT.keys())
def test_an_append_that_is_not_certain_goes_the_long_way(data: bytes) -> None:
    assert append_payload(data) is None


def test_the_last_audio_counts() -> None:
    data = b'{"audio":"AAAA","type":"input_audio_buffer.append","audio":"BBBB"}'
    assert append_payload(data) == b"BBBB"
    assert decode_client_event(data) == InputAudioBufferAppend(audio="BBBB")


@pytest.mark.parametrize("audio", ["AA*A", "AAA", "AA==AAAA", "AAAä", "AAAA\n"])
def test_the_long_way_refuses_what_is_not_base64(audio: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode_client_event(json.dumps({"type": "input_audio_buffer.append", "audio": audio, "event_id": "e1"}))
    assert (refused.value.code, refused.value.param, refused.value.event_id) == ("invalid_value", "audio", "e1")


def test_the_long_way_refuses_what_is_too_long() -> None:
    with pytest.raises(ProtocolError) as refused:
        decode_client_event(HEAD + b"A" * (MAX_APPEND_BYTES + 4) + b'"}')
    assert refused.value.param == "audio"
