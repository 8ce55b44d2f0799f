"""The scripted engine's objects: a session's settings as they begin and are changed, a caller's item."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from tests.benchmarks.bridge.voiceover import PCM

SESSION: dict[str, Any] = {
    "type": "realtime",
    "object": "realtime.session",
    "model": "gpt-realtime",
    "output_modalities": ["audio"],
    "instructions": "",
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "truncation": "auto",
    "audio": {
        "input": {
            "format": PCM,
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 500,
                "create_response": True,
                "interrupt_response": True,
            },
        },
        "output": {"format": PCM, "voice": "marin", "speed": 1.0},
    },
}


def merge(settings: dict[str, Any], update: dict[str, Any]) -> None:
    """Nested update in place; a format is replaced whole."""
    for key, value in update.items():
        if isinstance(value, dict) and isinstance(settings.get(key), dict) and key != "format":
            merge(settings[key], value)
        else:
            settings[key] = deepcopy(value)


def user_item(item_id: str) -> dict[str, Any]:
    content = [{"type": "input_audio", "transcript": None}]
    return {
        "id": item_id,
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": content,
    }
