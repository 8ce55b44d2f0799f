"""A client that is refused learns which field, and why, in one sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from voice.errors import ProtocolError
from voice.protocol.codec import decode_client_event


def refusal(event: dict[str, Any]) -> ProtocolError:
    with pytest.raises(ProtocolError) as refused:
        decode_client_event(json.dumps({**event, "event_id": "event_7"}))
    assert refused.value.event_id == "event_7"
    assert refused.value.type == "invalid_request_error"
    return refused.value


def nested(path: str, value: Any) -> Any:
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def server_vad(**fields: Any) -> dict[str, Any]:
    return {"audio": {"input": {"turn_detection": {"type": "server_vad", **fields}}}}


MISSING = "missing_required_parameter"
VAD = "audio.input.turn_detection"

SETTINGS: list[tuple[dict[str, Any], str, str]] = [
    (server_vad(threshold=1.5), "invalid_value", f"{VAD}.threshold"),
    (server_vad(threshold=-0.1), "invalid_value", f"{VAD}.threshold"),
    (server_vad(threshold="0.5"), "invalid_type", f"{VAD}.threshold"),
    (server_vad(idle_timeout_ms=4_999), "invalid_value", f"{VAD}.idle_timeout_ms"),
    (server_vad(idle_timeout_ms=30_001), "invalid_value", f"{VAD}.idle_timeout_ms"),
    (server_vad(prefix_padding_ms=-1), "invalid_value", f"{VAD}.prefix_padding_ms"),
    (server_vad(silence_duration_ms=2**60), "invalid_value", f"{VAD}.silence_duration_ms"),
    (server_vad(silence_duration_ms=200.5), "invalid_type", f"{VAD}.silence_duration_ms"),
    (server_vad(silence_duration_ms="200"), "invalid_type", f"{VAD}.silence_duration_ms"),
    (server_vad(create_response="yes"), "invalid_type", f"{VAD}.create_response"),
    (nested("audio.input.turn_detection", {}), MISSING, f"{VAD}.type"),
    (nested("audio.input.turn_detection", {"type": "vad"}), "invalid_value", f"{VAD}.type"),
    (nested("audio.input.turn_detection", "server_vad"), "invalid_type", VAD),
    (
        nested("audio.input.turn_detection", {"type": "semantic_vad", "eagerness": "very"}),
        "invalid_value",
        f"{VAD}.eagerness",
    ),
    (nested("audio.input.format", {"type": "pcm16"}), "invalid_value", "audio.input.format.type"),
    (
        nested("audio.output.format", {"type": "audio/pcm", "rate": 8000}),
        "invalid_value",
        "audio.output.format.rate",
    ),
    (nested("audio.output.speed", 0.2), "invalid_value", "audio.output.speed"),
    (nested("audio.output.speed", 1.6), "invalid_value", "audio.output.speed"),
    (nested("audio.input.noise_reduction.type", "mid"), "invalid_value", "audio.input.noise_reduction.type"),
    (nested("audio.input.transcription.language", 5), "invalid_type", "audio.input.transcription.language"),
    ({"max_output_tokens": 0}, "invalid_value", "max_output_tokens"),
    ({"max_output_tokens": 4097}, "invalid_value", "max_output_tokens"),
    ({"max_output_tokens": "lots"}, "invalid_value", "max_output_tokens"),
    ({"output_modalities": ["audio", "text"]}, "invalid_value", "output_modalities"),
    ({"output_modalities": []}, "invalid_value", "output_modalities"),
    ({"output_modalities": ["video"]}, "invalid_value", "output_modalities[0]"),
    ({"reasoning": {"effort": "none"}}, "invalid_value", "reasoning.effort"),
    (
        {"truncation": {"type": "retention_ratio", "retention_ratio": 1.1}},
        "invalid_value",
        "truncation.retention_ratio",
    ),
    ({"truncation": {"type": "retention_ratio"}}, MISSING, "truncation.retention_ratio"),
    ({"truncation": "never"}, "invalid_value", "truncation"),
    ({"tool_choice": "maybe"}, "invalid_value", "tool_choice"),
    ({"tool_choice": {"type": "function"}}, MISSING, "tool_choice.name"),
    (
        {"tools": [{"type": "function", "name": "f"}, {"name": "g"}]},
        MISSING,
        "tools[1].type",
    ),
    (
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        MISSING,
        "tools[0].name",
    ),
    ({"tools": [{"type": "web_search"}]}, "invalid_value", "tools[0].type"),
    ({"tools": {}}, "invalid_type", "tools"),
    ({"instructions": 5}, "invalid_type", "instructions"),
    ({"include": ["everything"]}, "invalid_value", "include[0]"),
    ({"type": "beta"}, "invalid_value", "type"),
    ({"type": None}, "invalid_value", "type"),
]


@pytest.mark.parametrize(("settings", "code", "param"), SETTINGS)
def test_a_setting_out_of_range_is_named(settings: dict[str, Any], code: str, param: str) -> None:
    error = refusal({"type": "session.update", "session": {"type": "realtime", **settings}})
    assert (error.code, error.param) == (code, f"session.{param}")
    assert f"'session.{param}'" in error.message
    assert "pydantic" not in error.message


ITEM = {"type": "message", "role": "user", "content": []}

OTHERS: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "session.update", "session": {}}, MISSING, "session.type"),
    ({"type": "session.update", "session": 5}, "invalid_type", "session"),
    ({"type": "input_audio_buffer.append"}, MISSING, "audio"),
    ({"type": "input_audio_buffer.append", "audio": None}, "invalid_type", "audio"),
    ({"type": "conversation.item.create"}, MISSING, "item"),
    ({"type": "conversation.item.create", "item": {}}, MISSING, "item.type"),
    ({"type": "conversation.item.create", "item": {"type": "message"}}, MISSING, "item.role"),
    ({"type": "conversation.item.create", "item": {**ITEM, "role": "tool"}}, "invalid_value", "item.role"),
    ({"type": "conversation.item.create", "item": {**ITEM, "status": "done"}}, "invalid_value", "item.status"),
    (
        {"type": "conversation.item.create", "item": {**ITEM, "content": [{"type": "output_text", "text": "x"}]}},
        "invalid_value",
        "item.content[0].type",
    ),
    (
        {"type": "conversation.item.create", "item": {"type": "function_call_output", "output": "x"}},
        MISSING,
        "item.call_id",
    ),
    (
        {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "c", "output": {}}},
        "invalid_type",
        "item.output",
    ),
    ({"type": "conversation.item.create", "item": {"type": "item_reference", "id": "i"}}, "invalid_value", "item.type"),
    (
        {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 20.5},
        "invalid_type",
        "audio_end_ms",
    ),
    (
        {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": -1},
        "invalid_value",
        "audio_end_ms",
    ),
    (
        {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 10**400},
        "invalid_value",
        "audio_end_ms",
    ),
    ({"type": "conversation.item.delete"}, MISSING, "item_id"),
    ({"type": "conversation.item.retrieve", "item_id": 5}, "invalid_type", "item_id"),
    ({"type": "response.cancel", "response_id": 5}, "invalid_type", "response_id"),
]


@pytest.mark.parametrize(("event", "code", "param"), OTHERS)
def test_a_field_that_does_not_fit_is_named(event: dict[str, Any], code: str, param: str) -> None:
    error = refusal(event)
    assert (error.code, error.param) == (code, param)
    assert f"'{param}'" in error.message


RESPONSES: list[tuple[dict[str, Any], str, str]] = [
    ({"metadata": {str(i): "x" for i in range(17)}}, "invalid_value", "metadata"),
    ({"metadata": {"k": "x" * 513}}, "invalid_value", "metadata.k"),
    ({"metadata": {"k" * 65: "x"}}, "invalid_value", "metadata." + "k" * 65),
    ({"metadata": {"k": 5}}, "invalid_type", "metadata.k"),
    ({"input": [{"type": "item_reference"}]}, MISSING, "input[0].id"),
    ({"input": [{"type": "dream"}]}, "invalid_value", "input[0].type"),
]


@pytest.mark.parametrize(("response", "code", "param"), RESPONSES)
def test_a_wish_for_a_response_that_does_not_fit_is_named(response: dict[str, Any], code: str, param: str) -> None:
    error = refusal({"type": "response.create", "response": response})
    assert (error.code, error.param) == (code, f"response.{param}")


def test_the_sentence_says_what_was_expected() -> None:
    vad = {"type": "server_vad", "threshold": 3}
    session = {"type": "realtime", "audio": {"input": {"turn_detection": vad}}}
    assert refusal({"type": "session.update", "session": session}).message == (
        "Invalid value for 'session.audio.input.turn_detection.threshold': must be at most 1."
    )


def test_the_sentence_never_repeats_what_was_said() -> None:
    error = refusal({"type": "conversation.item.create", "item": {**ITEM, "status": "my secret"}})
    assert "secret" not in error.message + str(error.param)


def test_values_at_the_edges_are_taken() -> None:
    session = {
        "type": "realtime",
        **server_vad(threshold=1, idle_timeout_ms=5_000),
        "max_output_tokens": 4096,
        "truncation": {"type": "retention_ratio", "retention_ratio": 0},
    }
    decode_client_event(json.dumps({"type": "session.update", "session": session}))
    decode_client_event(
        json.dumps({"type": "response.create", "response": {"metadata": {"k" * 64: "x" * 512}, "input": []}})
    )
