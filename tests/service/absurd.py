"""Events that are well formed, and absurd or out of order: what went before decides about the answer."""

from __future__ import annotations

import base64
from collections.abc import Callable
from random import Random
from typing import Any

from tests.service.bad import Bad, message


def absurd(random: Random) -> Bad:
    return message(random.choice(ABSURD)(random), None)


def _session(**settings: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **settings}}


def _vad(random: Random) -> dict[str, Any]:
    values = [0, -1, 1, 0.5, 10**9, 1e300, None, "much", True]
    names = ["threshold", "silence_duration_ms", "prefix_padding_ms", "idle_timeout_ms", "eagerness", "create_response"]
    detection: dict[str, Any] = {"type": random.choice(["server_vad", "semantic_vad", None, "none"])}
    detection |= {name: random.choice(values) for name in random.sample(names, 2)}
    return _session(audio={"input": {"turn_detection": random.choice([detection, None])}})


def _sound_settings(random: Random) -> dict[str, Any]:
    kinds = ["audio/pcm", "audio/pcmu", "audio/pcma", "audio/opus", None]
    formats = [{"type": random.choice(kinds), "rate": random.choice([24_000, 8_000, 0, -1, None])}, None, {}]
    side = random.choice(["input", "output"])
    return _session(audio={side: {"format": random.choice(formats), "speed": random.choice([0, 0.25, 1.5, 1e9, None])}})


def _many_tools(random: Random) -> dict[str, Any]:
    count = random.choice([0, 1, 200])
    parameters = random.choice([None, {}, {"type": "object"}, {"$ref": "#"}, {"type": 7}])
    return _session(tools=[{"type": "function", "name": f"f{i}", "parameters": parameters} for i in range(count)])


def _other_settings(random: Random) -> dict[str, Any]:
    settings: list[dict[str, Any]] = [
        {"tools": [{"type": "function", "name": "calculate"}, {"type": "function", "name": "calculate"}]},
        {"tools": [{"type": "mcp", "server_label": "voice", "server_url": "https://x.example"}]},
        {"instructions": "x" * random.choice([0, 300_000])},
        {"max_output_tokens": random.choice([0, -1, 1, 4096, 10**12, "inf", None])},
        {"output_modalities": random.choice([[], ["text"], ["audio"], ["text", "audio"], None])},
        {"tool_choice": random.choice(["auto", "none", "required", "whatever", {"type": "mcp"}, None])},
        {"truncation": random.choice(["auto", {"type": "retention_ratio", "retention_ratio": -3}, 7])},
        {"model": "another", "id": "sess_mine", "object": 5, "expires_at": -1},
        {"audio": {"input": {"transcription": {"model": "x", "language": "tlh", "languages": []}}}},
        {"unknown": {"deep": [[[[]]]]}, "temperature": 99},
    ]
    return _session(**random.choice(settings))


WORDS = [
    "",
    "hello",
    "x" * 50_000,
    "\u0000",
    "say that again",
    "talk on",
    "break",
    "use f0 {}",
    'use calculate {"expression": "1 / 0"}',
    "use calculate {",
    "use nobody []",
    "use flip_coin {}",
]


def _item(random: Random) -> dict[str, Any]:
    audio = base64.b64encode(bytes(random.choice([0, 1, 2, 4801, 48_000]))).decode()
    parts = [
        {"type": "input_text", "text": random.choice(WORDS)},
        {"type": "input_audio", "audio": audio},
        {"type": "input_audio", "audio": "!"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
    ]
    content = random.choices(parts, k=random.choice([0, 1, 1, 20]))
    ids = [None, "", "twice", "root", "x" * 5_000]
    made: dict[str, Any] = {"type": "message", "role": "user", "content": content, "status": "in_progress"}
    other: dict[str, Any] = random.choice(
        [
            {"type": "function_call", "name": "f", "arguments": "{", "call_id": "call_x"},
            {"type": "function_call_output", "call_id": "call_x", "output": "x" * 20_000},
            {"type": "mcp_call", "server_label": "voice", "name": "calculate", "arguments": "{}"},
            {"type": "mcp_approval_response", "approval_request_id": "nobody", "approve": True},
            {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "audio": audio}]},
            {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "break"}]},
        ]
    )
    item = {**random.choice([made, made, made, other]), "id": random.choice(ids)}
    where = random.choice([{}, {"previous_item_id": random.choice(["root", "twice", None, ""])}])
    return {"type": "conversation.item.create", "item": item, **where}


def _response(random: Random) -> dict[str, Any]:
    wish = random.choice(
        [
            {},
            {"conversation": "none"},
            {"conversation": "mine"},
            {"tool_choice": {"type": "function", "name": "nobody"}},
            {"tools": [{"type": "mcp", "server_label": "x", "server_url": "https://x.example"}]},
            {"conversation": "none", "input": []},
            {"conversation": "none", "input": [{"type": "item_reference", "id": "not there"}]},
            {"input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "break"}]}]},
            {"max_output_tokens": random.choice([0, 1, -5])},
            {"metadata": {str(number): "x" * 500 for number in range(random.choice([16, 300]))}},
            {"metadata": {"voice.say": "x" * 300}},
            {"output_modalities": ["text"], "instructions": "x" * 50_000},
            {"audio": {"output": {"voice": random.choice(["alloy", "", "x" * 999, {"id": "v"}])}}},
        ]
    )
    return {"type": "response.create", "response": wish}


def _plain(random: Random) -> dict[str, Any]:
    return random.choice(
        [
            {"type": "input_audio_buffer.commit"},
            {"type": "input_audio_buffer.clear"},
            {"type": "response.cancel"},
            {"type": "conversation.item.truncate", "item_id": "twice", "content_index": 2**53, "audio_end_ms": 2**52},
            {"type": "conversation.item.retrieve", "item_id": "twice"},
            {"type": "conversation.item.delete", "item_id": "twice"},
            {"type": "input_audio_buffer.append", "audio": ""},
            {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(random.randrange(3000))).decode()},
            {"type": "input_audio_buffer.append", "audio": base64.b64encode(random.randbytes(4800)).decode()},
        ]
    )


ABSURD: list[Callable[[Random], dict[str, Any]]] = [
    _plain,
    _plain,
    _item,
    _item,
    _response,
    _vad,
    _sound_settings,
    _many_tools,
    _other_settings,
]


def command(random: Random) -> Bad:
    """Something to do that takes a while, breaks, or calls a tool, in the middle of all this."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": random.choice(WORDS)}]}
    first = message({"type": "conversation.item.create", "item": item})
    return Bad(first.wire + message(_response(random)).wire, None)
