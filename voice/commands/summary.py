"""A conversation after it has ended: as a few lines, or as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from voice.commands.conversation import Conversation, News


def figures(conversation: Conversation, files: Mapping[str, Path | None]) -> dict[str, Any]:
    """Everything that was said and done, for a program."""
    news = conversation.news
    waits = [item.values["voice_to_voice_ms"] for item in _of(news, "turn")]
    ended = _of(news, "ended")
    return {
        "ended": ended[-1].text if ended else "",
        "duration_s": round(conversation.now_s, 3),
        "transcript": [
            {"at_s": round(item.at_s, 3), "who": item.kind, "text": item.text}
            for item in news
            if item.kind in ("person", "assistant")
        ],
        "tools": [_timed(item) for item in _of(news, "tool")],
        "turns": [_timed(item) for item in _of(news, "turn")],
        "voice_to_voice_p50_ms": statistics.median(waits) if waits else None,
        "voice_to_voice_max_ms": max(waits, default=None),
        "interruptions": [_timed(item) for item in _of(news, "interrupted")],
        "errors": [_timed(item) for item in _of(news, "error")],
        "files": {name: str(path) for name, path in files.items() if path is not None},
    }


def lines(facts: Mapping[str, Any]) -> list[str]:
    """The same for a person."""
    spoken = sum(1 for line in facts["transcript"] if line["who"] == "person")
    parts = [f"{facts['duration_s']:.1f} s", _count(spoken, "utterance"), _count(len(facts["tools"]), "tool call")]
    if facts["interruptions"]:
        parts.append(_count(len(facts["interruptions"]), "interruption"))
    if facts["voice_to_voice_p50_ms"] is not None:
        parts.append(f"voice to voice {facts['voice_to_voice_p50_ms']:.0f} ms")
        if len(facts["turns"]) > 1:
            parts[-1] += f" (median; slowest {facts['voice_to_voice_max_ms']:.0f} ms)"
    written = [f"{name:9} {path}" for name, path in facts["files"].items()]
    return [" · ".join(parts), *written]


def _of(news: Sequence[News], kind: str) -> list[News]:
    return [item for item in news if item.kind == kind]


def _timed(item: News) -> dict[str, Any]:
    return {"at_s": round(item.at_s, 3), **item.values}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
